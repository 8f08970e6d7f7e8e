"""Pictures of answers, as matplotlib figures in the house style."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from toolkit.display.style import ACCENT, figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from toolkit.questions.answer import Scale

__all__ = ["plot_choice", "plot_scale"]


def plot_choice(question: str, summary: pd.DataFrame) -> Figure:
    """Draw one bar an option, with its 95 % interval.

    Args:
        question: Stands above the bars.
        summary: option, n, share, low, high.
    """
    n = int(summary["n"].sum())
    fig, axes = figure(7.0, 0.9 + 0.5 * len(summary), title=_title(question))
    labels = [textwrap.fill(str(option), 32) for option in summary["option"]]
    shares = summary["share"].fillna(0.0).to_numpy()
    reach = [(shares - summary["low"]).clip(lower=0.0).to_numpy(), (summary["high"] - shares).clip(lower=0.0).to_numpy()]
    places = range(len(labels))
    axes.barh(list(places), shares, color=ACCENT, height=0.62)
    axes.errorbar(shares, list(places), xerr=reach, fmt="none", ecolor="#30343b", elinewidth=1.2, capsize=3)
    for place, (share, high) in enumerate(zip(shares, summary["high"], strict=True)):
        axes.text(min(float(high) + 0.015, 1.01), place, f"{share:.0%}", va="center")
    axes.set_yticks(list(places), labels)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.06)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}" if value <= 1 else "")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"share of {n:,} valid answers; bars show 95 % intervals (Wilson)")
    return fig


def plot_scale(question: str, answer: Scale, column: pd.Series[Any]) -> Figure:
    """Draw how often each point of a scale was given, and the mean.

    Args:
        question: Stands above the bars.
        answer: The scale.
        column: Whole numbers, missing where there is no valid answer.
    """
    valid = column.dropna().astype(int)
    counts = valid.value_counts()
    points = list(range(answer.low, answer.high + 1))
    fig, axes = figure(7.0, 3.0, title=_title(question))
    axes.bar(points, [int(counts.get(point, 0)) for point in points], color=ACCENT, width=0.72)
    if len(valid):
        mean = float(valid.mean())
        axes.axvline(mean, color="#30343b", linestyle="--", linewidth=1.2)
        axes.annotate(f" mean {mean:.2f}", (mean, 1.0), xycoords=("data", "axes fraction"), va="top")
    if len(points) <= 21:  # noqa: PLR2004  # more labels would overlap
        axes.set_xticks(points)
    if answer.labels:
        axes.set_xlabel(f"{answer.low} = {answer.labels[0]} … {answer.high} = {answer.labels[1]}")
    axes.set_ylabel(f"people (n = {len(valid):,})")
    axes.grid(visible=False, axis="x")
    return fig


def _title(question: str) -> str:
    return textwrap.fill(question, 70)
