"""Small HTML for notebooks: a card with facts, bars and at most ten rows; readable in light and dark themes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from toolkit.display.style import ACCENT, MUTED
from toolkit.redact import scrub

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LARGEST_REPR", "NO_MATH", "ROWS", "bars", "card", "cut", "fit", "table"]

LARGEST_REPR = 64_000
"""Bytes; no repr is larger."""
ROWS = 10
"""Rows of a table in a repr."""
_CELL = 160
"""Characters of one cell; longer text ends in an ellipsis."""
_LINE = 600
"""Characters of a title, a fact or a note."""
_LOOK = 4
"""How many times what is shown is scrubbed first, so that a cut leaves no half of a key."""
_BAR = 320
"""Pixels of the longest bar."""
_WHOLE = 1e15
"""Whole numbers below are written out."""
NO_MATH = 'class="mathjax_ignore tex2jax_ignore"'
"""Keeps JupyterLab and nbconvert from reading ``$0.41 of $2.00`` as a formula."""
_FONT = "font-family:system-ui,sans-serif;font-size:13px;line-height:1.45"


def card(title: str, facts: Iterable[str], *body: str, notes: Iterable[str] = ()) -> str:
    """Return a card: a title, one line of facts, pieces of HTML, and notes in the end.

    Args:
        title: Plain text; escaped here, like facts and notes.
        facts: Short texts, joined by dots.
        body: HTML, as it is.
        notes: What the reader must not overlook.
    """
    line = " · ".join(escape(cut(fact, _LINE)) for fact in facts if fact)
    tail = "".join(
        f'<div style="margin-top:6px;padding-left:8px;border-left:3px solid #E69F00">{escape(cut(note, _LINE))}</div>'
        for note in notes
    )
    return (
        f'<div {NO_MATH} style="{_FONT};max-width:960px">'
        f'<b style="display:block;font-weight:600;font-size:14px">{escape(cut(title, _LINE))}</b>'
        f'<div style="opacity:.75">{line}</div>{"".join(body)}{tail}</div>'
    )


def bars(labels: Sequence[str], shares: Sequence[float], values: Sequence[str]) -> str:
    """Return horizontal bars with a label before and a value behind each.

    Args:
        labels: Plain text, one a bar.
        shares: Lengths, 0 to 1.
        values: Plain text behind each bar.
    """
    rows = "".join(
        f'<tr><td style="text-align:right;padding:1px 8px 1px 0;max-width:260px">{escape(cut(label, 60))}</td>'
        f'<td style="width:320px;padding:1px 0"><div style="background:{MUTED}33;width:320px">'
        f'<div style="background:{ACCENT};height:12px;width:{_width(share)}px"></div></div></td>'
        f'<td style="text-align:left;padding:1px 0 1px 8px;white-space:nowrap">{escape(cut(value, _CELL))}</td></tr>'
        for label, share, value in zip(labels, shares, values, strict=True)
    )
    return f'<table style="border:none;margin:6px 0;border-collapse:collapse">{rows}</table>'


def table(frame: pd.DataFrame, rows: int = ROWS) -> str:
    """Return the first rows of a frame as HTML, long cells cut, and how many more there are."""
    shown = frame.head(rows)
    head = "".join(
        f'<th style="text-align:left;padding:2px 8px;vertical-align:bottom">{_heading(name)}</th>'
        for name in shown.columns
    )
    lines = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align:left;padding:2px 8px;vertical-align:top">{escape(_cell(value))}</td>'
            for value in row
        )
        + "</tr>"
        for row in shown.itertuples(index=False, name=None)
    )
    more = len(frame) - len(shown)
    tail = f'<div style="opacity:.75">… and {more:,} more rows in .frame</div>' if more else ""
    body = f'<table style="margin:6px 0;border-collapse:collapse"><tr>{head}</tr>{lines}</table>'
    return f'<div style="overflow-x:auto">{body}</div>{tail}'


def fit(full: str, brief: str) -> str:
    """Return the full HTML if it is small enough for a notebook, else the brief one, cut if need be."""
    for html in (full, brief):
        data = html.encode(errors="replace")  # half a surrogate pair, as models write now and then, has no bytes
        if len(data) <= LARGEST_REPR:
            return data.decode()
    return f"<pre>{escape(brief[: LARGEST_REPR // 8].encode(errors='replace').decode())}…</pre>"


def _heading(name: object) -> str:
    """Return a column's name, which may break after an underscore, so that many columns fit a page."""
    return escape(cut(str(name), _CELL)).replace("_", "_<wbr>")


def _width(share: float) -> int:
    """Return the pixels of a bar; a share that is no number has none."""
    return round(max(0.0, min(1.0, share)) * _BAR) if share == share else 0  # noqa: PLR0124  # only NaN differs from itself


def _cell(value: object) -> str:
    if isinstance(value, float):
        if value != value:  # noqa: PLR0124  # only NaN differs from itself
            return ""
        return f"{value:.0f}" if value.is_integer() and abs(value) < _WHOLE else f"{value:.4g}"
    missing = value is None or type(value).__name__ == "NAType"  # pandas' own, without importing it
    return "" if missing else cut(str(value), _CELL)


def cut(text: str, length: int) -> str:
    """Return a text as it may be shown: scrubbed, and of at most ``length`` characters, with an ellipsis if cut."""
    text = scrub(text[: _LOOK * length])
    return text if len(text) <= length else text[: length - 1] + "…"
