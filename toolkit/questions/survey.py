"""Surveys: several questions to each person, in turn, with rules and piping."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson

from toolkit.errors import InvalidInput
from toolkit.lab import current_lab
from toolkit.personas import Panel, Persona
from toolkit.personas.attribute import nearest
from toolkit.questions._asked_of import people_of
from toolkit.questions._checks import check_switch, checked_manner, checked_number, one_of, question_text
from toolkit.questions.answer import Answer, Text
from toolkit.questions.answers import Asked
from toolkit.questions.asker import Asker, Manner
from toolkit.questions.condition import Condition, conditions_of
from toolkit.questions.descriptions import described, description_notes
from toolkit.questions.placeholders import fill, names_in
from toolkit.questions.rules import Rule, can_hold, parse_rule
from toolkit.questions.structured import to_answer
from toolkit.questions.survey_answers import COLUMNS, SurveyAnswers
from toolkit.questions.talks import Memory, Step, Talk, Talks, Unanswered
from toolkit.questions.wording import Detail
from toolkit.seeds import rng
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    from toolkit.display import Report
    from toolkit.engine import Budget, Outcome
    from toolkit.lab import Lab

__all__ = ["Question", "survey"]


@dataclass(frozen=True)
class Question:
    """One question of a survey.

    Args:
        name: A word, the name of its column: ``"age_ok"``.
        question: The text; ``{age_ok}`` is filled in by the answer to an earlier question.
        answer: ``Choice``, ``Scale``, ``Text`` and the others, or a pydantic model class.
        images: Images shown with it, as ``ask`` takes them.
        ask_if: A rule over earlier answers and attributes; it is asked only of those for whom it holds:
            ``"age_ok == 'yes' and score > 3"``, ``"persona.age >= 18"``.
        skip_if: A rule; it is not asked of those for whom it holds.
        block: Questions of one block stay together, in declared order, when the order is shuffled.

    Raises:
        InvalidInput: A name that is none, a text that asks nothing, a rule that is none.

    Example:
        >>> Question("why", "You rated it {score}. Why?", ask_if="score < 3").rule
        'asked if score < 3'
    """

    name: str
    question: str
    answer: Answer | type[Any] = Text()  # noqa: RUF009  # frozen
    images: Any = ()
    ask_if: str = ""
    skip_if: str = ""
    block: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise InvalidInput(f"a question has the name {self.name!r}", hint="Give a word of letters, digits and _.")
        object.__setattr__(self, "question", question_text(self.question))
        object.__setattr__(self, "answer", to_answer(self.answer))
        for rule in (self.ask_if, self.skip_if):
            if rule:
                parse_rule(rule, self.name)

    @property
    def kind(self) -> Answer:
        """The answer type; of a pydantic model the one made of it."""
        return cast("Answer", self.answer)

    @property
    def rules(self) -> tuple[tuple[Rule, bool], ...]:
        """Its rules, each with whether it must hold."""
        given = ((self.ask_if, True), (self.skip_if, False))
        return tuple((parse_rule(text, self.name), wanted) for text, wanted in given if text)

    @property
    def rule(self) -> str:
        """When it is asked, in words; empty for always."""
        given = (("asked if", self.ask_if), ("skipped if", self.skip_if))
        return ", ".join(f"{word} {text}" for word, text in given if text)

    @property
    def quotes(self) -> tuple[str, ...]:
        """The questions whose answers its text quotes."""
        return tuple(names_in(self.question))

    @property
    def needs(self) -> frozenset[str]:
        """The questions that must come before it."""
        return frozenset(self.quotes).union(*(rule.names for rule, _ in self.rules))


@verb
def survey(
    panel: Panel | Persona | Sequence[Persona],
    questions: Sequence[Question],
    *,
    memory: Memory = "full",
    shuffle_questions: bool = False,
    shuffle: bool = True,
    shuffle_images: bool = False,
    repeats: int = 1,
    detail: Detail = "auto",
    max_side: int = 768,
    prompt: str | Path | None = None,
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
    allow_partial: bool = False,
) -> Job[SurveyAnswers]:
    """Ask each persona several questions, one after the other; different people are asked side by side.

    Args:
        panel: Who is asked: a panel, one persona or several.
        questions: ``Question(name, text, answer=…)``, in order; rules and places look back, never forward.
        memory: ``full``: a person knows the conversation so far. ``none``: every question is met as if it were the
            only one; then it shares its replies with ``ask``.
        shuffle_questions: Ask in another order for each person; blocks stay together, and a question stays behind those
            whose answers it needs. The order is recorded.
        shuffle: Show the options in another order to each person; the order shown is recorded.
        shuffle_images: Show the images in another order to each person.
        repeats: How often each person goes through the survey, independently.
        detail: How closely the provider is asked to look at images: ``low``, ``high``, ``auto``.
        max_side: Longest side of the images as sent, in pixels.
        prompt: A template of your own for the first question, as ``ask`` takes it.
        seed: For orders and the model's draws; the lab's when not given.
        lab: Where; the current lab when not given.
        budget: What this run may spend, as ``ask`` takes it.
        strict: Raise ``Incomplete`` at the end when anything failed, instead of returning failures as rows.
        allow_partial: Accept a panel that is incomplete.

    Returns:
        ``SurveyAnswers``: a frame with one row a person, and ``Answers`` for each question by its name.

    Raises:
        InvalidInput: An argument, rule or place that cannot be used; nothing was billed.
        Interrupted: ■ was pressed; what finished is in ``.result``.

    Example:
        >>> panel = generate_personas(3, "us-adults-2012", detail="facts", lab=lab)
        >>> asked = [
        ...     Question("drinks", "Do you drink tea?", Choice(["yes", "no"])),
        ...     Question("why", "You said {drinks}. Why?", ask_if="drinks == 'yes'"),
        ... ]
        >>> said = survey(panel, asked, lab=lab)
        >>> list(said.frame.columns)
        ['persona', 'name', 'repeat', 'drinks', 'why', 'status']
    """
    people = people_of(panel, allow_partial=allow_partial)
    items = _checked(questions)
    one_of("memory", memory, ("full", "none"))
    check_switch("shuffle_questions", shuffle_questions)
    checked_number("repeats", repeats, "asks nobody")
    _check_attributes(items, people)
    here = current_lab(lab)
    number = here.seed if seed is None else checked_number("seed", seed, "is no seed", least=None)
    conditions = {one.name: _condition(here, one, items, max_side, number) for one in items}
    manner = checked_manner(shuffle, shuffle_images, detail, max_side, prompt)
    manner = dataclasses.replace(manner, told=described(here, conditions.values()))
    return _Survey(
        Asker(here, number, manner),
        memory,
        people=people,
        questions=items,
        conditions=conditions,
        repeats=repeats,
        shuffled=shuffle_questions,
        lab=here,
        seed=seed,
        strict=strict,
        budget=budget,
    )


class _Survey(Talks[SurveyAnswers]):
    name = "survey"

    def __init__(
        self,
        asker: Asker,
        memory: Memory,
        *,
        people: tuple[Persona, ...],
        questions: tuple[Question, ...],
        conditions: Mapping[str, Condition],
        repeats: int,
        shuffled: bool,
        **rest: Any,
    ) -> None:
        super().__init__(asker, memory, **rest)
        self._people = people
        self._questions = questions
        self._conditions = conditions
        self._repeats = repeats
        self._shuffled = shuffled

    def __len__(self) -> int:
        return len(self._people) * self._repeats * len(self._questions)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the result must say about who answers, and about images."""
        return (*super().notes, *description_notes(self._asker.manner.told))

    def inputs(self) -> Iterator[bytes]:
        """Return the questions and their rules; a run's calls show the first question only."""
        for one in self._questions:
            yield orjson.dumps([one.name, one.question, one.kind.schema.json.decode(), one.ask_if, one.skip_if])
        yield orjson.dumps([self._memory, self._shuffled])

    def standard(self) -> _Survey | None:
        """Return the same with the shipped prompt."""
        manner: Manner = self._asker.manner
        if manner.prompt is None:
            return None
        twin: _Survey = self._copy()  # type: ignore[assignment]  # a copy is of the same class
        twin._asker = Asker(self.lab, self.seed, dataclasses.replace(manner, prompt=None))
        return twin

    def talks(self) -> Iterator[Talk]:
        """Begin one conversation for each person and repeat."""
        for persona in self._people:
            order = self._order(persona)
            for repeat in range(self._repeats):
                last = f"/{repeat + 1}" if self._repeats > 1 else ""
                yield Talk(
                    persona,
                    repeat,
                    [Step(one.name, f"{persona.id}/{one.name}{last}", partial(self._put, one)) for one in order],
                )

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> SurveyAnswers:  # noqa: ARG002  # talks hold them
        """Put the answers into a result."""
        ended = [{step.name: self.ended(talk, step) for step in talk.steps} for talk in self._talks]
        asked = {one.name: Asked.of(one.question, one.kind, [self._conditions[one.name]]) for one in self._questions}
        return SurveyAnswers(
            questions=self._questions,
            asked=asked,
            talks=self._talks,
            ended=ended,
            report=report,
            lab=self.lab,
            again=self,
        )

    def _put(self, question: Question, talk: Talk) -> Condition | None:
        """Return a question as this person gets it, with what it quotes filled in; ``None`` to skip it."""
        for name in sorted(question.needs & set(talk.outcomes)):
            if not talk.outcomes[name].ok:
                raise Unanswered(f"{question.name} was not asked: it needs {name}, which has no valid answer")
        condition = self._conditions[question.name]
        values = {name: told.get("answer", told) for name, told in talk.values.items()}
        if not all(rule.holds(values, talk.persona.attributes) is wanted for rule, wanted in question.rules):
            return None
        if not set(question.quotes) <= set(values):
            return None  # what it quotes was skipped
        quoted = {name: _told(values[name]) for name in question.quotes}
        return dataclasses.replace(condition, question=fill(condition.question, quoted)) if quoted else condition

    def _order(self, persona: Persona) -> list[Question]:
        """Return the questions in the order in which a person gets them."""
        if not self._shuffled:
            return list(self._questions)
        blocks: dict[str, list[Question]] = {}
        for one in self._questions:
            blocks.setdefault(f"block {one.block}" if one.block else one.name, []).append(one)
        waiting = list(blocks.values())
        rng(self.seed, "questions.survey", persona.id).shuffle(waiting)
        order: list[Question] = []
        while waiting:
            known = {one.name for one in order}
            ready = next(block for block in waiting if _needed(block) <= known)
            waiting.remove(ready)
            order += ready
        return order


