"""The world agent, off by default: it keeps world state and trackers, once a round."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from toolkit.rounds.profile import Profile
from toolkit.rounds.state import State
from toolkit.rounds.templates import Read, read_json

__all__ = ["apply_world", "read_world", "world_normalised"]

_LISTS = ("worldState", "trackers")


def world_normalised(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a world agent's reply by the contract's keys; a mapping stands for a list of names and values.

    Example:
        >>> world_normalised({"worldState": {"rain": "heavy"}, "trackers": []})["worldState"]
        [{'name': 'rain', 'value': 'heavy'}]
    """
    found = {key: given for key, given in value.items() if given is not None}
    for name in _LISTS:
        if isinstance(found.get(name), Mapping):
            found[name] = [{"name": key, "value": one} for key, one in found[name].items()]
    return found


def read_world(text: str, profile: Profile) -> Read:
    """Return what the world agent's reply says, or refuse it.

    Raises:
        InvalidReply: It is no JSON or not of the schema.
    """
    return read_json(text, profile, world_normalised)


def apply_world(state: State, value: Mapping[str, Any], trackers: Mapping[str, Any]) -> State:
    """Return the state with what has changed; only trackers of the scene are kept, and a number stays a number.

    Args:
        state: The state before.
        value: What the agent wrote.
        trackers: The scene's trackers; with none of its own any name is kept.
    """
    world, kept = dict(state.world), dict(state.trackers)
    for one in value.get("worldState", ()):
        world[one["name"]] = one["value"]
    for one in value.get("trackers", ()):
        name, new = one["name"], one["value"]
        if trackers and name not in trackers:
            continue
        number = isinstance(kept.get(name), (int, float)) and not isinstance(kept.get(name), bool)
        if not number or isinstance(new, (int, float)):
            kept[name] = new
    return dataclasses.replace(state, world=world, trackers=kept)
