"""Slots: how many calls are at work at once. A slot is free again when the reply is here, before it is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar

from toolkit.models import Call, Reply, Responder

__all__ = ["AtWork", "Slot", "Slotted", "current_slot"]


class AtWork:
    """How many calls a run may have at work at once; may be raised while runs go on.

    Args:
        most: Calls at work at most.

    Example:
        >>> bound, seen = AtWork(8), []
        >>> forget = bound.watch(seen.append)
        >>> bound.resize(64)
        >>> bound.most, seen
        (64, [64])
        >>> forget()
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._watchers: list[Callable[[int], object]] = []

    def resize(self, most: int) -> None:
        """Set it, and tell the runs that go on. Call it on the private loop."""
        self.most = most
        for told in tuple(self._watchers):
            told(most)

    def watch(self, told: Callable[[int], object]) -> Callable[[], None]:
        """Call a function with each new number, until what is returned is called."""
        self._watchers.append(told)
        return lambda: self._watchers.remove(told)


class Slot:
    """One worker's share of the calls that may be at work; taking it twice and giving it back twice are harmless.

    Args:
        free: The slots that are free, for all workers.
    """

    __slots__ = ("_free", "_held")

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free = free
        self._held = False

    async def take(self) -> None:
        """Wait for a free slot, unless this worker has one."""
        if not self._held:
            await self._free.acquire()
            self._held = True

    def give_back(self) -> None:
        """Let another worker have it."""
        if self._held:
            self._held = False
            self._free.release()


current_slot: ContextVar[Slot | None] = ContextVar("current_slot", default=None)
"""The slot of the worker that a task is."""


class Slotted:
    """Sends a call when its worker has a slot, and gives the slot back once the reply is here.

    It stands inside Cache: what comes before (the key, the look-up) is done while others are at work, and nobody waits
    for another's commit. A slot for the whole way cost 8 % of the pace at 200 ms (2,000 calls, 64 at once, wall over
    the ideal 1.13 instead of 1.05: ``python -m tests.perf.overhead``).

    Args:
        inner: The responder around which this stands.
    """

    def __init__(self, inner: Responder) -> None:
        self._inner = inner
        self.submitted = 0
        """Calls begun."""
        self.completed = 0
        """Calls ended, however they did."""

    def metrics(self) -> dict[str, float]:
        """Return how many calls began, ended and are at work, under the names they are exported by."""
        return {
            "toolkit_engine_inflight": self.submitted - self.completed,
            "toolkit_engine_submitted": self.submitted,
            "toolkit_engine_completed": self.completed,
        }

    async def complete(self, call: Call) -> Reply:
        """Answer, and give the slot back; a failed call keeps it until its row is written."""
        slot = current_slot.get()
        if slot is not None:
            await slot.take()
        self.submitted += 1
        try:
            reply = await self._inner.complete(call)
        finally:
            self.completed += 1
        if slot is not None:
            slot.give_back()
        return reply
