"""The state of a play between two rounds; a round's record says how it changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["FLAGS", "MOODS", "Said", "State", "Summary", "after_of", "spoken_line"]

MOODS = ("location", "mood", "clothing", "activity", "position", "intentions")
"""What is known of a character at a time."""
FLAGS = ("hasActedThisRound", "enteredThisRound", "exitedThisRound")
"""What a character did in the round; false again when the next one begins."""


def spoken_line(speaker: str, text: str) -> str:
    """Return a message as prompts tell it."""
    return f"{speaker}: {text}".replace("\n", "\n  ")


@dataclass(frozen=True, slots=True)
class Said:
    """One message."""

    round: int
    speaker: str
    text: str

    @property
    def line(self) -> str:
        """The message as prompts tell it; further lines of it are indented, so that none poses as somebody else's."""
        return spoken_line(self.speaker, self.text)

    def to_dict(self) -> dict[str, Any]:
        """Return the message as JSON."""
        return {"roundNumber": self.round, "speaker": self.speaker, "text": self.text}


@dataclass(frozen=True, slots=True)
class Summary:
    """What one round came to, in a few words."""

    round: int
    bullets: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON."""
        return {"roundNumber": self.round, "bullets": list(self.bullets)}


@dataclass(frozen=True, slots=True)
class State:
    """Where a play stands. Never changed: each round gives a new one."""

    round: int = 0
    """Rounds played."""
    present: tuple[str, ...] = ()
    """Names of those on stage, in the order of the cast."""
    arriving: tuple[str, ...] = ()
    """Of these, those who entered when the last round was over and have not acted since."""
    characters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What is known of each character: ``MOODS`` and ``FLAGS``."""
    world: Mapping[str, Any] = field(default_factory=dict)
    trackers: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Said, ...] = ()
    """The last messages, word for word."""
    summary: str = ""
    """The running summary."""
    bullets: tuple[Summary, ...] = ()
    """One summary a round."""
    pending: tuple[Said, ...] = ()
    """Messages since the last summary."""
    memories: Mapping[str, tuple[Said, ...]] = field(default_factory=dict)
    """What a character said that is no longer in ``history``."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """World, campaign, arc and scene, as they were changed since the beginning."""

    def advance(self, after: Mapping[str, Any], *, window: int, kept: int) -> State:
        """Return the state after a round.

        Args:
            after: What the round's record says, see ``after_of``.
            window: Messages that stay in ``history``.
            kept: Sayings that each character can remember beside these.
        """
        said = tuple(Said(one["roundNumber"], one["speaker"], one["text"]) for one in after["messages"])
        history, left = _windowed((*self.history, *said), window)
        made = tuple(Summary(one["roundNumber"], tuple(one["bullets"])) for one in after["bullets"])
        return dataclasses.replace(
            self,
            round=after["round"],
            present=tuple(after["present"]),
            arriving=tuple(after["arriving"]),
            characters=after["characterStates"],
            world=after["worldState"],
            trackers=after["trackers"],
            history=history,
            summary=after["summary"],
            bullets=(*self.bullets, *made),
            pending=(*self.pending, *said)[after["summarised"] :],
            memories=_remembered(self.memories, left, kept),
            notes=after.get("notes", self.notes),
        )

    @property
    def last_round(self) -> tuple[Said, ...]:
        """The messages of the last round that had any."""
        if not self.history:
            return ()
        last = self.history[-1].round
        first = next(place for place in range(len(self.history) - 1, -2, -1) if not _of(self.history, place, last))
        return self.history[first + 1 :]

    def known_of(self, name: str) -> dict[str, Any]:
        """Return what is known of a character, without what nobody said."""
        held = self.characters.get(name, {})
        return {key: held[key] for key in MOODS if held.get(key)}

    def to_dict(self) -> dict[str, Any]:
        """Return what can be changed when a play is branched, as JSON."""
        return {
            "round": self.round,
            "present": list(self.present),
            "characterStates": {name: dict(held) for name, held in self.characters.items()},
            "worldState": dict(self.world),
            "trackers": dict(self.trackers),
            "summary": self.summary,
            "notes": dict(self.notes),
        }


def after_of(
    state: State, *, messages: Iterable[Said], summary: str, bullets: Iterable[Summary], summarised: int
) -> dict[str, Any]:
    """Return what a round leaves behind, as its record keeps it; ``State.advance`` reads it.

    Args:
        state: As the round changed it.
        messages: What was said.
        summary: The running summary.
        bullets: Summaries of rounds that were made in this one.
        summarised: How many of the pending messages, this round's included, they are about.
    """
    return {
        "round": state.round,
        "present": list(state.present),
        "arriving": list(state.arriving),
        "characterStates": {name: dict(held) for name, held in state.characters.items()},
        "worldState": dict(state.world),
        "trackers": dict(state.trackers),
        "messages": [one.to_dict() for one in messages],
        "summary": summary,
        "bullets": [one.to_dict() for one in bullets],
        "summarised": summarised,
    }


def _of(history: Sequence[Said], place: int, number: int) -> bool:
    return place >= 0 and history[place].round == number


def _windowed(history: tuple[Said, ...], window: int) -> tuple[tuple[Said, ...], tuple[Said, ...]]:
    """Return what stays and what leaves; the last round stays whole, however long it is."""
    last = sum(one.round == history[-1].round for one in history) if history else 0
    cut = max(0, len(history) - max(window, last))
    return history[cut:], history[:cut]


def _remembered(
    memories: Mapping[str, tuple[Said, ...]], left: Sequence[Said], kept: int
) -> Mapping[str, tuple[Said, ...]]:
    if not left:
        return memories
    found = dict(memories)
    for one in left:
        found[one.speaker] = (*found.get(one.speaker, ()), one)[-kept:] if kept else ()
    return found
