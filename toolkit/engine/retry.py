"""The layer that owns retries: transport faults only, full jitter, and the provider's own Retry-After."""

from __future__ import annotations

import dataclasses
import logging
import random
import time

from toolkit.engine.alarm import Now
from toolkit.engine.breaker import BreakerOpen
from toolkit.errors import CallError, CallTimeout, InvalidInput, ProviderDown, RateLimited
from toolkit.models import Call, Reply, Responder

__all__ = ["LONGEST_RETRY_AFTER", "Retry", "RetryBudget"]

LONGEST_RETRY_AFTER = 300.0
"""Seconds; a provider that asks for a longer pause ends the call with its error instead."""

_TRANSPORT = (RateLimited, ProviderDown, CallTimeout)

# Retries show in the ledger; without a handler the standard library would print each one to stderr.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class RetryBudget:
    """Bounds the share of retries, so that a provider in trouble is not given more work than before.

    A token bucket: each call puts in ``share``, time puts in ``per_second``, each retry takes one out (the retry budget
    of Finagle, finagle.github.io/blog/2016/02/08/retry-budgets, which has a fifth of the calls and ten a second). A
    retry that finds it empty is not refused at once, as there: it waits for the tokens that time will bring, and only
    a wait of more than ``longest`` ends its call. So a short burst of failures loses nothing.

    Over any stretch: retries ≤ ``floor + longest * per_second + share * calls + per_second * seconds``.

    Args:
        share: Retries for each call.
        floor: Retries that are there at the beginning, and at most saved up.
        per_second: Retries for each second.
        longest: Seconds a retry waits for its token.
        time_scale: Seconds of wall time for one second of ``per_second`` and ``longest``.
        now: The clock, in seconds.

    Raises:
        InvalidInput: A share or floor below 0, or a rate or wait that is not above 0.

    Example:
        >>> budget = RetryBudget(floor=1, per_second=0.5, now=lambda: 0.0)
        >>> budget.withdraw(), budget.withdraw()
        (0.0, 2.0)
    """

    def __init__(
        self,
        *,
        share: float = 0.2,
        floor: float = 100.0,
        per_second: float = 1.0,
        longest: float = 30.0,
        time_scale: float = 1.0,
        now: Now = time.monotonic,
    ) -> None:
        if share < 0 or floor < 0 or per_second <= 0 or longest <= 0:
            raise InvalidInput(
                f"a retry budget of share {share:g}, floor {floor:g}, {per_second:g} a second, longest {longest:g} s",
                hint="Share and floor are 0 or more, the others above 0.",
            )
        self.calls = 0
        """Calls so far; whoever sends one counts it here."""
        self.refused = 0
        """Retries that were not made because the budget was spent."""
        self._share = share
        self._floor = floor
        self._per_second = per_second / time_scale
        self._longest = longest * time_scale
        self._now = now
        self._level = floor
        self._counted = 0
        self._at = now()

    def withdraw(self) -> float | None:
        """Take one retry out; return the seconds until it is there, or ``None`` where that is too long."""
        now = self._now()
        came = (self.calls - self._counted) * self._share + (now - self._at) * self._per_second
        self._level = min(self._level + came, self._floor)
        self._counted, self._at = self.calls, now
        wait = max((1.0 - self._level) / self._per_second, 0.0)
        if wait > self._longest:
            self.refused += 1
            return None
        self._level -= 1.0
        return wait


class Retry:
    """Sends a call again after a transport fault; content is never asked for twice here.

    The wait before try ``k + 1`` is drawn uniformly from 0 to ``min(wait_max, wait_initial * 2**(k - 1))`` ("full
    jitter", M. Brooker, AWS Architecture Blog, 2015), or is what Retry-After says plus up to a tenth.

    A failed try costs the budget one retry, but not where the provider asked for a slower pace: that is kept by the
    Limit layer for everyone. Where the breaker is open nothing is tried again.

    Args:
        inner: The responder around which this stands.
        tries: How often a call may be sent, the first try included.
        wait_initial: Upper bound of the first wait, in seconds.
        wait_max: Upper bound of every wait, in seconds.
        budget: Bounds the share of retries; by default a ``RetryBudget()`` of this layer's own.
        time_scale: Seconds of wall time for one second of ``wait_initial``.
    """

    def __init__(
        self,
        inner: Responder,
        *,
        tries: int,
        wait_initial: float = 0.5,
        wait_max: float = 30.0,
        budget: RetryBudget | None = None,
        time_scale: float = 1.0,
    ) -> None:
        self.retries = 0
        """Retries so far."""
        self.waited = 0.0
        """Seconds that retries were told to wait, together."""
        self.lost_billed = 0
        """Tries that brought nothing though the provider may have billed them."""
        self._inner = inner
        self._tries = tries
        self._wait_initial = wait_initial * time_scale
        self._wait_max = wait_max
        self._budget = budget or RetryBudget()

    async def complete(self, call: Call) -> Reply:
        """Answer, after as many tries as are allowed and needed."""
        self._budget.calls += 1
        try:
            return await self._inner.complete(call)
        except _TRANSPORT as error:
            self.lost_billed += error.billed
            if not self._again(error):
                raise
            first = error
        return await self._retry(call, first)

    async def _retry(self, call: Call, first: CallError) -> Reply:
        import stamina

        attempts = stamina.retry_context(on=self._decide, attempts=self._tries, timeout=None)
        async for attempt in attempts:
            with attempt:
                if attempt.num == 1:
                    raise first
                try:
                    reply = await self._inner.complete(call)
                except CallError as error:
                    self.lost_billed += error.billed and error.reply is None
                    error.tries += attempt.num - 1
                    error.billed = error.billed or first.billed
                    raise
                return dataclasses.replace(reply, tries=attempt.num)
        raise first

    def _again(self, error: CallError) -> bool:
        if isinstance(error, BreakerOpen) or error.tries >= self._tries:
            return False
        return (getattr(error, "retry_after", None) or 0.0) <= LONGEST_RETRY_AFTER

    def _decide(self, error: Exception) -> float | bool:
        """Return the seconds to wait after this error, or False to give up."""
        if not isinstance(error, _TRANSPORT) or not self._again(error):
            return False
        extra = 0.0 if isinstance(error, RateLimited) else self._budget.withdraw()
        if extra is None:
            return False
        wait = extra + self._wait(error)
        self.retries += 1
        self.waited += wait
        return wait

    def _wait(self, error: CallError) -> float:
        """Return the seconds to wait after this error, before the budget has its say."""
        asked = getattr(error, "retry_after", None)
        if asked is not None:
            return float(asked) * random.uniform(1.0, 1.1)  # noqa: S311  # spreads the herd, no secret
        bound = min(self._wait_max, self._wait_initial * 2.0 ** (error.tries - 1))
        return random.uniform(0.0, bound)  # noqa: S311  # spreads the herd, no secret
