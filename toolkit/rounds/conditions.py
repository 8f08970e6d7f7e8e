"""What many worlds differ in: who is cast, and what a condition changes of the scene."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.errors import InvalidInput
from toolkit.personas import Panel, Persona
from toolkit.personas.attribute import nearest
from toolkit.rounds._scene_file import scene_of
from toolkit.rounds.cast import Character
from toolkit.rounds.scene import Lore, Scene

__all__ = ["CHANGES", "World", "casts_of", "conditions_of", "staged", "worlds_of"]

CHANGES = ("title", "notes", "present", "user", "script", "lore", "world", "trackers", "states")
"""What a condition may change of a scene."""
_MERGED = frozenset({"notes", "world", "trackers", "states"})
"""Of these, what a condition does not name stays as the scene has it."""


@dataclass(frozen=True, slots=True)
class World:
    """Which of many worlds one is.

    Example:
        >>> World("", "control", 2).name
        'control/2'
    """

    cast: str
    """The cast's name; empty where there is one only."""
    condition: str
    """The condition's name; empty where there are none."""
    repeat: int
    """From 1."""

    @property
    def name(self) -> str:
        """The three together, as items of calls and rows of ``errors`` name it."""
        return "/".join(part for part in (self.cast, self.condition, str(self.repeat)) if part)

    def to_dict(self) -> dict[str, Any]:
        """Return the columns that say which world a row is of."""
        return {"world": self.name, "cast": self.cast, "condition": self.condition, "repeat": self.repeat}


def casts_of(given: Any) -> dict[str, Any]:
    """Return the casts by name.

    Args:
        given: Nothing for the scene's own; one cast; several by name, or one after the other (then ``cast 1`` …).

    Raises:
        InvalidInput: There are none, or a name cannot be.

    Example:
        >>> list(casts_of([[{"name": "Ada"}], [{"name": "Ben"}]]))
        ['cast 1', 'cast 2']
    """
    if given is None:
        return {"": None}
    if isinstance(given, Mapping):
        return {_name("cast", name): cast for name, cast in _some("casts", given).items()}
    if isinstance(given, Panel) or not isinstance(given, (list, tuple)) or _is_person(next(iter(given), None)):
        return {"": given}
    return {f"cast {place}": cast for place, cast in enumerate(_some("casts", given), start=1)}


def conditions_of(given: Any) -> dict[str, Mapping[str, Any] | Scene]:
    """Return what is changed by the name of the condition; no condition changes nothing.

    Raises:
        InvalidInput: There are none, a name cannot be, or a change is no mapping.

    Example:
        >>> conditions_of({"control": None, "rain": {"notes": {"scene": "It rains."}}})["control"]
        {}
    """
    if given is None:
        return {"": {}}
    if not isinstance(given, Mapping):
        raise InvalidInput(
            f"conditions are {type(given).__name__}, not names and changes",
            hint='Give {"control": {}, "treatment": {"notes": {"scene": "…"}}}.',
        )
    found: dict[str, Mapping[str, Any] | Scene] = {}
    for name, change in _some("conditions", given).items():
        if change is not None and not isinstance(change, (Mapping, Scene)):
            raise InvalidInput(
                f"the condition {name!r} is {type(change).__name__}", hint="Give what it changes of the scene, or {}."
            )
        found[_name("condition", name)] = {} if change is None else change
    return found


def staged(scene: Scene, name: str, change: Mapping[str, Any] | Scene) -> Scene:
    """Return the scene as it is under a condition; the cast stays.

    Args:
        scene: The scene, with its cast.
        name: The condition's name, for messages.
        change: Fields of the scene (``CHANGES``) and their new values; notes, world, trackers and states keep what is
            not named. Or a whole scene, which then gets the cast.

    Raises:
        InvalidInput: A field that a condition cannot change, or a value of the wrong kind; one line names it.

    Example:
        >>> staged(Scene.load("story"), "thaw", {"world": {"weather": "rain"}}).world["weather"]
        'rain'
    """
    if isinstance(change, Scene):
        return change.with_cast(scene.cast) if scene.cast else change
    if not change:
        return scene
    where = f"the condition {name!r}"
    body = scene.to_dict()
    for key, value in change.items():
        if key not in CHANGES:
            raise InvalidInput(
                f"{where} changes {key!r}, which is no field of a scene that it can",
                hint=f"There are {', '.join(CHANGES)}{nearest(key, CHANGES)}.",
            )
        body[key] = _merged(where, key, body[key], value) if key in _MERGED else _plain(value)
    return scene_of(body, where)


def _merged(where: str, key: str, own: Mapping[str, Any], value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{where}: {key} is {value!r}"[:200], hint="Give names and values.")
    if key != "states":
        return {**own, **value}
    return {**own, **{name: {**own.get(name, {}), **held} for name, held in value.items()}}


def _plain(value: Any) -> Any:
    """Return a value as a scene file holds it."""
    if isinstance(value, (Character, Lore)):
        return value.to_dict()
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _is_person(one: object) -> bool:
    return isinstance(one, (Character, Persona, Mapping))


def _some(what: str, given: Any) -> Any:
    if not given:
        raise InvalidInput(f"{what} is empty, so no world can be played", hint="Give one at least, or leave it out.")
    return given


def _name(what: str, name: object) -> str:
    if not isinstance(name, str) or not name.strip() or "/" in name:
        raise InvalidInput(f"a {what} is named {name!r}", hint="Give a short text without a slash.")
    return " ".join(name.split())


def worlds_of(casts: Iterable[str], conditions: Iterable[str], repeats: int) -> list[World]:
    """Return all worlds: for each repeat each cast under each condition.

    Worlds of the first repeat come first, so that a budget that ends early leaves conditions alike.

    Example:
        >>> [one.name for one in worlds_of([""], ["control", "rain"], 2)]
        ['control/1', 'rain/1', 'control/2', 'rain/2']
    """
    cast_names, named = list(casts), list(conditions)
    return [
        World(cast, condition, number) for number in range(1, repeats + 1) for cast in cast_names for condition in named
    ]
