"""Typed results from a transcript."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.display import Result
from toolkit.display.html import table
from toolkit.errors import Incomplete, InvalidInput
from toolkit.lab import current_lab
from toolkit.models import Call, Reply
from toolkit.questions import Answer
from toolkit.questions.structured import to_answer
from toolkit.rounds.judge import transcript_call
from toolkit.rounds.state import Said
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.display import Report
    from toolkit.engine import Budget, Outcome
    from toolkit.lab import Lab
    from toolkit.rounds.play import Play

__all__ = ["Extracted", "Extraction", "check_columns", "extract"]

_EACH = ("play", "character", "round")
_SAME = ("world", "cast", "condition", "repeat", "model")
"""Columns that a card leaves out where all rows have the same value."""
_TAKEN = frozenset({"of", "status", "model"})
"""Columns of the frame that no field of a form can have."""


class Extracted(Result):
    """What was read from a transcript: one row for the play, for each character or for each round.

    Columns of ``frame``: ``of`` (what the row is about), the fields that were asked for, ``status`` (``ok``,
    ``invalid``, ``failed``, ``not_run``), ``model`` (who read it).

    Example:
        >>> play = run_rounds("negotiation", rounds=1, lab=lab)
        >>> len(play.extract(Choice(["yes", "no"]), "Did they agree?", lab=lab).frame)
        1
    """

    def __init__(
        self, *, answer: Answer, of: Sequence[str], title: str, outcomes: Sequence[Outcome], **rest: Any
    ) -> None:
        super().__init__(outcomes=outcomes, **rest)
        self.answer = answer
        self._of = tuple(of)
        self._told = title
        self._marks: Sequence[Mapping[str, Any]] = [{} for _ in self._of]
        """Columns that stand before the others, row by row."""

    def _meanings(self) -> Mapping[str, str]:
        return {
            **{name: self.answer.meaning(name) or self._told for name in self.answer.columns},
            "of": "what the row is about: the play, a character or a round",
            "status": "ok; invalid: replied, but not in the form; failed: no reply; not_run: stopped before",
            "model": "provider:model that read it",
        }

    @cached_property
    def frame(self) -> pd.DataFrame:
        """What was read, one row each; what is missing is missing, never a default."""
        import pandas as pd

        columns = self.answer.columns
        rows = [
            {
                **mark,
                "of": of,
                **(outcome.value if outcome.ok else dict.fromkeys(columns)),
                "status": "ok" if outcome.ok else "invalid" if outcome.kind == "invalid_reply" else _status(outcome),
                "model": outcome.reply.model if outcome.reply is not None else None,
            }
            for mark, of, outcome in zip(self._marks, self._of, self._outcomes, strict=True)
        ]
        marks = [name for mark in self._marks[:1] for name in mark]
        frame = pd.DataFrame(rows, columns=[*marks, "of", *columns, "status", "model"])
        for column in columns:
            frame[column] = self.answer.typed(frame[column])
        return frame

    @property
    def records(self) -> list[dict[str, Any] | None]:
        """The same as plain values, ``None`` where nothing could be read."""
        return [outcome.value if outcome.ok else None for outcome in self._outcomes]

    def _title(self) -> str:
        return self._told

    def _body(self) -> str:
        same = [name for name in _SAME if name in self.frame and len(self.frame[name].unique()) <= 1]
        return table(self.frame.drop(columns=same))


@verb
def extract(
    play: Play,
    schema: Any,
    question: str = "",
    *,
    each: str = "play",
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
    allow_partial: bool = False,
) -> Job[Extracted]:
    """Read typed results from a play; see ``Play.extract``."""
    if not play.complete and not allow_partial:
        raise Incomplete(
            f"the play is incomplete: {len(play):,} rounds were played",
            hint="play.resume() plays the rest; allow_partial=True reads what there is.",
            result=play,
        )
    if each not in _EACH:
        raise InvalidInput(f"each={each!r} is nothing to read for", hint=f"Use {', '.join(_EACH)}.")
    if not len(play):
        raise InvalidInput("no round was played, so there is nothing to read", hint="Play one first.")
    answer = to_answer(schema)
    for name in answer.columns:
        if name in _TAKEN:
            raise InvalidInput(
                f"the schema has a field {name!r}, as the frame has", hint="Give the field another name."
            )
    return Extraction(current_lab(lab), play, answer, question, each=each, seed=seed, strict=strict, budget=budget)


class Extraction(Job[Extracted]):
    """Reading a transcript, as it is about to be done."""

    name = "extract"

    def __init__(
        self,
        lab: Lab,
        play: Play,
        answer: Answer,
        question: str,
        *,
        each: str,
        seed: int | None,
        strict: bool,
        budget: str | Budget | None,
    ) -> None:
        super().__init__(lab, seed=play.production.seed if seed is None else seed, strict=strict, budget=budget)
        self._play = play
        self.answer = answer
        self._question = " ".join(f"{question} {answer.instruction}".split()) if question else answer.instruction
        self.title = question or f"Read from {play.scene.title or play.scene.id}"
        self._each = each
        self._said = tuple(
            Said(one["roundNumber"], one["speaker"], one["text"])
            for kept in play.rounds
            for one in kept.after["messages"]
        )
        self.of = self._rows()

    def __len__(self) -> int:
        return len(self.of)

    def calls(self) -> Iterator[Call]:
        """Make one call a row."""
        production, state = self._play.production, self._play.state
        for of in self.of:
            said, about = self._said, ""
            if self._each == "round":
                said = tuple(one for one in said if f"round {one.round}" == of)
            elif self._each == "character":
                about = of
            call, _ = transcript_call(
                production,
                state,
                said,
                f"extract/{of}" if production.label else f"{self._play.id}/{of}",
                "rounds.extract",
                self.answer.schema,
                question=self._question,
                about=about,
            )
            yield call

    def accept(self, call: Call, reply: Reply) -> dict[str, Any]:  # noqa: ARG002  # every call has the same form
        """Read the form, or refuse it."""
        return self.answer.read(reply.value)

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> Extracted:
        """Put what was read into a result."""
        return Extracted(
            answer=self.answer, of=self.of, title=self.title, outcomes=outcomes, report=report, lab=self.lab, again=self
        )

    def _rows(self) -> list[str]:
        if self._each == "play":
            return ["play"]
        if self._each == "round":
            return [f"round {one.number}" for one in self._play.rounds]
        spoke = {one.speaker for one in self._said}
        return [name for name in self._play.production.company.names if name in spoke]


def check_columns(answer: Answer, taken: Collection[str]) -> None:
    """Refuse a form whose fields would hide columns of the frame.

    Raises:
        InvalidInput: A field has the name of one.
    """
    for name in answer.columns:
        if name in taken:
            raise InvalidInput(
                f"the schema has a field {name!r}, and so has the frame", hint="Give the field another name."
            )


def _status(outcome: Outcome) -> str:
    return "failed" if outcome.ended else "not_run"
