"""How many calls may be in flight: more while the model keeps up, fewer when it says "too many requests"."""

from __future__ import annotations

from toolkit.errors import InvalidInput

__all__ = ["COOL_DOWN", "CUT", "START", "InFlight"]

START = 20
"""Calls in flight at the beginning; like ``CUT`` and ``COOL_DOWN`` measured to work (FACTS, Libraries judged)."""
CUT = 0.8
"""What is left of the limit after a refusal."""
COOL_DOWN = 15.0
"""Seconds from one cut to the next, because what is in flight at a cut knows nothing of it yet."""

_GROWTH = 0.05
"""Share of the limit that one round of answers adds after the first refusal; at least one call."""
_DRAG = 0.5
"""Calls that each further refusal takes off within the cool-down, so that a limit that is far too high sinks on while
a few stray refusals among many answers do not matter."""


class InFlight:
    """A limit that doubles each round until the first refusal, and afterwards feels its way.

    Args:
        most: The ceiling; ``None`` for none.
        start: Where it begins.

    Raises:
        InvalidInput: A number below 1.

    Example:
        >>> slots = InFlight(most=64)
        >>> slots.refused(now=0.0)
        >>> slots.most
        16
    """

    def __init__(self, most: int | None = None, start: int = START) -> None:
        for name, value in (("most", most), ("start", start)):
            if value is not None and value < 1:
                raise InvalidInput(f"{name} in flight is {value}", hint="Allow at least one call.")
        self._ceiling = float("inf") if most is None else float(most)
        self._limit = min(float(start), self._ceiling)
        self._untried = True
        self._cut_at = float("-inf")
        self.most = int(self._limit)
        """Calls that may be in flight now."""

    def answered(self) -> None:
        """Note an answer that came while every slot was taken."""
        if self._limit >= self._ceiling:
            return
        step = 1.0 if self._untried else max(_GROWTH, 1.0 / self._limit)
        self._set(self._limit + step)

    def refused(self, now: float) -> None:
        """Note a refusal for too many requests."""
        self._untried = False
        if now - self._cut_at >= COOL_DOWN:
            self._cut_at = now
            self._set(self._limit * CUT)
        else:
            self._set(self._limit - _DRAG)

    def _set(self, limit: float) -> None:
        self._limit = min(max(limit, 1.0), self._ceiling)
        self.most = int(self._limit)
