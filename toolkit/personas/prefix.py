"""Whether worked examples before each portrait pay: with a provider's prompt cache a longer prompt may be cheaper."""

from __future__ import annotations

from toolkit.engine import Price
from toolkit.engine.tokens import CACHED_FROM

__all__ = ["AT_ONCE", "pays"]

AT_ONCE = 64
"""Calls that start before the first reply has filled the provider's cache; constant, so that pace changes no prompt."""


def pays(price: Price | None, *, short: float, long: float, calls: int) -> bool:
    """Return whether a shared part with worked examples costs less than one without.

    Let a cached token cost ``c`` of a fresh one. A shared part of ``S`` tokens below 1,024 is never cached and costs
    ``S`` a call. One of ``L`` tokens costs ``L * (1 - h * (1 - c))``, where ``h`` is the share of calls that find it
    cached: all but the first ``AT_ONCE``. For ``detail="standard"`` S is 621 and L 1,137 tokens (``python -m
    tests.perf.tokens``): at ``c = 0.1`` examples pay above h = 0.5, so from 130 people on, and for 1,000 people the
    shared part then costs 179 tokens a person; at ``c = 0.5`` they are left out, and where the price is unknown too.

    Args:
        price: What the model's tokens cost; ``None`` where that is unknown.
        short: Tokens of the shared part without examples.
        long: Tokens of the shared part with them.
        calls: How many calls share it.

    Example:
        >>> mini = Price("gpt-5-mini", input=2.5e-7, cached=2.5e-8)
        >>> pays(mini, short=621, long=1137, calls=1000), pays(mini, short=621, long=1137, calls=64)
        (True, False)
    """
    if price is None or price.input <= 0 or long < CACHED_FROM:
        return False
    cached = price.cached / price.input
    if cached >= 0.5:  # noqa: PLR2004  # half: what is left to gain is less than a few misses lose
        return False
    hits = max(0.0, 1.0 - AT_ONCE / max(calls, 1))
    return long * (1.0 - hits * (1.0 - cached)) < short
