"""What memory holds: one sealed entry, and the face every store of entries shows."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from toolkit.errors import InvalidInput

__all__ = ["REPLIES", "Counts", "Entry", "Store"]

REPLIES = "toolkit:reply"
"""The function id under which every reply is kept, whoever wrote it. No Python function can have it, for the colon."""

LARGEST = 500_000_000
"""Bytes a body may have; SQLite's own bound is 10^9."""

COLUMNS = "func, key, size, created, used, stage, item, template, model, sha, body"
"""The columns of a row as ``row_of`` gives them; the long body stands last, so that upkeep never has to page through
bodies."""
LAST_USE = "max(entries.used, coalesce((SELECT uses.used FROM uses WHERE uses.id = entries.id), 0))"
"""When an entry was last written or read; reads are noted in a table of their own, whose pages hold no bodies."""
READ = COLUMNS.replace(" used,", f" {LAST_USE},")
"""The same columns as ``unseal`` reads them."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One remembered result, exactly as it was stored.

    Example:
        >>> Entry(REPLIES, "ab12", b'{"text":"yes"}', stage="questions", item="3").json()
        {'text': 'yes'}
    """

    func: str
    """Whose result it is: ``REPLIES``, or joblib's id of a researcher's own function."""
    key: str
    """The call's key, or joblib's digest of the arguments."""
    body: bytes
    """UTF-8 JSON."""
    stage: str = ""
    """The stage that asked, for replies."""
    item: str = ""
    """The row it served, for replies."""
    template: str = ""
    """``name@digest`` of the prompt, for replies."""
    model: str = ""
    """``provider:model`` that answered, for replies."""
    created: float = field(default_factory=time.time)
    """When it was made, in seconds since the epoch."""
    used: float = field(default=0.0, compare=False)
    """When it was last read or written, in seconds since the epoch; the only field the seal leaves out."""

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(self.body)

    def json(self) -> Any:
        """Return the body as a fresh JSON value."""
        return orjson.loads(self.body)

    def seal(self) -> bytes:
        """Return the SHA-256 (32 bytes) over every field but ``used``.

        The short fields enter as one JSON list, which nothing in them can imitate, the body last.
        """
        head = (self.func, self.key, self.stage, self.item, self.template, self.model, self.created)
        return _seal(head, self.body)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a store has seen since it was opened."""

    hits: int = 0
    """Entries found, verified and served."""
    misses: int = 0
    """Keys asked for that are not there, the damaged ones included."""
    damaged: int = 0
    """Entries met whose bytes or seal are wrong; each counts once while it is there."""
    dropped: int = 0
    """Damaged entries removed, so that they are made anew."""
    written: int = 0
    """Entries committed."""
    quarantined: int = 0
    """Whole files that were damaged and moved aside."""


class Store(Protocol):
    """What a replay needs; ``SealedStore`` and ``Capsule`` both have it."""

    @property
    def counts(self) -> Counts:
        """What happened since it was opened."""
        ...

    def get(self, func: str, key: str) -> Entry | None:
        """Return one verified entry, or None."""
        ...

    def get_many(self, func: str, keys: Iterable[str]) -> dict[str, Entry]:
        """Return the verified entries there are, by key."""
        ...

    def contains(self, func: str, key: str) -> bool:
        """Whether ``get`` would find a verified entry."""
        ...

    def entries(self, func: str | None = None, after: tuple[str, str] | str | None = None) -> Iterator[Entry]:
        """Yield verified entries in the order of function and key."""
        ...

    def latest(self, stage: str, item: str) -> Entry | None:
        """Return the newest entry made for one item of a stage, to explain a miss."""
        ...


class Tally:
    """Counts that many threads add to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = dict.fromkeys(Counts.__slots__, 0)

    def add(self, **numbers: int) -> None:
        """Add to the named counts."""
        with self._lock:
            for name, number in numbers.items():
                self._numbers[name] += number

    def forked(self) -> None:
        """Give the child of a fork a lock of its own."""
        self._lock = threading.Lock()

    def counts(self) -> Counts:
        """Return the counts as they stand."""
        with self._lock:
            return Counts(**self._numbers)


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
    created = float(entry.created)
    return (
        entry.func,
        entry.key,
        len(entry.body),
        created,
        entry.used or time.time(),
        entry.stage,
        entry.item,
        entry.template,
        entry.model,
        seal,
        entry.body,
    )


def unseal(row: Row) -> Entry | None:
    """Return the entry of a row read with ``text_factory = bytes``, or None when anything about it is wrong.

    A damaged file can hand out any type in any column, so nothing is taken for granted.
    """
    func, key, size, created, used, stage, item, template, model, seal, body = row
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
        if len(body) != size or _seal(head, body) != seal:
            return None
        orjson.loads(body)
    except (AttributeError, TypeError, ValueError):
        return None
    return Entry(head[0], head[1], body, *head[2:], used if type(used) is float else 0.0)


def _seal(head: tuple[Any, ...], body: bytes) -> bytes:
    return hashlib.sha256(orjson.dumps(head) + body).digest()


def place_of(row: Row) -> str:
    """Return stage, item and the start of the key of a damaged row, for a message."""
    _, key, _, _, _, stage, item, *_ = row
    return f"stage {_text(stage)!r}, item {_text(item)!r}, key {_text(key)[:12]!r}"


def _text(cell: Any) -> str:
    return decoded(cell)[:60] if isinstance(cell, bytes) else "?"


def decoded(cell: Any) -> str:
    """Return a text cell read as bytes, whatever is in it."""
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else ""


def is_text(word: str) -> bool:
    """Whether SQLite can take a key; a lone surrogate is in no entry."""
    try:
        word.encode()
    except (AttributeError, UnicodeEncodeError):
        return False
    return True


def after_of(func: str | None, after: tuple[str, str] | str | None) -> tuple[str, str]:
    """Return where a listing goes on: a key within ``func``, or a pair of function and key."""
    if after is None:
        return (func or "", "")
    return after if isinstance(after, tuple) else (func or "", after)


def newest(entries: Sequence[Entry]) -> Entry | None:
    """Return the entry made last."""
    return max(entries, key=lambda entry: entry.created, default=None)
