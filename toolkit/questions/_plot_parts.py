"""What all pictures of answers share: the question above, labels that fit, colours in order, and words for nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.display.style import PALETTE, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from toolkit.questions.scale import Scale

__all__ = [
    "INK",
    "diverging",
    "ink_on",
    "label_rows",
    "percent_axis",
    "plain",
    "row_labels",
    "say_nothing",
    "scale_ends",
    "sequential",
    "titled",
    "wrapped",
]

INK = "#30343b"
_LOW, _MIDDLE, _HIGH = PALETTE[5], "#d9dce1", PALETTE[0]
"""Vermilion and blue, which people with colour-blindness can tell apart, about a light grey."""
_LARGE = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_LABEL_WIDTH = 32
"""Characters of a line of an option's label."""
_LABEL_LINES = 3
_END_WIDTH = 44
"""Characters of what an end of a scale means."""
_TITLE_WIDTH = 76
_TITLE_LINES = 4


def titled(question: str, height: float) -> tuple[Figure, Axes]:
    """Return a figure with the question over its whole width, and as much room below as asked for.

    Over the axes alone, long labels would push the question out.

    Args:
        question: The title.
        height: Of all but the title, in inches.
    """
    title = wrapped(question, _TITLE_WIDTH, _TITLE_LINES)
    fig, axes = figure(7.0, height + 0.19 * (title.count("\n") + 1))
    fig.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK, parse_math=False)
    return fig, axes


def wrapped(text: str, width: int, lines: int) -> str:
    """Return a text in lines, and an ellipsis where it needs more."""
    return textwrap.fill(text, width, max_lines=lines, placeholder=" …")


def row_labels(options: Sequence[str]) -> tuple[list[str], float]:
    """Return the options' labels in lines, and the height their rows need, in inches."""
    labels = [wrapped(str(option), _LABEL_WIDTH, _LABEL_LINES) for option in options]
    return labels, 0.24 * sum(max(2, label.count("\n") + 1) for label in labels)


def label_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Put labels beside rows, the first one on top."""
    axes.set_yticks(list(range(len(labels))), list(labels), parse_math=False)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def percent_axis(axes: Axes, high: float = 1.06) -> None:
    """Let the axis below run from 0 to 100 %, with room for a number behind the longest bar."""
    axes.set_xlim(0, high)
    axes.set_xticks([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")


def say_nothing(axes: Axes) -> None:
    """Say in the middle that there is nothing to draw."""
    axes.text(0.5, 0.5, "no valid answers", transform=axes.transAxes, ha="center", va="center", color=INK)


def scale_ends(scale: Scale) -> str:
    r"""Return what the ends of a scale mean on a line of its own, or two; empty where nobody said.

    Example:
        >>> from toolkit.questions import Scale
        >>> scale_ends(Scale(1, 5, labels=("bad", "good")))
        '\n1 = bad … 5 = good'
    """
    if not scale.labels:
        return ""
    low, high = (wrapped(end, _END_WIDTH, 1) for end in scale.labels)
    short = len(low) + len(high) <= _END_WIDTH
    return f"\n{scale.low} = {low}{' … ' if short else chr(10)}{scale.high} = {high}"


def plain(value: float) -> str:
    """Return a number in about three digits and never in powers of ten.

    Example:
        >>> plain(1234.5), plain(12.34), plain(0.5), plain(2_500_000)
        ('1,234', '12.3', '0.50', '2.50 million')
    """
    size = abs(value)
    for large, word in _LARGE:
        if size >= large:
            return f"{plain(value / large)} {word}"
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"  # noqa: PLR2004


def diverging(n: int) -> list[str]:
    """Return colours for the points of a scale, from its low end over a light middle to its high one.

    Example:
        >>> diverging(3)
        ['#d55e00', '#d9dce1', '#0072b2']
    """
    places = [2 * place / (n - 1) - 1 for place in range(n)] if n > 1 else [0.0]
    return [_mixed(_MIDDLE, _LOW if place < 0 else _HIGH, abs(place)) for place in places]


def sequential(n: int) -> list[str]:
    """Return colours for n things in order, light to dark.

    Example:
        >>> sequential(2)
        ['#d9dce1', '#0072b2']
    """
    return [_mixed(_MIDDLE, _HIGH, place / max(1, n - 1)) for place in range(n)]


def ink_on(colour: str) -> str:
    """Return the colour of writing that can be read on a colour."""
    red, green, blue = _rgb(colour)
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 140 else INK  # noqa: PLR2004  # luma of ITU-R BT.601


def _mixed(one: str, other: str, share: float) -> str:
    pairs = zip(_rgb(one), _rgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
