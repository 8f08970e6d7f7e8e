"""Compare a model's answers with people's: how far apart, how much of it chance would give, and whether alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from toolkit.display.html import card, fit, table
from toolkit.errors import InvalidInput
from toolkit.questions._compare_plot import bars_of_two, draw
from toolkit.questions._equivalence import SD_RATIOS, Condition, holm
from toolkit.questions._given import Given, ends_of, label_key, label_of, read
from toolkit.questions._kind import short
from toolkit.questions._measures import TESTS, Measured, measure
from toolkit.questions._pairing import Pair, Scheme, pair, scheme_of
from toolkit.seeds import generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from toolkit.questions.answers import Answers

__all__ = ["Comparison", "compare", "compare_samples"]

_USUAL = (1.0, 5.0)
"""The scale where nobody says another."""
_MOST_STRATA = 50
_NO_ORDER = "Options have no order, so neither W1 nor equivalence is defined; look at TVD beside its noise."
_STATED = ("tvd", "tvd_noise", "jsd", "w1", "mean_difference", "sd_ratio", "entropy_ratio", *TESTS)
"""Statistics in a repr; all are in ``frame``."""


@dataclass(frozen=True, eq=False)  # frames do not compare to one truth value
class Comparison:
    """How a model's answers differ from people's, and whether they are shown to be alike.

    A difference that is not found is no proof of likeness: ``equivalent`` is true only where closeness is shown, and
    small samples show nothing. It asks that the means lie within an eighth of the scale's range by two one-sided tests
    (5 % each; variances may differ), that the ratio of standard deviations is 0.8 to 1.25 as measured, and that the
    one-sided 95 % bootstrap bound of W1 is under an eighth of the range. For options, which have no order, it is
    ``None``: not defined.

    Columns of ``frame``, one row a statistic: ``statistic``, ``value``, ``low`` and ``high`` (one-sided 95 % bounds:
    bootstrap over respondents, a little wider so that no seed decides; for the mean difference Welch's t), ``p`` and
    ``p_holm`` (of a difference, corrected for the tests made; for the mean difference ``p`` is that of the two
    one-sided tests), ``about``. Columns of ``levels``: ``level``, ``n_model``, ``n_human`` (respondents; with weights
    or repeats in parts), ``share_model``, ``share_human``.

    Example:
        >>> found = compare_samples({2: 14, 3: 31, 4: 5}, {1: 11, 2: 9, 3: 13, 4: 10, 5: 7}, scale=(1, 5))
        >>> round(found.tvd, 2), round(found.w1, 2), found.equivalent
        (0.46, 0.72, False)
    """

    title: str
    tvd: float
    """Total variation distance: the share of answers that would have to change."""
    tvd_noise: float
    """The TVD that chance alone gives between two samples of these sizes: exact, from the pooled distribution."""
    jsd: float
    """Jensen-Shannon divergence in bits."""
    w1: float
    """Wasserstein-1 distance, in points of the scale; not a number for options."""
    sd_ratio: float
    """Standard deviation of the model's answers through that of the human ones; not a number for options."""
    equivalent: bool | None
    n_model: int
    """Respondents."""
    n_human: int
    scale: tuple[float, float] | None
    conditions: tuple[Condition, ...]
    """What equivalence asks for, and whether it holds."""
    frame: pd.DataFrame
    levels: pd.DataFrame
    notes: tuple[str, ...] = ()
    strata: pd.DataFrame | None = None
    """One row a stratum, where ``by`` was given: its sizes, distances, ``equivalent``, the smallest ``p`` of its tests
    and ``p_holm``, the smallest after correction for all tests of all strata."""
    parts: Mapping[str, Comparison] = field(default_factory=dict)
    """The comparison within each stratum."""

    @property
    def verdict(self) -> str:
        """What was found, in a sentence or two."""
        chance = f"TVD {self.tvd:.2f}, where chance alone gives {self.tvd_noise:.2f} at these sizes."
        if self.equivalent is None:
            return chance
        if self.equivalent:
            return f"Alike within an eighth of the scale. {chance}"
        failed = "; ".join(one.told for one in self.conditions if not one.holds)
        return f"Not shown to be alike: {failed}. {chance}"

    def plot(self) -> Figure:
        """Return both distributions side by side, with the verdict.

        Example:
            >>> len(compare_samples([1, 2, 2, 3], [2, 3, 4, 4]).plot().axes)
            1
        """
        return draw(self)

    def _head(self) -> list[str]:
        on = f"scale {self.scale[0]:g} to {self.scale[1]:g}" if self.scale else f"{len(self.levels)} options"
        alike = {True: "equivalent", False: "not equivalent", None: "equivalence not defined"}[self.equivalent]
        return [alike, f"{self.n_model:,} simulated", f"{self.n_human:,} human", on]

    def _stated(self) -> pd.DataFrame:
        return self.frame[self.frame["statistic"].isin(_STATED)]

    def __repr__(self) -> str:
        """Return the verdict and the main statistics as plain text."""
        told = self._stated().drop(columns="about")
        lines = [self.title, "  " + " · ".join(self._head()), f"  {self.verdict}"]
        lines += [f"  {line}" for line in _text(told)]
        if self.strata is not None:
            lines += [f"  {line}" for line in _text(self.strata.head(20))]
        return "\n".join([*lines, *(f"  ! {note}" for note in self.notes)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002  # IPython's
        strata = "" if self.strata is None else table(self.strata, 20)
        body = (f'<div style="margin-top:6px">{escape(self.verdict)}</div>', bars_of_two(self), strata)
        numbers = table(self._stated(), 20)
        full = card(self.title, self._head(), *body, numbers, notes=self.notes)
        return {
            "text/plain": repr(self),
            "text/html": fit(full, card(self.title, self._head(), numbers, notes=self.notes)),
        }


def compare_samples(
    model: Any,
    human: Any,
    scale: tuple[float, float] | None = None,
    *,
    weights: Any = None,
    seed: int = 0,
    resamples: int = 2000,
) -> Comparison:
    """Compare two sets of answers: a model's and people's.

    Answers that are distributions (``method="logprobs"``), or a frame of them, count by their shares: a person who says
    tea with 0.6 and rum with 0.4 counts as 0.6 of a respondent for tea. The column of likeliest options would make two
    models alike that are sure and unsure.

    Args:
        model: Answers, a frame, numbers or labels, or counts by level: ``{1: 11, 2: 9}``. A list with one whole number
            a level, one of them off the scale, is read as counts too.
        human: The same; or the path of a CSV file.
        scale: Ends of the scale; that of the answers when not given, else 1 to 5. Labels have none.
        weights: One a human answer, or the name of a column; they count as survey weights.
        seed: Of the bootstrap and the permutations; equal seeds give equal numbers.
        resamples: How often respondents are drawn again for the bounds.

    Returns:
        A ``Comparison``. TVD, JSD, entropy and χ² are over the points of the scale; where an answer is no whole number,
        over what lies about each point, on scales of more than 21 points over ten bands of equal width.

    Raises:
        InvalidInput: Nothing to compare, an answer off the scale, numbers against labels.

    Example:
        >>> compare_samples(["yes"] * 30 + ["no"] * 10, ["yes"] * 24 + ["no"] * 16).equivalent is None
        True
    """
    ends = ends_of(scale) if scale is not None else None
    ours = read(model, "model", scale=ends or _USUAL)
    theirs = read(human, "human", weights=weights, scale=ends or ours.ends or _USUAL)
    return _compared(ours, theirs, ends, seed, resamples)


def compare(
    answers: Answers | pd.DataFrame,
    human: Any,
    *,
    by: str | None = None,
    weights: Any = None,
    column: str | None = None,
    scale: tuple[float, float] | None = None,
    seed: int = 0,
    resamples: int = 2000,
) -> Comparison:
    """Compare a panel's answers with people's, all in all and within strata.

    Answers that are distributions count by their shares, as ``compare_samples`` says.

    Args:
        answers: What a panel said to a ``Choice``, a ``Scale`` or a ``Number``, or a frame of it.
        human: A frame, a column, counts, or the path of a CSV file.
        by: Attribute of the personas, or factor of the design, that is a column of the human frame as well.
        weights: Column of the human frame with survey weights, or one weight a row.
        column: Column of the human frame that holds the answers, where it has several.
        scale: Ends of the scale, where the answers do not know them.
        seed: Of the bootstrap and the permutations.
        resamples: How often respondents are drawn again for the bounds.

    Returns:
        A ``Comparison``; with ``by`` its ``strata`` and ``parts`` are filled. Who answered several times counts
        once, and whole respondents are drawn again.

    Raises:
        InvalidInput: What ``compare_samples`` refuses, an unknown column, or strata without one in common.

    Example:
        >>> panel = generate_personas(8, "us-adults-2012", detail="facts", lab=lab)
        >>> said = ask(panel, "Tea or coffee?", answer=Choice(["tea", "coffee"]), lab=lab)
        >>> compare(said, {"tea": 40, "coffee": 60}).n_human
        100
    """
    ends = ends_of(scale) if scale is not None else None
    ours = read(answers, "model", by=by, scale=ends or _USUAL)
    theirs = read(human, "human", column=column, weights=weights, by=by, scale=ends or ours.ends or _USUAL)
    overall = _compared(ours, theirs, ends, seed, resamples)
    return overall if by is None else _stratified(overall, (ours, theirs), by, seed, resamples)


def _compared(
    ours: Given,
    theirs: Given,
    scale: tuple[float, float] | None,
    seed: int,
    resamples: int,
    scheme: Scheme | None = None,
    stratum: str = "",
) -> Comparison:
    if isinstance(resamples, bool) or not isinstance(resamples, int) or resamples < 100:  # noqa: PLR2004
        raise InvalidInput(f"resamples={resamples!r} gives no bounds", hint="Give a whole number from 100, say 2000.")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InvalidInput(f"seed={seed!r} is no whole number", hint="Give one, such as 7.")
    scheme = scheme or scheme_of(ours, theirs, scale or ours.ends or theirs.ends or _USUAL)
    two = pair(ours, theirs, scheme)
    measured = measure(two, generator(seed, "questions.compare", stratum), resamples)
    return Comparison(
        title=ours.question or theirs.question or "Model against people",
        tvd=measured.found["tvd"],
        tvd_noise=measured.found["tvd_noise"],
        jsd=measured.found["jsd"],
        w1=measured.found.get("w1", float("nan")),
        sd_ratio=measured.found.get("sd_ratio", float("nan")),
        equivalent=all(one.holds for one in measured.conditions) if measured.conditions else None,
        n_model=two.model.n,
        n_human=two.human.n,
        scale=scheme.ends,
        conditions=measured.conditions,
        frame=measured.frame,
        levels=_levels(two),
        notes=(*_notes(ours, theirs, two), *_doubt(measured)),
    )


def _levels(two: Pair) -> pd.DataFrame:
    made = {"level": pd.Categorical(two.scheme.labels, list(two.scheme.labels), ordered=two.scheme.ordered)}
    columns: dict[str, Any] = dict(made)
    for name, one in (("model", two.model), ("human", two.human)):
        counts = two.celled(one.counts)
        columns[f"n_{name}"] = np.round(counts).astype(np.int64) if one.plain else counts
    columns |= {f"share_{name}": two.celled(one.shares) for name, one in (("model", two.model), ("human", two.human))}
    return pd.DataFrame(columns)[["level", "n_model", "n_human", "share_model", "share_human"]]


def _notes(ours: Given, theirs: Given, two: Pair) -> tuple[str, ...]:
    notes = [] if two.scheme.ordered else [_NO_ORDER]
    notes += [
        f"{one.missing:,} {one.side} rows hold no answer and do not count." for one in (ours, theirs) if one.missing
    ]
    for given, sample in ((ours, two.model), (theirs, two.human)):
        if given.split:
            notes.append(
                f"Each {given.side} answer is a distribution: its options count as much as they are likely, not the"
                " likeliest alone."
            )
        elif sample.n < len(given.rows):
            several = f"{len(given.rows):,} {given.side} answers come from {sample.n:,} respondents"
            notes.append(f"{several}: who answered several times counts once.")
        elif not sample.plain:
            as_much = f"{sample.n:,} tell as much as {sample.effective_n:,} unweighted ones"
            notes.append(f"The {given.side} answers are weighted: {as_much}.")
    if ours.options and not two.scheme.ordered:
        known = {label_key(one) for one in ours.options}
        extra = sorted({label_of(one) for one in theirs.rows["value"] if label_key(one) not in known})
        if extra:
            notes.append(f"Human answers hold {short(extra)}, which the model could not choose.")
    return tuple(notes)


def _doubt(measured: Measured) -> list[str]:
    """Say where the spread was found alike, but not surely so."""
    spread = measured.frame[measured.frame["statistic"] == "sd_ratio"]
    if not measured.conditions or not all(one.holds for one in measured.conditions):
        return []
    low, high = float(spread["low"].iloc[0]), float(spread["high"].iloc[0])
    if SD_RATIOS[0] <= low and high <= SD_RATIOS[1]:
        return []
    return [f"The SD ratio is alike as measured, but may be {low:.2f} to {high:.2f}: more answers would tell."]


def _stratified(overall: Comparison, sides: tuple[Given, Given], by: str, seed: int, resamples: int) -> Comparison:
    """Add the comparison within each stratum, with p corrected for all tests of all strata."""
    ours, theirs = ({label_key(one): one for one in side.rows["group"].dropna()} for side in sides)
    shared = [key for key in ours if key in theirs]
    if not shared or len(shared) > _MOST_STRATA:
        raise InvalidInput(
            f"by={by!r}: model and human answers have {len(shared)} strata in common",
            hint=f"Use the same levels on both sides, {_MOST_STRATA} at most; cut numbers into bands first.",
        )
    names = sorted((label_of(ours[key]) for key in shared), key=_natural)
    scheme = scheme_of(*sides, overall.scale or _USUAL)
    parts: dict[str, Comparison] = {}
    notes = list(overall.notes)
    small = []
    for name in names:
        model, human = (side.stratum(name) for side in sides)
        if min(model.rows["person"].nunique(), human.rows["person"].nunique()) < 2:  # noqa: PLR2004
            small.append(name)
            continue
        title = f"{overall.title} · {by}: {name}"
        parts[name] = replace(_compared(model, human, None, seed, resamples, scheme, name), title=title)
    if small:
        notes.append(f"Strata with fewer than two respondents on a side are left out: {short(small)}.")
    alone = [
        label_of(one) for mine, other in ((ours, theirs), (theirs, ours)) for k, one in mine.items() if k not in other
    ]
    if alone:
        notes.append(f"Strata that only one side has are left out: {short(alone)}.")
    return replace(overall, strata=_strata(parts), parts=parts, notes=tuple(notes))


def _strata(parts: Mapping[str, Comparison]) -> pd.DataFrame:
    tests = [one.frame.loc[one.frame["statistic"].isin(TESTS), "p"].tolist() for one in parts.values()]
    corrected = iter(holm([p for several in tests for p in several]))
    rows = [
        (
            name,
            one.n_model,
            one.n_human,
            one.tvd,
            one.tvd_noise,
            one.jsd,
            one.w1,
            one.sd_ratio,
            one.equivalent,
            min(several),
            min(next(corrected) for _ in several),
        )
        for (name, one), several in zip(parts.items(), tests, strict=True)
    ]
    names = "stratum n_model n_human tvd tvd_noise jsd w1 sd_ratio equivalent p p_holm"
    return pd.DataFrame(rows, columns=names.split()).astype({"equivalent": "boolean"})


def _natural(label: str) -> tuple[int, float, str]:
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label


def _text(frame: pd.DataFrame) -> list[str]:
    return frame.to_string(index=False, float_format="{:.3g}".format, na_rep="").split("\n")
