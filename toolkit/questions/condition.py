"""Conditions: the question as it is put in one cell of a design, and who is to answer it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from toolkit.errors import InvalidInput
from toolkit.lab import Lab
from toolkit.media import Image
from toolkit.questions.answer import Answer
from toolkit.questions.factors import Cell, Crossing, Factor, cell_name, cross, to_factors
from toolkit.questions.logprobs import Distribution
from toolkit.questions.placeholders import IMAGE, fill, names_in, refuse_unknown
from toolkit.questions.stimuli import Stimuli, Stimulus
from toolkit.questions.worded import Worded, texts_of, worded
from toolkit.study import open_further

__all__ = ["MODEL", "Condition", "Conditions", "conditions_of"]

MODEL = "asked_model"
"""The factor of ``models=``; the column ``model`` says who really answered."""

_TAKEN = ("persona", "name", "repeat", "status", "shown", "model", "condition", "order", "block", "images", MODEL)


@dataclass(frozen=True, eq=False)
class Condition:
    """One cell of a design: the question as it is put there.

    Example:
        >>> Condition("price=3", {"price": 3}, "Buy it for 3 $?", Choice(["yes", "no"])).name
        'price=3'
    """

    name: str
    """Its levels, ``price=3, image=A``; empty where nothing is varied."""
    levels: Cell
    question: str
    """The text with its factors filled in; images are placed by the prompt."""
    answer: Answer
    stimuli: tuple[Stimulus, ...] = ()
    model: str = ""
    """``Call.model``: who answers; empty for the study's own model."""

    # Looked at for each person, and the same for all.

    @cached_property
    def options(self) -> tuple[str, ...]:
        """The options as they are shown, in declared order."""
        return self.answer.options

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Their short names, where they have any."""
        return self.answer.ids

    @cached_property
    def pictures(self) -> tuple[tuple[Image, ...], ...]:
        """For each option the images that belong to it."""
        return self.answer.pictures

    @cached_property
    def distribution(self) -> Distribution | None:
        """The answer as a distribution, where it is asked for as one."""
        whole = self.answer.declared if isinstance(self.answer, Worded) else self.answer
        return whole if isinstance(whole, Distribution) else None


@dataclass(frozen=True, eq=False)
class Conditions:
    """All conditions of one question, and how they were chosen."""

    crossing: Crossing
    cells: tuple[Condition, ...]
    models: tuple[str, ...] = field(default=())
    """``provider:model`` of each model that is asked, where several are."""

    @property
    def factors(self) -> tuple[Factor, ...]:
        """What is varied; nothing where all are asked alike."""
        return self.crossing.factors


def conditions_of(
    lab: Lab,
    question: str,
    answer: Answer,
    images: Any,
    *,
    vary: Mapping[str, Any],
    models: Sequence[Any],
    factorial: str | int,
    max_side: int,
    seed: int,
    known: Sequence[str] = (),
) -> Conditions:
    """Return every condition under which a question is put.

    Args:
        lab: Where; further models are opened in it.
        question: The text, with places for factors and images.
        answer: The answer type, with places for factors.
        images: See ``Stimuli``.
        vary: Levels by factor.
        models: Models to ask, as a factor.
        factorial: See ``cross``.
        max_side: Longest side of images, in pixels.
        seed: Draws the fraction.
        known: Names that are filled in later, by earlier answers.

    Raises:
        InvalidInput: A factor that nothing uses, a place that nothing fills, a fraction that cannot be.
        ImageInvalid: Something given as an image that is none.
    """
    stimuli = Stimuli(images, question, max_side)
    varied = to_factors(vary, {*_TAKEN, *answer.columns, *([IMAGE] if stimuli.factor else [])})
    _check_use(varied, question, answer, stimuli, known)
    named = _model_names(lab, models)
    factors = [*varied, *([stimuli.factor] if stimuli.factor else []), *([_model_factor(named)] if named else [])]
    crossing = cross(factors, factorial, seed=seed)
    return Conditions(
        crossing, tuple(_condition(cell, question, answer, stimuli, named) for cell in crossing.cells), tuple(named)
    )


def _condition(cell: Cell, question: str, answer: Answer, stimuli: Stimuli, models: Mapping[str, str]) -> Condition:
    return Condition(
        name=cell_name(cell),
        levels=cell,
        question=fill(question, cell),
        answer=worded(answer, cell),
        stimuli=stimuli.of(cell),
        model=models[cell[MODEL]] if models else "",
    )


def _check_use(
    factors: Sequence[Factor], question: str, answer: Answer, stimuli: Stimuli, known: Sequence[str]
) -> None:
    """Refuse a factor that nothing uses, and a place that no factor fills."""
    names = [factor.name for factor in factors]
    options = texts_of(answer)
    hint = "Give its levels: vary={…: […]}."
    for where, text in (("the question", question), *(("the answer type", one) for one in options)):
        refuse_unknown(where, text, (*names, *known), hint)
    images = [IMAGE] if stimuli.factor else []
    drawn = {name for needs in stimuli.functions for name in needs}
    for needs in stimuli.functions:
        if not needs:
            raise InvalidInput("images= has a function without arguments", hint="Let it take factors: lambda price: ….")
    if factors or drawn:  # an alt text with braces is left alone where nothing is varied
        for name in stimuli.needs:
            if name not in (*names, *images):
                raise InvalidInput(
                    f"an image needs {name!r}, which is no factor", hint=f"Varied are: {', '.join(names) or 'none'}."
                )
    used = {*names_in(question, *options), *stimuli.needs}
    for name in names:
        if name not in used:
            raise InvalidInput(
                f"nothing uses the factor {name!r}",
                hint=f"Write {{{name}}} in the question, an option or an alt text, or draw images by it: "
                f"images=lambda {name}: ….",
            )


def _model_names(lab: Lab, models: Any) -> dict[str, str]:
    """Open the models and return for each name, as frames tell it, what ``Call.model`` says."""
    if isinstance(models, str) or not isinstance(models, Sequence):
        raise InvalidInput(f"models={models!r} is no list", hint='Give models=["openai:gpt-5-mini", "openai:gpt-5"].')
    named: dict[str, str] = {}
    for model in models:
        name = open_further(lab.engine, lab.settings, model)
        told = name or lab.model
        if told in named:
            raise InvalidInput(f"models= names {told} twice", hint="Name each model once.")
        named[told] = name
    if len(named) == 1:
        raise InvalidInput(
            f"models= names one model, {next(iter(named))}, so it does not vary",
            hint="Name at least two, or open the lab with it: tk.Lab(model).",
        )
    return named


def _model_factor(named: Mapping[str, str]) -> Factor:
    return Factor(MODEL, tuple(named))
