"""Answers as files for other programs: CSV, Parquet, Excel, JSON lines and an HTML report."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.questions._export_cells import guarded, is_formula, plain, plain_frame, text_cell

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.display import Result

__all__ = ["to_csv", "to_excel", "to_html", "to_jsonl", "to_parquet"]

_SUFFIXES = {
    ".csv": "to_csv",
    ".htm": "to_html",
    ".html": "to_html",
    ".jsonl": "to_jsonl",
    ".ndjson": "to_jsonl",
    ".parquet": "to_parquet",
    ".xlsx": "to_excel",
}
_CELL = 32_767
"""Characters that a cell of Excel holds."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML, and so a workbook, cannot hold."""
_SHEET = 1_048_575
"""Rows below the header that a sheet of Excel holds."""
_WIDEST = 60
"""Characters of the widest column."""
_LOOKED_AT = 100
"""Rows by which the width of a column is chosen."""


def to_csv(answers: Result, path: str | Path) -> Path:
    """Write the frame as CSV: UTF-8, the same bytes everywhere, missing values empty, lists as JSON.

    A text that a spreadsheet would run as a formula gets an apostrophe before it; ``to_jsonl`` and ``to_parquet`` hold
    every text as it is.

    Args:
        answers: What a panel said, or any result with a frame.
        path: Where; missing folders are made, an existing file is replaced whole.

    Returns:
        The path.

    Raises:
        InvalidInput: It cannot be written there.

    Example:
        >>> panel = generate_personas(2, "us-adults-2012", detail="facts", lab=lab)
        >>> said = ask(panel, "Tea or coffee?", answer=Choice(["tea", "coffee"]), lab=lab)
        >>> to_csv(said, tmp / "said.csv").read_text().split(",")[:3]
        ['persona', 'name', 'repeat']
    """
    import pandas as pd

    frame = plain_frame(answers.frame)
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.CategoricalDtype) or frame[name].dtype == object:
            cells = [guarded(one) if isinstance(one, str) else one for one in map(plain, frame[name])]
            frame[name] = pd.Series(cells, index=frame.index, dtype=object)
    frame.columns = [guarded(str(name)) for name in frame.columns]
    text = frame.to_csv(index=False, lineterminator="\n")
    return _put(path, "to_csv", lambda to: to.write_bytes(text.encode()))


def to_jsonl(answers: Result, path: str | Path) -> Path:
    """Write the frame as JSON lines, one object a row; missing values are null, texts stand as they are.

    Args:
        answers: What a panel said, or any result with a frame.
        path: Where.

    Example:
        >>> panel = generate_personas(2, "us-adults-2012", detail="facts", lab=lab)
        >>> said = ask(panel, "How good is tea?", answer=Scale(1, 5), lab=lab)
        >>> len(to_jsonl(said, tmp / "said.jsonl").read_text().splitlines())
        2
    """
    import orjson

    names = [str(name) for name in answers.frame.columns]
    rows = (dict(zip(names, map(plain, row), strict=True)) for row in answers.frame.itertuples(index=False, name=None))
    body = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    return _put(path, "to_jsonl", lambda to: to.write_bytes(body))


def to_parquet(answers: Result, path: str | Path) -> Path:
    """Write the frame as Parquet, with its types: categories stay categories, whole numbers whole, lists become JSON.

    Args:
        answers: What a panel said, or any result with a frame.
        path: Where.

    Raises:
        InvalidInput: It cannot be written there, or pyarrow is not installed (extra ``export``).

    Example:
        >>> import pandas as pd
        >>> panel = generate_personas(2, "us-adults-2012", detail="facts", lab=lab)
        >>> said = ask(panel, "Tea or coffee?", answer=Choice(["tea", "coffee"]), lab=lab)
        >>> pd.read_parquet(to_parquet(said, tmp / "said.parquet"))["answer"].cat.categories.tolist()
        ['tea', 'coffee']
    """
    _needed("pyarrow", "Parquet")
    frame = plain_frame(answers.frame)
    return _put(path, "to_parquet", lambda to: frame.to_parquet(to, engine="pyarrow", index=False))


