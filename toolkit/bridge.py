"""The private event loop: one background thread on which every call of this process lives."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

__all__ = ["Bridge", "bridge", "heard", "on_exit"]

T = TypeVar("T")

Closer = Callable[[], Coroutine[Any, Any, None]]

_log = logging.getLogger(__name__)

_TICK = 0.1
"""Seconds between looks at a running piece of work: how fast ■ is heard and progress drawn."""


class Bridge:
    """Runs coroutines on a loop of its own, so that verbs block in a notebook whose own loop is busy."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._closers: list[Closer] = []
        self._thread = threading.Thread(target=self._live, name="dramatis-loop", daemon=True)
        self._thread.start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The private loop."""
        return self._loop

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine on the private loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, action: Callable[[], object]) -> None:
        """Run a short function on the private loop, soon."""
        self._loop.call_soon_threadsafe(action)

    def wait(self, future: concurrent.futures.Future[T], tick: Callable[[], None], interrupt: Callable[[], None]) -> T:
        """Block until the future ends.

        Args:
            future: What ``submit`` gave.
            tick: Called about ten times a second on this thread, to draw progress.
            interrupt: Called at each KeyboardInterrupt; the wait goes on until the work has cleaned up after itself.
        """
        asked = told = 0
        while asked > told or not future.done():
            try:
                if asked > told:
                    told = asked
                    interrupt()
                concurrent.futures.wait([future], timeout=_TICK)
                if not future.done():
                    tick()
            except KeyboardInterrupt:
                asked = told + 1  # told from inside the try, so that the next one cannot break out in the middle of it
        return future.result()

    def on_close(self, closer: Closer) -> Callable[[], None]:
        """Have something closed on the private loop before the process ends.

        Returns:
            A function that takes the wish back; calling it twice is harmless.
        """
        self._closers.append(closer)

        def forget() -> None:
            with contextlib.suppress(ValueError):
                self._closers.remove(closer)

        return forget

    def close(self) -> None:
        """Close what asked for it, cancel the rest, end the thread."""
        if not self._thread.is_alive():
            return
        with contextlib.suppress(concurrent.futures.TimeoutError):
            self.submit(self._wind_up()).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    async def _wind_up(self) -> None:
        mine = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not mine]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for fault in await asyncio.gather(*(closer() for closer in self._closers), return_exceptions=True):
            if isinstance(fault, Exception):
                _log.error("something could not be closed at the end: %s", fault)
        await self._loop.shutdown_asyncgens()

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()


@contextlib.contextmanager
def heard(interrupt: Callable[[], object]) -> Iterator[None]:
    """Have each SIGINT (■, Ctrl-C) call a function instead of breaking in anywhere with a KeyboardInterrupt.

    Only the main thread can do this; elsewhere, and where no handler of Python's stands, nothing changes.

    Args:
        interrupt: Called between two steps of the main thread; it must return at once and take no lock.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: interrupt())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_lock = threading.Lock()
_current: tuple[int, Bridge] | None = None


def bridge() -> Bridge:
    """Return this process's bridge, started on first use; a forked child gets one of its own."""
    global _current  # noqa: PLW0603  # one private loop a process, so that locks and sessions share it
    with _lock:
        if _current is None or _current[0] != os.getpid():
            _current = (os.getpid(), Bridge())
        return _current[1]


def on_exit(closer: Closer) -> None:
    """Have something closed on the private loop before the process ends."""
    bridge().on_close(closer)


@atexit.register
def _close() -> None:
    if _current is not None and _current[0] == os.getpid():
        _current[1].close()
