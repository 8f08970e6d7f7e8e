"""A quarantine in this process only, as a lab has it that replays a recording; bounded like one in a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from toolkit.engine.quarantine_beyond import BeyondHeld
from toolkit.engine.quarantine_folder import MOST, Kept, counted

__all__ = ["QuarantineHeld"]


class QuarantineHeld:
    """Entries in memory, with the same face as ``QuarantineFolder``.

    Example:
        >>> held = QuarantineHeld()
        >>> held.commit([Kept("0" * 12, "timeout", "questions")])
        ['000000000000']
        >>> len(held.entries()), held.remove(held.entries())
        (1, 1)
    """

    def __init__(self) -> None:
        self._held: dict[str, Kept] = {}
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._beyond = BeyondHeld()

    def commit(self, jobs: Sequence[Kept]) -> list[str]:
        """Keep the entries that are not there yet, or only count them, and return the ids."""
        for entry in jobs:
            place = (entry.kind, entry.stage)
            if entry.id in self._held or self._beyond.holds(entry.id):
                continue
            if self._numbers[place] >= MOST:
                self._beyond.add(entry.kind, entry.stage, entry.id)
            else:
                self._held[entry.id] = entry
                self._numbers[place] += 1
        return [entry.id for entry in jobs]

    def entries(self) -> tuple[Kept, ...]:
        """Return what is held, oldest first."""
        return tuple(self._held.values())

    def remove(self, entries: Iterable[Kept], whole: tuple[str | None, str | None] | None = None) -> int:
        """Forget entries, and with ``whole`` those of a kind and stage that were only counted; return how many."""
        gone = self._beyond.forget(*whole) if whole is not None else 0
        for entry in entries:
            if self._held.pop(entry.id, None) is not None:
                self._numbers[entry.kind, entry.stage] -= 1
                gone += 1
        return gone

    def recount(self) -> dict[str, Any]:
        """Return the manifest."""
        return counted(self._held.values(), self._beyond.numbers())

    def only_counted(self, kind: str | None = None, stage: str | None = None) -> Counter[str]:
        """Return how many of each kind went beyond what is kept; of one kind or stage only where it is named."""
        return self._beyond.numbers(kind, stage)
