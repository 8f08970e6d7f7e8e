"""Puts one question to one person: in which order, with which words, as which call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from toolkit import prompts
from toolkit.errors import InvalidInput
from toolkit.lab import Lab
from toolkit.models import Abilities, Call, Message, Reply, Sampling
from toolkit.personas import Persona
from toolkit.prompts import Prompt
from toolkit.questions.answer import BETWEEN
from toolkit.questions.condition import Condition
from toolkit.questions.logprobs import marks_of, sampling_of
from toolkit.questions.wording import Detail, Looks, messages_of
from toolkit.seeds import derive, rng

__all__ = ["Asker", "Manner", "own_prompt", "said", "shown_images", "shown_options"]

_SEED_BITS = 31
"""Providers take seeds of 32 bits, some with a sign."""
_PROMPT = "questions.ask"
_SHOW = "questions.show"
"""The same for images and options that have names or pictures of their own; its text is that of ``questions.ask`` where
they have none. It is a file of its own because a file's digest stands in recordings."""
_NEXT = "questions.next"
_LOGPROBS = "questions.logprobs"


@dataclass(frozen=True, slots=True)
class Manner:
    """How questions are put."""

    shuffle: bool = True
    """Show options in another order to each person."""
    shuffle_images: bool = False
    """Show images in another order to each person."""
    detail: Detail = "auto"
    """How closely the provider is asked to look at images."""
    max_side: int = 768
    """Longest side of images as sent, in pixels."""
    prompt: Prompt | None = None
    """A template of the researcher's own."""
    told: Mapping[str, str] = field(default_factory=dict)
    """By digest of an image that has no description of its own, what a machine read in it, for models without eyes."""


class Asker:
    """Makes the calls of a verb that asks people.

    Args:
        lab: Where.
        seed: Of orders and draws.
        manner: How questions are put.
    """

    def __init__(self, lab: Lab, seed: int, manner: Manner) -> None:
        self._lab = lab
        self._seed = seed
        self.manner = manner
        self._next = _Template.of(prompts.load(_NEXT), "")
        self._first = lru_cache(maxsize=256)(self._chosen)

    def looks(self, persona: Persona, condition: Condition, *, turned: bool = False) -> Looks:
        """Return the orders in which this person sees options and images.

        Args:
            persona: Who.
            condition: The question as it is put.
            turned: Show the options the other way round.
        """
        weighed = condition.distribution
        places = list(range(len(weighed.labels if weighed is not None else condition.options)))
        if self.manner.shuffle and condition.options:
            rng(self._seed, "questions.order", persona.id, condition.question).shuffle(places)
        images = list(range(len(condition.stimuli)))
        if self.manner.shuffle_images:
            rng(self._seed, "questions.images", persona.id, condition.question).shuffle(images)
        order = tuple(reversed(places)) if turned else tuple(places)
        return Looks(order, tuple(images), marks_of(condition.answer, order) if weighed is not None else ())

    def messages(
        self, persona: Persona, condition: Condition, looks: Looks, earlier: Sequence[Message] = ()
    ) -> tuple[Message, ...]:
        """Return what is sent: the turns so far, and the question as this person sees it."""
        return messages_of(
            (self._next if earlier else self._first(condition)).prompt,
            condition,
            persona,
            looks,
            detail=self.manner.detail,
            max_side=self.manner.max_side,
            small=self.abilities(condition).small,
            told={} if self.abilities(condition).images else self.manner.told,
            earlier=earlier,
        )

    def call(
        self,
        persona: Persona,
        condition: Condition,
        looks: Looks,
        messages: tuple[Message, ...],
        *,
        repeat: int,
        item: str,
        stage: str = "questions",
        attempt: int = 0,
    ) -> Call:
        """Return the call that asks this."""
        draw = derive(self._seed, "questions", persona.id, condition.question)
        return Call(
            messages=messages,
            schema=None if looks.marks else condition.answer.schema,
            sampling=sampling_of(looks.among) if looks.marks else Sampling(),
            seed=draw >> (63 - _SEED_BITS),
            repeat=repeat,
            attempt=attempt,
            stage=stage,
            item=item,
            family=self._first(condition).family,
            template=self._template(condition, messages).version,
            model=condition.model,
        )

    def abilities(self, condition: Condition) -> Abilities:
        """Return what the model of a condition can do."""
        engine = self._lab.engine
        return (engine.others[condition.model] if condition.model else engine).model.abilities

    def _template(self, condition: Condition, messages: Sequence[Message]) -> _Template:
        """Return the prompt of the last turn: a further one follows a reply of the model's own."""
        asked = sum(message.role == "assistant" for message in messages)
        return self._next if asked > self.abilities(condition).small else self._first(condition)

    def _chosen(self, condition: Condition) -> _Template:
        if self.manner.prompt is not None:
            return _Template.of(self.manner.prompt, condition.question)
        if condition.distribution is not None:
            return _Template.of(prompts.load(_LOGPROBS), condition.question)
        named = any(one.label for one in condition.stimuli) or condition.ids or any(condition.pictures)
        return _Template.of(prompts.load(_SHOW if named else _PROMPT), condition.question)


@dataclass(frozen=True, slots=True)
class _Template:
    """A prompt, with what calls say of it."""

    prompt: Prompt
    version: str
    family: str

    @classmethod
    def of(cls, prompt: Prompt, question: str) -> _Template:
        return cls(prompt, prompt.version, f"{prompt.name}/{derive(0, question):016x}")


def said(reply: Reply) -> Message:
    """Return a reply as a turn of the conversation it belongs to."""
    return Message("assistant", (reply.text,))


def shown_options(condition: Condition, looks: Looks) -> str:
    """Return the options in the order shown, as the column ``shown`` tells it."""
    if not condition.options:
        return BETWEEN.join(text or mark for mark, text in looks.marks)
    return BETWEEN.join(condition.options[place] for place in looks.options)


def shown_images(condition: Condition, looks: Looks) -> str:
    """Return the images in the order shown, as the column ``images`` tells it: their labels, or their numbers."""
    return BETWEEN.join(condition.stimuli[place].label or str(place + 1) for place in looks.images)


def own_prompt(given: str | Path | Prompt | None) -> Prompt | None:
    r"""Return a researcher's own template, from text or a file.

    Args:
        given: Text with sections, a path, or nothing.

    Raises:
        InvalidInput: No such file, or no template.

    Example:
        >>> own_prompt("=== user ===\n{{ persona }}\n{{ question }}").name
        'own'
    """
    if given is None or isinstance(given, Prompt):
        return given
    if isinstance(given, Path):
        try:
            return prompts.parse(given.name, given.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"the prompt {given.name} cannot be read: {error}", hint="Give a text file.") from error
    if not isinstance(given, str):
        raise InvalidInput(f"prompt={given!r} is no template", hint="Give the template's text, or a Path to its file.")
    if "\n" not in given and Path(given).suffix and "{" not in given:
        return own_prompt(Path(given))
    return prompts.parse("own", given)
