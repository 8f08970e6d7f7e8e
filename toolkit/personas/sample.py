"""A panel's people: whole rows of a population, chosen so that every level of every attribute meets its target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.personas import bigfive
from toolkit.personas._fit import fit
from toolkit.seeds import derive, generator

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.personas.population import Population

__all__ = ["draw", "fit"]

MOST = 100_000  # the arithmetic is exact up to here, and no panel needs more


def draw(population: Population, n: int, seed: int) -> pd.DataFrame:
    """Draw n people from a population, balanced on all its measured attributes at once.

    Rows are kept whole, so every combination is one that the population holds; with n above the number of rows (or
    with weights) rows repeat. The result comes in a random order: its first k people are a random part of it.

    Args:
        population: Whom to draw from.
        n: How many people, 1 to 100,000.
        seed: Equal seeds give equal people on every machine.

    Returns:
        One row a person: ``row`` (id in the population), then every attribute, derived ones included.

    Raises:
        InvalidInput: ``n`` or ``seed`` is not a whole number, or n is out of range.

    Example:
        >>> from toolkit.personas import Population
        >>> people = draw(Population.load("us-adults-2012"), 100, seed=7)
        >>> len(people), people["sex"].value_counts().to_dict()
        (100, {'female': 50, 'male': 50})
    """
    import numpy as np

    from toolkit.personas._balance import choose

    _require_whole("n", n)
    _require_whole("seed", seed)
    if not 1 <= n <= MOST:
        raise InvalidInput(f"n is {n:,}", hint=f"Ask for 1 to {MOST:,} people.")
    times = choose(population.design, n, generator(seed, "personas.sample", population.digest, n))
    places = np.repeat(np.arange(len(times)), times)
    generator(seed, "personas.order", population.digest, n).shuffle(places)
    people = population.frame.iloc[places].reset_index()
    drawn = [one.name for one in population.attributes.values() if one.drawn]
    return _with_drawn(people, drawn, seed) if drawn else people


def _with_drawn(people: pd.DataFrame, names: list[str], seed: int) -> pd.DataFrame:
    """Return the people with Big Five scores, by place: a row that is drawn twice gives two people."""
    known = people[[name for name in ("age", "sex", "gender") if name in people]].to_dict("records")
    scores = [bigfive.draw(one, derive(seed, "personas.big_five", place)) for place, one in enumerate(known)]  # type: ignore[arg-type]
    return people.assign(**{name: [one[name] for one in scores] for name in names})


def _require_whole(name: str, value: Any) -> None:
    import numpy as np

    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InvalidInput(f"{name} is {value!r}", hint="Give a whole number.")
