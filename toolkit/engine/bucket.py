"""A token bucket that is taken from in advance and settled afterwards; its state is when it will be full again."""

from __future__ import annotations

__all__ = ["REQUEST_BURST", "TOKEN_BURST", "Bucket"]

REQUEST_BURST = 0.5
"""Seconds' worth of requests that may pass at once: any 60 s hold at most 60.5 s' worth, 0.8 % over the limit; a loop
that is late by less than this loses no pace."""
TOKEN_BURST = 1.0
"""Seconds' worth of tokens: room for what replies give back, which would be lost above a full bucket."""


class Bucket:
    """Fills at a rate; what is taken beyond its content is debt that is paid off first.

    The whole state is ``full_at``: when it will be full if nobody takes any more (the "theoretical arrival time" of
    the generic cell rate algorithm, ITU-T I.371).

    Args:
        rate: Units a second.
        burst: Seconds' worth that it holds.
        least: Smallest size; 1 for requests, because one must always fit.

    Example:
        >>> bucket = Bucket(rate=2.0, burst=0.5, least=1.0)
        >>> bucket.take(1.0, now=0.0)
        >>> bucket.due(1.0)
        0.5
    """

    __slots__ = ("full_at", "rate", "size")

    def __init__(self, rate: float, burst: float, least: float = 0.0) -> None:
        self.rate = rate
        self.size = max(rate * burst, least)
        self.full_at = float("-inf")

    def inherit(self, before: Bucket | None, now: float) -> Bucket:
        """Take over what another bucket owes, and return this one."""
        if before is not None and before.full_at > now:
            self.full_at = now + (before.full_at - now) * before.rate / self.rate
        return self

    def due(self, units: float) -> float:
        """Return when so many may be taken; more than fits may be taken from a full bucket."""
        return self.full_at - (self.size - min(units, self.size)) / self.rate

    def take(self, units: float, now: float) -> None:
        """Take units, also those that are not there; a negative number gives back."""
        if units > 0.0 and self.full_at < now:
            self.full_at = now
        self.full_at += units / self.rate

    def debt(self, now: float) -> float:
        """Return the units that are owed."""
        return max((self.full_at - now) * self.rate - self.size, 0.0)
