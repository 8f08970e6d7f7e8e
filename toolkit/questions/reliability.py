"""How far answers can be relied on: asked again, shown in another order, put in other words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from toolkit.display.html import card, fit, table
from toolkit.errors import InvalidInput
from toolkit.questions._agreement import cohen_kappa, exact_agreement, icc_2_1, krippendorff_alpha
from toolkit.questions._given import label_of
from toolkit.questions.option import BETWEEN
from toolkit.seeds import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from toolkit.questions.answers import Answers

    Floats = NDArray[np.float64]

__all__ = ["Reliability", "reliability"]

_MOST = 60
"""Different answers up to which they are taken as options."""
_CELLS = 2_000_000
"""Numbers held at once while respondents are drawn again."""
_ALIKE = "A model that always says the same is perfectly reliable and may be perfectly wrong."

_ABOUT = {
    "icc": "ICC(2,1): how far one answer stands for a respondent, 1 is perfect (Shrout and Fleiss, 1979)",
    "alpha": "agreement beyond chance, 1 is perfect (Krippendorff's alpha for options)",
    "kappa": "agreement beyond chance of the first two answers, 1 is perfect (Cohen, 1960)",
    "exact_agreement": "share of pairs of answers of one respondent that are the same",
    "first_shown": "share of answers that choose the option shown first; p by dealing the orders out again",
    "chance": "share that would choose it if the order played no part",
    "mean_difference": "mean of the answers less that of the paraphrase; p by swapping the two within respondents",
    "tvd": "distance of the shares of the two phrasings, 0 to 1; p by swapping the two within respondents",
}


@dataclass(frozen=True, eq=False)  # frames do not compare to one truth value
class Reliability:
    """What was found of each check that the answers allow.

    Columns of ``frame``: ``check`` (``retest``, ``order``, ``paraphrase``), ``statistic``, ``value``, ``low`` and
    ``high`` (95 % bootstrap interval over respondents), ``p`` (of a permutation test), ``n`` (respondents), ``about``.
    ``places``, where orders were shuffled: how often the option shown first, second … was chosen.

    Example:
        >>> import pandas as pd
        >>> said = pd.DataFrame({"persona": ["a", "a", "b", "b", "c", "c"], "answer": [1, 2, 3, 3, 5, 5]})
        >>> round(reliability(said).value("icc"), 2)
        0.95
    """

    title: str
    frame: pd.DataFrame
    places: pd.DataFrame
    notes: tuple[str, ...] = ()

    def value(self, statistic: str) -> float:
        """Return one value of the frame, the first of that name.

        Raises:
            InvalidInput: There is none.
        """
        found = self.frame.loc[self.frame["statistic"] == statistic, "value"]
        if found.empty:
            known = ", ".join(dict.fromkeys(self.frame["statistic"]))
            raise InvalidInput(f"these answers have no statistic {statistic!r}", hint=f"There are {known}.")
        return float(found.iloc[0])

    def __repr__(self) -> str:
        """Return the checks as plain text."""
        told = self.frame.drop(columns="about").to_string(index=False, float_format="{:.3g}".format, na_rep="")
        lines = [self.title, *(f"  {line}" for line in told.split("\n"))]
        return "\n".join([*lines, *(f"  ! {note}" for note in self.notes)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002  # IPython's
        brief = card(self.title, [], notes=self.notes)
        return {
            "text/plain": repr(self),
            "text/html": fit(card(self.title, [], table(self.frame, 20), notes=self.notes), brief),
        }


def reliability(
    answers: Answers | pd.DataFrame,
    *,
    paraphrase: Answers | pd.DataFrame | None = None,
    column: str = "answer",
    seed: int = 0,
    resamples: int = 2000,
) -> Reliability:
    """Check answers that should agree, as far as the design allows.

    Asked again (``repeats``): ICC(2,1) for numbers, Krippendorff's alpha for options, with two repeats Cohen's kappa as
    well, and exact agreement. Shown in another order: whether the option shown first is chosen more often than the
    options' popularity explains; one-sided permutation test. Put in other words (``paraphrase``): whether the answers
    shift; permutation test that swaps the two answers of a respondent.

    Args:
        answers: What a panel said, or a frame with ``persona``, ``answer`` and, where it is there, ``shown``.
        paraphrase: What the same panel said to the same question in other words.
        column: Which column holds the answers.
        seed: Of bootstrap and permutations.
        resamples: How often respondents are drawn again, and orders or phrasings dealt out.

    Raises:
        InvalidInput: Nothing can be checked, or the two phrasings have different kinds of answers.

    Example:
        >>> panel = generate_personas(8, "us-adults-2012", detail="facts", lab=lab)
        >>> said = ask(panel, "Tea or coffee?", answer=Choice(["tea", "coffee"]), repeats=2, lab=lab)
        >>> sorted(set(reliability(said).frame["check"]))
        ['order', 'retest']
    """
    mine = _valid(answers, column)
    draw = _Draw(seed, resamples)
    rows = [*_retest(mine, draw), *_order(mine, draw)]
    if paraphrase is not None:
        rows += _paraphrase(mine, _valid(paraphrase, column), draw)
    if not rows:
        raise InvalidInput(
            "nothing can be checked: everyone was asked once, in one order of options",
            hint="Ask with repeats=2 or shuffle=True, or give paraphrase= answers to the same question in other words.",
        )
    names = ["check", "statistic", "value", "low", "high", "p", "n"]
    frame = pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[2:6], "float64"))
    frame["about"] = frame["statistic"].map(_ABOUT)
    notes = [_ALIKE]
    if frame["value"].isna().any():
        notes.insert(0, "Everyone gives the same answer: agreement beyond chance is not defined.")
    title = "answers" if isinstance(answers, pd.DataFrame) else answers.asked.question
    return Reliability(f"{title} · reliability", frame, _places(mine), tuple(notes))


Row = tuple[str, str, float, float | None, float | None, float | None, int]


class _Draw:
    """Draws again, with a seed of its own for each place."""

    def __init__(self, seed: int, rounds: int) -> None:
        self.seed = seed
        self.rounds = rounds

    def sizes(self, width: int) -> Iterator[int]:
        size = max(1, min(self.rounds, _CELLS // max(1, width)))
        for start in range(0, self.rounds, size):
            yield min(size, self.rounds - start)

    def interval(self, held: Floats, measure: Callable[[Floats], Any], *where: str) -> tuple[float, float]:
        """Return the 95 % percentile interval of a measure, respondents (the first axis) drawn again."""
        random = generator(self.seed, "questions.reliability", *where)
        made = [measure(held[random.integers(len(held), size=(size, len(held)))]) for size in self.sizes(held.size)]
        found = np.concatenate(made)
        found = found[~np.isnan(found)]  # samples in which nothing varies have no coefficient
        return (float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))) if len(found) else (np.nan, np.nan)

    def p(self, value: float, width: int, chance: Callable[[np.random.Generator, int], Floats], *where: str) -> float:
        """Return how often chance gives as much, the sample itself counted in."""
        random = generator(self.seed, "questions.reliability", *where)
        as_much = sum(int(np.count_nonzero(chance(random, size) >= value - 1e-9)) for size in self.sizes(width))
        return (1 + as_much) / (1 + self.rounds)


def _valid(answers: Any, column: str) -> pd.DataFrame:
    """Return answer, unit (a respondent, in one condition) and the order shown of each valid row."""
    frame = answers if isinstance(answers, pd.DataFrame) else answers.frame
    for name in ("persona", column):
        if name not in frame.columns:
            raise InvalidInput(f"the answers have no column {name!r}", hint="Give Answers, or a frame like theirs.")
    frame = frame[frame["status"] == "ok"] if "status" in frame.columns else frame
    made = pd.DataFrame({"answer": frame[column], "persona": frame["persona"].astype(str)})
    condition = frame["condition"].astype(str) if "condition" in frame.columns else ""
    made["unit"] = made["persona"] + "\x1f" + condition
    made["shown"] = frame["shown"].astype(str) if "shown" in frame.columns else ""
    made = made.dropna(subset=["answer"])
    numeric = _numeric(made["answer"])
    if not numeric:
        made["answer"] = made["answer"].map(label_of).astype(object)
    different = made["answer"].nunique()
    if not different or (different > _MOST and not numeric):
        raise InvalidInput(
            f"there are {different:,} different answers of {len(made):,}", hint="Check a Choice, a Scale or a Number."
        )
    return made


def _retest(rows: pd.DataFrame, draw: _Draw) -> list[Row]:
    rows = rows.assign(time=rows.groupby("unit").cumcount())
    repeats = int(rows["time"].max()) + 1
    if repeats == 1:
        return []
    found: list[Row] = []
    side_by_side = rows.pivot(index="unit", columns="time", values="answer").dropna()  # noqa: PD010  # nothing to add up
    if _numeric(rows["answer"]):
        complete = side_by_side.astype("float64")
        if len(complete) > 1:
            found.append(_row("retest", "icc", complete.to_numpy(), icc_2_1, draw))
    counts = _counts(rows)
    several = counts[counts.sum(axis=1) > 1]
    if not found:
        found.append(_row("retest", "alpha", several, krippendorff_alpha, draw))
        if repeats == 2:  # noqa: PLR2004  # kappa is of two
            found.append(_kappa("retest", side_by_side, draw))
    return [*found, _row("retest", "exact_agreement", several, exact_agreement, draw)]


def _order(rows: pd.DataFrame, draw: _Draw) -> list[Row]:
    """Return whether the option shown first is chosen more than its popularity explains."""
    orders = rows["shown"].unique()
    if len(orders) < 2 or _numeric(rows["answer"]):  # noqa: PLR2004  # one order shows no effect of order
        return []
    options = sorted({option for order in orders for option in order.split(BETWEEN)})
    units = [
        ([(held["answer"] == option).mean() for option in options], options.index(str(order).split(BETWEEN)[0]))
        for (_, order), held in rows.groupby(["persona", "shown"], sort=False)
    ]
    chosen = np.array([shares for shares, _ in units], dtype=np.float64)
    first = np.array([place for _, place in units])
    taken = chosen[np.arange(len(first)), first]
    value = float(taken.mean())
    chance = float(chosen.mean(axis=0) @ (np.bincount(first, minlength=len(options)) / len(first)))

    def dealt(random: np.random.Generator, size: int) -> Floats:
        again = random.permuted(np.broadcast_to(first, (size, len(first))), axis=1)
        made: Floats = chosen[np.arange(len(first)), again].mean(axis=1)
        return made

    p = draw.p(value, len(first), dealt, "order.chance")
    low, high = draw.interval(taken, lambda one: one.mean(axis=-1), "order")
    n = int(rows["persona"].nunique())
    return [("order", "first_shown", value, low, high, p, n), ("order", "chance", chance, None, None, None, n)]


def _paraphrase(ours: pd.DataFrame, theirs: pd.DataFrame, draw: _Draw) -> list[Row]:
    numeric = _numeric(ours["answer"])
    if numeric != _numeric(theirs["answer"]):
        raise InvalidInput(
            "one phrasing was answered with numbers, the other with options", hint="Ask both with the same answer type."
        )
    both = [one for one in dict.fromkeys(ours["unit"]) if one in set(theirs["unit"])]
    if len(both) < 2:  # noqa: PLR2004  # nobody to pair
        raise InvalidInput(
            f"{len(both)} respondents answered both phrasings", hint="Ask the same panel: ask(panel, other_words, …)."
        )
    pair = [one[one["unit"].isin(both)] for one in (ours, theirs)]
    n = len(both)
    if numeric:
        means = [one.groupby("unit")["answer"].mean().astype("float64")[both].to_numpy() for one in pair]
        gap = (means[0] - means[1])[:, None]
        stacked: Floats = np.stack(means, axis=1).astype(np.float64)
    else:
        levels = sorted(set(pair[0]["answer"]) | set(pair[1]["answer"]))
        counts = [_counts(one, levels, both) for one in pair]
        shares = [one / one.sum(axis=1, keepdims=True) for one in counts]
        gap = shares[0] - shares[1]

    def size_of(mean: Floats) -> Floats:
        made: Floats = np.abs(mean).sum(axis=-1) / (1 if numeric else 2)
        return made

    def swapped(random: np.random.Generator, size: int) -> Floats:
        signs = random.integers(2, size=(size, n)) * 2.0 - 1.0
        return size_of(signs @ gap / n)

    p = draw.p(float(size_of(gap.mean(axis=0))), n, swapped, "paraphrase.chance")
    if numeric:
        low, high = draw.interval(gap, lambda one: one.mean(axis=-2)[..., 0], "paraphrase")
        shift: Row = ("paraphrase", "mean_difference", float(gap.mean()), low, high, p, n)
        return [shift, _row("paraphrase", "icc", stacked, icc_2_1, draw)]
    low, high = draw.interval(gap, lambda one: size_of(one.mean(axis=-2)), "paraphrase")
    firsts = pd.DataFrame({place: one.groupby("unit")["answer"].first()[both] for place, one in enumerate(pair)})
    alike = np.stack([(firsts == level).sum(axis=1) for level in levels], axis=1).astype(np.float64)
    return [
        ("paraphrase", "tvd", float(size_of(gap.mean(axis=0))), low, high, p, n),
        _kappa("paraphrase", firsts, draw),
        _row("paraphrase", "exact_agreement", alike, exact_agreement, draw),
    ]


def _row(check: str, statistic: str, held: Floats, measure: Callable[[Floats], Any], draw: _Draw) -> Row:
    value = float(measure(held)) if len(held) else np.nan
    low, high = draw.interval(held, measure, check, statistic) if len(held) else (np.nan, np.nan)
    return check, statistic, value, low, high, None, len(held)


def _kappa(check: str, pairs: pd.DataFrame, draw: _Draw) -> Row:
    codes = pd.factorize(pairs.to_numpy().ravel())[0].astype(np.int64).reshape(-1, 2)
    random = generator(draw.seed, "questions.reliability", check, "kappa")
    drawn = (codes[random.integers(len(codes), size=len(codes))] for _ in range(draw.rounds))
    found = np.array([cohen_kappa(one[:, 0], one[:, 1]) for one in drawn])
    found = found[~np.isnan(found)]
    low, high = np.quantile(found, [0.025, 0.975]) if len(found) else (np.nan, np.nan)
    return check, "kappa", cohen_kappa(codes[:, 0], codes[:, 1]), float(low), float(high), None, len(codes)


def _counts(rows: pd.DataFrame, levels: list[Any] | None = None, units: list[str] | None = None) -> Floats:
    """Return how often each unit gave each answer."""
    made = pd.crosstab(rows["unit"], rows["answer"])
    made = made.reindex(columns=levels, fill_value=0) if levels is not None else made
    made = made.reindex(index=units) if units is not None else made
    return made.to_numpy("float64")


def _places(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how often the option in each place was chosen."""
    if rows["shown"].nunique() < 2:  # noqa: PLR2004  # one order, or none
        return pd.DataFrame({"place": pd.Series(dtype="int64"), "n": pd.Series(dtype="int64"), "share": []})
    orders = [order.split(BETWEEN) for order in rows["shown"]]
    places = [order.index(said) + 1 if said in order else 0 for order, said in zip(orders, rows["answer"], strict=True)]
    counts = pd.Series(places).value_counts().reindex(range(1, max(map(len, orders)) + 1), fill_value=0)
    return pd.DataFrame({"place": counts.index, "n": counts.to_numpy(), "share": counts.to_numpy() / len(rows)})


def _numeric(column: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))
