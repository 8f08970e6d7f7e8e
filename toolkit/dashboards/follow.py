"""A study's files as a board's source: the ledger and the journal are read as they grow, and never written."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from toolkit.dashboards.event_log import EventLog
from toolkit.dashboards.feed import Speed
from toolkit.dashboards.state import Moment, Running
from toolkit.dashboards.totals import COLUMNS, Totals
from toolkit.engine.ledger_lines import Whole
from toolkit.errors import InvalidInput

__all__ = ["LineFile", "StudyFeed"]

_LEDGER = "ledger.jsonl"
_JOURNAL = "events.jsonl"
_AT_ONCE = 1 << 19
"""Bytes of a file that one look reads, some 1,500 rows."""
_SILENT = 60.0
"""Seconds without a line after which a run that never said its end is taken for dead."""
_NUMBERS = frozenset({"at", "seconds"})
_UNKNOWN = frozenset({"latency", "cost", "recorded_cost"})
_COUNTS = frozenset({"tries", "input", "cached_input", "cache_write", "image", "output", "reasoning"})
_NAN = float("nan")
_EMPTY: Mapping[str, Any] = {
    name: 0.0 if name in _NUMBERS else _NAN if name in _UNKNOWN else int(name == "tries") if name in _COUNTS else ""
    for name in COLUMNS
}
"""What a line leaves out (``toolkit.engine.ledger.told``)."""


class LineFile:
    r"""Reads whole lines of a file that others append to; a line that is half written waits, a torn one is left out.

    Args:
        path: The file; it need not be there yet.

    Example:
        >>> path = tmp / "lines.jsonl"
        >>> _ = path.write_bytes(b'{"a":1}\n{"a":')
        >>> held = LineFile(path)
        >>> list(held.read()), list(held.read())
        ([{'a': 1}], [])
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._place = 0

    def read(self, most: int | None = _AT_ONCE) -> Iterator[dict[str, Any]]:
        """Yield the objects of the whole lines that came since.

        Args:
            most: Bytes to read at most; ``None`` for all.
        """
        for line in self._lines(most):
            try:
                found = orjson.loads(line)
            except ValueError:
                continue  # a line that a killed process left half written
            if isinstance(found, dict):
                yield found

    def _lines(self, most: int | None) -> list[bytes]:
        try:
            if self.path.stat().st_size < self._place:
                self._place = 0  # it was begun anew
            with self.path.open("rb") as file:
                file.seek(self._place)
                data = file.read(-1 if most is None else most)
        except FileNotFoundError:
            return []
        whole = data.rfind(b"\n") + 1
        self._place += whole
        return data[:whole].splitlines()


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return rows as columns; what no row tells is not looked for in each."""
    told: set[str] = set().union(*rows)
    return {
        name: [row.get(name, empty) for row in rows] if name in told else [empty] * len(rows)
        for name, empty in _EMPTY.items()
    }


@dataclass(slots=True)
class _Begun:
    verb: str
    total: int | None
    since: float
    done: int = 0
    fresh: int = 0


class StudyFeed:
    """Follows a study on disk, whichever process works on it.

    Args:
        folder: The study's.

    Raises:
        InvalidInput: No study is there.

    Example:
        >>> panel = generate_personas(3, "us-adults-2012", detail="brief", lab=lab)
        >>> lab.close()
        >>> feed = StudyFeed(lab.study)
        >>> feed.pull(everything=True), feed.totals.calls
        (True, 3)
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not (self.folder / _LEDGER).is_file():
            raise InvalidInput(
                f"there is no study in {self.folder}", hint="Give the folder of one, with its ledger.jsonl."
            )
        self.totals = Totals()
        self.speed = Speed()
        self._ledger = LineFile(self.folder / _LEDGER)
        self._whole = Whole()
        self._journal = LineFile(self.folder / _JOURNAL)
        self._runs: dict[str, _Begun] = {}
        self.log = EventLog()
        self._model = ""
        self._latest = 0.0
        self._state: object = None

    def pull(self, *, everything: bool = False) -> bool:
        """Fold the lines that came since; true where there were any, or a run went silent.

        Args:
            everything: However many there are.
        """
        most = None if everything else _AT_ONCE
        told = list(self._journal.read(most))
        for event in told:
            self._follow(event)
        before = self.totals.calls
        # In pieces, so that a long ledger takes little room.
        while rows := list(map(self._whole, self._ledger.read(_AT_ONCE))):
            self.totals.fold(_columns(rows))
            self._count(rows)
            if not everything:
                break
        self.speed.note(time.monotonic(), self.totals.calls, self.totals.tokens)
        state = tuple(self._active())
        changed = bool(self.totals.calls > before or told or state != self._state)
        self._state = state
        return changed

    def moment(self) -> Moment:
        """Return how things stand, as far as files tell: nobody knows from them who is in line."""
        now = time.time()
        runs = tuple(
            Running(name, run.verb, run.done, run.total, max(now - run.since, 0.0), run.fresh)
            for name, run in self._runs.items()
            if name in self._active()
        )
        return Moment(runs=runs, notes=self.log.notes, title=self.folder.name, model=self._model, from_files=True)

    def close(self) -> None:
        """Nothing is held open."""

    def _active(self) -> list[str]:
        silent = time.time() - self._latest > _SILENT
        return [] if silent else list(self._runs)

    def _follow(self, event: Mapping[str, Any]) -> None:
        kind, run = str(event.get("kind", "")), str(event.get("run", ""))
        at = float(event.get("at", 0.0))
        self._latest = max(self._latest, at)
        if kind == "run.started":
            total = event.get("total")
            self._runs[run] = _Begun(str(event.get("verb", "")), total if isinstance(total, int) else None, at)
        elif kind in {"run.finished", "run.failed"}:
            self._runs.pop(run, None)
        self.log.hear(kind, at, event)

    def _count(self, rows: list[dict[str, Any]]) -> None:
        self._latest = max(self._latest, float(rows[-1].get("at", 0.0)))
        self._model = str(rows[-1].get("model", self._model))
        for row in rows:
            run = self._runs.get(row.get("run", ""))
            if run is not None and row.get("at", 0.0) >= run.since:
                run.done += 1
                run.fresh += row.get("status") != "cached"
