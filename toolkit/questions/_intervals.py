"""95 % intervals of shares, means and medians, with people counted once who answered several times."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from toolkit.seeds import generator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RESAMPLES", "Estimate", "estimated_mean", "estimated_median", "estimated_share", "wilson"]

Estimate = tuple[float, float, float]
"""The value, and the lower and upper end of its interval."""

_Z95 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""
RESAMPLES = 1_999
_BATCH = 2_000_000
"""Numbers that a bootstrap holds at once."""
_NOTHING = (math.nan, math.nan, math.nan)


def wilson(successes: float, n: float, z: float = _Z95) -> tuple[float, float]:
    """Return the score interval of a share (E. B. Wilson, JASA 22, 1927, p. 209).

    Args:
        successes: How many of ``n``.
        n: How many in all, or how many independent ones they are worth; with 0 the interval is all of 0 to 1.
        z: Normal quantile; the default gives 95 %.

    Example:
        >>> tuple(round(end, 4) for end in wilson(10, 100))
        (0.0552, 0.1744)
    """
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    middle = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def estimated_share(hits: NDArray[np.bool_], people: NDArray[np.intp] | None) -> Estimate:
    """Return a share and Wilson's interval.

    Where people answered several times the share is the mean of people's own shares, and the interval is that of the
    effective number of answers (the answers divided by the design effect: L. Kish, Survey Sampling, 1965, 8.2; with
    Wilson's interval: N. Dean and M. Pagano, J. Survey Stat. Methodol. 3, 2015, p. 484). It is at least the number of
    people, for answers that repeat one another are worth one, and at most that of the answers.

    Args:
        hits: For each answer whether it counts.
        people: For each answer who gave it, as a number from 0; None where each came from somebody else.

    Example:
        >>> import numpy as np
        >>> twice = np.array([True, True, False, False]), np.array([0, 0, 1, 1])
        >>> estimated_share(*twice)[1:] == wilson(1, 2)
        True
    """
    n = len(hits)
    if not n:
        return math.nan, 0.0, 1.0
    if people is None:
        successes = int(hits.sum())
        return successes / n, *wilson(successes, n)
    own = _own_means(hits.astype(float), people)
    share, k = float(own.mean()), len(own)
    worth = float(k)
    if 0 < share < 1 and k > 1:
        variance = float(own.var(ddof=1)) / k
        worth = min(float(n), max(float(k), share * (1 - share) / variance if variance else math.inf))
    return share, *wilson(share * worth, worth)


def estimated_mean(values: NDArray[np.float64], people: NDArray[np.intp] | None) -> Estimate:
    """Return a mean and Student's interval; where people answered several times, of people's own means.

    Args:
        values: The answers.
        people: For each answer who gave it, as a number from 0; None where each came from somebody else.

    Example:
        >>> import numpy as np
        >>> estimated_mean(np.array([1.0, 3.0, 5.0, 7.0]), np.array([0, 0, 1, 1]))[0]
        4.0
    """
    from scipy import stats

    own = values if people is None else _own_means(values, people)
    n = len(own)
    if not n:
        return _NOTHING
    mean = float(own.mean())
    if n == 1:
        return mean, math.nan, math.nan
    half = float(stats.t.ppf(0.975, n - 1)) * float(own.std(ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half


def estimated_median(values: NDArray[np.float64], people: NDArray[np.intp] | None) -> Estimate:
    """Return a median and the percentile interval of 1,999 bootstrap samples of people, always the same ones.

    Percentile and not BCa, for a median leaps when one value is left out, and BCa's acceleration is made of such leaps.

    Args:
        values: The answers.
        people: For each answer who gave it, as a number from 0; None where each came from somebody else. A person drawn
            brings all answers along.

    Example:
        >>> import numpy as np
        >>> estimated_median(np.array([1.0, 2.0, 9.0]), None)
        (2.0, 1.0, 9.0)
    """
    import numpy as np
    from scipy import stats

    if not len(values):
        return _NOTHING
    median = float(np.median(values))
    table = values[:, None] if people is None else _by_person(values, people)
    if len(table) == 1:
        return median, math.nan, math.nan
    middle = np.median if not np.isnan(table).any() else np.nanmedian

    def statistic(drawn: NDArray[np.intp], axis: int) -> Any:  # noqa: ARG001  # scipy's; it is always the last
        taken = table[drawn]
        return middle(taken.reshape(*taken.shape[:-2], -1), axis=-1)

    found = stats.bootstrap(
        (np.arange(len(table)),),
        statistic,
        n_resamples=RESAMPLES,
        batch=max(1, _BATCH // table.size),
        vectorized=True,
        method="percentile",
        rng=generator(0, "questions.summary"),
    ).confidence_interval
    return median, float(found.low), float(found.high)


def _own_means(values: NDArray[np.float64], people: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return each person's mean."""
    import numpy as np

    return np.bincount(people, values) / np.bincount(people)


def _by_person(values: NDArray[np.float64], people: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return one row a person with all answers, filled up with NaN where somebody gave fewer."""
    import numpy as np

    counts = np.bincount(people)
    order = np.argsort(people, kind="stable")
    place = np.arange(len(values)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((len(counts), counts.max()), math.nan)
    table[people[order], place] = values[order]
    return table
