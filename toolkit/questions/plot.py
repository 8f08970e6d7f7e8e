"""Pictures of answers, as matplotlib figures in the house style."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from toolkit.display.style import ACCENT, figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from toolkit.questions.answer import Scale

__all__ = ["plot_choice", "plot_scale"]

_INK = "#30343b"
_LABEL_WIDTH = 32
"""Characters of a line of an option's label."""
_LABEL_LINES = 3
_TITLE_WIDTH = 76
_TITLE_LINES = 4


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
    labels = [_wrapped(str(option), _LABEL_WIDTH, _LABEL_LINES) for option in summary["option"]]
    lines = sum(max(2, label.count("\n") + 1) for label in labels)
    title = _title(question)
    fig, axes = figure(7.0, 0.7 + 0.19 * (title.count("\n") + 1) + 0.24 * lines)
    _entitle(fig, title)
    places = list(range(len(labels)))
    if n:
        shares = summary["share"].to_numpy()
        reach = [
            (shares - summary["low"]).clip(lower=0.0).to_numpy(),
            (summary["high"] - shares).clip(lower=0.0).to_numpy(),
        ]
        axes.barh(places, shares, color=ACCENT, height=0.62)
        axes.errorbar(shares, places, xerr=reach, fmt="none", ecolor=_INK, elinewidth=1.2, capsize=3)
        for place, (share, high) in enumerate(zip(shares, summary["high"], strict=True)):
            axes.text(min(float(high) + 0.015, 1.01), place, f"{share:.0%}", va="center", color=_INK)
    else:
        _say_nothing(axes)
    axes.set_yticks(places, labels, parse_math=False)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlim(0, 1.06)
    axes.set_xticks([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"share of {n:,} valid answers; lines show 95 % intervals (Wilson)")
    return fig


def plot_scale(question: str, answer: Scale, column: pd.Series[Any]) -> Figure:
    """Draw how often each point of a scale was given, and the mean.

    Args:
        question: Stands above the bars.
        answer: The scale.
        column: Whole numbers, missing where there is no valid answer.

    Example:
        >>> import pandas as pd
        >>> from toolkit.questions import Scale
        >>> len(plot_scale("How good?", Scale(1, 5), pd.Series([4, 5, None])).axes)
        1
    """
    from matplotlib.ticker import MaxNLocator

    valid = column.dropna().astype(int)
    counts = valid.value_counts()
    points = list(range(answer.low, answer.high + 1))
    title = _title(question)
    fig, axes = figure(7.0, 2.8 + 0.19 * (title.count("\n") + 1))
    _entitle(fig, title)
    axes.bar(points, [int(counts.get(point, 0)) for point in points], color=ACCENT, width=0.72)
    axes.set_xlim(answer.low - 0.6, answer.high + 0.6)
    if len(valid):
        mean = float(valid.mean())
        late = mean > (answer.low + answer.high) / 2
        axes.axvline(mean, color=_INK, linestyle="--", linewidth=1.2)
        axes.annotate(
            f"mean {mean:.2f}",
            (mean, 1.0),
            xytext=(-4 if late else 4, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right" if late else "left",
            color=_INK,
        )
    else:
        _say_nothing(axes)
    if len(points) <= 21:  # noqa: PLR2004  # more labels would overlap
        axes.set_xticks(points)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    if answer.labels:
        low, high = (_wrapped(end, 40, 2) for end in answer.labels)
        axes.set_xlabel(f"{answer.low} = {low} … {answer.high} = {high}", parse_math=False)
    axes.set_ylabel(f"answers (n = {len(valid):,})")
    axes.grid(visible=False, axis="x")
    return fig


def _title(question: str) -> str:
    return _wrapped(question, _TITLE_WIDTH, _TITLE_LINES)


def _entitle(fig: Figure, title: str) -> None:
    """Put the title over the whole width of the figure: over the axes alone, long labels would push it out."""
    fig.suptitle(
        title,
        x=0.01,
        ha="left",
        fontsize=11,
        fontweight="bold",
        color=_INK,
        parse_math=False,
    )


def _wrapped(text: str, width: int, lines: int) -> str:
    return textwrap.fill(text, width, max_lines=lines, placeholder=" …")


def _say_nothing(axes: Axes) -> None:
    axes.text(0.5, 0.5, "no valid answers", transform=axes.transAxes, ha="center", va="center", color=_INK)
