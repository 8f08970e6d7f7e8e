"""Pieces of work: one line each, what came of it, and what a run has done so far."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from toolkit.engine import Outcome
from toolkit.evolutions.mapping import Mapped
from toolkit.evolutions.tally import Tally

__all__ = ["Done", "Manner", "Piece", "Told", "slim"]


@dataclasses.dataclass(frozen=True, slots=True)
class Manner:
    """How a run is made; nothing of it changes a line."""

    plateaus_at_once: int = 5
    services_at_once: int | None = None
    strict_mapping: bool = False
    fail_fast: bool = False
    out: Path | None = None
    resume: bool = False


@dataclasses.dataclass(slots=True)
class Piece:
    """One line to be: a service, or a record that is mapped anew."""

    service_id: str
    body: Any
    calls: int
    """How many calls it takes."""
    place: int = 0
    """Its place in the input; earlier pieces go first."""


@dataclasses.dataclass(slots=True)
class Done:
    """What came of a piece."""

    service_id: str
    place: int = 0
    """The piece's place in the input."""
    line: bytes | None = None
    rows: list[Outcome] = dataclasses.field(default_factory=list)
    """Calls that failed, and what strict counts as failed."""
    left: str = ""
    """Why it did not end, where it did not."""
    cached: bool = True
    """Whether memory answered all of it."""
    kept: bool = False
    """Whether an earlier run had written it."""
    ended: int = 0
    """Calls that ended."""
    mapping_faults: int = 0
    refused: list[tuple[str, Mapped]] = dataclasses.field(default_factory=list)
    """Mapping replies, by set, for what of them could not be used."""

    def take(self, outcome: Outcome) -> bool:
        """Take in how a call ended; returns whether it brought a value."""
        self.ended += outcome.ended
        if not outcome.ended:
            self.left = outcome.left
        elif outcome.error is not None:
            self.rows.append(slim(outcome))
        self.cached = self.cached and outcome.reply is not None and outcome.reply.cached
        return outcome.ok


@dataclasses.dataclass(slots=True)
class Told:
    """What a run has done so far."""

    tally: Tally
    lines: list[bytes] = dataclasses.field(default_factory=list)
    outcomes: list[Outcome] = dataclasses.field(default_factory=list)
    mapping_faults: int = 0


def slim(outcome: Outcome) -> Outcome:
    """Return an outcome without the texts that quarantine holds."""
    reply = outcome.reply
    error = outcome.error
    if error is not None:
        error.reply = None
    if reply is not None:
        reply = dataclasses.replace(reply, text="", value=None, logprobs=None)
    return dataclasses.replace(outcome, value=None, reply=reply)
