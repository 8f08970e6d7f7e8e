"""A character's turn: what its reply says, and how that changes what is known of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.errors import InvalidReply
from toolkit.rounds.deltas import inferred
from toolkit.rounds.director import said_of
from toolkit.rounds.profile import Profile
from toolkit.rounds.state import MOODS, State
from toolkit.rounds.templates import read_json

__all__ = ["Turn", "apply_turn", "character_normalised", "read_turn"]

_TEXT_ALIASES = ("content", "text", "message", "speech", "reply")
_STATE_ALIASES = ("state", "character_state")


@dataclass(frozen=True, slots=True)
class Turn:
    """What a character said and did."""

    response: str
    stated: Mapping[str, str]
    """What the reply states about the character."""
    inferred: Mapping[str, str]
    """What its prose says beside that; what is stated wins."""
    repaired: bool = False

    @property
    def state(self) -> dict[str, str]:
        """Both together."""
        return {**self.inferred, **self.stated}


def character_normalised(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a character's reply by the contract's keys; nulls and unknown keys of the state are left out.

    Example:
        >>> character_normalised({"content": "Hello.", "state": {"mood": "calm", "hair": "red"}})
        {'response': 'Hello.', 'characterState': {'mood': 'calm'}}
    """
    aliases = {**dict.fromkeys(_TEXT_ALIASES, "response"), **dict.fromkeys(_STATE_ALIASES, "characterState")}
    found: dict[str, Any] = {}
    for key, given in value.items():
        name = aliases.get(key, key)
        if given is not None and name not in found:
            found[name] = given
    state = found.get("characterState")
    if isinstance(state, Mapping):
        found["characterState"] = {key: text for key, text in state.items() if key in MOODS and text is not None}
    return found


def read_turn(text: str, profile: Profile) -> Turn:
    """Return what a character's reply says, or refuse it; of a profile that expects no JSON all of it is prose.

    Raises:
        InvalidReply: It is no JSON or not of the schema, or nothing was said.

    Example:
        >>> read_turn("I am worried.", Profile("prose", prompt="rounds.character")).state
        {'mood': 'worried'}
    """
    if profile.expects_json:
        read = read_json(text, profile, character_normalised)
        response, stated = str(read.value.get("response", "")).strip(), read.value.get("characterState") or {}
        repaired = read.repaired
    else:
        response, stated, repaired = text.encode(errors="replace").decode().strip(), {}, False
    if not response:
        raise InvalidReply(f"the {profile.name}'s reply says nothing", hint="A further attempt may say something.")
    return Turn(response, said_of(stated), inferred(response), repaired)


def apply_turn(state: State, name: str, turn: Turn) -> State:
    """Return the state after a turn: what the character said of itself, and that it has acted."""
    characters = {one: dict(held) for one, held in state.characters.items()}
    characters.setdefault(name, {}).update({**turn.state, "hasActedThisRound": True})
    return dataclasses.replace(
        state, characters=characters, arriving=tuple(one for one in state.arriving if one != name)
    )
