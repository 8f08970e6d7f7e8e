"""What became of the tries of one call: how many were sent, and which may be billed though they brought nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from toolkit.errors import CallError
from toolkit.models import Call, Reply, Responder

__all__ = ["Metered", "Tries", "current_tries"]


@dataclass(slots=True, eq=False)
class Tries:
    """The tries of one call, counted while it is in flight."""

    sent: int = 0
    unseen: int = 0
    """Tries that the provider may bill though no reply was seen: timed out, dropped or cancelled."""
    before_another: list[Callable[[], None]] = field(default_factory=list)
    """Asked before a further try is sent; may raise to forbid it."""


current_tries: ContextVar[Tries | None] = ContextVar("current_tries", default=None)
"""The tries of the call that a task works on."""


class Metered:
    """Counts each try as it is sent. It stands inside Retry and Limit: what waits there was not sent.

    Args:
        inner: The responder around which this stands.
    """

    def __init__(self, inner: Responder) -> None:
        self._inner = inner

    async def complete(self, call: Call) -> Reply:
        """Send one try."""
        tries = current_tries.get()
        if tries is None:
            return await self._inner.complete(call)
        if tries.sent:
            for ask in tries.before_another:
                ask()
        tries.sent += 1
        try:
            return await self._inner.complete(call)
        except CallError as error:
            tries.unseen += error.billed and error.reply is None
            raise
        except asyncio.CancelledError:
            tries.unseen += 1
            raise
