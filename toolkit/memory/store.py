"""The sealed memory of a study: JSON bodies under SHA-256 in one SQLite file, verified whenever they are read."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import orjson

from toolkit.errors import InvalidInput
from toolkit.memory import upkeep
from toolkit.memory.claims import Claims
from toolkit.memory.damage import FOUND, Found
from toolkit.memory.database import Database, Journal
from toolkit.memory.entry import REPLIES, Counts, Entry, Tally, after_of, newest
from toolkit.memory.keeping import Keeping
from toolkit.memory.lifetime import keep_track
from toolkit.memory.places import OF_ITEM, Recent, settle
from toolkit.memory.quota import Quota
from toolkit.memory.reads import StoreReads
from toolkit.memory.rows import KEY, Row, address, address_or_none, row_of
from toolkit.memory.schema import Connection
from toolkit.memory.uses import Touch, Uses
from toolkit.memory.writer import Ticket, Writer
from toolkit.memory.writes import Put, StoreWrites, Work

__all__ = ["SealedStore"]

_ONE = f"SELECT {FOUND} FROM entries WHERE id=(SELECT id FROM places WHERE hash=?)"  # noqa: S608  # constants only
_MANY = (
    f"SELECT {FOUND} FROM entries WHERE id IN (SELECT id FROM places WHERE hash IN (SELECT value FROM json_each(?)))"  # noqa: S608
)
_BY_ID = f"SELECT {FOUND} FROM entries WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608
_OF_ITEM = f"SELECT {FOUND} FROM entries WHERE id IN ({OF_ITEM}) AND item=?1 AND (?2 IS NULL OR stage=?2)"  # noqa: S608
_HOLDS = f"SELECT 1 FROM entries WHERE id IN ({OF_ITEM}) AND func=?2 LIMIT 1"  # noqa: S608
_LISTED = f"SELECT id FROM entries WHERE {{}} ORDER BY func, {KEY}"  # noqa: S608

_TRIES = 3
CHUNK = 500
"""Rows read at once: long enough to be fast, short enough that no read holds the file up."""


class SealedStore(Keeping):
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
        drop = None if read_only else self._drop_damaged
        self._found = Found(self._tally, raises=not heal, drop=drop, anew=self._database.begin_anew)
        self._recent = Recent()
        self._uses = Uses()
        self._claims: Claims | None = None
        self._quota: Quota | None = None
        self._closed = False
        self._checked = -1
        keep_track(self)

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

    @property
    def claims(self) -> Claims | None:
        """Which keys are being asked for now, here and in other processes; None where nothing may be written."""
        if self._claims is None and not (self.read_only or self._closed):
            self._claims = Claims.of(Path(f"{self.path}.claims"))
        return self._claims

    def limit(self, *, disk: int | None = None, items: int | None = None) -> None:
        """Keep the memory within a quota from now on: what was used longest ago leaves, in the background.

        Args:
            disk: Bytes its file may have in use; the journal beside it, 16 MB at most, is not counted.
            items: Entries it may have.

        Raises:
            InvalidInput: A limit is less than one, or the store is read-only.
        """
        if self.read_only:
            raise InvalidInput(f"memory {self.path} is open for reading only", hint="It needs no limit.")
        self._quota = Quota(self, disk=disk, items=items)
        self._writes.watch = self._quota.wrote

    # reading

    def get(self, func: str, key: str) -> Entry | None:
        """Return one verified entry, or None when there is none.

        Raises:
            MemoryCorrupt: The entry is damaged, and this store may not heal.
        """
        entry = self.find(func, key)
        if entry is None:
            self._tally.add(misses=1)
            return None
        self._tally.add(hits=1)
        self._touch([address(func, key)])
        return entry

    def get_many(self, func: str, keys: Iterable[str]) -> dict[str, Entry]:
        """Return the verified entries there are among ``keys``, by key, in no order.

        Raises:
            MemoryCorrupt: An entry is damaged, and this store may not heal.
        """
        wanted = dict.fromkeys(keys)
        places = [place for key in wanted if (place := address_or_none(func, key)) is not None]
        found = self._look(func, wanted, places)
        self._tally.add(hits=len(found), misses=len(wanted) - len(found))
        if found:
            self._touch(places if len(found) == len(places) else [address(func, key) for key in found])
        return found

    def find(self, func: str, key: str) -> Entry | None:
        """Return one verified entry, or None; neither counts nor marks it as used.

        Raises:
            MemoryCorrupt: The entry is damaged, and this store may not heal.
        """
        place = address_or_none(func, key)
        return None if place is None else self._look(func, {key: None}, [place]).get(key)

    def contains(self, func: str, key: str) -> bool:
        """Whether there is an entry that verifies; neither counts nor marks it as used."""
        return self.find(func, key) is not None

    def entries(self, func: str | None = None, after: tuple[str, str] | str | None = None) -> Iterator[Entry]:
        """Yield verified entries in the order of function and key, however many there are, without holding the file.

        Args:
            func: Only this function's.
            after: Go on behind this key of ``func``, or behind this pair of function and key.
        """
        last = after_of(func, after)
        condition = f"(func, {KEY}) > (?, ?)" if func is None else f"func=? AND {KEY} > ?"
        numbers = array("q", (row[0] for row in self._reads.read(_LISTED.format(condition), last)))
        for start in range(0, len(numbers), CHUNK):
            listed = numbers[start : start + CHUNK].tolist()
            rows = self._reads.read(_BY_ID, (orjson.dumps(listed).decode(),))
            yield from sorted(self._found.entries(rows), key=lambda entry: (entry.func, entry.key))

    def latest(self, stage: str, item: str) -> Entry | None:
        """Return the newest verified reply made for one item of a stage; a replay miss is explained with it."""
        return newest([entry for entry in self.of_item(item, stage) if entry.func == REPLIES])

    def of_item(self, item: str, stage: str | None = None) -> list[Entry]:
        """Return the verified entries made for an item, oldest first, of one stage where it is named."""
        rows = self._reads.read(_OF_ITEM, (item, stage))
        return sorted(self._found.entries(rows), key=lambda entry: entry.created)

    def holds(self, func: str) -> bool:
        """Whether there is anything of a researcher's own function, verified or not."""
        return bool(self._reads.read(_HOLDS, ("", func)))  # what belongs to no item may be a function's

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
        return self._submit(Put(row_of(entry), entry.used or time.time(), overwrite))

    def delete(self, func: str, key: str) -> Ticket[bool]:
        """Queue the removal of one entry; the ticket says whether there was one."""
        place = address_or_none(func, key)
        return self._submit(Work(lambda connection: place is not None and upkeep.delete(connection, place, func, key)))

    def flush(self) -> None:
        """Block until everything queued so far is committed, times of use included."""
        if not self.read_only:
            self.write_uses()
            self._writer.flush()

    def write_uses(self) -> None:
        """Queue the times of the reads so far."""
        waiting = self._uses.taken()
        if waiting is not None:
            self._submit(waiting)

    def close(self) -> None:
        """Commit what is queued and close the file; a second call does nothing."""
        if self._closed:
            return
        if self._writes.unsettled:
            self._submit(Work(settle))  # whatever becomes of it: what is only listed is found too
        if self._quota is not None:
            self.flush()  # the index takes room too, so it comes first
            self._quota.close()
        self.flush()
        self._closed = True
        if self._owns_writer:
            self._writer.close()
        if self._claims is not None:
            self._claims.close()
        self._reads.close()
        self._writes.close()

    # marks

    def imported(self, source: str) -> bool:
        """Whether a folder of old entries was taken in before."""
        return bool(self._reads.read("SELECT 1 FROM imports WHERE source=?", (source,)))

    def keep_import(self, source: str) -> None:
        """Note that a folder of old entries was taken in."""
        sql = "INSERT OR REPLACE INTO imports VALUES (?, ?)"
        self._do(lambda connection: connection.execute(sql, (source, time.time())).rowcount)

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
        self._do(lambda connection: connection.execute(sql, (func, body)).rowcount)

    def version(self) -> tuple[int, int]:
        """Return a value that changes whenever the file does, whoever changes it."""
        number = self._reads.read("PRAGMA data_version", ())[0][0]
        return self._database.generation, int(number)

    # inside

    def _look(self, func: str, wanted: Mapping[str, None], places: Sequence[int]) -> dict[str, Entry]:
        """Return what stands at these places and is wanted.

        A row that verifies at a place that is not its own means that the index is damaged, which SQLite does not see:
        the file is then begun anew with all that verifies.
        """
        for _ in range(_TRIES):
            generation = self._database.generation
            found: dict[str, Entry] = {}
            astray = False
            for start in range(0, len(places), CHUNK):
                for entry in self._found.entries(self._rows_at(places[start : start + CHUNK])):
                    if entry.func == func and entry.key in wanted and entry.key not in found:
                        found[entry.key] = entry
                    else:  # two keys may share an address, though hardly ever
                        astray = astray or entry.key in found or address(entry.func, entry.key) not in places
            if not astray:
                return found
            if generation == self._database.generation:  # else numbers of one file met rows of the next
                self._database.begin_anew("its index leads to other entries than it says")
        return {}

    def _rows_at(self, places: Sequence[int]) -> list[Row]:
        listed = self._recent.numbers(self._reads.read, self._database.generation)
        numbers = [listed[place] for place in places if place in listed] if listed else []
        if not numbers:
            return self._rows_indexed_at(places)
        rows = self._reads.read(_BY_ID, (orjson.dumps(numbers).decode(),))
        found = {row[0] for row in rows}
        return rows + self._rows_indexed_at([place for place in places if place not in found])

    def _rows_indexed_at(self, places: Sequence[int]) -> list[Row]:
        if len(places) > 1:
            return self._reads.read(_MANY, (orjson.dumps(places).decode(),))
        return self._reads.read(_ONE, places) if places else []

    def held(self) -> list[Any]:
        """Return all reading connections, for a fork that is about to happen."""
        return self._reads.connections()

    def forked(self) -> Any:
        """Begin anew in the child of a fork; return the connection that the child must neither use nor close."""
        inherited = self._writes.abandon()
        self._recent = Recent()
        self._uses.forked()
        self._found.forked()
        if self._quota is not None:
            self._quota.forked()
        self._reads.forked()
        self._database.forked()
        self._tally.forked()
        return inherited

    def _drop_damaged(self, places: Iterable[int]) -> int:
        dropped = int(self._do(partial(upkeep.drop_damaged, addresses=places)))
        if self._checked != self._database.generation:
            self._checked = self._database.generation
            self._submit(Work(upkeep.check))  # where one byte is wrong others may be; nobody waits for the look
        return dropped

    def _touch(self, places: list[int]) -> None:
        if not self.read_only:
            full = self._uses.note(places)
            if full is not None:
                self._submit(full)

    def _submit(self, job: Put | Touch | Work) -> Ticket[Any]:
        if self._closed:
            raise self._reads.is_closed()
        if self.read_only:
            raise InvalidInput(f"memory {self.path} is open for reading only", hint='Open it with mode="read".')
        return self._writer.submit(self._writes, job)

    def _do(self, run: Callable[[Connection], Any], *, shrink: int = 0) -> Any:
        ticket = self._submit(Work(run, shrink))
        self._writer.hurry()
        return ticket.result()
