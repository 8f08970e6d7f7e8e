"""Experimental factors: what is varied, by which levels, and which combinations are shown."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from toolkit.errors import InvalidInput
from toolkit.questions._kind import short

__all__ = ["Cell", "Crossing", "Factor", "cell_name", "cross", "to_factors"]

Cell = Mapping[str, Any]
"""One level of each factor."""

_MOST_CELLS = 5_000
_FRACTIONS = ("full", "fraction")


@dataclass(frozen=True)
class Factor:
    """What is varied, and its levels in declared order.

    Example:
        >>> Factor("price", (3, 4, 5)).levels
        (3, 4, 5)
    """

    name: str
    levels: tuple[Any, ...]
    """Different texts or numbers."""


@dataclass(frozen=True)
class Crossing:
    """The combinations of levels that are shown, and how they were chosen.

    Attributes:
        factors: What is varied.
        cells: One level of each factor, for each condition.
        full: How many combinations there are in all.
        d_efficiency: Of the main effects, 0 to 1, against an orthogonal and balanced design of as many conditions
            (D-efficiency; W. F. Kuhfeld, R. D. Tobias, M. Garratt, J. Marketing Research 31, 1994, p. 545); 1 for all
            combinations.
    """

    factors: tuple[Factor, ...]
    cells: tuple[Cell, ...]
    full: int
    d_efficiency: float = 1.0


def to_factors(vary: Any, reserved: Iterable[str] = ()) -> tuple[Factor, ...]:
    """Return the factors that a verb was given.

    Args:
        vary: Levels by name: ``{"price": [3, 4, 5]}``.
        reserved: Names that columns of the frame have already.

    Raises:
        InvalidInput: No mapping, a name that is none or is taken, fewer than two levels, a level that is neither text
            nor number or is given twice.

    Example:
        >>> to_factors({"price": [3, 4, 5]})
        (Factor(name='price', levels=(3, 4, 5)),)
    """
    if not isinstance(vary, Mapping):
        raise InvalidInput(f"vary={short(vary)} names no factor", hint='Give levels by name: vary={"price": [3, 4]}.')
    taken = set(reserved)
    made = []
    for name, levels in vary.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise InvalidInput(f"vary has the name {short(name)}", hint="Give a word of letters, digits and _.")
        if name in taken:
            raise InvalidInput(f"a factor cannot be called {name!r}, as a column is", hint="Give it another name.")
        made.append(Factor(name, _levels(name, levels)))
    return tuple(made)


def cross(factors: Sequence[Factor], how: str | int = "full", *, seed: int = 0) -> Crossing:
    """Return the combinations of levels to show: all of them, or a balanced fraction.

    A fraction shows each level of a factor equally often, where its size allows that, and is chosen so that the main
    effects can be told apart as well as may be; which one is drawn by seed.

    Args:
        factors: What is varied.
        how: ``"full"``, ``"fraction"`` (the smallest orthogonal one found, or else the best of at most half), or how
            many conditions.
        seed: Equal seeds give equal fractions.

    Raises:
        InvalidInput: No such design.

    Example:
        >>> two = [Factor(name, ("low", "high")) for name in "abc"]
        >>> half = cross(two, "fraction", seed=7)
        >>> len(half.cells), half.full, half.d_efficiency
        (4, 8, 1.0)
    """
    full = math.prod(len(factor.levels) for factor in factors)
    whole = isinstance(how, int) and not isinstance(how, bool)
    if how not in _FRACTIONS and not whole:
        raise InvalidInput(f"factorial={how!r}", hint="Use 'full', 'fraction', or how many conditions to show.")
    if full > _MOST_CELLS:
        raise InvalidInput(
            f"the factors make {full:,} combinations; at most {_MOST_CELLS:,} can be looked at",
            hint="Vary fewer factors or levels.",
        )
    if how in ("full", full):
        return Crossing(tuple(factors), tuple(_cells(factors)), full)
    from toolkit.questions.fraction import choose

    sizes = [len(factor.levels) for factor in factors]
    rows, efficiency = choose(sizes, int(how) if whole else None, seed=seed)
    cells = list(_cells(factors))
    return Crossing(tuple(factors), tuple(cells[row] for row in rows), full, round(efficiency, 4))


def cell_name(cell: Cell) -> str:
    """Return a condition's name.

    Example:
        >>> cell_name({"price": 3, "image": "A"})
        'price=3, image=A'
    """
    return ", ".join(f"{name}={level}" for name, level in cell.items())


def _cells(factors: Sequence[Factor]) -> Iterable[Cell]:
    names = [factor.name for factor in factors]
    for levels in itertools.product(*(factor.levels for factor in factors)):
        yield dict(zip(names, levels, strict=True))


def _levels(name: str, given: Any) -> tuple[Any, ...]:
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise InvalidInput(f"the factor {name!r} has the levels {short(given)}", hint="Give a list: [3, 4, 5].")
    levels: list[Any] = []
    for level in given:
        if isinstance(level, bool) or not isinstance(level, (str, Real)) or not str(level).strip():
            raise InvalidInput(f"the factor {name!r} has the level {short(level)}", hint="Give texts or numbers.")
        plain = level.item() if hasattr(level, "item") else level  # numpy's numbers
        if str(plain) in {str(other) for other in levels}:
            raise InvalidInput(f"the factor {name!r} has the level {short(level)} twice", hint="Give each once.")
        levels.append(plain)
    if len(levels) < 2:  # noqa: PLR2004  # what does not vary is no factor
        raise InvalidInput(f"the factor {name!r} has {len(levels)} level(s)", hint="Give at least two.")
    return tuple(levels)
