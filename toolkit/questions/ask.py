"""Ask a panel one question: about images or not, alike for all or varied, once or again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.lab import current_lab
from toolkit.personas import Panel, Persona
from toolkit.questions._asked_of import people_of
from toolkit.questions._checks import checked_manner, checked_number, one_of, question_text
from toolkit.questions.answer import Answer, Text
from toolkit.questions.answers import Answers, Asked
from toolkit.questions.asking import Apart, InTurn
from toolkit.questions.condition import Conditions, conditions_of
from toolkit.questions.descriptions import described
from toolkit.questions.design import Assignment, DesignKind, assign
from toolkit.questions.logprobs import Distribution
from toolkit.questions.structured import to_answer
from toolkit.questions.talks import Memory
from toolkit.questions.wording import Detail
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    from toolkit.engine import Budget
    from toolkit.lab import Lab

__all__ = ["ask"]

_METHODS = ("reply", "logprobs")


@verb
def ask(
    panel: Panel | Persona | Sequence[Persona],
    question: str,
    *,
    images: Any = (),
    answer: Answer | type[Any] = Text(),  # noqa: B008  # frozen, so it is safe to share
    design: DesignKind | Assignment = "within",
    vary: Mapping[str, Any] = {},  # never changed
    models: Sequence[Any] = (),
    factorial: str | int = "full",
    blocks: Sequence[str] = (),
    memory: Memory = "none",
    method: str = "reply",
    balance: bool = False,
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
) -> Job[Answers]:
    """Ask each persona of a panel one question.

    What is varied (``vary``, ``models``, images by label) makes conditions: one for each combination of levels. The
    frame has a column for each factor.

    Args:
        panel: Who is asked: a panel, one persona or several.
        question: The question. ``{price}`` is filled in by the factor ``price``, ``{image:plain}`` by the image of that
            label.
        images: Nothing, one image or several, shown to everyone in this order: paths, bytes, data URIs, PIL images,
            numpy arrays, matplotlib figures, ``tk.Image(path, alt="…")``. ``[("plain", "a.png"), …]`` labels them.
            ``{"A": "a.png", "B": "b.png"}`` is the factor ``image``, one condition each, unless the question places
            them by ``{image:A}``: then all are shown there. ``lambda price: figure`` draws one by factors. A model
            without eyes is given the ``alt`` text, or what a machine can read, and the result says so.
        answer: ``Choice``, ``Scale``, ``Ranking`` and the others, or a pydantic model class.
        design: ``within``: every person meets every condition, in a seeded order of its own. ``between``: every person
            meets one, balanced. Or the ``assignment`` of an earlier result.
        vary: Levels by factor: ``{"price": [3, 4, 5]}``, filled into question, options, alt texts and functions that
            draw images.
        models: Models to ask, as the factor ``asked_model``: ``["openai:gpt-5-mini", "openai:gpt-5"]``.
        factorial: ``full``: all combinations; ``fraction``: a balanced part that tells the main effects apart; or how
            many conditions.
        blocks: Attributes within whose levels ``between`` balances conditions: ``["sex"]``.
        memory: ``none``: a person meets each condition as if it were the only one. ``full``: as one conversation.
        method: ``reply``: the answer is written. ``logprobs``: a ``Choice`` or ``Scale`` is answered as a distribution,
            by one output token.
        balance: With ``logprobs`` ask twice, the options the other way round, and take the mean.
        shuffle: Show the options in another order to each person; the order shown is recorded.
        shuffle_images: Show the images in another order to each person; the order shown is recorded.
        repeats: How often each person is asked, independently.
        detail: How closely the provider is asked to look at images: ``low``, ``high``, ``auto``.
        max_side: Longest side of the images as sent, in pixels; they are only ever made smaller.
        prompt: A template of your own, as text or a ``Path``, with sections ``=== system ===`` and ``=== user ===``. It
            may use ``question``, ``instruction``, ``persona``, ``options`` (each with ``id`` and ``pictures``),
            ``pictures`` (each with ``number`` and ``label``; ``image(picture)`` shows one) and ``example``.
            ``tk.preview`` shows how it differs from the shipped one.
        seed: For orders, assignments and the model's draws; the lab's when not given.
        lab: Where; the current lab when not given.
        budget: What this run may spend: ``"2 USD"``, ``"50_000 tokens"``, ``"100 requests"`` or
            ``Budget("2 USD", soft=True)``; what was not asked for want of it is a row of ``errors``.
        strict: Raise ``Incomplete`` at the end when anything failed, instead of returning failures as rows.
        allow_partial: Accept a panel that is incomplete.

    Returns:
        ``Answers`` with one row for each person, condition and repeat. A reply that does not parse is an invalid row,
        never a default; other failures are rows of ``errors`` as well.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        Interrupted: ■ was pressed; what finished is in ``.result``.

    Example:
        >>> panel = generate_personas(3, "us-adults-2012", detail="facts", lab=lab)
        >>> answers = ask(panel, "Tea or coffee?", answer=Choice(["tea", "coffee"]), lab=lab)
        >>> list(answers.frame.columns)
        ['persona', 'name', 'repeat', 'answer', 'status', 'shown', 'model']
        >>> prices = ask(panel, "Buy it for {price} $?", answer=Choice(["yes", "no"]), vary={"price": [3, 4]}, lab=lab)
        >>> len(prices), [str(level) for level in prices.frame["price"].cat.categories]
        (6, ['3', '4'])
    """
    people = people_of(panel, allow_partial=allow_partial)
    text = question_text(question)
    checked_number("repeats", repeats, "asks nobody")
    one_of("method", method, _METHODS)
    one_of("memory", memory, ("none", "full"))
    here = current_lab(lab)
    whole = to_answer(answer)
    if method == "logprobs":
        whole = Distribution(whole)  # type: ignore[arg-type]  # it refuses what is neither
    manner = checked_manner(shuffle, shuffle_images, detail, max_side, prompt)
    number = here.seed if seed is None else checked_number("seed", seed, "is no seed", least=None)
    conditions = conditions_of(
        here,
        text,
        whole,
        images,
        vary=vary,
        models=models,
        factorial=factorial,
        max_side=max_side,
        seed=number,
    )
    manner = dataclasses.replace(manner, told=described(here, conditions.cells))
    plan = _planned(people, conditions, design, blocks, number)
    _check_method(here, conditions, method, memory, balance=balance)
    given: dict[str, Any] = {
        "asked": Asked.of(text, whole, conditions.cells),
        "people": people,
        "conditions": conditions,
        "plan": plan,
        "repeats": repeats,
        "manner": manner,
        "lab": here,
        "seed": seed,
        "strict": strict,
        "budget": budget,
    }
    job: Job[Answers] = InTurn(**given) if memory == "full" else Apart(balance=balance, **given)
    return job


def _planned(
    people: Sequence[Persona], conditions: Conditions, design: Any, blocks: Sequence[str], seed: int
) -> Assignment:
    """Return who meets what, drawn anew or as an earlier assignment says."""
    if isinstance(design, Assignment):
        design.covers(people, conditions.factors)
        return design
    one_of("design", design, ("within", "between"))
    if design == "between" and not conditions.factors:
        raise InvalidInput(
            "design='between' needs something that differs between people",
            hint='Give vary={"price": [3, 4]}, images={"A": …, "B": …} or models=[…].',
        )
    if blocks and design != "between":
        raise InvalidInput("blocks= balance who meets what, which takes design='between'", hint="Leave blocks out.")
    met, block = assign(people, len(conditions.cells), design, seed=seed, blocks=blocks)
    crossing = conditions.crossing
    return Assignment(
        design, seed, crossing.factors, crossing.cells, met, tuple(blocks), block, crossing.full, crossing.d_efficiency
    )


def _check_method(lab: Lab, conditions: Conditions, method: str, memory: Memory, *, balance: bool) -> None:
    if balance and method != "logprobs":
        raise InvalidInput("balance=True is for method='logprobs'", hint="shuffle=True varies the order of options.")
    if memory == "full" and not conditions.factors:
        raise InvalidInput("memory='full' needs several conditions to remember", hint="Give vary=, or use tk.survey.")
    if memory == "full" and (method == "logprobs" or conditions.models):
        what = "method='logprobs'" if method == "logprobs" else "models="
        raise InvalidInput(f"memory='full' makes conversations, which {what} cannot", hint="Use memory='none'.")
    for one in conditions.cells if method == "logprobs" else ():
        model = (lab.engine.others[one.model] if one.model else lab.engine).model
        if not model.abilities.logprobs:
            raise InvalidInput(
                f"{model.identity} gives no log-probabilities", hint="Ask with method='reply', or another model."
            )
