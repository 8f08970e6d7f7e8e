"""Raking: weights that make a table's margins equal to given ones, by iterative proportional fitting.

Deming, W. E., & Stephan, F. F. (1940). On a least squares adjustment of a sampled frequency table when the expected
marginal totals are known. The Annals of Mathematical Statistics, 11(4), 427-444.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.errors import InvalidInput
from toolkit.personas._bands import Band, read_bands
from toolkit.personas._codes import level_codes
from toolkit.personas.attribute import Attribute, nearest
from toolkit.personas.marginals import Marginal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Raked", "Target", "design_effect", "fit_weights", "rake_table"]

Array = np.ndarray[Any, Any]

ROUNDS = 1000
"""Rounds at most; what converges does so in a few dozen."""
CLOSE = 1e-9
"""The largest difference of a share that is left at the end."""


@dataclass(frozen=True)
class Target:
    """One marginal against a table."""

    label: str
    cells: tuple[str, ...]
    """Each cell in words."""
    shares: Array
    """The share each cell is to have."""
    codes: Array
    """For each row of the table the cell it lies in."""


@dataclass(frozen=True)
class Raked:
    """Weights after raking, and how it went."""

    weights: Array
    rounds: int
    """How often all marginals were gone through."""
    gap: float
    """The largest difference left between a share and its target."""
    most: float
    """The largest factor by which a weight grew, the mean weight kept."""
    least: float
    """The smallest factor, 0 where a row no longer counts."""
    effect: float
    """Design effect of the weights, see ``design_effect``."""

    def told(self, labels: Sequence[str]) -> str:
        """Return one line for a reader."""
        counted = int((self.weights > 0).sum())
        return (
            f"Raked to {', '.join(labels)} (iterative proportional fitting, Deming & Stephan 1940): {self.rounds} "
            f"rounds, largest difference left {self.gap:.1e}; weights changed by factors of {self.least:.3g} to "
            f"{self.most:.3g}; design effect {self.effect:.3f} (1 + CV² of the weights, Kish 1965), so {counted:,} "
            f"rows tell as much as {counted / self.effect:,.0f} of equal weight."
        )


def design_effect(weights: Array) -> float:
    """Return by how much unequal weights raise the variance of a mean: 1 + CV² (Kish 1965, Survey Sampling, 11.7).

    Args:
        weights: One a row; rows of weight 0 do not count.

    Example:
        >>> design_effect(np.array([1.0, 1.0])), design_effect(np.array([3.0, 1.0]))
        (1.0, 1.25)
    """
    counted = weights[weights > 0]
    return float(len(counted) * (counted**2).sum() / counted.sum() ** 2)


def rake_table(
    frame: pd.DataFrame, weights: Array, attributes: Sequence[Attribute], marginals: Sequence[Marginal], name: str
) -> Raked:
    """Rake a table's weights to marginals.

    Args:
        frame: One row a person, typed.
        weights: Where it starts from; their sum is kept.
        attributes: What the columns mean.
        marginals: What the shares shall be. A number's levels may be other bands than its own.
        name: Of the population, for messages.

    Raises:
        InvalidInput: An attribute or level the data lack, people a marginal says nothing of, a cell without anyone, or
            marginals no weights can meet together.
    """
    known = {one.name: one for one in attributes}
    targets = [_target(frame, weights, known, one, name) for one in marginals]
    return fit_weights(weights, targets)


def fit_weights(weights: Array, targets: Sequence[Target]) -> Raked:
    """Scale weights to one target after the other until all are met.

    Args:
        weights: Where it starts from, one a row.
        targets: The shares wanted.

    Raises:
        InvalidInput: A cell that is wanted and has nobody, or targets that cannot be met together.

    Example:
        >>> sexes = Target("sex", ("f", "m"), np.array([0.25, 0.75]), np.array([0, 0, 1]))
        >>> fit_weights(np.ones(3), [sexes]).weights.tolist()
        [0.375, 0.375, 2.25]
    """
    total = weights.sum()
    now = weights.astype(np.float64)
    for target in targets:
        _require_people(target, now)
    gap, rounds = np.inf, 0
    while gap > CLOSE and rounds < ROUNDS:
        rounds += 1
        for target in targets:
            held = _held(target, now)
            factor = np.divide(target.shares * total, held, out=np.zeros_like(held), where=held > 0)
            now = now * factor[target.codes]
        gap = max(float(np.abs(_held(target, now) / total - target.shares).max()) for target in targets)
    if gap > CLOSE:
        raise InvalidInput(_said_unmet(targets, now, total), hint="Merge levels, or leave the marginal out.")
    there = weights > 0
    change = now[there] / weights[there]
    return Raked(now, rounds, gap, float(change.max()), float(change.min()), design_effect(now))


def _held(target: Target, weights: Array) -> Array:
    held: Array = np.bincount(target.codes, weights, minlength=len(target.shares))
    return held


def _require_people(target: Target, weights: Array) -> None:
    held = _held(target, weights)
    for place in np.flatnonzero((held <= 0) & (target.shares > 0)):
        raise InvalidInput(
            f"nobody in the data is {target.cells[place]!r}, and the marginal of {target.label} wants "
            f"{target.shares[place]:.4g} of all there",
            hint="Merge it with a neighbour, or give data that hold such people (more rows with n_seed=).",
        )


def _said_unmet(targets: Sequence[Target], weights: Array, total: float) -> str:
    missed = [(np.abs(_held(target, weights) / total - target.shares), target) for target in targets]
    off, target = max(missed, key=lambda one: float(one[0].max()))
    place = int(off.argmax())
    return (
        f"raking did not converge in {ROUNDS} rounds: {target.cells[place]!r} in the marginal of {target.label} is off "
        f"by {off[place]:.3g}, since some combinations have nobody"
    )


def _target(frame: pd.DataFrame, weights: Array, known: dict[str, Attribute], marginal: Marginal, name: str) -> Target:
    """Place every row in a cell of a marginal."""
    cells = list(marginal.shares)
    codes = np.zeros(len(frame), dtype=np.int64)
    sizes = []
    for one in marginal.names:
        if one not in known or known[one].drawn:
            raise InvalidInput(
                f"{name} has no attribute {one!r}, which a marginal names",
                hint=f"Attributes are {', '.join(known)}{nearest(one, known)}.",
            )
        levels = marginal.levels(one)
        found = _places(frame[one], known[one], levels)
        outside = np.flatnonzero((found < 0) & (weights > 0))
        if len(outside):
            value = frame[one].iloc[int(outside[0])]
            raise InvalidInput(
                f"the marginal of {marginal.label} says nothing of {one} {value!r}, which {len(outside):,} rows have",
                hint="Give it a share; 0 leaves them out.",
            )
        codes = codes * len(levels) + np.maximum(found, 0)
        sizes.append(levels)
    lookup = np.full(int(np.prod([len(levels) for levels in sizes])), -1)
    for place, cell in enumerate(cells):
        at = 0
        for levels, level in zip(sizes, cell, strict=True):
            at = at * len(levels) + levels.index(level)
        lookup[at] = place
    placed = lookup[codes]
    if (placed[weights > 0] < 0).any():
        row = frame.iloc[int(np.flatnonzero((placed < 0) & (weights > 0))[0])]
        told = " x ".join(str(row[one]) for one in marginal.names)
        raise InvalidInput(
            f"the marginal of {marginal.label} says nothing of {told!r}, which the data hold",
            hint="Give every combination a share; 0 leaves it out.",
        )
    shares = np.array([marginal.shares[cell] for cell in cells])
    return Target(marginal.label, tuple(" x ".join(cell) for cell in cells), shares, np.maximum(placed, 0))


def _places(column: pd.Series[Any], attribute: Attribute, levels: tuple[str, ...]) -> Array:
    """Return for each row the index of its level in ``levels``, -1 where none is."""
    strange = [level for level in levels if level not in attribute.all_levels]
    if strange and attribute.kind == "number":
        named = [level for level in levels if level != attribute.missing]
        bands = read_bands(attribute.name, named)
        if bands is not None:
            return _in_bands(column, levels, dict(zip(named, bands, strict=True)))
    if strange:
        raise InvalidInput(
            f"{attribute.name} has no level {strange[0]!r}, which a marginal names",
            hint=f"Levels are {', '.join(map(repr, attribute.all_levels))}{nearest(strange[0], attribute.all_levels)}.",
        )
    at = {level: place for place, level in enumerate(levels)}
    places = np.array([at.get(level, -1) for level in attribute.all_levels])
    found: Array = places[level_codes(column, attribute)]
    return found


def _in_bands(column: pd.Series[Any], levels: tuple[str, ...], bands: dict[str, Band]) -> Array:
    values = column.to_numpy("float64")
    found = np.full(len(values), -1)
    for place, level in enumerate(levels):
        if level in bands:
            low, high = bands[level]
            found[(values >= low) & (values < (np.inf if high is None else high + 1))] = place
        else:
            found[np.isnan(values)] = place
    return found
