"""Follow-ups: a further question to respondents, in the conversation they were in."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.models import Call, Message, Reply
from toolkit.personas import Persona
from toolkit.questions._checks import checked_manner, checked_number, question_text
from toolkit.questions.answer import Answer, Text
from toolkit.questions.answers import Answers, Asked, Row
from toolkit.questions.asker import Asker, said, shown_images, shown_options
from toolkit.questions.condition import Condition, conditions_of
from toolkit.questions.descriptions import described, description_notes
from toolkit.questions.logprobs import Distribution
from toolkit.questions.placeholders import fill
from toolkit.questions.structured import to_answer
from toolkit.questions.wording import Detail
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    from toolkit.display import Report
    from toolkit.engine import Budget, Outcome
    from toolkit.lab import Lab

__all__ = ["follow_up"]


@verb
def follow_up(
    answers: Answers,
    question: str,
    *,
    who: Any = None,
    answer: Answer | type[Any] = Text(),  # noqa: B008  # frozen, so it is safe to share
    images: Any = (),
    shuffle: bool = True,
    detail: Detail = "auto",
    max_side: int = 768,
    seed: int | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
) -> Job[Answers]:
    """Ask respondents a further question; each is shown the whole conversation up to here.

    Args:
        answers: What they said before.
        question: The question; ``{answer}``, or another column of the answer, is filled in by what each said.
        who: Whom: nobody left out when not given; a function of a row of ``answers.frame``; a column of truth values
            (``answers.frame["answer"] == "tea"``); rows of the frame; or personas or their ids. Only valid answers
            can be followed up.
        answer: ``Choice``, ``Scale``, ``Text`` and the others, or a pydantic model class.
        images: Images shown with it, as ``ask`` takes them.
        shuffle: Show the options in another order to each person.
        detail: How closely the provider is asked to look at images: ``low``, ``high``, ``auto``.
        max_side: Longest side of the images as sent, in pixels.
        seed: For orders and the model's draws; the lab's when not given.
        budget: What this run may spend, as ``ask`` takes it.
        strict: Raise ``Incomplete`` at the end when anything failed.

    Returns:
        ``Answers`` with a row for each row that was followed up, with its factors and repeat.

    Raises:
        InvalidInput: Nobody is left to ask, the answers came without a lab, or an argument cannot be used.

    Example:
        >>> panel = generate_personas(4, "us-adults-2012", detail="facts", lab=lab)
        >>> first = ask(panel, "Tea or coffee?", answer=Choice(["tea", "coffee"]), lab=lab)
        >>> list(first.follow_up("Why {answer}?", who=[panel[0]]).frame["persona"])
        ['p0001']
    """
    if not isinstance(answers, Answers) or answers.lab is None:
        raise InvalidInput("there are no answers with a lab to follow up", hint="Give what ask() returned.")
    if isinstance(answers.asked.answer, Distribution):
        raise InvalidInput("a distribution is no reply that could be followed up", hint="Ask with method='reply'.")
    text = question_text(question)
    lab = answers.lab
    number = lab.seed if seed is None else checked_number("seed", seed, "is no seed", least=None)
    kind = to_answer(answer)
    made = conditions_of(
        lab,
        text,
        kind,
        images,
        vary={},
        models=(),
        factorial="full",
        max_side=max_side,
        seed=number,
        known=answers.asked.answer.columns,
    )
    if made.factors:
        raise InvalidInput("a follow-up varies nothing, so images= cannot be a factor", hint="Give a list of images.")
    manner = checked_manner(shuffle, shuffle_images=False, detail=detail, max_side=max_side, prompt=None)
    told = described(lab, [dataclasses.replace(made.cells[0], model=row.condition.model) for row in answers.rows])
    manner = dataclasses.replace(manner, told=told)
    return _FollowUp(
        lab,
        answers,
        _chosen(answers, who),
        made.cells[0],
        Asked.of(text, kind, made.cells),
        Asker(lab, number, manner),
        seed=seed,
        strict=strict,
        budget=budget,
    )


class _FollowUp(Job[Answers]):
    name = "follow_up"

    def __init__(
        self,
        lab: Lab,
        before: Answers,
        places: Sequence[int],
        condition: Condition,
        asked: Asked,
        asker: Asker,
        *,
        seed: int | None,
        strict: bool,
        budget: Any,
    ) -> None:
        super().__init__(lab, seed=seed, strict=strict, budget=budget)
        self._before = before
        self._places = places
        self._condition = condition
        self._asked = asked
        self._asker = asker

    def __len__(self) -> int:
        return len(self._places)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the result must say about who answers, and about images."""
        return (*super().notes, *description_notes(self._asker.manner.told))

    def calls(self) -> Iterator[Call]:
        """Make one call for each row that is followed up."""
        for place in self._places:
            row, condition = self._before.rows[place], self._put(place)
            looks = self._asker.looks(row.persona, condition)
            messages = self._sent(place)
            repeats = max(one.repeat for one in self._before.rows)
            item = "/".join(
                part for part in (row.persona.id, row.condition.name, str(row.repeat + 1) if repeats else "") if part
            )
            yield self._asker.call(row.persona, condition, looks, messages, repeat=row.repeat, item=item)

    def accept(self, call: Call, reply: Reply) -> Any:  # noqa: ARG002  # all calls ask the same
        """Read the answer, or refuse it."""
        return self._condition.answer.read(reply.value)

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> Answers:
        """Put the answers into a result."""
        rows = []
        for place in self._places:
            row, condition = self._before.rows[place], self._put(place)
            looks = self._asker.looks(row.persona, condition)
            rows.append(
                Row(
                    row.persona,
                    row.repeat,
                    row.condition,
                    row.order,
                    shown_options(condition, looks),
                    shown_images(condition, looks) if self._asker.manner.shuffle_images else "",
                    partial(self._sent, place),
                )
            )
        return Answers(
            asked=self._asked,
            rows=rows,
            outcomes=outcomes,
            report=report,
            lab=self.lab,
            again=self,
            assignment=self._before.assignment,
        )

    def _put(self, place: int) -> Condition:
        """Return the question as this row gets it: asked of the model that answered before."""
        told = self._before.outcomes[place].value
        question = fill(self._condition.question, {name: _plain(value) for name, value in told.items()})
        return dataclasses.replace(self._condition, question=question, model=self._before.rows[place].condition.model)

    def _sent(self, place: int) -> tuple[Message, ...]:
        row, condition = self._before.rows[place], self._put(place)
        reply = self._before.outcomes[place].reply
        assert row.talk is not None and reply is not None  # noqa: PT018, S101  # only valid answers are followed up
        looks = self._asker.looks(row.persona, condition)
        return self._asker.messages(row.persona, condition, looks, (*row.talk(), said(reply)))


