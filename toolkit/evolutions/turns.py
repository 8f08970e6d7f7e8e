"""Turns: of all calls that could be made, those of the earliest service go first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Turns"]


class Turns:
    """Lets so many in at once; of those who wait, whoever has the lowest place comes first.

    So services are finished one after the other, lines are on disk early, and where a budget ends a run, what was spent
    made whole services and not the beginnings of all.

    Args:
        at_once: How many.

    Example:
        >>> async def one() -> str:
        ...     async with Turns(1).at(7):
        ...         return "in"
        >>> asyncio.run(one())
        'in'
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    @asynccontextmanager
    async def at(self, place: int) -> AsyncIterator[None]:
        """Wait for a turn and keep it within the block."""
        await self._take(place)
        try:
            yield
        finally:
            self._give_back()

    def widen(self, more: int) -> None:
        """Let so many more in at once."""
        for _ in range(more):
            self._give_back()

    async def _take(self, place: int) -> None:
        if self._free > 0 and not self._waiting:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (place, next(self._numbers), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the turn came together with the stop
                self._give_back()
            raise

    def _give_back(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
