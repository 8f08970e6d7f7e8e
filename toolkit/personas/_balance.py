"""Balanced choice of rows, in whole numbers only, so that every machine chooses the same people.

A systematic sample along a seeded order (Madow 1949) gives each row its share of the panel; then pairs of rows are
exchanged until every level of every attribute stands at its target, the landing of the cube method (Deville & Tillé
2004, Biometrika 91) done by search instead of by linear programs, whose rounding would differ between machines.
All matrices hold whole numbers well below 2**53, so float64 arithmetic on them is exact in whatever order it is summed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.personas.attribute import Attribute

if TYPE_CHECKING:
    from toolkit.personas.population import Population

__all__ = ["Design", "choose", "integer_weights", "rounding_floor"]

Array = np.ndarray[Any, Any]

TOTAL = 1 << 26  # weights are brought to whole numbers of about this sum
LEVEL_PULL, RANK_PULL = 8, 1  # a level's deviation counts more than one point of a number's distribution
THRESHOLDS = 32  # points at which a number's distribution function is held
POOL = 4096  # of a large table, so many rows at random may enter: choice enough, and a step stays cheap
OUT, IN = 64, 512  # how many candidates to leave and to enter are compared at a step
STEPS = 3000  # exchanges at most; nearly every panel is done in under 400
STALE = 40  # exchanges without a better panel before the attributes that miss their aim pull harder
MAX_PULL = 1 << 10  # bounds the products below 2**53
AIM, LEAST_AIM = (5, 4), 1000  # done when each TVD is at most 5/4 of what rounding allows, or 1/1000
RANK_AIM = 2  # done when a number's mean difference of distribution functions is at most 2/n


@dataclass(frozen=True, slots=True)
class Design:
    """What is balanced: one row a person, one column a level or a threshold, all whole numbers."""

    features: Array
    """0 or 1: in this level, or at or below this threshold."""
    blocks: tuple[tuple[int, int], ...]
    """First column and one past the last, an attribute's levels or a number's thresholds."""
    ranks: int
    """How many of the blocks, at the end, are thresholds."""
    weights: Array
    """A whole number a row."""

    @classmethod
    def of(cls, population: Population) -> Design:
        """Return the design of a population's measured attributes."""
        columns: list[Array] = []
        blocks: list[tuple[int, int]] = []
        for one in population.measured:
            codes = population.codes[one.name]
            _add(columns, blocks, [codes == level for level in range(len(one.all_levels))])
        levels = len(blocks)
        for one in population.measured:
            if one.kind == "number":
                _add(columns, blocks, _thresholds(population, one))
        features = np.array(columns, dtype=np.float64).T.copy()
        return cls(features, tuple(blocks), len(blocks) - levels, integer_weights(population.weights))


def _add(columns: list[Array], blocks: list[tuple[int, int]], new: list[Array]) -> None:
    if new:
        blocks.append((len(columns), len(columns) + len(new)))
        columns.extend(new)


