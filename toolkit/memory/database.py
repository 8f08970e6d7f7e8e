"""One SQLite file: how it is opened, how damage is told from bad luck, and what happens to a damaged file."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from toolkit.errors import DramatisError, MemoryCorrupt
from toolkit.memory.entry import Tally
from toolkit.memory.filesystem import network_filesystem
from toolkit.memory.salvage import salvage
from toolkit.memory.schema import (
    APPLICATION,
    PAGE,
    SCHEMA,
    STAMP,
    TABLES,
    Connection,
    Damaged,
    check_version,
    expected_tables,
    fault_of,
)

if sys.platform != "win32":
    import fcntl

__all__ = ["Database", "MemoryUnwritable", "MemoryWarning"]

_log = logging.getLogger(__name__)

Journal = Literal["auto", "wal", "rollback"]

PATIENCE = 60.0
"""Seconds one statement waits for another process's write lock."""

LOG = 16 * 2**20
"""Bytes the write-ahead log may reach before it is worked in; a page written many times meanwhile is copied once."""
_CACHE_KB = {True: 16_000, False: 4_000}
"""Page cache of the one writing connection, and of each reading one."""

# SQLite's result codes, in their low byte: https://sqlite.org/rescode.html
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_MISMATCH}
_DAMAGE |= {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_INTERNAL, sqlite3.SQLITE_SCHEMA}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_GONE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY_DBMOVED}
_NO_WAL = {
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMLOCK,
    sqlite3.SQLITE_IOERR_SHMMAP,
}


class MemoryUnwritable(DramatisError, OSError):
    """A study's folder that cannot be read or written now: a full disk, missing rights, a lock that is never freed."""


class MemoryWarning(UserWarning):
    """Something about a study's folder the researcher should know; work goes on."""


