"""The sealed memory of a study: JSON bodies under SHA-256 in one SQLite file, verified whenever they are read."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import orjson

from toolkit.errors import DramatisError, InvalidInput, MemoryCorrupt
from toolkit.memory import upkeep
from toolkit.memory.database import Database, Journal
from toolkit.memory.entry import (
    READ,
    Counts,
    Entry,
    Row,
    Tally,
    after_of,
    decoded,
    is_text,
    newest,
    place_of,
    row_of,
    unseal,
)
from toolkit.memory.reads import StoreReads
from toolkit.memory.upkeep import Stats, Validation
from toolkit.memory.writer import Ticket, Writer
from toolkit.memory.writes import Put, StoreWrites, Touch, Work

__all__ = ["SealedStore"]

_log = logging.getLogger(__name__)

_ONE = f"SELECT {READ} FROM entries WHERE func=? AND key=?"  # noqa: S608  # constants only, here and below
_MANY = f"SELECT {READ} FROM entries WHERE func=? AND key IN (SELECT value FROM json_each(?))"  # noqa: S608
_PAGE = f"SELECT {READ} FROM entries WHERE (func, key) > (?, ?) ORDER BY func, key LIMIT ?"  # noqa: S608
_PAGE_OF = f"SELECT {READ} FROM entries WHERE func=? AND key > ? ORDER BY key LIMIT ?"  # noqa: S608
_LATEST = f"SELECT {READ} FROM entries WHERE stage=? AND item=? ORDER BY created DESC LIMIT 8"  # noqa: S608

CHUNK = 500
"""Rows read at once: long enough to be fast, short enough that no read holds the file up."""
TOUCHES = 2000
"""Reads remembered before their times of use are written down."""


class SealedStore:
    """A study's memory: one SQLite file, safe to share between threads and processes.

    Reads are verified against their seal, so a changed byte is found and never served. Writes go through one thread
    and are durable when their ticket is done. Nothing is ever unpickled: a file from a colleague cannot run code.

    Args:
        path: The file, made (mode 0600) where there is none.
        heal: Drop what is damaged and move a damaged file into ``quarantine/`` beside it, keeping what can be verified;
            with False damage raises ``MemoryCorrupt``.
        writer: The study's writer; without one the store has its own and closes it.
        read_only: Refuse to write, times of use included.
        journal: ``auto`` takes SQLite's write-ahead log except on network homes; ``wal`` and ``rollback`` insist.

    Raises:
        MemoryCorrupt: The whole file is damaged, and ``heal`` is False.
        MemoryUnwritable: The file cannot be opened.
        InvalidInput: A newer version of the toolkit wrote it.

    Example:
        >>> import tempfile
        >>> from toolkit.memory import REPLIES, Entry
        >>> folder = tempfile.TemporaryDirectory()
        >>> with SealedStore(Path(folder.name) / "memory.sqlite", heal=True) as store:
        ...     done = store.put(Entry(REPLIES, "ab12", b'{"text":"yes"}')).result()
        ...     store.get(REPLIES, "ab12").json()
        {'text': 'yes'}
        >>> folder.cleanup()
    """

    def __init__(
        self,
        path: str | Path,
        *,
        heal: bool,
        writer: Writer | None = None,
        read_only: bool = False,
        journal: Journal = "auto",
    ) -> None:
        self._tally = Tally()
        self._database = Database(Path(path), heal=heal, read_only=read_only, journal=journal, tally=self._tally)
        self._owns_writer = writer is None
        self._writer = writer or Writer(self._database.path.parent.name)
        self._reads = StoreReads(self._database)
        self._writes = StoreWrites(self._database, self._tally)
        self._closed = False
        self._reset()
        _OPEN.add(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._used: list[tuple[float, str, Sequence[str]]] = []
        self._unwritten = 0
        self._known_damaged: set[tuple[str, str]] = set()

    def __enter__(self) -> Self:
        """Return the store; leaving the block closes it."""
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SealedStore({str(self.path)!r}, {self.counts})"

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    @property
    def heal(self) -> bool:
        """Whether damage is dropped and made anew; otherwise it raises."""
        return self._database.heal

    @property
    def read_only(self) -> bool:
        """Whether this store refuses to write."""
        return self._database.read_only

    @property
    def closed(self) -> bool:
        """Whether the store was closed."""
        return self._closed

    @property
    def counts(self) -> Counts:
        """What happened since the store was opened."""
        return self._tally.counts()

    # reading

    def get(self, func: str, key: str) -> Entry | None:
        """Return one verified entry, or None when there is none.

        Raises:
            MemoryCorrupt: The entry is damaged, and this store may not heal.
        """
        entry = self._find(func, key)
        if entry is None:
            self._tally.add(misses=1)
            return None
        self._tally.add(hits=1)
        self._touch(func, (key,))
        return entry

    def get_many(self, func: str, keys: Iterable[str]) -> dict[str, Entry]:
        """Return the verified entries there are among ``keys``, by key, in no order.

        100,000 of 600 bytes came at 57,000 to 75,000 a second on 2 busy cores: ``python -m tests.memory.measure``.

        Raises:
            MemoryCorrupt: An entry is damaged, and this store may not heal.
        """
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Entry] = {}
        for start in range(0, len(wanted), CHUNK):
            try:
                names = orjson.dumps(wanted[start : start + CHUNK]).decode()
            except TypeError:
                names = orjson.dumps([key for key in wanted[start : start + CHUNK] if is_text(key)]).decode()
            for entry in self._verified(self._reads.read(_MANY, (func, names))):
                found[entry.key] = entry
        self._tally.add(hits=len(found), misses=len(wanted) - len(found))
        if found:
            self._touch(func, tuple(found))
        return found

    def contains(self, func: str, key: str) -> bool:
        """Whether there is an entry that verifies; neither counts nor marks it as used."""
        return self._find(func, key) is not None

    def entries(self, func: str | None = None, after: tuple[str, str] | str | None = None) -> Iterator[Entry]:
        """Yield verified entries in the order of function and key, however many there are, without holding the file.

        Args:
            func: Only this function's.
            after: Go on behind this key of ``func``, or behind this pair of function and key.
        """
        last = after_of(func, after)
        while True:
            sql = _PAGE if func is None else _PAGE_OF
            rows = self._reads.read(sql, (*last, CHUNK))
            yield from self._verified(rows)
            if len(rows) < CHUNK:
                return
            last = decoded(rows[-1][0]), decoded(rows[-1][1])

    def latest(self, stage: str, item: str) -> Entry | None:
        """Return the newest verified entry made for one item of a stage; a replay miss is explained with it."""
        return newest([entry for row in self._reads.read(_LATEST, (stage, item)) if (entry := unseal(row)) is not None])

    # writing

    def put(self, entry: Entry, *, overwrite: bool = True) -> Ticket[bool]:
        """Queue one entry; it counts as stored when its ticket is done (``await`` it, or ``.result()``).

        Args:
            entry: What to store.
            overwrite: With False an entry that is already there and verifies is kept.

        Returns:
            A ticket for whether this entry was written.

        Raises:
            InvalidInput: The body is no JSON or too large, or the store is read-only.
        """
        return self._submit(Put(row_of(entry), overwrite))

    def delete(self, func: str, key: str) -> Ticket[bool]:
        """Queue the removal of one entry; the ticket says whether there was one."""
        return self._submit(Work(lambda connection: upkeep.delete(connection, func, [key]) > 0))

    def flush(self) -> None:
        """Block until everything queued so far is committed, times of use included."""
        if not self.read_only:
            self._write_touches(fewest=1)
            self._writer.flush()

    def close(self) -> None:
        """Commit what is queued and close the file; a second call does nothing."""
        if self._closed:
            return
        self.flush()
        self._closed = True
        if self._owns_writer:
            self._writer.close()
        self._reads.close()
        self._writes.close()

    # upkeep

    def stats(self) -> Stats:
        """Return how much there is, by function and stage, and how large the file is."""
        self.flush()
        return upkeep.stats(self._reads.read, self.path, self._database.journal)

    def validate(self) -> Validation:
        """Read and verify every row, changing nothing, and return exact counts."""
        return upkeep.validate(self._reads.read_once, CHUNK)

    def purge(
        self,
        *,
        damaged: bool = False,
        older_than: float | timedelta | None = None,
        stage: str | None = None,
    ) -> int:
        """Remove the entries that meet every condition given, and return how many.

        Args:
            damaged: Only entries that do not verify.
            older_than: Only entries made longer ago than this, in seconds or as a timedelta.
            stage: Only this stage's.

        Raises:
            InvalidInput: No condition is given, or the age is negative.
        """
        if not damaged and older_than is None and stage is None:
            raise InvalidInput("purge was given no condition", hint="Say which entries, or use clear() for all.")
        before = None if older_than is None else time.time() - upkeep.seconds(older_than, "older_than")
        self.flush()
        removed = 0
        for numbers in upkeep.candidates(self._reads.read, CHUNK, damaged=damaged, before=before, stage=stage):
            work = partial(upkeep.remove, numbers=numbers, damaged=damaged)
            removed += self._do(work, shrink=False)
        if damaged:
            self._tally.add(dropped=removed)
        self._do(lambda _: None)  # one tidying up for all
        return removed

    def reduce_size(
        self,
        bytes_limit: float | None = None,
        items_limit: int | None = None,
        age_limit: timedelta | float | None = None,
    ) -> int:
        """Remove what was used longest ago until all limits hold, and return how many entries went.

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
        self._write_touches(fewest=1)
        return int(self._do(lambda connection: upkeep.reduce(connection, bytes_limit, items_limit, since)))

    def clear(self, func: str | None = None) -> int:
        """Remove all entries, or one function's, and return how many."""
        return int(self._do(lambda connection: upkeep.clear(connection, func)))

    # the source code joblib compares

    def code(self, func: str) -> str | None:
        """Return the source joblib keeps for a function, or None."""
        rows = self._reads.read("SELECT code FROM functions WHERE func=?", (func,))
        try:
            return rows[0][0].decode() if rows else None
        except (AttributeError, UnicodeDecodeError):
            return None

    def keep_code(self, func: str, code: str) -> None:
        """Keep the source of a function for joblib."""
        body = code.encode("utf-8", "surrogatepass")
        sql = "INSERT INTO functions VALUES (?, ?) ON CONFLICT (func) DO UPDATE SET code=excluded.code"
        self._submit(Work(lambda connection: connection.execute(sql, (func, body)).rowcount)).result()

    def version(self) -> tuple[int, int]:
        """Return a value that changes whenever the file does, whoever changes it."""
        number = self._reads.read("PRAGMA data_version", ())[0][0]
        return self._database.generation, int(number)

    # inside

    def _find(self, func: str, key: str) -> Entry | None:
        if not (is_text(func) and is_text(key)):
            return None
        return next(self._verified(self._reads.read(_ONE, (func, key))), None)

    def _verified(self, rows: list[Row]) -> Iterator[Entry]:
        damaged: list[Row] = []
        for row in rows:
            entry = unseal(row)
            if entry is not None:
                yield entry
            else:
                damaged.append(row)
        if damaged:
            self._meet_damage(damaged)

    def _meet_damage(self, rows: list[Row]) -> None:
        places = [(decoded(row[0]), decoded(row[1])) for row in rows]
        with self._lock:
            fresh = [place for place in places if place not in self._known_damaged]
            self._known_damaged.update(fresh)
        self._tally.add(damaged=len(fresh))
        if not self.heal:
            raise MemoryCorrupt(
                f"memory holds a damaged entry: {place_of(rows[0])}",
                hint='Open the study with mode="read" to make it anew, or replay a capsule of it.',
            )
        if self.read_only or not fresh:
            return
        try:
            dropped = self._do(lambda connection: upkeep.drop_damaged(connection, fresh), shrink=False)
        except DramatisError:
            return  # it cannot be removed now; it is not served either, and a new reply will overwrite it
        self._tally.add(dropped=dropped)
        with self._lock:
            self._known_damaged.difference_update(fresh)

    def _touch(self, func: str, keys: Sequence[str]) -> None:
        if self.read_only:
            return
        with self._lock:
            self._used.append((time.time(), func, keys))
            self._unwritten += len(keys)
            full = self._unwritten >= TOUCHES
        if full:
            self._write_touches(fewest=TOUCHES)

    def _write_touches(self, fewest: int) -> None:
        with self._lock:
            if self._unwritten < fewest:
                return
            used, self._used, self._unwritten = self._used, [], 0
        self._submit(Touch(used))

    def _submit(self, job: Put | Touch | Work) -> Ticket[Any]:
        if self._closed:
            raise self._reads.is_closed()
        if self.read_only:
            raise InvalidInput(f"memory {self.path} is open for reading only", hint='Open it with mode="read".')
        return self._writer.submit(self._writes, job)

    def _do(self, run: Any, *, shrink: bool = True) -> Any:
        return self._submit(Work(run, shrink)).result()


_OPEN: weakref.WeakSet[SealedStore] = weakref.WeakSet()
_INHERITED: list[Any] = []


def _close_all() -> None:
    for store in list(_OPEN):
        try:
            store.close()
        except DramatisError:
            _log.warning("memory %s could not be closed", store.path, exc_info=True)


def _before_fork() -> None:
    """Hold all connections: the child must neither use nor close one, and it drops those of other threads."""
    _INHERITED.extend([store._reads.connections() for store in _OPEN])  # noqa: SLF001


def _after_fork() -> None:
    """Give the child connections of its own."""
    for store in list(_OPEN):
        _INHERITED.append(store._writes.abandon())  # noqa: SLF001
        store._reset()  # noqa: SLF001
        store._reads.forked()  # noqa: SLF001
        store._database.forked()  # noqa: SLF001
        store._tally.forked()  # noqa: SLF001


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_INHERITED.clear, after_in_child=_after_fork)
