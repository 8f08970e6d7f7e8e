"""The layer that breaks things on purpose, the same way each time: for rehearsals before a long run."""

from __future__ import annotations

import asyncio

from toolkit.errors import CallError, InvalidInput, ProviderDown, RateLimited
from toolkit.models import Call, Identity, Reply, Responder
from toolkit.seeds import rng

__all__ = ["CHAOS", "Chaos"]

CHAOS = {"rate_limited": 0.4, "server_error": 0.3, "drop": 0.2, "hang": 0.1}
"""What is injected, with its share of all faults; hangs are few, because each costs a whole timeout."""

_RETRY_AFTER = 0.1
"""Seconds an injected "too many requests" asks to wait: short, because it holds everyone."""
_MOST_COUNTED = 100_000
"""Distinct calls whose tries are counted, so that memory stays bounded."""


class Chaos:
    """Fails a share of all tries, drawn by seed for each call and try, so that a rehearsal can be repeated.

    Whatever the order in which calls come, the same call meets the same faults on its first, second, … try. A try that
    fails here is never sent, so a rehearsal against a real model pays for nothing extra. The Timeout layer around this
    ends the hangs.

    Args:
        inner: The responder around which this stands.
        identity: Who answers; part of each call's key, by which faults are drawn.
        p: Share of the tries that fail, 0 to 1.
        seed: The seed of the faults.

    Raises:
        InvalidInput: ``p`` is no share.

    Example:
        >>> from toolkit.models import Message, open_model
        >>> model = open_model("scripted")
        >>> call = Call((Message("user", ("Tea?",)),))
        >>> asyncio.run(Chaos(model, model.identity, p=0.0, seed=7).complete(call)).tries
        1
    """

    def __init__(self, inner: Responder, identity: Identity, p: float, seed: int = 0) -> None:
        if not 0.0 <= p <= 1.0:
            raise InvalidInput(f"chaos is {p}", hint="Give the share of tries that fail, 0 to 1, for example 0.05.")
        self.injected: dict[str, int] = dict.fromkeys(CHAOS, 0)
        """How often each fault was injected so far."""
        self._inner = inner
        self._identity = identity
        self._p = p
        self._seed = seed
        self._tries: dict[str, int] = {}

    async def complete(self, call: Call) -> Reply:
        """Answer, or fail as drawn.

        Raises:
            RateLimited: Drawn; asks for a short pause.
            ProviderDown: Drawn: a server error, or a connection that broke off.
        """
        fault = self._draw(call.key(self._identity))
        if fault is None:
            return await self._inner.complete(call)
        self.injected[fault] += 1
        if fault == "hang":
            await asyncio.Event().wait()
        raise _error(fault, str(self._identity))

    def _draw(self, key: str) -> str | None:
        if len(self._tries) >= _MOST_COUNTED and key not in self._tries:
            self._tries.pop(next(iter(self._tries)))
        attempt = self._tries[key] = self._tries.get(key, 0) + 1
        drawn = rng(self._seed, "chaos", key, attempt).random()
        for fault, share in CHAOS.items():
            if drawn < self._p * share:
                return fault
            drawn -= self._p * share
        return None


def _error(fault: str, who: str) -> CallError:
    hint = "This is a rehearsal: the fault was injected by chaos=."
    if fault == "rate_limited":
        return RateLimited(f"{who} asks for a slower pace (injected)", hint=hint, retry_after=_RETRY_AFTER)
    if fault == "server_error":
        return ProviderDown(f"{who} failed with a server error (injected)", hint=hint)
    return ProviderDown(f"the connection to {who} broke off (injected)", hint=hint)
