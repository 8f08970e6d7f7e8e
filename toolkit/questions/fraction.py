"""A balanced fraction of a factorial: which combinations of levels tell the main effects apart best."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from toolkit.errors import InvalidInput
from toolkit.seeds import generator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["choose"]

_STARTS = 24
_PASSES = 40
_ORTHOGONAL = 0.9999
_MOST_CONDITIONS = 64
"""Conditions of a fraction that is sought without a number given."""


def choose(sizes: Sequence[int], runs: int | None = None, *, seed: int = 0) -> tuple[list[int], float]:
    """Return which rows of the full factorial make a good fraction, in its order, and their D-efficiency.

    Candidates are exchanged one row at a time while the determinant of the information matrix of the main effects grows
    (R. D. Cook, C. J. Nachtsheim, Technometrics 22, 1980, p. 315), from several seeded starts; of the results the most
    efficient one is kept, and where the size allows it one that shows each level of a factor equally often.

    Args:
        sizes: How many levels each factor has; rows are in the order of ``itertools.product``.
        runs: How many conditions; without it the fewest that are found orthogonal, or else the best of at most half.
        seed: Equal seeds give equal fractions.

    Raises:
        InvalidInput: There is no balanced fraction of this size, or of any.

    Example:
        >>> rows, efficiency = choose([3, 3, 3], seed=7)
        >>> len(rows), round(efficiency, 3)
        (9, 1.0)
    """
    full, effects = math.prod(sizes), 1 + sum(size - 1 for size in sizes)
    if runs is not None and not effects <= runs < full:
        raise InvalidInput(
            f"factorial={runs} conditions of {full:,} combinations",
            hint=f"Give {effects} to {full - 1}, for there are {effects} effects to tell apart; or 'full'.",
        )
    design = _effects(sizes)
    best: tuple[list[int], float] | None = None
    for count in [runs] if runs is not None else _counts(sizes, effects, full):
        found = _best(design, sizes, count, seed)
        if found is not None and (best is None or found[1] > best[1] + 1e-9):
            best = found
        if best is not None and best[1] > _ORTHOGONAL:
            break
    if best is None:
        raise InvalidInput(
            f"the {full:,} combinations of {' by '.join(map(str, sizes))} levels have no balanced fraction"
            + (f" of {runs}" if runs is not None else ""),
            hint="Use factorial='full', or factors with other numbers of levels.",
        )
    return best


def _counts(sizes: Sequence[int], effects: int, full: int) -> Iterator[int]:
    step = math.lcm(*sizes)
    yield from (n for n in range(step, min(full // 2, _MOST_CONDITIONS) + 1, step) if n >= effects)


def _effects(sizes: Sequence[int]) -> NDArray[np.float64]:
    """Return the full factorial in orthonormal contrasts: one row a combination, one column an effect."""
    import numpy as np

    columns = [np.ones(math.prod(sizes))]
    grid = np.indices(sizes).reshape(len(sizes), -1)
    for size, levels in zip(sizes, grid, strict=True):
        basis, _ = np.linalg.qr(np.column_stack([np.ones(size), np.eye(size)[:, 1:]]))
        columns += list((basis[:, 1:] * math.sqrt(size))[levels].T)
    return np.column_stack(columns)


def _best(design: NDArray[np.float64], sizes: Sequence[int], runs: int, seed: int) -> tuple[list[int], float] | None:
    import numpy as np

    draw = generator(seed, "questions.fraction", *sizes, runs)
    balanced = all(runs % size == 0 for size in sizes)
    levels = np.indices(sizes).reshape(len(sizes), -1)
    best: tuple[list[int], float] | None = None
    for _ in range(_STARTS):
        rows = _exchanged(design, draw.choice(len(design), size=runs, replace=False))
        counts = [np.bincount(one[rows], minlength=size) for one, size in zip(levels, sizes, strict=True)]
        if balanced and any(len(set(one.tolist())) > 1 for one in counts):
            continue
        information = design[rows].T @ design[rows] / runs
        sign, log = np.linalg.slogdet(information)
        efficiency = float(np.exp(log / design.shape[1])) if sign > 0 else 0.0
        if efficiency > 0 and (best is None or efficiency > best[1] + 1e-9):
            best = sorted(int(row) for row in rows), efficiency
        if best is not None and best[1] > _ORTHOGONAL:
            break
    return best


def _exchanged(design: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Exchange rows for better ones until none is left; no combination is taken twice."""
    import numpy as np

    rows, ridge = rows.copy(), 1e-6 * np.eye(design.shape[1])
    for _ in range(_PASSES):
        changed = False
        for place in range(len(rows)):
            rest = np.delete(rows, place)
            inverse = np.linalg.inv(design[rest].T @ design[rest] + ridge)
            gain = np.einsum("ij,jk,ik->i", design, inverse, design)
            gain[rest] = -1.0
            chosen = int(np.argmax(gain))
            if gain[chosen] > gain[rows[place]] * (1 + 1e-9):
                rows[place], changed = chosen, True
        if not changed:
            break
    return rows
