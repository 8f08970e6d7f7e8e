"""What keeps a memory in order, as a store offers it: counts, validation, purging, limits."""

from __future__ import annotations

import abc
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from toolkit.errors import InvalidInput
from toolkit.memory import eviction, upkeep
from toolkit.memory.database import Database
from toolkit.memory.entry import Tally
from toolkit.memory.places import LISTED_AT, USED, settle
from toolkit.memory.reads import StoreReads
from toolkit.memory.rows import address
from toolkit.memory.schema import Connection
from toolkit.memory.upkeep import Stats, Validation, Which

__all__ = ["Keeping", "Measure"]

_THERE = f"SELECT hash FROM ({LISTED_AT})"  # noqa: S608  # constants only, here and below
_MEASURE = f"SELECT count(*), sum(size), min(used) FROM {USED}"  # noqa: S608

CHUNK = 500
"""Rows looked at in one read, and in one commit."""
PAGES = 4096
"""Pages given back to the disk in one go, so that nobody waits long for it."""


_PASSES = 8


@dataclass(frozen=True, slots=True)
class Measure:
    """How much a memory holds at one moment."""

    items: int
    """Entries."""
    size: int
    """Bytes of their bodies."""
    disk: int
    """Bytes the file has in use."""
    oldest: float | None
    """When the entry that is next to leave was used last."""


