"""A scene: where a play begins, who can be in it, and what is known about its world."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest
from toolkit.rounds.cast import Cast, Character, cast_of
from toolkit.rounds.state import FLAGS, MOODS, State

__all__ = ["NOTES", "Lore", "Scene"]

NOTES = ("world", "campaign", "arc", "scene")
"""The notes of a scene, from the widest to the nearest."""


@dataclass(frozen=True, slots=True)
class Lore:
    """Something about the world that enters a prompt when one of its keys was spoken of.

    Example:
        >>> Lore("The tram runs every ten minutes.", keys=("tram",)).keys
        ('tram',)
    """

    text: str
    keys: tuple[str, ...] = ()
    """Words; an entry without any is always told."""
    group: str = ""
    """Of the entries of one group only the first that was spoken of is told."""
    title: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON."""
        return {"title": self.title, "keys": list(self.keys), "text": self.text, "group": self.group}


@dataclass(frozen=True)
class Scene:
    """Where a play begins. ``Scene.load("focus-group")`` gives a shipped one, ``Scene.load("my.yaml")`` one's own.

    Raises:
        InvalidInput: No id, unknown notes, states of nobody in the cast, or two people of one name.

    Example:
        >>> scene = Scene.load("negotiation")
        >>> scene.cast[0].name
        'Mara Voss'
    """

    id: str
    title: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    """World, campaign, arc and scene, as texts."""
    cast: tuple[Character, ...] = ()
    """Who can be on stage; may be empty where a cast is given to ``run_rounds``."""
    present: tuple[str, ...] = ()
    """Who is on stage at the beginning; empty for everyone."""
    user: Character | None = None
    """Who the researcher speaks as."""
    script: tuple[str, ...] = ()
    """What the user says, round by round, where nothing else is given."""
    lore: tuple[Lore, ...] = ()
    world: Mapping[str, Any] = field(default_factory=dict)
    """The world's state at the beginning."""
    trackers: Mapping[str, Any] = field(default_factory=dict)
    """What is kept count of, with its first value."""
    states: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What is known of characters at the beginning, by name: location, mood, clothing and so on (``MOODS``)."""

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id.strip():
            raise InvalidInput(f"a scene's id is {self.id!r}", hint="Give a text.")
        for name in self.notes:
            if name not in NOTES:
                raise InvalidInput(
                    f"the scene {self.id!r} has unknown notes {name!r}",
                    hint=f"There are {', '.join(NOTES)}{nearest(name, NOTES)}.",
                )
        for name in ("notes", "world", "trackers", "states"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        if self.cast:
            self._check_people(Cast(self.cast, self.user))

    @classmethod
    def load(cls, name: str | Path) -> Scene:
        """Return a shipped scene by its name, or one from a YAML or JSON file.

        Args:
            name: ``"focus-group"``, ``"negotiation"``, ``"story"``, or a path.

        Raises:
            InvalidInput: There is none, an unknown key, or a value of the wrong kind; one line names it.
        """
        from toolkit.rounds._scene_file import read_scene

        return read_scene(name)

    def replace(self, **changed: Any) -> Scene:
        """Return the same scene with fields changed.

        Raises:
            InvalidInput: A scene has no such field.

        Example:
            >>> Scene.load("story").replace(title="Another night").title
            'Another night'
        """
        known = [one.name for one in dataclasses.fields(self)]
        for name in changed:
            if name not in known:
                raise InvalidInput(f"a scene has no field {name!r}", hint=f"See Scene{nearest(name, known)}.")
        return dataclasses.replace(self, **changed)

    def with_cast(self, cast: Any, *, allow_partial: bool = False) -> Scene:
        """Return the scene with another cast: a panel, personas, characters or mappings.

        Where the scene's own cast has someone of the same name, the entry and exit lines written there stay.

        Raises:
            InvalidInput: Someone is no character, or two have one name.
            Incomplete: The panel is incomplete.
        """
        written = {one.name.casefold(): one for one in self.cast}
        people = tuple(
            dataclasses.replace(one, entry=one.entry or own.entry, exit=one.exit or own.exit)
            if (own := written.get(one.name.casefold())) is not None
            else one
            for one in cast_of(cast, allow_partial=allow_partial)
        )
        there = {one.name for one in people}
        present = tuple(name for name in self.present if name in there)
        states = {name: held for name, held in self.states.items() if name in there}
        return dataclasses.replace(self, cast=people, present=present, states=states)

    def company(self) -> Cast:
        """Return the cast, to find people in.

        Raises:
            InvalidInput: There is none.
        """
        return Cast(self.cast, self.user)

    def start(self) -> State:
        """Return the state before the first round."""
        company = self.company()
        states = {_named(company, name): held for name, held in self.states.items()}
        present = {_named(company, name) for name in self.present} or set(company.names)
        unmoved = dict.fromkeys(MOODS, "") | dict.fromkeys(FLAGS, False)
        return State(
            present=tuple(name for name in company.names if name in present),
            characters={
                one.name: {
                    **unmoved,
                    "mood": one.mood,
                    **{key: str(text) for key, text in states.get(one.name, {}).items()},
                }
                for one in company
            },
            world=dict(self.world),
            trackers=dict(self.trackers),
            notes=dict(self.notes),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the scene as a scene file holds it."""
        return {
            "id": self.id,
            "title": self.title,
            "notes": dict(self.notes),
            "cast": [one.to_dict() for one in self.cast],
            "present": list(self.present),
            "user": self.user.to_dict() if self.user is not None else None,
            "script": list(self.script),
            "lore": [one.to_dict() for one in self.lore],
            "world": dict(self.world),
            "trackers": dict(self.trackers),
            "states": {name: dict(held) for name, held in self.states.items()},
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Scene:
        """Return the scene that ``to_dict`` wrote, or that a file describes.

        Raises:
            InvalidInput: An unknown key, or a value of the wrong kind.
        """
        from toolkit.rounds._scene_file import scene_of

        return scene_of(body)

    @cached_property
    def digest(self) -> str:
        """Twelve hex digits that differ where anything of the scene does."""
        dump = orjson.dumps(self.to_dict(), option=orjson.OPT_SORT_KEYS, default=str)
        return hashlib.sha256(dump).hexdigest()[:12]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        from toolkit.rounds.scene_card import scene_card, scene_text

        return {"text/plain": scene_text(self), "text/html": scene_card(self)}

    def _check_people(self, company: Cast) -> None:
        for name in (*self.present, *self.states):
            _named(company, name)
        for name, held in self.states.items():
            _check_state(name, held)


def _named(company: Cast, name: str) -> str:
    found = company.find(name)
    if found is None:
        raise InvalidInput(
            f"{name!r} is not in the cast", hint=f"There are {', '.join(company.names)}{nearest(name, company.names)}."
        )
    return found.name


def _check_state(name: str, held: Iterable[str]) -> None:
    for key in held:
        if key not in MOODS:
            raise InvalidInput(
                f"the state of {name!r} has an unknown key {key!r}",
                hint=f"There are {', '.join(MOODS)}{nearest(key, MOODS)}.",
            )
