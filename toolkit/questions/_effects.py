"""Tests of one thing against another and the size of the effect, by what kinds of values the two are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

__all__ = ["CELLS", "Effect", "across_groups", "cramer", "of_table", "of_two_numbers"]

_FEW = 5.0
"""Expected count in a cell from which the χ² formula is good (W. G. Cochran, 1952)."""
_TABLES = 9_999
"""Tables with the same margins that are drawn where Fisher's test is too large to enumerate."""
CELLS = 2_000_000
"""Numbers held at once while respondents are drawn again."""
_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Effect:
    """A test and the size of what it tests."""

    test: str
    statistic: float
    p: float
    name: str
    """Of the effect size."""
    value: float
    low: float
    """95 % interval of the effect size."""
    high: float
    how: str
    """How the interval is made."""


def of_table(counts: Codes, random: np.random.Generator, rounds: int) -> Effect:
    """Test two groupings against each other: χ², or Fisher's exact test where expected counts are under 5.

    The effect is V of H. Cramér (Mathematical Methods of Statistics, 1946, p. 282), 0 to 1.

    Args:
        counts: A table of counts, groups down, options across.
        random: Where draws come from.
        rounds: How often respondents are drawn again for the interval.
    """
    from scipy import stats

    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if min(counts.shape) < 2:  # noqa: PLR2004  # everyone says the same
        return Effect("χ²", 0.0, 1.0, "Cramér's V", 0.0, 0.0, 0.0, "nothing varies")
    told = stats.chi2_contingency(counts, correction=False)
    test, statistic, p = "χ²", float(told.statistic), float(told.pvalue)
    if told.expected_freq.min() < _FEW:
        test, p = _fisher(counts, random)
    n = int(counts.sum())
    drawn = random.multinomial(n, counts.ravel() / n, size=rounds).reshape(rounds, *counts.shape)
    low, high = np.quantile(cramer(drawn), [0.025, 0.975])
    value = float(cramer(counts[None])[0])
    return Effect(test, statistic, p, "Cramér's V", value, float(low), float(high), "bootstrap")


def across_groups(values: Floats, groups: Codes, random: np.random.Generator, rounds: int, *, ranked: bool) -> Effect:
    """Test whether groups differ in a value: Kruskal and Wallis (JASA 47, 1952, p. 583) by ranks, else the F test.

    The effect is the share of the variance that lies between the groups: ε² of ranks, which is H / (n - 1) (M. Tomczak
    and E. Tomczak, Trends in Sport Sciences 21, 2014, p. 19), or η² of values.

    Args:
        values: One a respondent.
        groups: The group of each, from 0.
        random: Where draws come from.
        rounds: How often respondents are drawn again for the interval.
        ranked: Compare ranks, as for ratings, whose steps need not be equally wide.
    """
    from scipy import stats

    names = ("Kruskal-Wallis", "ε²") if ranked else ("F (one-way ANOVA)", "η²")
    if np.ptp(values) == 0:
        return Effect(names[0], 0.0, 1.0, names[1], 0.0, 0.0, 0.0, "nothing varies")
    parts = [values[groups == group] for group in np.unique(groups)]
    told = stats.kruskal(*parts) if ranked else _anova(parts)
    stacks = []
    size = max(1, min(rounds, CELLS // len(values)))
    for start in range(0, rounds, size):
        drawn = random.integers(len(values), size=(min(size, rounds - start), len(values)))
        again = values[drawn]
        stacks.append(_between(stats.rankdata(again, axis=1) if ranked else again, groups[drawn]))
    low, high = np.quantile(np.concatenate(stacks), [0.025, 0.975])
    value = _between((stats.rankdata(values) if ranked else values)[None], groups[None])[0]
    return Effect(
        names[0], float(told[0]), float(told[1]), names[1], float(value), float(low), float(high), "bootstrap"
    )


def of_two_numbers(ours: Floats, theirs: Floats) -> Effect:
    """Test whether two numbers rise together: C. Spearman's rank correlation (1904).

    The interval is that of D. G. Bonett and T. A. Wright (Psychometrika 65, 2000, p. 23) by Fisher's z.

    Args:
        ours: One a respondent.
        theirs: The other.
    """
    from scipy import stats

    if min(np.ptp(ours), np.ptp(theirs)) == 0:
        return Effect("Spearman", 0.0, 1.0, "r", 0.0, 0.0, 0.0, "nothing varies")
    told = stats.spearmanr(ours, theirs)
    r, n = float(told.statistic), len(ours)
    if n <= 3 or abs(r) >= 1:  # noqa: PLR2004  # z has no error there
        return Effect("Spearman", r, float(told.pvalue), "r", r, math.nan, math.nan, "too few respondents")
    reach = _Z95 * math.sqrt((1 + r * r / 2) / (n - 3))
    low, high = math.tanh(math.atanh(r) - reach), math.tanh(math.atanh(r) + reach)
    return Effect("Spearman", r, float(told.pvalue), "r", r, low, high, "Fisher's z")


def _fisher(counts: Codes, random: np.random.Generator) -> tuple[str, float]:
    """Return Fisher's exact test; beyond 2 by 2 over random tables (G. H. Freeman and J. H. Halton, 1951)."""
    from scipy import stats

    if counts.shape == (2, 2):
        return "Fisher's exact test", float(stats.fisher_exact(counts).pvalue)
    tables = stats.random_table(counts.sum(axis=1), counts.sum(axis=0), seed=random)
    chance = tables.logpmf(tables.rvs(_TABLES))
    rare = np.count_nonzero(chance <= tables.logpmf(counts) + 1e-9)
    return "Fisher's exact test (simulated)", float((1 + rare) / (1 + _TABLES))


def _anova(parts: list[Floats]) -> tuple[float, float]:
    from scipy import stats

    inside = sum(float(((part - part.mean()) ** 2).sum()) for part in parts)
    if not inside:  # groups without any spread, and not all alike
        return math.inf, 0.0
    if sum(map(len, parts)) <= len(parts):
        return math.nan, math.nan
    told = stats.f_oneway(*parts)
    return float(told.statistic), float(told.pvalue)


def cramer(tables: Any) -> Floats:
    """Return V of H. Cramér of a stack of tables; 0 where nothing varies."""
    n = tables.sum(axis=(1, 2), keepdims=True)
    expected = tables.sum(axis=2, keepdims=True) * tables.sum(axis=1, keepdims=True) / n
    off = ((tables - expected) ** 2 / np.where(expected > 0, expected, 1.0)).sum(axis=(1, 2))
    filled = [np.count_nonzero(tables.sum(axis=axis), axis=1) for axis in (1, 2)]
    smaller = np.maximum(np.minimum(*filled) - 1, 1)
    made: Floats = np.sqrt(off / (n[:, 0, 0] * smaller))
    return made


def _between(values: Floats, groups: Codes) -> Floats:
    """Return the share of the variance between groups, for a stack of samples; 0 where nothing varies."""
    middle = values - values.mean(axis=1, keepdims=True)
    total = (middle**2).sum(axis=1)
    between = np.zeros(len(values))
    for group in range(int(groups.max()) + 1):
        inside = groups == group
        size = inside.sum(axis=1)
        between += np.where(size, (middle * inside).sum(axis=1) ** 2 / np.maximum(size, 1), 0.0)
    made: Floats = between / np.where(total > 0, total, 1.0)
    return made
