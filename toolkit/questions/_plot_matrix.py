"""Several rows answered alike: stacked bars, about the middle where they are rated on a scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from toolkit.display.style import ACCENT
from toolkit.questions._plot_parts import (
    INK,
    diverging,
    ink_on,
    label_rows,
    percent_axis,
    row_labels,
    say_nothing,
    scale_ends,
    sequential,
    titled,
    wrapped,
)
from toolkit.questions.matrix import Matrix, row_column
from toolkit.questions.scale import Scale

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_matrix"]

_LIKERT = 11
"""Points of a scale that have a colour each."""
_ROOM_FOR_TEXT, _ROOM_ABOUT_MIDDLE = 0.07, 0.12
"""Share of a row that holds a percentage; rows about a middle have less room each."""
_ROOM = 1.15
"""Inches for the axis and the legend."""


def plot_matrix(question: str, answer: Matrix, frame: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """Draw one bar a row: diverging from the middle of a scale, or stacked by level.

    Args:
        question: Stands above the bars.
        answer: What was asked for.
        frame: The answers, those that are not valid missing.
        summary: As ``summarise`` makes it of a matrix.
    """
    if not isinstance(answer.levels, Scale):
        return _stacked(question, answer, summary)
    if answer.levels.high - answer.levels.low + 1 > _LIKERT:
        return _means(question, answer.levels, summary)
    return _diverging(question, answer, answer.levels, frame, summary)


def _diverging(question: str, answer: Matrix, scale: Scale, frame: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    labels, height = row_labels(answer.options)
    fig, axes = titled(question, _ROOM + height)
    points = list(range(scale.low, scale.high + 1))
    colours = diverging(len(points))
    n = int(summary["n"].max())
    reach = 0.0
    for place, row in enumerate(answer.options):
        counts = frame[row_column(row)].dropna().astype(int).value_counts()
        total = int(counts.sum())
        shares = [int(counts.get(point, 0)) / total if total else 0.0 for point in points]
        left = -(sum(shares[: len(points) // 2]) + (shares[len(points) // 2] / 2 if len(points) % 2 else 0.0))
        reach = max(reach, -left, left + sum(shares))
        _row(axes, place, left, shares, colours, _ROOM_ABOUT_MIDDLE)
    if n:
        _tell_means(axes, summary)
        _legend(fig, [str(point) for point in points], colours, scale)
    else:
        say_nothing(axes)
    label_rows(axes, labels)
    axes.axvline(0, color=INK, linewidth=0.8, zorder=0.9)
    ends = max(0.25, reach) + 0.03
    axes.set_xlim(-ends, ends)
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.0%}")
    axes.set_xlabel(f"share below and above the middle of the scale (n = {n:,})")
    return fig


def _stacked(question: str, answer: Matrix, summary: pd.DataFrame) -> Figure:
    labels, height = row_labels(answer.options)
    levels = list(summary["level"].cat.categories)
    fig, axes = titled(question, _ROOM + height)
    colours = sequential(len(levels))
    n = 0
    for place, row in enumerate(answer.options):
        part = summary[summary["row"] == row]
        n = max(n, int(part["n"].sum()))
        _row(axes, place, 0.0, [float(share) for share in part["share"].fillna(0.0)], colours, _ROOM_FOR_TEXT)
    if n:
        _legend(fig, [wrapped(level, 24, 1) for level in levels], colours)
    else:
        say_nothing(axes)
    label_rows(axes, labels)
    percent_axis(axes, 1.0)
    axes.set_xlabel(f"share of {n:,} valid answers")
    return fig


def _means(question: str, scale: Scale, summary: pd.DataFrame) -> Figure:
    """Draw a dot a row with its interval: a scale of many points has no colours for all of them."""
    labels, height = row_labels(list(summary["row"]))
    fig, axes = titled(question, 0.7 + height)
    n = int(summary["n"].max())
    if n:
        means = summary["mean"].to_numpy(dtype=float)
        below = (means - summary["low"].fillna(summary["mean"])).to_numpy(dtype=float)
        above = (summary["high"].fillna(summary["mean"]) - means).to_numpy(dtype=float)
        axes.errorbar(
            means, list(range(len(labels))), xerr=[below, above], fmt="o", color=ACCENT, ecolor=INK, capsize=3
        )
    else:
        say_nothing(axes)
    label_rows(axes, labels)
    axes.set_xlim(scale.low, scale.high)
    axes.set_xlabel(f"mean (n = {n:,}); lines show 95 % intervals{scale_ends(scale)}", parse_math=False)
    return fig


def _row(axes: Axes, place: int, left: float, shares: list[float], colours: list[str], room: float) -> None:
    """Draw one row's parts side by side, with their shares in those that have room for it."""
    for share, colour in zip(shares, colours, strict=True):
        axes.barh([place], [share], left=left, color=colour, height=0.66)
        if share >= room:
            axes.text(
                left + share / 2, place, f"{share:.0%}", ha="center", va="center", color=ink_on(colour), fontsize=9
            )
        left += share


def _tell_means(axes: Axes, summary: pd.DataFrame) -> None:
    """Write each row's mean and interval at the right of it, under a heading."""
    places: list[tuple[float, str]] = [(-0.62, "mean (95 % interval)")]
    for row, (mean, low, high) in enumerate(summary[["mean", "low", "high"]].itertuples(index=False, name=None)):
        ends = "" if math.isnan(low) else f" ({low:.2f} to {high:.2f})"
        places.append((row, "" if math.isnan(mean) else f"{mean:.2f}{ends}"))
    for place, told in places:
        axes.annotate(
            told,
            (1.0, place),
            xytext=(6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            color=INK,
        )


def _legend(fig: Figure, levels: list[str], colours: list[str], scale: Scale | None = None) -> None:
    """Explain the colours under the axes."""
    from matplotlib.patches import Patch

    if scale is not None and scale.labels:
        levels = [
            f"{levels[0]} {wrapped(scale.labels[0], 24, 1)}",
            *levels[1:-1],
            f"{levels[-1]} {wrapped(scale.labels[1], 24, 1)}",
        ]
    legend = fig.legend(
        handles=[Patch(color=colour) for colour in colours],
        labels=levels,
        loc="outside lower center",
        ncols=min(len(levels), 7 if scale is not None else 4),
        frameon=False,
        handlelength=1.0,
        columnspacing=1.2,
        labelcolor=INK,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
