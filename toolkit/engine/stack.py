"""The onion: one line for each concern, outermost last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.engine.budget import Account, WithinBudget
from toolkit.engine.cache import Cache, Mode
from toolkit.engine.experience import Experience
from toolkit.engine.ledger import Booked, Ledger
from toolkit.engine.quarantine import Quarantine
from toolkit.engine.retry import Retry
from toolkit.engine.timeout import Timeout
from toolkit.engine.trace import Gauges, Tracing
from toolkit.engine.tries import Metered
from toolkit.events import EventStream
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
    experience: Experience
    """What replies have shown; estimates and budgets learn from it."""
    quarantine: Quarantine
    """Where refused replies are kept."""
    gauges: tuple[Gauges, ...]
    """Layers with numbers to watch: calls at work, who waits, for how long."""


def build(
    model: Model,
    store: Store | None,
    mode: Mode,
    ledger: Ledger,
    limits: Limits,
    *,
    accounts: Sequence[Account] = (),
    events: EventStream | None = None,
    quarantine: Quarantine | None = None,
    tracing: Tracing | None = None,
) -> Engine:
    """Put the layers around a model.

    Args:
        model: Who answers.
        store: Where replies are kept.
        mode: How memory is used.
        ledger: Where every call is written down; its prices hold.
        limits: The study's bounds.
        accounts: The lab's own budgets.
        events: Told what happens to budgets.
        quarantine: Where refused replies are kept; by default in this process.
        tracing: Puts a span around each live call; by default there are none.
    """
    name, experience = str(model.identity), Experience()
    layer: Responder = model
    layer = Timeout(layer, limits.timeout)
    layer = Metered(layer)
    layer = Retry(layer, tries=limits.tries, wait_max=limits.retry_wait_max)
    layer = WithinBudget(
        layer, name, ledger.prices, experience, eyes=model.abilities.images, accounts=accounts, events=events
    )
    quarantine = Quarantine(scrubber=ledger.scrubber) if quarantine is None else quarantine
    if tracing is not None:
        layer = tracing.layer(layer, model.identity, quarantine.scrubber)
    cache = Cache(layer, store, model.identity, mode)
    booked = Booked(cache, ledger, model.identity)
    return Engine(
        model=model,
        outermost=booked,
        cache=cache,
        ledger=ledger,
        concurrency=limits.concurrency or model.abilities.concurrency,
        experience=experience,
        quarantine=quarantine,
        gauges=(booked,),
    )
