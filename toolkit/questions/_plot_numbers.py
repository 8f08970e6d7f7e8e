"""Points of a scale and amounts: how often each was said, and where the middle lies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from toolkit.display.style import ACCENT
from toolkit.questions._plot_parts import INK, diverging, ink_on, plain, say_nothing, scale_ends, titled

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from numpy.typing import NDArray

    from toolkit.questions.scale import Number, Scale

__all__ = ["plot_number", "plot_scale"]

_LIKERT = 11
"""Points of a scale that are drawn about its middle."""
_TICKS = 21
"""More labels would overlap."""
_ROOM_FOR_TEXT = 0.055
"""Share of a strip that holds a percentage."""
_BINS = 40
_LEGEND = 72
"""Characters that stand side by side above a histogram."""
_LINES = {"mean": "--", "median": ":"}


def plot_scale(question: str, answer: Scale, column: pd.Series[Any], summary: pd.DataFrame | None = None) -> Figure:
    """Draw how often each point of a scale was given, the mean, and how answers lie about the middle of the scale.

    Args:
        question: Stands above the bars.
        answer: The scale.
        column: Whole numbers, missing where there is no valid answer.
        summary: mean, low and high; the column's mean without an interval when not given.

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
    found = [int(counts.get(point, 0)) for point in points]
    likert = len(points) <= _LIKERT
    colours = diverging(len(points)) if likert else [ACCENT] * len(points)
    fig, axes = titled(question, 3.2 if likert else 2.8)
    axes.bar(points, found, color=colours, width=0.72)
    axes.set_xlim(answer.low - 0.6, answer.high + 0.6)
    if len(valid):
        row = None if summary is None else summary.iloc[0]
        mean = float(valid.mean()) if row is None else float(row["mean"])
        ends = (math.nan, math.nan) if row is None else (float(row["low"]), float(row["high"]))
        late = mean > (answer.low + answer.high) / 2
        _, told = _mark(axes, mean, ends, "mean", 0.96)
        axes.set_ylim(0, max(found) * 1.12)
        axes.annotate(
            told,
            (mean, 1.0),
            xytext=(-4 if late else 4, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right" if late else "left",
            color=INK,
        )
        if likert:
            _strip(axes, [n / sum(found) for n in found], colours)
    else:
        say_nothing(axes)
    if len(points) <= _TICKS:
        axes.set_xticks(points)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(scale_ends(answer).strip(), parse_math=False)
    axes.set_ylabel(f"answers (n = {len(valid):,})")
    axes.grid(visible=False, axis="x")
    return fig


def plot_number(question: str, answer: Number, column: pd.Series[Any], summary: pd.DataFrame) -> Figure:
    """Draw how amounts spread, with the median and the mean.

    Args:
        question: Stands above the bars.
        answer: What was asked for.
        column: Numbers, missing where there is no valid answer.
        summary: mean, low, high, median, median_low, median_high.
    """
    from matplotlib.ticker import MaxNLocator

    valid = column.dropna().to_numpy(dtype=float)
    fig, axes = titled(question, 3.0)
    if len(valid):
        axes.hist(valid, bins=_edges(valid, whole=answer.whole), color=ACCENT, rwidth=0.94)
        row = summary.iloc[0]
        told = [
            _mark(axes, float(row["mean"]), (float(row["low"]), float(row["high"])), "mean", 0.96),
            _mark(axes, float(row["median"]), (float(row["median_low"]), float(row["median_high"])), "median", 0.89),
        ]
        axes.set_ylim(0, axes.get_ylim()[1] * 1.15)
        axes.legend(
            *zip(*told, strict=True),
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=2 if sum(len(text) for _, text in told) <= _LEGEND else 1,
            frameon=False,
            labelcolor=INK,
            borderaxespad=0.2,
        )
    else:
        say_nothing(axes)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(answer.unit or "answer", parse_math=False)
    axes.set_ylabel(f"answers (n = {len(valid):,})")
    axes.grid(visible=False, axis="x")
    return fig


def _edges(valid: NDArray[np.float64], *, whole: bool) -> list[float]:
    """Return the ends of a histogram's bins; whole numbers stand in the middle of theirs while there are few."""
    import numpy as np

    low, high = float(valid.min()), float(valid.max())
    if whole and high - low < _BINS:
        return [float(edge) for edge in np.arange(low - 0.5, high + 1.0)]
    found = np.histogram_bin_edges(valid, bins="auto")
    return [float(edge) for edge in (found if len(found) <= _BINS + 1 else np.linspace(low, high, _BINS + 1))]


def _mark(axes: Axes, value: float, ends: tuple[float, float], name: str, height: float) -> tuple[Line2D, str]:
    """Draw a line at a value, and its interval across it; return the line and what to say of it."""
    line = axes.axvline(value, color=INK, linestyle=_LINES[name], linewidth=1.2)
    told = f"{name} {plain(value)}"
    if math.isnan(ends[0]):
        return line, told
    reach = [[max(0.0, value - ends[0])], [max(0.0, ends[1] - value)]]
    axes.errorbar(
        [value],
        [height],
        xerr=reach,
        fmt="none",
        ecolor=INK,
        elinewidth=1.2,
        capsize=3,
        transform=axes.get_xaxis_transform(),
    )
    return line, f"{told} ({plain(ends[0])} to {plain(ends[1])})"


def _strip(axes: Axes, shares: list[float], colours: list[str]) -> None:
    """Draw one bar above all, its parts in the scale's colours, with their shares where there is room."""
    strip = axes.inset_axes((0.0, 1.13, 1.0, 0.1))
    strip.set_axis_off()
    strip.set_xlim(0, 1)
    left = 0.0
    for share, colour in zip(shares, colours, strict=True):
        strip.barh([0], [share], left=left, color=colour, height=1.0)
        if share >= _ROOM_FOR_TEXT:
            strip.text(left + share / 2, 0, f"{share:.0%}", ha="center", va="center", color=ink_on(colour), fontsize=9)
        left += share
