"""Balanced choice of rows, in whole numbers only, so that every machine chooses the same people.

A systematic sample along a seeded order (Madow 1949) gives each row its share of the panel; then pairs of rows are
exchanged until every level of every attribute stands at its target, the landing of the cube method (Deville & Tillé
2004, Biometrika 91) done by search instead of by linear programs, whose rounding would differ between machines.
Only int64 look-ups and sums are used, no linear algebra: its threads wait for each other on a busy machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from toolkit.personas.population import Population

__all__ = ["Design", "choose", "integer_weights", "rounding_floor"]

Array = np.ndarray[Any, Any]

TOTAL = 1 << 26  # weights are brought to whole numbers of about this sum
LEVEL_PULL, RANK_PULL = 8, 1  # a level's deviation counts more than one point of a number's distribution
THRESHOLDS = 32  # points at which a number's distribution function is held
POOL = 4096  # of a large table, so many rows at random may enter: choice enough, and a step stays cheap
OUT, IN = 32, 256  # how many candidates to leave and to enter are compared at a step
STEPS = 3000  # exchanges at most; nearly every panel is done in under 400
STALE = 40  # exchanges without a better panel before the attributes that miss their aim pull harder
MAX_PULL = 1 << 10  # bounds the products below 2**63
AIM, LEAST_AIM = (5, 4), 1000  # done when each TVD is at most 5/4 of what rounding allows, or 1/1000
RANK_AIM = 2  # done when a number's mean difference of distribution functions is at most 2/n


@dataclass(frozen=True, slots=True)
class Design:
    """What is balanced, as codes: one row a person, one column a block of the balance."""

    codes: Array
    """For levels the index of the row's level; for a number's ranks at or below how many thresholds the row is."""
    sizes: tuple[int, ...]
    """How many codes each block has."""
    levels: int
    """How many blocks are levels; those after them are ranks."""
    weights: Array
    """A whole number a row."""

    @classmethod
    def of(cls, population: Population) -> Design:
        """Return the design of a population's measured attributes."""
        columns = [population.codes[one.name] for one in population.measured]
        sizes = [len(one.all_levels) for one in population.measured]
        for one in population.measured:
            if one.kind == "number":
                ranks = _ranks(population.frame[one.name].to_numpy("float64"))
                columns.append(ranks)
                sizes.append(int(ranks.max()) + 1)
        codes = np.stack(columns, axis=1).astype(np.int64)
        return cls(codes, tuple(sizes), len(population.measured), integer_weights(population.weights))