def _chosen(answers: Answers, who: Any) -> list[int]:
    """Return the places of the rows to follow up."""
    wanted = _wanted(answers, who)
    valid = [outcome.ok and row.talk is not None for outcome, row in zip(answers.outcomes, answers.rows, strict=True)]
    places = [place for place, one in enumerate(wanted) if one and valid[place]]
    if not places:
        some = any(wanted)
        raise InvalidInput(
            "none of those chosen gave a valid answer to follow up" if some else "who= chooses nobody to follow up",
            hint="Look at answers.frame; answers.retry() asks again what failed."
            if some
            else "Choose at least one row.",
        )
    return places


def _wanted(answers: Answers, who: Any) -> list[bool]:
    import pandas as pd

    frame = answers.frame
    if who is None:
        return [True] * len(frame)
    if isinstance(who, pd.DataFrame):
        return list(frame.index.isin(who.index))
    if isinstance(who, pd.Series):
        return _mask(who, len(frame))
    if callable(who):
        return [bool(who(row)) for _, row in frame.iterrows()]
    return _people(frame, who)


def _mask(who: Any, length: int) -> list[bool]:
    from pandas.api.types import is_bool_dtype

    if len(who) != length or not is_bool_dtype(who):
        raise InvalidInput(
            f"who= is a column of {len(who):,} values, not one truth value for each of {length:,} rows",
            hint='Give answers.frame["answer"] == "tea", say.',
        )
    return [bool(one) for one in who.fillna(value=False)]


def _people(frame: Any, who: Any) -> list[bool]:
    several: Collection[Any] = (who,) if isinstance(who, (str, Persona)) else who
    if not isinstance(several, Collection):
        raise InvalidInput(
            f"who={who!r} chooses nobody", hint="Give a function, a column of truth values, or personas."
        )
    ids = {one.id if isinstance(one, Persona) else one for one in several}
    known = set(frame["persona"])
    for one in several:
        name = one.id if isinstance(one, Persona) else one
        if name not in known:
            raise InvalidInput(f"who= names {name!r}, who was not asked", hint="Give ids of answers.frame['persona'].")
    return list(frame["persona"].isin(ids))


def _plain(value: Any) -> str:
    return "" if value is None else str(value)