def to_excel(answers: Any, path: str | Path) -> Path:
    """Write a workbook: the answers, the codebook, the summary, and the errors where there are any.

    No text is a formula. What a cell cannot hold (more than 32,767 characters) is cut and ends in ``…``; control
    characters are replaced.

    Args:
        answers: What a panel said.
        path: Where.

    Raises:
        InvalidInput: It cannot be written there, there are more rows than a sheet holds, or openpyxl is not installed
            (extra ``export``).

    Example:
        >>> import openpyxl
        >>> panel = generate_personas(2, "us-adults-2012", detail="facts", lab=lab)
        >>> said = ask(panel, "How good is tea?", answer=Scale(1, 5), lab=lab)
        >>> openpyxl.load_workbook(to_excel(said, tmp / "said.xlsx")).sheetnames
        ['answers', 'codebook', 'summary']
    """
    openpyxl = _needed("openpyxl", "Excel")
    sheets = {"answers": answers.frame}
    sheets |= {name: getattr(answers, name)() for name in ("codebook", "summary") if hasattr(answers, name)}
    if len(answers.errors):
        sheets["errors"] = answers.errors
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, frame in sheets.items():
        if len(frame) > _SHEET:
            raise InvalidInput(
                f"{len(frame):,} rows are more than a sheet of Excel holds ({_SHEET:,})", hint="Use to_parquet()."
            )
        _fill(book.create_sheet(name), frame)
    return _put(path, "to_excel", book.save)


def to_html(answers: Any, path: str | Path) -> Path:
    """Write a report: one HTML file with question, images, figure, summary, answers, errors and provenance.

    Args:
        answers: What a panel said.
        path: Where.

    Example:
        >>> panel = generate_personas(2, "us-adults-2012", detail="facts", lab=lab)
        >>> said = ask(panel, "How good is tea?", answer=Scale(1, 5), lab=lab)
        >>> to_html(said, tmp / "said.html").read_text().startswith("<!DOCTYPE html>")
        True
    """
    from toolkit.questions.report_html import report_html

    body = report_html(answers).encode()
    return _put(path, "to_html", lambda to: to.write_bytes(body))


def _fill(sheet: Any, frame: pd.DataFrame) -> None:
    """Write a frame into a sheet: a bold first row that stays in view, texts as texts."""
    bold = _needed("openpyxl.styles", "Excel").Font(bold=True)
    letter = _needed("openpyxl.utils", "Excel").get_column_letter
    rows = [[str(name) for name in frame.columns], *frame.itertuples(index=False, name=None)]
    for down, row in enumerate(rows, start=1):
        for across, value in enumerate(row, start=1):
            _set(sheet.cell(down, across), text_cell(value))
    for across in range(1, len(frame.columns) + 1):
        sheet.cell(1, across).font = bold
        widest = max(len(str(row[across - 1])) for row in rows[:_LOOKED_AT])
        sheet.column_dimensions[letter(across)].width = min(_WIDEST, widest + 3)
    sheet.freeze_panes = "A2"


def _set(cell: Any, value: Any) -> None:
    if not isinstance(value, str):
        cell.value = None if value in (float("inf"), float("-inf")) else value
        return
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)
    cell.value = text if len(text) <= _CELL else text[: _CELL - 1] + "…"
    cell.data_type = "s"  # or a text that begins with = would be a formula
    cell.quotePrefix = is_formula(text)  # and would become one when somebody edits the cell


def _needed(module: str, what: str) -> Any:
    """Return a module of an optional package."""
    package = module.split(".", maxsplit=1)[0]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InvalidInput(
            f"{what} files need {package}, which is not installed", hint="Install dramatis-toolkit[export]."
        ) from error


def _put(path: str | Path, verb: str, write: Callable[[Path], object]) -> Path:
    """Write a file beside its place and move it there, so that a stop leaves the old one or the new, never half."""
    target = Path(path)
    meant = _SUFFIXES.get(target.suffix.lower(), verb)
    if meant != verb:
        raise InvalidInput(f"{verb} was given {target.name!r}", hint=f"Use {meant}(), or another name.")
    fresh = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write(fresh)
        fresh.replace(target)
    except OSError as error:
        raise InvalidInput(
            f"{target.name!r} cannot be written: {error.strerror or error}", hint="Give a path of a file you may write."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # it was moved away, or never came to be
            fresh.unlink()
    return target
