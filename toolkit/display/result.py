"""The base of every result: a frame, the failures, a report, and how to go on."""

from __future__ import annotations

import abc
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Self

from toolkit.display.codebook import codebook_of
from toolkit.display.html import LARGEST_REPR, card, fit
from toolkit.display.report import Report
from toolkit.engine import BUDGET, NOT_RUN, Outcome
from toolkit.errors import InvalidInput
from toolkit.redact import scrub

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.lab import Lab

__all__ = ["Continuation", "Failure", "Result", "shortened"]

_log = logging.getLogger(__name__)

_LEFT = {
    NOT_RUN: "stopped before it was asked; resume() does it",
    BUDGET: "the budget was reached before it was asked; ask again with a larger one",
}
Failure = tuple[str, str, str, int, str]
"""item, kind, message, tries, request_id: one row of ``errors``."""


class Continuation(Protocol):
    """What a result needs to go on: the job that made it."""

    def resume(self) -> Any:
        """Do what was not run."""
        ...

    def retry(self, outcomes: Sequence[Outcome]) -> Any:
        """Ask again what failed."""
        ...


class Result(abc.ABC):
    """What a verb returns. Immutable; the last line of a cell shows it.

    Attributes:
        report: What the run used.
        lab: The lab that made it; ``None`` for results loaded from a file.
    """

    def __init__(
        self,
        *,
        report: Report | None = None,
        outcomes: Sequence[Outcome] = (),
        lab: Lab | None = None,
        again: Continuation | None = None,
    ) -> None:
        self.report = report
        self.lab = lab
        self._outcomes = outcomes
        self._again = again

    @property
    @abc.abstractmethod
    def frame(self) -> pd.DataFrame:
        """The result as a frame, with documented columns."""

    def codebook(self) -> pd.DataFrame:
        """Return what each column of ``frame`` holds: ``column``, ``type``, ``values`` of a category, ``meaning``.

        Example:
            >>> panel = generate_personas(3, "us-adults-2012", detail="facts", lab=lab)
            >>> panel.codebook()["meaning"].tolist()[:3]
            ['id of the persona, unique in the panel', "the persona's name", 'Age, years']
        """
        return codebook_of(self.frame, self._meanings())

    def _meanings(self) -> Mapping[str, str]:
        """Return what the columns of ``frame`` mean, by name."""
        return {}

    @cached_property
    def errors(self) -> pd.DataFrame:
        """One row for each item that failed or was not run: item, kind, message, tries, request_id."""
        import pandas as pd

        return pd.DataFrame(self._failures(), columns=["item", "kind", "message", "tries", "request_id"])

    @property
    def complete(self) -> bool:
        """False where a stop or a limit left something undone; failed items were done, and stand in ``errors``."""
        return all(outcome.ended for outcome in self._outcomes)

    def resume(self) -> Self:
        """Return a new result that does only what this one left undone; what is in memory costs nothing.

        Raises:
            InvalidInput: The result came from a file, or the memory mode keeps nothing to resume from.
        """
        resumed: Self = self._continuation("resume").resume()
        return resumed

    def retry(self) -> Self:
        """Return a new result in which every failed item is asked again; the others come from memory.

        A reply that was refused for its content is asked as a further attempt with a key of its own, so a re-run of
        the notebook replays the same story.
        """
        retried: Self = self._continuation("retry").retry(self._outcomes)
        return retried

    def _continuation(self, what: str) -> Continuation:
        if self._again is None:
            raise InvalidInput(f"this result cannot {what}: no run stands behind it", hint="Call the verb again.")
        return self._again

    def _failures(self) -> list[Failure]:
        rows: list[Failure] = []
        for outcome in self._outcomes:
            error = outcome.error
            if error is not None:
                rows.append((outcome.item, error.kind, str(error), error.tries, error.request_id or ""))
            elif not outcome.ended:
                rows.append((outcome.item, outcome.kind, _LEFT[outcome.kind], 0, ""))
        return rows

    # --- how it shows ---

    @abc.abstractmethod
    def _title(self) -> str:
        """Say what was asked, in one line."""

    def _body(self) -> str:
        """Return the picture of the result and its rows, as HTML."""
        return ""

    def _notes(self) -> list[str]:
        """Return what the reader must not overlook."""
        notes = list(self.report.notes) if self.report is not None else []
        if not self.complete:
            left = sum(not outcome.ended for outcome in self._outcomes)
            rest = " resume() does only the rest." if self._again is not None else ""
            notes.insert(0, f"Incomplete: {left:,} of {len(self._outcomes):,} not run.{rest}")
        return notes

    def _facts(self) -> list[str]:
        failed = sum(outcome.error is not None for outcome in self._outcomes)
        answered = [outcome for outcome in self._outcomes if outcome.ok]
        cached = sum(outcome.reply is not None and outcome.reply.cached for outcome in answered)
        ok = len(answered)
        facts = [f"{ok:,} ok", f"{failed:,} failed", f"{cached:,} from memory"] if self._outcomes else []
        if self.report is not None:
            facts += [f"{self.report.usage.input + self.report.usage.output:,} tokens", self._cost()]
            facts += [self.report.model, f"seed {self.report.seed}"]
        return [fact for fact in facts if fact]

    def _cost(self) -> str:
        """Return what was spent, so that it says by itself what it is."""
        cost = self.report.cost if self.report is not None else ""
        return cost if cost.startswith("$") else f"cost {cost}" if cost else ""

    def __repr__(self) -> str:
        """Return the result as a few lines of plain text."""
        lines = [self._title(), "  " + " · ".join(self._facts())]
        lines += [f"  ! {note}" for note in self._notes()]
        return shortened(self._clean("\n".join(line for line in lines if line.strip())))

    def _clean(self, text: str) -> str:
        """Return a text without keys and personal data, the study's own patterns included."""
        return self.lab.scrubber(text) if self.lab is not None else scrub(text)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        plain = shortened(repr(self))
        try:
            brief = card(self._title(), self._facts(), notes=self._notes())
            full = card(self._title(), self._facts(), self._body(), notes=self._notes())
        except Exception as error:  # noqa: BLE001  # a picture that fails must not hide the result
            _log.warning("the picture of a %s could not be drawn: %s", type(self).__name__, self._clean(str(error)))
            return {"text/plain": plain}
        html = fit(full, brief)
        own_patterns = self.lab is not None and self.lab.settings.redaction_patterns
        return {"text/plain": plain, "text/html": self._clean(html) if own_patterns else html}


def shortened(text: str) -> str:
    """Return a plain text as a notebook may hold it: of at most ``LARGEST_REPR`` bytes, with an ellipsis if cut."""
    data = text.encode(errors="replace")
    if len(data) <= LARGEST_REPR:
        return text
    return data[: LARGEST_REPR - len("…".encode())].decode(errors="ignore") + "…"
