"""When entries were used: noted at each read, written down in batches, so that reading costs no write."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Touch", "Uses"]

BATCH = 2000
"""Reads remembered before their times of use are written down."""


@dataclass(frozen=True, slots=True)
class Touch:
    """Reads of which the time is to be written down: when, and the addresses of what was read."""

    reads: Sequence[tuple[float, Sequence[int]]]


class Uses:
    """Collects reads until there are enough to be written in one go."""

    def __init__(self) -> None:
        self.forked()

    def forked(self) -> None:
        """Begin empty, as the child of a fork must; the parent writes what the parent read."""
        self._lock = threading.Lock()
        self._reads: list[tuple[float, Sequence[int]]] = []
        self._unwritten = 0

    def note(self, addresses: Sequence[int]) -> Touch | None:
        """Remember a read; return what is to be written once a batch is full."""
        with self._lock:
            self._reads.append((time.time(), addresses))
            self._unwritten += len(addresses)
            full = self._unwritten >= BATCH
        return self.taken(BATCH) if full else None

    def taken(self, fewest: int = 1) -> Touch | None:
        """Return what was read since the last time, where it is that many at least."""
        with self._lock:
            if self._unwritten < fewest:
                return None
            reads, self._reads, self._unwritten = self._reads, [], 0
        return Touch(reads)
