"""Where an entry stands: the index over addresses and items, which is written in bulk.

An address is 64 random bits, so in an index each new one dirties a page of its own, and a commit writes whole pages.
New entries are therefore found by a look at the end of their table; some thousands at a time they are taken into the
index, in the order of their addresses, and their times of use into a table of their own, whose pages hold no bodies.
The mark ``indexed`` says up to which number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from toolkit.memory.rows import COLUMNS, Row
from toolkit.memory.schema import Connection, corrupt

__all__ = [
    "ASTRAY",
    "AT",
    "LISTED_AT",
    "OF_ITEM",
    "RECENT",
    "USED",
    "Recent",
    "forget",
    "keep",
    "numbers_at",
    "settle",
]

RECENT = 4096
"""Entries that are stored before they are taken into the index."""

# the statements are made of constants only, here and below
_ASKED = "SELECT value FROM json_each(?1)"
_INDEXED = "coalesce((SELECT number FROM marks WHERE name='indexed'), 0)"
_LISTED = f"entries WHERE id > {_INDEXED}"
AT = f"SELECT id FROM places WHERE hash=?1 UNION ALL SELECT id FROM {_LISTED} AND hash=?1"  # noqa: S608
"""The number of the row at an address."""
LISTED_AT = (
    "SELECT places.hash, places.id FROM json_each(?1) AS asked CROSS JOIN places ON places.hash = asked.value "  # noqa: S608
    f"UNION ALL SELECT hash, id FROM {_LISTED} AND hash IN ({_ASKED})"
)
"""Address and number of the rows at many addresses, given as JSON."""
_ENTERED_AT = "SELECT places.hash, places.id FROM json_each(?1) AS asked CROSS JOIN places ON places.hash = asked.value"
OF_ITEM = f"SELECT id FROM items WHERE item=?1 UNION ALL SELECT id FROM {_LISTED} AND item=?1"  # noqa: S608
"""The numbers of the rows made for an item."""
USED = f"(SELECT id, used, size FROM uses UNION ALL SELECT id, coalesce(used, created), size FROM {_LISTED})"  # noqa: S608
"""Number, time of use and size of all rows."""

_NEW = f"SELECT id, hash FROM entries WHERE id > max(?, {_INDEXED}) ORDER BY id"  # noqa: S608
_LAST = (
    "SELECT max(coalesce((SELECT max(id) FROM entries), 0), coalesce((SELECT max(id) FROM uses), 0), "  # noqa: S608
    f"coalesce((SELECT number FROM marks WHERE name='last'), 0)), {_INDEXED}"
)
_HASHES = f"SELECT id, hash FROM entries WHERE id IN ({_ASKED})"  # noqa: S608
_PUT = f"INSERT OR REPLACE INTO entries (id, used, {COLUMNS}) VALUES (?,?{',?' * len(COLUMNS.split(', '))})"  # noqa: S608
_FORGET_ITEMS = f"DELETE FROM items WHERE (item, id) IN (SELECT item, id FROM entries WHERE id IN ({_ASKED}))"  # noqa: S608
_KEEP_ITEMS = "INSERT OR REPLACE INTO items SELECT item, id FROM entries WHERE id IN ({}) ORDER BY 1"
_SETTLE = (
    f"INSERT OR REPLACE INTO places SELECT hash, id FROM {_LISTED} ORDER BY hash",  # noqa: S608
    _KEEP_ITEMS.format(f"SELECT id FROM {_LISTED}"),  # noqa: S608
    f"INSERT OR REPLACE INTO uses SELECT id, coalesce(used, created), size FROM {_LISTED}",  # noqa: S608
    f"INSERT OR REPLACE INTO marks SELECT 'indexed', max(id) FROM {_LISTED} HAVING max(id)",  # noqa: S608
)
_KEEP_USES = (
    "INSERT OR REPLACE INTO uses SELECT id, coalesce(used, created), size FROM entries "  # noqa: S608
    f"WHERE id IN ({_ASKED}) AND id <= {_INDEXED}"
)
_KEEP_LAST = (
    f"INSERT OR REPLACE INTO marks SELECT 'last', max(id) FROM entries WHERE id IN ({_ASKED}) "  # noqa: S608
    "HAVING max(id) = (SELECT max(id) FROM entries)"
)
_FORGET = (
    _KEEP_LAST,
    f"DELETE FROM places WHERE hash IN (SELECT hash FROM entries WHERE id IN ({_ASKED})) AND id IN ({_ASKED})",  # noqa: S608
    _FORGET_ITEMS,
    f"DELETE FROM uses WHERE id IN ({_ASKED})",  # noqa: S608
    f"DELETE FROM entries WHERE id IN ({_ASKED})",  # noqa: S608
)
_CREATED = COLUMNS.split(", ").index("created")
_AS_CREATED = 1.0
"""Seconds from making to storing that make no difference; the time of use is then not written down twice."""
_LARGEST = 2**62

ASTRAY = f"""
SELECT count(*) FROM entries WHERE id <= {_INDEXED} AND (
    id IS NOT (SELECT id FROM places WHERE places.hash = entries.hash)
    OR NOT EXISTS (SELECT 1 FROM items WHERE items.item = entries.item AND items.id = entries.id)
    OR NOT EXISTS (SELECT 1 FROM uses WHERE uses.id = entries.id))"""  # noqa: S608
"""How many rows the index does not lead to, though it should."""

Read = Callable[[str, Sequence[Any]], list[Row]]


class Recent:
    """What is only listed, as a reader or the writer knows it: number by address, up to date with one short read.

    Numbers are never given twice, so a row that was read once needs no second look, and one that has left is found by
    nobody. It has to be asked before the index: what leaves the list is in the index by then.
    """

    def __init__(self) -> None:
        self._known = _Known(-1)

    def numbers(self, read: Read, generation: int) -> dict[int, int]:
        """Return number by address, of all that is only listed now and of some that was.

        Args:
            read: Reads from the file.
            generation: Which file it is; another one is read from the start.
        """
        known = self._known
        if generation != known.generation or len(known.numbers) > 2 * RECENT:
            known = self._known = _Known(generation)  # a new one: other threads may be adding to the one of before
        rows = read(_NEW, (known.last,))
        if rows:
            known.numbers.update((address, number) for number, address in rows)
            known.last = max(known.last, rows[-1][0])
        return known.numbers


class _Known:
    __slots__ = ("generation", "last", "numbers")

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.last = 0
        self.numbers: dict[int, int] = {}


def keep(connection: Connection, rows: Sequence[tuple[Row, float]], recent: Recent) -> None:
    """Store sealed rows, each with its time of use, in the place of what has the same address.

    Args:
        connection: In a transaction.
        rows: What to store.
        recent: What this connection knows of the rows that are only listed; of no use after the transaction failed.

    Raises:
        sqlite3.Error: The file is damaged, or cannot be written.
    """
    fresh = {row[0]: (row, used) for row, used in rows}  # of what is put twice the later one stands
    there = numbers_at(connection, list(fresh), recent)
    replaced = orjson.dumps(list(there.values())).decode()
    if there:
        connection.execute(_FORGET_ITEMS, (replaced,))
    last, indexed = connection.execute(_LAST).fetchone()
    if not (type(last) is type(indexed) is int and 0 <= indexed < _LARGEST and 0 <= last < _LARGEST):
        raise corrupt("its rows have impossible numbers")
    first = max(last, indexed) + 1
    new = {place: number for number, place in enumerate((one for one in fresh if one not in there), first)}
    numbers = there | new
    connection.executemany(_PUT, [(numbers[place], _use(row, used), *row) for place, (row, used) in fresh.items()])
    if connection.execute("SELECT count(*) FROM entries WHERE id >= ?", (first,)).fetchone()[0] != len(new):
        raise corrupt("its list does not find what was just stored")
    if there:
        connection.execute(_KEEP_ITEMS.format(_ASKED), (replaced,))
        connection.execute(_KEEP_USES, (replaced,))
    if first + len(new) - indexed > RECENT:
        settle(connection)


def _use(row: Row, used: float) -> float | None:
    return None if abs(used - row[_CREATED]) < _AS_CREATED else used


def numbers_at(connection: Connection, places: list[int], recent: Recent) -> dict[int, int]:
    """Return the numbers of the rows that stand at these addresses, after a look at the rows themselves.

    Raises:
        sqlite3.Error: The file is damaged.
    """
    listed = recent.numbers(lambda sql, asked: connection.execute(sql, asked).fetchall(), connection.generation)
    known = [(place, listed[place]) for place in places if place in listed]
    found = connection.execute(_ENTERED_AT, (orjson.dumps(places).decode(),)).fetchall()
    entered = [(place, number) for place, number in found if type(number) is int]  # a damaged index can name anything
    if not (known or entered):
        return {}
    asked = orjson.dumps([number for _, number in known + entered]).decode()
    rows = dict(connection.execute(_HASHES, (asked,)).fetchall())
    known = [(place, number) for place, number in known if number in rows]  # some may have left meanwhile
    if any(rows.get(number) != place for place, number in known + entered):
        raise corrupt("its index leads to other entries than it says")
    return dict(known + entered)


def settle(connection: sqlite3.Connection) -> None:
    """Take what is only listed into the index."""
    for sql in _SETTLE:
        connection.execute(sql)


def forget(connection: sqlite3.Connection, numbers: Iterable[int]) -> int:
    """Delete rows by number, everywhere, and return how many there were."""
    asked = orjson.dumps(list(numbers)).decode()
    for sql in _FORGET:
        gone = connection.execute(sql, (asked,)).rowcount
    return gone
