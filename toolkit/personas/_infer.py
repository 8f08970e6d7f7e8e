"""Attributes inferred from the columns of a researcher's own frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.personas._table import declared, level_text
from toolkit.personas.attribute import Attribute, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["infer"]

MAX_BANDS = 6  # of an inferred number: about what a reader takes in at a glance
FEW_VALUES = 12  # a number with no more distinct values than this is read as categories
MAX_LEVELS = 60  # more levels than the fifty states and territories are ids or free text, not an attribute


def infer(
    frame: pd.DataFrame, leave_out: Iterable[str], given: Mapping[str, Mapping[str, Any] | Attribute] | None
) -> tuple[Attribute, ...]:
    """Return an attribute for each column; what is ``given`` is taken as it stands.

    Raises:
        InvalidInput: A given attribute without a column, or a column that is neither categories nor numbers.
    """
    given = dict(given or {})
    columns = [str(name) for name in frame.columns if name not in set(leave_out)]
    for name in given:
        if name not in columns:
            raise InvalidInput(f"the frame has no column {name!r}", hint=f"Check attributes={nearest(name, columns)}.")
    return declared({name: given.get(name) or _inferred(name, frame[name]) for name in columns}, {})


def _inferred(name: str, column: pd.Series[Any]) -> Mapping[str, Any]:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    present = column.dropna()
    missing = {"missing": "not known"} if len(present) < len(column) else {}
    if is_numeric_dtype(column) and not is_bool_dtype(column) and present.nunique() > FEW_VALUES:
        return {"kind": "number", "bands": _edges([float(value) for value in present]), **missing}
    levels = _levels(name, present)
    return {"kind": "categorical", "levels": levels, **missing}


def _levels(name: str, present: pd.Series[Any]) -> list[str]:
    """Return the levels in the order of an ordered dtype, else sorted."""
    if hasattr(present, "cat"):
        used = set(present)
        ordered = [value for value in present.cat.categories if value in used]
    else:
        ordered = sorted(set(present), key=lambda value: (str(type(value)), value))
    if len(ordered) > MAX_LEVELS:
        raise InvalidInput(
            f"column {name!r} has {len(ordered)} different texts",
            hint="Leave it out of the frame, group it, or declare it with attributes=.",
        )
    return list(dict.fromkeys(level_text(value) for value in ordered))


def _edges(values: list[float]) -> list[float]:
    """Return lower edges of at most six bands of about equal size, on whole numbers where the data are whole."""
    ordered = sorted(values)
    whole = all(value == int(value) for value in ordered)
    first = math.floor(ordered[0]) if whole else ordered[0]
    cuts = [ordered[len(ordered) * part // MAX_BANDS] for part in range(1, MAX_BANDS)]
    return [first, *sorted({cut for cut in cuts if cut > first})]
