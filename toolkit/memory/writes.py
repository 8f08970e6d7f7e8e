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
from toolkit.memory.entry import Tally
from toolkit.memory.places import Recent, keep, numbers_at, settle
from toolkit.memory.rows import READ, Row, kept_key, unseal
from toolkit.memory.schema import Connection
from toolkit.memory.uses import Touch

__all__ = ["Put", "StoreWrites", "Work"]

_ONE = f"SELECT {READ} FROM entries WHERE id=?"  # noqa: S608  # constants only
_TOUCH_ONE = "UPDATE uses SET used=max(used, ?) WHERE id=(SELECT id FROM places WHERE hash=?)"
_TOUCH_MANY = (
    "UPDATE uses SET used=max(used, ?2) "
    "WHERE id IN (SELECT id FROM places WHERE hash IN (SELECT value FROM json_each(?1)))"
)


@dataclass(frozen=True, slots=True)
class Put:
    """Store one sealed row."""

    row: Row
    used: float
    """When, in seconds since the epoch."""
    overwrite: bool


@dataclass(frozen=True, slots=True)
class Work:
    """Anything else, done inside the batch's transaction; it may be done twice when the file had to be healed."""

    run: Callable[[Connection], Any]
    shrink: int = 0
    """How many freed pages to give back to the disk afterwards."""


Job = Put | Touch | Work

_SIZE = 3
"""The place of a body's size in a row."""


class StoreWrites:
    """The writer's target for one sealed store: one connection, one transaction a batch."""

    def __init__(self, database: Database, tally: Tally) -> None:
        self._database = database
        self._tally = tally
        self._connection: Connection | None = None
        self._recent = Recent()
        self.watch: Callable[[int, int], None] | None = None
        """Told after a commit how many entries it wrote, and how many bytes; on the writer's thread."""
        self.unsettled = False
        """Whether entries were written since the store was opened, of which some may only be listed."""

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
                results += self._put_all(connection, share) if simple else [self._do(connection, job) for job in share]
            connection.execute("COMMIT")
        except BaseException:
            self._recent = Recent()  # rows it knows of may never have been committed
            with contextlib.suppress(sqlite3.Error):  # SQLite rolls some failures back by itself
                connection.execute("ROLLBACK")
            raise
        return results

    def _open(self) -> Connection:
        if self._connection is None or self._connection.generation != self._database.generation:
            self.close()
            self._connection = self._database.connect(write=True)
        return self._connection

    def _do(self, connection: Connection, job: Job) -> Any:
        match job:
            case Put():
                return self._put_if_absent(connection, job)
            case Touch(reads=reads):
                return _touch(connection, reads)
            case Work(run=run):
                return run(connection)

    def _put_all(self, connection: Connection, jobs: Sequence[Any]) -> list[bool]:
        keep(connection, [(job.row, job.used) for job in jobs], self._recent)
        return [True] * len(jobs)

    def _put_if_absent(self, connection: Connection, job: Put) -> bool:
        place, func, key, *_ = job.row
        number = numbers_at(connection, [place], self._recent).get(place)
        if number is not None:
            entry = unseal(connection.execute(_ONE, (number,)).fetchone())
            if entry is not None and (entry.func, kept_key(entry.key)) == (func, key):
                return False
        self._put_all(connection, [job])  # what stood there was damaged, which is as good as nothing
        return True

    def _after(self, jobs: Sequence[Job], results: list[Any]) -> None:
        sizes = [job.row[_SIZE] for job, result in zip(jobs, results, strict=True) if type(job) is Put and result]
        if sizes:
            self.unsettled = True
            self._tally.add(written=len(sizes))
            if self.watch is not None:
                self.watch(len(sizes), sum(sizes))
        shrink = max((job.shrink for job in jobs if type(job) is Work), default=0)
        if self._connection is not None and shrink:
            with contextlib.suppress(sqlite3.Error):  # only tidying up; what was asked for is committed
                self._connection.executescript(f"PRAGMA incremental_vacuum({shrink})")  # execute() would free one page
                if not self._connection.execute("PRAGMA freelist_count").fetchone()[0]:
                    self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _is_plain_put(job: Job) -> bool:
    return type(job) is Put and job.overwrite


def _touch(connection: Connection, reads: Sequence[tuple[float, Sequence[int]]]) -> None:
    """Note times of use: what was read in bulk in one statement, so that the readers' threads keep running."""
    settle(connection)  # what is only listed has no row there yet
    single = {addresses[0]: at for at, addresses in reads if len(addresses) == 1}
    connection.executemany(_TOUCH_ONE, [(at, address) for address, at in single.items()])
    for at, addresses in reads:
        if len(addresses) > 1:
            connection.execute(_TOUCH_MANY, (orjson.dumps(addresses).decode(), at))
