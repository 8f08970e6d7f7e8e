"""What a panel said to a survey: one row a person, and the answers to each question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.display import Result
from toolkit.display.html import cut, table
from toolkit.engine import Outcome
from toolkit.errors import InvalidInput, InvalidReply
from toolkit.personas.attribute import nearest
from toolkit.questions.answers import Answers, Asked, Row
from toolkit.questions.asker import shown_images, shown_options

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.models import Message
    from toolkit.questions.survey import Question
    from toolkit.questions.talks import Put, Talk

__all__ = ["COLUMNS", "SurveyAnswers"]

COLUMNS = ("persona", "name", "repeat", "status")
"""Columns that the frame has besides those of questions."""
_STATUS = ("ok", "invalid", "failed", "not_run", "skipped")
_LISTED = 12
"""Questions that a repr lists."""


class SurveyAnswers(Result):
    """What a panel said to a survey.

    Columns of ``frame``, one row for each person and repeat: ``persona``, ``name``, ``repeat``, the columns of each
    question (``<question>`` for the answer, ``<question>_<column>`` for all else) and ``status``: the worst of all
    questions asked of this person. What was skipped or failed is missing. ``answers["score"]`` is an ``Answers``.

    Example:
        >>> panel = generate_personas(3, "us-adults-2012", detail="facts", lab=lab)
        >>> from toolkit.questions import Question
        >>> from toolkit.questions.survey import survey
        >>> said = survey(panel, [Question("score", "How good is tea?", Scale(1, 5))], lab=lab)
        >>> len(said), int(said["score"].summary()["n"].iloc[0])
        (3, 3)
    """

    def __init__(
        self,
        *,
        questions: Sequence[Question],
        asked: Mapping[str, Asked],
        talks: Sequence[Talk],
        ended: Sequence[Mapping[str, Outcome | None]],
        **rest: Any,
    ) -> None:
        flat = [outcome for one in ended for outcome in one.values() if outcome is not None]
        super().__init__(outcomes=flat, **rest)
        self.questions = tuple(questions)
        self._asked = asked
        self._talks = talks
        self._ended = ended
        self._of: dict[str, Answers] = {}

    def __len__(self) -> int:
        """Return the number of rows: people times repeats."""
        return len(self._talks)

    def __getitem__(self, name: str) -> Answers:
        """Return the answers to one question, of those who were asked it.

        Raises:
            InvalidInput: There is no such question.
        """
        if name not in self._asked:
            known = list(self._asked)
            raise InvalidInput(
                f"the survey has no question {name!r}", hint=f"There are: {', '.join(known)}{nearest(name, known)}."
            )
        if name not in self._of:
            self._of[name] = self._answers(name)
        return self._of[name]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The answers, one row for each person and repeat."""
        import pandas as pd

        columns: dict[str, Any] = {
            "persona": [talk.persona.id for talk in self._talks],
            "name": [talk.persona.name for talk in self._talks],
            "repeat": [talk.repeat + 1 for talk in self._talks],
        }
        for one in self.questions:
            answer = self._asked[one.name].answer
            values = [_value(ended[one.name]) for ended in self._ended]
            for name in answer.columns:
                given = [None if value is None else value[name] for value in values]
                columns[column_of(one.name, name)] = answer.typed(pd.Series(given, dtype=object, name=name)).rename(
                    None
                )
        worst = [max((_status(outcome) for outcome in one.values()), key=_WORSE.index) for one in self._ended]
        columns["status"] = pd.Categorical(worst, _STATUS)
        return pd.DataFrame(columns)

    @cached_property
    def long(self) -> pd.DataFrame:
        """One row for each person and question.

        Columns: persona, name, repeat, question, place, answer, why, status, shown, model. ``place`` is the place in
        which this person got the question, from 1; ``answer`` is text, and of an answer of several columns all of them.
        """
        import pandas as pd

        rows = []
        for talk, ended in zip(self._talks, self._ended, strict=True):
            places = {step.name: place for place, step in enumerate(talk.steps, start=1)}
            for one in self.questions:
                outcome, put = ended[one.name], talk.put.get(one.name)
                value = _value(outcome) or {}
                rows.append(
                    (
                        talk.persona.id,
                        talk.persona.name,
                        talk.repeat + 1,
                        one.name,
                        places[one.name],
                        _told(value),
                        value.get("why"),
                        _status(outcome),
                        shown_options(put.condition, put.looks) if put is not None else "",
                        outcome.reply.model if outcome is not None and outcome.reply is not None else "",
                    )
                )
        names = ["persona", "name", "repeat", "question", "place", "answer", "why", "status", "shown", "model"]
        frame = pd.DataFrame(rows, columns=names)
        frame["question"] = pd.Categorical(frame["question"], [one.name for one in self.questions], ordered=True)
        frame["status"] = pd.Categorical(frame["status"], _STATUS)
        return frame.astype({"answer": "str", "why": "str"})

    def summary(self) -> pd.DataFrame:
        """Return for each question how it went: question, asked, ok, invalid, failed, not_run, skipped."""
        import pandas as pd

        counts = pd.crosstab(self.long["question"], self.long["status"], dropna=False)
        counts = counts.reindex(columns=list(_STATUS), fill_value=0)
        counts.insert(0, "asked", counts.drop(columns="skipped").sum(axis=1))
        counts.columns.name = None
        return counts.reset_index()

    def codebook(self) -> pd.DataFrame:
        """Return what each column of ``frame`` holds: column, type, values, meaning, rule."""
        import pandas as pd

        rows = [
            ("persona", "id of the persona, unique in the panel", "", ""),
            ("name", "the persona's name", "", ""),
            ("repeat", "which going through the survey, from 1", "", ""),
        ]
        for one in self.questions:
            answer = self._asked[one.name].answer
            for name in answer.columns:
                more = answer.meaning(name)
                column = column_of(one.name, name)
                rows.append(
                    (column, f"{one.question} · {more}" if more else one.question, answer.values(name), one.rule)
                )
        rows.append(("status", "the worst of all questions asked of this person", ", ".join(_STATUS), ""))
        made = [
            (name, str(self.frame[name].dtype), self._levels(name) or values, told, rule)
            for name, told, values, rule in rows
        ]
        return pd.DataFrame(made, columns=["column", "type", "values", "meaning", "rule"])

    def _levels(self, name: str) -> str:
        dtype = self.frame[name].dtype
        return ", ".join(map(str, dtype.categories)) if hasattr(dtype, "categories") else ""

    def _answers(self, name: str) -> Answers:
        rows, outcomes = [], []
        for talk, ended in zip(self._talks, self._ended, strict=True):
            outcome, put = ended[name], talk.put.get(name)
            if outcome is None or put is None:
                continue
            seen = shown_options(put.condition, put.looks), shown_images(put.condition, put.looks)
            rows.append(Row(talk.persona, talk.repeat, put.condition, 1, seen[0], "", _Sent(put)))
            outcomes.append(outcome)
        return Answers(asked=self._asked[name], rows=rows, outcomes=outcomes, report=self.report, lab=self.lab)

    # --- how it shows ---

    def _title(self) -> str:
        people = len({talk.persona.id for talk in self._talks})
        return f"Survey of {len(self.questions)} questions ({people:,} asked)"

    def _body(self) -> str:
        asked = self.summary()
        asked.insert(1, "text", [cut(one.question, 100) for one in self.questions])
        once = (self.frame["repeat"] == 1).all()
        return table(asked, _LISTED) + table(self.frame.drop(columns="repeat") if once else self.frame)

    def __repr__(self) -> str:
        """Return the survey as plain text: how each question went, and what to know."""
        head, *rest = super().__repr__().split("\n")
        lines = [f"  {line}" for line in self.summary().head(_LISTED).to_string(index=False).split("\n")]
        return self._clean("\n".join([head, *rest[:1], *lines, *rest[1:]]))


