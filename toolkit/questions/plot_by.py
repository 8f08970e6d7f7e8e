"""How answers differ between levels: one panel of points with intervals, a colour for each option."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.display.style import ACCENT, PALETTE
from toolkit.errors import InvalidInput
from toolkit.questions._plot_parts import INK, label_rows, percent_axis, row_labels, say_nothing, scale_ends, titled
from toolkit.questions.scale import Scale

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from toolkit.questions.answer import Answer

__all__ = ["plot_by", "plot_shares"]

_MOST = len(PALETTE)
"""Options that colours tell apart."""
_DODGE = 0.6
"""Of a row, where the points of its options lie."""
_BEYOND = 0.02
"""Of a scale, how much is drawn beyond its ends."""


def plot_by(question: str, answer: Answer, by: str, summary: pd.DataFrame) -> Figure:
    """Draw the share of each option, or the mean, at each level, with 95 % intervals.

    Args:
        question: Stands above.
        answer: What kind of answer it was.
        by: The column of the levels.
        summary: As ``Answers.summary(by)`` makes it.

    Raises:
        InvalidInput: The kind of answer has neither shares nor a mean, or more options than colours.

    Example:
        >>> panel = generate_personas(6, "us-adults-2012", detail="facts", lab=lab)
        >>> answers = ask(panel, "Buy it for {price} $?", answer=Scale(1, 5), vary={"price": [3, 4]}, lab=lab)
        >>> answers.plot(by="price").axes[0].get_xlabel()
        'mean; lines show 95 % intervals'
    """
    lines = next((name for name in ("option", "row") if name in summary and name != by), "")
    value = next((name for name in ("share", "points", "mean") if name in summary), "")
    if not value or "level" in summary:
        raise InvalidInput(
            f"answers of type {type(answer).__name__} have no plot by {by!r}", hint=f"Look at .summary(by={by!r})."
        )
    options: list[Any] = list(summary[lines].cat.categories) if lines else [""]
    if len(options) > _MOST:
        raise InvalidInput(
            f"{len(options)} options are more than colours can tell apart", hint="Look at .summary(by=…)."
        )
    levels = list(dict.fromkeys(summary[by]))
    labels, height = row_labels([f"{by} = {level}" for level in levels])
    fig, axes = titled(question, 0.9 + max(height, 0.17 * len(levels) * len(options)) + (0.3 if lines else 0.0))
    if not summary["n"].any():
        say_nothing(axes)
    for place, option in enumerate(options):
        own = summary[summary[lines] == option] if lines else summary
        shift = ((place + 0.5) / len(options) - 0.5) * _DODGE
        where = [levels.index(level) + shift for level in own[by]]
        reach = [(own[value] - own["low"]).clip(lower=0.0), (own["high"] - own[value]).clip(lower=0.0)]
        axes.errorbar(own[value], where, xerr=reach, fmt="o", color=PALETTE[place], capsize=3, label=str(option))
    label_rows(axes, labels)
    if value == "share":
        percent_axis(axes)
    told = f"{'points a ranking' if value == 'points' else value}; lines show 95 % intervals"
    if isinstance(answer, Scale):  # the whole of it, so that a small difference looks small
        air = _BEYOND * (answer.high - answer.low)
        axes.set_xlim(answer.low - air, answer.high + air)
        told += scale_ends(answer)
    axes.set_xlabel(told)
    if lines:
        fig.legend(loc="outside lower left", ncols=min(4, len(options)), frameon=False)
    return fig


def plot_shares(question: str, summary: pd.DataFrame) -> Figure:
    """Draw the mean distribution over the options.

    Args:
        question: Stands above.
        summary: option, n, share, low, high.
    """
    labels, height = row_labels([str(option) for option in summary["option"]])
    fig, axes = titled(question, 0.7 + height)
    places = list(range(len(labels)))
    if summary["n"].any():
        reach = [
            (summary["share"] - summary["low"]).clip(lower=0.0),
            (summary["high"] - summary["share"]).clip(lower=0.0),
        ]
        axes.barh(places, summary["share"], color=ACCENT, height=0.62)
        axes.errorbar(summary["share"], places, xerr=reach, fmt="none", ecolor=INK, elinewidth=1.2, capsize=3)
    else:
        say_nothing(axes)
    label_rows(axes, labels)
    percent_axis(axes)
    axes.set_xlabel(f"mean probability over {int(summary['n'].max() or 0):,} people; lines show 95 % intervals")
    return fig
