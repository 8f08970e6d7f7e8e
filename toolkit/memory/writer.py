"""One thread writes for a study's folder: it takes what is queued, commits it in one go, and then tells everybody."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import copy
import os
import threading
import time
import weakref
from collections.abc import Generator, Sequence
from typing import Any, Generic, Protocol, Self, TypeVar

from toolkit.errors import DramatisError

__all__ = ["Target", "Ticket", "Writer"]

T = TypeVar("T")

LARGEST_BATCH = 4096
"""Jobs committed at once, so that a write lock is never held for long."""
IDLE = 5.0
"""Seconds without work after which the thread ends; the next job starts a new one."""
CROWD = 6
"""Jobs of one commit from which on it is worth waiting for more: who stores one and waits for it is never kept."""
ENOUGH = 96
"""Jobs that are committed without waiting for more."""
FAST, LOOK = 800.0, 0.25
"""Jobs a second from which on it is worth it, and the seconds over which they are counted: at a slower pace, as with 64
calls of 200 ms at once, whose 320 answers are 640 jobs, those who wait for a commit are missed at work."""
SLICE, SLICES = 0.005, 6
"""Seconds to wait for more; as many times at most."""
FADES = 0.8
"""Share by which a crowd is still expected one commit later: those of few lines come between those of many replies."""


class Target(Protocol):
    """Something that takes a batch of jobs in one commit: the sealed store, an append-only file."""

    def commit(self, jobs: Sequence[Any]) -> Sequence[Any]:
        """Make all jobs durable and return one value a job, in order; or raise, and then none of them counts."""
        ...


class Ticket(Generic[T]):
    """The receipt of one job: wait for it with ``.result()`` in a thread, or ``await`` it on any loop.

    Awaiting many costs the loop one wake-up a batch, not one a job.
    """

    __slots__ = ("_done", "_error", "_event", "_futures", "_lock", "_value")

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._event: threading.Event | None = None
        self._futures: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] | None = None

    def done(self) -> bool:
        """Whether the job's batch was committed or has failed."""
        return self._done

    def result(self, timeout: float | None = None) -> T:
        """Block until the job is committed.

        Args:
            timeout: Longest wait, in seconds.

        Raises:
            TimeoutError: The wait was longer than ``timeout``; the job is still going to be committed.
            DramatisError: What the target raised.
        """
        if not self._done:
            with self._lock:
                event = self._event = self._event or threading.Event()
                if self.done():
                    event.set()
            if not event.wait(timeout):
                raise TimeoutError(f"the writer took longer than {timeout} s")
        return self._outcome()

    def future(self) -> asyncio.Future[None]:
        """Return a future of the running loop that is done when the job is; what became of it is for ``result``."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            waits = not self._done
            if waits:
                self._futures = self._futures or []
                self._futures.append((loop, future))
        if not waits:
            future.set_result(None)
        return future

    def __await__(self) -> Generator[Any, None, T]:
        """Wait without blocking the loop. Cancelling the wait does not cancel the job."""
        if not self.done():
            yield from self.future()
        return self._outcome()

    def _outcome(self) -> T:
        if self._error is not None:
            # a copy each: one exception raised in many tasks would pile up all their tracebacks
            raise copy.copy(self._error) from self._error
        value: T = self._value
        return value


class _Barrier:
    """The target behind ``flush``: nothing to do, and done when all before it is."""

    def commit(self, jobs: Sequence[Any]) -> Sequence[Any]:
        return [None] * len(jobs)


_BARRIER = _Barrier()
_Job = tuple[Target, Any, Ticket[Any]]


class Writer:
    """The one thread that writes for a study's folder, with group commit.

    Jobs come from any thread. What is queued when the thread is free becomes one batch: each target gets its share in
    one call, in the order of submission, and then all tickets of the batch are settled at once. A target that raises
    fails its own jobs only. Everything queued is written before the interpreter exits.

    Each commit writes some whole pages beyond its jobs', so while many come fast it waits for more, some
    milliseconds and only as long as they come.

    Args:
        name: Name of the thread, as debuggers show it.

    Example:
        >>> class Printed:
        ...     def commit(self, jobs):
        ...         return [print(job) for job in jobs]
        >>> with Writer("example") as writer:
        ...     writer.submit(Printed(), "one line").result()
        one line
    """

    def __init__(self, name: str = "memory") -> None:
        self._name = f"dramatis-writer-{name}"
        self._closing = False
        self._reset()
        _OPEN.add(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._queue: list[_Job] = []
        self._idle = False
        self._crowd = 0.0
        self._counted, self._since, self._is_fast = 0, time.monotonic(), False
        self._urgent = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Return the writer; leaving the block closes it."""
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def submit(self, target: Target, job: Any) -> Ticket[Any]:
        """Queue one job and return its ticket at once.

        Raises:
            DramatisError: The writer is closed.
        """
        with self._lock:
            if self._closing:
                raise DramatisError(f"{self._name} is closed", hint="Open the study again with tk.Lab(study=…).")
            ticket: Ticket[Any] = Ticket(self._lock)
            self._queue.append((target, job, ticket))
            if self._thread is None:
                self._start()
            elif self._idle:
                self._idle = False
                self._wake.notify()
        if self._thread is None:
            self._drain_here()
        return ticket

    def hurry(self) -> None:
        """Commit what is queued without waiting for more, for somebody who does nothing else meanwhile."""
        with self._lock:
            self._urgent = bool(self._queue)
            self._wake.notify()

    def flushed(self) -> Ticket[None]:
        """Return a ticket that is done when everything queued before it is; await it on a loop."""
        ticket = self.submit(_BARRIER, None)
        self.hurry()
        return ticket

    def flush(self, timeout: float | None = None) -> None:
        """Block until everything queued so far is committed or has failed; failures stay with their tickets."""
        self.flushed().result(timeout)

    def close(self) -> None:
        """Write what is queued and end the thread; a second call does nothing."""
        with self._lock:
            self._closing = True
            thread = self._thread
            self._wake.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._drain_here()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        # the interpreter is going down and starts no threads any more: submit() then commits in the caller
        with contextlib.suppress(RuntimeError):
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        while batch := self._next_batch():
            self._commit(batch)
            self._note(len(batch))

    def _next_batch(self) -> list[_Job]:
        with self._lock:
            while not self._queue and not self._closing:
                self._idle = True
                waited = self._wake.wait(IDLE)
                self._idle = False
                if not waited and not self._queue:
                    break
            self._wait_for_more()
            batch = self._queue[:LARGEST_BATCH]
            del self._queue[:LARGEST_BATCH]
            if not batch:
                self._thread = None
            return batch

    def _note(self, jobs: int) -> None:
        self._crowd = max(jobs, FADES * self._crowd)
        self._counted += jobs
        now = time.monotonic()
        if now - self._since >= LOOK:
            self._is_fast = self._counted >= FAST * (now - self._since)
            self._counted, self._since = 0, now

    def _wait_for_more(self) -> None:
        came, waits = -1, SLICES if self._is_fast and self._crowd >= CROWD else 0
        while waits and came < len(self._queue) < ENOUGH and not (self._closing or self._urgent):
            came, waits = len(self._queue), waits - 1
            self._wake.wait(SLICE)
        self._urgent = False

    def _drain_here(self) -> None:
        """Commit what is left in this thread, when there is no writer's thread any more."""
        while True:
            with self._lock:
                batch, self._queue = self._queue, []
            if not batch:
                return
            self._commit(batch)

    def _commit(self, batch: list[_Job]) -> None:
        shares: dict[int, list[_Job]] = {}
        for one in batch:
            shares.setdefault(id(one[0]), []).append(one)
        outcomes: list[tuple[Ticket[Any], Any, BaseException | None]] = []
        for share in shares.values():
            try:
                values = share[0][0].commit([job for _, job, _ in share])
            except BaseException as error:  # noqa: BLE001  # belongs to those who wait; the thread must live on
                outcomes.extend((ticket, None, error) for _, _, ticket in share)
            else:
                outcomes.extend((one[2], value, None) for one, value in zip(share, values, strict=True))
        self._settle(outcomes)

    def _settle(self, outcomes: list[tuple[Ticket[Any], Any, BaseException | None]]) -> None:
        loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        with self._lock:
            for ticket, value, error in outcomes:
                ticket._value, ticket._error, ticket._done = value, error, True  # noqa: SLF001  # one concern, two classes
                if ticket._event is not None:  # noqa: SLF001
                    ticket._event.set()  # noqa: SLF001
                for loop, future in ticket._futures or ():  # noqa: SLF001
                    loops.setdefault(loop, []).append(future)
        for loop, futures in loops.items():
            with contextlib.suppress(RuntimeError):  # that loop is closed; nobody waits there any more
                loop.call_soon_threadsafe(_wake_up, futures)


def _wake_up(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


_OPEN: weakref.WeakSet[Writer] = weakref.WeakSet()


def _close_all() -> None:
    for writer in list(_OPEN):
        writer.close()


def _after_fork() -> None:
    """Give the child of a fork its own lock, queue and thread; the parent writes what the parent queued."""
    for writer in list(_OPEN):
        writer._reset()  # noqa: SLF001


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
