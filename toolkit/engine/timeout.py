"""The layer that bounds how long one try may take."""

from __future__ import annotations

import asyncio

from toolkit.errors import CallTimeout
from toolkit.models import Call, Reply, Responder

__all__ = ["Timeout"]


class Timeout:
    """Cancels a try after ``seconds`` and raises ``CallTimeout``; the provider may still bill it.

    Args:
        inner: The responder around which this stands.
        seconds: Limit for one try; 60 unless the study says otherwise.
    """

    def __init__(self, inner: Responder, seconds: float) -> None:
        self._inner = inner
        self._seconds = seconds

    async def complete(self, call: Call) -> Reply:
        """Answer within the limit."""
        try:
            async with asyncio.timeout(self._seconds) as limit:
                return await self._inner.complete(call)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise CallTimeout(
                f"no reply within {self._seconds:g} s for {call.stage or 'a call'} {call.item}".rstrip(),
                hint="Raise timeout=, or lower concurrency= if the provider is busy.",
                billed=True,
            ) from error
