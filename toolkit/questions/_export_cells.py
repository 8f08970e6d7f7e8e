"""Values as files can hold them: plain, readable everywhere, and nothing that a spreadsheet would run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["guarded", "is_formula", "plain", "plain_frame", "text_cell"]

_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001  # full-width ones run in some locales
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?%?")


def is_formula(text: str) -> bool:
    """Say whether a spreadsheet would take a text for a formula (OWASP, "CSV Injection").

    Example:
        >>> [is_formula(one) for one in ("=1+1", " @SUM(A1)", "-5", "tea", "- or rather tea")]
        [True, True, False, False, True]
    """
    stripped = text.strip()
    starts = text[:1] in {"\t", "\r", "\n"} or stripped.startswith(_STARTS)
    return bool(stripped) and starts and not _NUMBER.fullmatch(stripped)


def guarded(text: str) -> str:
    """Return a text that a spreadsheet shows as it stands: an apostrophe goes before what it would run.

    Example:
        >>> guarded("=HYPERLINK(1)"), guarded("tea")
        ("'=HYPERLINK(1)", 'tea')
    """
    return f"'{text}" if is_formula(text) else text


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: missing ones as ``None``, half surrogate pairs replaced, the unknown as text."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if hasattr(value, "item") and not getattr(value, "shape", ()):
        value = value.item()
    if isinstance(value, (int, float)):
        return None if value != value else value  # noqa: PLR0124  # only NaN differs from itself
    return None if type(value).__name__ in {"NAType", "NaTType"} else plain(str(value))


def text_cell(value: Any) -> Any:
    """Return a value as one cell can hold it: lists and mappings become JSON."""
    made = plain(value)
    return orjson.dumps(made, option=orjson.OPT_NON_STR_KEYS).decode() if isinstance(made, (list, dict)) else made


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose columns of objects hold texts or one kind of number; typed columns stay as they are."""
    import pandas as pd

    made = frame.copy()
    made.columns = [plain(str(name)) for name in frame.columns]
    for name in made.columns:
        column = made[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            labels = [plain(one) for one in column.cat.categories]
            if labels != list(column.cat.categories) and len(set(labels)) == len(labels):
                made[name] = column.cat.rename_categories(labels)
        elif column.dtype == object or pd.api.types.is_string_dtype(column):
            cells = [text_cell(one) for one in column]
            kinds = {type(one) for one in cells if one is not None}
            made[name] = pd.Series(
                cells if len(kinds) <= 1 else [None if one is None else str(one) for one in cells],
                index=made.index,
                dtype=object,
            )
    return made
