"""Answers by an attribute of those who gave them: counts, shares, a test that fits, and how large the effect is."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from toolkit.display.html import card, fit, table
from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest
from toolkit.questions._effects import Effect, across_groups, of_table, of_two_numbers
from toolkit.questions._given import attribute_of, label_of
from toolkit.questions._kind import short
from toolkit.questions.scale import Scale
from toolkit.seeds import generator

if TYPE_CHECKING:
    from toolkit.questions.answers import Answers

__all__ = ["Crosstab", "crosstab"]

_MOST_GROUPS = 50
_MOST_COLUMNS = 21
"""Different answers up to which each has a column of its own."""
_BANDS = 4
"""Bands of about equal numbers, into which a number is cut for the tables."""
_COMPANY = "Of twenty cross-tabs one has p < 0.05 by chance alone: correct p for how many are looked at."


@dataclass(frozen=True, eq=False)  # frames do not compare to one truth value
class Crosstab:
    """Answers by an attribute, with a test and an effect size.

    Each respondent counts once: of repeated answers the mean, or for options the most frequent one, ties going to the
    one given first.

    Example:
        >>> import pandas as pd
        >>> said = pd.DataFrame({"answer": ["tea", "tea", "rum", "rum"] * 9, "sex": ["f", "f", "m", "m"] * 9})
        >>> found = crosstab(said, by="sex")
        >>> found.test, round(found.effect, 2), found.p < 0.001
        ('χ²', 1.0, True)
    """

    title: str
    by: str
    n: int
    """Respondents with an answer and a value of the attribute."""
    counts: pd.DataFrame
    """Groups down, answers across; numbers of many values are cut into bands."""
    shares: pd.DataFrame
    """The same, as shares of each group."""
    groups: pd.DataFrame
    """One row a group: ``group``, ``n``, and for numbers ``mean``, ``sd``, ``median``."""
    test: str
    statistic: float
    p: float
    effect_name: str
    effect: float
    low: float
    """95 % interval of the effect size; V, ε² and η² cannot be negative, so a small one is measured too high."""
    high: float
    notes: tuple[str, ...] = ()

    @property
    def frame(self) -> pd.DataFrame:
        """The test in one row: by, n, test, statistic, p, effect_name, effect, low, high."""
        names = ["by", "n", "test", "statistic", "p", "effect_name", "effect", "low", "high"]
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def _facts(self) -> list[str]:
        reach = "" if np.isnan(self.low) else f" (95 % interval {self.low:.2f} to {self.high:.2f})"
        p = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.3f}"  # noqa: PLR2004  # as papers write it
        return [f"{self.n:,} respondents", f"{self.test}: {p}", f"{self.effect_name} = {self.effect:.2f}{reach}"]

    def __repr__(self) -> str:
        """Return the test and the shares as plain text."""
        shown = self.shares.map("{:.0%}".format).to_string().split("\n")
        lines = [self.title, "  " + " · ".join(self._facts()), *(f"  {line}" for line in shown)]
        return "\n".join([*lines, *(f"  ! {note}" for note in self.notes)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002  # IPython's
        cells = self.shares.map("{:.0%}".format) + " (" + self.counts.astype(str) + ")"
        cells = cells.rename(columns=str).rename_axis(columns=None).reset_index()
        brief = card(self.title, self._facts(), notes=self.notes)
        full = card(self.title, self._facts(), table(cells, 20), notes=self.notes)
        return {"text/plain": repr(self), "text/html": fit(full, brief)}


def crosstab(
    answers: Answers | pd.DataFrame, by: str, *, column: str = "answer", seed: int = 0, resamples: int = 2000
) -> Crosstab:
    """Set answers against an attribute of those who gave them.

    Options by groups: χ², or Fisher's exact test where expected counts are under 5, with Cramér's V. Ratings on a
    ``Scale`` by groups: Kruskal-Wallis with ε². Other numbers by groups: one-way ANOVA with η². A number by a number
    (age): Spearman's r. Options by a number: Kruskal-Wallis of the number, with ε².

    Args:
        answers: What a panel said, or a frame with ``answer`` and the attribute; ``persona`` and ``status`` count.
        by: Attribute of the personas, or a column of the frame.
        column: Which column holds the answers.
        seed: Of draws: bootstrap intervals, and Fisher's test where it is too large to enumerate.
        resamples: How often respondents are drawn again for an interval.

    Raises:
        InvalidInput: An unknown attribute, one that does not vary or that varies within respondents, or answers that
            are neither options nor numbers.

    Example:
        >>> panel = generate_personas(12, "us-adults-2012", detail="facts", lab=lab)
        >>> said = ask(panel, "How good is tea?", answer=Scale(1, 5), lab=lab)
        >>> crosstab(said, by="sex").effect_name, crosstab(said, by="age").effect_name
        ('ε²', 'r')
    """
    rows, title, rated = _rows(answers, by, column)
    people = _one_a_person(rows, by)
    if len(people) < 3:  # noqa: PLR2004  # two respondents always fit some line
        raise InvalidInput(f"{len(people)} respondents have both an answer and {by!r}", hint="Ask more.")
    answer, attribute = people["answer"], people["group"]
    if len(set(attribute)) == 1:
        raise InvalidInput(
            f"by={by!r}: everyone is {label_of(attribute.iloc[0])!r}", hint="Use an attribute that varies."
        )
    random = generator(seed, "questions.crosstab", by)
    effect = _effect(answer, attribute, random, resamples, rated=rated)
    groups = _cut(attribute, _BANDS) if _numeric(attribute) else attribute
    levels = _cut(answer, _BANDS) if _numeric(answer) and answer.nunique() > _MOST_COLUMNS else answer
    counts = pd.crosstab(groups, levels).rename_axis(index=by, columns="answer")
    notes = [_COMPANY]
    if len(people) < len(rows):
        notes.insert(0, f"{len(rows):,} answers of {len(people):,} respondents: each counts once.")
    return Crosstab(
        title=f"{title} · by {by}",
        by=by,
        n=len(people),
        counts=counts,
        shares=counts.div(counts.sum(axis=1), axis=0),
        groups=_groups(answer, groups),
        test=effect.test,
        statistic=effect.statistic,
        p=effect.p,
        effect_name=effect.name,
        effect=effect.value,
        low=effect.low,
        high=effect.high,
        notes=tuple(notes),
    )


def _rows(answers: Any, by: str, column: str) -> tuple[pd.DataFrame, str, bool]:
    """Return answer, group and person of each valid row, a title, and whether the answers are ratings."""
    frame = answers if isinstance(answers, pd.DataFrame) else answers.frame
    for name, known in ((column, frame), *(((by, frame),) if frame is answers else ())):
        if name not in known.columns:
            raise InvalidInput(
                f"the answers have no column {name!r}", hint=f"They have {short(list(frame.columns))}"
                f"{nearest(name, map(str, frame.columns))}.",
            )  # fmt: skip
    group = frame[by] if frame is answers else attribute_of(answers, by)
    person = frame["persona"] if "persona" in frame.columns else pd.Series(np.arange(len(frame)), index=frame.index)
    rows = pd.DataFrame({"answer": frame[column], "group": group, "person": person})
    if "status" in frame.columns:
        rows = rows[frame["status"] == "ok"]
    title = column if frame is answers else answers.asked.question
    held = rows["answer"]
    rated = isinstance(answers.asked.answer, Scale) if frame is not answers else _few_whole(held)
    if not _numeric(held) and held.nunique() > _MOST_GROUPS:
        raise InvalidInput(
            f"the answers are {held.nunique():,} different texts, which no cross-tab can hold",
            hint="Ask for a Choice or a Scale, or code the texts into groups first.",
        )
    return rows.dropna(), title, rated


def _one_a_person(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    if rows["person"].is_unique:
        return rows
    grouped = rows.groupby("person", sort=False, observed=True)
    if len(rows[["person", "group"]].drop_duplicates()) > grouped.ngroups:
        raise InvalidInput(
            f"by={by!r} varies within respondents, so groups are not independent",
            hint=f"Look at .summary(by={by!r}), or use an attribute of the people.",
        )
    if _numeric(rows["answer"]):
        answer = grouped["answer"].mean().astype("float64")
    else:
        said = {person: _most_frequent(list(held)) for person, held in grouped["answer"]}
        answer = pd.Series(said, dtype=object).astype(rows["answer"].dtype)
    return pd.DataFrame({"answer": answer, "group": grouped["group"].first()})


def _most_frequent(said: list[Any]) -> Any:
    """Return what was said most often; of several the one said first."""
    return max(dict.fromkeys(said), key=said.count)


def _effect(
    answer: pd.Series[Any], attribute: pd.Series[Any], random: np.random.Generator, rounds: int, *, rated: bool
) -> Effect:
    """Choose the test by what kinds of values meet."""
    if _numeric(answer) and _numeric(attribute):
        return of_two_numbers(answer.to_numpy("float64"), attribute.to_numpy("float64"))
    for numbers, groups, ranked in ((answer, attribute, rated), (attribute, answer, True)):
        if _numeric(numbers):
            codes = pd.factorize(groups)[0].astype(np.int64)
            if codes.max() == 0:
                return Effect("Kruskal-Wallis", 0.0, 1.0, "ε²", 0.0, 0.0, 0.0, "nothing varies")
            return across_groups(numbers.to_numpy("float64"), codes, random, rounds, ranked=ranked)
    if attribute.nunique() > _MOST_GROUPS:
        raise InvalidInput(
            f"{attribute.name!r} has {attribute.nunique():,} different values", hint="Put them into fewer groups."
        )
    return of_table(pd.crosstab(attribute, answer).to_numpy(np.int64), random, rounds)


def _groups(answer: pd.Series[Any], groups: pd.Series[Any]) -> pd.DataFrame:
    held = answer.astype("float64") if _numeric(answer) else answer
    grouped = held.groupby(groups, observed=True)
    made = pd.DataFrame({"n": grouped.size()})
    if _numeric(answer):
        made = made.assign(mean=grouped.mean(), sd=grouped.std(), median=grouped.median())
    return made.rename_axis("group").reset_index()


def _numeric(column: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def _few_whole(column: pd.Series[Any]) -> bool:
    """Say whether a column of a frame looks like ratings: whole numbers, at most eleven different ones."""
    if not _numeric(column):
        return False
    held = column.dropna().astype("float64")
    return bool((held == held.round()).all()) and held.nunique() <= 11  # noqa: PLR2004  # 0 to 10 is the longest usual


def _cut(column: pd.Series[Any], bands: int) -> pd.Series[Any]:
    """Return bands of about equal numbers, named by their ends; those of whole numbers by the least and the largest."""
    held = column.astype("float64")
    edges = np.unique(np.quantile(held, np.linspace(0, 1, bands + 1)))
    whole = bool((held == held.round()).all())
    edges = np.unique(np.floor(edges)) if whole else edges
    if len(edges) <= 2:  # noqa: PLR2004  # most have one value
        return column
    ends = list(itertools.pairwise(edges))
    if whole:
        labels = [_whole_band(low + (place > 0), high) for place, (low, high) in enumerate(ends)]
    else:
        labels = [f"{low:.4g} to {high:.4g}" for low, high in ends]
    return pd.cut(held, edges.tolist(), labels=labels, include_lowest=True)


def _whole_band(low: float, high: float) -> str:
    return f"{low:,.0f} to {high:,.0f}" if low < high else f"{high:,.0f}"
