"""How far apart two distributions over the same levels are; each takes one vector of shares or a stack of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["entropy", "jensen_shannon", "total_variation", "total_variation_noise", "wasserstein"]


def total_variation(ours: Floats, theirs: Floats) -> Any:
    """Return half the sum of absolute differences of shares, 0 (the same) to 1 (nothing in common).

    Args:
        ours: Shares of levels along the last axis.
        theirs: Shares of the same levels.

    Example:
        >>> model, human = np.array([0, 14, 31, 5, 0]) / 50, np.array([11, 9, 13, 10, 7]) / 50
        >>> round(float(total_variation(model, human)), 2)
        0.46
    """
    return np.abs(ours - theirs).sum(axis=-1) / 2


def entropy(shares: Floats) -> Any:
    """Return the entropy of C. E. Shannon (1948) in bits.

    Example:
        >>> float(entropy(np.array([0.25, 0.25, 0.5])))
        1.5
    """
    return -_p_log_p(shares).sum(axis=-1)


def jensen_shannon(ours: Floats, theirs: Floats) -> Any:
    """Return the Jensen-Shannon divergence in bits, 0 to 1 (J. Lin, IEEE Trans. Inf. Theory 37, 1991, p. 145).

    The square of what ``scipy.spatial.distance.jensenshannon(…, base=2)`` gives, which is a distance.

    Example:
        >>> float(jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])))
        1.0
    """
    mixed = entropy((ours + theirs) / 2) - (entropy(ours) + entropy(theirs)) / 2
    return np.clip(mixed, 0.0, 1.0)  # rounding can leave it a hair outside


def wasserstein(ours: Floats, theirs: Floats, levels: Floats) -> Any:
    """Return the Wasserstein-1 distance: the area between the two cumulative distributions, in the scale's points.

    Args:
        ours: Shares of levels along the last axis.
        theirs: Shares of the same levels.
        levels: What the levels stand for, rising.

    Example:
        >>> model, human = np.array([0, 14, 31, 5, 0]) / 50, np.array([11, 9, 13, 10, 7]) / 50
        >>> round(float(wasserstein(model, human, np.arange(1.0, 6.0))), 2)
        0.72
    """
    between = np.abs(np.cumsum(ours - theirs, axis=-1)[..., :-1])
    return between @ np.diff(levels)


def total_variation_noise(shares: Floats, n_ours: int, n_theirs: int) -> float:
    """Return the TVD to be expected between two samples of these sizes that come from one and the same distribution.

    Exact, not simulated: the expectation of a sum is the sum of expectations, and the count of a level is binomial. So
    it is half the sum over levels of E|X/n - Y/m|, each taken as the integral of F(1 - G) + G(1 - F) over the two
    cumulative distributions F and G of X/n and Y/m.

    Args:
        shares: The distribution both come from.
        n_ours: Size of one sample.
        n_theirs: Size of the other.

    Example:
        One coin, tossed once against once: half of the pairs differ, and then TVD is 1.

        >>> round(total_variation_noise(np.array([0.5, 0.5]), 1, 1), 12)
        0.5
    """
    from scipy.stats import binom

    ours, theirs = np.arange(n_ours + 1) / n_ours, np.arange(n_theirs + 1) / n_theirs
    places = np.sort(np.concatenate([ours, theirs]))
    gaps = np.diff(places)
    at_ours = np.searchsorted(ours, places[:-1], side="right") - 1
    at_theirs = np.searchsorted(theirs, places[:-1], side="right") - 1
    total = 0.0
    for share in shares[(shares > 0) & (shares < 1)]:
        below = binom.cdf(np.arange(n_ours + 1), n_ours, share)[at_ours]
        beneath = binom.cdf(np.arange(n_theirs + 1), n_theirs, share)[at_theirs]
        total += float((below * (1 - beneath) + beneath * (1 - below)) @ gaps)
    return total / 2


def _p_log_p(shares: Floats) -> Floats:
    made: Floats = shares * np.log2(np.where(shares > 0, shares, 1.0))
    return made
