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
from toolkit.questions._expected_effects import of_shares_by_groups, of_shares_by_numbers
from toolkit.questions._given import attribute_of, label_of, options_weighed
from toolkit.questions._kind import short
from toolkit.questions.scale import Scale
from toolkit.seeds import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from toolkit.questions.answers import Answers

__all__ = ["Crosstab", "crosstab"]

_MOST_GROUPS = 50
_MOST_COLUMNS = 21
"""Different answers up to which each has a column of its own."""
_BANDS = 4
"""Bands of about equal numbers, into which a number is cut for the tables."""
_EXPECTED = "Each answer is a distribution: counts and shares are expected ones, not those of the likeliest options."
_COMPANY = "Of twenty cross-tabs one has p < 0.05 by chance alone: correct p for how many are looked at."


@dataclass(frozen=True, eq=False)  # frames do not compare to one truth value
class Crosstab:
    """Answers by an attribute, with a test and an effect size.

    Each respondent counts once: of repeated answers the mean, or for options the most frequent one, ties going to the
    one given first. Where answers are distributions each respondent counts for every option as much as it is likely.

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
    """Groups down, answers across; numbers of many values are cut into bands. Of distributions expected counts."""
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
        counted = self.counts.map(lambda n: f"{n:.1f}" if isinstance(n, float) else str(n))
        cells = self.shares.map("{:.0%}".format) + " (" + counted + ")"
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

    Answers that are distributions (``method="logprobs"``), or a frame of them, count by their shares and not by the
    likeliest option: a person who says tea with 0.6 and rum with 0.4 is 0.6 of an answer for tea. Options are then
    tested on expected counts, with p by permutation, for these vary less than counts; of a scale's distributions the
    means are tested.

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
    given = _given(answers, by, column)
    people = _one_a_person(given.rows, by)
    if len(people) < 3:  # noqa: PLR2004  # two respondents always fit some line
        raise InvalidInput(f"{len(people)} respondents have both an answer and {by!r}", hint="Ask more.")
    answer, attribute = people["answer"], people["group"]
    if len(set(attribute)) == 1:
        raise InvalidInput(
            f"by={by!r}: everyone is {label_of(attribute.iloc[0])!r}", hint="Use an attribute that varies."
        )
    random = generator(seed, "questions.crosstab", by)
    shares = _shares(given, people)
    if shares is not None and not _numeric(answer):
        effect = _expected_effect(shares.to_numpy("float64"), attribute, random, resamples)
    else:
        effect = _effect(answer, attribute, random, resamples, rated=given.rated)
    groups = _cut(attribute, _BANDS) if _numeric(attribute) else attribute
    counts = _counts(answer, groups, shares).rename_axis(index=by, columns="answer")
    notes = [_COMPANY] if shares is None else [_EXPECTED, _COMPANY]
    if len(people) < len(given.rows):
        notes.insert(0, f"{len(given.rows):,} answers of {len(people):,} respondents: each counts once.")
    return Crosstab(
        title=f"{given.title} · by {by}",
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


@dataclass(frozen=True, eq=False)
class _Given:
    """The valid answers."""

    rows: pd.DataFrame
    """``answer`` (of a scale's distribution its mean), ``group`` and ``person``."""
    title: str
    rated: bool
    """Whether the answers are ratings."""
    shares: pd.DataFrame | None
    """For each row how likely each option is, where answers are distributions."""


def _given(answers: Any, by: str, column: str) -> _Given:
    frame = answers if isinstance(answers, pd.DataFrame) else answers.frame
    for name, known in ((column, frame), *(((by, frame),) if frame is answers else ())):
        if name not in known.columns:
            raise InvalidInput(
                f"the answers have no column {name!r}", hint=f"They have {short(list(frame.columns))}"
                f"{nearest(name, map(str, frame.columns))}.",
            )  # fmt: skip
    group = frame[by] if frame is answers else attribute_of(answers, by)
    person = frame["persona"] if "persona" in frame.columns else pd.Series(np.arange(len(frame)), index=frame.index)
    options = options_weighed(frame, column)
    scaled = bool(options) and "expected" in frame.columns
    rows = pd.DataFrame({"answer": frame["expected" if scaled else column], "group": group, "person": person})
    valid = rows.notna().all(axis=1) & (frame["status"] == "ok" if "status" in frame.columns else True)
    shares = None
    if options:
        shares = pd.DataFrame({label: frame[f"p_{label}"] for label in options})[valid].reset_index(drop=True)
    rows = rows[valid].reset_index(drop=True)
    held = rows["answer"]
    if not _numeric(held) and held.nunique() > _MOST_GROUPS:
        raise InvalidInput(
            f"the answers are {held.nunique():,} different texts, which no cross-tab can hold",
            hint="Ask for a Choice or a Scale, or code the texts into groups first.",
        )
    if frame is answers:
        return _Given(rows, column, scaled or _few_whole(held), shares)
    return _Given(rows, answers.asked.question, scaled or isinstance(answers.asked.answer, Scale), shares)


def _shares(given: _Given, people: pd.DataFrame) -> pd.DataFrame | None:
    """Return how likely each option is, for each respondent the mean of its answers."""
    if given.shares is None:
        return None
    if given.rows["person"].is_unique:
        return given.shares
    return given.shares.groupby(given.rows["person"], sort=False, observed=True).mean().loc[people.index]


def _counts(answer: pd.Series[Any], groups: pd.Series[Any], shares: pd.DataFrame | None) -> pd.DataFrame:
    """Return groups down and answers across: how many, or of distributions how many are expected."""
    if shares is not None:
        return shares.groupby(groups, observed=True).sum()
    many = _numeric(answer) and answer.nunique() > _MOST_COLUMNS
    return pd.crosstab(groups, _cut(answer, _BANDS) if many else answer)


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


def _expected_effect(
    shares: NDArray[np.float64], attribute: pd.Series[Any], random: np.random.Generator, rounds: int
) -> Effect:
    """Choose the test for options that are each more or less likely."""
    if _numeric(attribute):
        return of_shares_by_numbers(shares, attribute.to_numpy("float64"), random, rounds)
    return of_shares_by_groups(shares, pd.factorize(attribute)[0].astype(np.int64), random, rounds)


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
