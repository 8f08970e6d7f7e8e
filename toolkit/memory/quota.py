"""A quota on a study's memory: what was used longest ago leaves while the study goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from toolkit.errors import DramatisError, InvalidInput
from toolkit.memory.keeping import Measure

__all__ = ["Quota"]

_log = logging.getLogger(__name__)

_GROWTH = 2.0
"""Bytes of the file to a byte of bodies, until they are measured."""


class Limited(Protocol):
    """A memory that can be measured and made smaller."""

    def measure(self) -> Measure:
        """Return how much it holds."""
        ...

    def fit(self, disk: float | None, items: float | None, wanted: Callable[[], bool], *, shrink: bool) -> int:
        """Remove what was used longest ago until the limits hold."""
        ...


class Quota:
    """Watches what is written, and makes room on a thread of its own when a limit is passed.

    The work is done in steps of some milliseconds between the study's own commits; what is used while it goes on
    stays. A limit that a single run outgrows is kept to all the same, and said once.

    Args:
        store: The memory.
        disk: Bytes its file may have in use.
        items: Entries it may have.

    Raises:
        InvalidInput: A limit is less than one.
    """

    def __init__(self, store: Limited, *, disk: int | None, items: int | None) -> None:
        for name, limit in (("memory_limit", disk), ("memory_items", items)):
            if limit is not None and limit < 1:
                raise InvalidInput(f"{name} is {limit}", hint="Give what memory may hold, or leave it out for all.")
        self._store = store
        self._disk = disk
        self._items = items
        self._began = time.time()
        self._told = False
        self._now = Measure(0, 0, 0, None)
        self._written, self._bytes = 0, 0
        self._closed = False
        self.forked()
        self._start()

    def forked(self) -> None:
        """Give the child of a fork a lock of its own; the thread stays with the parent."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._called = False

    def wrote(self, number: int, size: int) -> None:
        """Take note of a commit; called on the writer's thread, so it only counts."""
        self._written += number
        self._bytes += size
        growth = self._now.disk / self._now.size if self._now.size else _GROWTH
        too_many = self._items is not None and self._now.items + self._written > self._items
        if too_many or (self._disk is not None and self._now.disk + growth * self._bytes > self._disk):
            self._start()

    def close(self) -> None:
        """End the work in the background, and make what room is still missing."""
        with self._lock:
            self._closed, thread = True, self._thread
        if thread is not None:
            thread.join()
        self._enforce(lambda: True, shrink=True)

    def _start(self) -> None:
        with self._lock:
            self._called = True
            if self._closed or self._thread is not None:
                return
            self._thread = threading.Thread(target=self._run, name="dramatis-quota", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while self._is_called():
            try:
                self._enforce(lambda: not self._closed, shrink=False)
            except DramatisError:
                _log.warning("memory could not be made smaller", exc_info=True)

    def _is_called(self) -> bool:
        """Whether there is something to do; otherwise the thread ends, and a later commit starts another."""
        with self._lock:
            called, self._called = self._called and not self._closed, False
            if not called:
                self._thread = None
            return called

    def _enforce(self, wanted: Callable[[], bool], *, shrink: bool) -> None:
        removed = self._store.fit(self._disk, self._items, wanted, shrink=shrink)
        self._written, self._bytes = 0, 0
        self._now = self._store.measure()
        if removed and not self._told and (self._now.oldest or 0.0) > self._began:
            self._told = True
            _log.warning(
                "memory's limit is smaller than what this study uses: replies of this session leave, and a resumed "
                "run pays for them again. Raise memory_limit or memory_items."
            )
