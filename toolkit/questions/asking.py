"""How one question is put to a panel: every asking by itself, or in turn as conversations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

from toolkit.models import Call, Reply
from toolkit.models.caveats import caveats
from toolkit.personas import Persona
from toolkit.questions.answers import Answers, Asked, Row
from toolkit.questions.asker import Asker, Manner, shown_images, shown_options
from toolkit.questions.condition import Conditions
from toolkit.questions.descriptions import description_notes
from toolkit.questions.design import Assignment
from toolkit.questions.logprobs import Distribution, averaged, weighed
from toolkit.questions.talks import Put, Step, Talk, Talks
from toolkit.questions.wording import Looks
from toolkit.verbs import Job

if TYPE_CHECKING:
    from toolkit.display import Report
    from toolkit.engine import Outcome
    from toolkit.lab import Lab
    from toolkit.models import Message

__all__ = ["Apart", "InTurn"]


class Asking(Job[Answers]):
    """What both ways of asking share: who meets what, and how replies become answers."""

    _asked: Asked
    _people: tuple[Persona, ...]
    _conditions: Conditions
    _plan: Assignment
    _repeats: int
    _manner: Manner
    _asker: Asker

    def _set(
        self,
        asked: Asked,
        people: tuple[Persona, ...],
        conditions: Conditions,
        plan: Assignment,
        repeats: int,
        manner: Manner,
    ) -> None:
        self._asked, self._people, self._conditions = asked, people, conditions
        self._plan, self._repeats, self._manner = plan, repeats, manner

    @property
    def notes(self) -> tuple[str, ...]:
        """What the result must say about who answers, of all models that do."""
        others = (self.lab.engine.others[one.model].model for one in self._conditions.cells if one.model)
        said = (note for model in others for note in caveats([model]))
        return tuple(dict.fromkeys([*self.lab.notes, *said, *description_notes(self._manner.told)]))

    def standard(self) -> Self | None:
        """Return the same with the shipped prompt."""
        if self._manner.prompt is None:
            return None
        twin = cast("Self", self._copy())
        manner = dataclasses.replace(self._manner, prompt=None)
        twin.__dict__.update(_manner=manner, _asker=Asker(self.lab, self.seed, manner))
        return twin

    def _met(self, persona: Persona) -> list[tuple[int, int]]:
        """Return the conditions a person meets, as declared, and the place in which it meets each."""
        return sorted((cell, order) for order, cell in enumerate(self._plan.met[persona.id], start=1))

    def _rows(self) -> list[Row]:
        return [
            Row(persona, repeat, self._conditions.cells[cell], order)
            for persona in self._people
            for cell, order in self._met(persona)
            for repeat in range(self._repeats)
        ]

    def _item(self, row: Row) -> str:
        name = row.condition.name
        last = str(row.repeat + 1) if self._repeats > 1 else ""
        return "/".join(part for part in (row.persona.id, name, last) if part)

    def _see(self, row: Row, looks: Looks) -> None:
        images = shown_images(row.condition, looks) if self._manner.shuffle_images else ""
        row.see(shown_options(row.condition, looks), images)

    def _answers(self, rows: Sequence[Row], outcomes: Sequence[Outcome], report: Report, again: Any) -> Answers:
        return Answers(
            asked=self._asked,
            rows=rows,
            outcomes=outcomes,
            report=report,
            lab=self.lab,
            again=again,
            assignment=self._plan if self._conditions.factors else None,
        )


class Apart(Asking):
    """Every question by itself: all calls are known before the first is answered."""

    name = "ask"

    def __init__(self, *, balance: bool, lab: Lab, seed: int | None, strict: bool, budget: Any, **rest: Any) -> None:
        super().__init__(lab, seed=seed, strict=strict, budget=budget)
        self._set(**rest)
        self._asker = Asker(lab, self.seed, self._manner)
        self._weighs = isinstance(self._asked.answer, Distribution)
        self._turns = (False, True) if balance else (False,)
        self._by_schema = {one.answer.schema.json: one.answer for one in self._conditions.cells}

    def __len__(self) -> int:
        return sum(len(met) for met in self._plan.met.values()) * self._repeats * len(self._turns)

    def calls(self) -> Iterator[Call]:
        """Make the calls of each row, in order."""
        last: tuple[Any, list[tuple[Looks, tuple[Message, ...]]]] = (None, [])
        for row in self._rows():
            condition, who = row.condition, (row.persona.id, row.condition.name)
            if last[0] != who:
                looks = [self._asker.looks(row.persona, condition, turned=turned) for turned in self._turns]
                last = who, [(one, self._asker.messages(row.persona, condition, one)) for one in looks]
            for (one, messages), turned in zip(last[1], self._turns, strict=True):
                item = self._item(row) + ("/turned" if turned else "")
                yield self._asker.call(row.persona, condition, one, messages, repeat=row.repeat, item=item)

    def accept(self, call: Call, reply: Reply) -> Any:
        """Read the answer, or refuse it."""
        if call.sampling.among:
            return weighed(reply, call.sampling.among)
        return self._by_schema[call.schema.json if call.schema else b""].read(reply.value)

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> Answers:
        """Put the answers into a result."""
        rows = self._rows()
        each = len(self._turns)
        ended: list[Outcome] = []
        before: Row | None = None
        looks: list[Looks] = []
        for place, row in enumerate(rows):
            condition, mine = row.condition, outcomes[place * each : (place + 1) * each]
            if before is not None and before.persona is row.persona and before.condition is condition:
                row.see(before.shown, before.images)  # a repeat is shown the same
                row.talk = before.talk
            else:
                looks = [self._asker.looks(row.persona, condition, turned=turned) for turned in self._turns]
                self._see(row, looks[0])
                row.talk = partial(self._asker.messages, row.persona, condition, looks[0])
            before = row
            if self._weighs:
                parts = [(one, look.among, look.options) for one, look in zip(mine, looks, strict=True)]
                ended.append(averaged(condition.answer, parts, self._item(row)))
            else:
                ended.append(mine[0])
        return self._answers(rows, ended, report, _Again(self, outcomes) if each > 1 else self)


class InTurn(Asking, Talks[Answers]):
    """One conversation a person: each condition is met with the earlier ones in mind."""

    name = "ask"

    def __init__(self, *, lab: Lab, seed: int | None, strict: bool, budget: Any, **rest: Any) -> None:
        self._set(**rest)
        number = lab.seed if seed is None else seed
        Talks.__init__(self, Asker(lab, number, self._manner), "full", lab=lab, seed=seed, strict=strict, budget=budget)

    def __len__(self) -> int:
        return sum(len(met) for met in self._plan.met.values()) * self._repeats

    def talks(self) -> Iterator[Talk]:
        """Begin one conversation for each person and repeat."""
        for persona in self._people:
            for repeat in range(self._repeats):
                rows = [
                    Row(persona, repeat, self._conditions.cells[cell], order)
                    for order, cell in enumerate(self._plan.met[persona.id], start=1)
                ]
                yield Talk(persona, repeat, [self._step(row) for row in rows])

    def _step(self, row: Row) -> Step:
        condition = row.condition
        return Step(condition.name, self._item(row), lambda _: condition)

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> Answers:  # noqa: ARG002  # talks hold them all
        """Put the answers into a result."""
        talks = {(talk.persona.id, talk.repeat): talk for talk in self._talks}
        rows, ended = self._rows(), []
        for row in rows:
            talk = talks[row.persona.id, row.repeat]
            step = next(one for one in talk.steps if one.name == row.condition.name)
            outcome = self.ended(talk, step)
            assert outcome is not None  # noqa: S101  # nothing is skipped
            ended.append(outcome)
            put = talk.put.get(step.name)
            if put is not None:
                self._see(row, put.looks)
                row.talk = partial(_sent, put)
        return self._answers(rows, ended, report, self)


class _Again:
    """Goes on where a row stands for several calls."""

    def __init__(self, job: Job[Answers], outcomes: Sequence[Outcome]) -> None:
        self._job = job
        self._outcomes = outcomes

    def resume(self) -> Answers:
        return self._job.resume()

    def retry(self, outcomes: Sequence[Outcome]) -> Answers:  # noqa: ARG002  # those of rows; calls are asked again
        return self._job.retry(self._outcomes)


def _sent(put: Put) -> tuple[Message, ...]:
    return put.messages
