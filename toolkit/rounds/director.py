"""The director: what its reply means, and how it changes who is present and what is true of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.errors import InvalidReply
from toolkit.rounds.cast import Cast
from toolkit.rounds.ordering import Actor, ordered
from toolkit.rounds.profile import Profile
from toolkit.rounds.state import MOODS, State
from toolkit.rounds.templates import Read, read_json

__all__ = ["Move", "Plan", "Update", "apply_moves", "apply_updates", "normalised", "read_plan"]

_ALIASES = {
    "guidance": "openGuidance",
    "characters": "actingCharacters",
    "remaining": "remainingActors",
    "nextActivations": "newActivations",
}
_PEOPLE = ("actingCharacters", "activations", "deactivations", "stateUpdates", "newActivations")
_GUIDANCE = ("entryGuidance", "exitGuidance")
_UPDATE_KEYS = frozenset({"name", "id", *MOODS})
_UNSAID = frozenset({"", "default", "none", "n/a", "unchanged", "same"})
"""Values that say nothing."""


@dataclass(frozen=True, slots=True)
class Move:
    """Someone enters or leaves."""

    name: str
    guidance: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """What is now true of a character."""

    name: str
    values: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return the update as JSON."""
        return {"name": self.name, **self.values}


@dataclass(frozen=True, slots=True)
class Plan:
    """A director's reply, with names of the cast."""

    value: Mapping[str, Any]
    """As it was written, brought to the contract's keys."""
    open_guidance: str = ""
    actors: tuple[Actor, ...] = ()
    """Who acts, in order."""
    activations: tuple[Move, ...] = ()
    deactivations: tuple[Move, ...] = ()
    updates: tuple[Update, ...] = ()
    remaining: tuple[str, ...] = ()
    new_activations: tuple[Move, ...] = ()
    dropped: tuple[str, ...] = ()
    """Names that mean nobody present, or the user; nobody acts for them."""
    repaired: bool = False


