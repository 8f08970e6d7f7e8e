"""Free text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput, InvalidReply
from toolkit.models.repair import mended
from toolkit.questions._kind import AGAIN, ASKS_WHY, Answer, whole

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.models import Schema

__all__ = ["Text"]


@dataclass(frozen=True)
class Text(Answer):
    """Free text.

    Args:
        max_characters: Longest answer; a longer one is invalid, never cut.
        why: Ask for a reason in a sentence as well.

    Raises:
        InvalidInput: The length is no whole number above 0.

    Example:
        >>> Text().read({"answer": " I like it. "})
        {'answer': 'I like it.'}
    """

    max_characters: int = 600
    why: bool = False

    def __post_init__(self) -> None:
        if not whole(self.max_characters) or self.max_characters < 1:
            raise InvalidInput(
                f"Text(max_characters={self.max_characters!r}) allows no text", hint="Give a whole number from 1."
            )

    @cached_property
    def schema(self) -> Schema:
        """``{"answer": text}``, and ``why``."""
        return self._reasoned({"answer": {"type": "string", "maxLength": self.max_characters}}, "text")

    @property
    def instruction(self) -> str:
        """Tell how to answer."""
        return "Answer in your own words, in one to three sentences." + (ASKS_WHY if self.why else "")

    def read(self, value: Any) -> dict[str, Any]:
        """Return the text; half a surrogate pair, which nothing can store, becomes U+FFFD."""
        given = value.get("answer") if isinstance(value, Mapping) else None
        if not isinstance(given, str) or not given.strip():
            raise InvalidReply("the reply holds no text", hint=AGAIN)
        text: str = mended(given)
        if len(text) > self.max_characters:
            raise InvalidReply(
                f"the reply has {len(text):,} characters where {self.max_characters:,} are allowed",
                hint="Raise max_characters.",
            )
        return self._with_why({"answer": text.strip()}, value)

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return text."""
        return column.astype("str")
