"""Tests and effect sizes where each answer is a distribution over options: expected counts, and p by permutation.

A table of expected counts varies less than one of counts, so the formulas for counts would find too little; who is in
which group is dealt out anew instead (R. A. Fisher, The Design of Experiments, 1935, section 21), and the interval is a
bootstrap of respondents. Where everyone is sure of one option, the effects are those of ``toolkit.questions._effects``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from toolkit.questions._effects import CELLS, Effect, cramer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

__all__ = ["of_shares_by_groups", "of_shares_by_numbers"]

_SAME = 1e-12
"""What rounding may take from a statistic that is equal."""


def of_shares_by_groups(shares: Floats, groups: Codes, random: np.random.Generator, rounds: int) -> Effect:
    """Test whether groups differ in how likely they hold each option; the effect is Cramér's V of expected counts.

    Args:
        shares: One row a respondent, one column an option; each row adds up to 1.
        groups: The group of each respondent, from 0.
        random: Where draws come from.
        rounds: How often groups are dealt out, and respondents drawn again.
    """
    shares = shares[:, shares.sum(axis=0) > 0]
    n = len(shares)
    table = _tables(shares, groups[None])
    if min(table.shape[1:]) < 2:  # noqa: PLR2004  # all are sure of one option
        return Effect("χ²", 0.0, 1.0, "Cramér's V", 0.0, 0.0, 0.0, "nothing varies")
    value = float(cramer(table)[0])
    dealt = np.concatenate([cramer(_tables(shares, groups[order])) for order in _permutations(n, random, rounds)])
    times = (random.multinomial(n, np.full(n, 1 / n), size=size) for size in _sizes(n, rounds))
    drawn = np.concatenate([cramer(_tables(shares, groups[None], one)) for one in times])
    low, high = np.quantile(drawn, [0.025, 0.975])
    statistic = value**2 * n * (min(table.shape[1:]) - 1)
    return Effect(
        "χ² of expected counts (permutation)",
        statistic,
        _share_at_least(value, dealt),
        "Cramér's V",
        value,
        float(low),
        float(high),
        "bootstrap",
    )


def of_shares_by_numbers(shares: Floats, numbers: Floats, random: np.random.Generator, rounds: int) -> Effect:
    """Test whether a number differs between those who hold different options likely; the effect is ε² of its ranks.

    Args:
        shares: One row a respondent, one column an option; each row adds up to 1.
        numbers: One a respondent.
        random: Where draws come from.
        rounds: How often the number is dealt out, and respondents drawn again.
    """
    from scipy import stats

    name = "Kruskal-Wallis of expected counts (permutation)"
    shares = shares[:, shares.sum(axis=0) > 0]
    n = len(shares)
    if np.ptp(numbers) == 0 or shares.shape[1] < 2:  # noqa: PLR2004  # nothing to tell apart
        return Effect(name, 0.0, 1.0, "ε²", 0.0, 0.0, 0.0, "nothing varies")
    ranks = stats.rankdata(numbers)
    every = np.arange(n)[None]
    value = float(_between(ranks[None], shares, every)[0])
    dealt = np.concatenate([_between(ranks[order], shares, every) for order in _permutations(n, random, rounds)])
    drawn = np.concatenate(
        [_between(stats.rankdata(numbers[who], axis=1), shares, who) for who in _again(n, random, rounds)]
    )
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Effect(
        name, value * (n - 1), _share_at_least(value, dealt), "ε²", value, float(low), float(high), "bootstrap"
    )


def _tables(shares: Floats, groups: Codes, times: Codes | None = None) -> Floats:
    """Return tables of expected counts, groups down and options across.

    Args:
        shares: Of all respondents.
        groups: The group of each, one row a table.
        times: How often each respondent counts, one row a table; once where nothing is said.
    """
    counted = 1 if times is None else times
    made = [(counted * (groups == group)).astype(np.float64) @ shares for group in range(int(groups.max()) + 1)]
    return np.stack(made, axis=1)


def _between(ranks: Floats, shares: Floats, who: Codes) -> Floats:
    """Return the share of the ranks' variance that lies between options, for a stack of samples."""
    middle = ranks - ranks.mean(axis=1, keepdims=True)
    total = (middle**2).sum(axis=1)
    between = np.zeros(len(ranks))
    for option in shares.T:
        held = option[who]
        size = held.sum(axis=1)
        between += (middle * held).sum(axis=1) ** 2 / np.where(size > 0, size, 1.0)
    made: Floats = between / np.where(total > 0, total, 1.0)
    return made


def _permutations(n: int, random: np.random.Generator, rounds: int) -> Iterator[Codes]:
    for size in _sizes(n, rounds):
        yield random.permuted(np.broadcast_to(np.arange(n), (size, n)), axis=1)


def _again(n: int, random: np.random.Generator, rounds: int) -> Iterator[Codes]:
    for size in _sizes(n, rounds):
        yield random.integers(n, size=(size, n))


def _sizes(n: int, rounds: int) -> Iterator[int]:
    size = max(1, min(rounds, CELLS // n))
    for start in range(0, rounds, size):
        yield min(size, rounds - start)


def _share_at_least(value: float, dealt: Floats) -> float:
    """Return p: how often chance alone gives as much, the sample itself counted in."""
    return float((1 + np.count_nonzero(dealt >= value - _SAME)) / (1 + len(dealt)))
