"""What a study can show afterwards: its journal, its quarantine, its run records, and traces where they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path

from toolkit.engine.journal import keep_journal
from toolkit.engine.ledger import Ledger
from toolkit.engine.quarantine import Quarantine
from toolkit.engine.runs import Runs
from toolkit.engine.trace import Gauges, Tracing, open_tracing
from toolkit.events import EventStream
from toolkit.memory import AppendFile, Writer
from toolkit.models import Model
from toolkit.settings import Settings

__all__ = ["Proof"]


class Proof:
    """Opens what proves a study, in its folder or, for a recording that is replayed, in this process only.

    Args:
        folder: The study's folder.
        writer: Its writer.
        models: Who answers, the lab's own model first.
        settings: The study's settings; those that may be shown go into run records.
        ledger: Where counts are read; its scrubber is applied to everything that is kept.
        events: The study's events.
    """

    def __init__(
        self,
        folder: Path | None,
        writer: Writer | None,
        models: Sequence[Model],
        settings: Settings,
        ledger: Ledger,
        events: EventStream,
    ) -> None:
        scrubber = ledger.scrubber
        self._closers: list[Callable[[], object]] = []
        self._journal: AppendFile | None = None
        if folder is not None and writer is not None:
            journal = AppendFile(folder / "events.jsonl")
            stop = keep_journal(events, lambda line: writer.submit(journal, line), scrubber)
            self._closers.append(stop)
            self._journal = journal
        self.tracing: Tracing | None = open_tracing() if settings.trace else None
        if self.tracing is not None:
            self._closers.append(self.tracing.listen(events))
        self.quarantine = Quarantine(folder / "quarantine" if folder is not None else None, writer, scrubber)
        self.runs = Runs(
            folder / "runs" if folder is not None else None,
            writer,
            models=models,
            settings=settings.snapshot(),
            ledger=ledger,
            events=events,
            scrubber=scrubber,
            around=self.tracing.run if self.tracing is not None else nullcontext,
        )

    def watch(self, gauges: Iterable[Gauges], model: str) -> None:
        """Export the engine's gauges, where tracing is on."""
        if self.tracing is not None:
            self._closers += [self.tracing.watch(one, model_name=model) for one in gauges]

    def close(self) -> None:
        """End the journal and the export; quarantine and run records stay readable."""
        closers, self._closers = self._closers, []
        for close in closers:
            close()

    def end(self) -> None:
        """Close the journal's file; only once the writer has, for a line that it is about to write would be lost."""
        if self._journal is not None:
            self._journal.close()
