"""The people of a panel before anything is written about them: sampled rows with names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from toolkit.personas.names import NameRegister
from toolkit.personas.persona import Persona, plain_value
from toolkit.personas.population import Population
from toolkit.personas.profile import completed, gender_of
from toolkit.personas.sample import draw
from toolkit.seeds import derive

__all__ = ["Cast", "draw_cast"]

_ID_DIGITS = 4
_LOCALE = "en-US"


@dataclass(frozen=True)
class Cast:
    """Who will be in the panel."""

    population: Population
    people: tuple[Persona, ...]
    register: NameRegister
    """The names given out; a person who does not come out gives the name back."""
    seed: int

    def completed(self, one: Persona) -> Persona:
        """Return one of them with what code adds for a portrait: nationality, Big Five, and a gender where it lacks."""
        return one.with_fields(completed(one.attributes, self.seed, one.id))


def draw_cast(population: Population, n: int, seed: int) -> Cast:
    """Draw the people of a panel and name them; nothing is asked of a model.

    Args:
        population: Whom to draw from.
        n: How many.
        seed: Of the sample and the names.

    Raises:
        InvalidInput: ``n`` is out of range, or names run out.

    Example:
        >>> [one.id for one in draw_cast(Population.load("us-adults-2012"), 2, seed=7).people]
        ['p0001', 'p0002']
    """
    rows: list[dict[str, Any]] = draw(population, n, seed).to_dict("records")  # type: ignore[assignment]
    digits = max(_ID_DIGITS, len(str(n)))
    ids = [f"p{place:0{digits}}" for place in range(1, n + 1)]
    register = NameRegister()
    names = register.assign(
        (
            (gender_of({key: plain_value(row.get(key)) for key in ("gender", "sex")}, seed, person), _year(row))
            for person, row in zip(ids, rows, strict=True)
        ),
        _text(rows[0].get("locale")) or _LOCALE,
        seed=derive(seed, "personas.names", population.digest),
    )
    people = tuple(
        Persona.from_row(person, name, row, population, seed=seed)
        for person, name, row in zip(ids, names, rows, strict=True)
    )
    return Cast(population, people, register, seed)


def _year(row: dict[str, Any]) -> int | None:
    year = plain_value(row.get("birth_year"))
    return year if isinstance(year, int) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
