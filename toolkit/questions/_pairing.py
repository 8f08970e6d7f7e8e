"""Two sides of a comparison brought onto the same levels: points of a scale, bands of it, or options."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from toolkit.errors import InvalidInput
from toolkit.questions._given import Given, label_key, label_of
from toolkit.questions._kind import short
from toolkit.questions._samples import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Pair", "Scheme", "pair", "scheme_of"]

_BANDS = 10
"""Bands of equal width, where answers are not whole numbers or too many of them."""
_SHORT = 20
"""Points of a scale, less one, up to which numbers between points count with the nearest."""
_POINTS = 101
"""Points of the longest scale whose points are compared one by one."""


@dataclass(frozen=True, eq=False)
class Scheme:
    """The levels of a comparison.

    Args:
        labels: Names of the cells that are counted.
        ends: Ends of the scale; nothing for options, which have no order.
        edges: Where one cell ends and the next begins; empty where each cell is a level of its own.
    """

    labels: tuple[str, ...]
    ends: tuple[float, float] | None
    edges: tuple[float, ...] = ()

    @property
    def points(self) -> bool:
        """Whether each cell is a level of its own."""
        return not self.edges

    @property
    def ordered(self) -> bool:
        """Whether the levels lie on a scale."""
        return self.ends is not None


@dataclass(frozen=True, eq=False)
class Pair:
    """Two samples over the same levels, and the cells into which these fall."""

    scheme: Scheme
    model: Sample
    human: Sample
    cells: NDArray[np.int64]
    """For each level its cell."""

    def celled(self, shares: Floats) -> Floats:
        """Return the shares of cells from those of levels, along the last axis."""
        if self.scheme.points:
            return shares
        made: Floats = shares @ (self.cells[:, None] == np.arange(len(self.scheme.labels)))
        return made


def scheme_of(model: Given, human: Given, ends: tuple[float, float]) -> Scheme:
    """Return the levels on which both sides can be compared.

    Args:
        model: One side.
        human: The other.
        ends: Ends of the scale, for numbers.

    Raises:
        InvalidInput: One side holds numbers and the other labels, they share no option, or an answer is off the scale.
    """
    ours, theirs = model.numbers(), human.numbers()
    if model.nominal or human.nominal or (ours is None and theirs is None):
        return _options(model, human)
    if ours is None or theirs is None:
        wordy, numeric = (model, human) if ours is None else (human, model)
        word = next(one for one in wordy.rows["value"] if not isinstance(one, (int, float)) or isinstance(one, bool))
        raise InvalidInput(
            f"the {wordy.side} answers hold {short(word)} where the {numeric.side} answers are numbers",
            hint="Give both as numbers, or both as labels.",
        )
    low, high = ends
    for side, numbers in ((model.side, ours), (human.side, theirs)):
        off = numbers[~numbers.between(low, high)]
        if len(off):
            raise InvalidInput(
                f"{len(off):,} {side} answers are off the scale {low:g} to {high:g}, the first is {off.iloc[0]:g}",
                hint="Give the ends of the scale they were given on: scale=(0, 10), say.",
            )
    whole = all(bool((numbers == numbers.round()).all()) for numbers in (ours, theirs))
    if whole and low.is_integer() and high.is_integer() and high - low < _POINTS:
        return Scheme(tuple(str(point) for point in range(int(low), int(high) + 1)), (low, high))
    return _bands(low, high)


def pair(model: Given, human: Given, scheme: Scheme) -> Pair:
    """Return two samples over the levels of a scheme, which both fit."""
    if scheme.ends is None:
        places = {label_key(label): place for place, label in enumerate(scheme.labels)}
        codes = [
            one.rows["value"].map(lambda value: places[label_key(value)]).to_numpy("int64") for one in (model, human)
        ]
        levels = np.arange(len(places), dtype=np.float64)
    else:
        numbers = [one.rows["value"].astype("float64").to_numpy() for one in (model, human)]
        low, high = scheme.ends
        levels = np.arange(low, high + 1) if scheme.points else np.unique(np.concatenate(numbers))
        codes = [np.searchsorted(levels, one).astype(np.int64) for one in numbers]
    cells = np.searchsorted(scheme.edges, levels, side="right") if scheme.edges else np.arange(len(levels))
    ours, theirs = (Sample.of(code, one.rows, levels) for code, one in zip(codes, (model, human), strict=True))
    return Pair(scheme, ours, theirs, cells)


def _bands(low: float, high: float) -> Scheme:
    """Return what lies about each point of a short scale, or ten bands of equal width.

    Bands that are not about points would hold one point here and two there.
    """
    if low.is_integer() and high.is_integer() and high - low <= _SHORT:
        points = range(int(low), int(high) + 1)
        return Scheme(tuple(f"about {point}" for point in points), (low, high), tuple(np.arange(low, high) + 0.5))
    edges = np.linspace(low, high, _BANDS + 1)
    labels = tuple(f"{start:.4g} to {end:.4g}" for start, end in itertools.pairwise(edges))
    return Scheme(labels, (low, high), tuple(edges[1:-1]))


def _options(model: Given, human: Given) -> Scheme:
    """Return every option that either side holds or declares, in declared order, the others after them by name."""
    keys = [set(one.rows["value"].map(label_key)) for one in (model, human)]
    if not keys[0] & keys[1] and not (model.options and human.options):
        raise InvalidInput(
            f"model and human answers share no option: {_some(model)} against {_some(human)}",
            hint="Give both the same labels; upper and lower case does not matter.",
        )
    held: dict[str, str] = {}
    for label in (*model.options, *human.options):
        held.setdefault(label_key(label), label)
    found = pd.concat([model.rows["value"], human.rows["value"]]).map(label_of)
    for label in sorted(set(found)):
        held.setdefault(label_key(label), label)
    return Scheme(tuple(held.values()), None)


def _some(given: Given) -> str:
    return short(sorted(set(given.rows["value"].map(label_of)))[:4])
