"""What ``panel.describe()`` returns: how well a panel matches its population, alone and in pairs, and how it varies."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from toolkit.display.html import card, table
from toolkit.personas.diversity import Diversity, diversity

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd

    from toolkit.personas.persona import Persona
    from toolkit.personas.population import Population

__all__ = ["Fit", "describe", "divergence", "pair_fit"]

_PAIRS = 5
"""Worst pairs that a repr tells."""


@dataclass(frozen=True, eq=False)
class Fit:
    """How well a panel matches its population, and how its names and texts vary.

    Columns of ``frame``, one row an attribute: ``attribute``, ``label``, ``kind``, ``levels``, ``tvd`` (total variation
    distance: half the sum of absolute differences of shares, 0 to 1), ``best`` (the least TVD that whole people allow),
    ``w1`` (numbers: Wasserstein-1 distance in the attribute's unit), ``unit``, ``jsd`` (Jensen-Shannon divergence in
    bits, 0 to 1).

    Columns of ``pairs``, one row a pair of attributes, worst first: ``attribute``, ``other``, ``cells`` (combinations
    the population holds), ``tvd``, ``best``, ``random`` (about the TVD of a simple random sample of this size) and
    ``jsd``.
    """

    population: str
    n: int
    frame: pd.DataFrame
    pairs: pd.DataFrame
    diversity: Diversity

    @property
    def names(self) -> int:
        """Different names."""
        return self.diversity.names

    def __str__(self) -> str:
        """Return the fit as plain tables."""
        parts = [self._head(), _plain(self.frame)]
        if len(self.pairs):
            parts += [f"worst pairs of {len(self.pairs):,}:", _plain(self.pairs.head(_PAIRS))]
        return "\n".join(parts)

    def __repr__(self) -> str:
        """Return the fit as plain tables."""
        return str(self)

    def _head(self) -> str:
        worst = float(self.frame["tvd"].max()) if len(self.frame) else 0.0
        return f"{self.n:,} personas against {self.population}: worst TVD {worst:.4f}; {self.diversity}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        exact = {"tvd": 4, "best": 4, "jsd": 4, "random": 4, "w1": 2}
        pieces = [table(self.frame.round(exact), 30)]
        if len(self.pairs):
            pieces += ["<div>Worst pairs of attributes</div>", table(self.pairs.head(_PAIRS).round(exact))]
        return {"text/plain": str(self), "text/html": card("Fit to the population", [self._head()], *pieces)}


def describe(people: Sequence[Persona], frame: pd.DataFrame, population: Population) -> Fit:
    """Compare people with the population they were drawn from.

    Args:
        people: Whom.
        frame: Their attributes, one row a person.
        population: The target.

    Raises:
        InvalidInput: Nobody, a missing column, or a value that is no level.
    """
    from toolkit.personas.sample import fit

    alone = fit(frame, population)
    codes = _codes(frame, population)
    alone["jsd"] = [
        divergence(*_shares(codes[one.name], population.codes[one.name], population.weights, len(one.all_levels)))
        for one in population.measured
    ]
    return Fit(population.name, len(people), alone, pair_fit(frame, population), diversity(people))


def pair_fit(frame: pd.DataFrame, population: Population) -> pd.DataFrame:
    """Compare each pair of attributes with the population, worst first.

    Args:
        frame: One row a person, with a column for each measured attribute.
        population: The target.

    Returns:
        As ``Fit.pairs`` says. ``random`` is half the sum of the cells' mean absolute deviations, each by the normal
        approximation sqrt(2 p (1 - p) / (pi n)).

    Example:
        >>> from toolkit.personas import Population, draw
        >>> adults = Population.load("us-adults-2012")
        >>> worst = pair_fit(draw(adults, 1000, seed=7), adults).iloc[0]
        >>> bool(worst["tvd"] < worst["random"])
        True
    """
    import numpy as np
    import pandas as pd

    from toolkit.personas._balance import integer_weights, rounding_floor

    n, codes = len(frame), _codes(frame, population)
    weights = integer_weights(population.weights)
    total = int(weights.sum())
    rows = []
    for one, other in combinations(population.measured, 2):
        width = len(other.all_levels)
        cells = len(one.all_levels) * width
        ours = codes[one.name] * width + codes[other.name]
        theirs = population.codes[one.name] * width + population.codes[other.name]
        held, wanted = _shares(ours, theirs, population.weights, cells)
        parts = np.zeros(cells, dtype=np.int64)
        np.add.at(parts, theirs, weights)
        rows.append({
            "attribute": one.name,
            "other": other.name,
            "cells": int((wanted > 0).sum()),
            "tvd": float(np.abs(held - wanted).sum() / 2),
            "best": rounding_floor([n * int(part) for part in parts], total, n) / (2 * n * total),
            "random": float(np.sqrt(2 * wanted * (1 - wanted) / (np.pi * n)).sum() / 2),
            "jsd": divergence(held, wanted),
        })  # fmt: skip
    columns = ["attribute", "other", "cells", "tvd", "best", "random", "jsd"]
    return pd.DataFrame(rows, columns=columns).sort_values("tvd", ascending=False, kind="stable", ignore_index=True)


def divergence(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> float:
    """Return the Jensen-Shannon divergence of two distributions in bits, 0 to 1 (J. Lin, 1991).

    Args:
        ours: Shares that sum to 1.
        theirs: Shares that sum to 1, of the same cells.

    Example:
        >>> import numpy as np
        >>> divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
        1.0
    """
    import numpy as np

    middle = (ours + theirs) / 2
    parts = [
        (side[side > 0] * np.log2(side[side > 0] / middle[side > 0])).sum() / 2  # where a side is 0 it adds nothing
        for side in (ours, theirs)
    ]
    return float(max(0.0, sum(parts)))


def _codes(frame: pd.DataFrame, population: Population) -> dict[str, np.ndarray[Any, Any]]:
    from toolkit.personas._codes import level_codes

    return {one.name: level_codes(frame[one.name], one) for one in population.measured}


def _shares(
    ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any], weights: np.ndarray[Any, Any], cells: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    import numpy as np

    held = np.bincount(ours, minlength=cells) / len(ours)
    wanted = np.bincount(theirs, weights, minlength=cells) / weights.sum()
    return held, wanted


def _plain(frame: pd.DataFrame) -> str:
    return frame.to_string(index=False, float_format="{:.4f}".format)