class Keeping(abc.ABC):
    """The part of a sealed store that looks after what is in it."""

    _database: Database
    _reads: StoreReads
    _tally: Tally

    @property
    @abc.abstractmethod
    def path(self) -> Path:
        """The file."""

    @abc.abstractmethod
    def flush(self) -> None:
        """Block until everything queued so far is committed."""

    @abc.abstractmethod
    def write_uses(self) -> None:
        """Queue the times of the reads so far."""

    @abc.abstractmethod
    def _do(self, run: Callable[[Connection], Any], *, shrink: int = 0) -> Any:
        """Have the writer run something in a transaction, and return what came of it."""

    def stats(self) -> Stats:
        """Return how much there is, by function and stage, and how large the file is."""
        self.flush()
        return upkeep.stats(self._reads.read, self.path, self._database.journal)

    def validate(self) -> Validation:
        """Read and verify every row, changing nothing, and return exact counts."""
        return upkeep.validate(self._reads.read_once, CHUNK)

    def absent(self, func: str, keys: Iterable[str]) -> Iterator[str]:
        """Yield those keys of which there is no entry, not even a damaged one."""
        waiting = iter(keys)
        while chunk := dict.fromkeys(islice(waiting, CHUNK)):
            places = {address(func, key): key for key in chunk}
            rows = self._reads.read(_THERE, (orjson.dumps(list(places)).decode(),))
            there = {row[0] for row in rows}
            yield from (key for place, key in places.items() if place not in there)

    def purge(
        self,
        *,
        damaged: bool = False,
        older_than: float | timedelta | None = None,
        stage: str | None = None,
        fallback: bool = False,
    ) -> int:
        """Remove the entries that meet every condition given, and return how many.

        Args:
            damaged: Only entries that do not verify. A file whose trees or index are damaged is begun anew with all
                that verifies.
            older_than: Only entries made longer ago than this, in seconds or as a timedelta.
            stage: Only this stage's.
            fallback: Only replies that a fallback gave, as ``toolkit.engine.fallback.is_fallback`` tells them.

        Raises:
            InvalidInput: No condition is given, or the age is negative.
        """
        before = None if older_than is None else time.time() - upkeep.seconds(older_than, "older_than")
        which = Which(damaged, before, stage, fallback)
        if which == Which():
            raise InvalidInput("purge was given no condition", hint="Say which entries, or use clear() for all.")
        self.flush()
        removed = 0
        for numbers in upkeep.candidates(self._reads.read, CHUNK, which):
            removed += self._do(partial(upkeep.remove, numbers=numbers, which=which))
        if damaged:
            self._tally.add(dropped=removed)
            self._do(upkeep.check)
        self._shrink()
        return removed

    def reduce_size(
        self,
        bytes_limit: float | None = None,
        items_limit: int | None = None,
        age_limit: timedelta | float | None = None,
    ) -> int:
        """Remove what was used longest ago until all limits hold, and return how many entries went.

        It goes in small steps, so that replies that are to be stored meanwhile hardly wait. What is used after it was
        chosen stays.

        Args:
            bytes_limit: Bytes all bodies may have together.
            items_limit: Entries there may be.
            age_limit: How long ago an entry may have been used last, a timedelta or seconds.

        Raises:
            InvalidInput: A limit is negative.
        """
        for name, limit in (("bytes_limit", bytes_limit), ("items_limit", items_limit)):
            if limit is not None and limit < 0:
                raise InvalidInput(f"{name} is {limit}", hint="Give zero or more.")
        since = None if age_limit is None else time.time() - upkeep.seconds(age_limit, "age_limit")
        return self.evict(eviction.Bounds(bytes_limit, items_limit, since))

    def evict(self, bounds: eviction.Bounds, wanted: Callable[[], bool] = lambda: True, *, shrink: bool = True) -> int:
        """Remove what was used longest ago until the bounds hold, as long as it is ``wanted``; return how many went."""
        self.flush()
        self._do(settle)  # only what is in the index can be told by its time of use
        removed = 0
        for step in eviction.victims(self._reads.read, bounds):
            if not wanted():
                break
            self.write_uses()  # queued before the step, so that what was read until now stays
            removed += self._do(partial(eviction.evict, step=step))
        if removed and shrink:
            self._shrink()
        return removed

    def fit(
        self,
        disk: float | None = None,
        items: float | None = None,
        wanted: Callable[[], bool] = lambda: True,
        *,
        shrink: bool = True,
    ) -> int:
        """Remove what was used longest ago until the file has at most ``disk`` bytes in use; return how many went.

        Pages are freed once all their rows have left, so it looks again after each pass. It makes some room beyond the
        limits, so that the next entry does not pass them again.

        Args:
            disk: Bytes of the file in use; the journal beside it, 16 MB at most, is not counted.
            items: Entries there may be.
            wanted: Asked before each step.
            shrink: Give what is free back to the disk, also what earlier passes freed; without it new entries take
                the place.
        """
        removed = 0
        for _ in range(_PASSES):
            now = self.measure()
            bounds = eviction.bounds_for(now.items, now.size, now.disk, items=items, disk=disk)
            if bounds is None:
                break
            gone = self.evict(bounds, wanted, shrink=False)
            removed += gone
            if not gone:
                break
        if shrink:
            self._shrink()
        return removed

    def measure(self) -> Measure:
        """Return how much there is now; costs a look at the table of uses, 0.1 s for a million entries."""
        items, size, oldest = self._reads.read(_MEASURE, ())[0]
        pages, free, page = (
            int(self._reads.read(f"PRAGMA {name}", ())[0][0]) for name in ("page_count", "freelist_count", "page_size")
        )
        return Measure(items, size or 0, (pages - free) * page, oldest)

    def clear(self, func: str | None = None, *, keep: Iterable[str] = ()) -> int:
        """Remove all entries but those of the functions to ``keep``, or one function's, and return how many.

        ``clear(REPLIES)`` removes the replies that were paid for; ``lab.memory.clear()`` keeps them.
        """
        removed = int(self._do(partial(upkeep.clear, func=func, kept=tuple(keep))))
        self._shrink()
        return removed

    def _shrink(self) -> None:
        """Give freed pages back to the disk, in steps."""
        free = self._freed()
        while free:
            self._do(lambda _: None, shrink=PAGES)
            left = self._freed()
            if left >= free:
                return
            free = left

    def _freed(self) -> int:
        return int(self._reads.read("PRAGMA freelist_count", ())[0][0])
