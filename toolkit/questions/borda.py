"""Borda's count: what a ranking gives to each option (J.-C. de Borda, 1781).

Of n options the first gets n - 1 points and the last 0: an option at rank r (from 0) gets n - 1 - r. Options that tie
share the points of their places equally, and so do those that a ranking of the best few leaves out; every ranking gives
n (n - 1) / 2 points in all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from toolkit.errors import InvalidInput

__all__ = ["borda_points", "borda_totals", "borda_winners", "ranks"]

Order = Sequence[str | Sequence[str]]
"""Best first; a list within the list ties."""


def ranks(ranking: Order, options: Sequence[str]) -> dict[str, float | None]:
    """Return each option's rank from 1, the mean of their places for those that tie, None where it is left out.

    Args:
        ranking: Best first; a list within the list ties. Its end may be left out.
        options: All there are, in the order of the result.

    Raises:
        InvalidInput: The ranking names something that is no option, or an option twice.

    Example:
        >>> ranks(["tea", ["rum", "milk"]], ["milk", "rum", "tea", "water"])
        {'milk': 2.5, 'rum': 2.5, 'tea': 1.0, 'water': None}
    """
    found: dict[str, float | None] = dict.fromkeys(options)
    before = 0
    for one in ranking:
        group = [one] if isinstance(one, str) else list(one)
        for label in group:
            if label not in found:
                raise InvalidInput(f"the ranking names {label!r}, which is none of the options", hint="Use the labels.")
            if found[label] is not None:
                raise InvalidInput(f"the ranking names {label!r} twice", hint="Rank each option once.")
            found[label] = before + (len(group) + 1) / 2
        before += len(group)
    return found


def borda_points(ranking: Order, options: Sequence[str]) -> dict[str, float]:
    """Return the points that one ranking gives to each option.

    Args:
        ranking: Best first; a list within the list ties. Its end may be left out.
        options: All there are, in the order of the result.

    Raises:
        InvalidInput: The ranking names something that is no option, or an option twice.

    Example:
        >>> borda_points(["tea", "rum", "milk"], ["milk", "rum", "tea"])
        {'milk': 0.0, 'rum': 1.0, 'tea': 2.0}
        >>> borda_points(["tea"], ["milk", "rum", "tea"])
        {'milk': 0.5, 'rum': 0.5, 'tea': 2.0}
    """
    found = ranks(ranking, options)
    left = sum(rank is None for rank in found.values())
    shared = (left - 1) / 2  # the mean of what is left: left - 1, left - 2, …, 0
    return {label: shared if rank is None else len(found) - rank for label, rank in found.items()}


def borda_totals(rankings: Iterable[Order], options: Sequence[str]) -> dict[str, float]:
    """Return the sum of the points that rankings give to each option.

    Raises:
        InvalidInput: A ranking names something that is no option, or an option twice.

    Example:
        >>> borda_totals([["tea", "rum"], ["tea", "rum"], [["tea", "rum"]]], ["rum", "tea"])
        {'rum': 0.5, 'tea': 2.5}
    """
    totals = dict.fromkeys(options, 0.0)
    for ranking in rankings:
        for label, points in borda_points(ranking, options).items():
            totals[label] += points
    return totals


def borda_winners(totals: Mapping[str, float]) -> tuple[str, ...]:
    """Return who has most points, all of them where several do; nobody where nobody has any.

    Sums of halves are exact, so that equal means equal.

    Example:
        >>> borda_winners({"tea": 3.5, "rum": 3.5, "milk": 2})
        ('tea', 'rum')
    """
    most = max(totals.values(), default=0.0)
    return tuple(label for label, points in totals.items() if points == most and most > 0)
