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

from toolkit.errors import InvalidInput
from toolkit.redact import scrub

__all__ = ["Bridge", "bridge", "heard", "on_exit"]

T = TypeVar("T")

Closer = Callable[[], Coroutine[Any, Any, None]]

_log = logging.getLogger(__name__)

_PATIENCE = 5.0
"""Seconds that cancelled work has for its own end before the closers run without it."""
_TICK = 0.1
"""Seconds between looks at a running piece of work: how fast ■ is heard and progress drawn."""


class Bridge:
    """Runs coroutines on a loop of its own, so that verbs block in a notebook whose own loop is busy."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._closers: list[Closer] = []
        self._ending = False
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

        Raises:
            InvalidInput: The caller is on the private loop itself, which would wait for itself for ever.
        """
        if threading.current_thread() is self._thread:
            future.cancel()
            raise InvalidInput(
                "a verb that blocks was called on the private loop",
                hint="Call it from another thread, or await toolkit.aio.",
            )
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
        self._ending = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    async def _wind_up(self) -> None:
        mine = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not mine]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_PATIENCE)
        for fault in await asyncio.gather(*(closer() for closer in self._closers), return_exceptions=True):
            if isinstance(fault, Exception):
                _log.error("something could not be closed at the end: %s", scrub(str(fault)))
        await self._loop.shutdown_asyncgens()

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            while not self._ending:
                # A coroutine that raises KeyboardInterrupt or SystemExit breaks the loop; whoever waits for it is told
                # by the loop, so it has to go on.
                with contextlib.suppress(KeyboardInterrupt, SystemExit):
                    self._loop.run_forever()
        finally:
            self._loop.close()

    @property
    def closed(self) -> bool:
        """True once ``close`` was called."""
        return self._ending


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
_inherited: list[Bridge] = []
"""In a forked child its parent's bridge, kept: to end it here would end it there (they share one epoll)."""


def _after_fork() -> None:
    global _current, _lock  # noqa: PLW0603  # the lock may be held by a thread that the child does not have
    _lock = threading.Lock()
    if _current is not None:
        _inherited.append(_current[1])
        _current = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def bridge() -> Bridge:
    """Return this process's bridge, started on first use; a forked child gets one of its own."""
    global _current  # noqa: PLW0603  # one private loop a process, so that locks and sessions share it
    with _lock:
        if _current is None or _current[0] != os.getpid() or _current[1].closed:
            _current = (os.getpid(), Bridge())
        return _current[1]


def on_exit(closer: Closer) -> None:
    """Have something closed on the private loop before the process ends."""
    bridge().on_close(closer)


@atexit.register
def _close() -> None:
    if _current is not None and _current[0] == os.getpid():
        _current[1].close()
