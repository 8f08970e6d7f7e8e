"""How well answers that should agree do agree: coefficients over a table of respondents by repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["cohen_kappa", "exact_agreement", "icc_2_1", "krippendorff_alpha"]


def icc_2_1(table: Floats) -> Any:
    """Return ICC(2,1): how far one answer stands for a respondent, repeats taken as drawn at random.

    P. E. Shrout and J. L. Fleiss (Psychological Bulletin 86, 1979, p. 420): two-way random effects, absolute agreement,
    one answer. 1 is perfect; at 0 answers of one person are no more alike than those of two; not a number where
    nothing varies.

    Args:
        table: Respondents by repeats, complete; or a stack of such tables.

    Example:
        The example of Shrout and Fleiss, table 2, for which they give 0.29.

        >>> rated = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
        >>> round(float(icc_2_1(np.array(rated, dtype=float))), 2)
        0.29
    """
    n, k = table.shape[-2:]
    grand = table.mean(axis=(-2, -1), keepdims=True)
    people = table.mean(axis=-1, keepdims=True)
    repeats = table.mean(axis=-2, keepdims=True)
    between = k * ((people - grand) ** 2).sum(axis=(-2, -1)) / (n - 1)
    across = n * ((repeats - grand) ** 2).sum(axis=(-2, -1)) / (k - 1)
    left = ((table - people - repeats + grand) ** 2).sum(axis=(-2, -1)) / ((n - 1) * (k - 1))
    below = between + (k - 1) * left + k * (across - left) / n
    return np.where(below > 0, (between - left) / np.where(below > 0, below, 1.0), np.nan)


def cohen_kappa(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Return kappa of J. Cohen (Educational and Psychological Measurement 20, 1960, p. 37): agreement beyond chance.

    Args:
        first: Codes of the first answers, one a respondent.
        second: Codes of the second.

    Example:
        Two readers of 50 proposals: both yes 20, both no 15, apart 5 and 10; expected 0.5, found 0.7.

        >>> yes, no = [1], [0]
        >>> first, second = yes * 25 + no * 25, yes * 20 + no * 5 + yes * 10 + no * 15
        >>> round(cohen_kappa(np.array(first), np.array(second)), 2)
        0.4
    """
    size = int(max(first.max(), second.max())) + 1
    found = float((first == second).mean())
    shares = [np.bincount(one, minlength=size) / len(one) for one in (first, second)]
    expected = float(shares[0] @ shares[1])
    return (found - expected) / (1 - expected) if expected < 1 else float("nan")


def krippendorff_alpha(counts: Floats) -> Any:
    """Return alpha for options of K. Krippendorff (Content Analysis, 2004, ch. 11); answers may be missing.

    Args:
        counts: Respondents by options: how often each said each; or a stack. Whoever answered once does not count.

    Example:
        The example in Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), part C, nominal: 0.743.

        >>> units = ["111", "2232", "3333", "3333", "2222", "1234", "4444", "1121", "2222", "555", "11", "3"]
        >>> table = np.array([[float(unit.count(value)) for value in "12345"] for unit in units])
        >>> round(float(krippendorff_alpha(table)), 3)
        0.743
    """
    said = counts.sum(axis=-1, keepdims=True)
    counts = np.where(said > 1, counts, 0.0)
    # Pairs of answers of one respondent that agree, each respondent weighing as much as the answers they gave.
    agree = (counts * (counts - 1) / np.maximum(said - 1, 1)).sum(axis=(-2, -1))
    totals = counts.sum(axis=-2)
    n = totals.sum(axis=-1)
    expected = (totals * (totals - 1)).sum(axis=-1) / np.maximum(n - 1, 1)
    varies = (n > expected) & (n > 1)
    return np.where(varies, 1 - (n - agree) / np.where(varies, n - expected, 1.0), np.nan)


def exact_agreement(counts: Floats) -> Any:
    """Return the share of pairs of answers of one respondent that are the same, the mean over respondents.

    Args:
        counts: Respondents by different answers: how often each said each; or a stack. Who answered once is left out.

    Example:
        >>> float(exact_agreement(np.array([[2.0, 0.0], [1.0, 1.0], [1.0, 0.0]])))
        0.5
    """
    said = counts.sum(axis=-1)
    pairs = np.maximum(said * (said - 1), 1.0)
    alike = (counts * (counts - 1)).sum(axis=-1) / pairs
    several = said > 1
    people = several.sum(axis=-1)
    return np.where(people > 0, (alike * several).sum(axis=-1) / np.maximum(people, 1), np.nan)
