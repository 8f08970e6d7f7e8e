"""Answers: what a panel said to one question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.display import Result
from toolkit.display.html import LARGEST_REPR, bars, table
from toolkit.engine import Outcome
from toolkit.errors import InvalidInput, InvalidReply
from toolkit.questions.answer import Answer, Choice, Scale
from toolkit.questions.summary import summarise

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from toolkit.media import Image
    from toolkit.personas import Persona

__all__ = ["Answers", "Asked"]

_PRECISION = "Intervals say how exactly this model was measured: more simulated people make them narrower, not truer."


@dataclass(frozen=True)
class Asked:
    """One question, with all that was shown."""

    question: str
    answer: Answer
    images: tuple[Image, ...] = ()


class Answers(Result):
    """What a panel said: one row for each person and repeat, in the panel's order.

    Columns of ``frame``: ``persona`` (id), ``name``, ``repeat`` (from 1), the answer's columns (``answer``, ``why``, or
    a pydantic model's fields), ``status`` (``ok``, ``invalid``, ``failed``, ``not_run``), ``shown`` (the options in the
    order this person saw, joined by ``|``), ``model`` (who answered).
    """

    def __init__(
        self,
        *,
        asked: Asked,
        rows: Sequence[tuple[Persona, int]],
        shown: Sequence[str],
        outcomes: Sequence[Outcome],
        **rest: Any,
    ) -> None:
        super().__init__(outcomes=outcomes, **rest)
        self.asked = asked
        self._rows = rows
        self._shown = shown

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The answers, one row each; answers that are missing are missing, never defaults."""
        import pandas as pd

        names = self.asked.answer.columns
        values = [outcome.value if outcome.ok else None for outcome in self._outcomes]
        columns: dict[str, Any] = {
            "persona": [persona.id for persona, _ in self._rows],
            "name": [persona.name for persona, _ in self._rows],
            "repeat": [repeat + 1 for _, repeat in self._rows],
        }
        for name in names:
            columns[name] = pd.Series([None if value is None else value[name] for value in values], dtype=object)
        columns["status"] = pd.Categorical(
            [_status(outcome) for outcome in self._outcomes], ["ok", "invalid", "failed", "not_run"]
        )
        columns["shown"] = list(self._shown)
        columns["model"] = [outcome.reply.model if outcome.reply else "" for outcome in self._outcomes]
        frame = pd.DataFrame(columns)
        if "answer" in names:
            frame["answer"] = self.asked.answer.typed(frame["answer"])
        if "why" in names:
            frame["why"] = frame["why"].astype("str")
        return frame

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._outcomes)

    def summary(self) -> pd.DataFrame:
        """Return the answers in numbers; only valid ones count.

        For a choice one row an option: n, share, low, high (95 % interval by E. B. Wilson, 1927). For a scale one row:
        n, mean, sd, low, high (95 % interval of the mean, Student's t), median. For text one row: n, different,
        mean_characters. For a pydantic model one row a field: n, different, and the mean where it is a number.
        """
        return summarise(self.asked.answer, self.frame)

    def plot(self) -> Figure:
        """Return a matplotlib figure of the answers: bars with intervals for a choice, the distribution of a scale.

        Raises:
            InvalidInput: The answers are not of a kind that has a picture.
        """
        from toolkit.questions.plot import plot_choice, plot_scale

        answer = self.asked.answer
        if isinstance(answer, Choice):
            return plot_choice(self.asked.question, self.summary())
        if isinstance(answer, Scale):
            return plot_scale(self.asked.question, answer, self.frame["answer"])
        raise InvalidInput(
            f"answers of type {type(answer).__name__} have no plot", hint="Look at .frame or .summary()."
        )

    def codebook(self) -> pd.DataFrame:
        """Return what each column of ``frame`` holds: column, type, values, meaning."""
        import pandas as pd

        answer, asked = self.asked.answer, self.asked.question
        values = {"answer": ", ".join(answer.options)}
        if isinstance(answer, Scale):
            values["answer"] = f"{answer.low} to {answer.high}"
        meaning = {
            "persona": "id of the persona, unique in the panel",
            "name": "the persona's name",
            "repeat": "which asking of the same question, from 1",
            "answer": asked,
            "why": "the reason given",
            "status": "ok; invalid: replied, but no answer to the question; failed: no reply; not_run: stopped before",
            "shown": "options in the order in which this person saw them",
            "model": "provider:model that answered",
        }
        rows = [
            (name, str(self.frame[name].dtype), values.get(name, ""), meaning.get(name, f"{asked} · {name}"))
            for name in self.frame.columns
        ]
        return pd.DataFrame(rows, columns=["column", "type", "values", "meaning"])

    # --- how it shows ---

    def _title(self) -> str:
        return f"{self.asked.question} ({len(self):,} asked)"

    def _facts(self) -> list[str]:
        invalid = sum(isinstance(outcome.error, InvalidReply) for outcome in self._outcomes)
        facts = super()._facts()
        return [*facts[:2], f"{invalid:,} invalid", *facts[2:]] if invalid else facts

    def _notes(self) -> list[str]:
        notes = super()._notes()
        told = {note for outcome in self._outcomes if outcome.reply for note in outcome.reply.notes}
        notes += sorted(told)
        if isinstance(self.asked.answer, (Choice, Scale)):
            notes.append(_PRECISION)
        return notes

    def _body(self) -> str:
        pieces = [_thumbnails(self.asked.images), self._bars()]
        shown = [name for name in self.frame.columns if name not in {"repeat", "shown", "model"}]
        pieces.append(table(self.frame[shown]))
        return "".join(pieces)

    def _bars(self) -> str:
        answer = self.asked.answer
        if isinstance(answer, Choice):
            summary = self.summary()
            values = [
                f"{share:.0%}  ({low:.0%} to {high:.0%}), n = {n}" if summary["n"].any() else "n = 0"
                for n, share, low, high in summary[["n", "share", "low", "high"]].itertuples(index=False, name=None)
            ]
            return bars(list(summary["option"].astype(str)), list(summary["share"].fillna(0.0)), values)
        if isinstance(answer, Scale) and answer.high - answer.low <= 10:  # noqa: PLR2004  # eleven bars fit a card
            counts = self.frame["answer"].value_counts()
            total = max(1, int(counts.sum()))
            levels = list(range(answer.low, answer.high + 1))
            found = [int(counts.get(level, 0)) for level in levels]
            return bars([str(level) for level in levels], [n / total for n in found], [str(n) for n in found])
        return ""

    def __repr__(self) -> str:
        """Return the answers as plain text: what was asked, the summary, what to know."""
        head, *rest = super().__repr__().split("\n")
        if not self.frame["status"].eq("ok").any():
            return "\n".join([head, *rest])
        summary = self.summary().to_string(index=False, float_format="{:.3g}".format)
        return "\n".join([head, *rest[:1], *(f"  {line}" for line in summary.split("\n")), *rest[1:]])


def _status(outcome: Outcome) -> str:
    if not outcome.ended:
        return "not_run"
    if outcome.error is None:
        return "ok"
    return "invalid" if isinstance(outcome.error, InvalidReply) else "failed"


def _thumbnails(images: Sequence[Image]) -> str:
    """Return the images side by side, as far as a repr has room for them."""
    pieces: list[str] = []
    room = LARGEST_REPR // 2
    for place, image in enumerate(images, start=1):
        uri = image.normal(max_side=160).data_uri
        room -= len(uri)
        if room < 0:
            pieces.append(f"<div>… and {len(images) - place + 1} more images</div>")
            break
        pieces.append(f'<img src="{uri}" alt="image {place}" style="max-height:140px;margin:4px 8px 4px 0">')
    return f'<div style="display:flex;align-items:end">{"".join(pieces)}</div>' if pieces else ""
