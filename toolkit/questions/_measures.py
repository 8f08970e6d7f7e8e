"""The numbers of a comparison: distances with bootstrap bounds, tests of difference with corrected p, equivalence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from toolkit.questions._distances import entropy, jensen_shannon, total_variation, total_variation_noise, wasserstein
from toolkit.questions._equivalence import EIGHTH, Condition, Mean, conditions, holm, tost
from toolkit.questions._samples import redrawn, shuffled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from toolkit.questions._pairing import Pair
    from toolkit.questions._samples import Sample

    Floats = NDArray[np.float64]

__all__ = ["TESTS", "Measured", "measure"]

TESTS = ("chi2", "ks", "levene")
"""Tests of difference; a small p says that the answers differ, a large one says nothing."""
_SURE = 2.326347874040841
"""The 99 % point of the normal distribution: bounds are drawn so far out that, simulated as they are, they do not fall
short of the 95 % point by the luck of a seed (the rank of a quantile is binomial)."""
_DEALS = 9_999
"""Tables drawn where a formula does not hold: a χ² of small expected counts, a Kolmogorov-Smirnov test with ties."""
_EXACT = 10_000
"""Product of two sizes up to which the exact distribution of the largest gap is computed."""
_SHUFFLES = 1_999
"""Times that whole respondents are dealt out, where weights or repeats rule out the textbook tests."""
_FEW = 5.0
"""Expected count in a cell from which the χ² formula is good (W. G. Cochran, Ann. Math. Statist. 23, 1952, p. 315)."""

_ABOUT: Mapping[str, str] = {
    "tvd": "total variation distance: the share of answers that would have to change, 0 to 1",
    "tvd_noise": "TVD that chance alone gives between two samples of these sizes (exact)",
    "jsd": "Jensen-Shannon divergence in bits, 0 to 1",
    "w1": "Wasserstein-1 distance: how far answers would have to move, in points of the scale",
    "mean_model": "mean of the model's answers",
    "mean_human": "mean of the human answers",
    "mean_difference": "model minus human; p is of the two one-sided tests: under 0.05 the means are alike",
    "sd_ratio": "standard deviation of the model's answers through that of the human ones",
    "extremes_model": "share of the model's answers at the two ends of the scale",
    "extremes_human": "share of the human answers at the two ends of the scale",
    "entropy_ratio": "entropy of the model's answers through that of the human ones",
    "chi2": "χ²: p of a difference in shares",
    "ks": "Kolmogorov-Smirnov: the largest gap of the cumulative shares, and p of a difference",
    "levene": "Levene's test about the median (Brown and Forsythe, 1974): p of a difference in spread",
}


@dataclass(frozen=True, eq=False)
class Measured:
    """All numbers of one comparison.

    Columns of ``frame``: ``statistic``, ``value``, ``low``, ``high``, ``p``, ``p_holm``, ``about``.
    """

    found: Mapping[str, float]
    """Each statistic by name."""
    frame: pd.DataFrame
    conditions: tuple[Condition, ...]
    """What equivalence asks for; empty for options, which have no order."""


def measure(pair: Pair, random: np.random.Generator, rounds: int) -> Measured:
    """Measure how two samples differ and whether they are alike.

    Args:
        pair: The samples.
        random: Where the draws come from.
        rounds: How often respondents are drawn again for the bounds.
    """
    model, human = pair.model, pair.human
    values = {name: float(one) for name, one in _distances(pair, model.shares, human.shares).items()}
    stacks: dict[str, list[Any]] = {name: [] for name in values}
    for ours, theirs in redrawn((model, human), random, rounds):
        for name, one in _distances(pair, ours, theirs).items():
            stacks[name].append(one)
    at = min(1.0, 0.95 + _SURE * math.sqrt(0.95 * 0.05 / rounds))
    low, high = _bounds(stacks, 1 - at, "lower"), _bounds(stacks, at, "higher")
    values["tvd_noise"] = total_variation_noise(_pooled(pair), model.effective_n, human.effective_n)
    found = _tests(pair, random)
    p = {name: one[1] for name, one in found.items()}
    values |= {name: one[0] for name, one in found.items()}
    alike: tuple[Condition, ...] = ()
    if pair.scheme.ends is not None:
        margin = (pair.scheme.ends[1] - pair.scheme.ends[0]) * EIGHTH
        means = tost(_mean(model), _mean(human), margin)
        low["mean_difference"], high["mean_difference"] = means.low, means.high
        p["mean_difference"] = means.p
        alike = conditions(means, values["sd_ratio"], high["w1"], margin)
    corrected = dict(zip(found, holm([p[name] for name in found]), strict=True))
    rows = [
        (name, values[name], low.get(name), high.get(name), p.get(name), corrected.get(name), about)
        for name, about in _ABOUT.items()
        if name in values
    ]
    frame = pd.DataFrame(rows, columns=["statistic", "value", "low", "high", "p", "p_holm", "about"])
    return Measured(values, frame.astype(dict.fromkeys(("low", "high", "p", "p_holm"), "float64")), alike)


def _bounds(stacks: Mapping[str, list[Any]], at: float, method: Literal["lower", "higher"]) -> dict[str, float]:
    """Return one-sided bounds, as the two one-sided tests ask for; at whole ranks, as ratios can be infinite."""
    return {name: float(np.quantile(np.concatenate(one), at, method=method)) for name, one in stacks.items()}


def _distances(pair: Pair, ours: Floats, theirs: Floats) -> dict[str, Any]:
    """Return every statistic that is bootstrapped, of one pair of share vectors or of stacks of them."""
    cells, others = pair.celled(ours), pair.celled(theirs)
    made = {
        "tvd": total_variation(cells, others),
        "jsd": jensen_shannon(cells, others),
        "entropy_ratio": _ratio(entropy(cells), entropy(others)),
    }
    if pair.scheme.ends is None:
        return made
    levels = pair.model.levels
    ends = np.isin(levels, pair.scheme.ends).astype(np.float64)
    return made | {
        "w1": wasserstein(ours, theirs, levels),
        "mean_model": ours @ levels,
        "mean_human": theirs @ levels,
        "mean_difference": ours @ levels - theirs @ levels,
        "sd_ratio": _ratio(pair.model.sd(ours), pair.human.sd(theirs)),
        "extremes_model": ours @ ends,
        "extremes_human": theirs @ ends,
    }


def _ratio(ours: Any, theirs: Any) -> Any:
    """Return a ratio that is 1 where both are 0, and infinite where only the lower is."""
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    ours, theirs = (np.where(one < 1e-12, 0.0, one) for one in (ours, theirs))  # noqa: PLR2004  # rounding
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((ours == 0) & (theirs == 0), 1.0, ours / theirs)


def _mean(sample: Sample) -> Mean:
    return Mean(sample.mean, sample.error, sample.n)


def _pooled(pair: Pair) -> Floats:
    n, m = pair.model.effective_n, pair.human.effective_n
    made: Floats = pair.celled((n * pair.model.shares + m * pair.human.shares) / (n + m))
    return made


# --- tests of difference ---


def _tests(pair: Pair, random: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Return statistic and p of each test."""
    if not (pair.model.plain and pair.human.plain):
        return _shuffle_tests(pair, random)
    made = {"chi2": _chi_squared(pair, random)}
    if pair.scheme.ends is not None:
        made["ks"] = _smirnov(pair, random)
        made["levene"] = _levene(pair.model.values(), pair.human.values())
    return made


