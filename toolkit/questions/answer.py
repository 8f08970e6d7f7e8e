"""Answer types: what a respondent may say, the schema that holds a model to it, and how it is read back."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeGuard

from toolkit.errors import InvalidInput, InvalidReply
from toolkit.models import Schema

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Answer", "Choice", "Scale", "Text"]

WHY_LENGTH = 200
"""Characters of a reason; enough for a sentence or two."""
BETWEEN = " | "
"""Stands between the options in a frame's column ``shown``."""
_LONGEST_SCALE = 101


class Answer(abc.ABC):
    """A kind of answer. Subclasses write their own stable schema, so that its bytes do not drift with a library."""

    why: bool = False
    """Whether a reason is asked as well."""

    @property
    def options(self) -> tuple[str, ...]:
        """What the respondent chooses among, in declared order; empty where there is nothing to choose."""
        return ()

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

    def _reasoned(self, properties: dict[str, Any], name: str) -> Schema:
        if self.why:
            properties = {**properties, "why": {"type": "string", "maxLength": WHY_LENGTH}}
        body = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        return Schema(name, body)

    def _with_why(self, answer: Any, value: Mapping[str, Any]) -> dict[str, Any]:
        if not self.why:
            return {"answer": answer}
        why = value.get("why")
        if not isinstance(why, str):
            raise InvalidReply("the reply gives no reason, though one was asked for", hint="Ask again, or why=False.")
        return {"answer": answer, "why": why.strip()}


@dataclass(frozen=True)
class Choice(Answer):
    """One of several options.

    Args:
        choices: At least two different labels, texts or numbers, in the order in which frames and plots list them.
        why: Ask for a reason in a sentence as well.

    Raises:
        InvalidInput: Not a list, fewer than two options, an empty one, one given twice (case does not matter), or one
            that holds ``" | "``, which stands between options in frames.

    Example:
        >>> Choice(["plain", "bold"]).read({"choice": "bold"})
        {'answer': 'bold'}
    """

    choices: Sequence[str]
    why: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", _labels(self.choices))

    @property
    def options(self) -> tuple[str, ...]:
        """The labels, in declared order."""
        return tuple(self.choices)

    @cached_property
    def schema(self) -> Schema:
        """``{"choice": label}``, and ``why``."""
        return self._reasoned({"choice": {"type": "string", "enum": list(self.choices)}}, "choice")

    @property
    def instruction(self) -> str:
        """Tell how to choose."""
        return "Choose exactly one of the options." + (" Say why in one short sentence." if self.why else "")

    def read(self, value: Any) -> dict[str, Any]:
        """Return the chosen label; case and outer spaces do not matter."""
        chosen = value.get("choice") if isinstance(value, Mapping) else None
        for label in self.choices:
            if isinstance(chosen, str) and chosen.strip().casefold() == label.casefold():
                return self._with_why(label, value)
        raise InvalidReply(
            f"the reply chooses {_short(chosen)}, which is none of the {len(self.choices)} options",
            hint="retry() or a further repeat asks again.",
        )

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return the answers as an ordered categorical in declared order, reasons as text."""
        import pandas as pd

        if column.name == "why":
            return column.astype("str")
        return column.astype(pd.CategoricalDtype(list(self.choices), ordered=True))


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
            if not _whole(getattr(self, name)):
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

    @cached_property
    def schema(self) -> Schema:
        """``{"score": whole number}``, and ``why``."""
        return self._reasoned({"score": {"type": "integer", "minimum": self.low, "maximum": self.high}}, "scale")

    @property
    def instruction(self) -> str:
        """Tell how to rate."""
        ends = f" ({self.low} = {self.labels[0]}, {self.high} = {self.labels[1]})" if self.labels else ""
        asks = " Say why in one short sentence." if self.why else ""
        return f"Answer with a whole number from {self.low} to {self.high}{ends}.{asks}"

    def read(self, value: Any) -> dict[str, Any]:
        """Return the number."""
        score = value.get("score") if isinstance(value, Mapping) else None
        if isinstance(score, float) and score.is_integer():
            score = int(score)  # 4.0 is a whole number in JSON
        if not _whole(score) or not self.low <= score <= self.high:
            raise InvalidReply(
                f"the reply rates {_short(score)}, which is not on the scale {self.low} to {self.high}",
                hint="retry() or a further repeat asks again.",
            )
        return self._with_why(score, value)

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return whole numbers, with missing ones as ``<NA>``, and reasons as text."""
        return column.astype("str" if column.name == "why" else "Int64")


