"""The onion: one line for each concern, outermost last."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.engine.cache import Cache, Mode
from toolkit.engine.ledger import Booked, Ledger
from toolkit.engine.retry import Retry
from toolkit.engine.timeout import Timeout
from toolkit.memory import Store
from toolkit.models import Model, Responder

__all__ = ["Engine", "Limits", "build"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds that a study sets on its calls."""

    concurrency: int | None = None
    """Calls in flight at once; none means what suits the model."""
    timeout: float = 60.0
    """Seconds one try may take."""
    tries: int = 6
    """How often a call may be sent."""
    retry_wait_max: float = 30.0
    """Longest wait between tries, in seconds."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A model made dependable: the outermost layer, and the parts that bulk work needs beside it."""

    model: Model
    outermost: Responder
    cache: Cache
    ledger: Ledger
    concurrency: int


def build(model: Model, store: Store | None, mode: Mode, ledger: Ledger, limits: Limits) -> Engine:
    """Put the layers around a model."""
    layer: Responder = model
    layer = Timeout(layer, limits.timeout)
    layer = Retry(layer, tries=limits.tries, wait_max=limits.retry_wait_max)
    cache = Cache(layer, store, model.identity, mode)
    booked = Booked(cache, ledger, model.identity)
    return Engine(
        model=model,
        outermost=booked,
        cache=cache,
        ledger=ledger,
        concurrency=limits.concurrency or model.abilities.concurrency,
    )
