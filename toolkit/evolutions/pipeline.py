"""Many pieces of work side by side, their results in input order: admission is held back while one hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextvars import copy_context
from typing import Any, Generic, TypeVar

from toolkit.engine import Run

__all__ = ["InOrder", "side_by_side"]

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 4
"""How far work may run ahead of the first piece that is not out yet, in pieces for each that may be at work."""


class InOrder(Generic[T, R]):
    """Does pieces of work, some at once, and hands each result out as soon as it and all before it are done.

    Results that wait for an earlier one are held, at most ``AHEAD`` times as many as may be at work; then no further
    piece is begun. A piece that hangs is ended by the engine's timeouts, so it holds the others up and blocks nothing
    for good. When the run is stopped, pieces at work are cancelled, and what is done is handed out, gaps left out.

    Args:
        work: Does one piece.
        emit: Takes a result, in input order.
        at_once: Pieces at work at once.
        run: Whose switches are obeyed.

    Attributes:
        peak_held: Most results that waited at once.
    """

    def __init__(
        self,
        work: Callable[[T], Awaitable[R]],
        emit: Callable[[R], object],
        *,
        at_once: int,
        run: Run,
    ) -> None:
        self.peak_held = 0
        self._work = work
        self._emit = emit
        self._at_once = at_once
        self._run = run
        self._held: dict[int, R] = {}
        self._begun = 0
        self._out = 0
        self._room = asyncio.Event()
        self._waiting: Iterator[T] = iter(())
        self._workers: list[asyncio.Task[None]] = []
        self._going = False
        self._context = copy_context()

    async def go(self, pieces: Iterable[T]) -> None:
        """Do all pieces.

        Raises:
            Exception: What a piece of work raised that is not its own result; the others are cancelled then.
        """
        self._waiting, self._going = iter(pieces), True
        self._hire(self._at_once)
        try:
            while pending := [worker for worker in self._workers if not worker.done()]:  # more may be hired meanwhile
                done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
                if any(not worker.cancelled() and worker.exception() for worker in done):
                    break
        finally:
            self._going = False
            for worker in self._workers:
                worker.cancel()
            ended = await asyncio.gather(*self._workers, return_exceptions=True)
        _raise_first(ended)
        for place in sorted(self._held):  # after a stop there are gaps
            self._emit(self._held.pop(place))

    def widen(self, at_once: int) -> None:
        """Let more pieces be at work at once, from now on; fewer than there are changes nothing."""
        more = at_once - self._at_once
        if more <= 0:
            return
        self._at_once = at_once
        self._room.set()
        if self._going and not self._run.stopping:
            self._hire(more)

    def _hire(self, count: int) -> None:
        for _ in range(count):
            # A context of its own each, made from the run's: more workers are hired from wherever the wish came.
            worker = asyncio.get_running_loop().create_task(self._worker(), context=self._context.copy())
            self._workers.append(worker)
            self._run.adopt(worker)

    async def _worker(self) -> None:
        while not self._run.stopping:
            while self._begun - self._out >= AHEAD * self._at_once:
                self._room.clear()
                await self._room.wait()
            try:
                piece = next(self._waiting)
            except StopIteration:
                return
            place, self._begun = self._begun, self._begun + 1
            self._held[place] = await self._work(piece)
            self.peak_held = max(self.peak_held, len(self._held))
            self._hand_out()

    def _hand_out(self) -> None:
        """Hand out what has its turn; without an await, so that a stop never comes in the middle of it."""
        while self._out in self._held:
            result = self._held.pop(self._out)
            self._out += 1
            self._emit(result)
        self._room.set()


async def side_by_side(work: Sequence[Coroutine[Any, Any, R]]) -> list[R]:
    """Do a few things at once and return their results in order; when one raises, or this is cancelled, all end."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _raise_first(ended: Iterable[Any]) -> None:
    for fault in ended:
        if isinstance(fault, BaseException) and not isinstance(fault, asyncio.CancelledError):
            raise fault
