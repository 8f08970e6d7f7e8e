"""What someone gives to be compared: answers, frames, columns, counts or a file, read into rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest
from toolkit.questions._kind import short
from toolkit.questions.choice import Choice
from toolkit.questions.logprobs import Distribution
from toolkit.questions.option import normal

if TYPE_CHECKING:
    from toolkit.questions.answers import Answers

__all__ = ["Given", "attribute_of", "ends_of", "label_key", "label_of", "options_weighed", "read"]

_COUNTS = "count"
"""Name of a column, or of a series, that holds how often each level was answered; pandas' own."""
_SHARE = "p_"
"""Begins the names of columns that hold how likely an option is."""
_OURS = {"persona", "name", "repeat", "why", "status", "shown", "model", "condition"}
"""Columns of an answer frame that are no answer."""


@dataclass(frozen=True)
class Given:
    """One side of a comparison.

    Columns of ``rows``: ``value``, ``weight`` (in all as many as respondents), ``given`` (the weight as it came),
    ``person`` and, where strata were asked for, ``group``.
    """

    side: str
    rows: pd.DataFrame
    options: tuple[str, ...] = ()
    """Declared order of labels, where there is one."""
    ends: tuple[float, float] | None = None
    """Ends of the scale, where the answers know them."""
    nominal: bool = False
    """Known to be labels, even where they look like numbers."""
    split: bool = False
    """Each answer is a distribution: one row an option, weighing as much as it is likely."""
    missing: int = 0
    """Rows without an answer, which do not count."""
    question: str = ""

    def stratum(self, label: str) -> Given:
        """Return the rows of one group."""
        rows = self.rows[self.rows["group"].map(label_key) == label_key(label)]
        return replace(self, rows=_balanced(rows, split=self.split))

    def numbers(self) -> pd.Series[Any] | None:
        """Return the values as numbers, or nothing where they are labels."""
        values = self.rows["value"]
        if self.nominal or values.map(lambda one: isinstance(one, (bool, np.bool_))).any():
            return None
        made = pd.to_numeric(values, errors="coerce").astype("float64")
        return None if made.isna().any() else made


def read(
    given: Any,
    side: str,
    *,
    column: str | None = None,
    weights: Any = None,
    by: str | None = None,
    scale: tuple[float, float] | None = None,
) -> Given:
    """Read one side of a comparison.

    Args:
        given: Answers, a frame, a column, a sequence, counts by level, or the path of a CSV file.
        side: ``model`` or ``human``, for messages.
        column: Which column of a frame holds the answers.
        weights: Column of a frame, or one weight a row.
        by: Column, or attribute of the personas, that says to which stratum a row belongs.
        scale: Ends of the scale, by which a list of counts is told from a list of answers.

    Raises:
        InvalidInput: It cannot be read as answers.
    """
    if isinstance(given, (str, Path)):
        given = _csv(Path(given), side)
    if hasattr(given, "asked") and hasattr(given, "frame"):
        made = _answers(given, side, by)
    elif isinstance(given, pd.DataFrame):
        made = _frame(given, side, column, weights, by)
    elif by is not None:
        raise InvalidInput(
            f"the {side} answers are of type {type(given).__name__}, which has no column {by!r}",
            hint="Give a frame with that column, or leave by= away.",
        )
    else:
        made = _values(given, side, weights, scale)
    return _checked(made)


def attribute_of(answers: Answers, name: str) -> pd.Series[Any]:
    """Return a column of an answer frame, or an attribute of the personas, one value a row.

    Args:
        answers: What a panel said.
        name: Of a column or an attribute.

    Raises:
        InvalidInput: There is neither.
    """
    frame = answers.frame
    if name in frame.columns:
        return frame[name]
    people = {one.id: one for one in answers.people}
    known = list(dict.fromkeys(attribute for one in people.values() for attribute in one.attributes))
    if name not in known:
        raise InvalidInput(
            f"the answers have no column and the personas no attribute {name!r}",
            hint=f"Use one of {', '.join(known) or 'the columns of .frame'}{nearest(name, known)}.",
        )
    levels = next((list(one.levels[name]) for one in people.values() if name in one.levels), [])
    made = frame["persona"].map(lambda one: people[one].attributes.get(name))
    ordered = bool(levels) and made.dropna().isin(levels).all()
    return made.astype(pd.CategoricalDtype(levels, ordered=True)) if ordered else made.infer_objects()


def options_weighed(frame: pd.DataFrame, column: str) -> tuple[str, ...]:
    """Return the options of answers that are distributions, each with its share in ``p_<option>``; none for others.

    Args:
        frame: A frame of answers.
        column: The column looked at: in ``answer`` stands the likeliest option, which says less than the shares do.

    Example:
        >>> said = pd.DataFrame({"answer": ["tea"], "p_tea": [0.6], "p_rum": [0.4], "mass": [0.9]})
        >>> options_weighed(said, "answer")
        ('tea', 'rum')
    """
    if column != "answer" or "mass" not in frame.columns:
        return ()
    return tuple(str(name).removeprefix(_SHARE) for name in frame.columns if str(name).startswith(_SHARE))


