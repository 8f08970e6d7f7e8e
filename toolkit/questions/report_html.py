"""A report of one file: what was asked and shown, what came back, and where it comes from; no script, no network."""

from __future__ import annotations

import base64
import io
import platform
from collections.abc import Iterable
from html import escape
from importlib import metadata
from typing import TYPE_CHECKING, Any

from toolkit.display.style import save
from toolkit.errors import DramatisError
from toolkit.questions._export_cells import text_cell

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.media import Image

__all__ = ["report_html"]

_ROWS = 500
"""Rows of a table; a report of thousands is read as a file of data."""
_THUMBNAIL = 320
"""Pixels of the longest side of an image."""
_CELL = 2_000
"""Characters of a cell."""
_LIBRARIES = ("numpy", "pandas", "scipy", "matplotlib", "openai")
_PRECISION = "Intervals say how exactly this model was measured: more simulated people make them narrower, not truer."

# Nothing may be loaded and nothing may run, whatever a model wrote.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 32px auto; padding: 0 20px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 34px 0 8px; border-bottom: 1px solid #8a8f9866; padding-bottom: 4px; }
p { margin: 6px 0; } .quiet { opacity: .72; }
.note { border-left: 3px solid #E69F00; padding-left: 10px; margin: 8px 0; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 13.5px; }
th, td { text-align: left; vertical-align: top; padding: 4px 12px 4px 0; border-bottom: 1px solid #8a8f9840; }
td { overflow-wrap: break-word; max-width: 420px; } td.number, th.number { text-align: right; }
.images { display: flex; flex-wrap: wrap; gap: 18px; align-items: end; } figure { margin: 0; max-width: 340px; }
figure img { max-width: 100%; height: auto; } figcaption { font-size: 13px; opacity: .72; overflow-wrap: anywhere; }
.figure img { max-width: 100%; background: white; border-radius: 4px; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } tr, figure { break-inside: avoid; } }
"""


def report_html(answers: Any) -> str:
    """Return a report on answers as one HTML document.

    Everything is inside: images as thumbnails, the figure as a drawing. Every text is escaped, there is no script, and
    a policy in the document forbids loading anything.

    Args:
        answers: What a panel said.

    Example:
        >>> panel = generate_personas(2, "us-adults-2012", detail="facts", lab=lab)
        >>> said = ask(panel, "Is <b>tea</b> good?", answer=Scale(1, 5), lab=lab)
        >>> "Is &lt;b&gt;tea&lt;/b&gt; good?" in report_html(said), "<script" in report_html(said)
        (True, False)
    """
    asked = answers.asked
    people = answers.frame["persona"].nunique()
    sections = [
        _section("What was asked", _asked(asked)),
        _section("Images", _images(asked.images)),
        _section("Picture", _figure(answers)),
        _section("Summary", _table(answers.summary())),
        _section("Answers", _table(answers.frame, missing_from="the frame; to_csv() and to_parquet() hold all")),
        _section("Errors", _table(answers.errors)) if len(answers.errors) else "",
        _section("Columns", _table(answers.codebook())),
        _section("Where it comes from", _provenance(answers)),
    ]
    counts = answers.frame["status"].value_counts(sort=False)
    facts = [f"{people:,} simulated respondents", *(f"{n:,} {_words(kind)}" for kind, n in counts.items() if n)]
    notes = "".join(f'<p class="note">{_text(one)}</p>' for one in _notes(answers))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(asked.question)}</title><style>{_STYLE}</style></head>\n<body>"
        f'<h1>{_text(asked.question)}</h1><p class="quiet">{_text(" · ".join(facts))}</p>{notes}'
        f"{''.join(sections)}</body></html>\n"
    )


def _notes(answers: Any) -> list[str]:
    notes = list(answers.report.notes) if answers.report is not None else []
    if not answers.complete:
        notes.insert(0, "Incomplete: the run was stopped or reached a limit; rows that are missing say not_run.")
    return [*notes, _PRECISION]


def _asked(asked: Any) -> str:
    options = "".join(f"<li>{_text(one)}</li>" for one in asked.answer.options)
    listed = f"<ul>{options}</ul>" if options else ""
    kind = type(asked.answer).__name__
    return (
        f'<p>{_text(asked.question)}</p><p class="quiet">{_text(kind)}: {_text(asked.answer.instruction)}</p>{listed}'
    )


def _images(images: Iterable[Image]) -> str:
    pieces = []
    for place, image in enumerate(images, start=1):
        try:
            source = image.normal(max_side=_THUMBNAIL).data_uri
        except DramatisError as error:  # a file that has gone since
            pieces.append(f"<p>Image {place}: {_text(error)}</p>")
            continue
        told = f"Image {place}: {image.describe()} · SHA-256 {image.digest[:12]}"
        pieces.append(
            f'<figure><img src="{escape(source)}" alt="{_text(image.alt or f"Image {place}")}">'
            f"<figcaption>{_text(told)}</figcaption></figure>"
        )
    return f'<div class="images">{"".join(pieces)}</div>' if pieces else ""


def _figure(answers: Any) -> str:
    try:
        figure = answers.plot()
    except DramatisError:  # kinds of answers that have no picture
        return ""
    held = io.BytesIO()
    save(figure, held)
    source = base64.b64encode(held.getvalue()).decode()
    return f'<div class="figure"><img src="data:image/png;base64,{source}" alt="The summary below as a picture"></div>'


def _table(frame: pd.DataFrame, missing_from: str = "the data") -> str:
    import pandas as pd

    numbers = [
        pd.api.types.is_numeric_dtype(frame[name]) and not pd.api.types.is_bool_dtype(frame[name])
        for name in frame.columns
    ]
    mark = [' class="number"' if one else "" for one in numbers]
    head = "".join(f'<th scope="col"{of}>{_text(name)}</th>' for name, of in zip(frame.columns, mark, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{of}>{_cell(value)}</td>' for value, of in zip(row, mark, strict=True))}</tr>"
        for row in frame.head(_ROWS).itertuples(index=False, name=None)
    )
    more = len(frame) - _ROWS
    tail = f'<p class="quiet">… and {more:,} more rows in {_text(missing_from)}.</p>' if more > 0 else ""
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{tail}'


def _provenance(answers: Any) -> str:
    rows = [("Dramatis", metadata.version("dramatis-toolkit")), ("Python", platform.python_version())]
    rows += [(name, metadata.version(name)) for name in _LIBRARIES]
    report = answers.report
    if report is not None:
        told = [
            ("model", report.model),
            ("seed", str(report.seed)),
            (
                "calls",
                f"{report.calls:,}: {report.live:,} live, {report.cached:,} from memory, {report.failed:,} failed",
            ),
            ("tokens", f"{report.usage.input:,} in, {report.usage.output:,} out"),
            ("cost", report.cost or "none"),
        ]
        rows = [*told, *rows]
    answered = sorted({str(one) for one in answers.frame["model"] if one})
    if answered:
        rows.insert(0, ("answered by", ", ".join(answered)))
    body = "".join(f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>' for name, value in rows)
    return f'<div class="scroll"><table><tbody>{body}</tbody></table></div>'


def _section(title: str, body: str) -> str:
    return f"<h2>{_text(title)}</h2>{body}\n" if body else ""


def _cell(value: Any) -> str:
    made = text_cell(value)
    if made is None:
        return ""
    text = f"{made:.4g}" if isinstance(made, float) and not made.is_integer() else str(made)
    return _text(text if len(text) <= _CELL else text[: _CELL - 1] + "…")


def _words(kind: Any) -> str:
    return {"ok": "valid answers", "not_run": "not run"}.get(str(kind), str(kind))


def _text(value: Any) -> str:
    """Return a text that no browser takes for anything else; half surrogate pairs have no bytes."""
    return escape(str(value).encode("utf-8", "replace").decode())
