"""The twenty things a full portrait says of a person: what was sampled, what code adds to it, what a model writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolkit.personas._contradictions import SEXES
from toolkit.personas.bigfive import TRAITS, draw
from toolkit.seeds import derive

if TYPE_CHECKING:
    from toolkit.personas.persona import Persona

__all__ = ["PROFILE", "completed", "gender_of", "profile", "sources", "told"]

PROFILE = (
    *("name", "age", "gender", "nationality", "residence", "education", "goals", "occupation", "style", "traits"),
    *("big_five", "interests", "likes", "dislikes", "skills", "beliefs", "routines", "health", "relationships"),
    "facts",
)
"""What ``detail="standard"`` fills, in the order it is told."""

_SOURCES: Mapping[str, tuple[str, ...]] = {
    "age": ("age", "age_group", "age_band"),
    "gender": ("gender", "sex"),
    "nationality": ("nationality",),
    "education": ("education",),
    "occupation": ("occupation",),
    "residence": ("residence",),
}
"""The attributes that say a thing, the first that has a value counting."""
_NATIONS: Mapping[str, tuple[str, str]] = {"en-US": ("American", "US citizen")}
"""By locale what its people are called, and the level of an attribute ``citizenship`` that says so."""


def sources(name: str, attributes: Mapping[str, Any]) -> str | None:
    """Return the attribute that says a thing of the profile, or ``None`` where none does.

    Args:
        name: One of ``PROFILE``.
        attributes: A population's, or a person's.

    Example:
        >>> sources("gender", {"sex": "female"}), sources("gender", {"age": 34})
        ('sex', None)
    """
    return next((one for one in _SOURCES.get(name, (name,)) if attributes.get(one) is not None), None)


def gender_of(attributes: Mapping[str, Any], seed: int, person: str) -> str:
    """Return the gender a name is drawn for: the sampled one, or where none was sampled one of two, by a seeded coin.

    Example:
        >>> gender_of({"sex": "woman"}, 7, "p0001")
        'female'
    """
    source = sources("gender", attributes)
    if source is not None:
        said = str(attributes[source])
        return SEXES.get(said.casefold(), said)
    return ("female", "male")[derive(seed, "personas.gender", person) & 1]


def completed(attributes: Mapping[str, Any], seed: int, person: str) -> dict[str, Any]:
    """Return what code adds to sampled facts for a portrait: gender where none was sampled, nationality, Big Five.

    Nationality follows from locale and citizenship; where they do not tell it, it is left to the model. The Big Five
    are drawn from published norms (``toolkit.personas.bigfive``), unless the population says them itself.

    Args:
        attributes: The person's.
        seed: Of the panel.
        person: The person's id.

    Returns:
        Fields by name; ``big_five`` is a mapping of five numbers from 1 to 5.
    """
    fields: dict[str, Any] = {}
    if sources("gender", attributes) is None:
        fields["gender"] = gender_of(attributes, seed, person)
    nation = _nation(attributes)
    if nation and sources("nationality", attributes) is None:
        fields["nationality"] = nation
    if all(isinstance(attributes.get(trait), int | float) for trait in TRAITS):
        fields["big_five"] = {trait: attributes[trait] for trait in TRAITS}
    else:
        known = {**attributes, "sex": gender_of(attributes, seed, person)}
        drawn = draw(known, derive(seed, "personas.big_five", person))
        fields["big_five"] = {trait: drawn[trait] for trait in TRAITS}
    return fields


def told(fields: Mapping[str, Any]) -> list[str]:
    """Return what code added as lines for a prompt.

    Example:
        >>> told({"nationality": "American", "big_five": {"openness": 3.4, "neuroticism": 2.0}})
        ['Nationality: American', 'Big Five (1 low to 5 high): openness 3.4, neuroticism 2.0']
    """
    lines = [f"{name.capitalize()}: {fields[name]}" for name in ("gender", "nationality") if name in fields]
    if "big_five" in fields:
        scores = ", ".join(f"{trait} {score:.1f}" for trait, score in fields["big_five"].items())
        lines.append(f"Big Five (1 low to 5 high): {scores}")
    return lines


def profile(persona: Persona) -> dict[str, Any]:
    """Return what is known of a persona under the twenty names of ``PROFILE``, ``None`` where nothing is.

    A sampled fact goes before a written field of the same name.

    Example:
        >>> from toolkit.personas import Persona
        >>> ann = Persona("p0001", "Ann Lee", {"age": 34, "sex": "female"}, {"health": "Swims."})
        >>> told = profile(ann)
        >>> told["age"], told["gender"], told["health"], told["goals"]
        (34, 'female', 'Swims.', None)
    """
    found: dict[str, Any] = {"name": persona.name}
    for name in PROFILE[1:]:
        source = sources(name, persona.attributes)
        found[name] = persona.fields.get(name) if source is None else persona.attributes[source]
    return found


def _nation(attributes: Mapping[str, Any]) -> str:
    """Return the nationality that locale and citizenship tell; where citizenship denies it, in its own words."""
    called, citizen = _NATIONS.get(str(attributes.get("locale")), ("", ""))
    citizenship = attributes.get("citizenship")
    return called if not called or citizenship in {None, citizen} else str(citizenship)
