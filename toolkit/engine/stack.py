"""The onion: one line for each concern, outermost last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from toolkit.engine.breaker import Breaker
from toolkit.engine.budget import Account
from toolkit.engine.cache import Cache, Mode
from toolkit.engine.chaos import Chaos
from toolkit.engine.experience import Experience
from toolkit.engine.fallback import Candidate, Fallback
from toolkit.engine.ledger import Booked, Ledger
from toolkit.engine.limit import Limit, paces
from toolkit.engine.quarantine import Quarantine
from toolkit.engine.retry import Retry, RetryBudget
from toolkit.engine.slots import Slotted
from toolkit.engine.timeout import Timeout
from toolkit.engine.trace import Gauges, Tracing
from toolkit.engine.transcripts import Transcribed
from toolkit.engine.tries import Metered
from toolkit.engine.within_budget import WithinBudget
from toolkit.events import EventStream
from toolkit.memory import SealedStore, Store
from toolkit.models import Model, Responder
from toolkit.models.pace import Pace
from toolkit.redact import Scrubber

__all__ = ["Engine", "Limits", "build"]

_RETRIES = 100
"""Retries a run may make whatever its size, before the cap on their share holds."""

_START = 64
"""Calls in flight at the beginning where so many may be: a model that never refused is not asked slowly. At 200 ms a
start with 20 took a whole round of 64 more (3 % of 2,000 calls)."""


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
    pace: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """``rpm`` and ``tpm`` by ``provider:model``; a model that is not listed has no limit."""
    stage_timeouts: Mapping[str, float] = field(default_factory=dict)
    """Seconds one try may take, by stage; the longest dotted name decides."""
    patience: float = 900.0
    """Seconds of an outage that are waited out where no other model can answer."""
    chaos: float = 0.0
    """Share of tries that fail on purpose, for rehearsals."""
    seed: int = 0
    """Of the chaos."""
    ttl: Mapping[str, float] = field(default_factory=dict)
    """Seconds for which a remembered reply stays fresh, by stage; the longest dotted name decides."""


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
    limiters: tuple[Limit, ...]
    """The pace of each model, the study's own first."""


def build(
    model: Model,
    store: Store | None,
    mode: Mode,
    ledger: Ledger,
    limits: Limits,
    *,
    fallbacks: Sequence[Model] = (),
    accounts: Sequence[Account] = (),
    events: EventStream | None = None,
    quarantine: Quarantine | None = None,
    tracing: Tracing | None = None,
    transcripts: bool = False,
) -> Engine:
    """Put the layers around a model.

    Args:
        model: Who answers.
        store: Where replies are kept.
        mode: How memory is used.
        ledger: Where every call is written down; its prices hold.
        limits: The study's bounds.
        fallbacks: Models to ask in order where the first is not to be had.
        accounts: The lab's own budgets.
        events: Told what happens to budgets.
        quarantine: Where refused replies are kept; by default in this process.
        tracing: Puts a span around each live call; by default there are none.
        transcripts: Whether to keep prompt and reply of each live call, scrubbed.
    """
    name, experience = str(model.identity), Experience()
    concurrency = limits.concurrency or model.abilities.concurrency
    quarantine = Quarantine(scrubber=ledger.scrubber) if quarantine is None else quarantine
    candidates: list[Candidate] = []
    limiters: list[Limit] = []
    for one in (model, *fallbacks):
        limiter = _limited(one, limits, concurrency, quarantine.scrubber)
        limiters.append(limiter)
        # Where another model can answer nobody waits for one that is down.
        patience = limits.patience if one is (model, *fallbacks)[-1] else 0.0
        layer: Responder = Breaker(limiter, limiter.name, patience=patience)
        budget = RetryBudget(floor=max(_RETRIES, 2 * concurrency))
        layer = Retry(layer, tries=limits.tries, wait_max=limits.retry_wait_max, budget=budget)
        candidates.append(Candidate(one.identity, layer))
    layer = Fallback(candidates) if fallbacks else candidates[0].responder
    layer = WithinBudget(
        layer, name, ledger.prices, experience, eyes=model.abilities.images, accounts=accounts, events=events
    )
    if tracing is not None:
        layer = tracing.layer(layer, model.identity, quarantine.scrubber)
    if transcripts and isinstance(store, SealedStore) and mode != "replay":
        layer = Transcribed(layer, store, model.identity, quarantine.scrubber)
    slotted = Slotted(layer)
    cache = Cache(slotted, store, model.identity, mode, limits.ttl)
    booked = Booked(cache, ledger, model.identity)
    return Engine(
        model=model,
        outermost=booked,
        cache=cache,
        ledger=ledger,
        concurrency=concurrency,
        experience=experience,
        quarantine=quarantine,
        gauges=(slotted, *limiters),
        limiters=tuple(limiters),
    )


def _limited(model: Model, limits: Limits, concurrency: int, scrubber: Scrubber) -> Limit:
    """Return one model behind its timeout and at its pace."""
    layer: Responder = model
    if limits.chaos:
        layer = Chaos(layer, model.identity, limits.chaos, limits.seed)
    layer = Timeout(layer, limits.timeout, limits.stage_timeouts, scrubber)
    layer = Metered(layer)
    pace = paces(limits.pace).get(str(model.identity), Pace())
    return Limit(layer, model, pace, most=concurrency, start=min(concurrency, _START))
