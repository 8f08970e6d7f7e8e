"""The layer that writes on each reply what it cost when it came, so that no later price list changes it."""

from __future__ import annotations

import dataclasses

from toolkit.engine.prices import PriceBook
from toolkit.errors import CallError
from toolkit.models import Call, Reply, Responder

__all__ = ["Priced"]


class Priced:
    """Prices live replies, refused ones included; a price that is not known, or nobody's, leaves them as they are.

    Args:
        inner: The responder around which this stands.
        prices: What answers cost.

    Example:
        >>> import asyncio
        >>> from toolkit.models import Message, open_model
        >>> model = open_model("scripted")
        >>> reply = asyncio.run(Priced(model, PriceBook([model])).complete(Call((Message("user", ("Tea?",)),))))
        >>> reply.cost is None  # nobody is paid
        True
    """

    def __init__(self, inner: Responder, prices: PriceBook) -> None:
        self._inner = inner
        self._prices = prices

    async def complete(self, call: Call) -> Reply:
        """Answer, with the cost on the reply."""
        try:
            reply = await self._inner.complete(call)
        except CallError as error:
            if isinstance(error.reply, Reply):
                error.reply = self._priced(error.reply)
            raise
        return self._priced(reply)

    def _priced(self, reply: Reply) -> Reply:
        cost = self._prices.cost(reply.model, reply.usage)
        if cost is None or not cost.usd:
            return reply
        return dataclasses.replace(reply, cost=cost.usd, price_version=cost.version)
