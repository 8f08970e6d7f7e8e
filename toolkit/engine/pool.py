"""Many calls: a window over an iterator, memory first in bulk, bounded concurrency, results in input order."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from toolkit.engine.cache import Remembered
from toolkit.engine.run import Run, current_run
from toolkit.engine.slots import Slot, current_slot
from toolkit.engine.stack import Engine
from toolkit.errors import BudgetReached, CallError, InvalidReply
from toolkit.models import Call, Reply

__all__ = ["BUDGET", "NOT_RUN", "Accept", "Outcome", "run_calls"]

NOT_RUN = "not_run"
"""The kind of an item that a stop left over; ``resume()`` does these."""

BUDGET = "budget"
"""The kind of an item that a reached budget left over."""

_WINDOW = 256
"""Calls whose keys are looked up in one read."""

_SPARE = 0.125
"""Workers beyond the slots, as a share: while they prepare a call or wait for its commit, others are at work. More gain
nothing (``python -m tests.perf.overhead``), and each call would stand in line for longer."""

Accept = Callable[[Call, Reply], Any]
"""Turns a reply into a value or raises ``InvalidReply``."""


@dataclass(slots=True)
class Outcome:
    """How one call ended: a value, or the kind of failure."""

    item: str
    value: Any = None
    """What ``accept`` made of the reply; the reply itself where there was no ``accept``."""
    reply: Reply | None = None
    """The last reply that came, refused or not."""
    error: CallError | None = None
    ended: bool = False
    """False where a stop or a budget came first."""
    left: str = NOT_RUN
    """Why it did not end, where it did not."""
    attempt: int = 0
    """Which content attempt was kept, or failed last."""

    @property
    def ok(self) -> bool:
        """True where there is a value."""
        return self.ended and self.error is None

    @property
    def kind(self) -> str:
        """Class of the failure, ``not_run`` or ``budget``, or nothing."""
        if not self.ended:
            return self.left
        return self.error.kind if self.error is not None else ""


async def run_calls(
    engine: Engine, calls: Iterable[Call], run: Run, *, accept: Accept | None = None, attempts: int = 1
) -> list[Outcome]:
    """Answer many calls.

    Only a window of calls exists at a time. Memory is asked in bulk and only misses become requests. When ``run`` is
    stopped, what is in flight is cancelled, the rest is left ``not_run`` and everything that ended is returned. Once a
    budget is reached, what is in flight finishes, memory goes on answering, and the other calls are left as ``budget``.

    Args:
        engine: The dependable model.
        calls: The calls, made lazily.
        run: On whose behalf; its counts are kept up to date.
        accept: Turns a reply into a value, or raises ``InvalidReply`` to refuse it.
        attempts: How often content may be asked for when ``accept`` refuses it; each asking has its own key.

    Returns:
        One outcome a call, in the order of the calls.
    """
    work = _Work(engine, iter(calls), run, accept, attempts)
    token = current_run.set(run)
    try:
        await work.go()
    finally:
        current_run.reset(token)
    return work.outcomes


class _Work:
    def __init__(self, engine: Engine, calls: Iterator[Call], run: Run, accept: Accept | None, attempts: int) -> None:
        self.outcomes: list[Outcome] = []
        self._engine = engine
        self._calls = calls
        self._run = run
        self._accept = accept
        self._attempts = attempts
        self._misses: deque[tuple[Outcome, Call]] = deque()
        self._exhausted = False
        self._refilling = asyncio.Lock()
        self._slots = asyncio.Semaphore(engine.concurrency)
        self._over = False

    async def go(self) -> None:
        """Work until nothing is left or the run is stopped; errors that are not a call's own end the run."""
        slots = self._engine.concurrency
        workers = [asyncio.create_task(self._worker()) for _ in range(slots + math.ceil(_SPARE * slots))]
        for worker in workers:
            self._run.adopt(worker)
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            self._over = True
            for worker in workers:
                worker.cancel()
            ended = await asyncio.gather(*workers, return_exceptions=True)
        for fault in ended:
            if isinstance(fault, BaseException) and not isinstance(fault, asyncio.CancelledError):
                raise fault
        self._list_the_rest()

    async def _worker(self) -> None:
        slot = Slot(self._slots)
        current_slot.set(slot)
        try:
            while not (self._run.stopping or self._over):
                job = await self._next()
                if job is None:
                    return
                await self._answer(*job)
                slot.give_back()
        finally:
            slot.give_back()

    async def _next(self) -> tuple[Outcome, Call] | None:
        while not self._misses:
            if self._exhausted or self._run.stopping:
                return None
            async with self._refilling:
                if not self._misses and not self._exhausted:
                    self._refill()
            await asyncio.sleep(0)
        return self._misses.popleft()

    def _refill(self) -> None:
        """Look the next window up in memory: hits end here, misses wait for a worker."""
        window = list(islice(self._calls, _WINDOW))
        self._exhausted = len(window) < _WINDOW
        outcomes = [Outcome(call.item) for call in window]
        self.outcomes.extend(outcomes)
        began = time.monotonic()
        for outcome, call, known in zip(outcomes, window, self._engine.cache.lookup(window), strict=True):
            if known is None:
                self._misses.append((outcome, call))
                continue
            identity = self._engine.model.identity
            self._engine.ledger.write(call, call.key(identity), identity, known, began)
            again = self._settle(outcome, call, known)
            if again is not None:
                self._misses.append((outcome, again))

    async def _answer(self, outcome: Outcome, call: Call) -> None:
        again: Call | None = call
        while again is not None and not self._run.stopping:
            call = again
            if self._run.limit_reached:
                outcome.left = BUDGET
                return
            try:
                known: Remembered = await self._engine.outermost.complete(call)
            except CallError as error:
                known = error
            except BudgetReached as reached:
                self._run.limit_reached = reached.message
                continue
            again = self._settle(outcome, call, known)

    def _settle(self, outcome: Outcome, call: Call, known: Remembered) -> Call | None:
        """Take a reply, or a failure, as the end of its item; return the call to ask instead where content may be."""
        error = known if isinstance(known, CallError) else None
        reply = known.reply if isinstance(known, CallError) else known
        value: Any = reply
        if error is None and self._accept is not None:
            try:
                value = self._accept(call, known)  # type: ignore[arg-type]  # it is a Reply where there is no error
            except InvalidReply as refusal:
                error = refusal
                error.request_id = error.request_id or (reply.request_id if reply else None)
                error.tries = reply.tries if reply else 1
                error.book(call.stage, call.item, self._engine.quarantine.scrubber)
        if error is not None:
            self._engine.quarantine.take(call, error, reply, call.key(self._engine.model.identity))
        if isinstance(error, InvalidReply) and call.attempt + 1 < self._attempts:
            return dataclasses.replace(call, attempt=call.attempt + 1)
        outcome.reply, outcome.error, outcome.attempt = reply, error, call.attempt
        outcome.value = value if error is None else None
        outcome.ended = True
        self._run.done += 1
        self._run.cached += reply is not None and reply.cached
        self._run.failed += error is not None
        return None

    def _list_the_rest(self) -> None:
        """After a stop, the calls that were never looked at are rows too."""
        if not self._exhausted:
            self.outcomes.extend(Outcome(call.item) for call in self._calls)
