"""One execution of a verb, as the engine sees it: who asked, what is done, and whether to stop."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.engine.budget import Account

__all__ = ["Run", "current_run"]

_numbers = itertools.count(1)


@dataclass(slots=True, eq=False)
class Run:
    """Counts and switches of one run; written on the private loop, read from anywhere."""

    verb: str
    id: str = field(default="")
    """``ask-3``: the verb and a number that is unique in this process."""
    since: float = field(default_factory=time.time)
    """When this piece of work first began; entries written later are fresh to ``refresh``, resumed runs included."""
    began: float = field(default_factory=time.monotonic)
    total: int | None = None
    """Items asked for, once known."""
    done: int = 0
    """Items that ended, cached and failed ones included."""
    cached: int = 0
    failed: int = 0
    doing: str = ""
    """What is at work now, where items take long: a few words for the progress line."""
    stopping: bool = False
    """True once somebody asked to stop; no new call starts then."""
    finished: bool = False
    account: Account | None = None
    """The run's own budget, where it has one."""
    limit_reached: str = ""
    """Which budget was reached, in one line; no call that memory cannot answer starts then."""
    behind: bool = False
    """Whether a call may return before its reply is stored, for the next turn waits for it; ``written`` waits then."""
    fault: Exception | None = None
    """What kept a reply from being stored where nobody waited for it; the run ends with it."""
    _workers: set[asyncio.Task[None]] = field(default_factory=set)
    _unwritten: set[asyncio.Future[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.id = self.id or f"{self.verb}-{next(_numbers)}"

    def stop(self) -> None:
        """Start nothing new and cancel what is in flight. Call it on the private loop."""
        self.stopping = True
        for worker in self._workers:
            worker.cancel()

    def adopt(self, worker: asyncio.Task[None]) -> None:
        """Count a task among those that ``stop`` cancels."""
        self._workers.add(worker)
        worker.add_done_callback(self._workers.discard)

    def owe(self, written: asyncio.Future[None]) -> None:
        """Count a reply that is here, but not stored yet."""
        self._unwritten.add(written)
        written.add_done_callback(self._unwritten.discard)

    async def written(self) -> None:
        """Wait until every reply that is here by now is stored.

        Raises:
            DramatisError: One cannot be: the disk is full, or the folder is gone.
        """
        if self._unwritten:
            await asyncio.wait(set(self._unwritten))
        if self.fault is not None:
            raise self.fault

    @property
    def elapsed(self) -> float:
        """Seconds since this run began."""
        return time.monotonic() - self.began


current_run: ContextVar[Run | None] = ContextVar("current_run", default=None)
"""The run on whose behalf a task of the private loop works."""
