"""Many calls: a window over an iterator, memory first in bulk, bounded concurrency, results in input order."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from itertools import islice
from typing import Any

from toolkit.engine.cache import Remembered
from toolkit.engine.run import Run, current_run
from toolkit.engine.slots import Slot, current_slot
from toolkit.engine.stack import Engine
from toolkit.errors import BudgetReached, CallError, InvalidReply
from toolkit.models import Call, Reply, Usage

__all__ = ["BUDGET", "NOT_RUN", "Accept", "Outcome", "Then", "run_calls"]

NOT_RUN = "not_run"
"""The kind of an item that a stop left over; ``resume()`` does these."""

BUDGET = "budget"
"""The kind of an item that a reached budget left over."""

_WINDOW = 256
"""Calls whose keys are looked up in one read, while memory has them all."""

_FIRST_WINDOW = 16
"""The first window, and each one while there is something to ask: nothing is sent or read while prompts are made, and
256 of them would hold up 64 calls at 200 ms for a fifth of their time."""

_AHEAD = 0.01
"""Seconds between looks at whether further calls should be made ready while the model thinks."""

_SPARE = 1 / 16
"""Workers beyond the slots, as a share: while they prepare a call or wait for its commit, which may take a sixth of the
time that the model takes, others are at work. Fewer than 16 calls have none: a kill costs what was in flight."""

Accept = Callable[[Call, Reply], Any]
"""Turns a reply into a value or raises ``InvalidReply``."""


Then = Callable[[Call, "Outcome"], Call | None]
"""Told how a call ended; returns the call that follows it, the next turn of one conversation, or nothing."""


@dataclass(slots=True)
class Outcome:
    """How one call ended: a value, or the kind of failure."""

    item: str
    value: Any = None
    """What ``accept`` made of the reply; the reply itself where there was no ``accept``."""
    reply: Reply | None = None
    """The last reply that came, refused or not; where ``accept`` made a value of it, without its own."""
    error: CallError | None = None
    ended: bool = False
    """False where a stop or a budget came first."""
    left: str = NOT_RUN
    """Why it did not end, where it did not."""
    attempt: int = 0
    """Which content attempt was kept, or failed last."""
    next: Outcome | None = None
    """How the call ended that followed this one, where one did."""

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
    engine: Engine,
    calls: Iterable[Call],
    run: Run,
    *,
    accept: Accept | None = None,
    attempts: int = 1,
    then: Then | None = None,
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
        then: Returns the call that follows one that ended, so that the turns of a conversation come one after the other
            while conversations go on side by side; how it ended is ``next`` of the outcome before.

    Returns:
        One outcome a call, in the order of the calls.
    """
    token = current_run.set(run)
    work = _Work(engine, iter(calls), run, accept, attempts, then)
    try:
        await work.go()
    finally:
        current_run.reset(token)
    return work.outcomes


