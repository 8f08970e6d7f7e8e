"""An entry as a row of the memory's table and back: sealed on the way in, verified on the way out."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import orjson

from toolkit.errors import InvalidInput
from toolkit.memory.entry import Entry, seal_of

__all__ = ["COLUMNS", "KEY", "READ", "Row", "address", "decoded", "kept_key", "place_of", "row_of", "unseal"]

LARGEST = 500_000_000
"""Bytes a body may have; SQLite's own bound is 10^9."""

COLUMNS = "hash, func, key, size, created, stage, item, template, model, sha, body"
"""The columns of a row as ``row_of`` gives them; the long body stands last, so that upkeep never has to page through
bodies."""
KEY = "CASE typeof(key) WHEN 'blob' THEN lower(hex(key)) ELSE key END"
"""The key as text, in files of all versions; ``kept_key`` is how it stands there."""
READ = f"func, {KEY}, size, created, stage, item, template, model, sha, body"
"""The columns that ``unseal`` takes."""

Row = tuple[Any, ...]


def address(func: str, key: str) -> int:
    """Return the 64 bits under which a row is looked up.

    Short numbers make an index a sixth as large as one over keys, and each new row dirties one page of it. Where two
    keys should ever meet at one number (one in 37 million stores of a million entries), the newer entry replaces the
    older, which is then a miss: what is served always has the function and key that were asked for.

    Raises:
        UnicodeEncodeError: A lone surrogate, which no entry holds.
        AttributeError: It is no text.
    """
    digest = hashlib.sha256(f"{func}\0{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def address_or_none(func: str, key: str) -> int | None:
    """Return the address, or None for a word that no entry can have."""
    try:
        return address(func, key)
    except (AttributeError, UnicodeEncodeError):
        return None


def kept_key(key: str) -> bytes | str:
    r"""Return a key as it stands in the table: a digest by its bytes, which take half the room of its digits.

    Example:
        >>> kept_key("ab12"), kept_key("AB12")
        (b'\xab\x12', 'AB12')
    """
    try:
        raw = bytes.fromhex(key)
    except ValueError:
        return key
    return raw if raw.hex() == key else key


def row_of(entry: Entry) -> Row:
    """Return the sealed row of an entry, after checking that it may be stored.

    Raises:
        InvalidInput: The body is no JSON or too large, or a field is not what it should be.
    """
    place = f"the memory entry of stage {entry.stage!r}, item {entry.item!r}"
    words = (entry.func, entry.key, entry.stage, entry.item, entry.template, entry.model)
    if not all(type(word) is str for word in words):
        raise InvalidInput(f"{place} has a field that is not text: {words!r:.200}", hint="Give str for every name.")
    if not math.isfinite(entry.created):
        raise InvalidInput(f"{place} was created at {entry.created}", hint="Give seconds since the epoch.")
    if len(entry.body) > LARGEST:
        raise InvalidInput(f"{place} has {len(entry.body)} bytes", hint=f"An entry may have {LARGEST} at most.")
    try:
        orjson.loads(entry.body)
        seal = entry.seal()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{place} is not JSON: {error}", hint="Store the bytes orjson.dumps gives.") from error
    return (
        address(entry.func, entry.key),
        entry.func,
        kept_key(entry.key),
        len(entry.body),
        float(entry.created),
        entry.stage,
        entry.item,
        entry.template,
        entry.model,
        seal,
        entry.body,
    )


def unseal(row: Row, used: Any = 0.0) -> Entry | None:
    """Return the entry of a row read with ``text_factory = bytes``, or None when anything about it is wrong.

    A damaged file can hand out any type in any column, so nothing is taken for granted.
    """
    func, key, size, created, stage, item, template, model, seal, body = row
    try:
        head = (
            func.decode(),
            key.decode(),
            stage.decode(),
            item.decode(),
            template.decode(),
            model.decode(),
            created,
        )
        if len(body) != size or seal_of(head, body) != seal:
            return None
        orjson.loads(body)
    except (AttributeError, TypeError, ValueError):
        return None
    return Entry(head[0], head[1], body, *head[2:], used if type(used) is float else 0.0)


def place_of(row: Row) -> str:
    """Return stage, item and the start of the key of a damaged row, for a message."""
    _, key, _, _, stage, item, *_ = row
    return f"stage {_text(stage)!r}, item {_text(item)!r}, key {_text(key)[:12]!r}"


def decoded(cell: Any) -> str:
    """Return a text cell read as bytes, whatever is in it."""
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else ""


def _text(cell: Any) -> str:
    return decoded(cell)[:60] if isinstance(cell, bytes) else "?"
