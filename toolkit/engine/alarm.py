"""A timer on an injected clock: rings once, can be set earlier or taken off, and costs nothing while it waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

__all__ = ["TINY", "Alarm", "Now", "Sleep"]

Now = Callable[[], float]
"""Says the time, in seconds; ``time.monotonic`` or a test's clock."""

Sleep = Callable[[float], Awaitable[object]]
"""Waits for some seconds; ``asyncio.sleep`` or a test's clock."""

TINY = 1e-6
"""Seconds by which a timer may ring early: what adding and subtracting times may lose."""


class Alarm:
    """Calls ``ring`` at a time; whoever is rung looks for itself what is due.

    Args:
        ring: Called on the loop, without arguments.
        now: The clock.
        sleep: How to wait by that clock.

    Example:
        >>> async def one():
        ...     rung = asyncio.Event()
        ...     Alarm(rung.set).set(time.monotonic() + 0.01)
        ...     await rung.wait()
        ...     return "rung"
        >>> asyncio.run(one())
        'rung'
    """

    def __init__(self, ring: Callable[[], None], now: Now = time.monotonic, sleep: Sleep = asyncio.sleep) -> None:
        self._ring = ring
        self._now = now
        self._sleep = sleep
        self._at = 0.0
        self._task: asyncio.Task[None] | None = None

    def set(self, at: float) -> None:
        """Ring at this time, or at the earlier one that is set already."""
        if self._task is not None and not self._task.done() and self._at <= at + TINY:
            return
        self.clear()
        self._at = at
        self._task = asyncio.get_running_loop().create_task(self._wait(at))

    def clear(self) -> None:
        """Do not ring."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _wait(self, at: float) -> None:
        await self._sleep(max(at - self._now(), 0.0))
        self._task = None
        self._ring()
