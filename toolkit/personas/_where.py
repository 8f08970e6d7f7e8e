"""Filters on a population: closed ranges on numbers, levels on categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import Attribute, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["matches", "told"]


def matches(frame: pd.DataFrame, attributes: Mapping[str, Attribute], filters: Mapping[str, Any]) -> pd.Series[bool]:
    """Return which rows satisfy every filter.

    Raises:
        InvalidInput: An attribute or level that is not there, or a range that is none.
    """
    import pandas as pd

    keep = pd.Series(data=True, index=frame.index)
    for name, wanted in filters.items():
        attribute = attributes.get(name)
        if attribute is None:
            raise InvalidInput(
                f"the population has no attribute {name!r}",
                hint=f"Attributes are {', '.join(attributes)}{nearest(name, attributes)}.",
            )
        if attribute.drawn:
            raise InvalidInput(
                f"{name} is drawn for each person, so no row of the population has it",
                hint=f"Filter the panel: panel.filter(lambda one: one.attributes[{name!r}] > 3).",
            )
        column = frame[name]
        keep &= (
            _number(column, attribute, wanted) if attribute.kind == "number" else _category(column, attribute, wanted)
        )
    return keep


def told(filters: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the filters in words, for reprs and error messages."""
    return tuple(f"{name}={value!r}" for name, value in filters.items())


def _category(column: pd.Series[Any], attribute: Attribute, wanted: Any) -> pd.Series[bool]:
    levels = [wanted] if isinstance(wanted, str) or wanted is None else list(wanted)
    levels = [attribute.missing if level is None else level for level in levels]
    for level in levels:
        if level not in attribute.all_levels:
            raise InvalidInput(
                f"{attribute.name} has no level {level!r}",
                hint=f"Levels are {', '.join(map(repr, attribute.all_levels))}{nearest(level, attribute.all_levels)}.",
            )
    return column.isin(levels)


def _number(column: pd.Series[Any], attribute: Attribute, wanted: Any) -> pd.Series[bool]:
    if wanted is None or wanted == attribute.missing:
        return column.isna()
    if isinstance(wanted, tuple):
        return _between(column, attribute, wanted)
    values = list(wanted) if isinstance(wanted, list | set | frozenset | range) else [wanted]
    for value in values:
        _require_number(attribute, value)
    return column.isin(values)


def _between(column: pd.Series[Any], attribute: Attribute, wanted: tuple[Any, ...]) -> pd.Series[bool]:
    if len(wanted) != 2:  # noqa: PLR2004  # a range has two ends
        raise InvalidInput(f"{attribute.name} was given {wanted!r}", hint="Give a closed range (low, high), or a list.")
    low, high = wanted
    for end in (low, high):
        if end is not None:
            _require_number(attribute, end)
    if low is not None and high is not None and low > high:
        raise InvalidInput(
            f"{attribute.name} was given {wanted!r}, whose low end is above its high end", hint="Swap them."
        )
    keep = column.notna()
    if low is not None:
        keep &= column >= low
    if high is not None:
        keep &= column <= high
    return keep


def _require_number(attribute: Attribute, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        near = nearest(value, attribute.all_levels)
        raise InvalidInput(
            f"{attribute.name} is a number and was given {value!r}",
            hint=f"Give a number, a closed range (low, high), or a list of numbers{near}.",
        )
