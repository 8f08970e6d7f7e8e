"""Who is asked: whatever was given as a panel, as people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from toolkit.errors import Incomplete, InvalidInput
from toolkit.personas import Panel, Persona

__all__ = ["people_of"]


def people_of(panel: Panel | Persona | Sequence[Persona], *, allow_partial: bool) -> tuple[Persona, ...]:
    """Return the people of a panel, one persona or several.

    Raises:
        InvalidInput: It is none of these, is empty, or has an id twice.
        Incomplete: The panel is, and a part is not enough.
    """
    if isinstance(panel, Persona):
        return (panel,)
    if isinstance(panel, Panel) and not panel.complete and not allow_partial:
        raise Incomplete(
            f"the panel is incomplete: {len(panel):,} personas are there, {len(panel.errors):,} are not",
            hint="panel.resume() makes the rest; allow_partial=True asks those who are there.",
            result=panel,
        )
    if not isinstance(panel, Iterable):
        raise InvalidInput(f"the panel is {type(panel).__name__}, not personas", hint="Give a Panel or personas.")
    people = tuple(panel)
    for place, persona in enumerate(people):
        if not isinstance(persona, Persona):
            raise InvalidInput(
                f"item {place} of the panel is of type {type(persona).__name__}, which is no persona",
                hint="Give a Panel or personas.",
            )
    if not people:
        failed = isinstance(panel, Panel) and len(panel.errors) > 0
        raise InvalidInput(
            "the panel is empty, so there is nobody to ask",
            hint="panel.errors says what failed." if failed else "Generate at least one persona.",
        )
    doubled = len(people) - len({persona.id for persona in people})
    if doubled:
        raise InvalidInput(f"{doubled} personas share an id with another", hint="Give panels with different ids.")
    return people
