"""One call of the pipeline: memory first, then the engine, and what its reply holds, read part by part."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from toolkit.engine import BUDGET, Engine, Outcome, Run
from toolkit.engine.slots import Slot, current_slot
from toolkit.errors import BudgetReached, CallError, InvalidReply
from toolkit.evolutions.turns import Turns
from toolkit.models import Call, Reply

__all__ = ["Asker", "Read"]

_MORE = 1.125
"""Turns for each slot: while some calls are looked up or committed, others are at work, as in the engine's pool."""

Read = Callable[[str], Any]
"""Turns a reply's text into a value, or raises ``InvalidReply`` to refuse it."""


class Asker:
    """Asks calls that follow from each other; at most as many are at work as the study allows.

    Within a ``with`` block it follows the study: where more calls may be at work, more are. The limiter sees to fewer.

    Args:
        engine: The dependable model.
        run: On whose behalf; its counts are kept up to date and its switches obeyed.
        attempts: How often content may be asked for; one by policy.
        first: The first attempt of a call that failed before, by item.
        seen: Told of each call before it is asked.
        missed: Told of each call that memory does not answer.
    """

    def __init__(
        self,
        engine: Engine,
        run: Run,
        *,
        attempts: int = 1,
        first: Mapping[str, int] | None = None,
        seen: Callable[[Call], object] | None = None,
        missed: Callable[[Call], object] | None = None,
    ) -> None:
        self._engine = engine
        self._run = run
        self._attempts = attempts
        self._first = first or {}
        self._seen = seen
        self._missed = missed
        self._most = engine.concurrency
        self._slots = asyncio.Semaphore(self._most)
        self._turns = Turns(math.ceil(_MORE * self._most))

    def __enter__(self) -> Self:
        self._forget = self._engine.at_work.watch(self._grow)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._forget()

    async def ask(self, call: Call, read: Read, place: int = 0) -> Outcome:
        """Answer one call; a budget that leaves no room makes it one that did not end.

        Args:
            call: What is asked.
            read: Reads the reply.
            place: Of those that wait for a turn the lowest place goes first.

        Raises:
            asyncio.CancelledError: The run is stopping.
        """
        first = self._first.get(call.item, 0)
        call = dataclasses.replace(call, attempt=first) if first else call
        last = max(self._attempts, first + 1) - 1
        while True:
            if self._seen is not None:
                self._seen(call)
            outcome = await self._once(call, read, place)
            refused = isinstance(outcome.error, InvalidReply)
            if not refused or call.attempt >= last:
                self._count(outcome)
                return outcome
            call = dataclasses.replace(call, attempt=call.attempt + 1)

    def _grow(self, most: int) -> None:
        """Make slots and turns where more calls may be at work."""
        if most <= self._most:
            return
        self._turns.widen(math.ceil(_MORE * most) - math.ceil(_MORE * self._most))
        for _ in range(most - self._most):
            self._slots.release()
        self._most = most

    async def _once(self, call: Call, read: Read, place: int) -> Outcome:
        if self._run.stopping:
            raise asyncio.CancelledError
        engine = self._engine.of(call)
        began = time.monotonic()
        known = engine.cache.lookup([call])[0]
        if known is not None:
            identity = engine.model.identity
            engine.ledger.write(call, call.key(identity), identity, known, began)
            await asyncio.sleep(0)  # a long row of hits leaves the loop to others
        else:
            try:
                known = await self._live(engine, call, place)
            except BudgetReached as reached:
                self._run.limit_reached = reached.message
                return Outcome(call.item, left=BUDGET)
        return self._read(call, read, known)

    async def _live(self, engine: Engine, call: Call, place: int) -> Reply | CallError:
        async with self._turns.at(place):
            if self._run.limit_reached:
                raise BudgetReached(self._run.limit_reached)
            if self._missed is not None:
                self._missed(call)
            return await self._answer(engine, call)

    async def _answer(self, engine: Engine, call: Call) -> Reply | CallError:
        slot = Slot(self._slots)
        token = current_slot.set(slot)
        try:
            return await engine.outermost.complete(call)
        except CallError as error:
            return error
        finally:
            slot.give_back()
            current_slot.reset(token)

    def _read(self, call: Call, read: Read, known: Reply | CallError) -> Outcome:
        """Read a reply; one that the schema check refused may still be of a shape that is accepted."""
        error = known if isinstance(known, CallError) else None
        reply: Reply | None = known.reply if isinstance(known, CallError) else known
        outcome = Outcome(call.item, reply=reply, error=error, ended=True, attempt=call.attempt)
        if reply is not None and (error is None or isinstance(error, InvalidReply)):
            try:
                outcome.value = read(reply.text)
            except InvalidReply as refusal:
                refusal.request_id, refusal.tries, refusal.reply = reply.request_id, reply.tries, reply
                refusal.book(call.stage, call.item, self._engine.quarantine.scrubber)
                outcome.error = error = refusal
            else:
                outcome.error = error = None
        if error is not None:
            identity = self._engine.of(call).model.identity
            self._engine.quarantine.take(call, error, reply, call.key(identity))
        return outcome

    def _count(self, outcome: Outcome) -> None:
        if outcome.ended:
            self._run.done += 1
            self._run.cached += outcome.reply is not None and outcome.reply.cached
            self._run.failed += outcome.error is not None
