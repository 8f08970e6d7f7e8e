"""The onion: one line for each concern, outermost last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from toolkit.engine.breaker import Breaker
from toolkit.engine.budget import Account
from toolkit.engine.cache import Cache, Mode
from toolkit.engine.chaos import Chaos
from toolkit.engine.experience import Experience
from toolkit.engine.fallback import Candidate, Fallback
from toolkit.engine.inflight import COOL_DOWN
from toolkit.engine.ledger import Booked, Ledger
from toolkit.engine.limit import Limit, pace_for, paces
from toolkit.engine.priced import Priced
from toolkit.engine.quarantine import Quarantine
from toolkit.engine.retry import Retry, RetryBudget
from toolkit.engine.slots import AtWork, Slotted
from toolkit.engine.timeout import Timeout
from toolkit.engine.trace import Gauges, Tracing
from toolkit.engine.transcripts import Transcribed
from toolkit.engine.tries import Metered
from toolkit.engine.within_budget import WithinBudget
from toolkit.events import EventStream
from toolkit.memory import SealedStore, Store
from toolkit.models import Call, Model, Responder
from toolkit.redact import Scrubber

__all__ = ["Engine", "Limits", "build"]

_RETRIES = 100
"""Retries a run may make whatever its size, before the cap on their share holds."""

_START = 128
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
    time_scale: float = 1.0
    """Seconds of wall time for one second that the engine itself fixes: the breaker's pauses, the first wait before a
    retry, the refill of the retry budget, the cool-down between cuts. What the study sets is wall time."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A model made dependable: the outermost layer, and the parts that bulk work needs beside it."""

    model: Model
    outermost: Responder
    cache: Cache
    ledger: Ledger
    at_work: AtWork
    """How many calls a run may have at work."""
    experience: Experience
    """What replies have shown; estimates and budgets learn from it."""
    quarantine: Quarantine
    """Where refused replies are kept."""
    gauges: tuple[Gauges, ...]
    """Layers with numbers to watch: calls at work, who waits, for how long."""
    limiters: tuple[Limit, ...]
    """The pace of each model, the study's own first."""
    around: Callable[[Model], Engine]
    """Puts the same layers around a further model; memory, ledger and budgets are shared."""
    others: dict[str, Engine] = field(default_factory=dict)
    """Further models of the study, by ``provider:model``: who answers calls that name them in ``Call.model``."""

    def of(self, call: Call) -> Engine:
        """Return the engine of the model that a call is for."""
        return self.others[call.model] if call.model else self

    @property
    def concurrency(self) -> int:
        """Calls that a run may have at work at once."""
        return self.at_work.most

    def resize(self, most: int) -> None:
        """Let so many calls be at work at once, from now on, with each model. Call it on the private loop.

        Raises:
            InvalidInput: A number below 1.
        """
        for engine in (self, *self.others.values()):
            for limiter in engine.limiters:
                limiter.resize(most)
            engine.at_work.resize(most)

    def hold(self) -> None:
        """Send nothing new to any model; what memory holds is answered. Call it on the private loop."""
        for engine in (self, *self.others.values()):
            for limiter in engine.limiters:
                limiter.hold()

    def let_go(self) -> None:
        """Send again. Call it on the private loop."""
        for engine in (self, *self.others.values()):
            for limiter in engine.limiters:
                limiter.let_go()

    @property
    def held(self) -> bool:
        """Whether nothing new is sent."""
        return any(limiter.held for limiter in self.limiters)

    @property
    def further(self) -> tuple[Model, ...]:
        """The further models, in the order in which they were opened."""
        return tuple(engine.model for engine in self.others.values())

    def add(self, model: Model) -> Engine:
        """Open a further model behind the same layers, once; ``Call.model`` names it from then on."""
        name = str(model.identity)
        if name not in self.others:
            self.ledger.prices.add(model)
            self.others[name] = self.around(model)
        return self.others[name]


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
        scale = limits.time_scale
        layer: Responder = Breaker(limiter, limiter.name, patience=patience, time_scale=scale)
        budget = RetryBudget(floor=max(_RETRIES, 2 * concurrency), time_scale=scale)
        layer = Retry(layer, tries=limits.tries, wait_max=limits.retry_wait_max, budget=budget, time_scale=scale)
        candidates.append(Candidate(one.identity, layer))
    layer = Fallback(candidates) if fallbacks else candidates[0].responder
    layer = WithinBudget(
        layer, name, ledger.prices, experience, eyes=model.abilities.images, accounts=accounts, events=events
    )
    layer = Priced(layer, ledger.prices)
    if tracing is not None:
        layer = tracing.layer(layer, model.identity, quarantine.scrubber)
    if transcripts and isinstance(store, SealedStore) and mode != "replay":
        layer = Transcribed(layer, store, model.identity, quarantine.scrubber)
    slotted = Slotted(layer)
    cache = Cache(slotted, store, model.identity, mode, limits.ttl)
    booked = Booked(cache, ledger, model.identity)

    def around(other: Model) -> Engine:
        return build(
            other,
            store,
            mode,
            ledger,
            limits,
            accounts=accounts,
            events=events,
            quarantine=quarantine,
            tracing=tracing,
            transcripts=transcripts,
        )

    return Engine(
        model=model,
        outermost=booked,
        cache=cache,
        ledger=ledger,
        at_work=AtWork(concurrency),
        experience=experience,
        quarantine=quarantine,
        gauges=(slotted, *limiters),
        limiters=tuple(limiters),
        around=around,
    )


def _limited(model: Model, limits: Limits, concurrency: int, scrubber: Scrubber) -> Limit:
    """Return one model behind its timeout and at its pace."""
    layer: Responder = model
    if limits.chaos:
        layer = Chaos(layer, model.identity, limits.chaos, limits.seed)
    layer = Timeout(layer, limits.timeout, limits.stage_timeouts, scrubber)
    layer = Metered(layer)
    pace = pace_for(model.identity, paces(limits.pace))
    cool_down = COOL_DOWN * limits.time_scale
    return Limit(layer, model, pace, most=concurrency, start=min(concurrency, _START), cool_down=cool_down)