class Database:
    """The file behind a sealed store.

    Args:
        path: The file; made with mode 0600 where there is none.
        heal: Whether a damaged file may be moved aside and begun anew; otherwise it raises ``MemoryCorrupt``.
        read_only: Open without any way to write; a file that is not there reads as empty.
        journal: ``auto`` takes WAL except where it does not work; ``rollback`` for network homes.
        tally: Where quarantined files are counted.
        mounts: The mount table to look for network homes in; by default this machine's.
    """

    def __init__(
        self, path: Path, *, heal: bool, read_only: bool, journal: Journal, tally: Tally, mounts: str | None = None
    ) -> None:
        self.path = path.absolute()
        self.heal = heal
        self.read_only = read_only
        self.generation = 0
        self._tally = tally
        self._wanted = journal
        self._mounts = mounts
        self._lock = threading.RLock()
        self._holds_file = False
        self._inode: tuple[int, int] | None = None
        self.journal = "none"
        self._open_file()

    def connect(self, *, write: bool = False) -> Connection:
        """Return a new connection to the file as it is now.

        Raises:
            MemoryUnwritable: The file cannot be opened.
            MemoryCorrupt: It is damaged, and this store may not heal.
        """
        for _ in range(5):
            generation = self.generation
            try:
                connection = self._connect("ro" if self.read_only else "rw")
                connection.execute(f"PRAGMA cache_size=-{_CACHE_KB[write]}")
                if write:
                    connection.execute(f"PRAGMA wal_autocheckpoint={LOG // PAGE}")
                    connection.execute(f"PRAGMA journal_size_limit={LOG}")
                else:
                    connection.execute("PRAGMA query_only=ON")
                connection.execute("SELECT 1 FROM entries LIMIT 1").fetchone()
            except sqlite3.Error as error:
                self.recover(error, generation)
            else:
                connection.generation = generation
                return connection
        raise MemoryUnwritable(f"memory {self.path} keeps failing to open", hint="Look at the disk it is on.")

    def recover(self, error: Exception, generation: int) -> None:
        """Return when trying again makes sense: after healing, or when the file was only busy or replaced.

        Raises:
            MemoryCorrupt: The file is damaged and this store may not heal.
            MemoryUnwritable: Anything trying again does not mend: a full disk, missing rights, a lock held too long.
        """
        if self._is_damage(error):
            self._repair(error, generation)
        elif _code(error) in _GONE and not self.read_only:
            self.follow()
        else:
            raise self._unwritable(error) from error

    def follow(self) -> None:
        """Notice that the file was replaced or removed by somebody else, and go on with what is there now."""
        with self._lock:
            if self._inode != _inode(self.path):
                self._open_file()
                self.generation += 1

    def begin_anew(self, why: str) -> None:
        """Move the file aside for damage that SQLite does not see, and begin anew with what verifies.

        Raises:
            MemoryCorrupt: This store may not heal.
        """
        self._repair(Damaged(why), self.generation)

    def forked(self) -> None:
        """Give the child of a fork a lock of its own, and make all inherited connections count as old."""
        self._lock = threading.RLock()
        self._holds_file = False
        self.generation += 1

    def _connect(self, mode: str) -> Connection:
        if mode == "ro" and not self.path.exists():
            connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=Connection)
            connection.executescript(SCHEMA)
        else:
            uri = f"{self.path.as_uri()}?mode={mode}"
            if mode == "ro" and not os.access(self.path.parent, os.W_OK):
                uri += "&immutable=1"  # a write-ahead log needs a folder to work in; nobody writes here anyway
            connection = sqlite3.connect(
                uri, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False, factory=Connection
            )
        connection.text_factory = bytes
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        connection.execute(f"PRAGMA synchronous={'NORMAL' if self.journal == 'wal' else 'FULL'}")
        return connection

    def _open_file(self) -> None:
        if self.read_only:
            self._inode = _inode(self.path)
            self._check_or_repair()
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._file_lock():
                self._create()
                self._inode = _inode(self.path)
                self._check_or_repair()
        except OSError as error:
            if isinstance(error, DramatisError):
                raise
            raise self._unwritable(error) from error

    def _create(self) -> None:
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            with contextlib.suppress(OSError):  # somebody else's file keeps the mode its owner gave it
                self.path.chmod(0o600)

    def _check_or_repair(self) -> None:
        try:
            self._check()
        except (sqlite3.Error, Damaged) as error:
            if isinstance(error, sqlite3.Error) and not (self._is_damage(error) or _code(error) == 1):
                raise self._unwritable(error) from error
            self._repair(error, self.generation)

    def _check(self) -> None:
        """Set the journal, make the tables in a new file, and see that an old one has ours and nothing else."""
        connection = self._connect("ro" if self.read_only else "rw")
        try:
            if not self.read_only:
                connection = self._set_journal(connection)
            tables = connection.execute(TABLES).fetchall()
            if not tables and not self.read_only:
                marks = f"PRAGMA application_id={APPLICATION}; PRAGMA user_version={STAMP}"
                connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} {marks}; COMMIT")
                return
            if self.read_only and not self.path.exists():
                return
            if self.read_only:
                mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
                self.journal = "wal" if mode == b"wal" else "rollback"
            check_version(connection, self.path)
            if tables != expected_tables():
                raise Damaged("its tables are not the ones memory has")
        finally:
            connection.close()

    def _set_journal(self, connection: Connection) -> Connection:
        home = network_filesystem(self.path, self._mounts) if self._wanted == "auto" else None
        if self._wanted != "rollback" and home is None:
            try:
                self._lay_out(connection)
                mode = _patiently(connection, "PRAGMA journal_mode=WAL")
                connection.execute(TABLES).fetchall()
            except sqlite3.OperationalError as error:
                if _code(error) not in _NO_WAL:
                    raise
                mode = b"none"
            if mode == b"wal":
                self.journal = "wal"
                return connection
            home = home or "this file system"
        connection.close()
        self.journal = "rollback"
        connection = self._connect("rw")
        # a log left from a better file system can only be taken in by a connection that needs no shared memory
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._lay_out(connection)
        _patiently(connection, "PRAGMA journal_mode=DELETE")
        connection.execute(TABLES).fetchall()
        connection.close()
        if home is not None:
            _warn(
                f"memory {self.path} lies on {home}, where SQLite's fast journal does not work: writes are slower "
                "there. Keep studies on a local disk where you can."
            )
        return self._connect("rw")

    def _lay_out(self, connection: Connection) -> None:
        """Set a new file's page size, and let it give pages back to the disk; an old one keeps what it has."""
        if self.path.stat().st_size == 0:
            connection.execute(f"PRAGMA page_size={PAGE}")
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")

    def _repair(self, error: Exception, generation: int) -> None:
        with self._lock:
            if generation != self.generation:
                return  # another thread has done it
            if not self.heal or self.read_only:
                raise MemoryCorrupt(
                    f"memory {self.path} {fault_of(error)}",
                    hint='Open the study with mode="read" to heal it, or replay a capsule of it.',
                ) from error
            with self._file_lock():
                try:
                    if self._inode == _inode(self.path):
                        self._replace(error)
                    else:
                        self._inode = _inode(self.path)  # another process has done it
                except (sqlite3.Error, OSError) as worse:
                    raise self._unwritable(worse) from error
                self.generation += 1

    def _replace(self, error: Exception) -> None:
        moved = self._move_aside()
        self._create()
        self._inode = _inode(self.path)
        self._check()
        with contextlib.closing(self._connect("rw")) as fresh:
            saved = salvage(moved, fresh)
        self._tally.add(quarantined=1)
        _warn(
            f"memory {self.path} {fault_of(error)}; it was moved to {moved} and begun anew "
            f"with the {saved} entries that could be verified."
        )

    def _move_aside(self) -> Path:
        folder = self.path.parent / "quarantine"
        folder.mkdir(exist_ok=True, mode=0o700)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        moved = folder / f"{self.path.stem}-{stamp}-{time.time_ns() % 10**9:09d}-{os.getpid()}{self.path.suffix}"
        for tail in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{tail}").rename(f"{moved}{tail}")
        return moved

    @contextmanager
    def _file_lock(self) -> Iterator[None]:
        """Keep other threads and processes from opening or healing the same file at the same moment."""
        with self._lock:
            if sys.platform == "win32" or self._holds_file:
                yield
                return
            handle = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                with contextlib.suppress(OSError):  # a file system without locks: SQLite's own must do
                    fcntl.flock(handle, fcntl.LOCK_EX)
                self._holds_file = True
                yield
            finally:
                self._holds_file = False
                os.close(handle)

    def _is_damage(self, error: Exception) -> bool:
        if not isinstance(error, sqlite3.Error):
            return isinstance(error, Damaged)
        code = _code(error)
        if code == sqlite3.SQLITE_READONLY and not self.read_only:
            # two bytes of the header say "read only": nobody can write, though the file's rights allow it
            return os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)
        if code == sqlite3.SQLITE_ERROR:
            return any(sign in str(error) for sign in ("no such table", "no such column", "unsupported file format"))
        return code & 0xFF in _DAMAGE or code == sqlite3.SQLITE_IOERR_SHORT_READ

    def _unwritable(self, error: Exception) -> MemoryUnwritable:
        if isinstance(error, sqlite3.Error) and _code(error) & 0xFF in _BUSY:
            return MemoryUnwritable(
                f"memory {self.path} has been locked by another process for {PATIENCE:.0f} s",
                hint="See which notebook or command still works on this study.",
            )
        return MemoryUnwritable(
            f"memory {self.path} cannot be used: {error}",
            hint="Free space or choose a folder that can be written, then resume; nothing finished is lost.",
        )


def _patiently(connection: Connection, pragma: str) -> bytes:
    """Set a journal mode; SQLite answers "locked" at once here, without waiting."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer: bytes = connection.execute(pragma).fetchone()[0]
        except sqlite3.OperationalError as error:
            if _code(error) & 0xFF not in _BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return answer


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", None) or 0


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _warn(message: str) -> None:
    try:
        warnings.warn(message, MemoryWarning, stacklevel=2)
    except MemoryWarning:  # made an error by the caller's filters: healing must still come to its end
        _log.warning(message)
