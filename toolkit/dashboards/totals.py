"""What the ledger says, folded into sums of bounded size: a board of 100,000 calls is drawn as fast as one of ten."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.dashboards.histogram import LEVELS, levels_of
from toolkit.dashboards.timeline import BINS, Timeline

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COLUMNS", "OTHERS", "PARTS", "Group", "Seen", "Totals"]

_TEXTS = ("run", "stage", "item", "model", "status", "kind", "message", "key")
_NUMBERS = ("at", "seconds", "latency", "cost", "recorded_cost")
_COUNTS = ("tries", "input", "cached_input", "cache_write", "image", "output", "reasoning")
COLUMNS = (*_TEXTS, *_NUMBERS, *_COUNTS)
"""The columns of the ledger that are read."""

GROUPS = 12
"""Stages by models that are told apart; what comes later counts as one more."""
OTHERS = ("others", "")
"""Name of that one."""
_RING = 20
"""Failures, and slowest calls, that are kept."""

PARTS = ("text in", "cached in", "images in", "text out", "reasoning")
"""Tokens that a provider counts, apart: none is in another."""

_STATUSES = {"ok": 0, "cached": 1, "failed": 2, "cancelled": 3}
_OK, _CACHED, _FAILED = 0, 1, 2
_FIELDS = (*_STATUSES, "retries", "timeouts", *PARTS, "saved", "spent", "spared", "unpriced")
_OVER_TIME = ("ok", "cached", "failed", "retries", "timeouts", "tokens", "saved", "spent", "spared")
_TIMEOUT = "timeout"

Group = tuple[str, str]
"""Stage, and ``provider:model``."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One call that is worth a look. It holds no prompt."""

    at: float
    """When it ended, in seconds since the epoch."""
    run: str
    stage: str
    item: str
    model: str
    status: str
    kind: str
    message: str
    """The failure in one line, scrubbed by the ledger."""
    key: str
    seconds: float
    """From asking to having."""
    latency: float | None
    """Provider time of the try that succeeded, in seconds."""
    tries: int
    tokens: int


