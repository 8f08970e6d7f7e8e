"""The tables of a memory file, and what can be read out of a damaged one."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any

from toolkit.memory.entry import COLUMNS, unseal

__all__ = ["APPLICATION", "SCHEMA", "TABLES", "UPSERT", "VERSION", "Connection", "expected_tables", "salvage"]

_log = logging.getLogger(__name__)

APPLICATION = 0x44524D54
"""Marks a database file as ours ("DRMT")."""
VERSION = 1
"""Of the schema below."""

SCHEMA = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, func TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL,
    created REAL NOT NULL, used REAL NOT NULL, stage TEXT NOT NULL, item TEXT NOT NULL,
    template TEXT NOT NULL, model TEXT NOT NULL, sha BLOB NOT NULL, body BLOB NOT NULL, UNIQUE (func, key));
CREATE TABLE uses (id INTEGER PRIMARY KEY, used REAL NOT NULL);
CREATE INDEX entries_by_item ON entries (stage, item, created);
CREATE TABLE functions (func TEXT PRIMARY KEY, code BLOB NOT NULL) WITHOUT ROWID;
"""
TABLES = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
"""What a file's tables are; a planted view or trigger shows here."""
UPSERT = (
    f"INSERT INTO entries ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (func, key) DO UPDATE SET "  # noqa: S608
    "size=excluded.size, created=excluded.created, used=excluded.used, stage=excluded.stage, item=excluded.item, "
    "template=excluded.template, model=excluded.model, sha=excluded.sha, body=excluded.body"
)


class Connection(sqlite3.Connection):
    """A connection that knows which file it was opened on, and that closes when nobody holds it any more."""

    generation: int = 0

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
        rows = old.execute(f"SELECT id, {COLUMNS} FROM entries NOT INDEXED ORDER BY id {order}")  # noqa: S608  # constants
        for number, *row in rows:
            if number in kept:
                return
            if unseal(tuple(row)) is not None:
                for place in (0, 1, 5, 6, 7, 8):  # the texts
                    row[place] = row[place].decode()
                fresh.execute(UPSERT, row)
                kept.add(number)
    except sqlite3.DatabaseError:
        _log.debug("a damaged file was read as far as it goes", exc_info=True)
