"""Refusals beyond those that a quarantine keeps: only their ids, so that they are counted once and exactly."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import orjson

from toolkit.engine.whole_files import put

__all__ = ["Beyond", "BeyondHeld"]

_FILE = ".beyond.jsonl"


class Beyond:
    """A list of kind, stage and id, a line each, in the quarantine's folder; its users hold the folder's lock.

    Args:
        folder: The quarantine's folder.

    Example:
        >>> beyond = Beyond(tmp)
        >>> beyond.add("timeout", "questions", "0123456789ab")
        >>> beyond.holds("0123456789ab"), beyond.numbers()["timeout"], beyond.forget("timeout", None)
        (True, 1, 1)
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._read = 0
        self._listed: dict[str, tuple[str, str]] = {}

    def holds(self, id_: str) -> bool:
        """Tell whether a refusal was counted."""
        return id_ in self._known()

    def add(self, kind: str, stage: str, id_: str) -> None:
        """Count one more.

        Raises:
            OSError: The file cannot be written.
        """
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(orjson.dumps([kind, stage, id_]) + b"\n")

    def numbers(self, kind: str | None = None, stage: str | None = None) -> Counter[str]:
        """Return how many of each kind were counted; of one kind or stage only where it is named."""
        return _numbers(self._known().values(), kind, stage)

    def forget(self, kind: str | None, stage: str | None) -> int:
        """Take those of a kind and a stage off the list, of any where it is None, and return how many.

        Raises:
            OSError: The file cannot be written.
        """
        known = self._known()
        left = {id_: one for id_, one in known.items() if not _fits(one, kind, stage)}
        if len(left) < len(known):
            put(self._path, b"".join(orjson.dumps([*one, id_]) + b"\n" for id_, one in left.items()))
            self._read = 0
        return len(known) - len(left)

    def _known(self) -> dict[str, tuple[str, str]]:
        """Return what is listed; only what was added since the last time is read."""
        try:
            size = self._path.stat().st_size
        except OSError:
            size = 0
        if size < self._read or not self._read:
            self._read, self._listed = 0, {}
        if size > self._read:
            with self._path.open("rb") as file:
                file.seek(self._read)
                whole = file.read(size - self._read)
            whole = whole[: whole.rfind(b"\n") + 1]
            self._read += len(whole)
            for line in whole.splitlines():
                kind_stage_id = _row(line)
                if kind_stage_id is not None:
                    self._listed[kind_stage_id[2]] = kind_stage_id[:2]
        return self._listed


class BeyondHeld:
    """The same in this process only, for a quarantine without a folder.

    Example:
        >>> beyond = BeyondHeld()
        >>> beyond.add("timeout", "questions", "0123456789ab")
        >>> beyond.numbers("timeout", "personas"), beyond.forget(None, "questions")
        (Counter(), 1)
    """

    def __init__(self) -> None:
        self._listed: dict[str, tuple[str, str]] = {}

    def holds(self, id_: str) -> bool:
        """Tell whether a refusal was counted."""
        return id_ in self._listed

    def add(self, kind: str, stage: str, id_: str) -> None:
        """Count one more."""
        self._listed[id_] = kind, stage

    def numbers(self, kind: str | None = None, stage: str | None = None) -> Counter[str]:
        """Return how many of each kind were counted; of one kind or stage only where it is named."""
        return _numbers(self._listed.values(), kind, stage)

    def forget(self, kind: str | None, stage: str | None) -> int:
        """Take those of a kind and a stage off the list, of any where it is None, and return how many."""
        before = len(self._listed)
        self._listed = {id_: one for id_, one in self._listed.items() if not _fits(one, kind, stage)}
        return before - len(self._listed)


def _numbers(listed: Iterable[tuple[str, str]], kind: str | None, stage: str | None) -> Counter[str]:
    return Counter(one[0] for one in listed if _fits(one, kind, stage))


def _fits(one: tuple[str, str], kind: str | None, stage: str | None) -> bool:
    return kind in {None, one[0]} and stage in {None, one[1]}


def _row(line: bytes) -> tuple[str, str, str] | None:
    try:
        kind, stage, id_ = orjson.loads(line)
    except (TypeError, ValueError):
        return None  # what a killed process left half written
    return (kind, stage, id_) if all(isinstance(one, str) for one in (kind, stage, id_)) else None
