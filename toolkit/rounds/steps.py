"""Steps: a round as a generator that asks and is answered, so that it can be played, rehearsed and tested alike."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from toolkit.engine import Outcome
from toolkit.models import Call

__all__ = ["Ask", "Steps", "ask"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to the model, and how its reply is read."""

    call: Call
    read: Callable[[str], Any]
    """Turns the reply's text into a value, or raises ``InvalidReply`` to refuse it."""
    attempts: int = 1
    """How often content may be asked for."""


Steps = Generator[Sequence[Ask], Sequence[Outcome], T]
"""Yields what is to be asked at once, is sent how each ended, and returns what came of it."""


def ask(one: Ask) -> Steps[Outcome]:
    """Ask one thing."""
    outcomes = yield (one,)
    return outcomes[0]
