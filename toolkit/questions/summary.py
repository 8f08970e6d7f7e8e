"""Answers in numbers, with the intervals that their kind asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.questions._intervals import RESAMPLES, estimated_mean, estimated_median, estimated_share, wilson
from toolkit.questions.allocation import Allocation, points_column
from toolkit.questions.answer import Answer, Choice, Matrix, MultiChoice, Number, Ranking, Scale, Text
from toolkit.questions.matrix import row_column
from toolkit.questions.ranking import rank_column

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    People = NDArray[np.intp] | None

__all__ = ["interval_method", "summarise", "wilson"]

_SHARES = "Wilson's, of shares"
_MEANS = "Student's t, of means"


def summarise(answer: Answer, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the summary of an answer frame; see ``Answers.summary``.

    ======================= ========================================================================================
    ``Choice MultiChoice``  one row an option: option, n (who chose it), share, low, high
    ``Scale``               one row: n, mean, sd, low, high, median
    ``Number``              one row: n, mean, sd, low, high, median, median_low, median_high, least, most
    ``Ranking``             one row an option: option, n (rankings), borda (points in all), winner, points (a ranking),
                            low, high, mean_rank, first (share of rankings that put it first, alone or not)
    ``Allocation``          one row an option: option, n, share (of the total), low, high, mean, sd, median (points)
    ``Matrix`` of a Scale   one row a row: row, n, mean, sd, low, high, median
    ``Matrix`` of labels    one row a row and level: row, level, n, share, low, high
    ``Text``                one row: n, different, mean_characters
    a pydantic model        one row a field: field, n, different, mean (of numbers)
    ======================= ========================================================================================

    ``low`` and ``high`` are the ends of a 95 % interval of the column before them, for ratings and ranks cut at the
    ends of what can be. How they were made stands in the frame's ``attrs["method"]``. Where a persona answered more
    than once, shares and means are the mean of people's own, and intervals count people, not answers; ``n``, ``sd``,
    ``median`` and ``borda`` are of all answers.

    Args:
        answer: What kind of answer the frame holds.
        frame: At least ``status`` and the answer's columns, and ``persona`` where people may have answered several
            times; only rows with status ``ok`` count.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"status": ["ok", "ok", "invalid"], "answer": [2, 4, None]})
        >>> float(summarise(Scale(1, 5), frame)["mean"].iloc[0])
        3.0
    """
    valid = frame[frame["status"] == "ok"]
    made = _table(answer, valid, _people(valid))
    made.attrs["method"] = interval_method(answer, frame)
    return made


def interval_method(answer: Answer, frame: pd.DataFrame) -> str:
    """Say in a sentence or two how the intervals of a summary were made; empty where there are none.

    Args:
        answer: What kind of answer the frame holds.
        frame: As ``summarise`` takes it.

    Example:
        >>> import pandas as pd
        >>> twice = pd.DataFrame({"persona": ["p1", "p1"], "status": ["ok", "ok"], "answer": [2, 4]})
        >>> interval_method(Scale(1, 5), twice)
        "95 % intervals are Student's t, of means. 1 person gave 2 answers: each counts once, by the mean of their own."
    """
    how = _how(answer)
    if not how:
        return ""
    valid = frame[frame["status"] == "ok"]
    people = _people(valid)
    told = f"95 % intervals are {how}."
    if people is None:
        return told
    k = int(people.max()) + 1
    who = "1 person" if k == 1 else f"{k:,} people"
    tail = " Wilson's are for the effective number of answers, between people and answers." if _SHARES in how else ""
    return f"{told} {who} gave {len(people):,} answers: each counts once, by the mean of their own.{tail}"


def _how(answer: Answer) -> str:
    if isinstance(answer, (Choice, MultiChoice)) or (
        isinstance(answer, Matrix) and not isinstance(answer.levels, Scale)
    ):
        return _SHARES
    if isinstance(answer, Number):
        return f"{_MEANS}, and a percentile bootstrap ({RESAMPLES:,} samples), of the median"
    return _MEANS if isinstance(answer, (Scale, Ranking, Allocation, Matrix)) else ""


def _people(valid: pd.DataFrame) -> People:
    """Return a number for who gave each answer; None where everybody gave one."""
    import pandas as pd

    if "persona" not in valid or not valid["persona"].duplicated().any():
        return None
    return pd.factorize(valid["persona"])[0]


def _table(answer: Answer, valid: pd.DataFrame, people: People) -> pd.DataFrame:
    for kind, make in _TABLES.items():
        if isinstance(answer, kind):
            return make(answer, valid, people)
    return _fields(valid, answer.columns)


def _choice(answer: Choice, valid: pd.DataFrame, people: People) -> pd.DataFrame:
    hits = {option: (valid["answer"] == option).to_numpy(dtype=bool) for option in answer.options}
    return _ordered("option", [(option, *_share(hit, people)) for option, hit in hits.items()])


def _multi_choice(answer: MultiChoice, valid: pd.DataFrame, people: People) -> pd.DataFrame:
    chosen = answer.indicators(valid)
    rows = [(option, *_share(chosen[option].to_numpy(dtype=bool), people)) for option in answer.options]
    return _ordered("option", rows)


def _share(hits: NDArray[np.bool_], people: People) -> tuple[int, float, float, float]:
    return int(hits.sum()), *estimated_share(hits, people)


