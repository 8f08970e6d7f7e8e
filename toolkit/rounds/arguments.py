"""What the verbs that play a scene are given, checked before anything is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.rounds.rules import Rules
from toolkit.rounds.scene import Scene

if TYPE_CHECKING:
    from toolkit.lab import Lab

__all__ = ["checked_rounds", "checked_rules", "checked_scene", "checked_seed", "checked_until"]


def checked_scene(given: Any) -> Scene:
    """Return the scene that was given in any form.

    Raises:
        InvalidInput: It is none.
    """
    if isinstance(given, Scene):
        return given
    if isinstance(given, Mapping):
        return Scene.from_dict(given)
    if isinstance(given, (str, Path)):
        return Scene.load(given)
    raise InvalidInput(f"the scene is {type(given).__name__}", hint="Give a Scene, a name, a path or a mapping.")


def checked_rounds(rounds: Any, what: str = "rounds") -> int:
    """Return how many rounds, or repeats, are played.

    Raises:
        InvalidInput: It is no whole number from 1.
    """
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise InvalidInput(f"{what}={rounds!r} plays nothing", hint="Give a whole number from 1.")
    return rounds


def checked_rules(rules: Any, *, director: bool | None, world: bool | None) -> Rules:
    """Return the rules, with the switches that were given by themselves.

    Raises:
        InvalidInput: An unknown rule, or a value that cannot be.
    """
    given: dict[str, Any] = {"director": director, "world": world}
    return dataclasses.replace(Rules.of(rules), **{name: value for name, value in given.items() if value is not None})


def checked_seed(seed: Any, lab: Lab) -> int:
    """Return the seed; the lab's when there is none.

    Raises:
        InvalidInput: It is no whole number.
    """
    if seed is None:
        return lab.seed
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InvalidInput(f"seed={seed!r} is no whole number", hint="Give one, or leave it to the lab.")
    return seed


def checked_until(until: Any) -> str:
    """Return the statement that ends a play, in one line.

    Raises:
        InvalidInput: It is no text.
    """
    if not isinstance(until, str):
        raise InvalidInput(f"until is {type(until).__name__}, not a statement", hint="Give it as text.")
    return " ".join(until.split())