class _Work:
    def __init__(
        self,
        engine: Engine,
        calls: Iterator[Call],
        run: Run,
        accept: Accept | None,
        attempts: int,
        then: Then | None,
    ) -> None:
        self.outcomes: list[Outcome] = []
        self._engine = engine
        self._calls = calls
        self._run = run
        self._accept = accept
        self._attempts = attempts
        self._then = then
        self._following: list[tuple[Outcome, Call]] = []
        self._misses: deque[tuple[Outcome, Call]] = deque()
        self._usages: dict[Usage, Usage] = {}
        self._exhausted = False
        self._window = _FIRST_WINDOW
        self._refilling = asyncio.Lock()
        self._slots = asyncio.Semaphore(engine.concurrency)
        self._over = False
        self._slots_made = engine.concurrency
        self._workers: list[asyncio.Task[None]] = []
        self._context = copy_context()

    async def go(self) -> None:
        """Work until nothing is left or the run is stopped; errors that are not a call's own end the run."""
        self._hire(self._slots_made + math.floor(_SPARE * self._slots_made))
        self._begin(self._look_ahead())
        forget = self._engine.at_work.watch(self._grow)
        try:
            while pending := [worker for worker in self._workers if not worker.done()]:  # more may be hired meanwhile
                done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
                if any(not worker.cancelled() and worker.exception() for worker in done):
                    break
        finally:
            forget()
            self._over = True
            for worker in self._workers:
                worker.cancel()
            ended = await asyncio.gather(*self._workers, return_exceptions=True)
        for fault in ended:
            if isinstance(fault, BaseException) and not isinstance(fault, asyncio.CancelledError):
                raise fault
        self._list_the_rest()

    def _hire(self, count: int) -> None:
        for _ in range(count):
            self._begin(self._worker())

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        # A context of its own each, made from the run's: more workers are hired from wherever the wish came.
        worker = asyncio.get_running_loop().create_task(work, context=self._context.copy())
        self._workers.append(worker)
        self._run.adopt(worker)

    async def _look_ahead(self) -> None:
        """Make further calls ready while the model thinks, a few at a time, so that none waits for its prompt."""
        while self._more and not (self._run.stopping or self._over):
            await asyncio.sleep(_AHEAD)
            if self._more and len(self._misses) < self._slots_made and not self._refilling.locked():
                self._refill()

    def _grow(self, most: int) -> None:
        """Make slots, and workers for them, where more calls may be at work; the limiter sees to fewer."""
        more = most - self._slots_made
        if more <= 0 or self._run.stopping:
            return
        self._slots_made = most
        for _ in range(more):
            self._slots.release()
        self._hire(more)

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
            if self._run.stopping or not self._more:
                return None
            async with self._refilling:
                if not self._misses and self._more:
                    self._refill()
            await asyncio.sleep(0)
        return self._misses.popleft()

    @property
    def _more(self) -> bool:
        """Whether there is something to look up: a call that follows one that ended, or one not looked at yet."""
        return bool(self._following) or not self._exhausted

    def _refill(self) -> None:
        """Look the next window up in memory: hits end here, misses wait for a worker."""
        following, self._following = self._following, []
        window = list(islice(self._calls, self._window)) if not self._exhausted else []
        self._exhausted = len(window) < self._window
        fresh = [Outcome(call.item) for call in window]
        self.outcomes.extend(fresh)
        jobs = [*following, *zip(fresh, window, strict=True)]
        while jobs:
            self._look_up(jobs)
            jobs, self._following = self._following, []
        self._window = _FIRST_WINDOW if self._misses else min(_WINDOW, 2 * self._window)

    def _look_up(self, jobs: Sequence[tuple[Outcome, Call]]) -> None:
        began = time.monotonic()
        for (outcome, call), known in zip(jobs, self._remembered([call for _, call in jobs]), strict=True):
            if known is None:
                self._misses.append((outcome, call))
                continue
            engine = self._engine.of(call)
            identity = engine.model.identity
            engine.ledger.write(call, call.key(identity), identity, known, began)
            again = self._settle(outcome, call, known)
            if again is not None:
                self._misses.append((outcome, again))

    def _remembered(self, calls: Sequence[Call]) -> Sequence[Remembered | None]:
        """Return what memory holds for calls, in order: one read for each model."""
        models = {call.model for call in calls}
        if len(models) == 1:
            return self._engine.of(calls[0]).cache.lookup(calls)
        found: dict[int, Remembered | None] = {}
        for model in models:
            places = [place for place, call in enumerate(calls) if call.model == model]
            asked = [calls[place] for place in places]
            found.update(zip(places, self._engine.of(asked[0]).cache.lookup(asked), strict=True))
        return [found[place] for place in range(len(calls))]

    async def _answer(self, outcome: Outcome, call: Call) -> None:
        again: Call | None = call
        while again is not None and not self._run.stopping:
            call = again
            if self._run.limit_reached:
                outcome.left = BUDGET
                return
            try:
                known: Remembered = await self._engine.of(call).outermost.complete(call)
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
            identity = self._engine.of(call).model.identity
            self._engine.quarantine.take(call, error, reply, call.key(identity))
        if isinstance(error, InvalidReply) and call.attempt + 1 < self._attempts:
            return dataclasses.replace(call, attempt=call.attempt + 1)
        outcome.value = value if error is None else None
        if outcome.value is not reply and reply is not None and reply.value is not None:
            usage = self._usages.setdefault(reply.usage, reply.usage)
            reply = dataclasses.replace(reply, value=None, usage=usage)  # a long result holds each answer once
        outcome.reply, outcome.error, outcome.attempt = reply, error, call.attempt
        outcome.ended = True
        self._run.done += 1
        self._run.cached += reply is not None and reply.cached
        self._run.failed += error is not None
        following = self._then(call, outcome) if self._then is not None else None
        if following is not None:
            outcome.next = Outcome(following.item)
            self._following.append((outcome.next, following))
        return None

    def _list_the_rest(self) -> None:
        """After a stop, the calls that were never looked at are rows too."""
        if not self._exhausted:
            self.outcomes.extend(Outcome(call.item) for call in self._calls)
