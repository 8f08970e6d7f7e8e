"""The ledger's lines: what most rows of a run have in common stands in one of them, and the others refer to it."""

from __future__ import annotations

import secrets
from typing import Any

import orjson

__all__ = ["Lines", "Whole"]

SHARED = ("run", "stage", "model", "price_version")
"""What is the same in many rows."""
AGAIN = 256
"""Rows that refer to one before it is told anew: what a full disk or a torn file took is then soon known again."""
_NAME, _LIKE = "as", "like"
_STATUS, _OK = "status", "ok"


class Lines:
    r"""Writes rows as lines of JSON. The first of its kind has everything and a name; those like it have the name only.

    A row without ``status`` is ``ok``. Names are drawn at random, so several processes may write to one file.

    Example:
        >>> lines, whole = Lines(), Whole()
        >>> first, second = (lines.line({"run": "ask-1", "stage": "questions", "item": item}) for item in ("p1", "p2"))
        >>> first.startswith(b'{"as":'), second.startswith(b'{"like":'), len(second) < len(first)
        (True, True, True)
        >>> [whole(orjson.loads(line)) for line in (first, second)][1]
        {'item': 'p2', 'run': 'ask-1', 'stage': 'questions', 'status': 'ok'}
    """

    def __init__(self) -> None:
        self._own = secrets.token_urlsafe(4)
        self._made = 0
        self._known: dict[tuple[Any, ...], tuple[str, int]] = {}

    def line(self, told: dict[str, Any]) -> bytes:
        """Return a row as one line; without a line end."""
        if told.get(_STATUS) == _OK:
            told = {name: value for name, value in told.items() if name != _STATUS}
        kind = tuple(map(told.get, SHARED))
        name, left = self._known.get(kind, ("", 0))
        if left:
            self._known[kind] = name, left - 1
            return orjson.dumps({_LIKE: name} | {field: told[field] for field in told if field not in SHARED})
        self._made += 1
        name = f"{self._own}{self._made:x}"
        self._known[kind] = name, AGAIN
        return orjson.dumps({_NAME: name} | told)


class Whole:
    """Gives the rows that were read from a ledger's lines, in their order, what they have in common with others.

    Lines of before stand for themselves. Of a row whose kind was never told, what it lacks stays unknown.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with all its fields."""
        name, like = row.pop(_NAME, None), row.pop(_LIKE, None)
        if isinstance(name, str):
            self._known[name] = {field: row[field] for field in SHARED if field in row}
        elif isinstance(like, str):
            row.update(self._known.get(like, {}))
        row.setdefault(_STATUS, _OK)
        return row