def _chi_squared(pair: Pair, random: np.random.Generator) -> tuple[float, float]:
    """Return Pearson's χ², by its formula or, where expected counts are small, by tables with the same margins."""
    from scipy import stats

    counts = np.round([pair.celled(one.counts) for one in (pair.model, pair.human)]).astype(np.int64)
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2:  # noqa: PLR2004  # everyone says the same
        return 0.0, 1.0
    told = stats.chi2_contingency(counts, correction=False)
    if told.expected_freq.min() >= _FEW:
        return float(told.statistic), float(told.pvalue)
    ours, theirs = told.expected_freq
    dealt = _dealt(counts, random)
    chance = ((dealt - ours) ** 2 / ours + (dealt - ours) ** 2 / theirs).sum(axis=1)
    return float(told.statistic), _share_as_large(chance, float(told.statistic))


def _smirnov(pair: Pair, random: np.random.Generator) -> tuple[float, float]:
    """Return the largest gap and its p: on few levels by dealing answers out, as ties would make formulas cautious."""
    if not pair.scheme.points:
        from scipy import stats

        ours, theirs = pair.model.values(), pair.human.values()
        few = len(ours) * len(theirs) <= _EXACT
        told = stats.ks_2samp(ours, theirs, method="exact" if few else "asymp")
        return float(told.statistic), float(told.pvalue)
    counts = np.round([pair.model.counts, pair.human.counts]).astype(np.int64)
    sizes = counts.sum(axis=1)
    dealt = _dealt(counts, random)
    gap = np.abs(np.cumsum(counts[0] / sizes[0] - counts[1] / sizes[1])).max()
    chance = np.abs(np.cumsum(dealt / sizes[0] - (counts.sum(axis=0) - dealt) / sizes[1], axis=1)).max(axis=1)
    return float(gap), _share_as_large(chance, float(gap))


