"""Keeping a memory in order: counting, validating, purging, and making it fit its limits."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from toolkit.errors import InvalidInput, MemoryCorrupt
from toolkit.memory.entry import FALLBACK_NOTE
from toolkit.memory.places import ASTRAY, AT, USED, forget
from toolkit.memory.rows import READ, Row, address_or_none, kept_key, place_of, unseal
from toolkit.memory.schema import corrupt

__all__ = ["Stats", "Validation", "Which"]

Read = Callable[[str, Sequence[Any]], list[Row]]

_SCAN = f"SELECT id, hash, {READ} FROM entries WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608  # constants only
_PAGE = "SELECT id FROM entries WHERE id > ? {} ORDER BY id LIMIT ?"
_ONE = f"SELECT id, hash, {READ} FROM entries WHERE id IN ({AT})"  # noqa: S608
_GROUPS = "SELECT func, stage, count(*), sum(size), min(created), max(created) FROM entries GROUP BY 1, 2"
_EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Validation:
    """What reading every entry found."""

    ok: int
    """Entries that verify."""
    damaged: int
    """Entries that do not."""
    examples: tuple[str, ...] = ()
    """Stage, item and key of the first ten damaged ones."""
    file: str = "ok"
    """``ok``, or what SQLite says of the file as a whole; the counts then stop where it could not be read."""


@dataclass(frozen=True, slots=True)
class Stats:
    """How much a memory holds."""

    entries: int
    size: int
    """Bytes of all bodies."""
    file_size: int
    """Bytes of the file and its journal on disk."""
    journal: str
    """``wal`` or ``rollback``."""
    by_stage: dict[str, int] = field(default_factory=dict)
    """Entries of each stage; a researcher's own functions stand under ``""``."""
    by_func: dict[str, int] = field(default_factory=dict)
    """Entries of each function."""
    oldest: float | None = None
    """When the oldest entry was made, in seconds since the epoch."""
    newest: float | None = None
    """When the newest entry was made."""
    used: float | None = None
    """When an entry was last used."""


def seconds(age: float | timedelta, name: str) -> float:
    """Return an age in seconds.

    Raises:
        InvalidInput: It is negative.
    """
    number = age.total_seconds() if isinstance(age, timedelta) else float(age)
    if not number >= 0:
        raise InvalidInput(f"{name} is {age}", hint="Give zero or more seconds, or a timedelta.")
    return number


@dataclass(frozen=True, slots=True)
class Which:
    """Which entries are meant: those that meet every condition that is given."""

    damaged: bool = False
    """Entries that do not verify."""
    before: float | None = None
    """Entries made before this time, in seconds since the epoch."""
    stage: str | None = None
    """Entries of this stage."""
    fallback: bool = False
    """Replies that a fallback gave."""

    @property
    def sql(self) -> tuple[str, list[Any]]:
        """The conditions that SQLite can tell without reading bodies, as text and values."""
        told = [("created < ?", self.before), ("stage = ?", self.stage)]
        given = [(text, value) for text, value in told if value is not None]
        return "".join(f"AND {text} " for text, _ in given), [value for _, value in given]

    def meets(self, row: Row) -> bool:
        """Whether a row, as ``hash`` and ``READ`` give it, meets the conditions on what is in it."""
        if not (self.damaged or self.fallback):
            return True
        entry = verified(row)
        if self.damaged and entry is not None:
            return False
        return not self.fallback or (entry is not None and _by_fallback(entry.json()))


def verified(row: Row) -> Any:
    """Return the entry of a row read with its hash, or None when it does not verify or nobody could find it."""
    entry = unseal(row[1:])
    return entry if entry is not None and address_or_none(entry.func, entry.key) == row[0] else None


def _by_fallback(value: Any) -> bool:
    notes = value.get("notes") if isinstance(value, dict) else None
    return isinstance(notes, list) and any(isinstance(note, str) and note.startswith(FALLBACK_NOTE) for note in notes)


def stats(read: Read, path: Path, journal: str) -> Stats:
    """Count what there is."""
    rows = read(_GROUPS, ())
    by_stage: dict[str, int] = {}
    by_func: dict[str, int] = {}
    for func, stage, number, *_ in rows:
        for groups, cell in ((by_func, func), (by_stage, stage)):
            name = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else "?"
            groups[name] = groups.get(name, 0) + number
    files = [Path(f"{path}{tail}") for tail in ("", "-wal")]
    used = read(f"SELECT max(used) FROM {USED}", ())[0][0]  # noqa: S608
    return Stats(
        entries=sum(row[2] for row in rows),
        size=int(sum(row[3] or 0 for row in rows)),
        file_size=sum(file.stat().st_size for file in files if file.exists()),
        journal=journal,
        by_stage=dict(sorted(by_stage.items())),
        by_func=dict(sorted(by_func.items())),
        oldest=min((row[4] for row in rows), default=None),
        newest=max((row[5] for row in rows), default=None),
        used=used,
    )


