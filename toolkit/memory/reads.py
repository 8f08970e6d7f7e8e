"""The reading side of a sealed store: a connection a thread, healed and reopened when it must be."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Sequence
from typing import Any

from toolkit.errors import DramatisError
from toolkit.memory.database import Database, MemoryUnwritable
from toolkit.memory.rows import Row
from toolkit.memory.schema import Connection

__all__ = ["StoreReads"]


class StoreReads:
    """Runs queries in the calling thread, on that thread's own connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._closed = False
        self.forked()

    def forked(self) -> None:
        """Begin without connections, as the child of a fork must."""
        self._local = threading.local()
        self._open: weakref.WeakSet[Connection] = weakref.WeakSet()

    def connections(self) -> list[Connection]:
        """Return the connections of all threads."""
        return list(self._open)

    def read(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        """Return the rows of a query.

        Raises:
            MemoryCorrupt: The file is damaged, and the store may not heal.
            MemoryUnwritable: The file cannot be read.
        """
        for _ in range(4):
            generation = self._database.generation
            try:
                return self.read_once(sql, parameters)
            except sqlite3.Error as error:
                if self._closed:
                    raise self.is_closed() from None
                self._local.connection = None
                self._database.recover(error, generation)
        raise MemoryUnwritable(f"memory {self._database.path} keeps failing", hint="Look at the disk it is on.")

    def read_once(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        """Return the rows of a query as they are, healing nothing.

        Raises:
            sqlite3.Error: Whatever SQLite finds.
        """
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None or connection.generation != self._database.generation:
            if self._closed:
                raise self.is_closed()
            connection = self._local.connection = self._database.connect()
            self._open.add(connection)
        return connection.execute(sql, parameters).fetchall()

    def close(self) -> None:
        """Close the connections of all threads."""
        self._closed = True
        for connection in self.connections():
            connection.close()

    def is_closed(self) -> DramatisError:
        """Return the error of a store that was closed."""
        return DramatisError(f"memory {self._database.path} is closed", hint="Open the study with tk.Lab(study=…).")
