"""Make a panel: code samples the facts, the model only writes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit import prompts
from toolkit.engine import Budget
from toolkit.errors import InvalidInput, InvalidReply
from toolkit.lab import current_lab
from toolkit.models import Call, Message, Reply
from toolkit.personas.cast import Cast, draw_cast
from toolkit.personas.narrative import FACTS_FOR_SMALL_MODELS, Narrative, narrative
from toolkit.personas.panel import Panel
from toolkit.personas.population import Population
from toolkit.seeds import derive
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    from toolkit.display import Report
    from toolkit.engine import Outcome
    from toolkit.lab import Lab
    from toolkit.personas.persona import Detail, Persona

__all__ = ["generate_personas"]


@verb
def generate_personas(
    n: int,
    population: Population | str | Path,
    *,
    detail: Detail = "standard",
    context: str = "",
    attempts: int = 2,
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
) -> Job[Panel]:
    """Make ``n`` personas whose make-up matches a population.

    Whole rows of the population are drawn so that every level of every attribute comes out as in the population; names
    come from name tables. The model is asked once a person to write the narrative fields, and a reply that contradicts
    the person's facts is refused.

    Args:
        n: How many, from 1.
        population: A ``Population``, the name of a shipped one, or the path of one's TOML.
        detail: ``facts`` (no call at all), ``brief`` (a bio) or ``standard`` (a portrait of fourteen fields).
        context: What the study is about; goes into every prompt.
        attempts: How often a person may be written when the reply is refused.
        seed: For the sample, the names and the model's draws; the lab's when not given.
        lab: Where; the current lab when not given.
        budget: What this run may spend: ``"2 USD"``, ``"50_000 tokens"``, ``"100 requests"`` or
            ``Budget("2 USD", soft=True)``; what was not asked for want of it is a row of ``errors``.
        strict: Raise ``Incomplete`` at the end when anyone is missing.

    Returns:
        A ``Panel`` of exactly ``n``, in order, or those that came out, with the others as rows of ``errors``.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        Interrupted: ■ was pressed; what finished is in ``.result``.

    Example:
        >>> panel = generate_personas(5, "us-adults-2012", detail="facts", lab=lab)
        >>> len(panel), panel[0].id
        (5, 'p0001')
    """
    if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
        raise InvalidInput(f"attempts={attempts!r} asks nobody", hint="Give a whole number from 1.")
    if not isinstance(context, str):
        raise InvalidInput(
            f"context is {type(context).__name__}, not text", hint="Say in words what the study is about."
        )
    source = population if isinstance(population, Population) else Population.load(population)
    written = narrative(detail)
    where = current_lab(lab)
    cast = draw_cast(source, n, where.seed if seed is None else seed)
    return _Generate(
        where, cast, written, context=context.strip(), attempts=attempts, seed=seed, strict=strict, budget=budget
    )


class _Generate(Job[Panel]):
    name = "generate_personas"

    def __init__(
        self,
        lab: Lab,
        cast: Cast,
        written: Narrative | None,
        *,
        context: str,
        attempts: int,
        seed: int | None,
        strict: bool,
        budget: str | Budget | None,
    ) -> None:
        super().__init__(lab, seed=seed, strict=strict, budget=budget)
        self.attempts = attempts
        self._cast = cast
        self._written = written
        self._detail: Detail = written.detail if written is not None else "facts"
        self._context = context
        self._by_id: dict[str, Persona] = {persona.id: persona for persona in cast.people}

    def __len__(self) -> int:
        return len(self._cast.people) if self._written is not None else 0

    def calls(self) -> Iterator[Call]:
        """Make one call a person."""
        if self._written is None:
            return
        prompt = prompts.load(self._written.prompt)
        told = FACTS_FOR_SMALL_MODELS if self.lab.abilities.small else None
        for persona in self._cast.people:
            turns = prompt.render(name=persona.name, facts=persona.facts()[:told], context=self._context)
            yield Call(
                messages=tuple(Message(role, tuple(str(part) for part in parts)) for role, parts in turns),  # type: ignore[arg-type]
                schema=self._written.schema,
                seed=derive(self.seed, "personas", persona.id) >> 32,
                stage="personas",
                item=persona.id,
                family=f"{self._written.prompt}/{self._cast.population.name}",
                template=prompt.version,
            )

    def inputs(self) -> Iterator[bytes]:
        """Return who was drawn: with ``facts`` alone no call tells two panels apart."""
        for persona in self._cast.people:
            yield "\n".join((persona.id, persona.name, *persona.facts())).encode()

    def accept(self, call: Call, reply: Reply) -> Persona:
        """Return the person with what was written, or refuse what contradicts the facts."""
        persona = self._by_id[call.item]
        fields = self._fields(reply.value)
        reasons = persona.contradictions(fields)
        if reasons:
            raise InvalidReply(
                f"what was written about {persona.id} contradicts the sampled facts: {reasons[0]}",
                fault="contradiction",
                hint="retry() asks for another portrait.",
            )
        return dataclasses.replace(persona, fields=fields, detail=self._detail)

    def _fields(self, value: Any) -> dict[str, Any]:
        """Return what was written, or refuse a reply that leaves a field out or empty, whatever model it comes from."""
        wanted = self._written.schema.body["required"] if self._written is not None else ()
        written = value if isinstance(value, Mapping) else {}
        for name in wanted:
            if not _says_something(written.get(name)):
                raise InvalidReply(
                    f"the reply leaves the field {name!r} empty", hint="retry() asks for another portrait."
                )
        return {name: written[name] for name in wanted}

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> Panel:
        """Put those who came out into a panel; the names of the others are free again."""
        if self._written is None:
            people = list(self._cast.people)
        else:
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


def _says_something(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, list) and bool(value) and all(_says_something(one) for one in value)
