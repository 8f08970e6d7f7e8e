"""The tables of a memory file."""

from __future__ import annotations

import contextlib
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any

from toolkit.errors import InvalidInput

__all__ = [
    "APPLICATION",
    "SCHEMA",
    "STAMP",
    "TABLES",
    "VERSION",
    "Connection",
    "Damaged",
    "check_version",
    "corrupt",
    "expected_tables",
    "fault_of",
]

APPLICATION = 0x44524D54
"""Marks a database file as ours ("DRMT")."""
VERSION = 4
"""Of the schema below."""
STAMP = VERSION * 0x01010101
"""The version as the file's header has it: in each of four bytes, so that a flipped bit is no other version."""
PAGE = 1024
"""Bytes of a page. A commit writes whole pages, so small ones keep what is written small: 2.8 bytes for each byte of
answer on the wire, the closing counted (``python -m tests.perf.overhead``). With 512 here it is 2 to 12 % less, and a
look-up in bulk takes a third longer (``python -m tests.perf.memory --only rates``); with 2048, 6 to 13 % more."""

SCHEMA = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, used REAL, hash INTEGER NOT NULL, func TEXT NOT NULL, key BLOB NOT NULL,
    size INTEGER NOT NULL, created REAL NOT NULL, stage TEXT NOT NULL, item TEXT NOT NULL,
    template TEXT NOT NULL, model TEXT NOT NULL, sha BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE uses (id INTEGER PRIMARY KEY, used REAL NOT NULL, size INTEGER NOT NULL);
CREATE TABLE marks (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE places (hash INTEGER PRIMARY KEY, id INTEGER NOT NULL);
CREATE TABLE items (item TEXT, id INTEGER, PRIMARY KEY (item, id)) WITHOUT ROWID;
CREATE TABLE functions (func TEXT PRIMARY KEY, code BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE imports (source TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
"""
TABLES = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
"""What a file's tables are; a planted view or trigger shows here."""


class Damaged(Exception):
    """What a check of ours found wrong with a whole file; only ``Database`` sees it."""


class Earlier(Damaged):
    """A file of before; it is begun anew with all that is in it."""


class Connection(sqlite3.Connection):
    """A connection that knows which file it was opened on, and that closes when nobody holds it any more."""

    generation: int = 0

    def execute(self, *asked: Any) -> sqlite3.Cursor:
        """Run a statement; what SQLite says of a damaged schema may be no Unicode, which is damage too."""
        try:
            return super().execute(*asked)
        except UnicodeDecodeError as error:
            raise corrupt("the text of its tables is no Unicode") from error

    def __del__(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self.close()


def corrupt(why: str) -> sqlite3.DatabaseError:
    """Return the error for damage that SQLite itself does not name."""
    error = sqlite3.DatabaseError(f"database disk image is malformed: {why}")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


@cache
def expected_tables() -> list[Any]:
    """Return what ``TABLES`` gives for a file of ours."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.text_factory = bytes
        connection.executescript(SCHEMA)
        return connection.execute(TABLES).fetchall()


def check_version(connection: Connection, path: Path) -> None:
    """See that a file is a memory's, of this version.

    Raises:
        InvalidInput: A newer version of the toolkit wrote it.
        Damaged: It is another file, or of a version that is not known, or an earlier one.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION:
        raise Damaged("it is not a memory file")
    number, rest = divmod(version, STAMP // VERSION)
    if not rest and VERSION < number < VERSION + 100:
        raise InvalidInput(
            f"memory {path} was written by a newer version (format {number})",
            hint="Upgrade dramatis-toolkit, or use another study folder.",
        )
    if not rest and 0 < number < VERSION:
        raise Earlier(f"written by an earlier version (format {number})")
    if version != STAMP:
        raise Damaged(f"its format {version} is unknown")


def fault_of(error: Exception) -> str:
    """Return what is wrong with a whole file, to stand behind its name."""
    return f"was {error}" if isinstance(error, Earlier) else f"is damaged: {error}"
