"""What a model is asked to write about a person, at each level of detail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

from toolkit.errors import InvalidInput
from toolkit.models import Schema
from toolkit.personas.persona import Detail, in_words

if TYPE_CHECKING:
    from toolkit.personas.persona import Persona

__all__ = ["FACTS_FOR_SMALL_MODELS", "Narrative", "narrative", "portrait"]


FACTS_FOR_SMALL_MODELS = 6
"""How many facts about a person a small model is told; with all of them it recites and mixes them up."""


@dataclass(frozen=True)
class Narrative:
    """The prompt and the fields of one level of detail."""

    detail: Detail
    prompt: str
    fields: Mapping[str, Any]
    """A JSON schema for each field that is written."""
    full: bool = False
    """Whether it is a portrait, told of everything code adds to the facts, and not a bio alone."""

    @cached_property
    def schema(self) -> Schema:
        """The schema of a reply about one person."""
        return Schema(f"persona_{self.detail}", _object(self.fields))

    def of_several(self, people: int) -> Schema:
        """Return the schema of a reply about several people: ``person_1``, ``person_2`` …, each with every field.

        The fields stand in it once, so that it hardly grows with the number of people.
        """
        each = {f"person_{place}": {"$ref": "#/$defs/person"} for place in range(1, people + 1)}
        return Schema(f"persona_{self.detail}_{people}", _object(each) | {"$defs": {"person": _object(self.fields)}})

    def without(self, known: Iterable[str]) -> Narrative:
        """Return what is left to write where some fields are known already: sampled, or added by code."""
        left = {name: schema for name, schema in self.fields.items() if name not in set(known)}
        return self if len(left) == len(self.fields) else Narrative(self.detail, self.prompt, left, self.full)


def _object(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(fields), "required": list(fields), "additionalProperties": False}


def _text(longest: int, shortest: int = 1) -> dict[str, Any]:
    return {"type": "string", "minLength": shortest, "maxLength": longest}


def _list(fewest: int, most: int, longest: int = 60) -> dict[str, Any]:
    return {"type": "array", "items": _text(longest), "minItems": fewest, "maxItems": most}


_UNSAID: Mapping[str, Any] = {
    "age": {"type": "integer", "minimum": 18, "maximum": 99},
    "nationality": _text(60),
    "education": _text(120),
}
"""What the model is asked for as well where neither the population nor code says it."""

_LEVELS: dict[str, Narrative] = {
    "brief": Narrative("brief", "personas.brief", {"bio": {**_text(320), "minLength": 20}}),
    "standard": Narrative(
        "standard",
        "personas.standard",
        {
            **_UNSAID,
            "bio": _text(480, 20),
            "occupation": _text(120),
            "residence": _text(120),
            "goals": _list(1, 3, 100),
            "style": _text(160),
            "traits": _list(2, 5, 40),
            "interests": _list(2, 5),
            "likes": _list(2, 4),
            "dislikes": _list(2, 4),
            "skills": _list(1, 4),
            "beliefs": _list(1, 3, 100),
            "routines": _text(200),
            "health": _text(120),
            "relationships": _text(160),
            "facts": _list(1, 3, 120),
        },
        full=True,
    ),
    "deep": Narrative(
        "deep",
        "personas.deep",
        {
            **_UNSAID,
            "bio": _text(700, 40),
            "story": _text(1600, 100),
            "occupation": _text(200),
            "work": _text(500),
            "residence": _text(240),
            "goals": _list(2, 4, 140),
            "worries": _list(1, 4, 140),
            "style": _text(300),
            "voice": _text(400),
            "traits": _list(3, 7, 60),
            "values": _list(2, 5, 100),
            "interests": _list(3, 7, 80),
            "likes": _list(3, 6, 80),
            "dislikes": _list(3, 6, 80),
            "skills": _list(2, 6, 80),
            "beliefs": _list(2, 5, 140),
            "money": _text(300),
            "shopping": _text(300),
            "media": _text(300),
            "technology": _text(300),
            "routines": _text(500),
            "health": _text(240),
            "relationships": _text(400),
            "facts": _list(2, 5, 160),
        },
        full=True,
    ),
}


def narrative(detail: str) -> Narrative | None:
    """Return what is written at a level of detail; nothing for ``facts``.

    Raises:
        InvalidInput: There is no such level.

    Example:
        >>> narrative("brief").prompt
        'personas.brief'
    """
    if not isinstance(detail, str) or detail not in get_args(Detail):
        known = ", ".join(get_args(Detail))
        raise InvalidInput(f"detail={detail!r} is no level of detail", hint=f"Use {known}.")
    return _LEVELS.get(detail)


def portrait(persona: Persona, *, small: bool = False) -> str:
    r"""Return a persona as a prompt tells it: the name, the facts, and what was written.

    Args:
        persona: Who.
        small: In one line, with the first two facts only, for a small model.

    Example:
        >>> from toolkit.personas import Persona
        >>> portrait(Persona("p0001", "Ann Lee", {}, {"bio": "Ann bakes.", "likes": ["rye", "quiet"]}))
        'Name: Ann Lee\nBio: Ann bakes.\nLikes: rye, quiet'
    """
    if small:
        return ", ".join([persona.name, *(fact.partition(": ")[2] for fact in persona.facts()[:2])])
    lines = [f"Name: {persona.name}", *persona.facts()]
    lines += [f"{name.replace('_', ' ').capitalize()}: {in_words(value)}" for name, value in persona.fields.items()]
    return "\n".join(lines)
