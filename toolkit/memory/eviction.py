"""Making a memory fit: what was used longest ago leaves, in steps that keep nobody waiting."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from toolkit.memory.places import forget
from toolkit.memory.rows import Row

__all__ = ["Bounds", "bounds_for", "evict", "victims"]

Read = Callable[[str, Sequence[Any]], list[Row]]
Victim = tuple[int, float]
"""A row's number, and when it was used last."""

ROOM = 0.02
"""Share of a limit that is made free beyond it, so that not every reply sets the work going again."""
STEP = 200
"""Rows that leave in one commit: a few milliseconds, so that replies that are to be stored hardly wait."""
_BATCH = 200_000
"""Rows that are looked at in one read."""

_NOW = "SELECT id, used FROM uses WHERE id IN (SELECT value FROM json_each(?))"
_OLDEST = "SELECT id, used, size FROM uses WHERE (used, id) > (?, ?) ORDER BY used, id LIMIT ?"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a memory may hold."""

    size: float | None = None
    """Bytes of all bodies together."""
    items: int | None = None
    """Entries."""
    since: float | None = None
    """Nothing that was used last before this time, in seconds since the epoch."""


def bounds_for(number: int, size: int, in_use: int, *, items: float | None, disk: float | None) -> Bounds | None:
    """Return what to keep so that limits hold with some room to spare, or None where they hold already.

    Args:
        number: Entries there are.
        size: Bytes of their bodies.
        in_use: Bytes the file has in use for them.
        items: Entries there may be.
        disk: Bytes the file may have in use.
    """
    keep_items = keep_size = None
    if items is not None and number > items:
        keep_items = int(items * (1 - ROOM))
    if disk is not None and in_use > disk:
        keep_size = size * (1 - ROOM) * disk / in_use
    return None if keep_items is None and keep_size is None else Bounds(keep_size, keep_items)


def victims(read: Read, bounds: Bounds) -> Iterator[list[Victim]]:
    """Yield, in steps, what has to leave so that every bound holds, beginning with what was used longest ago."""
    number, size = read("SELECT count(*), sum(size) FROM uses", ())[0]
    excess = 0 if bounds.items is None else number - bounds.items
    surplus = 0.0 if bounds.size is None else (size or 0) - bounds.size
    last: tuple[Any, int] = (-1e300, -(2**63))
    step: list[Victim] = []
    while rows := read(_OLDEST, (*last, _BATCH)):
        last = rows[-1][1], rows[-1][0]
        for row_number, used, its_size in rows:
            if excess <= 0 and surplus <= 0 and not _before(used, bounds.since):
                yield step
                return
            excess -= 1
            surplus -= its_size if type(its_size) is int else 0
            step.append((row_number, used))
            if len(step) == STEP:
                yield step
                step = []
    yield step


def _before(used: Any, since: float | None) -> bool:
    return since is not None and (type(used) is not float or used < since)


def evict(connection: sqlite3.Connection, step: Sequence[Victim]) -> int:
    """Delete rows that were not used since they were chosen."""
    numbers = orjson.dumps([number for number, _ in step]).decode()
    now = dict(connection.execute(_NOW, (numbers,)).fetchall())
    return forget(connection, [number for number, used in step if now.get(number) == used])
