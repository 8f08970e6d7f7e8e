"""Bars with intervals: shares of options, Borda's count, and how points are shared out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.display.style import ACCENT, MUTED
from toolkit.questions._plot_parts import INK, label_rows, percent_axis, plain, row_labels, say_nothing, titled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from toolkit.questions.allocation import Allocation

__all__ = ["plot_allocation", "plot_choice", "plot_ranking", "plot_several"]

_BETWEEN_BARS = 0.62
_ROOM = 0.7
"""Inches for the axis below."""


def plot_choice(question: str, summary: pd.DataFrame) -> Figure:
    """Draw one bar an option, with its 95 % interval.

    Args:
        question: Stands above the bars.
        summary: option, n, share, low, high.

    Example:
        >>> import pandas as pd
        >>> from toolkit.questions import Choice
        >>> from toolkit.questions.summary import summarise
        >>> said = pd.DataFrame({"status": ["ok"] * 2, "answer": pd.Categorical(["tea", "rum"])})
        >>> len(plot_choice("Tea or rum?", summarise(Choice(["tea", "rum"]), said)).axes)
        1
    """
    n = int(summary["n"].sum())
    return _shares(question, summary, n, f"share of {n:,} valid answers; lines show 95 % intervals (Wilson)")


def plot_several(question: str, summary: pd.DataFrame, n: int) -> Figure:
    """Draw one bar an option that could be chosen together with others, with its 95 % interval.

    Args:
        question: Stands above the bars.
        summary: option, n, share, low, high.
        n: How many valid answers there are.
    """
    told = f"share that chose it (n = {n:,}); lines show 95 % intervals (Wilson)"
    return _shares(question, summary, n, told)


def plot_ranking(question: str, summary: pd.DataFrame) -> Figure:
    """Draw Borda's count: the mean points a ranking of each option with its 95 % interval, the winner in colour.

    Args:
        question: Stands above the bars.
        summary: option, n, borda, winner, points, low, high, mean_rank.
    """
    labels, height = row_labels(list(summary["option"]))
    fig, axes = titled(question, _ROOM + height)
    most = len(labels) - 1
    n = int(summary["n"].iloc[0])
    if n:
        colours = [ACCENT if won else MUTED for won in summary["winner"]]
        told = [
            f"{borda:g} in all, mean rank {rank:.1f}"
            for borda, rank in summary[["borda", "mean_rank"]].itertuples(index=False, name=None)
        ]
        _bars(axes, summary["points"], summary["low"], summary["high"], colours, told, most)
    else:
        say_nothing(axes)
    label_rows(axes, labels)
    axes.set_xlim(0, most * 1.45)
    axes.set_xticks([place for place in range(most + 1) if most <= 10 or place % max(1, most // 5) == 0])  # noqa: PLR2004
    axes.set_xlabel(f"Borda points a ranking (n = {n:,}); lines show 95 % intervals")
    return fig


def plot_allocation(question: str, answer: Allocation, summary: pd.DataFrame) -> Figure:
    """Draw how points are shared out: the mean share of each option with its 95 % interval.

    Args:
        question: Stands above the bars.
        answer: What was asked for.
        summary: option, n, share, low, high, mean.
    """
    labels, height = row_labels(list(summary["option"]))
    fig, axes = titled(question, _ROOM + height)
    n = int(summary["n"].iloc[0])
    if n:
        points = [f"{plain(mean)} of {answer.total:,}" for mean in summary["mean"]]
        _bars(axes, summary["share"], summary["low"], summary["high"], [ACCENT] * len(labels), points, 1.0)
    else:
        say_nothing(axes)
    label_rows(axes, labels)
    percent_axis(axes, 1.12)
    axes.set_xlabel(f"mean share of the points (n = {n:,}); lines show 95 % intervals")
    return fig


def _shares(question: str, summary: pd.DataFrame, n: int, told: str) -> Figure:
    labels, height = row_labels(list(summary["option"]))
    fig, axes = titled(question, _ROOM + height)
    if n:
        shares = [f"{share:.0%}" for share in summary["share"]]
        _bars(axes, summary["share"], summary["low"], summary["high"], [ACCENT] * len(labels), shares, 1.0)
    else:
        say_nothing(axes)
    label_rows(axes, labels)
    percent_axis(axes)
    axes.set_xlabel(told)
    return fig


def _bars(
    axes: Axes,
    lengths: pd.Series[float],
    low: pd.Series[float],
    high: pd.Series[float],
    colours: Sequence[str],
    told: Sequence[str],
    most: float,
) -> None:
    """Draw the bars, a line from ``low`` to ``high`` over each, and behind it what is told."""
    places = list(range(len(told)))
    values = lengths.to_numpy(dtype=float)
    below, above = low.fillna(lengths).to_numpy(dtype=float), high.fillna(lengths).to_numpy(dtype=float)
    reach = [(values - below).clip(min=0.0), (above - values).clip(min=0.0)]
    axes.barh(places, values, color=list(colours), height=_BETWEEN_BARS)
    axes.errorbar(values, places, xerr=reach, fmt="none", ecolor=INK, elinewidth=1.2, capsize=3)
    for place, (end, text) in enumerate(zip(above, told, strict=True)):
        at = min(max(float(end), float(values[place])), most) + 0.02 * most
        axes.text(at, place, text, va="center", color=INK)
