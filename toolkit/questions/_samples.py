"""Two samples over the same levels, and what their respondents drawn again would have said."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    Floats = NDArray[np.float64]

__all__ = ["Sample", "redrawn", "shuffled"]

_CELLS = 2_000_000
"""Numbers held at once while respondents are drawn again."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Answers over fixed levels, kept by respondent: who answered five times counts, and is drawn again, as one.

    Args:
        levels: What the levels stand for, rising; places 0, 1, 2 … for options.
        units: One row for each kind of respondent, one column a level: the weight of that respondent's answers there.
        times: How many respondents of each kind there are.
        plain: One answer a respondent, each of the same weight: the tests of textbooks apply.
    """

    levels: Floats
    units: csr_array[Any]
    times: NDArray[np.int64]
    plain: bool

    @classmethod
    def of(cls, codes: NDArray[np.int64], rows: pd.DataFrame, levels: Floats) -> Sample:
        """Build a sample.

        Args:
            codes: The level of each answer, as a place in ``levels``.
            rows: ``weight`` and ``person`` of each answer.
            levels: What the levels stand for.
        """
        import pandas as pd
        from scipy.sparse import csr_array

        weights = rows["weight"].to_numpy("float64")
        people = pd.factorize(rows["person"])[0].astype(np.int64)
        single = len(np.unique(people)) == len(people)
        if single:  # equal respondents are one kind, drawn as often as there are of them
            told = pd.DataFrame({"code": codes, "weight": weights})  # sorted, so that the order of rows plays no part
            kinds = told.groupby(["code", "weight"], sort=True).size().reset_index(name="times")
            at, of = kinds["code"].to_numpy("int64"), np.arange(len(kinds))
            weights, times = kinds["weight"].to_numpy("float64"), kinds["times"].to_numpy("int64")
        else:
            at, of, times = codes, people, np.ones(people.max() + 1, dtype=np.int64)
        units = csr_array((weights, (of, at)), shape=(len(times), len(levels)))
        plain = single and bool(np.ptp(weights) == 0)
        return cls(levels, units, times, plain)

    @property
    def n(self) -> int:
        """Independent respondents."""
        return int(self.times.sum())

    @cached_property
    def effective_n(self) -> int:
        """Respondents of equal weight who would tell as much (L. Kish, Survey Sampling, 1965, p. 427)."""
        weights = np.asarray(self.units.sum(axis=1)).ravel()
        return max(1, math.floor((self.times @ weights) ** 2 / (self.times @ weights**2) + 1e-9))

    @cached_property
    def shares(self) -> Floats:
        """Share of each level."""
        made: Floats = _shares(self.times[None, :] @ self.units)[0]
        return made

    @cached_property
    def counts(self) -> Floats:
        """Respondents at each level; where they are weighted or answered several times, in parts."""
        made: Floats = self.shares * self.n
        return made

    @cached_property
    def mean(self) -> float:
        """Mean of the answers."""
        return float(self.shares @ self.levels)

    @cached_property
    def error(self) -> float:
        """Standard error of the mean, by linearisation over respondents; s / √n where all count the same."""
        off = self.units @ (self.levels - self.mean)
        total = float(self.times @ np.asarray(self.units.sum(axis=1)).ravel())
        return math.sqrt(self.n / max(1, self.n - 1) * float(self.times @ off**2)) / total

    def sd(self, shares: Floats | None = None) -> Any:
        """Return the standard deviation (n - 1 below) of these answers, or of others of the same number.

        Args:
            shares: Shares of levels along the last axis; the sample's own when not given.
        """
        given = self.shares if shares is None else shares
        middle = self.levels - self.levels.mean()  # near 0, so that squares do not swallow small differences
        variance = np.maximum(given @ middle**2 - (given @ middle) ** 2, 0.0)
        variance = np.where(variance < 1e-12 * max(1.0, float(middle.max() ** 2)), 0.0, variance)
        return np.sqrt(variance * self.n / max(1, self.n - 1))

    def values(self) -> Floats:
        """Return every answer; only for plain samples."""
        return np.repeat(self.levels, np.round(self.counts).astype(np.int64))


def redrawn(samples: Sequence[Sample], random: np.random.Generator, rounds: int) -> Iterator[tuple[Floats, ...]]:
    """Draw the respondents of each sample again, with replacement, and yield stacks of shares (the bootstrap).

    B. Efron, Annals of Statistics 7, 1979, p. 1; whole respondents are drawn, so repeated answers stay together.

    Args:
        samples: Each is drawn on its own.
        random: Where the draws come from.
        rounds: How often.
    """
    for size in _sizes(samples, rounds):
        yield tuple(_shares(random.multinomial(one.n, one.times / one.n, size=size) @ one.units) for one in samples)


def shuffled(ours: Sample, theirs: Sample, random: np.random.Generator, rounds: int) -> Iterator[tuple[Floats, Floats]]:
    """Deal out all respondents to two samples of the same sizes at random, and yield stacks of shares.

    Args:
        ours: One sample.
        theirs: The other, over the same levels.
        random: Where the draws come from.
        rounds: How often.
    """
    from scipy.sparse import vstack

    units = vstack([ours.units, theirs.units], format="csr")
    times = np.concatenate([ours.times, theirs.times])
    for size in _sizes((ours, theirs), rounds):
        dealt = random.multivariate_hypergeometric(times, ours.n, size=size, method="marginals")
        yield _shares(dealt @ units), _shares((times - dealt) @ units)


def _sizes(samples: Sequence[Sample], rounds: int) -> Iterator[int]:
    widest = max(max(one.units.shape) for one in samples)
    size = max(1, min(rounds, _CELLS // widest))
    for start in range(0, rounds, size):
        yield min(size, rounds - start)


def _shares(weights: Any) -> Floats:
    made = np.asarray(weights, dtype=np.float64)
    total: Floats = made / made.sum(axis=-1, keepdims=True)
    return total