def _split(rows: pd.DataFrame, frame: pd.DataFrame, options: Sequence[str]) -> pd.DataFrame:
    """Return one row an option in place of one an answer, weighing as much as the option is likely."""
    shares = {label: frame[f"{_SHARE}{label}"].to_numpy("float64") for label in options}
    return pd.concat([rows.assign(value=label, weight=share) for label, share in shares.items()])


def _answers(answers: Answers, side: str, by: str | None) -> Given:
    asked = answers.asked.answer
    answer: Any = asked.base if isinstance(asked, Distribution) else asked  # only scales and numbers have ends
    ranged = hasattr(answer, "low") and hasattr(answer, "high")
    if not (isinstance(answer, Choice) or ranged) or "answer" not in answers.frame:
        raise InvalidInput(
            f"answers of type {type(answer).__name__} are not one distribution",
            hint="Compare one column of .frame with compare_samples(), or ask for a Choice or a Scale.",
        )
    frame = answers.frame
    rows = pd.DataFrame({"value": frame["answer"].astype(object), "weight": 1.0, "person": frame["persona"]})
    if by is not None:
        rows["group"] = attribute_of(answers, by).astype(object)
    rows = rows[(frame["status"] == "ok").to_numpy()]
    missing = len(frame) - len(rows)
    if isinstance(asked, Distribution):
        rows = _split(rows, frame.loc[rows.index], asked.labels)
    ends = None
    if ranged and answer.low is not None and answer.high is not None:
        ends = (float(answer.low), float(answer.high))
    return Given(
        side,
        rows,
        options=answer.options,
        ends=ends,
        nominal=not ranged,
        split=isinstance(asked, Distribution),
        missing=missing,
        question=answers.asked.question,
    )


def _frame(frame: pd.DataFrame, side: str, column: str | None, weights: Any, by: str | None) -> Given:
    for name, what in ((column, "column"), (by, "by"), (weights if isinstance(weights, str) else None, "weights")):
        if name is not None and name not in frame.columns:
            raise InvalidInput(
                f"{what}={name!r}, but the {side} frame has no such column",
                hint=f"It has {short(list(map(str, frame.columns)))}{nearest(name, map(str, frame.columns))}.",
            )
    column = column or _only_column(frame, side, {by, weights if isinstance(weights, str) else None})
    if "status" in frame.columns:
        frame = frame[frame["status"] == "ok"]
    shared = options_weighed(frame, column)
    if shared and weights is not None:
        raise InvalidInput(f"the {side} answers are distributions, which take no weights", hint="Leave weights= away.")
    held = frame[column]
    options = tuple(map(str, held.cat.categories)) if isinstance(held.dtype, pd.CategoricalDtype) else ()
    rows = pd.DataFrame({"value": held.astype(object)})
    rows["weight"] = _weights(frame[weights] if isinstance(weights, str) else weights, len(frame), side)
    rows["person"] = frame["persona"] if "persona" in frame.columns else np.arange(len(frame))
    if by is not None:
        rows["group"] = frame[by].astype(object)
    if shared:
        said = held.notna().to_numpy()
        split = _split(rows[said], frame[said], shared)
        return Given(side, split, options=options, split=True, missing=int((~said).sum()))
    if _COUNTS in frame.columns and column != _COUNTS:
        times = [_times(one, side) for one in frame[_COUNTS]]
        rows = rows.loc[rows.index.repeat(times)].reset_index(drop=True)
        rows["person"] = np.arange(len(rows))
    return Given(side, rows, options=options)


def _only_column(frame: pd.DataFrame, side: str, taken: set[str | None]) -> str:
    if "answer" in frame.columns:
        return "answer"
    left = [str(name) for name in frame.columns if name not in taken and name not in _OURS | {_COUNTS}]
    if len(left) != 1:
        raise InvalidInput(
            f"the {side} frame has {len(left)} columns that could hold the answers: {short(left)}",
            hint="Say which: column='vote', say.",
        )
    return left[0]