class _Sent:
    """Returns what was sent when a question was put."""

    def __init__(self, put: Put) -> None:
        self._put = put

    def __call__(self) -> tuple[Message, ...]:
        return self._put.messages


_WORSE = ("skipped", "ok", "invalid", "failed", "not_run")
"""From the best to the worst."""


def column_of(question: str, column: str) -> str:
    """Return what a column of an answer is called in the frame of a survey.

    Example:
        >>> column_of("score", "answer"), column_of("score", "why")
        ('score', 'score_why')
    """
    return question if column == "answer" else f"{question}_{column}"


def _value(outcome: Outcome | None) -> Mapping[str, Any] | None:
    value: Mapping[str, Any] | None = outcome.value if outcome is not None and outcome.ok else None
    return value


def _told(value: Mapping[str, Any]) -> str | None:
    """Return an answer as one text."""
    told = {name: one for name, one in value.items() if name != "why"}
    if not told:
        return None
    return (
        str(told["answer"]) if list(told) == ["answer"] else ", ".join(f"{name}: {one}" for name, one in told.items())
    )


def _status(outcome: Outcome | None) -> str:
    if outcome is None:
        return "skipped"
    if not outcome.ended:
        return "not_run"
    if outcome.error is None:
        return "ok"
    return "invalid" if isinstance(outcome.error, InvalidReply) else "failed"
