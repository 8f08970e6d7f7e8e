"""What a model is asked to write about a person, at each level of detail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.models import Schema

if TYPE_CHECKING:
    from toolkit.personas.persona import Detail, Persona

__all__ = ["FACTS_FOR_SMALL_MODELS", "Narrative", "narrative", "portrait"]


FACTS_FOR_SMALL_MODELS = 6
"""How many facts about a person a small model is told; with all of them it recites and mixes them up."""


@dataclass(frozen=True)
class Narrative:
    """The prompt and the schema of one level of detail."""

    detail: Detail
    prompt: str
    schema: Schema


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


def _list(fewest: int, most: int, longest: int = 60) -> dict[str, Any]:
    return {"type": "array", "items": _text(longest), "minItems": fewest, "maxItems": most}


def _schema(detail: Detail, fields: Mapping[str, Any]) -> Schema:
    body = {"type": "object", "properties": dict(fields), "required": list(fields), "additionalProperties": False}
    return Schema(f"persona_{detail}", body)


_LEVELS: dict[str, Narrative] = {
    "brief": Narrative("brief", "personas.brief", _schema("brief", {"bio": {**_text(320), "minLength": 20}})),
    "standard": Narrative(
        "standard",
        "personas.standard",
        _schema(
            "standard",
            {
                "bio": {**_text(480), "minLength": 20},
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
            },
        ),
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
    if detail not in ("facts", *_LEVELS):
        raise InvalidInput(f"detail={detail!r} is no level of detail", hint=f"Use facts, {', '.join(_LEVELS)}.")
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
    for name, value in persona.fields.items():
        told = ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)
        lines.append(f"{name.replace('_', ' ').capitalize()}: {told}")
    return "\n".join(lines)
