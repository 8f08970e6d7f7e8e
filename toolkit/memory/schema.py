"""The tables of a memory file, and what can be read out of a damaged one."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any

from toolkit.memory.rows import COLUMNS, READ, row_of, unseal

__all__ = [
    "APPLICATION",
    "KEEP_USE",
    "SCHEMA",
    "STAMP",
    "TABLES",
    "UPSERT",
    "VERSION",
    "Connection",
    "expected_tables",
    "salvage",
]

_log = logging.getLogger(__name__)

APPLICATION = 0x44524D54
"""Marks a database file as ours ("DRMT")."""
VERSION = 2
"""Of the schema below."""
STAMP = VERSION * 0x01010101
"""The version as the file's header has it: in each of four bytes, so that a flipped bit is no other version."""
PAGE = 1024
"""Bytes of a page. A commit writes whole pages, and each new entry dirties one at random in the index by hash: small
pages keep that small. Written for each 261-byte reply of 100,000 in commits of 48: 3.0 KB, and 5.7 KB with pages of
4096 (``python -m tests.perf.memory`` prints the first)."""

SCHEMA = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, hash INTEGER NOT NULL UNIQUE, func TEXT NOT NULL, key TEXT NOT NULL,
    size INTEGER NOT NULL, created REAL NOT NULL, stage TEXT NOT NULL, item TEXT NOT NULL,
    template TEXT NOT NULL, model TEXT NOT NULL, sha BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE uses (id INTEGER PRIMARY KEY, used REAL NOT NULL, size INTEGER NOT NULL);
CREATE INDEX entries_by_item ON entries (stage, item, created);
CREATE TABLE functions (func TEXT PRIMARY KEY, code BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE imports (source TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
"""
TABLES = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
"""What a file's tables are; a planted view or trigger shows here."""

_REPLACED = ", ".join(f"{name}=excluded.{name}" for name in COLUMNS.split(", ")[1:])
_MARKS = ",".join("?" * len(COLUMNS.split(", ")))
UPSERT = f"INSERT INTO entries ({COLUMNS}) VALUES ({_MARKS}) ON CONFLICT (hash) DO UPDATE SET {_REPLACED}"  # noqa: S608  # constants only, here and below
KEEP_USE = (
    "INSERT INTO uses SELECT id, ?, ? FROM entries WHERE hash=? "
    "ON CONFLICT (id) DO UPDATE SET used=excluded.used, size=excluded.size"
)
"""Goes with each ``UPSERT``: time of use, size, hash."""


class Connection(sqlite3.Connection):
    """A connection that knows which file it was opened on, and that closes when nobody holds it any more."""

    generation: int = 0

    def execute(self, *asked: Any) -> sqlite3.Cursor:
        """Run a statement; what SQLite says of a damaged schema may be no Unicode, which is damage too."""
        try:
            return super().execute(*asked)
        except UnicodeDecodeError as error:
            garbled = sqlite3.DatabaseError("database disk image is malformed: the text of its tables is no Unicode")
            garbled.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise garbled from error

    def __del__(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self.close()


@cache
def expected_tables() -> list[Any]:
    """Return what ``TABLES`` gives for a file of ours."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.text_factory = bytes
        connection.executescript(SCHEMA)
        return connection.execute(TABLES).fetchall()


def salvage(damaged: Path, fresh: Connection) -> int:
    """Copy what still verifies out of a damaged file, for those replies were paid for; return how many entries.

    Rows are read up from the start until the damage, then down from the end.
    """
    kept: set[int] = set()
    uri = f"{damaged.as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None, factory=Connection)) as old:
        old.text_factory = bytes
        fresh.execute("BEGIN IMMEDIATE")
        try:
            if old.execute(TABLES).fetchall() == expected_tables():
                for order in ("ASC", "DESC"):
                    _copy(old, fresh, order, kept)
        except sqlite3.Error:
            _log.debug("the damaged file cannot be read any more", exc_info=True)
        fresh.execute("COMMIT")
    return len(kept)


def _copy(old: Connection, fresh: Connection, order: str, kept: set[int]) -> None:
    try:
        rows = old.execute(f"SELECT id, {READ} FROM entries NOT INDEXED ORDER BY id {order}")  # noqa: S608
        for number, *row in rows:
            if number in kept:
                return
            entry = unseal(tuple(row))
            if entry is not None:
                sealed = row_of(entry)
                fresh.execute(UPSERT, sealed)
                fresh.execute(KEEP_USE, (entry.created, entry.size, sealed[0]))
                kept.add(number)
    except sqlite3.DatabaseError:
        _log.debug("a damaged file was read as far as it goes", exc_info=True)
