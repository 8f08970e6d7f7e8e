"""Lab: one study's model, memory, limits, ledger and seed."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from toolkit.bridge import bridge
from toolkit.engine import (
    Account,
    Budget,
    Engine,
    Limits,
    Mode,
    Proof,
    build,
    check_budget,
    git_sha,
)
from toolkit.errors import InvalidInput
from toolkit.events import Event, EventStream
from toolkit.memory import ttl_of
from toolkit.models import Abilities, Identity, Model
from toolkit.models.caveats import caveats
from toolkit.models.recorded import described
from toolkit.redact import Scrubber
from toolkit.settings import Settings, load_settings
from toolkit.study import Opened, open_capsule, open_rerecording, open_study, refuse_with_capsule

if TYPE_CHECKING:
    from toolkit.dashboards import Board
    from toolkit.display import Report
    from toolkit.memory import StudyMemory, Transcript

__all__ = ["Lab", "current_lab", "use"]


class Lab:
    """One study: who answers, what is remembered, how fast and with which seed.

    Args:
        model: ``"embedded"``, ``"scripted"``, ``"openai:gpt-5-mini"``, or a model object. Without it
            ``TOOLKIT_MODEL`` decides, else ``embedded``: a key in the environment never starts to spend by itself.
        study: The study's folder, made when it is not there. Everything it remembers lives there.
        capsule: A recording to replay instead: offline, free, to the same bytes. A miss is an error.
        mode: ``read`` (memory, then ask), ``refresh`` (ask anew), ``write`` (keep what is absent), ``replay``, ``off``.
        seed: Every draw of the study derives from it.
        base_url: An OpenAI-compatible endpoint for ``openai:`` models.
        api_key: Its key; better left to the environment.
        concurrency: Calls in flight at once; without it what suits the model.
        timeout: Seconds one try may take.
        tries: How often a call may be sent when transport fails.
        limits: Pace by ``provider:model``: ``{"openai:gpt-5-mini": {"rpm": 240, "tpm": 600_000}}``.
        fallbacks: Models to ask in order where the first is not to be had; their answers say so.
        stage_timeouts: Seconds one try may take, by stage: ``{"rounds.director": 120}``.
        patience: Seconds of an outage that are waited out where no other model can answer.
        chaos: Share of tries that fail on purpose, drawn by seed, for rehearsals.
        budget: What may be spent while the lab is open, over all its runs: ``"2 USD"``, ``"50_000 tokens"``,
            ``"100 requests"`` or ``Budget("2 USD", soft=True)``. A run's own ``budget=`` holds beside it.
        price_as: ``provider:model`` whose list price holds, for gateways and deployments with names of their own; or
            one for each model, ``{"openai:bench": "openai:gpt-5-mini"}``.
        trace: Send spans and metrics to the OpenTelemetry exporters of this process.
        ttl: How long remembered replies stay fresh, by stage, ``{"questions": "30 days"}``; older ones are asked anew.
        memory_limit: What the study's memory may take on disk, ``"2 GB"``; what was used longest ago leaves.
        memory_items: How many entries it may have.
        retention: How long OpenAI is asked to keep prompt prefixes: ``in_memory``, ``24h`` or ``off``.
        time_scale: Seconds of wall time for one of the engine's own waits: for rehearsals on a faster clock.
        transcripts: Keep prompt and reply of each call in the study, scrubbed; see ``lab.transcript``.
        options: Handed to the model's provider.

    Raises:
        InvalidInput: A setting that cannot be used, or arguments that exclude each other.
        ModelUnknown, KeyMissing, WeightsMissing: The model cannot be opened; the message says the next step.

    Example:
        >>> lab = Lab("scripted", study=tmp / "ads", seed=7)
        >>> lab.model
        'scripted:default'
    """

    def __init__(
        self,
        model: str | Model | None = None,
        *,
        study: str | Path | None = None,
        capsule: str | Path | None = None,
        mode: Mode | None = None,
        seed: int | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        concurrency: int | None = None,
        timeout: float | None = None,
        tries: int | None = None,
        limits: Mapping[str, Mapping[str, float]] | None = None,
        fallbacks: Sequence[str] | None = None,
        stage_timeouts: Mapping[str, float] | None = None,
        patience: float | None = None,
        chaos: float | None = None,
        budget: str | Budget | None = None,
        price_as: str | Mapping[str, str] | None = None,
        trace: bool | None = None,
        ttl: Mapping[str, str | float | timedelta] | None = None,
        memory_limit: str | int | None = None,
        memory_items: int | None = None,
        retention: str | None = None,
        time_scale: float | None = None,
        transcripts: bool | None = None,
        **options: Any,
    ) -> None:
        named = model if isinstance(model, str) else None
        self.settings: Settings = load_settings(
            model=named,
            study=study,
            mode=mode,
            seed=seed,
            base_url=base_url,
            openai_api_key=api_key,
            concurrency=concurrency,
            timeout=timeout,
            tries=tries,
            limits=limits,
            fallbacks=fallbacks,
            stage_timeouts=stage_timeouts,
            patience=patience,
            chaos=chaos,
            price_as=price_as,
            trace=trace,
            ttl=ttl,
            memory_limit=memory_limit,
            memory_items=memory_items,
            retention=retention,
            time_scale=time_scale,
            transcripts=transcripts,
        )
        fresh_for = ttl_of(self.settings.ttl)
        allowed = Budget.of(self.settings.budget if budget is None else budget)
        self._accounts = () if allowed is None else (Account(allowed, "this lab"),)
        self.events = EventStream()
        self.scrubber = Scrubber(self.settings.redaction_patterns)
        self.last: Any = None
        self._opened = time.monotonic()
        if capsule is None:
            opened = open_study(self.settings, model, options, self.events, self.scrubber)
        else:
            given = {"model": model, "study": study, "mode": mode, "base_url": base_url, "api_key": api_key, **options}
            refuse_with_capsule(given)
            opened = self._open(Path(capsule))
        self.settings = opened.settings
        self.ledger = opened.ledger
        self.study: Path | None = opened.study
        self.seed: int = self.settings.seed if seed is not None or opened.seed is None else opened.seed
        self._model, self._fallbacks, self._mode = opened.model, opened.fallbacks, opened.mode
        self._store, self._memory, self._closers = opened.store, opened.memory, opened.closers
        bounds = Limits(
            concurrency=self.settings.concurrency,
            timeout=self.settings.timeout,
            tries=self.settings.tries,
            retry_wait_max=self.settings.retry_wait_max,
            pace=self.settings.limits,
            stage_timeouts=self.settings.stage_timeouts,
            patience=self.settings.patience,
            chaos=self.settings.chaos,
            seed=self.seed,
            ttl=fresh_for,
            time_scale=self.settings.time_scale,
        )
        everyone = (self._model, *self._fallbacks)
        self._proof = Proof(self.study, opened.writer, everyone, self.settings, self.ledger, self.events)
        self.quarantine, self.runs = self._proof.quarantine, self._proof.runs
        for account in self._accounts:
            self.check_budget(account.budget)
        self._engine = build(
            self._model,
            self._store,
            self._mode,
            self.ledger,
            bounds,
            quarantine=self.quarantine,
            tracing=self._proof.tracing,
            fallbacks=self._fallbacks,
            accounts=self._accounts,
            events=self.events,
            transcripts=self.settings.transcripts,
        )
        self._proof.watch(self._engine.gauges, self.model)
        self._closers = [self._proof.close, *self._closers, self._proof.end]
        self._forget = bridge().on_close(self._wind_up)

    def _open(self, capsule: Path) -> Opened:
        """Open a recording to replay, or, where ``TOOLKIT_RECORD`` names a model, to make anew after every run."""
        recorder = os.environ.get("TOOLKIT_RECORD")
        if not recorder:
            return open_capsule(capsule, self.settings, self.events, self.scrubber)
        target = capsule.absolute()

        def keep(_: Event) -> None:
            self.freeze(target)

        self.events.subscribe(keep, "run.finished")
        return open_rerecording(capsule, recorder, self.settings, self.events, self.scrubber)

    # --- what it is ---

    @property
    def model(self) -> str:
        """Who answers, as ``provider:model``."""
        return str(self._model.identity)

    @property
    def mode(self) -> Mode:
        """How memory is used."""
        return self._mode

    @property
    def abilities(self) -> Abilities:
        """What the model can do."""
        return self._model.abilities

    @property
    def identity(self) -> Identity:
        """Who answers, as it enters each call's key."""
        return self._model.identity

    @property
    def memory(self) -> StudyMemory:
        """The study's joblib memory: ``@lab.memory.cache`` remembers a function of your own beside the replies.

        It has ``stats()``, ``validate()`` and ``purge(…)`` as well.

        Raises:
            InvalidInput: The lab replays a capsule, which remembers nothing new.
        """
        if self._memory is None:
            raise InvalidInput("a lab that replays a capsule has no memory of its own", hint="Open a study folder.")
        return self._memory

    @property
    def notes(self) -> tuple[str, ...]:
        """What every result of this lab must say about who answers, and about how they were asked."""
        return caveats((self._model, *self._fallbacks, *self._engine.further))

    @property
    def engine(self) -> Engine:
        """The model behind its layers."""
        return self._engine

    @property
    def accounts(self) -> tuple[Account, ...]:
        """What was spent of the lab's own budget, where it has one."""
        return self._accounts

    def check_budget(self, budget: Budget) -> None:
        """Refuse a budget in money for a model whose price is unknown.

        Raises:
            InvalidInput: The budget cannot be kept.
        """
        check_budget(budget, self.model, self.ledger.prices, calls=self._mode != "replay")

    def report(self) -> Report:
        """Return what all runs of this lab used so far."""
        from toolkit.display import Report

        where = self.study.name if self.study is not None else "a recording"
        return Report.of(
            self.ledger,
            title=f"Study {where}",
            model=self.model,
            seed=self.seed,
            seconds=time.monotonic() - self._opened,
            notes=self.notes,
            accounts=self._accounts,
        )

    def dashboard(self, *, baseline: Any = None) -> Board:
        """Open the live board of this lab; see ``toolkit.dashboard``."""
        from toolkit.dashboards import dashboard

        return dashboard(self, baseline=baseline)

    def transcript(self, item: str, stage: str | None = None) -> list[Transcript]:
        """Return what was asked for an item and what was said, oldest first, of calls made with ``transcripts=True``.

        Args:
            item: The row: a persona's id, for example.
            stage: One stage only, for example ``"questions"``.

        Raises:
            InvalidInput: The lab has no study folder, or its memory is off.

        Example:
            >>> lab = Lab("scripted", study=tmp / "ads", transcripts=True)
            >>> lab.transcript("p0001")
            []
        """
        from toolkit.memory import SealedStore, transcripts_of

        if not isinstance(self._store, SealedStore):
            raise InvalidInput("this lab keeps no transcripts", hint="Open a study folder with transcripts=True.")
        return transcripts_of(self._store, item, stage)

    def freeze(self, path: str | Path, *, note: str = "", scrub: bool | Callable[[str], str] = False) -> Path:
        """Write what this lab used, as one text file that ``Lab(capsule=path)`` replays anywhere.

        Entries hold prompts' answers verbatim, unless they are scrubbed; settings hold no secrets. Calls that failed
        are kept as failures.

        Args:
            path: Where; by custom it ends in ``.capsule``.
            note: A line for whoever opens it.
            scrub: True masks keys and personal data in every text as the logs do; or a function that masks a text.
                Replies keep their keys, so the capsule replays. Only a call whose prompt quotes a masked reply (a
                question to a persona whose text held a phone number) is then another call, and misses.

        Returns:
            The path.
        """
        from toolkit.engine import replayable
        from toolkit.memory import Manifest, freeze

        if self._store is None:
            raise InvalidInput("memory is off, so there is nothing to freeze", hint="Open the lab with mode='read'.")
        manifest = Manifest(
            settings=self.settings.snapshot(),
            seed=self.seed,
            git_sha=git_sha(),
            models=[described(one) for one in (self._model, *self._engine.further)],
            provider=self.identity.provider,
            note=note,
        )
        mask = self.scrubber if scrub is True else scrub or None
        return freeze(path, manifest, replayable(self._store, self.ledger.rows()), mask)

    def close(self) -> None:
        """Finish writing and give back connections; results stay usable. Closing twice is harmless."""
        bridge().submit(self._wind_up()).result(timeout=60)

    async def _wind_up(self) -> None:
        closers, self._closers = self._closers, []
        try:
            with contextlib.ExitStack() as rest:  # each is closed, whatever becomes of those before it
                for close in reversed(closers):
                    rest.callback(close)
        finally:
            self._forget()
            for model in (self._model, *self._fallbacks, *self._engine.further):
                await model.close()

    def __enter__(self) -> Self:
        """Make this the lab of the block."""
        _block_labs.set((*_block_labs.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        """Go back to the lab before."""
        _block_labs.set(_block_labs.get()[:-1])

    def __repr__(self) -> str:
        """Return the lab as one line."""
        where = f"study {self.study}" if self.study is not None else "a capsule"
        return f"Lab({self.model}, {where}, mode {self.mode}, seed {self.seed}, {len(self.ledger):,} calls)"


# --- which lab a verb uses ---

_block_labs: ContextVar[tuple[Lab, ...]] = ContextVar("block_labs", default=())
_notebook_lab: Lab | None = None
_default_lock = threading.Lock()


def use(lab: Lab) -> Lab:
    """Make a lab the one that verbs use from now on, in every cell and thread.

    Example:
        >>> lab = use(Lab("scripted", study=tmp / "ads"))
        >>> current_lab() is lab
        True
    """
    global _notebook_lab  # noqa: PLW0603  # a context variable is lost between cells (FACTS, Notebooks)
    _notebook_lab = lab
    return lab


def current_lab(lab: Lab | None = None) -> Lab:
    """Return the lab a verb is to use: the one given, the block's, the notebook's, or a new ``Lab()``."""
    if lab is not None and not isinstance(lab, Lab):
        raise InvalidInput(f"lab={lab!r} is no Lab", hint="Open one with tk.Lab(…).")
    blocks = _block_labs.get()
    found = lab or (blocks[-1] if blocks else _notebook_lab)
    if found is not None:
        return found
    with _default_lock:
        return _notebook_lab or use(Lab())
