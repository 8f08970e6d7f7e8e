"""What can be read out of a damaged file, or out of one that an earlier version wrote."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from toolkit.memory.places import keep
from toolkit.memory.rows import COLUMNS, READ, Row, row_of, unseal
from toolkit.memory.schema import Connection

__all__ = ["salvage"]

_log = logging.getLogger(__name__)

_BATCH = 1000
_BETWEEN = 100_000
"""Rows between two places of damage that are looked for one by one."""
_CREATED = COLUMNS.split(", ").index("created")
_KIND = "SELECT type FROM sqlite_master WHERE name='entries'"


def salvage(damaged: Path, fresh: Connection) -> int:
    """Copy what still verifies out of a damaged file, for those replies were paid for; return how many entries.

    Rows are read up from the start until the damage, then down from the end, then one by one what lies between. All
    versions of the file keep entries in one table with the same columns, so one of before is read in the same way.
    """
    kept: set[int] = set()
    uri = f"{damaged.as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None, factory=Connection)) as old:
        old.text_factory = bytes
        fresh.execute("BEGIN IMMEDIATE")
        try:
            old.execute("PRAGMA trusted_schema=OFF")
            if old.execute(_KIND).fetchall() == [(b"table",)]:
                _copy(_rows(old, kept), fresh)
        except sqlite3.Error:
            _log.debug("the damaged file cannot be read any more", exc_info=True)
        fresh.execute("COMMIT")
    return len(kept)


def _rows(old: Connection, kept: set[int]) -> Iterator[Row]:
    """Yield each row that can be read, once, and note the numbers of those that verify."""
    ends = []
    for order in ("ASC", "DESC"):
        last = None
        for row in _until_damage(old, f"ORDER BY id {order}"):
            if row[0] in kept:
                return
            last = row[0]
            yield from _verified(row, kept)
        ends.append(last)
    first, end = ends[0] or 0, ends[1] or _highest(old)
    for number in range(first + 1, min(end, first + _BETWEEN)):
        for row in _until_damage(old, f"WHERE id={number}"):
            if number not in kept:
                yield from _verified(row, kept)


def _verified(row: Row, kept: set[int]) -> Iterator[Row]:
    entry = unseal(row[1:])
    if entry is not None:
        kept.add(row[0])
        yield row_of(entry)


def _until_damage(old: Connection, which: str) -> Iterator[Row]:
    try:
        yield from old.execute(f"SELECT id, {READ} FROM entries NOT INDEXED {which}")  # noqa: S608  # ours
    except sqlite3.DatabaseError:
        _log.debug("a damaged file was read as far as it goes", exc_info=True)


def _highest(old: Connection) -> int:
    """Return the number behind the last entry's, as the list of uses has it; 0 where that cannot be read either."""
    try:
        found = old.execute("SELECT max(id) FROM uses").fetchone()[0]
    except sqlite3.DatabaseError:
        return 0
    return found + 1 if type(found) is int else 0


def _copy(rows: Iterable[Row], fresh: Connection) -> None:
    waiting = iter(rows)
    while batch := list(islice(waiting, _BATCH)):
        keep(fresh, [(row, row[_CREATED]) for row in batch])
