"""A table of people made from marginals alone: independent but for what joint marginals say.

Attributes that joint marginals link are fitted together, cell by cell, from the uniform table (which leaves no more
structure than the marginals state); every other attribute stands alone. Then rows are made in these shares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.errors import InvalidInput
from toolkit.personas._bands import Bands, read_bands
from toolkit.personas.attribute import Attribute, nearest
from toolkit.personas.marginals import Marginal
from toolkit.personas.rake import Target, fit_weights
from toolkit.seeds import generator

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["declare", "make_rows"]

Array = np.ndarray[Any, Any]
MOST_CELLS = 1_000_000  # of attributes that are linked; more would be fitted for minutes


def declare(
    marginals: Sequence[Marginal], given: Mapping[str, Mapping[str, Any] | Attribute] | None
) -> dict[str, Attribute]:
    """Return an attribute for each name the marginals have: numbers where the levels are bands, else categories.

    Args:
        marginals: What is known.
        given: ``{"age": {"unit": "years"}}``: what a reader should know beside the levels.

    Raises:
        InvalidInput: A name in ``given`` that no marginal has, or two marginals with other levels of one attribute.
    """
    names = list(dict.fromkeys(name for one in marginals for name in one.names))
    given = dict(given or {})
    for name in given:
        if name not in names:
            raise InvalidInput(f"no marginal has {name!r}", hint=f"Check attributes={nearest(name, names)}.")
    return {name: _declared(name, marginals, given.get(name) or {}) for name in names}


def _declared(name: str, marginals: Sequence[Marginal], given: Mapping[str, Any] | Attribute) -> Attribute:
    found = [one.levels(name) for one in marginals if name in one.names]
    for levels in found[1:]:
        if set(levels) != set(found[0]):
            strange = min(set(levels) ^ set(found[0]))
            raise InvalidInput(
                f"the marginals with {name!r} have different levels: {strange!r} is only in some",
                hint="Use the same levels in each.",
            )
    if isinstance(given, Attribute):
        return given
    bands = read_bands(name, found[0]) if given.get("kind", "number") == "number" else None
    if bands is None:
        return Attribute.from_mapping(name, {"levels": found[0], **given})
    return Attribute.from_mapping(name, {"bands": [low for low, _ in bands], "levels": found[0], **given})


def make_rows(
    marginals: Sequence[Marginal], attributes: Mapping[str, Attribute], rows: int, seed: int
) -> tuple[pd.DataFrame, dict[str, tuple[int, int]]]:
    """Make rows in the shares of the marginals, numbers drawn evenly within their bands.

    Args:
        marginals: What is known.
        attributes: From ``declare``.
        rows: How many.
        seed: Of the draws.

    Returns:
        The rows, and for each number with an open last band the lowest and highest number drawn in it.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    opened: dict[str, tuple[int, int]] = {}
    for linked in _linked(marginals):
        names = list(dict.fromkeys(name for one in linked for name in one.names))
        levels = [_levels(name, linked) for name in names]
        picked = _picked(linked, names, levels, rows, generator(seed, "marginals", *names))
        for name, its, codes in zip(names, levels, np.unravel_index(picked, [len(one) for one in levels]), strict=True):
            bands = _bands_of(attributes[name], its)
            if bands is None:
                columns[name] = np.array(its, dtype=object)[codes]
            else:
                columns[name], ends = _within(bands, codes, generator(seed, "marginals.bands", name))
                if bands[-1][1] is None:
                    opened[name] = ends
    return pd.DataFrame({name: columns[name] for name in attributes}), opened


def _bands_of(attribute: Attribute, levels: tuple[str, ...]) -> Bands | None:
    """Return a number's bands: those its levels name, or where these are words those that were declared."""
    if attribute.kind != "number":
        return None
    named = read_bands(attribute.name, levels)
    if named is not None or levels != attribute.levels:
        return named
    edges = [int(edge) for edge in attribute.edges]
    return tuple(zip(edges, [*(edge - 1 for edge in edges[1:]), None], strict=True))


def _linked(marginals: Sequence[Marginal]) -> list[list[Marginal]]:
    """Return the marginals in groups that share attributes, directly or by others."""
    groups: list[list[Marginal]] = []
    for one in marginals:
        near = [group for group in groups if any(set(one.names) & set(other.names) for other in group)]
        merged = [*(other for group in near for other in group), one]
        groups = [*(group for group in groups if group not in near), merged]
    return groups


def _levels(name: str, linked: Sequence[Marginal]) -> tuple[str, ...]:
    return next(one.levels(name) for one in linked if name in one.names)


def _picked(
    linked: Sequence[Marginal],
    names: Sequence[str],
    levels: Sequence[tuple[str, ...]],
    rows: int,
    chance: np.random.Generator,
) -> Array:
    """Return a cell for each row, in the fitted shares to about rounding, in random order."""
    shape = tuple(len(one) for one in levels)
    if math.prod(shape) > MOST_CELLS:
        raise InvalidInput(
            f"the marginals link {', '.join(names)} to {math.prod(shape):,} combinations",
            hint=f"Link fewer attributes, merge levels (at most {MOST_CELLS:,}), or give a seed table.",
        )
    cells = np.indices(shape).reshape(len(shape), -1)
    targets = [_target(one, names, levels, cells) for one in linked]
    shares = fit_weights(np.ones(cells.shape[1]), targets).weights
    ends = np.cumsum(shares / shares.sum() * rows)
    picks: Array = np.searchsorted(ends, chance.random() + np.arange(rows), side="left")
    picks = np.minimum(picks, cells.shape[1] - 1)
    chance.shuffle(picks)
    return picks


def _target(one: Marginal, names: Sequence[str], levels: Sequence[tuple[str, ...]], cells: Array) -> Target:
    """Place the cells of the whole table in those of one marginal."""
    places = [names.index(name) for name in one.names]
    shape = tuple(len(levels[place]) for place in places)
    shares = np.zeros(shape)
    for cell, share in one.shares.items():
        shares[tuple(levels[place].index(level) for place, level in zip(places, cell, strict=True))] = share
    told = [" x ".join(levels[place][at] for place, at in zip(places, cell, strict=True)) for cell in np.ndindex(shape)]
    return Target(one.label, tuple(told), shares.ravel(), np.ravel_multi_index(tuple(cells[places]), shape))


def _within(bands: Bands, codes: Array, chance: np.random.Generator) -> tuple[Array, tuple[int, int]]:
    """Return a whole number in each row's band; an open band is taken to be as wide as the one before it."""
    lows = [low for low, _ in bands]
    width = (lows[-1] - lows[-2]) if len(lows) > 1 else 10
    highs = [low + width - 1 if high is None else high for low, high in bands]
    low, high = np.array(lows)[codes], np.array(highs)[codes]
    return chance.integers(low, high, endpoint=True), (lows[-1], highs[-1])
