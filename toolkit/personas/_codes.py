"""Columns as level codes, and one column described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.personas.attribute import Attribute

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["description", "level_codes"]


def level_codes(column: pd.Series[Any], attribute: Attribute) -> np.ndarray[Any, Any]:
    """Return the index in ``attribute.all_levels`` of each value's level."""
    import numpy as np

    if attribute.kind == "number":
        values = column.to_numpy("float64")
        codes = np.searchsorted(np.asarray(attribute.edges), values, side="right") - 1
        for place in np.flatnonzero(np.isnan(values) | (codes < 0)):
            codes[place] = attribute.code(float(values[place]))
    else:
        places = {level: place for place, level in enumerate(attribute.all_levels)}
        codes = np.fromiter(
            (places[level] if level in places else attribute.code(level) for level in column), np.int64, len(column)
        )
    codes.setflags(write=False)
    return codes


def description(column: pd.Series[Any], attribute: Attribute, weights: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return one column's row of ``Population.describe()``."""
    import numpy as np

    row: dict[str, Any] = {
        "attribute": attribute.name,
        "label": attribute.label,
        "kind": attribute.kind,
        "unit": attribute.unit,
        "levels": len(attribute.all_levels),
        "derived": attribute.derived,
    }
    if attribute.kind == "number":
        values = column.to_numpy("float64")
        there = ~np.isnan(values)
        some = bool(weights[there].sum() > 0)
        row["empty"] = float(weights[~there].sum() / weights.sum())
        row["typical"] = float(np.average(values[there], weights=weights[there])) if some else None
        row["low"], row["high"] = (float(values[there].min()), float(values[there].max())) if some else (None, None)
        return row
    codes = level_codes(column, attribute)
    shares = np.bincount(codes, weights, minlength=len(attribute.all_levels)) / weights.sum()
    row["empty"] = float(shares[-1]) if attribute.missing is not None else 0.0
    row["typical"] = attribute.all_levels[int(shares.argmax())]
    row["low"] = row["high"] = None
    return row
