"""Portraits: the prompt in a fixed order of fields, then the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.images.planning import Drawing, Planning, Request, request_of
from toolkit.images.plans import ImagePlans, the_plan
from toolkit.images.single import one_of
from toolkit.lab import current_lab
from toolkit.personas import Panel, Persona
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    from toolkit.engine import Budget
    from toolkit.lab import Lab

__all__ = ["plan_portrait", "plan_portraits", "portrait_prompt"]

FIELDS = ("name", "expression", "gender", "race", "age", "class", "features", "wearing", "mark", "pose", "additions")
"""Fields of a portrait, in the order of the prompt; the expression is said once more behind the class."""
_ALSO: Mapping[str, tuple[str, ...]] = {
    "gender": ("gender", "sex"),
    "race": ("race", "ethnicity"),
    "class": ("class", "occupation", "job", "employment"),
    "features": ("features", "appearance"),
    "wearing": ("wearing", "clothing"),
    "mark": ("mark", "distinguishing_mark"),
}
"""What attributes and fields of a persona are called that say the same."""
_OF_CHARACTERS, _OF_PERSONAS = "fantasy art", "natural portrait photograph, plain background"
"""Styles where none is given: of a character in a mapping, as game tables have them, and of a respondent."""


@one_of(the_plan)
def plan_portrait(
    persona: Persona | Mapping[str, Any],
    *,
    expression: str = "",
    features: str = "",
    wearing: str = "",
    mark: str = "",
    pose: str = "",
    additions: str = "",
    style: str = "",
    size: str | int | None = None,
    n: int = 1,
    negative: str = "",
    model: str = "",
    session: str = "default",
    tools: bool = False,
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
) -> Job[ImagePlans]:
    """Plan the portrait of one persona: its facts in a fixed order, then what the model makes of them.

    Args:
        persona: A persona, or a mapping with ``name``, ``gender``, ``race``, ``age``, ``class`` … of a character.
        expression: What the face says, ``"calm"``.
        features: Hair, eyes, build.
        wearing: Clothes.
        mark: What one remembers: a scar, a hat.
        pose: How the person stands or sits.
        additions: Whatever else is to be seen.
        style: How it is to be drawn; by default a natural photograph, or fantasy art for a mapping.
        size: ``768x1024`` when not given.
        n: Variations, 1 to 10.
        negative: What must not be in it.
        model: Renderer the plan is made for.
        session: What the picture belongs to.
        tools: Have the plan written by calling a function.
        seed: For the plan and the model's draws.
        lab: Where.
        budget: What planning may spend.

    Returns:
        An ``ImagePlan`` of type ``portrait``.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        PlanningError: No plan came of it.

    Example:
        >>> panel = generate_personas(1, "us-adults-2012", detail="facts", lab=lab)
        >>> plan = plan_portrait(panel[0], expression="calm", lab=lab)
        >>> plan.image_type, plan.original_prompt.startswith(panel[0].name), plan.metadata["persona"]
        ('portrait', True, 'p0001')
    """
    added = {
        "expression": expression, "features": features, "wearing": wearing, "mark": mark, "pose": pose,
        "additions": additions,
    }  # fmt: skip
    drawing = Drawing(style, size, n, negative, model, session)
    asked = [_request(persona, added, drawing)]
    return Planning(current_lab(lab), asked, tools=tools, seed=seed, strict=False, budget=budget, name="plan_portrait")


@verb
def plan_portraits(
    panel: Panel | Sequence[Persona | Mapping[str, Any]],
    *,
    expression: str = "",
    pose: str = "",
    additions: str = "",
    style: str = "",
    size: str | int | None = None,
    n: int = 1,
    negative: str = "",
    model: str = "",
    session: str = "default",
    tools: bool = False,
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
) -> Job[ImagePlans]:
    """Plan the portraits of a panel, all at once; see ``plan_portrait``.

    Args:
        panel: Whom.
        expression: What the faces say.
        pose: How they stand or sit.
        additions: Whatever else is to be seen.
        style: How they are to be drawn, alike for all.
        size: ``768x1024`` when not given.
        n: Variations of each.
        negative: What must not be in them.
        model: Renderer the plans are made for.
        session: What the pictures belong to.
        tools: Have the plans written by calling a function.
        seed: For the plans and the model's draws.
        lab: Where.
        budget: What planning may spend.
        strict: Raise ``Incomplete`` at the end when anybody has no plan.

    Returns:
        ``ImagePlans`` in the order of the panel.

    Raises:
        InvalidInput: Nobody, or an argument that cannot be used; nothing was billed.
        Interrupted: ■ was pressed; what finished is in ``.result``.

    Example:
        >>> panel = generate_personas(2, "us-adults-2012", detail="facts", lab=lab)
        >>> [plan.metadata["persona"] for plan in plan_portraits(panel, lab=lab)]
        ['p0001', 'p0002']
    """
    people = _people(panel)
    if not people:
        raise InvalidInput(f"panel={panel!r} is nobody", hint="Give a panel, or a list of personas.")
    added = {"expression": expression, "pose": pose, "additions": additions}
    drawing = Drawing(style, size, n, negative, model, session)
    asked = [_request(one, added, drawing) for one in people]
    return Planning(
        current_lab(lab), asked, tools=tools, seed=seed, strict=strict, budget=budget, name="plan_portraits"
    )


def portrait_prompt(person: Persona | Mapping[str, Any], **added: str) -> str:
    """Return the request for a portrait: a list with commas, its fields in a fixed order.

    Name, expression, gender, race, age, class, "… expression", features, "wearing …", mark, pose, additions; what is
    not known is left out.

    Args:
        person: A persona, or a mapping of a character.
        added: Further fields by name.

    Raises:
        InvalidInput: It is neither, has no name, or a field is unknown.

    Example:
        >>> portrait_prompt(
        ...     {"name": "Mira", "race": "elf", "age": 90, "class": "ranger"}, expression="wry", wearing="a cloak"
        ... )
        'Mira, wry, elf, 90 years old, ranger, wry expression, wearing a cloak'
    """
    unknown = sorted(set(added) - set(FIELDS))
    if unknown:
        raise InvalidInput(f"a portrait has no field {unknown[0]!r}", hint=f"There are: {', '.join(FIELDS)}.")
    known = _known(person)
    told = {name: _said(known, name) for name in FIELDS} | {name: text.strip() for name, text in added.items() if text}
    if not told["name"]:
        raise InvalidInput("a portrait has no name", hint='Give the mapping a "name".')
    age, expression, wearing = told["age"], told["expression"], told["wearing"]
    parts = [
        told["name"], expression, told["gender"], told["race"],
        f"{age} years old" if age.isdecimal() else age, told["class"],
        f"{expression} expression" if expression else "", told["features"], f"wearing {wearing}" if wearing else "",
        told["mark"], told["pose"], told["additions"],
    ]  # fmt: skip
    return ", ".join(part for part in parts if part)


def _request(person: Persona | Mapping[str, Any], added: Mapping[str, str], drawing: Drawing) -> Request:
    text = portrait_prompt(person, **added)
    style = drawing.style or (_OF_PERSONAS if isinstance(person, Persona) else _OF_CHARACTERS)
    styled = replace(drawing, style=style)
    if isinstance(person, Persona):
        return request_of(person.id, text, "portrait", styled, persona=person)
    name = str(person["name"])
    about = {"persona": str(person.get("id") or name), "persona_name": name}
    return request_of(name, text, "portrait", styled, metadata=about)


def _people(given: Any) -> list[Any]:
    if isinstance(given, Persona | Mapping):
        return [given]
    return list(given) if isinstance(given, Sequence) and not isinstance(given, str) else []


def _known(person: Any) -> Mapping[str, Any]:
    if isinstance(person, Persona):
        return {**person.fields, **person.attributes, "name": person.name}
    if isinstance(person, Mapping):
        return person
    raise InvalidInput(f"{person!r} is no persona", hint="Give a Persona, or a mapping with a name.")


def _said(known: Mapping[str, Any], name: str) -> str:
    """Return what is known of a field, under any of its names."""
    values = (known.get(one) for one in _ALSO.get(name, (name,)))
    found = next((value for value in values if isinstance(value, str | int | float) and value != ""), "")
    return str(found).strip()
