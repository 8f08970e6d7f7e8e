"""Cohen's weighted kappa: agreement of two judgements beyond what their distributions alone would give."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["weighted_kappa"]


def weighted_kappa(pairs: Sequence[tuple[int, int]], low: int, high: int) -> float | None:
    """Return Cohen's kappa with quadratic weights (J. Cohen, 1968, Psychological Bulletin 70).

    Args:
        pairs: Two scores of each item.
        low: The lowest score.
        high: The highest score.

    Returns:
        1 for perfect agreement, 0 for what chance gives, negative below; ``None`` where there is nobody, or all scores
        are one and the same, so that chance alone agrees fully.

    Example:
        >>> weighted_kappa([(1, 1), (2, 2), (5, 5)], 1, 5), weighted_kappa([(4, 4), (4, 4)], 1, 5)
        (1.0, None)
    """
    n = len(pairs)
    if not n:
        return None
    span = (high - low) ** 2
    seen = sum((one - other) ** 2 for one, other in pairs) / (n * span)
    ones, others = [one for one, _ in pairs], [other for _, other in pairs]
    left = {score: ones.count(score) / n for score in range(low, high + 1)}
    right = {score: others.count(score) / n for score in range(low, high + 1)}
    chance = sum(left[one] * right[other] * (one - other) ** 2 for one in left for other in right) / span
    return 1.0 - seen / chance if chance > 0 else None
