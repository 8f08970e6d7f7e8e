"""How answers show: what was asked, the picture, a few rows, and what the reader must not overlook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from toolkit.display.html import LARGEST_REPR, bars, cut, table
from toolkit.questions.answer import Answer, Text
from toolkit.questions.logprobs import Distribution
from toolkit.questions.picture import html_picture
from toolkit.questions.structured import Structured

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.media import Image
    from toolkit.models import Reply
    from toolkit.questions.answers import Answers

__all__ = ["body", "notes", "summary_by", "text", "thumbnails", "title"]

_PRECISION = "Intervals say how exactly this model was measured: more simulated people make them narrower, not truer."
_LONGEST_TITLE = 300
_NOTES = 5
"""Different notes of replies that a repr tells."""
_ROWS = 30
"""Rows of a summary that a repr lists."""
_COLUMNS = 12
"""Columns of the table in a repr."""


def title(answers: Answers) -> str:
    """Return what was asked, of how many."""
    people, repeats = len(answers.people), answers.repeats
    told = f"{people:,} asked" + (f", {repeats} times each" if repeats > 1 else "")
    if answers.assignment is not None:
        told += f", {len(answers.assignment.cells)} conditions {answers.assignment.design}"
    return f"{cut(answers.asked.question, _LONGEST_TITLE)} ({told})"


def notes(answers: Answers, replies: Sequence[Reply]) -> list[str]:
    """Return what models noted, and what intervals do not say."""
    told = {note for reply in replies for note in reply.notes}
    found = sorted(told)[:_NOTES]
    if len(told) > _NOTES:
        found.append(f"… and {len(told) - _NOTES:,} more notes of replies.")
    if has_intervals(answers.asked.answer):
        found.append(_PRECISION)
        method = answers.summary(answers.factors).attrs.get("method", "")
        if method and answers.frame.duplicated(["persona", *answers.factors]).any():
            found.append(method)
    return found


def has_intervals(answer: Answer) -> bool:
    """Tell whether the summary of a kind of answer has intervals."""
    return not isinstance(answer, (Text, Structured))


def body(answers: Answers) -> str:
    """Return images, picture and the first rows as HTML."""
    hidden = {"shown", "model", "order", "images"} | ({"repeat"} if answers.repeats == 1 else set())
    hidden |= {"condition"} if answers.factors else set()
    shown = [name for name in answers.frame.columns if name not in hidden]
    if len(shown) > _COLUMNS:
        shown = [*shown[: _COLUMNS - 1], "status"]
    pieces = [thumbnails(answers.asked.images, answers.asked.labels), _picture(answers), table(answers.frame[shown])]
    return "".join(pieces)


def text(answers: Answers, plain: str) -> str:
    """Return answers as plain text: what was asked, the summary, what to know.

    Args:
        answers: The answers.
        plain: What every result says.
    """
    head, *rest = plain.split("\n")
    if not answers.frame["status"].eq("ok").any():
        return "\n".join([head, *rest])
    summary = answers.summary(answers.factors)
    told = summary.head(_ROWS).to_string(
        index=False, float_format="{:.3g}".format, formatters={"option": lambda option: cut(str(option), 60)}
    )
    lines = [f"  {line}" for line in told.split("\n")]
    if len(summary) > _ROWS:
        lines.append(f"  … and {len(summary) - _ROWS:,} more rows in .summary()")
    return "\n".join([head, *rest[:1], *lines, *rest[1:]])


def summary_by(
    answers: Answers, names: Sequence[str], summarised: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    """Return one summary for each combination of levels that occurs, in the levels' order.

    Args:
        answers: The answers.
        names: Columns or attributes.
        summarised: Makes the summary of some rows.

    Raises:
        InvalidInput: There is no such column or attribute.
    """
    import pandas as pd

    from toolkit.questions._given import attribute_of

    frame = answers.frame
    levels = pd.DataFrame({name: attribute_of(answers, name) for name in names})
    made = []
    level: Any
    for level, part in levels.groupby(list(names), observed=True, sort=True):
        one = summarised(frame.loc[part.index])
        for place, (name, value) in enumerate(zip(names, level if isinstance(level, tuple) else (level,), strict=True)):
            one.insert(place, name, value)
        made.append(one)
    whole = pd.concat(made, ignore_index=True) if made else summarised(frame.iloc[:0])
    for name in names:
        if isinstance(levels[name].dtype, pd.CategoricalDtype):
            whole[name] = whole[name].astype(levels[name].dtype)
    for name in whole.columns.difference(list(names)):
        first = made[0][name] if made else whole[name]
        if isinstance(first.dtype, pd.CategoricalDtype):
            whole[name] = whole[name].astype(first.dtype)
    whole.attrs["method"] = made[0].attrs.get("method", "") if made else ""
    return whole


def thumbnails(images: Sequence[Image], labels: Sequence[str] = ()) -> str:
    """Return the images side by side with the names they had for the model, as far as a repr has room for them."""
    pieces: list[str] = []
    room = LARGEST_REPR // 2
    for place, image in enumerate(images, start=1):
        uri = image.normal(max_side=160).data_uri
        if len(uri) > room:
            uri = image.normal(max_side=160, format="jpeg", quality=70).data_uri
        room -= len(uri)
        if room < 0:
            pieces.append(f"<div>… and {len(images) - place + 1:,} more images</div>")
            break
        label = labels[place - 1] if place <= len(labels) else ""
        told = escape(cut(image.alt, 120)) or f"image {place}"
        name = f"Image {place}" + (f" ({escape(cut(label, 60))})" if label else "")
        pieces.append(
            f'<figure style="margin:4px 10px 4px 0"><img src="{uri}" alt="{told}" style="max-height:140px">'
            f'<figcaption style="opacity:.75">{name}</figcaption></figure>'
        )
    return f'<div style="display:flex;flex-wrap:wrap;align-items:end">{"".join(pieces)}</div>' if pieces else ""


def _picture(answers: Answers) -> str:
    answer: Any = answers.asked.answer
    if not answers.factors:
        shares = isinstance(answer, Distribution)
        return _shares(answers) if shares else html_picture(answer, answers.frame, answers.summary())
    if not has_intervals(answer):
        return ""
    summary = answers.summary(answers.factors)
    return table(summary, _ROWS) if "share" not in summary or "level" in summary else _bars_by(answers, summary)


def _bars_by(answers: Answers, summary: pd.DataFrame) -> str:
    """Return one bar for each option at each combination of levels."""
    shown = summary.head(_ROWS)
    labels = [
        " · ".join(map(str, row)) for row in shown[[*answers.factors, "option"]].itertuples(index=False, name=None)
    ]
    values = [
        f"{share:.0%}  ({low:.0%} to {high:.0%}), n = {n}"
        for n, share, low, high in shown[["n", "share", "low", "high"]].fillna(0.0).itertuples(index=False, name=None)
    ]
    more = len(summary) - len(shown)
    tail = f'<div style="opacity:.75">… and {more:,} more in .summary(by=…)</div>' if more > 0 else ""
    return bars(labels, list(shown["share"].fillna(0.0)), values) + tail


def _shares(answers: Answers) -> str:
    summary = answers.summary()
    values = [
        f"{share:.1%}" + (f"  ({low:.1%} to {high:.1%})" if low == low else "")  # noqa: PLR0124  # only NaN differs
        for share, low, high in summary[["share", "low", "high"]].itertuples(index=False, name=None)
    ]
    return bars(list(summary["option"].astype(str)), list(summary["share"].fillna(0.0)), values)
