"""Numbers: a point on a rating scale, or an amount."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput, InvalidReply
from toolkit.questions._kind import AGAIN, ASKS_WHY, Answer, short, whole

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.models import Schema

__all__ = ["Number", "Scale"]

_LONGEST_SCALE = 101
_LARGEST = 2**53
"""Whole numbers beyond are not all numbers of 64 bits."""
_LONGEST_UNIT = 60


@dataclass(frozen=True)
class Scale(Answer):
    """A whole number on a rating scale.

    Args:
        low: Lowest number, for example 1.
        high: Highest number, for example 5.
        labels: What the two ends mean, for example ``("not at all", "very much")``.
        why: Ask for a reason in a sentence as well.

    Raises:
        InvalidInput: The ends are no whole numbers, the scale has fewer than two points or more than 101, or the
            labels are not two texts.

    Example:
        >>> Scale(1, 7, labels=("dislike", "like")).read({"score": 6})
        {'answer': 6}
    """

    low: int = 1
    high: int = 5
    labels: tuple[str, str] | None = None
    why: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            if not whole(getattr(self, name)):
                raise InvalidInput(
                    f"Scale({self.low!r}, {self.high!r}): {name} is no whole number", hint="Give Scale(1, 7), say."
                )
        if not 2 <= self.high - self.low + 1 <= _LONGEST_SCALE:  # noqa: PLR2004  # a scale of one point says nothing
            raise InvalidInput(
                f"Scale({self.low}, {self.high}) has {max(0, self.high - self.low + 1)} points",
                hint=f"Give 2 to {_LONGEST_SCALE} points, for example Scale(1, 7).",
            )
        if self.labels is not None:
            object.__setattr__(self, "labels", _ends(self.labels))

    @property
    def point(self) -> dict[str, Any]:
        """The schema of one number on the scale."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    @property
    def points(self) -> str:
        """The scale in words: from where to where, and what the ends mean."""
        ends = f" ({self.low} = {self.labels[0]}, {self.high} = {self.labels[1]})" if self.labels else ""
        return f"from {self.low} to {self.high}{ends}"

    @cached_property
    def schema(self) -> Schema:
        """``{"score": whole number}``, and ``why``."""
        return self._reasoned({"score": self.point}, "scale")

    @property
    def instruction(self) -> str:
        """Tell how to rate."""
        return f"Answer with a whole number {self.points}.{ASKS_WHY if self.why else ''}"

    def read(self, value: Any) -> dict[str, Any]:
        """Return the number."""
        score = value.get("score") if isinstance(value, Mapping) else None
        return self._with_why({"answer": self.rated(score)}, value)

    def rated(self, score: Any) -> int:
        """Return a number that was said as a point of the scale.

        Raises:
            InvalidReply: It is none.
        """
        if isinstance(score, float) and score.is_integer():
            score = int(score)  # 4.0 is a whole number in JSON
        if not whole(score) or not self.low <= score <= self.high:
            raise InvalidReply(
                f"the reply rates {short(score)}, which is not on the scale {self.low} to {self.high}", hint=AGAIN
            )
        return score

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return whole numbers, with missing ones as ``<NA>``, and reasons as text."""
        return column.astype("str" if column.name == "why" else "Int64")

    def values(self, column: str) -> str:
        """Say where the scale ends."""
        return f"{self.low} to {self.high}" if column == "answer" else ""


@dataclass(frozen=True)
class Number(Answer):
    """An amount: a price, a duration, a count, a probability.

    Args:
        low: The least that can be said; nothing bounds it when not given.
        high: The most that can be said.
        unit: What is counted, for example ``"euros"`` or ``"minutes a day"``.
        whole: Only whole numbers.
        why: Ask for a reason in a sentence as well.

    Raises:
        InvalidInput: Bounds that are no numbers, or between which there are not two numbers; a unit that is no text.

    Example:
        >>> Number(0, 100, unit="euros").read({"number": 12.5})
        {'answer': 12.5}
        >>> Number(5, 5)
        Traceback (most recent call last):
        toolkit.errors.InvalidInput: Number(5, 5) leaves nothing to say. Let high be above low.
    """

    low: float | None = None
    high: float | None = None
    unit: str = ""
    whole: bool = False
    why: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, self._bound(name))
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise InvalidInput(f"Number({self.low}, {self.high}) leaves nothing to say", hint="Let high be above low.")
        if not isinstance(self.unit, str) or len(self.unit) > _LONGEST_UNIT:
            raise InvalidInput(f"the unit of Number is {short(self.unit)}", hint='Give a short text: unit="euros".')
        object.__setattr__(self, "unit", " ".join(self.unit.split()))

    @cached_property
    def schema(self) -> Schema:
        """``{"number": number}``, and ``why``."""
        number: dict[str, Any] = {"type": "integer" if self.whole else "number"}
        if self.low is not None:
            number["minimum"] = self.low
        if self.high is not None:
            number["maximum"] = self.high
        return self._reasoned({"number": number}, "number")

    @property
    def instruction(self) -> str:
        """Tell what to name."""
        asks = ASKS_WHY if self.why else ""
        what = "a whole number" if self.whole else "a number"
        reach = f" {self._reach}" if self._reach else ""
        return f"Answer with {what}{reach}{f', in {self.unit}' if self.unit else ''}.{asks}"

    def read(self, value: Any) -> dict[str, Any]:
        """Return the number."""
        said = value.get("number") if isinstance(value, Mapping) else None
        return self._with_why({"answer": self._amount(said)}, value)

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return numbers, whole ones with ``<NA>`` where they are missing, and reasons as text."""
        return column.astype("str" if column.name == "why" else "Int64" if self.whole else "float64")

    def values(self, column: str) -> str:
        """Say the bounds and the unit."""
        return ", ".join(part for part in (self._reach, self.unit) if part) if column == "answer" else ""

    @property
    def _reach(self) -> str:
        if self.low is not None and self.high is not None:
            return f"from {_plain(self.low)} to {_plain(self.high)}"
        if self.low is not None:
            return f"of at least {_plain(self.low)}"
        return f"of at most {_plain(self.high)}" if self.high is not None else ""

    def _bound(self, name: str) -> float | None:
        """Return a bound as JSON has it: whole where it is whole."""
        given = size = getattr(self, name)
        if given is None:
            return None
        if isinstance(given, bool) or not isinstance(given, Real):
            raise InvalidInput(f"{name}={short(given)} of Number is no number", hint="Give Number(0, 100), say.")
        if not -_LARGEST <= size <= _LARGEST:  # also where it is NaN
            raise InvalidInput(f"{name}={short(given)} of Number is too large", hint="Use a larger unit.")
        bound = float(given)
        if bound.is_integer():
            return int(bound)
        if self.whole:
            raise InvalidInput(f"{name}={short(given)} of a whole Number is not whole", hint="Give a whole bound.")
        return bound

    def _amount(self, said: Any) -> float:
        if isinstance(said, bool) or not isinstance(said, (int, float)) or not abs(said) <= _LARGEST:
            raise InvalidReply(f"the reply holds {short(said)} where a number was asked for", hint=AGAIN)
        if self.whole and not float(said).is_integer():
            raise InvalidReply(f"the reply says {said}, which is no whole number", hint=AGAIN)
        low, high = (-math.inf if self.low is None else self.low), (math.inf if self.high is None else self.high)
        if not low <= said <= high:
            raise InvalidReply(f"the reply says {short(said)}, which is not {self._reach}", hint=AGAIN)
        return int(said) if self.whole else float(said)


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:,}" if isinstance(number, int) else f"{number:g}"


def _ends(labels: Any) -> tuple[str, str]:
    """Return what the two ends of a scale mean, or say what is wrong with it."""
    ends = tuple(labels) if isinstance(labels, Sequence) and not isinstance(labels, (str, bytes)) else ()
    if len(ends) != 2 or not all(isinstance(end, str) and end.strip() for end in ends):  # noqa: PLR2004  # two ends
        raise InvalidInput(
            f"the labels of a Scale are {short(labels)}", hint='Give two texts: labels=("not at all", "very much").'
        )
    return " ".join(ends[0].split()), " ".join(ends[1].split())
