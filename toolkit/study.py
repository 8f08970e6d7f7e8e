"""A study as it is opened: a folder of one's own, a recording to replay, or a recording to make anew."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.engine import Engine, Ledger, Mode, PriceBook, git_sha
from toolkit.errors import InvalidInput
from toolkit.events import EventStream
from toolkit.models import Model
from toolkit.models.opening import model_of
from toolkit.models.recorded import RecordedModel
from toolkit.redact import Scrubber
from toolkit.settings import Settings

if TYPE_CHECKING:
    from toolkit.memory import Store, StudyMemory, Writer

__all__ = ["Opened", "open_capsule", "open_further", "open_rerecording", "open_study", "refuse_with_capsule"]


@dataclass(slots=True)
class Opened:
    """What a lab works with once its study is open."""

    settings: Settings
    model: Model
    mode: Mode
    ledger: Ledger
    store: Store | None
    """Where replies are kept; none in mode ``off``."""
    fallbacks: tuple[Model, ...] = ()
    study: Path | None = None
    """The folder; none for a recording."""
    memory: StudyMemory | None = None
    writer: Writer | None = None
    seed: int | None = None
    """The recorded seed."""
    closers: list[Callable[[], None]] = field(default_factory=list)
    """Called in this order when the lab closes."""


def open_study(
    settings: Settings,
    model: str | Model | None,
    options: Mapping[str, Any],
    events: EventStream,
    scrubber: Scrubber,
) -> Opened:
    """Open a study's folder, making it when it is not there.

    Raises:
        InvalidInput: The folder cannot be used, or an option is unknown.
        ModelUnknown, KeyMissing, WeightsMissing: A model cannot be opened.
    """
    from toolkit.memory import AppendFile, MemoryUnwritable, Writer, open_memory, size_of

    disk = None if settings.memory_limit is None else size_of(settings.memory_limit, "memory_limit")
    if settings.transcripts and settings.mode == "off":
        raise InvalidInput("transcripts are kept in memory, which is off", hint="Open the lab with mode='read'.")
    answers = model_of(settings, model, **options)
    fallbacks = tuple(model_of(settings.model_copy(update={"model": name})) for name in settings.fallbacks)
    study, writer = settings.study, Writer("study")
    closers: list[Callable[[], None]] = [writer.close]
    try:
        book = AppendFile(study / "ledger.jsonl")
        closers.append(book.close)
        memory, store = open_memory(study, settings.mode, writer=writer)
        if (disk is not None or settings.memory_items is not None) and settings.mode not in {"off", "replay"}:
            store.limit(disk=disk, items=settings.memory_items)
    except MemoryUnwritable as error:
        for close in closers:
            close()
        raise InvalidInput(
            f"the study {study} cannot be opened: {error.message}",
            hint="Give a folder that can be written, study=….",
        ) from error
    prices = PriceBook([answers, *fallbacks], price_as=settings.price_as)
    return Opened(
        settings=settings,
        model=answers,
        mode=settings.mode,
        ledger=Ledger(lambda line: writer.submit(book, line), events, scrubber, prices),
        store=None if settings.mode == "off" else store,
        fallbacks=fallbacks,
        study=study,
        memory=memory,
        writer=writer,
        closers=[store.close, *closers],
    )


def open_capsule(path: Path, settings: Settings, events: EventStream, scrubber: Scrubber) -> Opened:
    """Open a recording to replay.

    Raises:
        CapsuleInvalid: It is damaged, was edited, or does not say who answered.
    """
    from toolkit.memory import Capsule

    capsule = Capsule.open(path)
    model = RecordedModel(capsule.manifest.models)
    prices = PriceBook([model], price_as=settings.price_as)
    return Opened(
        settings=settings,
        model=model,
        mode="replay",
        ledger=Ledger(None, events, scrubber, prices),
        store=capsule,
        seed=capsule.manifest.seed,
    )


def open_further(engine: Engine, settings: Settings, model: str | Model) -> str:
    """Open a further model of a study, once, and return its name for ``Call.model``; empty for the study's own.

    Memory, ledger, limits and budgets are the study's. A recording knows those that answered when it was made.

    Args:
        engine: The study's.
        settings: The study's.
        model: ``"openai:gpt-5-mini"``, or a model object.

    Raises:
        ModelUnknown, KeyMissing, WeightsMissing: The model cannot be opened.
        InvalidInput: It is no model, or the recording holds nothing of it.
    """
    own = engine.model
    name = model if isinstance(model, str) else str(getattr(model, "identity", model))
    if name == str(own.identity) or model is own:
        return ""
    if name in engine.others:
        return name
    if isinstance(own, RecordedModel):
        if name == own.identity.provider:  # "scripted" for "scripted:default"
            return ""
        opened: Model = own.another(name)
    else:
        opened = model_of(settings.model_copy(update={"model": name}), model)
    name = str(opened.identity)
    if name != str(own.identity):
        engine.add(opened)
    return name if name != str(own.identity) else ""


def open_rerecording(path: Path, model: str, settings: Settings, events: EventStream, scrubber: Scrubber) -> Opened:
    """Open what makes a capsule anew: a model is asked, in a folder that goes away when the lab closes.

    Args:
        path: The capsule; ``authored`` reads the ``.yaml`` beside it.
        model: Who answers.
        settings: The study's settings.
        events: Told what happens.
        scrubber: Applied to what is written for the books.
    """
    if model == "authored":
        model = f"authored:{path.with_suffix('.yaml')}"
    folder = Path(tempfile.mkdtemp(prefix="dramatis-record-"))
    changed = settings.model_copy(update={"study": folder, "mode": "read", "model": model})
    opened = open_study(changed, None, {}, events, scrubber)
    git_sha()  # asked now and kept, for a process that ends starts no other
    opened.closers.append(lambda: shutil.rmtree(folder))
    return opened


def refuse_with_capsule(given: Mapping[str, object]) -> None:
    """Refuse what only makes sense where a model is asked.

    Raises:
        InvalidInput: Something of that kind was given.
    """
    for name, value in given.items():
        if value is not None and (name, value) != ("mode", "replay"):
            shown = f"{name}=…" if name == "api_key" else f"{name}={value!r}"
            raise InvalidInput(
                f"a capsule replays what was recorded, so {shown} cannot be given with capsule=",
                hint=f"Leave out {name}=, or open a study folder to ask a model.",
            )