@dataclass(frozen=True)
class Text(Answer):
    """Free text.

    Args:
        max_characters: Longest answer; a longer one is invalid, never cut.

    Raises:
        InvalidInput: The length is no whole number above 0.

    Example:
        >>> Text().read({"answer": " I like it. "})
        {'answer': 'I like it.'}
    """

    max_characters: int = 600

    def __post_init__(self) -> None:
        if not _whole(self.max_characters) or self.max_characters < 1:
            raise InvalidInput(
                f"Text(max_characters={self.max_characters!r}) allows no text", hint="Give a whole number from 1."
            )

    @cached_property
    def schema(self) -> Schema:
        """``{"answer": text}``."""
        return self._reasoned({"answer": {"type": "string", "maxLength": self.max_characters}}, "text")

    @property
    def instruction(self) -> str:
        """Tell how to answer."""
        return "Answer in your own words, in one to three sentences."

    def read(self, value: Any) -> dict[str, Any]:
        """Return the text."""
        text = value.get("answer") if isinstance(value, Mapping) else None
        if not isinstance(text, str) or not text.strip():
            raise InvalidReply("the reply holds no text", hint="retry() or a further repeat asks again.")
        if len(text) > self.max_characters:
            raise InvalidReply(
                f"the reply has {len(text):,} characters where {self.max_characters:,} are allowed",
                hint="Raise max_characters.",
            )
        return {"answer": text.strip()}

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return text."""
        return column.astype("str")


def _labels(choices: Any) -> tuple[str, ...]:
    """Return the options of a choice, each on one line, or say what is wrong with them."""
    if isinstance(choices, (str, bytes, AbstractSet, Mapping)) or not isinstance(choices, Iterable):
        raise InvalidInput(
            f"Choice was given {_short(choices)}, not a list of options", hint='Give a list: Choice(["yes", "no"]).'
        )
    labels: list[str] = []
    given: Any
    for place, given in enumerate(choices, start=1):
        if isinstance(given, bool) or not isinstance(given, (str, Real)):
            raise InvalidInput(f"option {place} of Choice is {_short(given)}", hint="Give texts or numbers.")
        label = " ".join(str(given).split())
        if not label:
            raise InvalidInput(f"option {place} of Choice is empty", hint="Give each option a label.")
        if BETWEEN in label:
            raise InvalidInput(f"option {place} of Choice holds {BETWEEN!r}: {_short(label)}", hint="Use another mark.")
        if label.casefold() in {other.casefold() for other in labels}:
            raise InvalidInput(f"Choice has the option {_short(label)} twice", hint="Give each option once.")
        labels.append(label)
    if len(labels) < 2:  # noqa: PLR2004  # a choice needs two
        raise InvalidInput(f"Choice has {len(labels)} option(s): {_short(labels)}", hint="Give at least two.")
    return tuple(labels)


def _ends(labels: Any) -> tuple[str, str]:
    """Return what the two ends of a scale mean, or say what is wrong with it."""
    ends = tuple(labels) if isinstance(labels, Sequence) and not isinstance(labels, (str, bytes)) else ()
    if len(ends) != 2 or not all(isinstance(end, str) and end.strip() for end in ends):  # noqa: PLR2004  # two ends
        raise InvalidInput(
            f"the labels of a Scale are {_short(labels)}", hint='Give two texts: labels=("not at all", "very much").'
        )
    return " ".join(ends[0].split()), " ".join(ends[1].split())


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _short(value: Any) -> str:
    """Return a value in at most 60 characters, so that a message stays one line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]}…"  # noqa: PLR2004  # the limit the docstring names
