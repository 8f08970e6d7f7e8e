"""Conversations: the questions of one person come one after the other, those of different people side by side."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import orjson

from toolkit.engine import BUDGET, NOT_RUN, Outcome, Run
from toolkit.errors import CallError, DramatisError, InvalidReply
from toolkit.models import Call, Message, Reply
from toolkit.questions.asker import Asker, said
from toolkit.verbs.job import Job, R

if TYPE_CHECKING:
    from toolkit.personas import Persona
    from toolkit.questions.condition import Condition
    from toolkit.questions.wording import Looks

__all__ = ["Memory", "Put", "Step", "Talk", "Talks", "Unanswered"]

Memory = Literal["full", "none"]
"""What a person knows of its earlier answers: the whole conversation, or nothing."""


class Unanswered(DramatisError):
    """A question that cannot be put, because one before it has no valid answer."""


@dataclass(frozen=True, slots=True)
class Step:
    """One question of a conversation."""

    name: str
    item: str
    put: Callable[[Talk], Condition | None]
    """Takes the conversation so far; returns the question as it is put, or ``None`` to skip it. Raises ``Unanswered``
    where an answer it needs is not there."""


@dataclass(frozen=True, slots=True)
class Put:
    """A question as it was put to one person."""

    condition: Condition
    looks: Looks
    messages: tuple[Message, ...]


@dataclass(slots=True)
class Talk:
    """One conversation with one person."""

    persona: Persona
    repeat: int
    steps: Sequence[Step]
    place: int = -1
    """The step at work."""
    history: tuple[Message, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    """Valid answers so far, by step."""
    put: dict[str, Put] = field(default_factory=dict)
    """By step how it was put, where it was."""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By step how it ended, where it did."""


class Talks(Job[R], abc.ABC):
    """A job whose calls make conversations.

    Args:
        asker: Puts the questions.
        memory: Whether earlier turns are sent along.
        rest: What every job takes.
    """

    def __init__(self, asker: Asker, memory: Memory, **rest: Any) -> None:
        super().__init__(**rest)
        self._asker = asker
        self._memory = memory
        self._run: Run | None = None
        self._talks: list[Talk] = []
        self._open: dict[str, Talk] = {}
        self._attempt_of: dict[str, int] = {}

    @abc.abstractmethod
    def talks(self) -> Iterator[Talk]:
        """Begin the conversations, in the order of the result's rows."""

    async def run(self, run: Run) -> R:
        """Do it, on the private loop."""
        self._run = run
        return await super().run(run)

    def calls(self) -> Iterator[Call]:
        """Make the first call of each conversation."""
        self._talks, self._open = [], {}
        for talk in self.talks():
            self._talks.append(talk)
            call = self._advance(talk)
            if call is not None:
                yield call

    def foreseen(self) -> Iterator[Call]:
        """Make all calls, as far as memory knows the replies they hang on; where it does not, with made-up ones."""
        self._run = None
        for talk in self.talks():
            call = self._advance(talk)
            while call is not None:
                yield call
                call = self._go_on(talk, call, self._likely(call))

    def accept(self, call: Call, reply: Reply) -> Any:
        """Read the answer, or refuse it."""
        return self._now(self._open[call.item]).condition.answer.read(reply.value)

    def follow(self, run: Run, call: Call, outcome: Outcome) -> Call | None:  # noqa: ARG002  # the base class' shape
        """Note how a question ended, and put the next one."""
        return self._go_on(self._open.pop(call.item), call, outcome)

    def retry(self, outcomes: Sequence[Outcome]) -> R:
        """Ask again what failed; refused content as a further attempt."""
        failed = {
            outcome.item: outcome.attempt + isinstance(outcome.error, InvalidReply)
            for outcome in outcomes
            if outcome.attempt or outcome.error is not None
        }
        again: Talks[R] = self._copy()  # type: ignore[assignment]  # a copy is of the same class
        again._attempt_of = failed
        again.attempts = self.attempts + max(failed.values(), default=0)
        return super(Talks, again).retry(())

    def ended(self, talk: Talk, step: Step) -> Outcome | None:
        """Return how a step ended; ``None`` where it was skipped."""
        if step.name in talk.outcomes:
            return talk.outcomes[step.name]
        over = talk.place >= len(talk.steps)
        reached = talk.steps.index(step) < talk.place
        if over or reached:
            return None
        left = BUDGET if self._run is not None and self._run.limit_reached else NOT_RUN
        return Outcome(step.item, left=left)

    def _go_on(self, talk: Talk, call: Call, outcome: Outcome) -> Call | None:
        step = talk.steps[talk.place]
        talk.outcomes[step.name] = outcome
        if outcome.ok:
            talk.values[step.name] = outcome.value
            if self._memory == "full" and outcome.reply is not None:
                talk.history = (*call.messages, said(outcome.reply))
        return self._advance(talk)

    def _advance(self, talk: Talk) -> Call | None:
        """Return the call of the next question that is put, or nothing where the conversation is over."""
        for place in range(talk.place + 1, len(talk.steps)):
            talk.place, step = place, talk.steps[place]
            try:
                condition = step.put(talk)
            except Unanswered as missing:
                talk.outcomes[step.name] = Outcome(step.item, error=CallError(str(missing)), ended=True)
                self._count(failed=1)
                continue
            if condition is not None:
                return self._call(talk, step, condition)
            self._count(skipped=1)
        talk.place = len(talk.steps)
        return None

    def _call(self, talk: Talk, step: Step, condition: Condition) -> Call:
        looks = self._asker.looks(talk.persona, condition)
        messages = self._asker.messages(talk.persona, condition, looks, talk.history)
        talk.put[step.name] = Put(condition, looks, messages)
        self._open[step.item] = talk
        return self._asker.call(
            talk.persona,
            condition,
            looks,
            messages,
            repeat=talk.repeat,
            item=step.item,
            attempt=self._attempt_of.get(step.item, 0),
        )

    def _count(self, *, skipped: int = 0, failed: int = 0) -> None:
        """Take a question that makes no call out of the progress, or count it as failed."""
        if self._run is not None:
            self._run.total = (self._run.total or 0) - skipped
            self._run.done += failed
            self._run.failed += failed

    def _now(self, talk: Talk) -> Put:
        return talk.put[talk.steps[talk.place].name]

    def _likely(self, call: Call) -> Outcome:
        """Return the reply that memory holds for a call, or one as a model might give it."""
        from toolkit.models._responder import respond

        engine = self.lab.engine.of(call)
        known = engine.cache.lookup([call])[0] if engine.cache.peek([call])[0] else None
        if isinstance(known, CallError):
            return Outcome(call.item, error=known, ended=True)
        if known is None:
            value = respond(call.schema.body if call.schema else None, self.seed, call.item)
            text = value if isinstance(value, str) else orjson.dumps(value).decode()
            known = Reply(text, self.lab.model, value)
        try:
            return Outcome(call.item, self.accept(call, known), known, ended=True)
        except InvalidReply as refusal:
            return Outcome(call.item, reply=known, error=refusal, ended=True)
