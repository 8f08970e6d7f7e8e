"""The writing side of a sealed store: what the writer's thread does with a batch of jobs."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import orjson

from toolkit.memory.database import Database, MemoryUnwritable
from toolkit.memory.entry import READ, Row, Tally, unseal
from toolkit.memory.schema import UPSERT, Connection

__all__ = ["Put", "StoreWrites", "Touch", "Work"]

_INSERT = UPSERT.partition(" ON CONFLICT")[0] + " ON CONFLICT (func, key) DO NOTHING"
_ONE = f"SELECT {READ} FROM entries WHERE func=? AND key=?"  # noqa: S608  # constants only
_TOUCH = (
    "INSERT INTO uses SELECT id, ? FROM entries WHERE func=? AND {} ON CONFLICT (id) DO UPDATE SET used=excluded.used"
)
_TOUCH_ONE = _TOUCH.format("key=?")
_TOUCH_MANY = _TOUCH.format("key IN (SELECT value FROM json_each(?))")


@dataclass(frozen=True, slots=True)
class Put:
    """Store one sealed row."""

    row: Row
    overwrite: bool


@dataclass(frozen=True, slots=True)
class Touch:
    """Note when entries were last used."""

    reads: Sequence[tuple[float, str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Work:
    """Anything else, done inside the batch's transaction; it may be done twice when the file had to be healed."""

    run: Callable[[Connection], Any]
    shrink: bool = False
    """Give freed pages back to the disk afterwards."""


Job = Put | Touch | Work


class StoreWrites:
    """The writer's target for one sealed store: one connection, one transaction a batch."""

    def __init__(self, database: Database, tally: Tally) -> None:
        self._database = database
        self._tally = tally
        self._connection: Connection | None = None

    def commit(self, jobs: Sequence[Job]) -> list[Any]:
        """Commit a batch; a damaged file is healed and the batch tried again on the fresh one."""
        for _ in range(5):
            # somebody may have removed the study's folder, or healed the file from another process
            self._database.follow()
            generation = self._database.generation
            try:
                results = self._transaction(jobs)
            except sqlite3.Error as error:
                self.close()
                self._database.recover(error, generation)
            else:
                self._after(jobs, results)
                return results
        raise MemoryUnwritable(f"memory {self._database.path} keeps failing", hint="Look at the disk it is on.")

    def close(self) -> None:
        """Close the connection; the next batch opens one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def abandon(self) -> Connection | None:
        """Let go of a connection inherited through a fork, which must be neither used nor closed."""
        connection, self._connection = self._connection, None
        return connection

    def _transaction(self, jobs: Sequence[Job]) -> list[Any]:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            results: list[Any] = []
            for simple, run in groupby(jobs, key=_is_plain_put):
                share = list(run)
                results += _put_all(connection, share) if simple else [_do(connection, job) for job in share]
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # SQLite rolls some failures back by itself
                connection.execute("ROLLBACK")
            raise
        return results

    def _open(self) -> Connection:
        if self._connection is None or self._connection.generation != self._database.generation:
            self.close()
            self._connection = self._database.connect(write=True)
        return self._connection

    def _after(self, jobs: Sequence[Job], results: list[Any]) -> None:
        written = sum(result for job, result in zip(jobs, results, strict=True) if type(job) is Put)
        if written:
            self._tally.add(written=written)
        if self._connection is not None and any(type(job) is Work and job.shrink for job in jobs):
            with contextlib.suppress(sqlite3.Error):  # only tidying up; what was asked for is committed
                self._connection.executescript("PRAGMA incremental_vacuum")  # execute() would free one page
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _is_plain_put(job: Job) -> bool:
    return type(job) is Put and job.overwrite


def _put_all(connection: Connection, jobs: Any) -> list[bool]:
    rows = [job.row for job in jobs]
    connection.executemany(UPSERT, rows)
    return [True] * len(rows)


def _do(connection: Connection, job: Job) -> Any:
    match job:
        case Put(row=row):
            return _put_if_absent(connection, row)
        case Touch(reads=reads):
            return _touch(connection, reads)
        case Work(run=run):
            return run(connection)


def _touch(connection: Connection, reads: Sequence[tuple[float, str, Sequence[str]]]) -> None:
    """Note times of use: what was read in bulk in one statement, so that the readers' threads keep running."""
    single = {(func, keys[0]): at for at, func, keys in reads if len(keys) == 1}
    connection.executemany(_TOUCH_ONE, [(at, func, key) for (func, key), at in single.items()])
    for at, func, keys in reads:
        if len(keys) > 1:
            connection.execute(_TOUCH_MANY, (at, func, orjson.dumps(keys).decode()))


def _put_if_absent(connection: Connection, row: Row) -> bool:
    if connection.execute(_INSERT, row).rowcount:
        return True
    there = connection.execute(_ONE, row[:2]).fetchone()
    if there is not None and unseal(there) is not None:
        return False
    connection.execute(UPSERT, row)  # what stood there was damaged, which is as good as nothing
    return True
