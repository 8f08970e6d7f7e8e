"""A real adapter with prices of its own, so that money is tested against numbers that no library changes."""

from toolkit.engine import Price
from toolkit.models import Abilities, Call, Identity, Model, Reply, Usage
from toolkit.models.openai import open_model
from toolkit.testing import WireServer

RATES = Price("test", input=2e-6, cached=0.5e-6, cache_write=2.5e-6, image=2e-6, output=8e-6, reasoning=8e-6)
"""USD a token: 2, 0.50, 2.50 and 8 USD a million."""


class Priced:
    """A model that says what its replies cost."""

    def __init__(self, inner: Model, rates: Price = RATES) -> None:
        self._inner = inner
        self._rates = rates

    @property
    def identity(self) -> Identity:
        return self._inner.identity

    @property
    def abilities(self) -> Abilities:
        return self._inner.abilities

    async def complete(self, call: Call) -> Reply:
        return await self._inner.complete(call)

    async def close(self) -> None:
        await self._inner.close()

    def price(self, usage: Usage) -> float | None:
        return self._rates.of(usage)


def priced(wire: WireServer, name: str = "wire-model", rates: Price = RATES) -> Priced:
    """Return a model on the wire server with prices of its own."""
    return Priced(open_model(name, base_url=wire.url, api_key=wire.key), rates)
