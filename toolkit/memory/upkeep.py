"""Keeping a memory in order: counting, validating, purging, and making it fit its limits."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from toolkit.errors import InvalidInput
from toolkit.memory.entry import LAST_USE, READ, Row, place_of, unseal

__all__ = ["Stats", "Validation"]

Read = Callable[[str, Sequence[Any]], list[Row]]

_SCAN = f"SELECT id, {READ} FROM entries WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608  # constants only
_BY_ID = f"SELECT {READ} FROM entries WHERE id=?"  # noqa: S608
_ONE = f"SELECT {READ} FROM entries WHERE func=? AND key=?"  # noqa: S608
_GROUPS = (
    f"SELECT func, stage, count(*), sum(size), min(created), max(created), max({LAST_USE}) "  # noqa: S608
    "FROM entries GROUP BY 1, 2"
)
_FORGET = "DELETE FROM uses WHERE id NOT IN (SELECT id FROM entries)"
_REDUCE = f"""
    DELETE FROM entries WHERE id IN (
        SELECT id FROM (
            SELECT id, at, sum(size) OVER newest_first AS bytes, row_number() OVER newest_first AS place
            FROM (SELECT id, size, {LAST_USE} AS at FROM entries)
            WINDOW newest_first AS (ORDER BY at DESC, id DESC ROWS UNBOUNDED PRECEDING))
        WHERE bytes > coalesce(:bytes, bytes) OR place > coalesce(:items, place) OR at < coalesce(:since, at))
"""  # noqa: S608
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
    return Stats(
        entries=sum(row[2] for row in rows),
        size=int(sum(row[3] or 0 for row in rows)),
        file_size=sum(file.stat().st_size for file in files if file.exists()),
        journal=journal,
        by_stage=dict(sorted(by_stage.items())),
        by_func=dict(sorted(by_func.items())),
        oldest=min((row[4] for row in rows), default=None),
        newest=max((row[5] for row in rows), default=None),
        used=max((row[6] for row in rows), default=None),
    )


def validate(read: Read, chunk: int) -> Validation:
    """Verify every row; a file that cannot be read to its end is said so, never healed here."""
    ok = damaged = 0
    examples: list[str] = []
    problem = "ok"
    try:
        for rows in _pages(read, chunk):
            for row in rows:
                if unseal(row[1:]) is not None:
                    ok += 1
                    continue
                damaged += 1
                if len(examples) < _EXAMPLES:
                    examples.append(place_of(row[1:]))
        problem = str(read("PRAGMA quick_check(1)", ())[0][0], "utf-8", "replace")
    except sqlite3.DatabaseError as error:
        problem = str(error)
    return Validation(ok, damaged, tuple(examples), problem)


def candidates(
    read: Read, chunk: int, *, damaged: bool, before: float | None, stage: str | None
) -> Iterator[list[int]]:
    """Yield, page by page, the row numbers that meet every condition."""
    for rows in _pages(read, chunk):
        numbers = [
            row[0]
            for row in rows
            if (not damaged or unseal(row[1:]) is None)
            and (before is None or (isinstance(row[4], float) and row[4] < before))
            and (stage is None or row[6] == stage.encode())
        ]
        if numbers:
            yield numbers


def _pages(read: Read, chunk: int) -> Iterator[list[Row]]:
    last = -(2**63)
    while rows := read(_SCAN, (last, chunk)):
        yield rows
        last = rows[-1][0]


def remove(connection: sqlite3.Connection, numbers: list[int], *, damaged: bool) -> int:
    """Delete rows by number; with ``damaged`` only those that still do not verify."""
    removed = 0
    for number in numbers:
        if damaged:
            row = connection.execute(_BY_ID, (number,)).fetchone()
            if row is None or unseal(row) is not None:
                continue
        removed += connection.execute("DELETE FROM entries WHERE id=?", (number,)).rowcount
    return removed


def drop_damaged(connection: sqlite3.Connection, places: list[tuple[str, str]]) -> int:
    """Delete entries that still do not verify; one that was made anew meanwhile stays."""
    dropped = 0
    for place in places:
        row = connection.execute(_ONE, place).fetchone()
        if row is not None and unseal(row) is None:
            dropped += delete(connection, place[0], [place[1]])
    return dropped


def delete(connection: sqlite3.Connection, func: str, keys: Sequence[str]) -> int:
    """Delete entries of a function by key."""
    sql = "DELETE FROM entries WHERE func=? AND key=?"
    return sum(connection.execute(sql, (func, key)).rowcount for key in keys)


def clear(connection: sqlite3.Connection, func: str | None) -> int:
    """Delete everything, or what belongs to one function."""
    if func is None:
        connection.execute("DELETE FROM functions")
        connection.execute("DELETE FROM uses")
        return connection.execute("DELETE FROM entries").rowcount
    connection.execute("DELETE FROM functions WHERE func=?", (func,))
    removed = connection.execute("DELETE FROM entries WHERE func=?", (func,)).rowcount
    connection.execute(_FORGET)
    return removed


def reduce(
    connection: sqlite3.Connection, bytes_limit: float | None, items_limit: int | None, since: float | None
) -> int:
    """Delete the rows used longest ago until the limits hold.

    Rows are ranked from the one used last; a row goes when it and all used after it together exceed a limit, or when
    it was last used before ``since``.
    """
    limits = {"bytes": bytes_limit, "items": items_limit, "since": since}
    removed = connection.execute(_REDUCE, limits).rowcount
    connection.execute(_FORGET)
    return removed
