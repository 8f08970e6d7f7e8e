"""The job behind ``generate_personas``: portraits asked for, each checked on its own, asked for again when refused."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from toolkit import prompts
from toolkit.engine import Outcome, Run
from toolkit.errors import InvalidReply
from toolkit.models import Call, Message, Reply, Schema
from toolkit.personas.cast import Cast
from toolkit.personas.narrative import FACTS_FOR_SMALL_MODELS, Narrative
from toolkit.personas.panel import Panel
from toolkit.personas.prefix import pays
from toolkit.personas.profile import PROFILE, sources, told
from toolkit.seeds import derive
from toolkit.verbs import Job
from toolkit.verbs.job import run_blocking

if TYPE_CHECKING:
    from toolkit.display import Report
    from toolkit.lab import Lab
    from toolkit.personas.persona import Detail, Persona

__all__ = ["Writing"]

_LONGEST_SAID = 12_000
"""Characters of a refused reply that are shown to the model again; a longer one is not worth its tokens."""
_REASONS = 3
"""Contradictions that a correction names."""


class Writing(Job[Panel]):
    """One call a person, or one for a few; who is refused is asked again alone and told what was wrong.

    What a correction says depends on the refused reply alone, so memory replays the whole story.

    Args:
        lab: Where.
        cast: Who.
        written: What is asked for; ``None`` makes no call.
        context: What the study is about.
        attempts: How often a person may be written.
        batch: People a call.
        rest: What every job takes: seed, strict, budget.
    """

    name = "generate_personas"

    def __init__(
        self,
        lab: Lab,
        cast: Cast,
        written: Narrative | None,
        *,
        context: str,
        attempts: int,
        batch: int,
        **rest: Any,
    ) -> None:
        super().__init__(lab, **rest)
        self._most = self._step = attempts
        self._refused: dict[str, list[tuple[Persona, str]]] = {}
        self._cast = cast
        self._detail: Detail = written.detail if written is not None else "facts"
        self._people = cast.people
        self._by_id: dict[str, Persona] = {persona.id: persona for persona in self._people}
        self._full = written is not None and written.full
        self._completed: dict[str, Persona] = {}
        said = dict.fromkeys(cast.population.attributes, True)
        known = {*said, *self._one(self._people[0].id).fields, *(name for name in PROFILE if sources(name, said))}
        self._written = written.without(known) if written is not None else None
        self._context = context
        self._batch = batch

    def __len__(self) -> int:
        return math.ceil(len(self._people) / self._batch) if self._written is not None else 0

    # --- what is asked ---

    def calls(self) -> Iterator[Call]:
        """Make the calls of the first wave: one a person, or one a batch."""
        if self._written is None:
            return
        for group in self._groups():
            yield self._about_one(group[0]) if len(group) == 1 else self._about_several(group)

    def inputs(self) -> Iterator[bytes]:
        """Return who was drawn: with ``facts`` alone no call tells two panels apart."""
        for persona in self._people:
            yield "\n".join((persona.id, persona.name, *persona.facts())).encode()

    @cached_property
    def _group(self) -> dict[str, tuple[Persona, ...]]:
        """The people of each call about several."""
        return {_item(group): group for group in self._groups() if len(group) > 1} if self._batch > 1 else {}

    @cached_property
    def _batch_of(self) -> dict[str, str]:
        return {persona.id: item for item, group in self._group.items() for persona in group}

    def _groups(self) -> Iterator[tuple[Persona, ...]]:
        for start in range(0, len(self._people), self._batch):
            yield tuple(self._one(one.id) for one in self._people[start : start + self._batch])

    def _one(self, person: str) -> Persona:
        """Return a person as a prompt tells them; what code adds is added when their turn comes."""
        if person not in self._completed:
            drawn = self._by_id[person]
            self._completed[person] = self._cast.completed(drawn) if self._full else drawn
        return self._completed[person]

    def _about_one(self, persona: Persona) -> Call:
        return self._call(persona.id, self._turns(persona, example=self._example), self._narrative.schema)

    def _about_several(self, group: Sequence[Persona]) -> Call:
        system = prompts.load(self._narrative.prompt).render(name="", facts=[], context="", example=False)[:1]
        people = [{"name": persona.name, "facts": self._facts(persona)} for persona in group]
        turns = [*system, *prompts.load("personas.batch").render(people=people, context=self._context)]
        return self._call(_item(group), turns, self._narrative.of_several(len(group)))

    def _turns(self, persona: Persona, *, example: bool) -> list[tuple[str, list[str | int]]]:
        prompt = prompts.load(self._narrative.prompt)
        return prompt.render(name=persona.name, facts=self._facts(persona), context=self._context, example=example)

    def _call(self, item: str, turns: Sequence[tuple[str, list[str | int]]], schema: Schema, attempt: int = 0) -> Call:
        path = (item,) if attempt == 0 else (item, attempt)  # with the seed of before many would say the same again
        return Call(
            messages=tuple(Message(role, tuple(str(part) for part in parts)) for role, parts in turns),  # type: ignore[arg-type]
            schema=schema,
            seed=derive(self.seed, "personas", *path) >> 32,
            attempt=attempt,
            stage="personas",
            item=item,
            family=f"{self._narrative.prompt}/{self._cast.population.name}",
            template=prompts.load(self._narrative.prompt).version,
        )

    def _facts(self, persona: Persona) -> list[str]:
        facts = [*persona.facts(), *told(persona.fields)]
        return facts[:FACTS_FOR_SMALL_MODELS] if self.lab.abilities.small else facts

    @property
    def _narrative(self) -> Narrative:
        if self._written is None:
            raise AssertionError("nothing is asked for detail='facts'")
        return self._written

    @cached_property
    def _example(self) -> bool:
        """Whether worked examples stand before each person: as memory has it, else where the price makes them pay."""
        if self._batch > 1 or self.lab.abilities.small:
            return False
        first = self._one(self._people[0].id)
        short, long = (
            self._call(first.id, self._turns(first, example=example), self._narrative.schema)
            for example in (False, True)
        )
        if len(short.messages) == len(long.messages):
            return False
        known = self.lab.engine.cache.peek([short, long])
        if any(known):  # a price that changed must not lose replies that were paid
            return not known[0]
        price = self.lab.engine.ledger.prices.price(self.lab.model)
        return pays(price, short=_shared(short), long=_shared(long), calls=len(self))

    # --- what comes back ---

    def accept(self, call: Call, reply: Reply) -> Any:
        """Return the person with what was written, or refuse it; of a batch one outcome each."""
        if call.item not in self._by_id:
            return self._each_of(call, reply, reply.value)
        return self._person(self._one(call.item), reply.value)

    def _person(self, persona: Persona, value: Any) -> Persona:
        reasons = self._faults(persona, value)
        if reasons:
            raise InvalidReply(
                f"what was written about {persona.id} cannot be used: {'; '.join(reasons[:_REASONS])}",
                fault="contradiction" if isinstance(value, Mapping) else "",
                hint="retry() asks for another portrait.",
            )
        written = {name: value[name] for name in self._narrative.fields}
        return dataclasses.replace(persona, fields={**persona.fields, **written}, detail=self._detail)

    def _faults(self, persona: Persona, value: Any) -> list[str]:
        """Return why a reply about a person cannot be used: fields left out or empty, or what contradicts the facts."""
        if not isinstance(value, Mapping):
            return [f"it is no JSON object with the fields {', '.join(self._narrative.fields)}"]
        fields = self._narrative.fields
        empty = [name for name, schema in fields.items() if not _says_something(value.get(name), schema)]
        if empty:
            return [f"it leaves the field {name!r} empty" for name in empty]
        reasons = persona.contradictions({name: value[name] for name in fields})
        return [f"it contradicts the sampled facts: {reason}" for reason in reasons]

    def _each_of(self, call: Call, reply: Reply | None, value: Any) -> list[Outcome]:
        """Return an outcome for each person of a batch: what is wrong about one is held against nobody else."""
        quarantine = self.lab.engine.quarantine
        outcomes = []
        for place, persona in enumerate(self._group[call.item], start=1):
            about = value.get(f"person_{place}") if isinstance(value, Mapping) else None
            outcome = Outcome(persona.id, reply=reply, ended=True)
            try:
                outcome.value = self._person(persona, about)
            except InvalidReply as refusal:
                refusal.request_id = reply.request_id if reply is not None else None
                refusal.tries = reply.tries if reply is not None else 1
                refusal.book(call.stage, persona.id, quarantine.scrubber)
                key = call.key(self.lab.engine.model.identity)
                quarantine.take(dataclasses.replace(call, item=persona.id), refusal, reply, key)
                outcome.error = refusal
            outcomes.append(outcome)
        return outcomes

    def _of_batch(self, outcome: Outcome) -> list[Outcome]:
        """Return how a batch ended for each person in it."""
        if outcome.ok:
            each: list[Outcome] = outcome.value
            return each
        group = self._group[outcome.item]
        value = _parsed(outcome.reply.text) if outcome.reply and isinstance(outcome.error, InvalidReply) else None
        if isinstance(value, Mapping):  # one person who does not fit the schema makes the whole reply fail it
            return self._each_of(self._about_several(group), outcome.reply, value)
        return [dataclasses.replace(outcome, item=persona.id, value=None, next=None) for persona in group]

    # --- who is asked again ---

    def follow(self, run: Run, call: Call, outcome: Outcome) -> Call | None:
        """Return the correction that follows: of the same person, or of the next who was refused in the same batch."""
        if call.item in self._group:
            refused = [one for one in self._of_batch(outcome) if isinstance(one.error, InvalidReply)]
            waiting = [(self._one(one.item), self._said(call, one)) for one in refused] if self._most > 1 else []
            self._refused[call.item] = waiting
            run.total = (run.total or 0) + len(waiting)
            run.failed -= outcome.error is not None and bool(waiting)
            return self._again(*waiting[0], attempt=1) if waiting else None
        if isinstance(outcome.error, InvalidReply) and call.attempt + 1 < self._most:
            run.done, run.failed = run.done - 1, run.failed - 1  # it has not ended after all
            said = outcome.reply.text if outcome.reply is not None else ""
            return self._again(self._one(call.item), said, attempt=call.attempt + 1)
        waiting = self._refused.get(self._batch_of.get(call.item, ""), [])
        places = {persona.id: place for place, (persona, _) in enumerate(waiting, start=1)}
        place = places.get(call.item, len(waiting))
        return self._again(*waiting[place], attempt=1) if place < len(waiting) else None

    def _again(self, persona: Persona, said: str, attempt: int) -> Call:
        """Return the call that asks a refused person again, alone: with what was said, and why it cannot be used."""
        turns = self._turns(persona, example=self._example)
        if not self.lab.abilities.small:  # a small model repeats what it is shown, so it just draws again
            reasons = self._faults(persona, _parsed(said))[:_REASONS]
            shown = said if len(said) <= _LONGEST_SAID else ""
            turns += prompts.load("personas.correction").render(said=shown, reasons=reasons, name=persona.name)
        return self._call(persona.id, turns, self._narrative.schema, attempt)

    def _said(self, call: Call, refused: Outcome) -> str:
        """Return what a batch said about one person, as the model would have said it alone."""
        value = _parsed(refused.reply.text) if refused.reply is not None else None
        place = [persona.id for persona in self._group[call.item]].index(refused.item) + 1
        about = value.get(f"person_{place}") if isinstance(value, Mapping) else None
        return orjson.dumps(about).decode() if about is not None else ""

    def retry(self, outcomes: Sequence[Outcome]) -> Panel:  # noqa: ARG002  # memory knows what was refused
        """Ask again who failed, with as many attempts more; the others come from memory."""
        self._needs_memory("retry")
        again = copy.copy(self)
        again._most = self._most + self._step  # noqa: SLF001  # it is one of us
        return run_blocking(again)

    # --- what comes of it ---

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> Panel:
        """Put those who came out into a panel; the names of the others are free again."""
        people = list(self._people) if self._written is None else []
        if self._written is not None:
            outcomes = [ended for outcome in outcomes for ended in self._each_person(outcome)]
            people = [outcome.value for outcome in outcomes if outcome.ok]
            for outcome in outcomes:
                name = self._by_id[outcome.item].name
                if outcome.error is not None:
                    self._cast.register.release(name)
                elif outcome.ok:  # of those who failed before, it had been given back
                    self._cast.register.reserve(name)
        return Panel(
            people, population=self._cast.population, outcomes=outcomes, report=report, lab=self.lab, again=self
        )

    def _each_person(self, first: Outcome) -> list[Outcome]:
        """Return how it ended for each person of a call, corrections included."""
        each = self._of_batch(first) if first.item in self._group else [first]
        last = {one.item: one for one in each}
        found: Outcome | None = first
        while found is not None:
            if found is not first or len(each) == 1:
                last[found.item] = found
            if not found.ended:  # whoever stood in line behind was not asked again either
                waiting = [persona.id for persona, _ in self._refused.get(first.item, ())]
                for person in waiting[waiting.index(found.item) + 1 :] if found.item in waiting else ():
                    last[person] = Outcome(person, left=found.left)
            found = found.next
        return [last[one.item] for one in each]


def _item(group: Sequence[Persona]) -> str:
    return group[0].id if len(group) == 1 else f"{group[0].id}..{group[-1].id}"


def _shared(call: Call) -> float:
    """Return about how many tokens a call shares with all others of its kind: everything but the last message."""
    characters = sum(len(message.text) for message in call.messages[:-1])
    return (characters + (len(call.schema.json) if call.schema is not None else 0)) / 4


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def _says_something(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether a field holds what was asked for: a number where one was, else text that is not empty."""
    kind = schema["type"]
    if kind == "string":
        return isinstance(value, str) and bool(value.strip())
    if kind == "array":
        return isinstance(value, list) and bool(value) and all(_says_something(one, schema["items"]) for one in value)
    return isinstance(value, int) and not isinstance(value, bool)
