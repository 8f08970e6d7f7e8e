"""Ranking options, all of them or the best few, with ties or without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput, InvalidReply
from toolkit.questions._kind import AGAIN, ASKS_WHY, short, whole
from toolkit.questions._listed import Listed, distinct
from toolkit.questions.borda import ranks
from toolkit.questions.option import Option, to_options

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.models import Schema

__all__ = ["ABOVE", "LEVEL", "Ranking", "rank_column"]

ABOVE = " > "
"""Stands between options of different rank in a frame's column ``answer``."""
LEVEL = " = "
"""Stands between options that tie."""


@dataclass(frozen=True)
class Ranking(Listed):
    """The options from best to worst.

    In frames ``answer`` holds the labels joined by ``" > "``, and by ``" = "`` where they tie; ``rank_<label>`` holds
    each option's rank from 1, the mean of their places for those that tie, missing for those not among the ``top``.

    Args:
        choices: At least two different labels, texts, numbers or ``Option``.
        ties: Options may share a rank.
        top: Rank only so many, the best ones; all when not given.
        why: Ask for a reason in a sentence as well.

    Raises:
        InvalidInput: What ``Choice`` refuses, a label that holds ``" > "`` or ``" = "``, or a ``top`` that is no whole
            number from 1 to the number of options.

    Example:
        >>> Ranking(["tea", "rum"]).read({"ranking": ["rum", "tea"]})
        {'answer': 'rum > tea', 'rank_tea': 2, 'rank_rum': 1}
        >>> Ranking(["tea", "rum", "milk"], ties=True).read({"ranking": [["rum", "tea"], ["milk"]]})["rank_tea"]
        1.5
        >>> Ranking(["tea", "rum"], top=3)
        Traceback (most recent call last):
        toolkit.errors.InvalidInput: Ranking(top=3) of 2 options cannot be. Give a whole number from 1 to 2.
    """

    choices: Sequence[str | Option]
    ties: bool = False
    top: int | None = None
    why: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", to_options("Ranking", self.choices, reserved=(ABOVE, LEVEL)))
        n = len(self.choices)
        if self.top is not None and (not whole(self.top) or not 1 <= self.top <= n):
            raise InvalidInput(
                f"Ranking(top={self.top!r}) of {n} options cannot be", hint=f"Give a whole number from 1 to {n}."
            )

    @property
    def ranked(self) -> int:
        """How many options an answer ranks."""
        return self.top or len(self.choices)

    @cached_property
    def schema(self) -> Schema:
        """``{"ranking": [label, …]}``, lists of lists where options may tie, and ``why``."""
        label = {"type": "string", "enum": list(self.options)}
        listed = {"type": "array", "items": label, "minItems": self.ranked, "maxItems": self.ranked}
        if self.ties:
            group = {**listed, "minItems": 1}
            listed = {"type": "array", "items": group, "minItems": 1, "maxItems": self.ranked}
        return self._reasoned({"ranking": listed}, "ranking")

    @property
    def instruction(self) -> str:
        """Tell how to rank."""
        what = "all the options" if self.ranked == len(self.choices) else f"the {self.ranked} best of the options"
        ties = " Give a list of groups, best group first; options that are equally good share a group."
        once = f"Rank {what}, best first, each exactly once."
        return f"{once}{ties if self.ties else ''}{ASKS_WHY if self.why else ''}"

    def read(self, value: Any) -> dict[str, Any]:
        """Return the ranking as text, and each option's rank."""
        groups = self._groups(value.get("ranking") if isinstance(value, Mapping) else None)
        found = [label for group in groups for label in group]
        distinct(found, "ranks")
        if len(found) != self.ranked:
            raise InvalidReply(
                f"the reply ranks {len(found)} of the {len(self.choices)} options where {self.ranked} were asked for",
                hint=AGAIN,
            )
        places = ranks(groups, self.options)
        columns: dict[str, Any] = {"answer": ABOVE.join(LEVEL.join(group) for group in groups)}
        for label, rank in places.items():
            columns[rank_column(label)] = rank if self.ties or rank is None else int(rank)
        return self._with_why(columns, value)

    @property
    def columns(self) -> tuple[str, ...]:
        """The ranking, one rank an option, and ``why``."""
        return ("answer", *map(rank_column, self.options), *(("why",) if self.why else ()))

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return ranks as numbers, whole ones where options cannot tie, and all else as text."""
        if column.name in {"answer", "why"}:
            return column.astype("str")
        return column.astype("Float64" if self.ties else "Int64")

    def values(self, column: str) -> str:
        """Say how a ranking is written, and where ranks end."""
        if column == "answer":
            return f"labels, best first, joined by {ABOVE!r}" + (f" and {LEVEL!r}" if self.ties else "")
        return "" if column == "why" else f"1 (best) to {self.ranked}"

    def meaning(self, column: str) -> str:
        """Say whose rank it is."""
        labels = {rank_column(label): f"rank of {label!r}" for label in self.options}
        return labels.get(column) or super().meaning(column)

    def _groups(self, said: Any) -> list[list[str]]:
        """Return the reply's labels by rank; one a rank where options cannot tie."""
        if not isinstance(said, list):
            raise InvalidReply(f"the reply holds {short(said)} where a ranking was asked for", hint=AGAIN)
        if not self.ties:
            return [[self._option(one, "ranks")] for one in said]
        if not all(isinstance(group, list) and group for group in said):
            raise InvalidReply("the reply holds no list of groups, though options may tie", hint=AGAIN)
        return [[self._option(one, "ranks") for one in group] for group in said]


def rank_column(label: str) -> str:
    """Return the column that holds an option's rank.

    Example:
        >>> rank_column("tea")
        'rank_tea'
    """
    return f"rank_{label}"