def _ordered(name: str, rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """Return rows of shares by option or row, in declared order."""
    import pandas as pd

    made = pd.DataFrame(rows, columns=[name, "n", "share", "low", "high"])
    made[name] = pd.Categorical(made[name], list(made[name]), ordered=True)
    return made


def _scale(answer: Scale, valid: pd.DataFrame, people: People) -> pd.DataFrame:
    import pandas as pd

    row = _rated(answer, valid["answer"], people)
    return pd.DataFrame([row], columns=["n", "mean", "sd", "low", "high", "median"])


def _rated(scale: Scale, column: pd.Series[Any], people: People) -> tuple[float, ...]:
    """Return n, mean, sd, low, high, median of ratings."""
    n, mean, sd, low, high, median = _mean(column, people)
    return n, mean, sd, *_within(low, high, scale.low, scale.high), median


def _mean(column: pd.Series[Any], people: People) -> tuple[float, ...]:
    """Return n, mean, sd, low, high, median."""
    values = column.to_numpy(dtype="float64")
    mean, low, high = estimated_mean(values, people)
    sd = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    median = float(column.astype("float64").median())
    return len(values), mean, sd, low, high, median


def _within(low: float, high: float, least: float, most: float) -> tuple[float, float]:
    """Return an interval cut where no mean can lie; what is no number stays none, as it stands first."""
    return max(low, float(least)), min(high, float(most))


def _number(_answer: Number, valid: pd.DataFrame, people: People) -> pd.DataFrame:
    import pandas as pd

    values = valid["answer"].to_numpy(dtype="float64")
    ends = (float(values.min()), float(values.max())) if len(values) else (math.nan, math.nan)
    return pd.DataFrame(
        [(*_mean(valid["answer"], people)[:5], *estimated_median(values, people), *ends)],
        columns=["n", "mean", "sd", "low", "high", "median", "median_low", "median_high", "least", "most"],
    )


def _ranking(answer: Ranking, valid: pd.DataFrame, people: People) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    n = len(answer.options)
    ranked = valid[[rank_column(option) for option in answer.options]].to_numpy(dtype="float64", na_value=math.nan)
    shared = (n + answer.ranked + 1) / 2  # those left out of a ranking of the best few share the places after them
    places = np.where(np.isnan(ranked), shared, ranked)
    points = n - places
    totals = points.sum(axis=0)
    best = places.min(axis=1, keepdims=True) if len(places) else places
    rows = []
    for place, option in enumerate(answer.options):
        mean, low, high = estimated_mean(points[:, place], people)
        first = estimated_share(places[:, place] == best[:, 0], people)[0] if len(places) else math.nan
        won = bool(len(places)) and totals[place] == totals.max()
        ends = _within(low, high, 0, n - 1)
        rows.append((option, len(places), float(totals[place]), won, mean, *ends, n - mean, first))
    columns = ["option", "n", "borda", "winner", "points", "low", "high", "mean_rank", "first"]
    made = pd.DataFrame(rows, columns=columns)
    made["option"] = pd.Categorical(made["option"], list(answer.options), ordered=True)
    return made


def _allocation(answer: Allocation, valid: pd.DataFrame, people: People) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for option in answer.options:
        n, mean, sd, low, high, median = _mean(valid[points_column(option)], people)
        ends = max(0.0, low / answer.total), min(1.0, high / answer.total)
        if math.isnan(low):
            ends = (math.nan, math.nan)
        rows.append((option, n, mean / answer.total, *ends, mean, sd, median))
    made = pd.DataFrame(rows, columns=["option", "n", "share", "low", "high", "mean", "sd", "median"])
    made["option"] = pd.Categorical(made["option"], list(answer.options), ordered=True)
    return made


def _matrix(answer: Matrix, valid: pd.DataFrame, people: People) -> pd.DataFrame:
    import pandas as pd

    levels = answer.levels
    if isinstance(levels, Scale):
        rows: list[Any] = [(row, *_rated(levels, valid[row_column(row)], people)) for row in answer.options]
        made = pd.DataFrame(rows, columns=["row", "n", "mean", "sd", "low", "high", "median"])
    else:
        rows = [
            (row, level, *_share((valid[row_column(row)] == level).to_numpy(dtype=bool), people))
            for row in answer.options
            for level in levels
        ]
        made = pd.DataFrame(rows, columns=["row", "level", "n", "share", "low", "high"])
        made["level"] = pd.Categorical(made["level"], list(levels), ordered=True)
    made["row"] = pd.Categorical(made["row"], list(answer.options), ordered=True)
    return made


def _text(_answer: Text, valid: pd.DataFrame, _people: People) -> pd.DataFrame:
    import pandas as pd

    column = valid["answer"]
    characters = float(column.str.len().mean()) if len(column) else math.nan
    return pd.DataFrame(
        [(len(column), int(column.nunique()), characters)], columns=["n", "different", "mean_characters"]
    )


def _fields(valid: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for name in names:
        given = valid[name].dropna()
        number = pd.api.types.is_numeric_dtype(given) and len(given)
        mean = float(given.astype("float64").mean()) if number else math.nan
        rows.append((name, len(given), int(given.astype(str).nunique()), mean))
    return pd.DataFrame(rows, columns=["field", "n", "different", "mean"])


_TABLES: dict[type[Answer], Callable[[Any, pd.DataFrame, People], pd.DataFrame]] = {
    Choice: _choice,
    MultiChoice: _multi_choice,
    Scale: _scale,
    Number: _number,
    Ranking: _ranking,
    Allocation: _allocation,
    Matrix: _matrix,
    Text: _text,
}
