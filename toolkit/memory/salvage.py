"""What can be read out of a damaged file, or out of one that an earlier version wrote."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from toolkit.memory.places import RECENT, Recent, keep
from toolkit.memory.rows import COLUMNS, READ, Row, row_of, unseal
from toolkit.memory.schema import Connection

__all__ = ["salvage"]

_log = logging.getLogger(__name__)

_BATCH = 1000
_BETWEEN = 100_000
"""Rows between two places of damage that are looked for one by one."""
_LAST = 8
"""Rows before a place of damage whose numbers say where it is; one of them may be damaged itself."""
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
    """Yield each row that verifies, once, and note its address: a row's number may be damaged, and then lies."""
    up, down = _Way(), _Way()
    yield from _verified(up.rows(old, "ORDER BY id ASC"), kept)
    if up.whole:
        return
    yield from _verified(down.rows(old, "ORDER BY id DESC"), kept)
    first = min(up.last, default=0)
    end = max(down.last, default=_highest(old))
    for number in range(first + 1, min(end, first + _BETWEEN)):
        yield from _verified(_Way().rows(old, f"WHERE id={number}"), kept)


def _verified(rows: Iterable[Row], kept: set[int]) -> Iterator[Row]:
    for row in rows:
        entry = unseal(row[1:])
        sealed = None if entry is None else row_of(entry)
        if sealed is not None and sealed[0] not in kept:
            kept.add(sealed[0])
            yield sealed


class _Way:
    """One way through the damaged table, as far as it goes."""

    def __init__(self) -> None:
        self.whole = False
        """Whether it went to the end."""
        self.last: deque[int] = deque(maxlen=_LAST)
        """The numbers of the last rows."""

    def rows(self, old: Connection, which: str) -> Iterator[Row]:
        """Yield rows until the damage."""
        try:
            for row in old.execute(f"SELECT id, {READ} FROM entries NOT INDEXED {which}"):  # noqa: S608  # ours
                self.last.append(row[0])
                yield row
        except sqlite3.DatabaseError:
            _log.debug("a damaged file was read as far as it goes", exc_info=True)
        else:
            self.whole = True


def _highest(old: Connection) -> int:
    """Return a number behind the last entry's: some may have come since the list of uses had the last one.

    0 where that cannot be read either.
    """
    try:
        found = old.execute("SELECT max(id) FROM uses").fetchone()[0]
    except sqlite3.DatabaseError:
        return 0
    return found + 1 + RECENT if type(found) is int else 0


def _copy(rows: Iterable[Row], fresh: Connection) -> None:
    waiting, recent = iter(rows), Recent()
    while batch := list(islice(waiting, _BATCH)):
        keep(fresh, [(row, row[_CREATED]) for row in batch], recent)
