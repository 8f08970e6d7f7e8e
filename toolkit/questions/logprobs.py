"""Answers as distributions: one call, one output token, and how likely the model held each answer to be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.engine import Outcome
from toolkit.errors import InvalidInput, InvalidReply
from toolkit.models import Reply, Sampling, Schema
from toolkit.questions._kind import Answer
from toolkit.questions.choice import Choice
from toolkit.questions.option import id_of_place
from toolkit.questions.scale import Scale
from toolkit.questions.worded import Worded

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.media import Image

__all__ = ["Distribution", "averaged", "marks_of", "sampling_of", "weighed"]

_MOST = 20
"""Log-probabilities that providers return for a token at most."""
_DIGITS = 10
_LEAST_MASS = 0.01
"""Probability that must fall on the marks together; below, the model was not answering the question."""

Weights = Mapping[str, float]
"""Probability by mark, and in all under ``""``."""


@dataclass(frozen=True)
class Distribution(Answer):
    """A choice or scale that is answered as a distribution.

    Columns: ``answer`` (the likeliest option; of equally likely ones the first declared), ``p_<option>`` for each
    option, together 1, ``expected`` for a scale (the mean of the distribution), and ``mass``: how much probability fell
    on the options before they were scaled to 1. A low mass means that the model wanted to say something else.

    Args:
        base: The choice or scale.

    Raises:
        InvalidInput: Another answer type, a reason is asked for, or more options than log-probabilities come back.

    Example:
        >>> Distribution(Choice(["tea", "coffee"])).columns
        ('answer', 'p_tea', 'p_coffee', 'mass')
    """

    base: Choice | Scale

    def __post_init__(self) -> None:
        if not isinstance(self.base, (Choice, Scale)):
            raise InvalidInput(
                f"method='logprobs' cannot answer {type(self.base).__name__}", hint="Use Choice or Scale, or 'reply'."
            )
        if self.base.why:
            raise InvalidInput(
                "one token gives no reason, so why=True cannot be", hint="Leave why out, or use 'reply'."
            )
        if len(self.labels) > _MOST:
            raise InvalidInput(
                f"{len(self.labels)} options, where log-probabilities of {_MOST} tokens come back", hint="Offer fewer."
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """The options; of a scale its points."""
        if isinstance(self.base, Scale):
            return tuple(str(point) for point in range(self.base.low, self.base.high + 1))
        return self.base.options

    @property
    def options(self) -> tuple[str, ...]:
        """The options of a choice."""
        return self.base.options

    @property
    def ids(self) -> tuple[str, ...]:
        """None: marks stand in their place."""
        return ()

    @property
    def pictures(self) -> tuple[tuple[Image, ...], ...]:
        """For each option the images that belong to it."""
        return self.base.pictures

    @cached_property
    def schema(self) -> Schema:
        """That of the choice or scale; it is not sent."""
        return self.base.schema

    @property
    def instruction(self) -> str:
        """How to answer; the prompt of this method says it in its own words."""
        return self.base.instruction

    @property
    def columns(self) -> tuple[str, ...]:
        """``answer``, one probability an option, ``expected`` for a scale, ``mass``."""
        expected = ("expected",) if isinstance(self.base, Scale) else ()
        return ("answer", *(f"p_{label}" for label in self.labels), *expected, "mass")

    def read(self, value: Any) -> dict[str, Any]:
        """Return the columns of one answer.

        Args:
            value: Probability by option, and in all under ``""``, as ``averaged`` returns it.
        """
        if not isinstance(value, Mapping):
            raise InvalidReply("the reply holds no distribution", hint="Ask again.")
        total = sum(value.get(label, 0.0) for label in self.labels)
        shares = {label: value.get(label, 0.0) / total for label in self.labels}
        best = max(self.labels, key=lambda label: shares[label])
        columns: dict[str, Any] = {"answer": int(best) if isinstance(self.base, Scale) else best}
        columns |= {f"p_{label}": share for label, share in shares.items()}
        if isinstance(self.base, Scale):
            columns["expected"] = sum(int(label) * share for label, share in shares.items())
        return {**columns, "mass": value[""]}

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return ``answer`` as the choice or scale types it, the others as numbers."""
        return self.base.typed(column) if column.name == "answer" else column.astype("float64")

    def values(self, column: str) -> str:
        """Say which values a column can hold."""
        if column == "answer":
            return self.base.values("answer")
        return "" if column == "expected" else "0 to 1"

    def meaning(self, column: str) -> str:
        """Say what a column holds beside the question."""
        told = {
            "answer": "the likeliest option",
            "expected": "the mean of the distribution",
            "mass": "probability on the options before they were scaled to 1",
        }
        return told.get(column, f"probability of {column.removeprefix('p_')}")

    def summary(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the mean distribution: one row an option with n, share, low, high; for a scale the points as options.

        ``low`` and ``high`` are the ends of the 95 % interval of the mean over people (Student's t): how far people's
        distributions differ, not how sure the model is. Where a person was asked several times, its mean counts once.

        Args:
            frame: At least ``persona``, ``status`` and the answer's columns.
        """
        import pandas as pd

        valid = frame[frame["status"] == "ok"]
        each = valid[[f"p_{label}" for label in self.labels]].groupby(valid["persona"], observed=True).mean()
        rows = [(label, len(each), *_mean(each[f"p_{label}"])) for label in self.labels]
        made = pd.DataFrame(rows, columns=["option", "n", "share", "low", "high"])
        made["option"] = pd.Categorical(made["option"], list(self.labels), ordered=True)
        made.attrs["method"] = "Shares are mean probabilities; 95 % intervals are Student's t over people."
        return made


def marks_of(answer: Answer, order: Sequence[int]) -> tuple[tuple[str, str], ...]:
    """Return for each option in the order shown its mark and the text behind it.

    Points of a scale from 0 to 9 are their own marks; all else gets letters in the order shown, so that no letter
    belongs to an option.

    Args:
        answer: A distribution, or one as a condition words it.
        order: Places of the options, in the order shown.

    Example:
        >>> marks_of(Distribution(Choice(["tea", "coffee"])), [1, 0])
        (('A', 'coffee'), ('B', 'tea'))
        >>> marks_of(Distribution(Scale(1, 3, labels=("bad", "good"))), [0, 1, 2])
        (('1', 'bad'), ('2', ''), ('3', 'good'))
    """
    shown = answer.shown if isinstance(answer, Worded) else answer
    base = shown.base if isinstance(shown, Distribution) else shown
    if not isinstance(base, Scale):
        return tuple((id_of_place(n), base.options[place]) for n, place in enumerate(order))
    points = list(range(base.low, base.high + 1))
    ends = dict(zip((base.low, base.high), base.labels or ("", ""), strict=True))
    if base.low >= 0 and base.high < _DIGITS:
        return tuple((str(points[place]), ends.get(points[place], "")) for place in order)
    told = (f"{points[place]} ({end})" if (end := ends.get(points[place])) else str(points[place]) for place in order)
    return tuple((id_of_place(n), text) for n, text in enumerate(told))


def sampling_of(marks: Sequence[str]) -> Sampling:
    """Return how one token is asked for: its log-probabilities, and nothing after it."""
    return Sampling(max_tokens=1, logprobs=_MOST, among=tuple(marks))


def weighed(reply: Reply, marks: Sequence[str]) -> dict[str, float]:
    """Return how likely the model held each mark to be, scaled to 1, and under ``""`` what fell on marks in all.

    Tokens that differ in spaces or a bracket alone (``A``, `` A``, ``A)``) count together.

    Args:
        reply: One token with the log-probabilities of the likeliest.
        marks: What may be answered.

    Raises:
        InvalidReply: There are no log-probabilities, or hardly any probability fell on the marks.

    Example:
        >>> said = Reply("A", "m", logprobs=((("A", math.log(0.6)), (" B", math.log(0.2)), ("I", math.log(0.2))),))
        >>> {mark: round(p, 3) for mark, p in weighed(said, ["A", "B"]).items()}
        {'A': 0.75, 'B': 0.25, '': 0.8}
    """
    if not reply.logprobs or not reply.logprobs[0]:
        raise InvalidReply(
            f"{reply.model} sent no log-probabilities", hint="Ask with method='reply', or another model.", reply=reply
        )
    found = dict.fromkeys(marks, 0.0)
    for token, logarithm in reply.logprobs[0]:
        mark = token.strip(" \t\n\"'`.():▁Ġ")
        if mark in found:
            found[mark] += math.exp(min(0.0, logarithm))
    mass = sum(found.values())
    if mass < _LEAST_MASS:
        likely = reply.logprobs[0][0][0]
        raise InvalidReply(
            f"only {mass:.2%} of the probability fell on the options; the likeliest token was {likely!r}",
            hint="Ask with method='reply', or a larger model.",
            reply=reply,
        )
    return {**{mark: share / mass for mark, share in found.items()}, "": min(1.0, mass)}


def averaged(answer: Answer, calls: Sequence[tuple[Outcome, Sequence[str], Sequence[int]]], item: str) -> Outcome:
    """Return the one outcome of a row from those of its calls: the mean distribution, or the first that failed.

    Args:
        answer: The distribution.
        calls: For each call how it ended, its marks, and the places of the options behind them.
        item: The row.
    """
    whole = answer.declared if isinstance(answer, Worded) else answer
    assert isinstance(whole, Distribution)  # noqa: S101  # made so by the verb
    outcomes = [outcome for outcome, _, _ in calls]
    bad = next((one for one in outcomes if not one.ok), None)
    if bad is not None:
        return replace(bad, item=item)
    total = dict.fromkeys(("", *whole.labels), 0.0)
    for outcome, marks, order in calls:
        total[""] += outcome.value[""] / len(calls)
        for mark, place in zip(marks, order, strict=True):
            total[whole.labels[place]] += outcome.value[mark] / len(calls)
    return replace(outcomes[0], item=item, value=whole.read(total))


def _mean(column: pd.Series[float]) -> tuple[float, float, float]:
    from scipy import stats

    n = len(column)
    mean = float(column.mean()) if n else math.nan
    half = float(stats.t.ppf(0.975, n - 1)) * float(column.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    return mean, max(0.0, mean - half), min(1.0, mean + half)
