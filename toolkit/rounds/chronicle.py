"""The chronicle of a round: what happens is told to listeners at once, and written down for the timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from toolkit.models import Reply

__all__ = ["EVENTS", "Chronicle", "Tell"]

EVENTS = (
    "roundStarted",
    "directorPassStarted",
    "directorPassCompleted",
    "activeCharactersUpdated",
    "stateUpdated",
    "characterRunStarted",
    "characterRunCompleted",
    "characterResponse",
    "worldUpdateStarted",
    "worldUpdateCompleted",
    "remainingActorsQueued",
    "sceneUpdated",
    "roundCompleted",
    "agentStatus",
)
"""Every event of a play; all carry ``sceneId``, ``roundNumber`` and ``timestamp``."""

Tell = Callable[..., None]
"""Hands an event on: its kind, then what belongs to it."""


class Chronicle:
    """Tells listeners what happens in a round, and keeps it in order.

    Listeners are told the time at which it happens. What is kept has the times of the replies (when the last one was
    there), so a play that memory answers leaves the same bytes as the one that was first played; where nothing was
    measured the time is null.

    Args:
        scene: The scene's id.
        number: The round.
        tell: Where events go; nowhere in a rehearsal.
        common: What every event carries beside scene, round and time.
    """

    def __init__(self, scene: str, number: int, tell: Tell | None, **common: Any) -> None:
        self._common = {"sceneId": scene, "roundNumber": number}
        self._tell = tell
        self._more = {key: value for key, value in common.items() if value}
        self._kept: list[dict[str, Any]] = []
        self._clock: float | None = None
        self._first: float | None = None

    def event(self, kind: str, /, **data: Any) -> None:
        """Say that something happened: to listeners as ``rounds.<kind>``, and in the audit log."""
        self.note(kind, **data)
        self.announce(kind, **data)

    def announce(self, kind: str, /, **data: Any) -> None:
        """Say it to listeners alone."""
        if self._tell is not None:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            self._tell(f"rounds.{kind}", **self._common, timestamp=now, **self._more, **data)

    def note(self, kind: str, /, **data: Any) -> None:
        """Write something down that no listener needs."""
        self._kept.append({"type": kind, "roundNumber": self._common["roundNumber"], "timestamp": self._clock, **data})

    def heard(self, replies: Iterable[Reply | None]) -> None:
        """Let the clock of what is kept go on to when these replies were there."""
        for reply in replies:
            if reply is None or reply.started is None:
                continue
            # rounded as memory keeps it, so that a replay tells the same time
            started = round(reply.started, 3)
            self._first = started if self._first is None else min(self._first, started)
            there = round(started + round(reply.latency or 0.0, 6), 3)
            self._clock = there if self._clock is None else max(self._clock, there)

    @property
    def now(self) -> str | None:
        """The time of what is kept."""
        return _iso(self._clock)

    @property
    def log(self) -> list[dict[str, Any]]:
        """What was kept, in order; what came before the first reply has the time at which that was asked for."""
        return [
            {**one, "timestamp": _iso(self._first if one["timestamp"] is None else one["timestamp"])}
            for one in self._kept
        ]


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
