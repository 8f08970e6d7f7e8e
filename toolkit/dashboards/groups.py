"""Stages by models as charts name and colour them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toolkit.dashboards.chart import MUTED
from toolkit.dashboards.totals import Totals

__all__ = ["SHOWN", "Shown", "shown", "thinned"]

SHOWN = 5
"""Groups that have a colour of their own; the others are grey together."""
_POINTS = 64
"""Points of a line, about: more cannot be told apart at this width, and every one is sent to the browser."""

Shown = tuple[str, int, list[int]]
"""Name, colour, and the places of the groups that are drawn as one."""


def shown(totals: Totals) -> list[Shown]:
    """Return what is drawn apart, in the order of first calls.

    Example:
        >>> shown(Totals())
        []
    """
    names = [(place, _name(totals, stage, model)) for place, (stage, model) in totals.named]
    found: list[Shown] = [(name, number, [place]) for number, (place, name) in enumerate(names[:SHOWN])]
    rest = [place for place, _ in names[SHOWN:]]
    return [*found, ("others", MUTED, rest)] if rest else found


def thinned(ends: Sequence[float]) -> Iterator[slice]:
    """Yield which bins are drawn as one point.

    Example:
        >>> list(thinned([1.0, 2.0, 3.0]))
        [slice(0, 1, None), slice(1, 2, None), slice(2, 3, None)]
    """
    step = max(1, round(len(ends) / _POINTS))
    return (slice(first, min(first + step, len(ends))) for first in range(0, len(ends), step))


def _name(totals: Totals, stage: str, model: str) -> str:
    """Say the stage, and the model where more than one answers or there is no stage."""
    models = {one for _, (_, one) in totals.named}
    if not stage:
        return model or "calls"
    return stage if len(models) == 1 or not model else f"{stage} · {model.partition(':')[2] or model}"
