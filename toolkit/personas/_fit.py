"""How well a panel's make-up fits its population."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import Attribute, nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from toolkit.personas.population import Population

__all__ = ["fit"]


def fit(people: pd.DataFrame, population: Population) -> pd.DataFrame:
    """Compare people with the population they were drawn from, one row an attribute.

    Args:
        people: One row a person, with a column for each measured attribute.
        population: The target.

    Returns:
        Columns ``attribute``, ``label``, ``kind``, ``levels`` (how many), ``tvd`` (total variation distance over the
        levels: half the sum of absolute differences of shares, 0 to 1), ``best`` (the least TVD that whole people
        allow), ``w1`` (for numbers: Wasserstein-1 distance over single values, in the attribute's unit) and ``unit``.

    Raises:
        InvalidInput: Nobody, a missing column, or a value that is no level.

    Example:
        >>> from toolkit.personas import Population, draw
        >>> adults = Population.load("us-adults-2012")
        >>> bool(fit(draw(adults, 1000, seed=7), adults)["tvd"].max() <= 0.005)
        True
    """
    import numpy as np
    import pandas as pd

    from toolkit.personas._balance import integer_weights, rounding_floor
    from toolkit.personas._codes import level_codes

    n = len(people)
    if not n:
        raise InvalidInput("there is nobody to compare with the population", hint="Give at least one person.")
    weights = integer_weights(population.weights)
    total = int(weights.sum())
    rows: list[dict[str, Any]] = []
    for one in population.measured:
        if one.name not in people:
            raise InvalidInput(
                f"the people have no column {one.name!r}", hint=f"Keep it{nearest(one.name, map(str, people))}."
            )
        size = len(one.all_levels)
        targets = [n * int(part) for part in _weight_by_level(population.codes[one.name], weights, size)]
        counts = np.bincount(level_codes(people[one.name], one), minlength=size)
        off = sum(abs(int(count) * total - target) for count, target in zip(counts, targets, strict=True))
        rows.append({
            "attribute": one.name,
            "label": one.label,
            "kind": one.kind,
            "levels": size,
            "tvd": off / (2 * n * total),
            "best": rounding_floor(targets, total, n) / (2 * n * total),
            "w1": _wasserstein(people[one.name], population, one) if one.kind == "number" else None,
            "unit": one.unit,
        })  # fmt: skip
    return pd.DataFrame(rows).astype({"w1": "float64"})


def _weight_by_level(codes: np.ndarray[Any, Any], weights: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    import numpy as np

    parts = np.zeros(size, dtype=np.int64)
    np.add.at(parts, codes, weights)
    return parts


def _wasserstein(column: pd.Series[Any], population: Population, attribute: Attribute) -> float | None:
    """Return W1 among those who have a value; ``None`` where one side has none."""
    import numpy as np
    from scipy.stats import wasserstein_distance

    ours = column.to_numpy("float64")
    theirs = population.frame[attribute.name].to_numpy("float64")
    ours, kept = ours[~np.isnan(ours)], ~np.isnan(theirs) & (population.weights > 0)
    if not len(ours) or not kept.any():
        return None
    return float(wasserstein_distance(ours, theirs[kept], None, population.weights[kept]))
