"""Working time in a bounded number of bins: pauses are left out, and bins widen instead of growing in number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BINS", "GAP", "UNSEEN", "Timeline"]

BINS = 128
"""Bins at most; once they are full, pairs are put together."""
GAP = 15.0
"""Seconds: a longer silence is a pause, of which only so much is shown. An afternoon of cells is minutes of work."""
UNSEEN = -1.0
"""A peak of a bin in which nobody looked."""
_WIDTH = 0.5
"""Seconds of a bin at the beginning."""


class Timeline:
    """Turns times of day into bins of working time, and holds what is counted in them.

    Args:
        groups: How many groups are counted apart.
        fields: How many numbers are summed for each bin and group.
        peaks: How many numbers are kept as the most that was seen in a bin.
        levels: How many levels a histogram in each bin has.

    Example:
        >>> line = Timeline(groups=1, fields=1, peaks=1, levels=1)
        >>> places = line.places(np.array([100.0, 100.6, 4000.0]))
        >>> [int(one) for one in places], line.width
        ([0, 1, 31], 0.5)
    """

    def __init__(self, groups: int, fields: int, peaks: int, levels: int) -> None:
        self.width = _WIDTH
        """Seconds of a bin."""
        self.sums: NDArray[np.float64] = np.zeros((BINS, groups, fields))
        self.peaks: NDArray[np.float64] = np.full((BINS, peaks), UNSEEN)
        self.levels: NDArray[np.int64] = np.zeros((BINS, levels), dtype=np.int64)
        self.worked = 0.0
        """Seconds of working time up to the latest row."""
        self._last: float | None = None

    def places(self, at: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the bin of each time, in the order in which rows were written; bins are widened first if need be.

        Args:
            at: Seconds since the epoch.
        """
        if not len(at):
            return np.zeros(0, dtype=np.int64)
        first = at[0] if self._last is None else self._last
        steps = np.clip(np.diff(at, prepend=first), 0.0, GAP)
        worked = self.worked + np.cumsum(steps)
        self.worked = float(worked[-1])
        self._last = max(float(at[-1]), float(first))
        self._widen(self.worked)
        return (worked / self.width).astype(np.int64)

    def place(self, now: float) -> int:
        """Return the bin of the present moment, without moving the working time on.

        Args:
            now: Seconds since the epoch.
        """
        worked = self.until(now)
        self._widen(worked)
        return int(worked / self.width)

    def until(self, now: float) -> float:
        """Return the working time at a moment, in seconds.

        Args:
            now: Seconds since the epoch.
        """
        return self.worked + (min(max(now - self._last, 0.0), GAP) if self._last is not None else 0.0)

    def ends(self, until: float) -> NDArray[np.float64]:
        """Return the end of each bin that has begun, in seconds of working time.

        Args:
            until: Working time that is shown, in seconds.
        """
        count = min(int(until / self.width) + 1, BINS)
        ends: NDArray[np.float64] = np.minimum(np.arange(1, count + 1) * self.width, max(until, self.width))
        return ends

    def _widen(self, worked: float) -> None:
        while worked >= BINS * self.width:
            self.width *= 2.0
            self.sums = _paired(self.sums, np.add)
            self.levels = _paired(self.levels, np.add)
            self.peaks = _paired(self.peaks, np.maximum, UNSEEN)


def _paired(held: Any, join: Any, empty: float = 0.0) -> Any:
    joined = np.full_like(held, empty)
    joined[: BINS // 2] = join(held[0::2], held[1::2])
    return joined