def _thresholds(population: Population, attribute: Attribute) -> list[Array]:
    """Return, for points spread evenly over the rows, who is at or below each."""
    values = population.frame[attribute.name].to_numpy("float64")
    there = np.sort(values[~np.isnan(values)])
    if not len(there):
        return []
    places = [len(there) * step // (THRESHOLDS + 1) for step in range(1, THRESHOLDS + 1)]
    points = [point for point in np.unique(there[places]) if point < there[-1]]
    return [values <= point for point in points]


def integer_weights(weights: Array) -> Array:
    """Return weights as whole numbers: 1 each when all are equal, else scaled to a sum of about 2**26.

    Example:
        >>> integer_weights(np.array([2.0, 2.0])).tolist()
        [1, 1]
    """
    positive = weights[weights > 0]
    if (positive == positive[0]).all():
        ones: Array = (weights > 0).astype(np.int64)
        return ones
    largest: Array = weights / weights.max()  # element by element, so the same everywhere
    coarse = np.rint(largest * (1 << 20)).astype(np.int64)
    scaled: Array = np.rint(largest * (TOTAL * (1 << 20) // int(coarse.sum()))).astype(np.int64)
    return scaled


def rounding_floor(targets: list[int], total: int, n: int) -> int:
    """Return the least sum of deviations, times ``total``, that n whole people can have from the targets.

    Args:
        targets: ``n`` times each level's weight.
        total: Sum of the weights.
        n: Number of people.

    Example:
        >>> rounding_floor([5, 5], total=2, n=5)  # 2.5 and 2.5 people: 3 and 2 deviate by half a person each
        2
    """
    down = [target % total for target in targets]
    up = n - sum(target // total for target in targets)
    ordered = sorted(down, reverse=True)
    return sum(total - rest for rest in ordered[:up]) + sum(ordered[up:])


def choose(design: Design, n: int, rng: np.random.Generator) -> Array:
    """Return how often each row is chosen: whole numbers that sum to n.

    Each row is chosen at least as often as the whole part of its share, and at most once more.
    """
    order = rng.permutation(len(design.weights))  # ties are broken by this order, so by the seed
    weights = design.weights[order]
    total = int(weights.sum())
    share = n * weights
    base = share // total
    rest = share - base * total
    chosen = _systematic(design, order, rest, total, rng)
    if n > 1:  # a single person is drawn by weight: searched for, it would always be the most typical one
        chosen = _Search(design, order, n, base, chosen, free=rest > 0).run()
    times = np.empty(len(order), dtype=np.int64)
    times[order] = base + chosen
    return times


def _systematic(design: Design, order: Array, rest: Array, total: int, rng: np.random.Generator) -> Array:
    """Choose rows with probability ``rest / total``, spread over an order sorted by the attributes."""
    levels = design.blocks[: len(design.blocks) - design.ranks]
    mixed = [levels[place] for place in rng.permutation(len(levels))]
    path = np.lexsort([design.features[order, low:high].argmax(axis=1) for low, high in mixed])
    ends = np.cumsum(rest[path])
    picks = int(rng.integers(total)) + total * np.arange(int(ends[-1]) // total)
    chosen = np.zeros(len(order), dtype=bool)
    chosen[path[np.searchsorted(ends, picks, side="right")]] = True
    return chosen


class _Search:
    """Exchanges one chosen row for one that is not, best pair first, never back at once (tabu search, Glover 1989)."""

    def __init__(self, design: Design, order: Array, n: int, base: Array, chosen: Array, *, free: Array) -> None:
        everybody = design.features[order]
        weights = design.weights[order]
        self.total = int(weights.sum())
        targets = n * (weights.astype(np.float64) @ everybody)
        self.off = self.total * ((base + chosen).astype(np.float64) @ everybody) - targets
        self.start = chosen
        self.pool = np.flatnonzero(chosen | (free & (np.arange(len(order)) < POOL)))
        self.features = everybody[self.pool]
        self.chosen = chosen[self.pool]
        self.starts = np.array([low for low, _ in design.blocks])
        self.sizes = np.array([high - low for low, high in design.blocks])
        levels = len(design.blocks) - design.ranks
        self.block_pull = np.array([LEVEL_PULL] * levels + [RANK_PULL] * design.ranks, dtype=np.float64)
        self.aims = self._aims(targets, levels, n)

    def _aims(self, targets: Array, levels: int, n: int) -> Array:
        aims = []
        for block, (start, size) in enumerate(zip(self.starts, self.sizes, strict=True)):
            if block >= levels:
                aims.append(RANK_AIM * self.total * int(size))
                continue
            floor = rounding_floor([int(target) for target in targets[start : start + size]], self.total, n)
            aims.append(max(floor * AIM[0] // AIM[1], 2 * n * self.total // LEAST_AIM))
        return np.array(aims, dtype=np.float64)

    def run(self) -> Array:
        """Return the best choice met."""
        self._weigh()
        best, kept, since = self._score(), self.chosen.copy(), 0
        resting = np.full(len(self.chosen), -1)  # the step until which a row may not move again
        for step in range(STEPS):
            if best[0] == 0:
                break
            pair = self._best_pair(resting < step)
            if pair is None:
                break
            leave, enter = pair
            self.chosen[leave], self.chosen[enter] = False, True
            self.off += self.total * (self.features[enter] - self.features[leave])
            tenure = 2 + step % 7  # varied, so that the search does not circle
            resting[leave], resting[enter] = step + tenure, step + tenure // 2
            score = self._score()
            since += 1
            if score < best:
                best, kept, since = score, self.chosen.copy(), 0
            elif since % STALE == 0:
                self._pull_harder()
        times = self.start.copy()
        times[self.pool] = kept
        return times

    def _misses(self) -> Array:
        deviations = np.add.reduceat(np.abs(self.off), self.starts)
        missed: Array = np.maximum(0.0, deviations - self.aims)
        return missed

    def _score(self) -> tuple[float, float]:
        """Return by how much the aims are missed, then the sum of all deviations; smaller is better."""
        return float(self._misses().sum()), float(np.abs(self.off).sum())

    def _weigh(self) -> None:
        self.pulled = self.features * np.repeat(self.block_pull, self.sizes)
        self.own = (self.pulled * self.features).sum(axis=1)

    def _pull_harder(self) -> None:
        stronger = np.where(self._misses() > 0, self.block_pull * 2, self.block_pull)
        if stronger.max() > MAX_PULL:
            stronger = np.maximum(1.0, np.floor(stronger / 2))
        self.block_pull = stronger
        self._weigh()

    def _best_pair(self, rested: Array) -> tuple[int, int] | None:
        """Return the exchange that lowers the weighted sum of squared deviations most (or raises it least)."""
        leaving = np.flatnonzero(self.chosen & rested)
        entering = np.flatnonzero(~self.chosen & rested)
        if not len(leaving) or not len(entering):
            return None
        slope = self.pulled @ self.off
        leaving = _lowest(leaving, -slope[leaving], OUT)
        entering = _lowest(entering, slope[entering], IN)
        shared = self.pulled[leaving] @ self.features[entering].T
        change = 2 * (slope[entering][None, :] - slope[leaving][:, None]) + self.total * (
            self.own[leaving][:, None] + self.own[entering][None, :] - 2 * shared
        )
        place = int(change.argmin())
        return int(leaving[place // len(entering)]), int(entering[place % len(entering)])


def _lowest(rows: Array, values: Array, count: int) -> Array:
    """Return the rows of the lowest values in their order; by value, so that no sort decides between equals."""
    if len(rows) <= count:
        return rows
    limit = np.partition(values, count - 1)[count - 1]
    below, equal = rows[values < limit], rows[values == limit]
    return np.concatenate([below, equal[: count - len(below)]])
