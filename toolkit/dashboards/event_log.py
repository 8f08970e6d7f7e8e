"""The event stream as a board shows it: the last lines, and what must be said beside the numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from toolkit.dashboards.look import panel, rows_html

__all__ = ["EventLog", "clock", "log_html"]

_LINES = 12
_NOTES = 3
_FREQUENT = frozenset({"call.finished", "call.failed"})
"""One a call; the tables above have them."""
_PLAIN = (str, int, float, bool)
_NOT_SHOWN = frozenset({"at", "kind"})
_HEAD = (("at", False), ("what", False), ("with", False))


class EventLog:
    """Keeps the last events in the order in which they came. It may be told from any thread.

    Example:
        >>> log = EventLog()
        >>> log.hear("run.started", 0.0, {"verb": "ask", "total": 9})
        >>> log.lines
        [(0.0, 'run.started', 'verb ask, total 9')]
    """

    def __init__(self) -> None:
        self._lines: deque[tuple[float, str, str]] = deque(maxlen=_LINES)
        self._notes: deque[str] = deque(maxlen=_NOTES)

    @property
    def lines(self) -> list[tuple[float, str, str]]:
        """When, what, and with which facts; the newest at the end."""
        return list(self._lines)

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said beside the numbers."""
        return tuple(self._notes)

    def hear(self, kind: str, at: float, data: Mapping[str, Any]) -> None:
        """Keep an event.

        Args:
            kind: What happened.
            at: When, in seconds since the epoch.
            data: What belongs to it; only plain values are shown.
        """
        if kind in _FREQUENT:
            return
        facts = [f"{name} {value}" for name, value in data.items() if _told(name, value)]
        self._lines.append((at, kind, ", ".join(facts)))
        note = _note(kind, data)
        if note and note not in self._notes:
            self._notes.append(note)


def log_html(lines: Iterable[tuple[float, str, str]]) -> str:
    """Return the log as a panel, the newest event first; texts are scrubbed as they are shown.

    Example:
        >>> "Nothing happened yet" in log_html([])
        True
    """
    rows = [[clock(at), kind, facts] for at, kind, facts in reversed(list(lines))]
    return panel("Events", rows_html(_HEAD, rows, "Nothing happened yet."))


def clock(at: float) -> str:
    """Return a moment as the time of day here.

    Args:
        at: In seconds since the epoch.

    Example:
        >>> len(clock(0.0))
        8
    """
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


def _told(name: str, value: Any) -> bool:
    return name not in _NOT_SHOWN and isinstance(value, _PLAIN) and value != ""


def _note(kind: str, data: Mapping[str, Any]) -> str:
    """Return what an event has to say beside the numbers; mostly nothing."""
    budget = f"{data.get('budget', '')} for {data.get('scope', 'this lab')}"
    if kind == "budget.reached":
        return f"The budget of {budget} was reached; further calls are not started."
    if kind == "budget.warned":
        return f"The soft budget of {budget} was passed."
    if kind == "run.failed":
        return f"{data.get('verb', 'A run')} broke: {data.get('message', '')}"
    return ""
