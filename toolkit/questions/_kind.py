"""What all kinds of answer have in common: a schema of their own, an instruction, and how a reply becomes columns."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

from toolkit.errors import InvalidReply
from toolkit.models import Schema
from toolkit.models.repair import mended

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.media import Image

__all__ = ["AGAIN", "ASKS_WHY", "WHY_LENGTH", "Answer", "closed", "short", "whole"]

WHY_LENGTH = 200
"""Characters of a reason; enough for a sentence or two."""
ASKS_WHY = " Say why in one short sentence."
AGAIN = "retry() or a further repeat asks again."
"""What to do about a reply that is no answer."""


class Answer(abc.ABC):
    """A kind of answer. Subclasses write their own stable schema, so that its bytes do not drift with a library."""

    why: bool = False
    """Whether a reason is asked as well."""

    @property
    def options(self) -> tuple[str, ...]:
        """What the respondent chooses among, in declared order; empty where there is nothing to choose."""
        return ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The options' short names, to be shown beside them and taken in replies; empty where options are texts."""
        return ()

    @property
    def pictures(self) -> tuple[tuple[Image, ...], ...]:
        """For each option the images that belong to it, in declared order; empty where there are no options."""
        return tuple(() for _ in self.options)

    @property
    @abc.abstractmethod
    def schema(self) -> Schema:
        """The reply's schema, in declared option order whatever order is shown; made once."""

    @property
    @abc.abstractmethod
    def instruction(self) -> str:
        """Tell the respondent how to answer, in one or two sentences."""

    @abc.abstractmethod
    def read(self, value: Any) -> dict[str, Any]:
        """Return the columns of one answer.

        Raises:
            InvalidReply: The value is no answer to this question; it becomes an invalid row, never a default.
        """

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that ``read`` returns."""
        return ("answer", "why") if self.why else ("answer",)

    @abc.abstractmethod
    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return one of the columns that ``read`` names, in its own dtype; what is missing stays missing."""

    def values(self, column: str) -> str:  # noqa: ARG002  # subclasses look at it
        """Say for the codebook which values a column can hold; empty where any, or where its categories tell."""
        return ""

    def meaning(self, column: str) -> str:
        """Say for the codebook what a column holds beside the question; empty where it is the answer itself."""
        return {"answer": "", "why": "the reason given"}.get(column, column)

    def _reasoned(self, properties: dict[str, Any], name: str) -> Schema:
        if self.why:
            properties = {**properties, "why": {"type": "string", "maxLength": WHY_LENGTH}}
        return Schema(name, closed(properties))

    def _with_why(self, columns: dict[str, Any], value: Any) -> dict[str, Any]:
        """Return the columns, and the reason where one was asked for."""
        if not self.why:
            return columns
        why = value.get("why") if isinstance(value, Mapping) else None
        if not isinstance(why, str):
            raise InvalidReply("the reply gives no reason, though one was asked for", hint="Ask again, or why=False.")
        return {**columns, "why": mended(why).strip()}


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has these keys, all of them, and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def whole(value: Any) -> TypeGuard[int]:
    """Say whether a value is a whole number, which truth values are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def short(value: Any) -> str:
    """Return a value in at most 60 characters, so that a message stays one line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]}…"  # noqa: PLR2004  # the limit the docstring names