def validate(read: Read, chunk: int) -> Validation:
    """Verify every row; a file that cannot be read to its end is said so, never healed here."""
    ok = damaged = 0
    examples: list[str] = []
    problem = "ok"
    try:
        last = -(2**63)
        while rows := read(_SCAN, (last, chunk)):
            last = rows[-1][0]
            for row in rows:
                if verified(row[1:]) is not None:
                    ok += 1
                    continue
                damaged += 1
                if len(examples) < _EXAMPLES:
                    examples.append(place_of(row[2:]))
        problem = _structure(read)
    except (sqlite3.DatabaseError, MemoryCorrupt) as error:
        problem = str(error)
    return Validation(ok, damaged, tuple(examples), problem)


def _structure(read: Read) -> str:
    """Return ``ok``, or what is wrong with the trees and the index, which no single row shows."""
    told = str(read("PRAGMA integrity_check(1)", ())[0][0], "utf-8", "replace")
    if told != "ok":
        return told
    return "its index does not lead to all entries" if read(ASTRAY, ())[0][0] else "ok"


def check(connection: sqlite3.Connection) -> None:
    """See that trees and index are whole, where a damaged row was met or is looked for.

    Raises:
        sqlite3.DatabaseError: They are not; entries that are there would not be found, and paid for again.
    """
    problem = _structure(lambda sql, asked: connection.execute(sql, asked).fetchall())
    if problem != "ok":
        raise corrupt(problem)


def candidates(read: Read, chunk: int, which: Which) -> Iterator[list[int]]:
    """Yield, page by page, the numbers of the rows that may be meant; what is in them is for ``remove`` to see."""
    condition, values = which.sql
    sql = _PAGE.format(condition)
    last = -(2**63)
    while rows := read(sql, (last, *values, chunk)):
        last = rows[-1][0]
        yield [row[0] for row in rows]


def remove(connection: sqlite3.Connection, numbers: list[int], which: Which) -> int:
    """Delete those of the numbered rows that are meant.

    Raises:
        sqlite3.DatabaseError: One is whole but for its address, so nobody finds it. It was paid for: the file is begun
            anew with it.
    """
    condition, values = which.sql
    sql = f"SELECT hash, {READ} FROM entries WHERE id=? {condition}"  # noqa: S608
    rows = ((number, connection.execute(sql, (number, *values)).fetchone()) for number in numbers)
    return forget(connection, [number for number, row in rows if row is not None and _is_meant(row, which)])


def _is_meant(row: Row, which: Which) -> bool:
    if not which.meets(row):
        return False
    if which.damaged and unseal(row[1:]) is not None:
        raise corrupt("its rows have other addresses than they should")
    return True


def drop_damaged(connection: sqlite3.Connection, addresses: Iterable[int]) -> int:
    """Delete rows that still do not verify; one that was made anew meanwhile stays."""
    dropped = 0
    for address in addresses:
        row = connection.execute(_ONE, (address,)).fetchone()
        if row is not None and verified(row[1:]) is None:
            dropped += forget(connection, [row[0]])
    return dropped


def delete(connection: sqlite3.Connection, address: int, func: str, key: str) -> bool:
    """Delete one entry."""
    sql = f"SELECT id FROM entries WHERE id IN ({AT}) AND func=? AND key=?"  # noqa: S608
    return forget(connection, [row[0] for row in connection.execute(sql, (address, func, kept_key(key)))]) > 0


def clear(connection: sqlite3.Connection, func: str | None, kept: Sequence[str] = ()) -> int:
    """Delete everything but what belongs to the functions to be kept, or what belongs to one function."""
    if func is not None:
        condition, values = "func=?", [func]
    else:
        condition, values = f"func NOT IN ({','.join('?' * len(kept))})", list(kept)
    connection.execute(f"DELETE FROM functions WHERE {condition}", values)  # noqa: S608  # placeholders only
    numbers = connection.execute(f"SELECT id FROM entries WHERE {condition}", values)  # noqa: S608
    return forget(connection, [row[0] for row in numbers])
