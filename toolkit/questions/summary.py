"""Answers in numbers, with the intervals that their kind asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from toolkit.questions.answer import Answer, Choice, Scale, Text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["summarise", "wilson"]

_Z95 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""


def wilson(successes: int, n: int, z: float = _Z95) -> tuple[float, float]:
    """Return the score interval of a share (E. B. Wilson, JASA 22, 1927, p. 209).

    Args:
        successes: How many of ``n``.
        n: How many in all; with 0 the interval is all of 0 to 1.
        z: Normal quantile; the default gives 95 %.

    Example:
        >>> tuple(round(end, 4) for end in wilson(10, 100))
        (0.0552, 0.1744)
    """
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    middle = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def summarise(answer: Answer, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the summary of an answer frame; see ``Answers.summary``.

    Args:
        answer: What kind of answer the frame holds.
        frame: At least ``status`` and the answer's columns; only rows with status ``ok`` count.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"status": ["ok", "ok", "invalid"], "answer": [2, 4, None]})
        >>> float(summarise(Scale(1, 5), frame)["mean"].iloc[0])
        3.0
    """
    valid = frame[frame["status"] == "ok"]
    if isinstance(answer, Choice):
        return _shares(answer, valid["answer"])
    if isinstance(answer, Scale):
        return _mean(valid["answer"])
    if isinstance(answer, Text):
        return _texts(valid["answer"])
    return _fields(valid, answer.columns)


def _shares(answer: Choice, column: pd.Series[Any]) -> pd.DataFrame:
    import pandas as pd

    total = len(column)
    counts = column.value_counts()
    rows = []
    for option in answer.options:
        n = int(counts.get(option, 0))
        low, high = wilson(n, total)
        rows.append((option, n, n / total if total else float("nan"), low, high))
    made = pd.DataFrame(rows, columns=["option", "n", "share", "low", "high"])
    made["option"] = pd.Categorical(made["option"], list(answer.options), ordered=True)
    return made


def _mean(column: pd.Series[Any]) -> pd.DataFrame:
    import pandas as pd
    from scipy import stats

    values = column.astype("float64").to_numpy()
    n = len(values)
    mean = float(values.mean()) if n else float("nan")
    sd = float(values.std(ddof=1)) if n > 1 else float("nan")
    half = float(stats.t.ppf(0.975, n - 1)) * sd / math.sqrt(n) if n > 1 else float("nan")
    median = float(pd.Series(values).median())
    return pd.DataFrame(
        [(n, mean, sd, mean - half, mean + half, median)], columns=["n", "mean", "sd", "low", "high", "median"]
    )


def _texts(column: pd.Series[Any]) -> pd.DataFrame:
    import pandas as pd

    characters = float(column.str.len().mean()) if len(column) else float("nan")
    return pd.DataFrame(
        [(len(column), int(column.nunique()), characters)], columns=["n", "different", "mean_characters"]
    )


def _fields(valid: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for name in names:
        given = valid[name].dropna()
        number = pd.api.types.is_numeric_dtype(given) and len(given)
        mean = float(given.astype("float64").mean()) if number else float("nan")
        rows.append((name, len(given), int(given.astype(str).nunique()), mean))
    return pd.DataFrame(rows, columns=["field", "n", "different", "mean"])
