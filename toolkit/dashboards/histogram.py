"""Histograms of seconds on a logarithmic scale, and the percentiles that can be read from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EDGES", "LEVELS", "levels_of", "percentiles"]

_LEAST = 1e-3
"""Seconds; less falls into the first level."""
_STEPS = 8
"""Levels from one value to its double, so that a percentile is right to 4.5 % (half a step: 2 ** (1 / 16))."""
LEVELS = 20 * _STEPS
"""Levels: from a millisecond to twenty doublings more, 17 minutes."""
EDGES: NDArray[np.float64] = _LEAST * 2.0 ** (np.arange(LEVELS + 1) / _STEPS)
"""Bounds of the levels, in seconds."""


def levels_of(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the level of each duration.

    Example:
        >>> [int(one) for one in levels_of(np.array([0.0, 0.001, 0.002, 1e9]))]
        [0, 0, 8, 159]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = np.floor(np.log2(np.maximum(seconds, _LEAST) / _LEAST) * _STEPS + 1e-9)
    found: NDArray[np.int64] = np.clip(np.nan_to_num(levels), 0, LEVELS - 1).astype(np.int64)
    return found


def percentiles(counts: Any, shares: tuple[float, ...] = (0.5, 0.95, 0.99)) -> tuple[float, ...]:
    """Return percentiles in seconds, NaN where nothing was counted.

    Within a level durations are taken to lie evenly on the logarithmic scale.

    Args:
        counts: How many durations fell into each level.
        shares: Which percentiles, 0 to 1.

    Example:
        >>> held = np.zeros(LEVELS)
        >>> held[levels_of(np.array([0.2]))] = 100
        >>> 0.19 < percentiles(held)[0] < 0.21
        True
    """
    total = float(np.sum(counts))
    if not total:
        return tuple(float("nan") for _ in shares)
    passed = np.cumsum(counts)
    found = []
    for share in shares:
        wanted = share * total
        level = int(np.searchsorted(passed, wanted))
        before = float(passed[level - 1]) if level else 0.0
        within = (wanted - before) / max(float(counts[level]), 1.0)
        found.append(float(EDGES[level] * (EDGES[level + 1] / EDGES[level]) ** within))
    return tuple(found)
