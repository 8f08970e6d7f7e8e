"""How long calls took, in spans that double: what a latency plot draws, without any telemetry server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from toolkit.engine._semconv import SECOND_BUCKETS

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.engine.ledger import Row

__all__ = ["histogram"]

_BOUNDS = (0.0, *SECOND_BUCKETS, float("inf"))
_COLUMN = {"ok": "live", "failed": "failed", "cached": "cached"}


def histogram(rows: Iterable[Row]) -> pd.DataFrame:
    """Return one row for each stage and span of seconds; see ``Ledger.histogram``.

    The spans are those of the exported histograms: 0.01 s and its doubles. Cancelled calls took no time of their own
    and are left out.

    Example:
        >>> histogram([]).empty
        True
    """
    from bisect import bisect_left

    import pandas as pd

    counts: Counter[tuple[str, int, str]] = Counter()
    for row in rows:
        if row.status in _COLUMN:
            counts[row.stage, bisect_left(SECOND_BUCKETS, row.seconds), _COLUMN[row.status]] += 1
    spans: dict[str, tuple[int, int]] = {}
    for stage, place, _ in counts:
        low, high = spans.get(stage, (place, place))
        spans[stage] = (min(low, place), max(high, place))
    table = [
        (stage, _BOUNDS[place], _BOUNDS[place + 1], *(counts[stage, place, name] for name in _COLUMN.values()))
        for stage, (low, high) in sorted(spans.items())
        for place in range(low, high + 1)
    ]
    return pd.DataFrame(table, columns=["stage", "low", "high", *_COLUMN.values()])
