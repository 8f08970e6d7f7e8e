"""Pictures of a population's make-up, alone or beside a panel's, as matplotlib figures in the house style."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.display.style import ACCENT, MUTED, figure
from toolkit.personas._codes import level_codes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from toolkit.personas.attribute import Attribute
    from toolkit.personas.population import Population

__all__ = ["plot_fit", "plot_marginals"]

_INK = "#30343b"
_COLUMNS = 3
_WIDTH = 11.0
"""Inches: about what a notebook's cell shows without scaling."""
_LINE = 0.2
"""Inches of a bar's line."""
_LABEL = 30
"""Characters of a level's label."""
_COLUMN = 1.0
_BARS = (0.45, 0.43)
"""Where bars begin in a column, and how long the longest of the picture is."""


@dataclass(frozen=True)
class _Block:
    """One attribute with its levels' shares."""

    title: str
    levels: tuple[str, ...]
    target: list[float]
    panel: list[float] | None

    @property
    def lines(self) -> int:
        return len(self.levels) + 2  # the title, and air below


def plot_marginals(population: Population) -> Figure:
    """Draw the weighted share of each level of each measured attribute.

    Args:
        population: Whose.

    Example:
        >>> from toolkit.personas import Population
        >>> len(plot_marginals(Population.load("us-adults-2012")).axes)
        1
    """
    blocks = _blocks(population, None)
    fig, axes = _drawn(blocks, f"{population.name}: {len(population):,} people")
    axes.set_xlabel("weighted share of each level")
    return fig


def plot_fit(people: pd.DataFrame, population: Population) -> Figure:
    """Draw a panel's shares over those of its population, level by level.

    Args:
        people: One row a person, with a column for each measured attribute, as in ``panel.frame`` or ``draw``.
        population: The target.

    Raises:
        InvalidInput: Nobody, a missing column, or a value that is no level.

    Example:
        >>> from toolkit.personas import Population, draw
        >>> adults = Population.load("us-adults-2012")
        >>> len(plot_fit(draw(adults, 50, seed=7), adults).axes)
        1
    """
    from toolkit.personas.sample import fit

    distances = fit(people, population).set_index("attribute")["tvd"].to_dict()
    blocks = _blocks(population, people, distances)
    fig, axes = _drawn(blocks, f"{len(people):,} people against {population.name}")
    axes.set_xlabel("share of each level: wide grey bars the population, narrow blue bars the panel")
    return fig


def _blocks(
    population: Population, people: pd.DataFrame | None, distances: dict[Any, float] | None = None
) -> list[_Block]:
    shares = population.targets()
    blocks = []
    for one in population.measured:
        target = shares.loc[shares["attribute"] == one.name, "share"].tolist()
        panel = None if people is None else _shares(people[one.name], one)
        title = one.label if distances is None else f"{one.label} (TVD {distances[one.name]:.3f})"
        blocks.append(_Block(title, _told(one), target, panel))
    return blocks


def _shares(column: pd.Series[Any], attribute: Attribute) -> list[float]:
    import numpy as np

    counts = np.bincount(level_codes(column, attribute), minlength=len(attribute.all_levels))
    shares: list[float] = (counts / counts.sum()).tolist()
    return shares


def _told(attribute: Attribute) -> tuple[str, ...]:
    return tuple(textwrap.shorten(level, _LABEL, placeholder="…") for level in attribute.all_levels)


def _drawn(blocks: list[_Block], title: str) -> tuple[Figure, Axes]:
    """Put the blocks into columns of one canvas: labels, bars and percentages, without ticks."""
    columns = _packed(blocks)
    height = max(sum(block.lines for block in column) for column in columns)
    longest = max((share for block in blocks for share in (*block.target, *(block.panel or ()))), default=1.0)
    fig, axes = figure(_WIDTH, 0.7 + _LINE * height, title=title)
    for place, column in enumerate(columns):
        line = 0
        for block in column:
            _draw(axes, block, place * _COLUMN, line, _BARS[1] / longest)
            line += block.lines
    axes.set_xlim(0, _COLUMN * _COLUMNS)
    axes.set_ylim(height, -0.5)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    return fig, axes


def _packed(blocks: list[_Block]) -> list[list[_Block]]:
    """Return the blocks in order, in columns of about equal height."""
    limit = max(sum(block.lines for block in blocks) / _COLUMNS, *(block.lines for block in blocks), 0)
    while True:
        columns: list[list[_Block]] = [[]]
        for block in blocks:
            if columns[-1] and sum(one.lines for one in columns[-1]) + block.lines > limit:
                columns.append([])
            columns[-1].append(block)
        if len(columns) <= _COLUMNS:
            return columns
        limit += 1


def _draw(axes: Axes, block: _Block, left: float, line: int, scale: float) -> None:
    start = left + _BARS[0]
    axes.text(left, line, block.title, fontweight="bold", color=_INK, va="center", parse_math=False)
    shown = block.panel or block.target
    for place, (level, target) in enumerate(zip(block.levels, block.target, strict=True), start=line + 1):
        share = shown[place - line - 1]
        axes.text(start - 0.015, place, level, ha="right", va="center", fontsize=8, color=_INK, parse_math=False)
        if block.panel is None:
            axes.barh(place, share * scale, left=start, height=0.7, color=ACCENT)
        else:
            axes.barh(place, target * scale, left=start, height=0.82, color=MUTED, alpha=0.45)
            axes.barh(place, share * scale, left=start, height=0.36, color=ACCENT)
        end = start + max(share, target) * scale + 0.01
        axes.text(end, place, f"{share:.1%}", va="center", fontsize=8, color=_INK)
