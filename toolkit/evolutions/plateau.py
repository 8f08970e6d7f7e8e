"""What every service is evolved through and for: plateaus, roles, definitions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from toolkit.errors import InvalidInput
from toolkit.evolutions.strict import Name, Strict, checked, read_json

__all__ = ["Definitions", "Plateau", "PlateauText", "Role", "definitions_of", "plateaus_of", "roles_of"]


class Role(Strict):
    """Who uses a service."""

    role_id: Name
    name: Name
    description: str


class PlateauText(Strict):
    """What a plateau is like."""

    core_idea: str
    key_characteristics: list[str]
    what_it_feels_like: str


class Plateau(Strict):
    """One step of maturity; its level is its place in the list, from 1."""

    id: Name
    name: Name
    description: PlateauText


class Definitions(Strict):
    """Words the prompts use, and what they mean here."""

    title: Name
    version: str
    bullets: list[str]


T = TypeVar("T", bound=Strict)


def plateaus_of(given: Any) -> tuple[Plateau, ...]:
    """Return plateaus from a JSON file, or from objects; their order is their level.

    Raises:
        InvalidInput: Something is no plateau, two share an id or a name, or there is none.
    """
    found = _several(Plateau, given, "plateaus")
    _distinct([one.id for one in found], "plateaus", "id")
    _distinct([one.name.casefold() for one in found], "plateaus", "name")
    return found


def roles_of(given: Any) -> tuple[Role, ...]:
    """Return roles from a JSON file, or from objects.

    Raises:
        InvalidInput: Something is no role, two share an id, or there is none.
    """
    found = _several(Role, given, "roles")
    _distinct([one.role_id for one in found], "roles", "role_id")
    return found


def definitions_of(given: Any) -> Definitions | None:
    """Return definitions from a JSON file, from an object, or nothing.

    Raises:
        InvalidInput: They are no definitions.
    """
    if given is None:
        return None
    value = read_json(Path(given), "the definitions") if isinstance(given, (str, Path)) else given
    return checked(Definitions, value, "definitions")


def _several(model: type[T], given: Any, what: str) -> tuple[T, ...]:
    value = read_json(Path(given), f"the {what}") if isinstance(given, (str, Path)) else given
    if not isinstance(value, Iterable) or isinstance(value, dict):
        raise InvalidInput(f"{what} is {type(value).__name__}, not a list", hint="Give a list, or a JSON file of one.")
    found = tuple(checked(model, one, f"{what} {number}") for number, one in enumerate(value, start=1))
    if not found:
        raise InvalidInput(f"there are no {what}", hint="Give at least one.")
    return found


def _distinct(ids: Sequence[str], what: str, field: str) -> None:
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise InvalidInput(f"{what}: the {field} {twice[0]!r} stands twice", hint="Each must be there once.")
