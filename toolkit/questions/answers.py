"""Answers: what a panel said to one question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.engine import Outcome
from toolkit.errors import InvalidReply
from toolkit.questions import _answers_repr as shows
from toolkit.questions.answer import BETWEEN, Answer
from toolkit.questions.examined import Examined
from toolkit.questions.logprobs import Distribution
from toolkit.questions.summary import summarise

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from toolkit.media import Image
    from toolkit.models import Message
    from toolkit.personas import Persona
    from toolkit.questions.condition import Condition
    from toolkit.questions.design import Assignment

__all__ = ["Answers", "Asked", "Row"]


@dataclass(frozen=True)
class Asked:
    """One question, with all that was shown."""

    question: str
    answer: Answer
    images: tuple[Image, ...] = ()
    labels: tuple[str, ...] = ()
    """What the images are called, where they have names."""

    @classmethod
    def of(cls, question: str, answer: Answer, conditions: Sequence[Condition]) -> Asked:
        """Return the question with the images of all its conditions, each once."""
        shown: dict[Image, str] = {}
        for condition in conditions:
            for one in condition.stimuli:
                level = str(condition.levels["image"]) if "image" in condition.levels else ""
                shown.setdefault(one.image, one.label or level)
        return cls(question, answer, tuple(shown), tuple(shown.values()))


@dataclass(slots=True)
class Row:
    """One row of answers: who was asked what, and what that person saw."""

    persona: Persona
    repeat: int
    condition: Condition
    order: int = 1
    """As the how manieth condition this person met it, from 1."""
    shown: str = ""
    """Options in the order shown."""
    images: str = ""
    """Images in the order shown."""
    talk: Callable[[], tuple[Message, ...]] | None = None
    """Returns what was sent; nothing where it never was."""

    def see(self, shown: str, images: str) -> None:
        """Note what was shown, and in which order."""
        self.shown, self.images = shown, images


class Answers(Examined):
    """What a panel said: one row for each person, condition and repeat, in the panel's order.

    Columns of ``frame``: ``persona`` (id), ``name``, ``repeat`` (from 1), one for each factor that was varied with
    ``condition`` and ``order`` (as the how manieth this person met it), the answer's columns (``answer``, ``why``, or
    a pydantic model's fields), ``status`` (``ok``, ``invalid``, ``failed``, ``not_run``), ``shown`` (the options in the
    order this person saw, joined by ``" | "``), ``images`` (where their order was shuffled), ``model`` (who answered).

    Attributes:
        asked: The question.
        rows: Who was asked what, and saw what, in order.
        assignment: Who met which condition; ``None`` where nothing was varied.

    Example:
        >>> panel = generate_personas(6, "us-adults-2012", detail="facts", lab=lab)
        >>> answers = ask(panel, "Tea or coffee?", answer=Choice(["tea", "coffee"]), lab=lab)
        >>> len(answers), int(answers.summary()["n"].sum())
        (6, 6)
    """

    def __init__(
        self,
        *,
        asked: Asked,
        rows: Sequence[Row],
        outcomes: Sequence[Outcome],
        assignment: Assignment | None = None,
        **rest: Any,
    ) -> None:
        super().__init__(outcomes=outcomes, **rest)
        self.asked = asked
        self.assignment = assignment
        self.rows = rows

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """How each row ended, in order."""
        return self._outcomes

    @property
    def people(self) -> tuple[Persona, ...]:
        """Who was asked, each once."""
        return tuple({row.persona.id: row.persona for row in self.rows}.values())

    @property
    def factors(self) -> tuple[str, ...]:
        """The names of what was varied."""
        return tuple(factor.name for factor in self.assignment.factors) if self.assignment is not None else ()

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The answers, one row each; answers that are missing are missing, never defaults."""
        import pandas as pd

        answer, rows = self.asked.answer, self.rows
        values = [outcome.value if outcome.ok else None for outcome in self._outcomes]
        columns: dict[str, Any] = {
            "persona": [row.persona.id for row in rows],
            "name": [row.persona.name for row in rows],
            "repeat": [row.repeat + 1 for row in rows],
        }
        for factor in self.assignment.factors if self.assignment is not None else ():
            levels = [row.condition.levels[factor.name] for row in rows]
            columns[factor.name] = pd.Categorical(levels, list(factor.levels), ordered=True)
        if self.assignment is not None:
            names = [row.condition.name for row in rows]
            columns["condition"] = pd.Categorical(names, list(self.assignment.conditions), ordered=True)
            columns["order"] = [row.order for row in rows]
        for name in answer.columns:
            given = [None if value is None else value[name] for value in values]
            columns[name] = answer.typed(pd.Series(given, dtype=object, name=name))
        columns["status"] = pd.Categorical(
            [_status(outcome) for outcome in self._outcomes], ["ok", "invalid", "failed", "not_run"]
        )
        columns["shown"] = [row.shown for row in rows]
        if any(row.images for row in rows):
            columns["images"] = [row.images for row in rows]
        columns["model"] = [outcome.reply.model if outcome.reply else "" for outcome in self._outcomes]
        return pd.DataFrame(columns)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._outcomes)

    def summary(self, by: str | Sequence[str] = ()) -> pd.DataFrame:
        """Return the answers in numbers, with 95 % intervals where there are such; only valid ones count.

        What the columns are for each kind of answer: see ``toolkit.questions.summary.summarise``; for distributions see
        ``toolkit.questions.logprobs.Distribution``. Who answered more than once counts once.

        Args:
            by: A factor, another column of ``frame`` or an attribute of the personas, or several: one summary for each
                of its levels, below one another, the levels in columns of their own.

        Raises:
            InvalidInput: There is no such column or attribute.

        Example:
            >>> panel = generate_personas(6, "us-adults-2012", detail="facts", lab=lab)
            >>> answers = ask(
            ...     panel, "Buy it for {price} $?", answer=Choice(["yes", "no"]), vary={"price": [3, 4]}, lab=lab
            ... )
            >>> answers.summary(by="price")[["price", "option"]].values.tolist()
            [[3, 'yes'], [3, 'no'], [4, 'yes'], [4, 'no']]
        """
        names = (by,) if isinstance(by, str) else tuple(by)
        return self._summarised(self.frame) if not names else shows.summary_by(self, names, self._summarised)

    def _summarised(self, frame: pd.DataFrame) -> pd.DataFrame:
        answer = self.asked.answer
        return answer.summary(frame) if isinstance(answer, Distribution) else summarise(answer, frame)

    def plot(self, by: str = "") -> Figure:
        """Return a matplotlib figure of the answers as their kind asks for; or of how they differ between levels.

        Args:
            by: A factor, another column of ``frame`` or an attribute of the personas, to compare its levels.

        Raises:
            InvalidInput: The answers are not of a kind that has a picture, or there is no such column or attribute.
        """
        from toolkit.questions.plot import plot_answers
        from toolkit.questions.plot_by import plot_by, plot_shares

        answer, question = self.asked.answer, self.asked.question
        if by:
            return plot_by(question, answer, by, self.summary(by))
        if isinstance(answer, Distribution):
            return plot_shares(question, self.summary())
        return plot_answers(question, answer, self.frame, self.summary())

    def follow_up(self, question: str, **rest: Any) -> Answers:
        """Ask respondents a further question, in the conversation they were in.

        Args:
            question: The question; ``{answer}`` is filled in by what each said.
            rest: What ``toolkit.questions.follow_up.follow_up`` takes: ``who``, ``answer``, ``images`` …

        Returns:
            ``Answers`` of those who were asked, which can be followed up in turn.

        Raises:
            InvalidInput: Nobody is left to ask, or an argument cannot be used.

        Example:
            >>> panel = generate_personas(6, "us-adults-2012", detail="facts", lab=lab)
            >>> answers = ask(panel, "Tea or coffee?", answer=Choice(["tea", "coffee"]), lab=lab)
            >>> why = answers.follow_up("Why {answer}?", who=lambda row: row["answer"] == "tea")
            >>> len(why) == int((answers.frame["answer"] == "tea").sum())
            True
        """
        from toolkit.questions.follow_up import follow_up

        return follow_up(self, question, **rest)

    def codebook(self) -> pd.DataFrame:
        """Return what each column of ``frame`` holds: column, type, values, meaning."""
        import pandas as pd

        answer, asked = self.asked.answer, self.asked.question
        meaning = {
            "persona": "id of the persona, unique in the panel",
            "name": "the persona's name",
            "repeat": "which asking of the same question, from 1",
            "condition": "the levels under which it was asked",
            "order": "as the how manieth condition this person met it, from 1",
            "status": "ok; invalid: replied, but no answer to the question; failed: no reply; not_run: stopped before",
            "shown": f"options in the order in which this person saw them, joined by {BETWEEN!r}",
            "images": f"images in the order in which this person saw them, joined by {BETWEEN!r}",
            "model": "provider:model that answered",
            **dict.fromkeys(self.factors, "factor that was varied"),
        }
        rows = []
        for name in self.frame.columns:
            column = self.frame[name]
            listed = ", ".join(map(str, column.cat.categories)) if isinstance(column.dtype, pd.CategoricalDtype) else ""
            told = meaning.get(name)
            if name in answer.columns:
                more = answer.meaning(name)
                told, listed = (
                    (f"{asked} · {more}" if more and name != "why" else more or asked),
                    answer.values(name) or listed,
                )
            rows.append((name, str(column.dtype), listed, told or ""))
        return pd.DataFrame(rows, columns=["column", "type", "values", "meaning"])

    # --- how it shows ---

    def _title(self) -> str:
        return shows.title(self)

    @property
    def repeats(self) -> int:
        """How often each person was asked."""
        return max((row.repeat for row in self.rows), default=0) + 1

    def _facts(self) -> list[str]:
        invalid = sum(isinstance(outcome.error, InvalidReply) for outcome in self._outcomes)
        facts = super()._facts()
        return [*facts[:2], f"{invalid:,} invalid", *facts[2:]] if invalid else facts

    def _notes(self) -> list[str]:
        return [*super()._notes(), *shows.notes(self, [one.reply for one in self._outcomes if one.reply])]

    def _body(self) -> str:
        return shows.body(self)

    def __repr__(self) -> str:
        """Return the answers as plain text: what was asked, the summary, what to know."""
        return self._clean(shows.text(self, super().__repr__()))


def _status(outcome: Outcome) -> str:
    if not outcome.ended:
        return "not_run"
    if outcome.error is None:
        return "ok"
    return "invalid" if isinstance(outcome.error, InvalidReply) else "failed"
