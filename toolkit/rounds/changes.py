"""What a branch may change before a play goes on from a round."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest
from toolkit.rounds.production import Production
from toolkit.rounds.state import MOODS, State

__all__ = ["changed"]


def changed(production: Production, state: State, change: Mapping[str, Any]) -> State:
    """Return the state with what a branch changes.

    Args:
        production: Whose cast is meant.
        state: As it was.
        change: ``present``, ``states``, ``world``, ``trackers``, ``notes``, ``summary``; names and values of each.

    Raises:
        InvalidInput: Something that cannot be changed, or somebody who is not in the cast.
    """
    for key, value in change.items():
        if key not in _CHANGES:
            raise InvalidInput(
                f"a branch cannot change {key!r}", hint=f"There are {', '.join(_CHANGES)}{nearest(key, _CHANGES)}."
            )
        if key != "summary" and not isinstance(value, (Mapping, list, tuple)):
            raise InvalidInput(f"the change of {key} is {value!r}", hint="Give names and values.")
        state = _CHANGES[key](production, state, value)
    return state


def _present(production: Production, state: State, names: Any) -> State:
    found = {_who(production, str(name)) for name in names}
    return dataclasses.replace(state, present=tuple(name for name in production.company.names if name in found))


def _states(production: Production, state: State, value: Mapping[str, Mapping[str, Any]]) -> State:
    characters = {name: dict(held) for name, held in state.characters.items()}
    for name, held in value.items():
        for key in held:
            if key not in MOODS:
                raise InvalidInput(
                    f"the state of {name!r} has no {key!r}", hint=f"There are {', '.join(MOODS)}{nearest(key, MOODS)}."
                )
        characters.setdefault(_who(production, name), {}).update({key: str(one) for key, one in held.items()})
    return dataclasses.replace(state, characters=characters)


def _merged(field: str, _: Production, state: State, value: Mapping[str, Any]) -> State:
    merged: dict[str, Any] = {field: {**getattr(state, field), **value}}
    return dataclasses.replace(state, **merged)


_CHANGES: Mapping[str, Any] = {
    "present": _present,
    "states": _states,
    "world": partial(_merged, "world"),
    "trackers": partial(_merged, "trackers"),
    "notes": partial(_merged, "notes"),
    "summary": lambda _, state, value: dataclasses.replace(state, summary=str(value)),
}


def _who(production: Production, name: str) -> str:
    found = production.company.find(name)
    if found is None:
        names = production.company.names
        raise InvalidInput(f"{name!r} is not in the cast", hint=f"There are {', '.join(names)}{nearest(name, names)}.")
    return found.name
