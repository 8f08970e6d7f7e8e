"""Lab: one study's model, memory, limits, ledger and seed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from toolkit.bridge import bridge
from toolkit.engine import Engine, Ledger, Limits, Mode, build
from toolkit.errors import InvalidInput
from toolkit.events import Event, EventStream
from toolkit.models import Abilities, Identity, Model, open_model
from toolkit.models.recorded import RecordedModel, described
from toolkit.redact import Scrubber
from toolkit.settings import Settings, load_settings

if TYPE_CHECKING:
    import joblib

    from toolkit.display import Report
    from toolkit.memory import Store

__all__ = ["Lab", "current_lab", "use"]

MACHINERY = "{model} shows the machinery with a real model; it does not stand in for people."
MADE_UP = "{model} makes replies up from a seed: they say nothing about people, products or models."
AUTHORED = "Sample replies written for this example: no model was asked, and nobody was."


class Lab:
    """One study: who answers, what is remembered, how fast and with which seed.

    Args:
        model: ``"embedded"``, ``"scripted"``, ``"openai:gpt-5-mini"``, or a model object. Without it
            ``TOOLKIT_MODEL`` decides, else ``embedded``: a key in the environment never starts to spend by itself.
        study: The study's folder, made when it is not there. Everything it remembers lives there.
        capsule: A recording to replay instead: offline, free, to the same bytes. A miss is an error.
        mode: ``read`` (use memory, ask the rest), ``refresh`` (ask anew), ``write`` (ask, keep what is absent),
            ``replay`` (memory only), ``off``.
        seed: Every draw of the study derives from it.
        base_url: An OpenAI-compatible endpoint for ``openai:`` models.
        api_key: Its key; better left to the environment.
        concurrency: Calls in flight at once; without it what suits the model.
        timeout: Seconds one try may take.
        tries: How often a call may be sent when transport fails.
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
        **options: Any,
    ) -> None:
        if model is not None and not isinstance(model, (str, Model)):
            raise InvalidInput(
                f"model={model!r} is neither a model string nor a model",
                hint='Write for example "scripted" or "openai:gpt-5-mini", or give an object with complete(call).',
            )
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
        )
        self.events = EventStream()
        self.scrubber = Scrubber(self.settings.redaction_patterns)
        self.last: Any = None
        self._closers: list[Callable[[], None]] = []
        self._opened = time.monotonic()
        self._store: Store | None = None
        self._memory: joblib.Memory | None = None
        self._recorded_seed: int | None = None
        self._git_sha: str | None = None
        if capsule is None:
            self._study(model, options)
        else:
            given = {"model": model, "study": study, "mode": mode, "base_url": base_url, "api_key": api_key, **options}
            _refuse_with_capsule(given)
            recorder = os.environ.get("TOOLKIT_RECORD")
            if recorder:
                self._record(Path(capsule), recorder)
            else:
                self._replay(Path(capsule))
        self.seed: int = self.settings.seed if seed is not None or self._recorded_seed is None else self._recorded_seed
        limits = Limits(
            concurrency=self.settings.concurrency,
            timeout=self.settings.timeout,
            tries=self.settings.tries,
            retry_wait_max=self.settings.retry_wait_max,
        )
        self._engine = build(self._model, self._store, self._mode, self.ledger, limits)
        self._forget = bridge().on_close(self._wind_up)

    # --- the three ways to open ---

    def _study(self, model: str | Model | None, options: dict[str, Any]) -> None:
        """Open a folder of one's own."""
        from toolkit.memory import AppendFile, MemoryUnwritable, Writer, open_memory

        self._model = self._open(model if isinstance(model, Model) else self.settings.model, options)
        self._mode: Mode = self.settings.mode
        study = self.settings.study
        self.study: Path | None = study
        writer = Writer("dramatis-writer")
        try:
            book = AppendFile(study / "ledger.jsonl")
            self._closers.append(book.close)
            self._memory, store = open_memory(study, self._mode, writer=writer)
        except MemoryUnwritable as error:
            for close in (writer.close, *self._closers):
                close()
            raise InvalidInput(
                f"the study {study} cannot be opened: {error.message}",
                hint="Give a folder that can be written, study=….",
            ) from error
        self._store = None if self._mode == "off" else store
        self._closers[:0] = [store.close, writer.close]
        self.ledger = Ledger(lambda line: writer.submit(book, line), self.events, self.scrubber)

    def _replay(self, path: Path) -> None:
        """Open a recording."""
        from toolkit.memory import Capsule

        capsule = Capsule.open(path)
        self._store = capsule
        self._recorded_seed = capsule.manifest.seed
        self._model = RecordedModel(capsule.manifest.models)
        self._mode = "replay"
        self.study = None
        self.ledger = Ledger(None, self.events, self.scrubber)

    def _record(self, path: Path, model: str) -> None:
        """Make a capsule anew: ask a model, in a folder that goes away, and freeze after every run."""
        import shutil
        import tempfile

        if model == "authored":
            model = f"authored:{path.with_suffix('.yaml')}"
        folder = Path(tempfile.mkdtemp(prefix="dramatis-record-"))
        self.settings = self.settings.model_copy(update={"study": folder, "mode": "read", "model": model})
        self._study(None, {})
        self._git_sha = _git_sha()  # now, for a process that ends starts no other
        self._closers.append(lambda: shutil.rmtree(folder))
        target = path.absolute()

        def keep(_: Event) -> None:
            self.freeze(target)

        self.events.subscribe(keep, "run.finished")

    def _open(self, model: str | Model, options: dict[str, Any]) -> Model:
        if isinstance(model, Model):
            if options:
                raise InvalidInput(
                    f"{next(iter(options))!r} is no argument of Lab, and a model object takes no options",
                    hint="Set it where the model is made.",
                )
            return model
        provider = model.partition(":")[0]
        if provider == "openai":
            key = self.settings.openai_api_key
            options = {
                "base_url": self.settings.base_url,
                "api_key": key.get_secret_value() if key is not None else None,
                "organization": self.settings.organization,
                # The engine's Timeout layer ends a try; the client's own limit only has to be longer.
                "timeout": self.settings.timeout + 10.0,
                **options,
            }
        try:
            return open_model(model, **options)
        except TypeError as error:
            if not options:
                raise
            raise InvalidInput(
                f"{', '.join(options)}: no arguments of Lab that the model {model!r} takes as options: {error}",
                hint="Look at the arguments of Lab and of the model's provider.",
            ) from error

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
    def memory(self) -> joblib.Memory:
        """The study's joblib memory: ``@lab.memory.cache`` remembers a function of your own beside the replies.

        Raises:
            InvalidInput: The lab replays a capsule, which remembers nothing new.
        """
        if self._memory is None:
            raise InvalidInput("a lab that replays a capsule has no memory of its own", hint="Open a study folder.")
        return self._memory

    @property
    def notes(self) -> tuple[str, ...]:
        """What every result of this lab must say about who answers."""
        identity = self._model.identity
        if identity.provider == "authored":
            return (AUTHORED,)
        if identity.provider == "scripted":
            return (MADE_UP.format(model=identity),)
        return () if self.abilities.stands_for_people else (MACHINERY.format(model=identity),)

    @property
    def engine(self) -> Engine:
        """The model behind its layers."""
        return self._engine

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
        )

    def freeze(self, path: str | Path, *, note: str = "") -> Path:
        """Write what this lab used, as one text file that ``Lab(capsule=path)`` replays anywhere.

        Entries hold prompts' answers verbatim; settings hold no secrets. Calls that failed are kept as failures.

        Args:
            path: Where; by custom it ends in ``.capsule``.
            note: A line for whoever opens it.

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
            git_sha=self._git_sha or _git_sha(),
            models=[described(self._model)],
            provider=self.identity.provider,
            note=note,
        )
        return freeze(path, manifest, replayable(self._store, self.ledger.rows()))

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
            await self._model.close()

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


def _refuse_with_capsule(given: Mapping[str, object]) -> None:
    """Refuse what only makes sense where a model is asked."""
    for name, value in given.items():
        if value is not None and (name, value) != ("mode", "replay"):
            shown = f"{name}=…" if name == "api_key" else f"{name}={value!r}"
            raise InvalidInput(
                f"a capsule replays what was recorded, so {shown} cannot be given with capsule=",
                hint=f"Leave out {name}=, or open a study folder to ask a model.",
            )


def _git_sha() -> str:
    """Return the commit of the working folder, or ``unknown``."""
    with contextlib.suppress(OSError, RuntimeError, subprocess.SubprocessError):
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607  # whichever git the user has
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
        return found.stdout.strip()
    return "unknown"


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
