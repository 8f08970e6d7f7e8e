"""Sharing out points among options: how much more, not only which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput, InvalidReply
from toolkit.questions._kind import AGAIN, ASKS_WHY, short, whole
from toolkit.questions._listed import Listed
from toolkit.questions._parts import each, schema_of_each
from toolkit.questions.option import Option, keys_of, to_options

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.models import Schema

__all__ = ["Allocation", "points_column"]

_LARGEST_TOTAL = 1_000_000


@dataclass(frozen=True)
class Allocation(Listed):
    """Points shared out among the options, all of them.

    In frames there is one column an option, ``points_<label>``. Points that do not sum to the total are an invalid
    answer: they are never scaled to fit.

    Args:
        choices: At least two different labels, texts, numbers or ``Option``.
        total: How many points there are.
        why: Ask for a reason in a sentence as well.

    Raises:
        InvalidInput: What ``Choice`` refuses, or a total that is no whole number from 1 to 1,000,000.

    Example:
        >>> Allocation(["price", "look"], total=10).read({"points": {"price": 7, "look": 3}})
        {'points_price': 7, 'points_look': 3}
        >>> Allocation(["price", "look"], total=0)
        Traceback (most recent call last):
        toolkit.errors.InvalidInput: Allocation(total=0) leaves nothing to share out. Give a whole number from 1 ...
    """

    choices: Sequence[str | Option]
    total: int = 100
    why: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", to_options("Allocation", self.choices))
        if not whole(self.total) or not 1 <= self.total <= _LARGEST_TOTAL:
            raise InvalidInput(
                f"Allocation(total={self.total!r}) leaves nothing to share out",
                hint=f"Give a whole number from 1 to {_LARGEST_TOTAL:,}.",
            )

    @cached_property
    def schema(self) -> Schema:
        """``{"points": {key: whole number, …}}`` with a key made of each label, and ``why``."""
        points = schema_of_each(self._keys, self.options, {"type": "integer", "minimum": 0, "maximum": self.total})
        told = f"whole points that sum to {self.total}"  # JSON schemas have no word for a sum
        return self._reasoned({"points": {**points, "description": told}}, "allocation")

    @property
    def instruction(self) -> str:
        """Tell how to share out."""
        asks = ASKS_WHY if self.why else ""
        return (
            f"Share out {self.total:,} points among the options: a whole number for each, 0 as well, so that together "
            f"they are exactly {self.total:,}.{asks}"
        )

    def read(self, value: Any) -> dict[str, Any]:
        """Return the points of each option."""
        said = value.get("points") if isinstance(value, Mapping) else None
        points = {label: self._points(label, one) for label, one in self._each(said).items()}
        if sum(points.values()) != self.total:
            raise InvalidReply(
                f"the reply shares out {sum(points.values()):,} points where {self.total:,} were asked for", hint=AGAIN
            )
        return self._with_why({points_column(label): one for label, one in points.items()}, value)

    @property
    def columns(self) -> tuple[str, ...]:
        """One column an option, and ``why``."""
        return (*map(points_column, self.options), *(("why",) if self.why else ()))

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return whole numbers, with missing ones as ``<NA>``, and reasons as text."""
        return column.astype("str" if column.name == "why" else "Int64")

    def values(self, column: str) -> str:
        """Say how many points there are."""
        return "" if column == "why" else f"0 to {self.total}"

    def meaning(self, column: str) -> str:
        """Say which option got the points."""
        labels = {points_column(label): f"points for {label!r}" for label in self.options}
        return labels.get(column) or super().meaning(column)

    @cached_property
    def _keys(self) -> tuple[str, ...]:
        return keys_of(self.options, "option")

    def _each(self, said: Any) -> dict[str, Any]:
        return each(said, self._keys, self.options, self._found)

    def _points(self, label: str, said: Any) -> int:
        if isinstance(said, float) and said.is_integer():
            said = int(said)  # 4.0 is a whole number in JSON
        if not whole(said) or not 0 <= said <= self.total:
            raise InvalidReply(
                f"the reply gives {short(label)} {short(said)}, which is no whole number from 0 to {self.total:,}",
                hint=AGAIN,
            )
        return said


def points_column(label: str) -> str:
    """Return the column that holds an option's points.

    Example:
        >>> points_column("price")
        'points_price'
    """
    return f"points_{label}"