class Totals:
    """Sums, histograms and the few calls worth a look, of all rows so far.

    Example:
        >>> totals = Totals()
        >>> totals.calls, totals.of("spent")
        (0, 0.0)
    """

    def __init__(self) -> None:
        self.calls = 0
        """Rows so far."""
        self.groups: list[Group] = []
        """Stages by models, in the order of their first call."""
        self.kinds: Counter[str] = Counter()
        """Failures by kind."""
        self.failures: deque[Seen] = deque(maxlen=_RING)
        """The last failures, the newest at the end."""
        self.latencies: NDArray[np.int64] = np.zeros((GROUPS + 1, LEVELS), dtype=np.int64)
        """Provider time of live answers, by group and level."""
        self.waits: NDArray[np.int64] = np.zeros((GROUPS + 1, LEVELS), dtype=np.int64)
        """What live answers waited beside: queue, retries, memory."""
        self.seconds: NDArray[np.float64] = np.zeros((GROUPS + 1, 2))
        """Provider time and waits of live answers, summed by group."""
        self.time = Timeline(GROUPS + 1, len(_OVER_TIME), peaks=2, levels=LEVELS)
        """The same over working time; ``peaks`` are calls in flight and calls that wait."""
        self._sums: NDArray[np.float64] = np.zeros((GROUPS + 1, len(_FIELDS)))
        self._places: dict[Group, int] = {}
        self._slow: list[tuple[float, int, Seen]] = []

    # --- reading ---

    def of(self, *names: str, group: int | None = None) -> float:
        """Return sums of today, of one group or of all.

        Args:
            names: ``ok``, ``cached``, ``failed``, ``cancelled``, ``retries``, ``timeouts``, the ``PARTS``, ``saved``
                (tokens that memory spared), ``spent`` and ``spared`` (USD), ``unpriced`` (calls of unknown price).
            group: Its place in ``groups``.
        """
        places = [_FIELDS.index(name) for name in names]
        held = self._sums[:, places] if group is None else self._sums[group, places]
        return float(held.sum())

    def over_time(self, name: str) -> NDArray[np.float64]:
        """Return a sum by bin and group: ``ok``, ``cached``, ``failed``, ``tokens`` and so on."""
        found: NDArray[np.float64] = self.time.sums[:, :, _OVER_TIME.index(name)]
        return found

    @property
    def named(self) -> list[tuple[int, Group]]:
        """The groups with their places; those beyond the bound come last as one."""
        shown = list(enumerate(self.groups[:GROUPS]))
        return [*shown, (GROUPS, OTHERS)] if len(self.groups) > GROUPS else shown

    @property
    def tokens(self) -> float:
        """Tokens spent today, in and out."""
        return self.of(*PARTS)

    @property
    def slowest(self) -> list[Seen]:
        """The slowest live calls, the slowest first."""
        return [seen for _, _, seen in sorted(self._slow, reverse=True)]

    # --- folding ---

    def fold(self, columns: Mapping[str, Any]) -> int:
        """Add rows, given as columns in the order in which calls ended; return how many there were.

        The cost is a few microseconds a row and does not depend on how many came before.
        """
        count = len(columns["status"])
        if not count:
            return 0
        status = np.fromiter((_STATUSES.get(one, -1) for one in columns["status"]), np.int8, count)
        groups = self._grouped(columns["stage"], columns["model"])
        numbers = {name: np.array(columns[name], dtype=np.float64) for name in (*_NUMBERS, *_COUNTS)}
        failed = np.flatnonzero(status == _FAILED)
        facts = self._facts(status, numbers)
        facts["timeouts"] = np.zeros(count)
        facts["timeouts"][failed] = [columns["kind"][place] == _TIMEOUT for place in failed]
        for field, name in enumerate(_FIELDS):
            self._sums[:, field] += np.bincount(groups, facts[name], GROUPS + 1)
        facts["tokens"] = sum((facts[name] for name in PARTS), start=np.zeros(count))
        places = self.time.places(numbers["at"])
        for field, name in enumerate(_OVER_TIME):
            self.time.sums[:, :, field] += _counted((places, groups), (BINS, GROUPS + 1), facts[name])
        self._time_taken(groups, places, status == _OK, numbers)
        self._look(columns, failed, status, numbers)
        self.calls += count
        return count

    def _grouped(self, stages: Sequence[str], models: Sequence[str]) -> NDArray[np.int64]:
        places, pairs = self._places, list(zip(stages, models, strict=True))
        for group in dict.fromkeys(pairs):
            if group not in places:
                places[group] = min(len(self.groups), GROUPS)
                self.groups.append(group)
        return np.fromiter(map(places.__getitem__, pairs), np.int64, len(pairs))

    @staticmethod
    def _facts(status: Any, numbers: Mapping[str, Any]) -> dict[str, Any]:
        cached = status == _CACHED
        live = ~cached
        cost, recorded = numbers["cost"], numbers["recorded_cost"]
        tokens = numbers["input"] + numbers["output"]
        told = numbers["cached_input"] + numbers["image"]
        return {
            **{name: (status == place).astype(float) for name, place in _STATUSES.items()},
            "retries": np.where(live, np.maximum(numbers["tries"] - 1.0, 0.0), 0.0),
            "text in": np.where(live, np.maximum(numbers["input"] - told, 0.0), 0.0),
            "cached in": np.where(live, numbers["cached_input"], 0.0),
            "images in": np.where(live, numbers["image"], 0.0),
            "text out": np.where(live, np.maximum(numbers["output"] - numbers["reasoning"], 0.0), 0.0),
            "reasoning": np.where(live, numbers["reasoning"], 0.0),
            "saved": np.where(cached, tokens, 0.0),
            "spent": np.where(live, np.nan_to_num(cost), 0.0),
            "spared": np.where(cached, np.nan_to_num(recorded), 0.0),
            "unpriced": (live & np.isnan(cost) & ((tokens > 0) | (status == _OK))).astype(float),
        }

    def _time_taken(self, groups: Any, places: Any, ok: Any, numbers: Mapping[str, Any]) -> None:
        answered = ok & ~np.isnan(numbers["latency"])
        if not answered.any():
            return
        groups, places = groups[answered], places[answered]
        latency = numbers["latency"][answered]
        wait = np.maximum(numbers["seconds"][answered] - latency, 0.0)
        levels = levels_of(latency)
        by_group = (GROUPS + 1, LEVELS)
        self.latencies += _counted((groups, levels), by_group)
        self.waits += _counted((groups, levels_of(wait)), by_group)
        self.seconds[:, 0] += np.bincount(groups, latency, GROUPS + 1)
        self.seconds[:, 1] += np.bincount(groups, wait, GROUPS + 1)
        self.time.levels += _counted((places, levels), (BINS, LEVELS))

    def _look(self, columns: Mapping[str, Any], failed: Any, status: Any, numbers: Mapping[str, Any]) -> None:
        self.kinds.update(columns["kind"][place] for place in failed)
        self.failures.extend(_seen(columns, numbers, int(place)) for place in failed[-_RING:])
        live = np.flatnonzero(status != _CACHED)
        if len(live) > _RING:
            live = np.sort(live[np.argpartition(numbers["seconds"][live], -_RING)[-_RING:]])
        for place in live:
            seconds = float(numbers["seconds"][place])
            if len(self._slow) < _RING or seconds > self._slow[0][0]:
                entry = (seconds, self.calls + int(place), _seen(columns, numbers, int(place)))
                put = heapq.heappush if len(self._slow) < _RING else heapq.heapreplace
                put(self._slow, entry)


def _counted(places: tuple[Any, Any], shape: tuple[int, int], weights: Any = None) -> Any:
    """Return how many rows, or what weight of them, fell into each cell of a table; far faster than ``np.add.at``."""
    rows, columns = shape
    flat = places[0] * columns + places[1]
    return np.bincount(flat, weights, rows * columns).reshape(shape)


def _seen(columns: Mapping[str, Any], numbers: Mapping[str, Any], place: int) -> Seen:
    latency = float(numbers["latency"][place])
    return Seen(
        at=float(numbers["at"][place]),
        seconds=float(numbers["seconds"][place]),
        latency=None if np.isnan(latency) else latency,
        tries=int(numbers["tries"][place]),
        tokens=int(numbers["input"][place] + numbers["output"][place]),
        **{name: str(columns[name][place]) for name in _TEXTS},
    )
