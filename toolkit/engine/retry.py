"""The layer that owns retries: transport faults only, full jitter, and the provider's own Retry-After."""

from __future__ import annotations

import dataclasses
import logging
import random

from toolkit.errors import CallError, CallTimeout, ProviderDown, RateLimited
from toolkit.models import Call, Reply, Responder

__all__ = ["LONGEST_RETRY_AFTER", "Retry"]

LONGEST_RETRY_AFTER = 300.0
"""Seconds; a provider that asks for a longer pause ends the call with its error instead."""

_TRANSPORT = (RateLimited, ProviderDown, CallTimeout)

# Retries show in the ledger; without a handler the standard library would print each one to stderr.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class Retry:
    """Sends a call again after a transport fault; content is never asked for twice here.

    The wait before try ``k + 1`` is drawn uniformly from 0 to ``min(wait_max, wait_initial * 2**(k - 1))`` ("full
    jitter", M. Brooker, AWS Architecture Blog, 2015), or is what Retry-After says plus up to a tenth.

    Args:
        inner: The responder around which this stands.
        tries: How often a call may be sent, the first try included.
        wait_initial: Upper bound of the first wait, in seconds.
        wait_max: Upper bound of every wait, in seconds.
    """

    def __init__(self, inner: Responder, *, tries: int, wait_initial: float = 0.5, wait_max: float = 30.0) -> None:
        self._inner = inner
        self._tries = tries
        self._wait_initial = wait_initial
        self._wait_max = wait_max

    async def complete(self, call: Call) -> Reply:
        """Answer, after as many tries as are allowed and needed."""
        try:
            return await self._inner.complete(call)
        except _TRANSPORT as error:
            if not self._again(error):
                raise
            first = error
        return await self._retry(call, first)

    async def _retry(self, call: Call, first: CallError) -> Reply:
        import stamina

        attempts = stamina.retry_context(on=self._wait, attempts=self._tries, timeout=None)
        async for attempt in attempts:
            with attempt:
                if attempt.num == 1:
                    raise first
                try:
                    reply = await self._inner.complete(call)
                except CallError as error:
                    error.tries = attempt.num
                    error.billed = error.billed or first.billed
                    raise
                return dataclasses.replace(reply, tries=attempt.num)
        raise first

    def _again(self, error: CallError) -> bool:
        return self._tries > 1 and (getattr(error, "retry_after", None) or 0.0) <= LONGEST_RETRY_AFTER

    def _wait(self, error: Exception) -> float | bool:
        """Return the seconds to wait after this error, or False to give up."""
        if not isinstance(error, _TRANSPORT) or not self._again(error):
            return False
        asked = getattr(error, "retry_after", None)
        if asked is not None:
            return float(asked) * random.uniform(1.0, 1.1)  # noqa: S311  # spreads the herd, no secret
        bound = min(self._wait_max, self._wait_initial * 2.0 ** (error.tries - 1))
        return random.uniform(0.0, bound)  # noqa: S311  # spreads the herd, no secret
