"""Where an entry stands: the index over addresses and items, which is written in bulk.

An address is 64 random bits, so in an index each new one dirties a page of its own, and a commit writes whole pages.
New entries are therefore found by the list of uses, which grows at its end; a thousand at a time they are taken into
the index, in the order of their addresses. The mark ``indexed`` says up to which number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from toolkit.memory.rows import COLUMNS, Row
from toolkit.memory.schema import corrupt

__all__ = ["ALL_AT", "AT", "LISTED_AT", "OF_ITEM", "RECENT", "STAGES", "WITHOUT_STAGE", "Recent", "forget", "keep"]

RECENT = 1024
"""Entries that are listed before they are taken into the index."""

# the statements are made of constants only, here and below
_ASKED = "SELECT value FROM json_each(?1)"
_INDEXED = "coalesce((SELECT number FROM marks WHERE name='indexed'), 0)"
_LISTED = f"uses WHERE id > {_INDEXED}"
AT = f"SELECT id FROM places WHERE hash=?1 UNION ALL SELECT id FROM {_LISTED} AND hash=?1"  # noqa: S608
"""The number of the row at an address."""
LISTED_AT = (
    "SELECT places.hash, places.id FROM json_each(?1) AS asked CROSS JOIN places ON places.hash = asked.value "  # noqa: S608
    f"UNION ALL SELECT hash, id FROM {_LISTED} AND hash IN ({_ASKED})"
)
"""Address and number of the rows at many addresses, given as JSON."""
ALL_AT = f"SELECT id FROM ({LISTED_AT})"  # noqa: S608
"""The numbers of the rows at many addresses, given as JSON."""
OF_ITEM = (
    "SELECT id FROM items WHERE stage=?1 AND item=?2 UNION ALL SELECT id FROM entries "  # noqa: S608
    f"WHERE id IN (SELECT id FROM {_LISTED}) AND stage=?1 AND item=?2"
)
"""The numbers of the rows made for an item of a stage."""
STAGES = f"""
WITH RECURSIVE listed(stage) AS (
    SELECT min(stage) FROM items
    UNION ALL SELECT (SELECT min(stage) FROM items WHERE stage > listed.stage) FROM listed WHERE stage IS NOT NULL)
SELECT stage FROM listed WHERE stage IS NOT NULL
UNION SELECT stage FROM entries WHERE id IN (SELECT id FROM {_LISTED})"""  # noqa: S608
"""All stages there are, without a look at every entry."""
WITHOUT_STAGE = f"SELECT id FROM items WHERE stage='' UNION ALL SELECT id FROM {_LISTED}"  # noqa: S608
"""The numbers of the rows that may have no stage, as a researcher's own functions have none."""

_NEW = f"SELECT id, hash FROM uses WHERE id > max(?, {_INDEXED}) ORDER BY id"  # noqa: S608
_LAST = (
    "SELECT max(coalesce((SELECT max(id) FROM entries), 0), coalesce((SELECT max(id) FROM uses), 0), "  # noqa: S608
    f"coalesce((SELECT number FROM marks WHERE name='last'), 0)), {_INDEXED}"
)
_HASHES = f"SELECT id, hash FROM entries WHERE id IN ({_ASKED})"  # noqa: S608
_PUT = f"INSERT OR REPLACE INTO entries (id, {COLUMNS}) VALUES (?{',?' * len(COLUMNS.split(', '))})"  # noqa: S608
_FORGET_ITEMS = (
    f"DELETE FROM items WHERE (stage, item, id) IN (SELECT stage, item, id FROM entries WHERE id IN ({_ASKED}))"  # noqa: S608
)
_KEEP_ITEMS = "INSERT OR REPLACE INTO items SELECT stage, item, id FROM entries WHERE id IN ({}) ORDER BY 1, 2"
_SETTLE = (
    f"INSERT OR REPLACE INTO places SELECT hash, id FROM {_LISTED} ORDER BY hash",  # noqa: S608
    _KEEP_ITEMS.format(f"SELECT id FROM {_LISTED}"),  # noqa: S608
    "INSERT OR REPLACE INTO marks SELECT 'indexed', max(id) FROM uses HAVING max(id)",
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
_SIZE = COLUMNS.split(", ").index("size")
_LARGEST = 2**62

Read = Callable[[str, Sequence[Any]], list[Row]]


class Recent:
    """What is only listed, as readers know it: number by address, brought up to date with one short read.

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


def keep(connection: sqlite3.Connection, rows: Sequence[tuple[Row, float]]) -> None:
    """Store sealed rows, each with its time of use, in the place of what has the same address.

    Raises:
        sqlite3.Error: The file is damaged, or cannot be written.
    """
    fresh = {row[0]: (row, used) for row, used in rows}  # of what is put twice the later one stands
    there = _numbers_of(connection, list(fresh))
    replaced = orjson.dumps(list(there.values())).decode()
    if there:
        connection.execute(_FORGET_ITEMS, (replaced,))
    last, indexed = connection.execute(_LAST).fetchone()
    if not (type(last) is type(indexed) is int and 0 <= indexed < _LARGEST and 0 <= last < _LARGEST):
        raise corrupt("its rows have impossible numbers")
    first = max(last, indexed) + 1
    new = {place: number for number, place in enumerate((one for one in fresh if one not in there), first)}
    numbers = there | new
    connection.executemany(_PUT, [(numbers[place], *row) for place, (row, _) in fresh.items()])
    connection.executemany(
        "INSERT OR REPLACE INTO uses VALUES (?, ?, ?, ?)",
        [(numbers[place], used, row[_SIZE], place) for place, (row, used) in fresh.items()],
    )
    if connection.execute("SELECT count(*) FROM uses WHERE id >= ?", (first,)).fetchone()[0] != len(new):
        raise corrupt("its list does not find what was just stored")
    if there:
        connection.execute(_KEEP_ITEMS.format(_ASKED), (replaced,))
    if first + len(new) - indexed > RECENT:
        settle(connection)


def _numbers_of(connection: sqlite3.Connection, places: list[int]) -> dict[int, int]:
    """Return the numbers of the rows that stand at these addresses, after a look at the rows themselves."""
    found = connection.execute(LISTED_AT, (orjson.dumps(places).decode(),)).fetchall()
    named = [(place, number) for place, number in found if type(number) is int]  # a damaged index can name anything
    if not named:
        return {}
    rows = dict(connection.execute(_HASHES, (orjson.dumps([number for _, number in named]).decode(),)).fetchall())
    if any(rows.get(number) != place for place, number in named):
        raise corrupt("its index leads to other entries than it says")
    return dict(named)


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