def _ranks(values: Array) -> Array:
    """Return at or below how many points, spread evenly over the rows, each value is; 0 where there is none."""
    there = np.sort(values[~np.isnan(values)])
    if not len(there):
        return np.zeros(len(values), dtype=np.int64)
    places = [len(there) * step // (THRESHOLDS + 1) for step in range(1, THRESHOLDS + 1)]
    points = np.unique(there[places])
    below: Array = np.searchsorted(points, values, side="left")  # an empty value sorts above every point
    return len(points) - below


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
    path = np.lexsort([design.codes[order, block] for block in rng.permutation(design.levels)])
    ends = np.cumsum(rest[path])
    picks = int(rng.integers(total)) + total * np.arange(int(ends[-1]) // total)
    chosen = np.zeros(len(order), dtype=bool)
    chosen[path[np.searchsorted(ends, picks, side="right")]] = True
    return chosen


class _Search:
    """Exchanges one chosen row for one that is not, best pair first, never back at once (tabu search, Glover 1989).

    ``excess`` holds, for each code of each block, how many people too many have it, times the sum of the weights.
    """

    def __init__(self, design: Design, order: Array, n: int, base: Array, chosen: Array, *, free: Array) -> None:
        starts = np.cumsum([0, *design.sizes])
        self.blocks = [slice(int(low), int(high)) for low, high in pairwise(starts)]
        self.levels = design.levels
        self.level_starts = starts[: self.levels]
        self.end_of_levels = int(starts[self.levels])
        codes = design.codes[order]
        weights = design.weights[order]
        self.total = int(weights.sum())
        targets = n * _sums(codes + starts[:-1], weights, int(starts[-1]))
        self.excess = self.total * _sums(codes + starts[:-1], base + chosen, int(starts[-1])) - targets
        self.aims = self._aims(targets, n)
        self.pulls = [LEVEL_PULL if block < self.levels else RANK_PULL for block in range(len(self.blocks))]
        self.start = chosen
        self.pool = np.flatnonzero(chosen | (free & (np.arange(len(order)) < POOL)))
        self.places = codes[self.pool] + starts[:-1]
        # Compared pair by pair, block by block: few bytes, side by side.
        self.codes = np.ascontiguousarray(codes[self.pool].T.astype(np.min_scalar_type(int(codes.max()))))
        self.chosen = chosen[self.pool]

    def _aims(self, targets: Array, n: int) -> list[int]:
        aims = []
        for block, codes in enumerate(self.blocks):
            if block < self.levels:
                floor = rounding_floor(targets[codes].tolist(), self.total, n)
                aims.append(max(floor * AIM[0] // AIM[1], 2 * n * self.total // LEAST_AIM))
            else:
                aims.append(RANK_AIM * self.total * (codes.stop - codes.start - 1))
        return aims

    def run(self) -> Array:
        """Return the best choice met."""
        best, kept, since = self._score(), self.chosen.copy(), 0
        resting = np.full(len(self.chosen), -1)  # the step until which a row may not move again
        for step in range(STEPS):
            pair = self._best_pair(resting < step) if best[0] else None
            if pair is None:
                break
            leave, enter = pair
            self.chosen[leave], self.chosen[enter] = False, True
            self.excess[self.places[leave]] -= self.total
            self.excess[self.places[enter]] += self.total
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

    def _points(self, block: int) -> Array:
        """Return the deviations of a number's distribution function, at each threshold."""
        excess: Array = self.excess[self.blocks[block]]
        return np.cumsum(excess[:0:-1])[::-1]

    def _sizes(self) -> list[int]:
        of_levels = np.add.reduceat(np.abs(self.excess[: self.end_of_levels]), self.level_starts)
        ranks = range(self.levels, len(self.blocks))
        return [*of_levels.tolist(), *(int(np.abs(self._points(block)).sum()) for block in ranks)]

    def _score(self) -> tuple[int, int]:
        """Return by how much the aims are missed, then the sum of all deviations; smaller is better."""
        sizes = self._sizes()
        return sum(max(0, size - aim) for size, aim in zip(sizes, self.aims, strict=True)), sum(sizes)

    def _pull_harder(self) -> None:
        """Double the pull of the blocks that miss their aim."""
        missed = [size > aim for size, aim in zip(self._sizes(), self.aims, strict=True)]
        self.pulls = [pull * 2 if miss else pull for pull, miss in zip(self.pulls, missed, strict=True)]
        if max(self.pulls) > MAX_PULL:
            self.pulls = [max(1, pull // 2) for pull in self.pulls]

    def _best_pair(self, rested: Array) -> tuple[int, int] | None:
        """Return the exchange that lowers the weighted sum of squared deviations most (or raises it least)."""
        leaving = np.flatnonzero(self.chosen & rested)
        entering = np.flatnonzero(~self.chosen & rested)
        if not len(leaving) or not len(entering):
            return None
        slope = self._slope()
        leaving = _lowest(leaving, -slope[leaving], OUT)
        entering = _lowest(entering, slope[entering], IN)
        change = 2 * (slope[entering][None, :] - slope[leaving][:, None])
        change += self.total * self._distance(self.codes[:, leaving], self.codes[:, entering])
        place = int(change.argmin())
        return int(leaving[place // len(entering)]), int(entering[place % len(entering)])

    def _slope(self) -> Array:
        """Return for each row by how much one more of it would raise the weighted squares, to first order."""
        table = np.empty_like(self.excess)
        pulls = np.repeat(self.pulls[: self.levels], [codes.stop - codes.start for codes in self.blocks[: self.levels]])
        table[: self.end_of_levels] = pulls * self.excess[: self.end_of_levels]
        for block in range(self.levels, len(self.blocks)):
            codes = self.blocks[block]
            table[codes.start] = 0
            table[codes.start + 1 : codes.stop] = self.pulls[block] * np.cumsum(self._points(block))
        slope: Array = table[self.places].sum(axis=1)
        return slope

    def _distance(self, leaving: Array, entering: Array) -> Array:
        """Return the weighted squared distance between each two rows: levels that differ, thresholds between them."""
        far = np.zeros((leaving.shape[1], entering.shape[1]), dtype=np.int64)
        for pull in set(self.pulls[: self.levels]):  # mostly one for all
            differing = np.zeros(far.shape, dtype=np.int16)
            for block in (block for block in range(self.levels) if self.pulls[block] == pull):
                differing += leaving[block, :, None] != entering[block]
            far += 2 * pull * differing.astype(np.int64)
        for block in range(self.levels, len(self.blocks)):
            ours, theirs = leaving[block, :, None].astype(np.int32), entering[block].astype(np.int32)
            far += self.pulls[block] * np.abs(ours - theirs)
        return far


def _sums(places: Array, amounts: Array, size: int) -> Array:
    """Return the sum of the amounts at each place, exactly."""
    sums = np.zeros(size, dtype=np.int64)
    np.add.at(sums, places, amounts.astype(np.int64)[:, None])
    return sums


def _lowest(rows: Array, values: Array, count: int) -> Array:
    """Return the rows of the lowest values in their order; by value, so that no sort decides between equals."""
    if len(rows) <= count:
        return rows
    limit = np.partition(values, count - 1)[count - 1]
    below, equal = rows[values < limit], rows[values == limit]
    return np.concatenate([below, equal[: count - len(below)]])
