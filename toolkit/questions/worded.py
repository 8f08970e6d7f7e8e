"""Answer types whose options quote a factor: the respondent reads ``3 €``, the frame keeps ``{price} €``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolkit.questions.answer import Answer
from toolkit.questions.option import Option, keys_of, normal
from toolkit.questions.placeholders import fill

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.media import Image
    from toolkit.models import Schema

__all__ = ["Worded", "texts_of", "worded"]

_KEY_WORDS = ("option", "row")
"""What answer types call an option in a schema where its label has no letters."""


class Worded(Answer):
    """An answer as one condition words it, read back in the words it was declared in.

    Args:
        declared: The answer type as it was given.
        shown: The same with its places filled in.

    Example:
        >>> shown = worded(Choice(["buy at {price} €", "leave it"]), {"price": 3})
        >>> shown.options, shown.read({"choice": "buy at 3 €"})
        (('buy at 3 €', 'leave it'), {'answer': 'buy at {price} €'})
    """

    def __init__(self, declared: Answer, shown: Answer) -> None:
        self.declared = declared
        self.shown = shown
        self.why = declared.why
        before, after = texts_of(declared), texts_of(shown)
        self._back = {normal(new): old for old, new in zip(before, after, strict=True) if old != new}
        self._keys = {
            new: old
            for word in _KEY_WORDS
            for old, new in zip(keys_of(declared.options, word), keys_of(shown.options, word), strict=True)
        }

    @property
    def options(self) -> tuple[str, ...]:
        """The options as they are shown."""
        return self.shown.options

    @property
    def ids(self) -> tuple[str, ...]:
        """The options' short names."""
        return self.shown.ids

    @property
    def pictures(self) -> tuple[tuple[Image, ...], ...]:
        """For each option the images that belong to it."""
        return self.shown.pictures

    @property
    def schema(self) -> Schema:
        """The schema with the options as they are shown."""
        return self.shown.schema

    @property
    def instruction(self) -> str:
        """How to answer."""
        return self.shown.instruction

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the answer as it was declared, so that they are the same in all conditions."""
        return self.declared.columns

    def read(self, value: Any) -> dict[str, Any]:
        """Return the columns of one answer, in the declared words."""
        self.shown.read(value)  # refuses what is no answer, in the words that were shown
        return self.declared.read(self._declared(value))

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return a column in its own dtype."""
        return self.declared.typed(column)

    def _declared(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._back.get(normal(value), value)
        if isinstance(value, list):
            return [self._declared(one) for one in value]
        if isinstance(value, Mapping):
            return {self._keys.get(name, self._declared(name)): self._declared(one) for name, one in value.items()}
        return value


def worded(answer: Answer, values: Mapping[str, object]) -> Answer:
    """Return an answer type with the places in its texts filled in; itself where there are none."""
    shown = _filled(answer, values)
    return answer if texts_of(shown) == texts_of(answer) else Worded(answer, shown)


def texts_of(answer: Any) -> list[str]:
    """Return the texts of an answer type that a respondent reads, in order.

    Example:
        >>> texts_of(Scale(1, 5, labels=("not for {price}", "gladly")))
        ['not for {price}', 'gladly']
    """
    if isinstance(answer, str):
        return [answer]
    if isinstance(answer, Option):
        return [answer.label]
    if isinstance(answer, (list, tuple)):
        return [text for one in answer for text in texts_of(one)]
    return [text for name in _fields(answer) for text in texts_of(getattr(answer, name))]


def _filled(value: Any, values: Mapping[str, object]) -> Any:
    if isinstance(value, str):
        return fill(value, values)
    if isinstance(value, Option):
        return dataclasses.replace(value, label=fill(value.label, values))
    if isinstance(value, (list, tuple)):
        return tuple(_filled(one, values) for one in value)
    changes = {name: _filled(getattr(value, name), values) for name in _fields(value)}
    return dataclasses.replace(value, **changes) if changes else value


def _fields(value: Any) -> list[str]:
    """Return the fields of an answer type that is a record; pydantic's models are none."""
    known = getattr(value, "__dataclass_fields__", {}) if isinstance(value, Answer) else {}
    return list(known)
