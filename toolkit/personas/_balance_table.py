"""How alike the arms of an assignment are: shares and means by arm, with standardised differences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.personas.panel import Panel

__all__ = ["balance_table"]

_MOST_LEVELS = 30
"""An attribute of text with more different values, such as an answer in free words, is no category."""


def balance_table(panel: Panel, arms: Sequence[str], order: Sequence[str]) -> pd.DataFrame:
    """Return attribute, level, one column an arm, and the largest standardised difference between two arms.

    Args:
        panel: Who was assigned.
        arms: The arm of each.
        order: The arms, in order.
    """
    import pandas as pd

    names = list(dict.fromkeys(name for one in panel for name in one.attributes))
    rows: list[dict[str, Any]] = []
    for name in names:
        values = [one.attributes.get(name) for one in panel]
        groups = {arm: [value for value, own in zip(values, arms, strict=True) if own == arm] for arm in order}
        known = [value for value in values if value is not None]
        if known and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
            rows.append(_number(name, groups))
        elif len({str(value) for value in values}) <= _MOST_LEVELS:
            rows += _levels(name, list(dict.fromkeys(_ordered(panel, name, values))), groups)
    return pd.DataFrame(rows, columns=["attribute", "level", *order, "difference"])


def _ordered(panel: Panel, name: str, values: Sequence[Any]) -> list[str]:
    """Return the levels that occur, in the population's order where it has one."""
    found = {_told(value) for value in values}
    told = [level for one in panel for level in one.levels.get(name, ())]
    return [level for level in [*told, *sorted(found)] if level in found]


def _number(name: str, groups: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    numbers = {arm: [float(value) for value in group if value is not None] for arm, group in groups.items()}
    means = {arm: math.fsum(group) / len(group) if group else math.nan for arm, group in numbers.items()}
    spread = {
        arm: math.fsum((value - means[arm]) ** 2 for value in group) / (len(group) - 1) if len(group) > 1 else 0.0
        for arm, group in numbers.items()
    }
    return {"attribute": name, "level": "", **means, "difference": _largest(means, spread)}


def _levels(name: str, levels: Sequence[str], groups: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    rows = []
    for level in levels:
        shares = {
            arm: sum(_told(value) == level for value in group) / len(group) if group else math.nan
            for arm, group in groups.items()
        }
        spread = {arm: share * (1 - share) for arm, share in shares.items()}
        rows.append({"attribute": name, "level": level, **shares, "difference": _largest(shares, spread)})
    return rows


def _told(value: Any) -> str:
    return "no value" if value is None else str(value)


def _largest(means: Mapping[str, float], spread: Mapping[str, float]) -> float:
    """Return the largest difference of two arms in standard deviations; infinite where nothing but the arm differs."""
    differences = [_standardised(means[a], means[b], (spread[a] + spread[b]) / 2) for a, b in combinations(means, 2)]
    return max((one for one in differences if not math.isnan(one)), default=math.nan)


def _standardised(one: float, other: float, variance: float) -> float:
    if math.isnan(one) or math.isnan(other):
        return math.nan
    if variance > 0:
        return abs(one - other) / math.sqrt(variance)
    return 0.0 if one == other else math.inf
