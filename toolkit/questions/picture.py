"""The picture of answers in a repr: a line of numbers and a few bars, as HTML that is small and escaped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from toolkit.display.html import bars, cut, table
from toolkit.questions._plot_parts import plain
from toolkit.questions.answer import Allocation, Answer, Choice, Matrix, MultiChoice, Number, Ranking, Scale

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["html_picture"]

_BARS = 30
"""Options that a repr draws."""
_LIKERT = 11
"""Bars that fit a card."""
_BINS = 8
"""Bars of amounts that are not whole."""
_LEVELS = 8
"""Columns of a matrix that fit a card."""


def html_picture(answer: Answer, frame: pd.DataFrame, summary: pd.DataFrame) -> str:
    """Return answers as HTML for a repr; empty where their kind has no picture.

    Args:
        answer: What kind of answer the frame holds.
        frame: The answers; only rows with status ``ok`` count.
        summary: As ``summarise(answer, frame)`` makes it.

    Example:
        >>> import pandas as pd
        >>> from toolkit.questions.summary import summarise
        >>> said = pd.DataFrame({"status": ["ok"] * 2, "answer": pd.Categorical(["tea", "tea"])})
        >>> "100%  (34% to 100%), n = 2" in html_picture(
        ...     Choice(["tea", "rum"]), said, summarise(Choice(["tea", "rum"]), said)
        ... )
        True
    """
    valid = frame[frame["status"] == "ok"]
    for kind, draw in _DRAWN.items():
        if isinstance(answer, kind):
            return draw(answer, valid, summary)
    return ""


def _shares(_answer: Choice | MultiChoice, valid: pd.DataFrame, summary: pd.DataFrame) -> str:
    values = [
        f"{share:.0%}  ({low:.0%} to {high:.0%}), n = {n}" if len(valid) else "n = 0"
        for n, share, low, high in summary[["n", "share", "low", "high"]].itertuples(index=False, name=None)
    ]
    return _some_bars(summary["option"], summary["share"], values)


def _scale(answer: Scale, valid: pd.DataFrame, summary: pd.DataFrame) -> str:
    row = summary.iloc[0]
    told = f"mean {row['mean']:.2f}" if row["n"] else "no valid answers"
    if row["n"] > 1:
        told += f" (95 % interval {row['low']:.2f} to {row['high']:.2f}), median {row['median']:g}"
    levels = list(range(answer.low, answer.high + 1))
    if len(levels) > _LIKERT:
        return _line(told)
    labels = [str(level) for level in levels]
    if answer.labels:
        labels[0], labels[-1] = f"{answer.labels[0]} {labels[0]}", f"{answer.labels[1]} {labels[-1]}"
    return _line(told) + _counts(labels, [int((valid["answer"] == level).sum()) for level in levels])


def _number(answer: Number, valid: pd.DataFrame, summary: pd.DataFrame) -> str:
    import numpy as np

    row = summary.iloc[0]
    if not row["n"]:
        return _line("no valid answers")
    told = f"mean {plain(row['mean'])}"
    if row["n"] > 1:
        told += f" (95 % interval {plain(row['low'])} to {plain(row['high'])})"
        told += f", median {plain(row['median'])} ({plain(row['median_low'])} to {plain(row['median_high'])})"
        told += f", from {_amount(row['least'])} to {_amount(row['most'])}"
    line = _line(f"{told}{f', in {answer.unit}' if answer.unit else ''}")
    given, low, high = valid["answer"].to_numpy(dtype=float), float(row["least"]), float(row["most"])
    if low == high:
        return line
    if answer.whole and high - low < _LIKERT:
        amounts = [low + step for step in range(int(high - low) + 1)]
        return line + _counts([_amount(one) for one in amounts], [int((given == one).sum()) for one in amounts])
    counts, edges = np.histogram(given, bins=_BINS)
    labels = [f"{_amount(low)} to {_amount(high)}" for low, high in pairwise(edges)]
    return line + _counts(labels, [int(n) for n in counts])


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else plain(value)


def _ranking(answer: Ranking, valid: pd.DataFrame, summary: pd.DataFrame) -> str:
    if not len(valid):
        return _line("no valid answers")
    winners = [str(option) for option in summary.loc[summary["winner"], "option"]]
    values = [
        f"Borda {borda:g}, mean rank {rank:.2f}"
        for borda, rank in summary[["borda", "mean_rank"]].itertuples(index=False, name=None)
    ]
    line = _line(f"most Borda points: {', '.join(cut(one, 80) for one in winners[:5])}" + (" …" if winners[5:] else ""))
    return line + _some_bars(summary["option"], summary["points"] / (len(answer.options) - 1), values)


def _allocation(answer: Allocation, valid: pd.DataFrame, summary: pd.DataFrame) -> str:
    if not len(valid):
        return _line("no valid answers")
    values = [
        f"{plain(mean)} of {answer.total:,}" + (f"  ({low:.0%} to {high:.0%})" if low == low else "")  # noqa: PLR0124  # NaN
        for mean, low, high in summary[["mean", "low", "high"]].itertuples(index=False, name=None)
    ]
    return _some_bars(summary["option"], summary["share"], values)


def _matrix(answer: Matrix, valid: pd.DataFrame, summary: pd.DataFrame) -> str:
    scale = answer.levels
    if not len(valid):
        return _line("no valid answers")
    if not isinstance(scale, Scale):
        return _table_of_levels(summary)
    values = [
        f"mean {mean:.2f}" + (f"  ({low:.2f} to {high:.2f})" if low == low else "")  # noqa: PLR0124  # NaN
        for mean, low, high in summary[["mean", "low", "high"]].itertuples(index=False, name=None)
    ]
    return _some_bars(summary["row"], (summary["mean"] - scale.low) / (scale.high - scale.low), values)


def _table_of_levels(summary: pd.DataFrame) -> str:
    wide = summary.pivot_table(index="row", columns="level", values="share", observed=True, sort=False)
    shown = wide.iloc[:_BARS, :_LEVELS].map("{:.0%}".format)
    shown.columns = [str(level) for level in shown.columns]
    shown.insert(0, "", [cut(str(row), 60) for row in shown.index])
    return table(shown, rows=_BARS) + _more(len(wide) - _BARS, "rows") + _more(wide.shape[1] - _LEVELS, "columns")


def _some_bars(labels: Any, lengths: pd.Series[float], values: Sequence[str]) -> str:
    names = [str(label) for label in labels]
    drawn = bars(names[:_BARS], [float(one) for one in lengths.fillna(0.0)][:_BARS], values[:_BARS])
    return drawn + _more(len(names) - _BARS, "options")


def _counts(labels: Sequence[str], found: Sequence[int]) -> str:
    return bars(labels, [n / max(1, sum(found)) for n in found], [str(n) for n in found])


def _line(told: str) -> str:
    return f'<div style="margin-top:6px">{escape(told)}</div>'


def _more(n: int, what: str) -> str:
    return f'<div style="opacity:.75">… and {n:,} more {what} in .summary()</div>' if n > 0 else ""


_DRAWN: dict[type[Answer], Callable[[Any, pd.DataFrame, pd.DataFrame], str]] = {
    Choice: _shares,
    MultiChoice: _shares,
    Scale: _scale,
    Number: _number,
    Ranking: _ranking,
    Allocation: _allocation,
    Matrix: _matrix,
}