def _values(given: Any, side: str, weights: Any, scale: tuple[float, float] | None) -> Given:
    options: tuple[str, ...] = ()
    if isinstance(given, pd.Series):
        if isinstance(given.dtype, pd.CategoricalDtype):
            options = tuple(map(str, given.cat.categories))
        if given.name == _COUNTS:
            given = given.to_dict()
        elif given.name == "proportion":
            raise InvalidInput(
                f"the {side} answers are given as shares", hint="Give counts: how sure shares are depends on n."
            )
    counts: Mapping[Any, Any] | None = given if isinstance(given, Mapping) else None
    if counts is None:
        if isinstance(given, (bytes, set, frozenset)) or not isinstance(given, Iterable):
            raise InvalidInput(
                f"the {side} answers are {short(given)}, not answers",
                hint="Give answers, a frame, a list, counts like {1: 11, 2: 9}, or the path of a CSV file.",
            )
        values = list(given)
        counts = _as_counts(values, scale)
        if counts is None:
            rows = pd.DataFrame({"value": pd.Series(values, dtype=object)})
            rows["weight"] = _weights(weights, len(rows), side)
            return Given(side, rows.assign(person=np.arange(len(rows))), options=options)
    if weights is not None:
        raise InvalidInput(f"the {side} answers are counts, which take no weights", hint="Give one row an answer.")
    levels = list(counts)
    times = [_times(counts[level], side) for level in levels]
    values = [level for level, n in zip(levels, times, strict=True) for _ in range(n)]
    rows = pd.DataFrame({"value": pd.Series(values, dtype=object), "weight": 1.0, "person": np.arange(len(values))})
    return Given(side, rows, options=options or tuple(map(str, levels)))


def _as_counts(values: Sequence[Any], scale: tuple[float, float] | None) -> dict[Any, Any] | None:
    """Return counts by level where a list can only be that: one whole number a level, and one of them off the scale."""
    if scale is None or not all(float(end).is_integer() for end in scale):
        return None
    low, high = map(int, scale)
    whole = all(_whole(one) and one >= 0 for one in values)
    if len(values) != high - low + 1 or not whole or all(low <= one <= high for one in values):
        return None
    return dict(zip(range(low, high + 1), values, strict=True))


def _times(count: Any, side: str) -> int:
    if not _whole(count) or count < 0:
        raise InvalidInput(f"a count of the {side} answers is {count!r}", hint="Counts are whole numbers from 0.")
    return int(count)


def _weights(weights: Any, n: int, side: str) -> Any:
    if weights is None:
        return np.ones(n)
    try:
        made = np.asarray(weights, dtype=np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"the weights of the {side} answers are no numbers: {error}") from error
    if len(made) != n:
        raise InvalidInput(f"{len(made):,} weights for {n:,} {side} answers", hint="Give one weight a row.")
    return made


def _checked(given: Given) -> Given:
    """Leave out what is missing, check the weights and bring them to the number of respondents."""
    rows = given.rows
    kept = rows[rows["value"].notna() & (rows["weight"] != 0)]
    bad = ~np.isfinite(kept["weight"]) | (kept["weight"] < 0)
    if bad.any():
        raise InvalidInput(
            f"a weight of the {given.side} answers is {kept['weight'][bad].iloc[0]!r}",
            hint="Weights are finite numbers from 0.",
        )
    people = kept["person"].nunique()
    if people < 2:  # noqa: PLR2004  # one respondent has no distribution
        raise InvalidInput(
            f"the {given.side} answers come from {people} respondent(s)", hint="Give valid answers of at least two."
        )
    missing = given.missing + (0 if given.split else len(rows) - len(kept))  # an unlikely option is no missing answer
    return replace(given, rows=_balanced(kept.assign(given=kept["weight"]), split=given.split), missing=missing)


def _balanced(rows: pd.DataFrame, *, split: bool) -> pd.DataFrame:
    """Let whoever answered several times count once, and bring the weights of all to the number of respondents."""
    said = rows["given"] if split else pd.Series(1.0, index=rows.index)
    once = rows["given"] / said.groupby(rows["person"].to_numpy()).transform("sum").to_numpy()
    return rows.assign(weight=once * (rows["person"].nunique() / once.sum()))


def _csv(path: Path, side: str) -> pd.DataFrame:
    try:
        return pd.read_csv(path, encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput(
            f"the {side} answers in {path.name!r} cannot be read: {error.strerror}", hint="Give the path of a CSV file."
        ) from error
    except ValueError as error:  # pandas' ParserError and EmptyDataError are of this kind, as is a wrong encoding
        raise InvalidInput(
            f"the {side} answers in {path.name!r} are no CSV table: {error}", hint="Save it as UTF-8 CSV with a header."
        ) from error


def ends_of(scale: Any) -> tuple[float, float]:
    """Return the ends of a scale as numbers.

    Raises:
        InvalidInput: It is no pair of finite numbers of which the second is larger.
    """
    try:
        low, high = (float(end) for end in scale)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"scale={short(scale)} is no pair of numbers", hint="Give scale=(1, 5), say.") from error
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InvalidInput(f"scale=({low:g}, {high:g}) does not rise", hint="Give scale=(1, 5), say.")
    return low, high


def label_of(value: Any) -> str:
    """Return a value as a label: 1 and 1.0 are the same option.

    Example:
        >>> label_of(1.0), label_of(" very  much ")
        ('1', 'very much')
    """
    return str(int(value)) if _whole(value) else " ".join(str(value).split())


def label_key(value: Any) -> str:
    """Return what labels are matched by."""
    return normal(label_of(value))


def _whole(value: Any) -> bool:
    """Say whether a value is a whole number, be it written 1 or 1.0; truth values are none."""
    number = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
    return number and float(value).is_integer()
