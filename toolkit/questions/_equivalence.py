"""Whether two sets of answers are shown to be alike: a difference that is not found proves nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["EIGHTH", "SD_RATIOS", "Condition", "Mean", "Tost", "conditions", "holm", "tost"]

EIGHTH = 1 / 8
"""Of the scale's range: how far means and distributions may lie apart and still count as alike."""
SD_RATIOS = (0.8, 1.25)
"""How much narrower or wider the answers may be spread and still count as alike."""
LEVEL = 0.05
"""Of each one-sided test."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean and how well it is known."""

    value: float
    error: float
    """Standard error."""
    n: int
    """Independent respondents."""


@dataclass(frozen=True, slots=True)
class Tost:
    """Two one-sided tests: is the difference of two means inside a margin on either side of 0?"""

    difference: float
    low: float
    """One-sided 95 % bound; with ``high`` the 90 % interval that fits two tests at 5 %."""
    high: float
    p: float
    """The larger of the two p-values: under 0.05 the means are shown to lie within the margin."""
    df: float


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the things that must hold for answers to count as alike."""

    name: str
    holds: bool
    told: str
    """What was found and what is allowed, in words."""


def tost(ours: Mean, theirs: Mean, margin: float) -> Tost:
    """Test whether two means are equivalent (D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987, p. 657).

    Variances may differ: standard error and degrees of freedom are those of B. L. Welch (Biometrika 34, 1947, p. 28).

    Args:
        ours: Mean of one sample.
        theirs: Mean of the other.
        margin: The largest difference that still counts as none.

    Example:
        >>> tost(Mean(3.0, 0.1, 200), Mean(3.1, 0.1, 200), 0.5).p < 0.05
        True
        >>> tost(Mean(3.0, 0.4, 20), Mean(3.1, 0.4, 20), 0.5).p < 0.05
        False
    """
    from scipy.special import stdtr, stdtrit

    difference = ours.value - theirs.value
    error = math.hypot(ours.error, theirs.error)
    if not error:  # everyone says the same: nothing is left to chance
        return Tost(difference, difference, difference, 0.0 if abs(difference) < margin else 1.0, math.inf)
    df = error**4 / (ours.error**4 / (ours.n - 1) + theirs.error**4 / (theirs.n - 1))
    reach = float(stdtrit(df, 1 - LEVEL)) * error
    p = max(float(stdtr(df, -(difference + margin) / error)), float(stdtr(df, (difference - margin) / error)))
    return Tost(difference, difference - reach, difference + reach, p, df)


def conditions(means: Tost, sd_ratio: float, w1_high: float, margin: float) -> tuple[Condition, ...]:
    """Return the three conditions of equivalence, each with what was found.

    Args:
        means: The two one-sided tests of the means.
        sd_ratio: Standard deviation of one sample through that of the other.
        w1_high: One-sided 95 % bootstrap bound of the Wasserstein-1 distance, in the scale's points.
        margin: An eighth of the scale's range, in the scale's points.

    Example:
        >>> close = tost(Mean(3.0, 0.05, 400), Mean(3.0, 0.05, 400), 0.5)
        >>> [one.holds for one in conditions(close, 0.5, 0.3, 0.5)]
        [True, False, True]
    """
    low, high = SD_RATIOS
    return (
        Condition(
            "means",
            means.p < LEVEL,
            f"means differ by {means.difference:+.2f} (90 % interval {means.low:+.2f} to {means.high:+.2f}; "
            f"allowed ±{margin:.3g})",
        ),
        Condition("spread", low <= sd_ratio <= high, f"the SD ratio is {sd_ratio:.2f} (allowed {low:g} to {high:g})"),
        Condition(
            "distribution", w1_high < margin, f"W1 may be as large as {w1_high:.2f} (allowed under {margin:.3g})"
        ),
    )


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (S. Holm, Scand. J. Statist. 6, 1979, p. 65); not-a-number stays.

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03, 0.005])]
        [0.03, 0.06, 0.06, 0.02]
    """
    ranked = sorted((p, place) for place, p in enumerate(values) if not math.isnan(p))
    corrected = list(values)
    largest = 0.0
    for rank, (p, place) in enumerate(ranked):
        largest = max(largest, min(1.0, (len(ranked) - rank) * p))
        corrected[place] = largest
    return corrected
