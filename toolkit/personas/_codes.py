"""Columns as level codes, one column described, and the digest of them all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from toolkit.personas.attribute import Attribute

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["content_digest", "description", "level_codes", "target_rows"]

HIGHEST_SCORE = 5.0  # of what is drawn for each person, on a scale from 1


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


def target_rows(
    codes: np.ndarray[Any, Any], attribute: Attribute, weights: np.ndarray[Any, Any]
) -> list[tuple[str, str, int, float]]:
    """Return attribute, level, number of rows and weighted share of each level."""
    import numpy as np

    levels = attribute.all_levels
    count = np.bincount(codes, minlength=len(levels))
    weight = np.bincount(codes, weights, minlength=len(levels))
    total = weights.sum()
    return [
        (attribute.name, level, int(count[place]), float(weight[place] / total)) for place, level in enumerate(levels)
    ]


def content_digest(
    frame: pd.DataFrame, attributes: Sequence[Attribute], weights: np.ndarray[Any, Any], year: int | None
) -> str:
    """Return the SHA-256 over attributes, rows and weights; what is drawn later for each person is no part of it."""
    import orjson

    body = {
        "year": year,
        "attributes": [one.canonical() for one in attributes if not one.drawn],
        "rows": [str(row) for row in frame.index],
        "columns": [
            [None if _empty(value) else value for value in frame[one.name].tolist()]
            for one in attributes
            if not one.derived
        ],
        "weights": weights.tolist(),
    }
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _empty(value: Any) -> bool:
    """Return whether a value of a column is empty."""
    return value is None or value != value  # noqa: PLR0124  # NaN alone differs from itself


def description(column: pd.Series[Any] | None, attribute: Attribute, weights: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return one column's row of ``Population.describe()``; what is drawn for each person has no column."""
    row: dict[str, Any] = {
        "attribute": attribute.name,
        "label": attribute.label,
        "kind": attribute.kind,
        "unit": attribute.unit,
        "levels": len(attribute.all_levels),
        "derived": attribute.derived,
    }
    row |= dict.fromkeys(("empty", "typical", "low", "high", "spread", "share"))
    if column is None:
        row |= {"empty": 0.0, "low": attribute.edges[0], "high": HIGHEST_SCORE}
    elif attribute.kind == "number":
        row |= _of_number(column.to_numpy("float64"), weights)
    else:
        row |= _of_category(level_codes(column, attribute), attribute, weights)
    return row | {"told": attribute.told, "question": attribute.question}


def _of_number(values: np.ndarray[Any, Any], weights: np.ndarray[Any, Any]) -> dict[str, Any]:
    import numpy as np

    there = ~np.isnan(values)
    row: dict[str, Any] = {"empty": float(weights[~there].sum() / weights.sum())}
    if weights[there].sum() > 0:
        mean = float(np.average(values[there], weights=weights[there]))
        spread = float(np.average((values[there] - mean) ** 2, weights=weights[there])) ** 0.5
        row |= {"typical": mean, "low": float(values[there].min()), "high": float(values[there].max())}
        row |= {"spread": spread}
    return row


def _of_category(codes: np.ndarray[Any, Any], attribute: Attribute, weights: np.ndarray[Any, Any]) -> dict[str, Any]:
    import numpy as np

    shares = np.bincount(codes, weights, minlength=len(attribute.all_levels)) / weights.sum()
    most = int(shares.argmax())
    empty = float(shares[-1]) if attribute.missing is not None else 0.0
    return {"empty": empty, "typical": attribute.all_levels[most], "share": float(shares[most])}
