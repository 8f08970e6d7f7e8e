"""A clock that tests turn by hand."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

__all__ = ["FakeClock"]

_TURNS = 32  # loop turns that let woken tasks go to their next sleep


class FakeClock:
    """An injected clock: ``now()`` and ``sleep()`` in place of ``time.monotonic`` and ``asyncio.sleep``.

    Time stands still until ``advance`` moves it, or, with ``auto=True``, jumps to the next sleeper as soon as every
    task waits. All sleepers must run on one loop.

    Args:
        start: The time at the beginning, in seconds.
        auto: Whether time moves by itself.

    Example:
        >>> async def nap(clock):
        ...     await clock.sleep(3600)
        ...     return clock.now()
        >>> asyncio.run(nap(FakeClock(auto=True)))
        3600.0
    """

    def __init__(self, start: float = 0.0, *, auto: bool = False) -> None:
        self._now = float(start)
        self._auto = auto
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._mover: asyncio.Task[None] | None = None
        self.slept: list[float] = []
        """Every sleep asked for, in seconds, in order."""

    def now(self) -> float:
        """Return the time, in seconds."""
        return self._now

    def __call__(self) -> float:
        """Return the time, so that the clock stands in for ``time.monotonic`` itself."""
        return self._now

    @property
    def waiting(self) -> int:
        """How many sleepers wait."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has moved on by ``seconds``; 0 or less only lets other tasks run."""
        self.slept.append(seconds)
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), woken))
        if self._auto and (self._mover is None or self._mover.done()):
            self._mover = asyncio.create_task(self._move())
        await woken

    async def advance(self, seconds: float) -> None:
        """Move time on, waking each sleeper at its own moment and letting it run before time goes on.

        Raises:
            ValueError: Time would run backwards.
        """
        if seconds < 0:
            raise ValueError(f"time cannot go back {-seconds} s")
        until = self._now + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            await self._wake_next()
        self._now = until

    async def _move(self) -> None:
        await self._settle()
        while self._sleepers:
            await self._wake_next()

    async def _wake_next(self) -> None:
        at, _, woken = heapq.heappop(self._sleepers)
        if woken.done():  # its task was cancelled
            return
        self._now = max(self._now, at)
        woken.set_result(None)
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
