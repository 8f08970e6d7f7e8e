"""Ask a panel one question, about images or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from toolkit import prompts
from toolkit.engine import Budget
from toolkit.errors import Incomplete, InvalidInput
from toolkit.lab import current_lab
from toolkit.media import to_image
from toolkit.models import Call, Message, Picture, Reply, Sampling
from toolkit.personas import Panel, Persona
from toolkit.personas.narrative import portrait
from toolkit.questions.answer import BETWEEN, Answer, Text
from toolkit.questions.answers import Answers, Asked
from toolkit.questions.structured import to_answer
from toolkit.seeds import derive, rng
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    from toolkit.display import Report
    from toolkit.engine import Outcome
    from toolkit.lab import Lab

__all__ = ["ask"]

_SEED_BITS = 31
"""Providers take seeds of 32 bits, some with a sign."""


@verb
def ask(
    panel: Panel | Persona | Sequence[Persona],
    question: str,
    *,
    images: Any = (),
    answer: Answer | type[Any] = Text(),  # noqa: B008  # frozen, so it is safe to share
    shuffle: bool = True,
    repeats: int = 1,
    max_side: int = 768,
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
    allow_partial: bool = False,
) -> Job[Answers]:
    """Ask each persona of a panel one question.

    Args:
        panel: Who is asked: a panel, one persona or several.
        question: The question, as it is put to everyone.
        images: Nothing, one image or several, all shown to everyone in this order: paths, bytes, data URIs, PIL
            images, numpy arrays, matplotlib figures, ``tk.Image(path, alt="…")``. A model without eyes is given the
            ``alt`` text and the size instead, and the result says so.
        answer: ``Choice``, ``Scale``, ``Text`` or a pydantic model class.
        shuffle: Show the options in another order to each person; the order shown is recorded.
        repeats: How often each person is asked, independently.
        max_side: Longest side of the images as sent, in pixels; they are only ever made smaller.
        seed: For the order of options and the model's draws; the lab's when not given.
        lab: Where; the current lab when not given.
        budget: What this run may spend: ``"2 USD"``, ``"50_000 tokens"``, ``"100 requests"`` or
            ``Budget("2 USD", soft=True)``; what was not asked for want of it is a row of ``errors``.
        strict: Raise ``Incomplete`` at the end when anything failed, instead of returning failures as rows.
        allow_partial: Accept a panel that is incomplete.

    Returns:
        ``Answers`` with one row for each person and repeat. A reply that does not parse is an invalid row, never a
        default; other failures are rows of ``errors`` as well.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        Interrupted: ■ was pressed; what finished is in ``.result``.

    Example:
        >>> panel = generate_personas(3, "us-adults-2012", detail="facts", lab=lab)
        >>> answers = ask(panel, "Tea or coffee?", answer=Choice(["tea", "coffee"]), lab=lab)
        >>> list(answers.frame.columns)
        ['persona', 'name', 'repeat', 'answer', 'status', 'shown', 'model']
    """
    people = _people(panel, allow_partial=allow_partial)
    if not isinstance(question, str) or not question.strip():
        raise InvalidInput(f"question={question!r} asks nothing", hint="Give the question as text.")
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
        raise InvalidInput(f"repeats={repeats!r} asks nobody", hint="Give a whole number from 1.")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise InvalidInput(f"seed={seed!r} is no whole number", hint="Give one, or leave it to the lab.")
    asked = Asked(
        question.strip(), to_answer(answer), tuple(to_image(one, max_side=max_side) for one in _images(images))
    )
    return _Ask(
        current_lab(lab),
        people,
        asked,
        shuffle=shuffle,
        repeats=repeats,
        max_side=max_side,
        seed=seed,
        strict=strict,
        budget=budget,
    )


class _Ask(Job[Answers]):
    name = "ask"

    def __init__(
        self,
        lab: Lab,
        people: tuple[Persona, ...],
        asked: Asked,
        *,
        shuffle: bool,
        repeats: int,
        max_side: int,
        seed: int | None,
        strict: bool,
        budget: str | Budget | None,
    ) -> None:
        super().__init__(lab, seed=seed, strict=strict, budget=budget)
        self._people = people
        self._asked = asked
        self._shuffle = shuffle
        self._repeats = repeats
        self._prompt = prompts.load("questions.ask")
        self._pictures = tuple(Picture(image, max_side=max_side) for image in asked.images)

    def __len__(self) -> int:
        return len(self._people) * self._repeats

    def calls(self) -> Iterator[Call]:
        """Make one call for each person and repeat."""
        answer = self._asked.answer
        small = self.lab.abilities.small
        example = answer.schema.name if small else ""
        template, family = self._prompt.version, f"questions.ask/{derive(0, self._asked.question):016x}"
        for persona in self._people:
            draw = derive(self.seed, "questions", persona.id, self._asked.question)
            turns = self._prompt.render(
                pictures=range(len(self._pictures)),
                question=self._asked.question,
                instruction=answer.instruction,
                persona=portrait(persona, small=small),
                example=example,
                options=self._shown(persona),
            )
            messages = tuple(
                Message(role, tuple(part if isinstance(part, str) else self._pictures[part] for part in parts))  # type: ignore[arg-type]
                for role, parts in turns
            )
            for repeat in range(self._repeats):
                yield Call(
                    messages=messages,
                    schema=answer.schema,
                    sampling=Sampling(),
                    seed=draw >> (63 - _SEED_BITS),
                    repeat=repeat,
                    stage="questions",
                    item=self._item(persona, repeat),
                    family=family,
                    template=template,
                )

    def accept(self, call: Call, reply: Reply) -> dict[str, Any]:  # noqa: ARG002  # every call has the same answer type
        """Read the answer, or refuse it."""
        return self._asked.answer.read(reply.value)

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> Answers:
        """Put the answers into a result."""
        rows = [(persona, repeat) for persona in self._people for repeat in range(self._repeats)]
        shown = [BETWEEN.join(self._shown(persona)) for persona in self._people for _ in range(self._repeats)]
        return Answers(
            asked=self._asked, rows=rows, shown=shown, outcomes=outcomes, report=report, lab=self.lab, again=self
        )

    def _shown(self, persona: Persona) -> list[str]:
        """Return the options in the order this person sees."""
        options = list(self._asked.answer.options)
        if self._shuffle:
            rng(self.seed, "questions.order", persona.id, self._asked.question).shuffle(options)
        return options

    def _item(self, persona: Persona, repeat: int) -> str:
        return persona.id if self._repeats == 1 else f"{persona.id}/{repeat + 1}"


def _people(panel: Panel | Persona | Sequence[Persona], *, allow_partial: bool) -> tuple[Persona, ...]:
    if isinstance(panel, Persona):
        return (panel,)
    if isinstance(panel, Panel) and not panel.complete and not allow_partial:
        raise Incomplete(
            f"the panel is incomplete: {len(panel):,} personas are there, {len(panel.errors):,} are not",
            hint="panel.resume() makes the rest; allow_partial=True asks those who are there.",
            result=panel,
        )
    if not isinstance(panel, Iterable):
        raise InvalidInput(f"the panel is {type(panel).__name__}, not personas", hint="Give a Panel or personas.")
    people = tuple(panel)
    for place, persona in enumerate(people):
        if not isinstance(persona, Persona):
            raise InvalidInput(
                f"item {place} of the panel is of type {type(persona).__name__}, which is no persona",
                hint="Give a Panel or personas.",
            )
    if not people:
        failed = isinstance(panel, Panel) and len(panel.errors) > 0
        raise InvalidInput(
            "the panel is empty, so there is nobody to ask",
            hint="panel.errors says what failed." if failed else "Generate at least one persona.",
        )
    doubled = len(people) - len({persona.id for persona in people})
    if doubled:
        raise InvalidInput(f"{doubled} personas share an id with another", hint="Give panels with different ids.")
    return people


def _images(images: Any) -> Sequence[Any]:
    """Return what was given as images as a sequence: one image is a sequence of one."""
    if images is None:
        return ()
    if isinstance(images, GeneratorType):  # as Path.glob gives
        return tuple(images)
    return images if isinstance(images, (list, tuple)) else (images,)
