"""Figures of evolutions: maturity by role and plateau, and which items of a catalogue each plateau needs."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

from toolkit.display.style import PALETTE, figure
from toolkit.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["mapping_plot", "maturity_plot"]

_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
_TICK = 12
"""Characters of a line below the columns of a heat map."""
_LONGEST = 34
"""Characters of an item's name in a figure."""
_LIGHT = 0.55
"""Share of the largest count above which a number is written in white."""


def maturity_plot(frame: pd.DataFrame) -> Figure:
    """Draw the mean maturity of features by plateau, one line a role."""
    table = frame.pivot_table(index="plateau", columns="role", values="level", aggfunc="mean", observed=True)
    fig, axes = figure(7.4, 3.4, title="Mean maturity of features, by role")
    places = range(len(table))
    for number, role in enumerate(table.columns):
        axes.plot(
            places,
            table[role],
            marker=_MARKS[number % len(_MARKS)],
            color=PALETTE[number % len(PALETTE)],
            label=str(role),
        )
    axes.set_xticks(list(places), [str(one) for one in table.index])
    axes.set_ylim(0.8, 5.2)
    axes.set_yticks(range(1, 6))
    axes.set_ylabel("level, 1 to 5")
    if len(table.columns):
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return fig


def mapping_plot(links: pd.DataFrame, order: list[str], name: str, names: Mapping[str, str]) -> Figure:
    """Draw how many features of each plateau need each item of a mapping set.

    Args:
        links: One row a link.
        order: The plateaus.
        name: The mapping set.
        names: Its items' names by id; those without a use are drawn as well.

    Raises:
        InvalidInput: There is no such set.
    """
    chosen = links[links["set"] == name]
    if chosen.empty and not names:
        there = ", ".join(sorted(links["set"].unique())) or "none"
        raise InvalidInput(f"there is no mapping set {name!r}", hint=f"There are: {there}.")
    table = chosen.pivot_table(index="item", columns="plateau", values="feature_id", aggfunc="count", observed=True)
    items = sorted({*names, *(str(one) for one in table.index)})
    table = table.reindex(index=items, columns=order).fillna(0)
    fig, axes = figure(7.4, 1.2 + 0.26 * len(items), title=f"Features that need each of {name}, by plateau")
    values = table.to_numpy(dtype=float)
    most = max(1.0, float(values.max(initial=0.0)))
    axes.imshow(values, cmap="Blues", aspect="auto", vmin=0.0, vmax=most)
    axes.set_xticks(range(len(order)), [textwrap.fill(one, _TICK, break_long_words=False) for one in order])
    axes.set_yticks(range(len(items)), [f"{names.get(one, '')[:_LONGEST]}  {one}".strip() for one in items])
    axes.grid(visible=False)
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            if value:
                ink = "white" if value > _LIGHT * most else "black"
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=8, color=ink)
    return fig
