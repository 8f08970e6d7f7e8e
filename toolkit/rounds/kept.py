"""Rounds as they are kept: bytes that never change, in memory and in the study's file, one line a round."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import orjson

from toolkit.engine.whole_files import locked, put
from toolkit.errors import InvalidInput
from toolkit.memory import MemoryUnwritable
from toolkit.rounds.production import Production
from toolkit.rounds.state import State

__all__ = ["FORMAT", "Checkpoint", "KeptRound", "numbered", "read_play", "state_after", "written"]

FORMAT = 1


class KeptRound:
    """One round that was played: its timeline and what it leaves behind.

    It is held as compressed bytes, so that a long play stays small, and so that nobody changes what was played.

    Example:
        >>> KeptRound.of({"roundNumber": 1}, {"round": 1}).number
        1
    """

    __slots__ = ("_held", "number")

    def __init__(self, line: bytes, number: int | None = None) -> None:
        self.number = int(orjson.loads(line)["record"]["roundNumber"]) if number is None else number
        self._held = zlib.compress(line, 1)

    @classmethod
    def of(cls, record: Mapping[str, Any], after: Mapping[str, Any]) -> KeptRound:
        """Keep a round that was just played."""
        return cls(orjson.dumps({"record": record, "after": after}, default=str), int(record["roundNumber"]))

    @property
    def line(self) -> bytes:
        """The round as one line of JSON."""
        return zlib.decompress(self._held)

    @property
    def record(self) -> dict[str, Any]:
        """The timeline of the round."""
        return dict(orjson.loads(self.line)["record"])

    @property
    def after(self) -> dict[str, Any]:
        """What the round leaves behind."""
        return dict(orjson.loads(self.line)["after"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeptRound) and self._held == other._held

    def __hash__(self) -> int:
        return hash(self._held)


def state_after(production: Production, rounds: Iterable[KeptRound]) -> State:
    """Return the state after rounds, made again from what they left behind."""
    rules = production.rules

    def step(state: State, one: KeptRound) -> State:
        return state.advance(one.after, window=rules.history_window, kept=rules.kept_memories)

    return reduce(step, rounds, production.scene.start())


def written(head: Mapping[str, Any], rounds: Iterable[KeptRound]) -> bytes:
    """Return a play as a file holds it: a line that says what is played, then one line a round."""
    lines = [orjson.dumps(head, option=orjson.OPT_SORT_KEYS, default=str), *(one.line for one in rounds)]
    return b"\n".join(lines) + b"\n"


def read_play(data: bytes, where: str) -> tuple[dict[str, Any], list[KeptRound]]:
    """Return what a file of a play holds; a last line that was not written to its end is left out.

    Args:
        data: The file's bytes.
        where: Its name, for messages.

    Raises:
        InvalidInput: It is no play, a line is damaged, or its rounds do not follow each other.
    """
    *lines, torn = data.split(b"\n")
    del torn  # empty where the last line was written to its end
    try:
        head = orjson.loads(lines[0])
        version = head["format"]
        head["production"], head["play"]  # a file without them is none of ours
    except (ValueError, LookupError, TypeError) as error:
        raise InvalidInput(f"{where} is no play", hint="Give a file that play.save wrote.") from error
    if version != FORMAT:
        raise InvalidInput(f"{where} is a play of version {version!r}", hint=f"This release reads version {FORMAT}.")
    rounds: list[KeptRound] = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            rounds.append(KeptRound(line))
        except (ValueError, LookupError, TypeError) as error:
            raise InvalidInput(
                f"line {number} of {where} is no round", hint="Restore the file, or play again."
            ) from error
    for place, one in enumerate(rounds, start=1):
        if one.number != place:
            raise InvalidInput(f"{where} has round {one.number} where round {place} belongs", hint="Restore the file.")
    return head, rounds


class Checkpoint:
    """The file of a play in its study: each round is added in one write, once, whatever happens in between.

    A round that is there already, byte for byte, is not written again. One that differs (memory was refreshed, or its
    entries are gone) begins the file anew from that round on.

    Args:
        path: The file.
        head: What is played.
        begun: Rounds that another play has played already, where this one goes on from there.

    Example:
        >>> file = Checkpoint(tmp / "plays" / "p.jsonl", {"format": 1, "play": "p", "production": {}})
        >>> (
        ...     file.add(KeptRound.of({"roundNumber": 1}, {"round": 1})),
        ...     file.add(KeptRound.of({"roundNumber": 1}, {"round": 1})),
        ... )
        (True, False)
    """

    def __init__(self, path: Path, head: Mapping[str, Any], begun: Sequence[KeptRound] = ()) -> None:
        self.path = path
        self._head = dict(head)
        self._begun = begun
        self._lines: list[bytes] = []
        self._size = -1

    def add(self, one: KeptRound) -> bool:
        """Write a round; return whether it had to be written.

        Raises:
            MemoryUnwritable: The folder cannot be written; what was played is in memory all the same.
        """
        try:
            with locked(self.path.parent):
                return self._add(one)
        except OSError as error:
            raise MemoryUnwritable(
                f"the play {self.path.name} cannot be written: {error.strerror or error}",
                hint="Free space or choose a folder that can be written, then resume; nothing finished is lost.",
            ) from error

    def commit(self, jobs: Sequence[KeptRound]) -> list[bool]:
        """Add several rounds, as the study's writer asks for it."""
        return [self.add(one) for one in jobs]

    def _add(self, one: KeptRound) -> bool:
        self._look()
        digest = _digest(one.line)
        if self._lines[one.number - 1 : one.number] == [digest]:
            return False
        if one.number == len(self._lines) + 1 and self._size > 0:
            self._append(one.line + b"\n")
        else:
            put(self.path, written(self._head, [*self._earlier(one.number), one]))
        self._lines = [*self._lines[: one.number - 1], digest]
        self._size = self.path.stat().st_size
        return True

    def _append(self, line: bytes) -> None:
        """Add a line behind the last whole one; what a killed process left of another is written over."""
        with self.path.open("r+b") as file:
            file.truncate(self._size)
            file.seek(self._size)
            file.write(line)

    def _look(self) -> None:
        """Read the file, unless nobody has changed it since."""
        try:
            if self.path.stat().st_size == self._size:
                return
            data = self.path.read_bytes()
        except FileNotFoundError:
            self._lines, self._size = [], -1
            return
        whole = data[: data.rfind(b"\n") + 1]
        head, *lines = whole.split(b"\n")[:-1] or [b""]
        ours = head == orjson.dumps(self._head, option=orjson.OPT_SORT_KEYS, default=str)
        self._lines = [_digest(line) for line in lines] if ours else []
        self._size = len(whole) if ours else -1

    def _earlier(self, number: int) -> list[KeptRound]:
        """Return the rounds before a number: those of the file, or those with which this play began."""
        if number - 1 <= len(self._begun):
            return list(self._begun[: number - 1])
        return read_play(self.path.read_bytes(), self.path.name)[1][: number - 1]


def _digest(line: bytes) -> bytes:
    return hashlib.sha256(line).digest()


def numbered(rounds: Sequence[KeptRound], number: int) -> KeptRound:
    """Return the round of a number.

    Raises:
        InvalidInput: It was not played.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= len(rounds):
        raise InvalidInput(
            f"there is no round {number!r}", hint=f"Give 1 to {len(rounds)}." if rounds else "No round was played."
        )
    return rounds[number - 1]
