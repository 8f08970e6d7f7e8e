"""Where a board's numbers come from: a lab that is open in this process, or a study's files."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from toolkit.dashboards.event_log import EventLog
from toolkit.dashboards.state import Moment, Pacing, Purse, Running
from toolkit.dashboards.totals import COLUMNS, Totals

if TYPE_CHECKING:
    from toolkit.engine import Account, Run
    from toolkit.events import Event
    from toolkit.lab import Lab

__all__ = ["Feed", "LabFeed", "Speed"]

_RECENT = 12.0
"""Seconds over which the present speed is taken."""
_ONE_PULL = 2_500
"""Rows folded at one look; the rest follows with the next ones, so that none takes long (``tests.perf.board``)."""


class Feed(Protocol):
    """What a board reads."""

    totals: Totals
    """All calls so far."""
    speed: Speed
    """How fast they come."""
    log: EventLog
    """What else happened."""

    def pull(self, *, everything: bool = False) -> bool:
        """Fold what is new; true where there was anything, or something else changed.

        Args:
            everything: However long it takes.
        """
        ...

    def moment(self) -> Moment:
        """Return how things stand now."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class Speed:
    """Calls and tokens a second over the last seconds.

    Example:
        >>> speed = Speed()
        >>> speed.note(0.0, 0, 0.0)
        >>> speed.note(2.0, 10, 500.0)
        >>> speed.calls, speed.tokens
        (5.0, 250.0)
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float, float]] = deque()

    def note(self, now: float, calls: float, tokens: float) -> None:
        """Note the sums at a moment, in seconds of any steady clock."""
        self._seen.append((now, calls, tokens))
        while len(self._seen) > 2 and self._seen[0][0] < now - _RECENT:  # noqa: PLR2004  # two make a difference
            self._seen.popleft()

    @property
    def calls(self) -> float:
        """Calls a second."""
        return self._rate(1)

    @property
    def tokens(self) -> float:
        """Tokens a second."""
        return self._rate(2)

    def _rate(self, place: int) -> float:
        if len(self._seen) < 2:  # noqa: PLR2004  # two make a difference
            return 0.0
        first, last = self._seen[0], self._seen[-1]
        return (last[place] - first[place]) / max(last[0] - first[0], 1e-3)


class LabFeed:
    """Reads a lab's ledger as it grows. Rows cost the calls nothing: they are read in bulk when the board looks.

    Made and used on the private loop, where rows are added.

    Args:
        lab: The lab to watch.
    """

    def __init__(self, lab: Lab) -> None:
        self.totals = Totals()
        self.speed = Speed()
        self._lab = lab
        self._read = 0
        self._state: object = None
        self._before: dict[tuple[str, int], float] = {}
        """What an account had spent when a run was first seen."""
        self.log = EventLog()
        self._stop = lab.events.subscribe(self._hear, without="call.finished")

    def pull(self, *, everything: bool = False) -> bool:
        """Fold the rows that came since; true where there were any, or calls began or ended.

        Args:
            everything: However many there are; else a number that takes no time to speak of.
        """
        ledger, before = self._lab.ledger, self._read
        stop = None if everything else before + _ONE_PULL
        self._read += self.totals.fold(ledger.columns(COLUMNS, before, stop))
        self.speed.note(time.monotonic(), self.totals.calls, self.totals.tokens)
        moved = self._moved()
        return moved or self._read > before

    def moment(self) -> Moment:
        """Return how things stand now."""
        lab, engine = self._lab, self._lab.engine
        limiters = [limiter for one in (engine, *engine.others.values()) for limiter in one.limiters]
        pacing = tuple(
            Pacing(
                limiter.name,
                limiter.in_flight,
                limiter.waiting,
                limiter.most_in_flight,
                limiter.pace.rpm,
                limiter.pace.tpm,
                limiter.paused,
                limiter.hits,
            )
            for limiter in limiters
        )
        active = lab.runs.active
        purses = [self._purse(account, active) for account in lab.accounts]
        purses += [self._purse(run.account, (run,)) for run in active if run.account is not None]
        return Moment(
            runs=tuple(_running(run) for run in active),
            purses=tuple(purses),
            pacing=pacing,
            held=engine.held,
            concurrency=engine.concurrency,
            notes=(*self.log.notes, *lab.notes),
            title=lab.study.name if lab.study is not None else "a recording",
            model=lab.model,
        )

    def close(self) -> None:
        """Stop listening."""
        self._stop()

    def _hear(self, event: Event) -> None:
        """Keep an event; called wherever it was emitted."""
        self.log.hear(event.kind, event.at, event.data)

    def _moved(self) -> bool:
        """Note calls in flight on the time line; true where anything changed since the last look."""
        moment = self.moment()
        if moment.runs or moment.in_flight:
            time_line = self.totals.time
            place = time_line.place(time.time())
            time_line.peaks[place, 0] = max(time_line.peaks[place, 0], moment.in_flight)
            time_line.peaks[place, 1] = max(time_line.peaks[place, 1], moment.waiting)
        state = (moment.runs, moment.purses, moment.held, moment.concurrency, moment.in_flight, moment.waiting)
        changed = state != self._state
        self._state = state
        return changed

    def _purse(self, account: Account, runs: tuple[Run, ...]) -> Purse:
        """Return an account with what it will come to: what runs took of it for an item, for the items left."""
        projected: float | None = account.spent
        for run in runs:
            first = self._before.setdefault((run.id, id(account)), account.spent)
            fresh = run.done - run.cached
            if run.total is None or not fresh:
                projected = None
                break
            projected = (projected or 0.0) + (account.spent - first) / fresh * (run.total - run.done)
        return Purse(
            account.scope,
            account.spent,
            account.held,
            account.budget.amount,
            account.budget.unit,
            str(account),
            projected if runs else None,
        )


def _running(run: Run) -> Running:
    return Running(run.id, run.verb, run.done, run.total, run.elapsed, run.done - run.cached, run.stopping)