def _needed(block: Sequence[Question]) -> frozenset[str]:
    return frozenset().union(*(one.needs for one in block)) - {one.name for one in block}


def _told(value: Any) -> str:
    """Return an answer as a later question quotes it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {one}" for name, one in value.items())
    return str(value)


def _checked(questions: Any) -> tuple[Question, ...]:
    """Return the questions, or say what is wrong with them or between them."""
    if isinstance(questions, (str, bytes)) or not isinstance(questions, Sequence) or not questions:
        raise InvalidInput("a survey was given no list of questions", hint='Give [Question("age_ok", "…"), …].')
    items: list[Question] = []
    for place, one in enumerate(questions, start=1):
        if not isinstance(one, Question):
            raise InvalidInput(
                f"question {place} is {type(one).__name__}", hint='Give Question("name", "…", answer=…).'
            )
        names = [other.name for other in items]
        if one.name in names or one.name in COLUMNS:
            told = "twice" if one.name in names else "that the frame needs itself"
            raise InvalidInput(f"the survey has the name {one.name!r} {told}", hint="Give it another name.")
        later = [other.name for other in questions[place - 1 :] if isinstance(other, Question)]
        for name in sorted(one.needs - set(names)):
            told = "which comes later" if name in later else "which is no question"
            raise InvalidInput(
                f"{one.name!r} looks at {name!r}, {told}",
                hint=f"Earlier questions are: {', '.join(names) or 'none'}{nearest(name, names)}.",
            )
        can_hold(one.rules, {other.name: other.kind for other in items}, one.name)
        items.append(one)
    _check_blocks(items)
    return tuple(items)


def _check_blocks(items: Sequence[Question]) -> None:
    """Refuse blocks that hang on each other in a ring: no order would do."""
    blocks: dict[str, list[Question]] = {}
    for one in items:
        blocks.setdefault(one.block or f"\n{one.name}", []).append(one)
    known: set[str] = set()
    waiting = list(blocks.items())
    while waiting:
        ready = [entry for entry in waiting if _needed(entry[1]) <= known]
        if not ready:
            names = ", ".join(repr(name) for name, _ in waiting if not name.startswith("\n"))
            raise InvalidInput(
                f"the blocks {names} need each other's answers", hint="Put these questions in one block."
            )
        known |= {one.name for _, block in ready for one in block}
        waiting = [entry for entry in waiting if entry not in ready]


def _check_attributes(items: Sequence[Question], people: Sequence[Persona]) -> None:
    known = {name for person in people for name in person.attributes}
    for one in items:
        for name in sorted({name for rule, _ in one.rules for name in rule.attributes} - known):
            raise InvalidInput(
                f"the rule of {one.name!r} looks at persona.{name}, which nobody has",
                hint=f"There are: {', '.join(sorted(known)) or 'none'}{nearest(name, known)}.",
            )


def _condition(lab: Lab, one: Question, items: Sequence[Question], max_side: int, seed: int) -> Condition:
    made = conditions_of(
        lab,
        one.question,
        one.kind,
        one.images,
        vary={},
        models=(),
        factorial="full",
        max_side=max_side,
        seed=seed,
        known=[other.name for other in items],
    )
    if made.factors:
        raise InvalidInput(
            f"the images of {one.name!r} make a factor, which a survey does not vary",
            hint="Place them in the text by {image:label}, or give a list.",
        )
    return made.cells[0]
