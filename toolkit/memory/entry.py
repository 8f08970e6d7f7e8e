"""What memory holds: one sealed entry, and the face every store of entries shows."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

__all__ = ["FALLBACK_NOTE", "REPLIES", "Counts", "Entry", "Store"]

REPLIES = "toolkit:reply"
"""The function id under which every reply is kept, whoever wrote it. No Python function can have it, for the colon."""

FALLBACK_NOTE = "answered by the fallback "
"""How a note of a reply begins that a fallback gave; the engine marks them so."""


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
        return seal_of(head, self.body)


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


def seal_of(head: tuple[Any, ...], body: bytes) -> bytes:
    """Return the seal of an entry: over its short fields as one JSON list, then its body."""
    return hashlib.sha256(orjson.dumps(head) + body).digest()


def after_of(func: str | None, after: tuple[str, str] | str | None) -> tuple[str, str]:
    """Return where a listing goes on: a key within ``func``, or a pair of function and key."""
    if after is None:
        return (func or "", "")
    return after if isinstance(after, tuple) else (func or "", after)


def newest(entries: Sequence[Entry]) -> Entry | None:
    """Return the entry made last."""
    return max(entries, key=lambda entry: entry.created, default=None)
