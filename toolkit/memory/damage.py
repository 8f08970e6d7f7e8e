"""What reads meet: rows that verify become entries, damaged ones are counted, and dropped or raised, never served."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from toolkit.errors import DramatisError, MemoryCorrupt
from toolkit.memory.entry import Entry, Tally
from toolkit.memory.rows import READ, Row, place_of, unseal

__all__ = ["FOUND", "Found"]

FOUND = f"hash, {READ}"
"""The columns of a row as ``Found`` takes them."""


class Found:
    """Turns rows into entries.

    Args:
        tally: Where damage is counted.
        raises: Whether damage is an error, in a memory that may not heal itself.
        drop: Removes damaged rows by address and returns how many; None for a memory that is only read.
        anew: Begins the whole file anew, for damage that cannot be dropped: where rows are out of order, a damaged one
            may be met by one way and not by another.
    """

    def __init__(
        self,
        tally: Tally,
        *,
        raises: bool,
        drop: Callable[[Sequence[int]], int] | None,
        anew: Callable[[str], None],
    ) -> None:
        self._tally = tally
        self._raises = raises
        self._drop = drop
        self._anew = anew
        self.forked()

    def forked(self) -> None:
        """Give the child of a fork a lock of its own."""
        self._lock = threading.Lock()
        self._known: set[int] = set()
        self._stayed: set[int] = set()

    def entries(self, rows: Sequence[Row]) -> Iterator[Entry]:
        """Yield the entries of the rows that verify, then deal with those that do not.

        Raises:
            MemoryCorrupt: There are such, and this memory may not heal.
        """
        damaged: list[Row] = []
        for row in rows:
            entry = unseal(row[1:])
            if entry is not None:
                yield entry
            else:
                damaged.append(row)
        if damaged:
            self._meet(damaged)

    def _meet(self, rows: Sequence[Row]) -> None:
        with self._lock:
            fresh = [row[0] for row in rows if type(row[0]) is int and row[0] not in self._known]
            self._known.update(fresh)
        self._tally.add(damaged=len(fresh))
        if self._raises:
            raise MemoryCorrupt(
                f"memory holds a damaged entry: {place_of(rows[0][1:])}",
                hint='Open the study with mode="read" to make it anew, or replay a capsule of it.',
            )
        if self._drop is None or not fresh:
            return
        try:
            dropped = self._drop(fresh)
        except DramatisError:
            return  # it cannot be removed now; it is not served either, and a new reply will overwrite it
        self._tally.add(dropped=dropped)
        with self._lock:
            self._known.difference_update(fresh)
            comes_back = dropped < len(fresh) and not self._stayed.isdisjoint(fresh)
            self._stayed = self._stayed.union(fresh) if dropped < len(fresh) and not comes_back else set()
        if comes_back:
            self._anew("damage that was removed comes back")
