"""Two distributions side by side, as a figure and as bars in a repr."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from toolkit.display.html import cut
from toolkit.display.style import ACCENT, PALETTE, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from toolkit.questions.compare import Comparison

__all__ = ["bars_of_two", "draw"]

_INK = "#30343b"
_HUMAN = PALETTE[1]
_WIDE = 84
_SHOWN = 24
"""Levels that a picture has room for."""
_LEVEL = 28
_BAR = 240
"""Pixels of the longest bar."""


def draw(comparison: Comparison) -> Figure:
    """Return a figure: a pair of bars a level, the verdict underneath."""
    from matplotlib.ticker import PercentFormatter

    levels = comparison.levels.head(_SHOWN)
    labels = [textwrap.fill(str(one), _LEVEL, max_lines=2, placeholder=" …") for one in levels["level"]]
    lying = not comparison.scale or max(map(len, labels)) > 9  # noqa: PLR2004  # more would overlap under bars
    title = textwrap.fill(comparison.title, 76, max_lines=3, placeholder=" …")
    said = textwrap.fill(comparison.verdict, _WIDE, max_lines=5, placeholder=" …")
    room = 0.2 * (title.count("\n") + said.count("\n") + 2) + 0.3
    fig, axes = figure(7.0, room + (0.9 + 0.5 * len(labels) if lying else 2.9))
    fig.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=_INK, parse_math=False)
    places = np.arange(len(labels))
    ours, theirs = levels["share_model"].to_numpy(), levels["share_human"].to_numpy()
    names = f"simulated (n = {comparison.n_model:,})", f"human (n = {comparison.n_human:,})"
    if lying:
        axes.barh(places - 0.2, ours, 0.38, color=ACCENT, label=names[0])
        axes.barh(places + 0.2, theirs, 0.38, color=_HUMAN, label=names[1])
        axes.set_yticks(places, labels, parse_math=False)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    else:
        axes.bar(places - 0.2, ours, 0.38, color=ACCENT, label=names[0])
        axes.bar(places + 0.2, theirs, 0.38, color=_HUMAN, label=names[1])
        axes.set_xticks(places, labels)
        axes.grid(visible=False, axis="x")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    fig.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=2, frameon=False, labelcolor=_INK)
    axes.set_xlabel(said, loc="left", parse_math=False, color=_INK)
    return fig


def bars_of_two(comparison: Comparison) -> str:
    """Return both distributions as HTML, a pair of bars a level."""
    levels = comparison.levels.head(_SHOWN)
    tallest = max(levels["share_model"].max(), levels["share_human"].max(), 1e-9)
    rows = "".join(
        f'<tr><td style="text-align:right;padding:1px 8px 1px 0;max-width:260px">{escape(cut(str(level), 60))}</td>'
        f'<td style="width:{_BAR}px;padding:2px 0">{_bar(ours / tallest, ACCENT)}{_bar(theirs / tallest, _HUMAN)}</td>'
        f'<td style="text-align:left;padding:1px 0 1px 8px;white-space:nowrap">{ours:.0%} · {theirs:.0%}</td></tr>'
        for level, ours, theirs in zip(levels["level"], levels["share_model"], levels["share_human"], strict=True)
    )
    more = len(comparison.levels) - len(levels)
    tail = f'<div style="opacity:.75">… and {more:,} more in .levels</div>' if more else ""
    key = "".join(
        f'<span style="display:inline-block;width:10px;height:10px;background:{colour};margin:0 5px 0 0"></span>'
        f'<span style="margin-right:14px">{name}</span> '  # the blank shows where styles are taken away
        for colour, name in ((ACCENT, "simulated"), (_HUMAN, "human"))
    )
    pairs = f'<table style="border:none;border-collapse:collapse">{rows}</table>'
    return f'<div style="margin:6px 0 0">{key}</div>{pairs}{tail}'


def _bar(share: float, colour: str) -> str:
    return f'<div style="background:{colour};height:8px;width:{round(_BAR * share)}px"></div>'
