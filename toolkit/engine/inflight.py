"""How many calls may be in flight: more while the model keeps up, fewer when it says "too many requests"."""

from __future__ import annotations

import math

from toolkit.errors import InvalidInput

__all__ = ["COOL_DOWN", "CUT", "START", "InFlight"]

START = 20
"""Calls in flight at the beginning; like ``CUT`` and ``COOL_DOWN`` known to work (FACTS, Libraries judged)."""
CUT = 0.8
"""What is left of the limit after a cut."""
COOL_DOWN = 15.0
"""Seconds from one cut to the next, while most calls are answered."""

_GROWTH = 0.05
"""Share of the limit that a round of answers adds where it is not known to be right."""
_WEIGHT = 0.02
"""Weight of one call in the running share of refusals: it looks back over about fifty."""
_TOLERATED = 0.15
"""Share of refusals that is no reason to slow down. Stray ones come whatever the number in flight, and a limit that
sank with each of them would strangle a run against a slow model."""
_MOST_REFUSED = 0.5
"""Share of refusals from which a cut may follow the other as soon as calls sent after it are refused too."""


class InFlight:
    """A limit that doubles each round until the first refusal, and afterwards feels its way.

    It is cut when more than 15 % of the last calls were refused. While it is fewer, it grows: quickly half way back to
    where it was before the last cut, and slowly beyond (after TCP's slow start and congestion avoidance, RFC 5681).

    Args:
        most: The ceiling; ``None`` for none.
        start: Where it begins.
        cool_down: Seconds from one cut to the next.

    Raises:
        InvalidInput: A number below 1.

    Example:
        >>> slots = InFlight(most=64)
        >>> for _ in range(9):
        ...     slots.refused(slots.cuts, now=0.0)
        >>> slots.most
        16
    """

    def __init__(self, most: int | None = None, start: int = START, cool_down: float = COOL_DOWN) -> None:
        for name, value in (("most", most), ("start", start)):
            if value is not None and value < 1:
                raise InvalidInput(f"{name} in flight is {value}", hint="Allow at least one call.")
        self._ceiling = float("inf") if most is None else float(most)
        self._limit = min(float(start), self._ceiling)
        self._known = float("inf")
        self._share = 0.0
        self._cool_down = cool_down
        self._cut_at = float("-inf")
        self.most = int(self._limit)
        """Calls that may be in flight now."""
        self.cuts = 0
        """How often it was cut; note it when a call is sent and hand it to ``refused``."""

    def answered(self, *, binding: bool) -> None:
        """Note an answer.

        Args:
            binding: Whether every slot was taken; only then more are of use.
        """
        self._share -= _WEIGHT * self._share
        if not binding or self._share > _TOLERATED or self._limit >= self._ceiling:
            return
        self._set(self._limit + (1.0 if self._limit < self._known else _GROWTH))

    def refused(self, cuts: int, now: float) -> None:
        """Note a refusal for too many requests.

        Args:
            cuts: How often the limit had been cut when the call was sent; one sent before the last cut tells nothing
                about what came of it.
            now: The time, in seconds.
        """
        if math.isinf(self._known):
            self._known = self._limit
        self._share += _WEIGHT * (1.0 - self._share)
        if cuts < self.cuts or self._share <= _TOLERATED:
            return
        if self._share > _MOST_REFUSED or now - self._cut_at >= self._cool_down:
            self.cuts += 1
            self._cut_at = now
            self._known = self._limit * (1.0 + CUT) / 2.0
            self._set(self._limit * CUT)

    def resize(self, most: int) -> None:
        """Set another ceiling; fewer hold at once, and more are felt for as before.

        Raises:
            InvalidInput: A number below 1.
        """
        if most < 1:
            raise InvalidInput(f"most in flight is {most}", hint="Allow at least one call.")
        grown = most > self._ceiling
        self._ceiling = float(most)
        self._set(self._ceiling if grown and math.isinf(self._known) else self._limit)

    def _set(self, limit: float) -> None:
        self._limit = min(max(limit, 1.0), self._ceiling)
        self.most = int(self._limit)