def _dealt(counts: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Return first rows of tables of two rows with the same margins, as chance would give them."""
    made: NDArray[np.int64] = random.multivariate_hypergeometric(
        counts.sum(axis=0), int(counts[0].sum()), size=_DEALS, method="marginals"
    )
    return made


def _levene(ours: Floats, theirs: Floats) -> tuple[float, float]:
    from scipy import stats

    if any(np.ptp(np.abs(one - np.median(one))) > 0 for one in (ours, theirs)):
        told = stats.levene(ours, theirs, center="median")
        return float(told.statistic), float(told.pvalue)
    spreads = [float(np.abs(one - np.median(one)).mean()) for one in (ours, theirs)]
    return (0.0, 1.0) if spreads[0] == spreads[1] else (math.inf, 0.0)  # no spread within either to measure against


def _shuffle_tests(pair: Pair, random: np.random.Generator) -> dict[str, tuple[float, float]]:
    found = {name: float(one) for name, one in _gaps(pair, pair.model.shares, pair.human.shares).items()}
    chance: dict[str, list[Any]] = {name: [] for name in found}
    for ours, theirs in shuffled(pair.model, pair.human, random, _SHUFFLES):
        for name, one in _gaps(pair, ours, theirs).items():
            chance[name].append(one)
    return {name: (value, _share_as_large(np.concatenate(chance[name]), value)) for name, value in found.items()}


def _gaps(pair: Pair, ours: Floats, theirs: Floats) -> dict[str, Any]:
    """Return the statistics that are compared with those of respondents dealt out at random."""
    cells, others = pair.celled(ours), pair.celled(theirs)
    n, m = pair.model.effective_n, pair.human.effective_n
    both = n * cells + m * others
    made = {"chi2": (n * m * (cells - others) ** 2 / np.where(both > 0, both, 1.0)).sum(axis=-1)}
    if pair.scheme.ends is not None:
        ratio = _ratio(pair.model.sd(ours), pair.human.sd(theirs))
        with np.errstate(divide="ignore"):
            made["levene"] = np.abs(np.log(ratio))
        made["ks"] = np.abs(np.cumsum(ours - theirs, axis=-1)).max(axis=-1)
    return {name: made[name] for name in TESTS if name in made}


def _share_as_large(chance: Floats, value: float) -> float:
    """Return the p-value of a permutation test, the sample itself counted in (B. Phipson and G. K. Smyth, 2010)."""
    return float((1 + np.count_nonzero(chance >= value - 1e-9 * max(1.0, abs(value)))) / (1 + len(chance)))