def normalised(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a director's reply by the contract's keys: aliases, single values for lists, names for people.

    Nulls mean that nothing was said. Extra keys of a state update are left out, any other extra key stays and is
    refused by the schema.

    Example:
        >>> normalised({"guidance": "Be brief.", "characters": "Ada"})
        {'openGuidance': 'Be brief.', 'actingCharacters': [{'name': 'Ada'}]}
    """
    found: dict[str, Any] = {}
    for key, given in value.items():
        name = _ALIASES.get(key, key)
        if given is not None and name not in found:
            found[name] = given
    for name in (*_PEOPLE, "remainingActors"):
        if name in found:
            listed = found[name] if isinstance(found[name], list) else [found[name]]
            found[name] = [_person(one, name) for one in listed]
    return found


def _person(given: Any, where: str) -> Any:
    if where == "remainingActors":
        return given.get("name", given.get("id", given)) if isinstance(given, Mapping) else given
    if isinstance(given, str):
        return {"name": given}
    if not isinstance(given, Mapping):
        return given
    held = {key: value for key, value in given.items() if value is not None}
    for alias in _GUIDANCE:
        if alias in held:
            held.setdefault("guidance", held.pop(alias))
    if "name" not in held and "id" in held:
        held["name"] = held["id"]
    if where == "stateUpdates":  # stripped and validated anew, as the contract has it
        held = {key: value for key, value in held.items() if key in _UPDATE_KEYS}
    return held


def read_plan(text: str, profile: Profile, company: Cast, state: State, *, later: bool = False) -> Plan:
    """Return what a director's reply means, or refuse it.

    Args:
        text: The reply.
        profile: What it must be.
        company: Who is there to be named.
        state: Who is present.
        later: Whether the characters have acted already.

    Raises:
        InvalidReply: It is no JSON, not of the schema, says that it failed, or names nobody who is present.
    """
    read = read_json(text, profile, normalised)
    value = read.value
    if str(value.get("error") or "").strip():
        raise InvalidReply(f"the director gave up: {' '.join(str(value['error']).split())[:120]}")
    names = _Names(company)
    if later:
        return _reconciled(read, names, state)
    entering = names.moves(value.get("activations"), absent_from=state.present)
    on_stage = {*state.present, *(one.name for one in entering)}
    actors = names.actors(value.get("actingCharacters"), on_stage)
    asked = value.get("actingCharacters")
    if not actors and entering:
        actors = [Actor(one.name) for one in entering]
    if asked and not actors:
        shown = ", ".join(repr(str(one.get("name"))) for one in asked[:3])
        raise InvalidReply(
            f"the director named nobody who is present: {shown}; present are {', '.join(state.present) or 'nobody'}",
            fault="unknown_ids",
        )
    return Plan(
        value=value,
        open_guidance=_said(value.get("openGuidance")),
        actors=tuple(ordered(actors)),
        activations=entering,
        deactivations=names.moves(value.get("deactivations"), present_in=on_stage),
        updates=names.updates(value.get("stateUpdates")),
        dropped=tuple(names.dropped),
        repaired=read.repaired,
    )


def _reconciled(read: Read, names: _Names, state: State) -> Plan:
    """Return what a director says once the characters have acted; who leaves then does not enter at once."""
    value = read.value
    leaving = names.moves(value.get("deactivations"), present_in=state.present)
    entering = names.moves(
        [*(value.get("newActivations") or ()), *(value.get("activations") or ())], absent_from=state.present
    )
    return Plan(
        value=value,
        deactivations=leaving,
        updates=names.updates(value.get("stateUpdates")),
        remaining=names.listed(value.get("remainingActors"), state.present),
        new_activations=entering,
        dropped=tuple(names.dropped),
        repaired=read.repaired,
    )


class _Names:
    """Finds who is meant, leaves the user out, and keeps what meant nobody."""

    def __init__(self, company: Cast) -> None:
        self._company = company
        self.dropped: list[str] = []

    def actors(self, given: Any, on_stage: Iterable[str]) -> list[Actor]:
        found: dict[str, Actor] = {}
        for one in given or ():
            name = self._resolved(one, on_stage)
            if name is not None and name not in found:
                found[name] = Actor(
                    name,
                    guidance=_said(one.get("guidance")),
                    priority=one.get("priority"),
                    order=one.get("order"),
                    parallel=_said(one.get("parallel")),
                )
        return list(found.values())

    def moves(
        self, given: Any, *, absent_from: Iterable[str] | None = None, present_in: Iterable[str] | None = None
    ) -> tuple[Move, ...]:
        found: dict[str, Move] = {}
        for one in given or ():
            name = self._resolved(one, present_in)
            if name is not None and (absent_from is None or name not in absent_from):
                found.setdefault(name, Move(name, _said(one.get("guidance"))))
        return tuple(found.values())

    def updates(self, given: Any) -> tuple[Update, ...]:
        found: dict[str, dict[str, str]] = {}
        for one in given or ():
            name = self._resolved(one, None)
            if name is not None:
                found.setdefault(name, {}).update(said_of(one))
        return tuple(Update(name, values) for name, values in found.items() if values)

    def listed(self, given: Any, on_stage: Iterable[str]) -> tuple[str, ...]:
        names = (self._resolved({"name": one}, on_stage) for one in given or ())
        return tuple(dict.fromkeys(name for name in names if name is not None))

    def _resolved(self, one: Mapping[str, Any], among: Iterable[str] | None) -> str | None:
        given = str(one.get("name") or "")
        if self._company.is_user(given):
            self.dropped.append(given)
            return None
        known = self._company.find(given) or self._company.find(str(one.get("id") or ""))
        known = known or self._company.find(given.removesuffix("_implied"))
        if known is None or (among is not None and known.name not in among):
            self.dropped.append(given)
            return None
        return known.name


def said_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what a state says, without "default" and what is empty.

    Example:
        >>> said_of({"mood": " calm ", "location": "default", "clothing": ""})
        {'mood': 'calm'}
    """
    return {key: text for key in MOODS if (text := _said(values.get(key)))}


def _said(value: Any) -> str:
    text = " ".join(str(value).split()) if value is not None else ""
    return "" if text.casefold().strip(".") in _UNSAID else text


# --- apply ---


def apply_updates(state: State, updates: Iterable[Update]) -> State:
    """Return the state with updates applied; a name that is not known gets a state of its own."""
    characters = {name: dict(held) for name, held in state.characters.items()}
    for one in updates:
        characters.setdefault(one.name, {}).update(one.values)
    return dataclasses.replace(state, characters=characters)


def apply_moves(state: State, company: Cast, entering: Iterable[Move], leaving: Iterable[Move]) -> State:
    """Return the state with those who enter on stage, and those who leave off it; their flags say so."""
    characters = {name: dict(held) for name, held in state.characters.items()}
    present = set(state.present)
    for one in entering:
        present.add(one.name)
        characters.setdefault(one.name, {})["enteredThisRound"] = True
    for one in leaving:
        present.discard(one.name)
        characters.setdefault(one.name, {})["exitedThisRound"] = True
    return dataclasses.replace(
        state,
        present=tuple(name for name in company.names if name in present),
        characters=characters,
    )
