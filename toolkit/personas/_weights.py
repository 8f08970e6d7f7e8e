"""One survey weight a row, read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["read_weights"]


def read_weights(table: pd.DataFrame, weights: str | Sequence[float] | None) -> np.ndarray[Any, Any]:
    """Return one weight a row as floats.

    Args:
        table: The people.
        weights: A column's name, or one number a row; ``None`` counts every row alike.

    Raises:
        InvalidInput: No such column, a number that is no weight, or all of them 0.
    """
    import numpy as np
    import pandas as pd

    if weights is None:
        return np.ones(len(table))
    if isinstance(weights, str):
        if weights not in table:
            raise InvalidInput(
                f"no weight column {weights!r}", hint=f"Check weights={nearest(weights, map(str, table))}."
            )
        given: Any = table[weights]
    else:
        given = weights
    numbers = pd.to_numeric(pd.Series(list(given)), errors="coerce").to_numpy("float64", copy=True)
    if len(numbers) != len(table):
        raise InvalidInput(f"{len(numbers)} weights for {len(table)} rows", hint="Give one weight a row.")
    wrong = np.flatnonzero(~(np.isfinite(numbers) & (numbers >= 0)))
    if len(wrong):
        raise InvalidInput(
            f"the weight of row {wrong[0] + 1} is {list(given)[wrong[0]]!r}", hint="Weights are numbers from 0."
        )
    if not numbers.any():
        raise InvalidInput("all weights are 0", hint="At least one row must count.")
    return numbers
