"""Answers: what a panel said to one question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from toolkit.display import Result
from toolkit.display.html import LARGEST_REPR, bars, cut, table
from toolkit.engine import Outcome
from toolkit.errors import InvalidInput, InvalidReply
from toolkit.questions.answer import BETWEEN, Answer, Choice, Scale
from toolkit.questions.summary import summarise

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from toolkit.media import Image
    from toolkit.personas import Persona

__all__ = ["Answers", "Asked"]

_PRECISION = "Intervals say how exactly this model was measured: more simulated people make them narrower, not truer."
_REPEATED = "Each person was asked {} times; intervals count every answer as independent, so they are too narrow."
_LONGEST_TITLE = 300
_NOTES = 5
"""Different notes of replies that a repr tells."""
_BARS = 30
"""Options that a repr draws or lists."""
_COLUMNS = 12
"""Columns of the table in a repr."""


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
    order this person saw, joined by ``" | "``), ``model`` (who answered).

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

        answer = self.asked.answer
        values = [outcome.value if outcome.ok else None for outcome in self._outcomes]
        columns: dict[str, Any] = {
            "persona": [persona.id for persona, _ in self._rows],
            "name": [persona.name for persona, _ in self._rows],
            "repeat": [repeat + 1 for _, repeat in self._rows],
        }
        for name in answer.columns:
            given = [None if value is None else value[name] for value in values]
            columns[name] = answer.typed(pd.Series(given, dtype=object, name=name))
        columns["status"] = pd.Categorical(
            [_status(outcome) for outcome in self._outcomes], ["ok", "invalid", "failed", "not_run"]
        )
        columns["shown"] = list(self._shown)
        columns["model"] = [outcome.reply.model if outcome.reply else "" for outcome in self._outcomes]
        return pd.DataFrame(columns)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._outcomes)

    def summary(self) -> pd.DataFrame:
        """Return the answers in numbers; only valid ones count.

        For a choice one row an option: n, share, low, high (95 % interval by E. B. Wilson, 1927). For a scale one row:
        n, mean, sd, low, high (95 % interval of the mean, Student's t), median. For text one row: n, different,
        mean_characters. For a pydantic model one row a field: field, n, different, and the mean where it is a number.

        With ``repeats`` every answer counts as independent of the others, which makes the intervals too narrow.
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
        values = {
            name: ", ".join(map(str, self.frame[name].cat.categories))
            for name in self.frame.columns
            if isinstance(self.frame[name].dtype, pd.CategoricalDtype)
        }
        if isinstance(answer, Scale):
            values["answer"] = f"{answer.low} to {answer.high}"
        meaning = {
            "persona": "id of the persona, unique in the panel",
            "name": "the persona's name",
            "repeat": "which asking of the same question, from 1",
            "answer": asked,
            "why": "the reason given",
            "status": "ok; invalid: replied, but no answer to the question; failed: no reply; not_run: stopped before",
            "shown": f"options in the order in which this person saw them, joined by {BETWEEN!r}",
            "model": "provider:model that answered",
        }
        rows = [
            (name, str(self.frame[name].dtype), values.get(name, ""), meaning.get(name, f"{asked} · {name}"))
            for name in self.frame.columns
        ]
        return pd.DataFrame(rows, columns=["column", "type", "values", "meaning"])

    # --- how it shows ---

    def _title(self) -> str:
        repeats = self._repeats()
        people = f"{len(self) // repeats:,} asked" + (f", {repeats} times each" if repeats > 1 else "")
        return f"{cut(self.asked.question, _LONGEST_TITLE)} ({people})"

    def _repeats(self) -> int:
        return max((repeat for _, repeat in self._rows), default=0) + 1

    def _facts(self) -> list[str]:
        invalid = sum(isinstance(outcome.error, InvalidReply) for outcome in self._outcomes)
        facts = super()._facts()
        return [*facts[:2], f"{invalid:,} invalid", *facts[2:]] if invalid else facts

    def _notes(self) -> list[str]:
        notes = super()._notes()
        told = {note for outcome in self._outcomes if outcome.reply for note in outcome.reply.notes}
        notes += sorted(told)[:_NOTES]
        if len(told) > _NOTES:
            notes.append(f"… and {len(told) - _NOTES:,} more notes of replies.")
        if isinstance(self.asked.answer, (Choice, Scale)):
            notes.append(_PRECISION)
            if self._repeats() > 1:
                notes.append(_REPEATED.format(self._repeats()))
        return notes

    def _body(self) -> str:
        hidden = {"shown", "model"} | ({"repeat"} if self._repeats() == 1 else set())
        shown = [name for name in self.frame.columns if name not in hidden]
        if len(shown) > _COLUMNS:
            shown = [*shown[: _COLUMNS - 1], "status"]
        return "".join([_thumbnails(self.asked.images), self._picture(), table(self.frame[shown])])

    def _picture(self) -> str:
        answer = self.asked.answer
        if isinstance(answer, Choice):
            return self._share_bars()
        if isinstance(answer, Scale):
            return self._point_bars(answer)
        return ""

    def _share_bars(self) -> str:
        summary = self.summary()
        values = [
            f"{share:.0%}  ({low:.0%} to {high:.0%}), n = {n}" if summary["n"].any() else "n = 0"
            for n, share, low, high in summary[["n", "share", "low", "high"]].itertuples(index=False, name=None)
        ]
        labels = list(summary["option"].astype(str))
        more = len(labels) - _BARS
        tail = f'<div style="opacity:.75">… and {more:,} more options in .summary()</div>' if more > 0 else ""
        return bars(labels[:_BARS], list(summary["share"].fillna(0.0))[:_BARS], values[:_BARS]) + tail

    def _point_bars(self, answer: Scale) -> str:
        summary = self.summary().iloc[0]
        told = f"mean {summary['mean']:.2f}" if summary["n"] else "no valid answers"
        if summary["n"] > 1:
            told += f" (95 % interval {summary['low']:.2f} to {summary['high']:.2f}), median {summary['median']:g}"
        line = f'<div style="margin-top:6px">{told}</div>'
        if answer.high - answer.low > 10:  # noqa: PLR2004  # eleven bars fit a card
            return line
        counts = self.frame["answer"].value_counts()
        levels = list(range(answer.low, answer.high + 1))
        labels = [str(level) for level in levels]
        if answer.labels:
            labels[0], labels[-1] = f"{answer.labels[0]} {labels[0]}", f"{answer.labels[1]} {labels[-1]}"
        found = [int(counts.get(level, 0)) for level in levels]
        return line + bars(labels, [n / max(1, sum(found)) for n in found], [str(n) for n in found])

    def __repr__(self) -> str:
        """Return the answers as plain text: what was asked, the summary, what to know."""
        head, *rest = super().__repr__().split("\n")
        if not self.frame["status"].eq("ok").any():
            return "\n".join([head, *rest])
        summary = self.summary()
        table = summary.head(_BARS).to_string(
            index=False, float_format="{:.3g}".format, formatters={"option": lambda option: cut(str(option), 60)}
        )
        lines = [f"  {line}" for line in table.split("\n")]
        if len(summary) > _BARS:
            lines.append(f"  … and {len(summary) - _BARS:,} more rows in .summary()")
        return self._clean("\n".join([head, *rest[:1], *lines, *rest[1:]]))


def _status(outcome: Outcome) -> str:
    if not outcome.ended:
        return "not_run"
    if outcome.error is None:
        return "ok"
    return "invalid" if isinstance(outcome.error, InvalidReply) else "failed"


def _thumbnails(images: Sequence[Image]) -> str:
    """Return the images side by side with the numbers they had for the model, as far as a repr has room for them."""
    pieces: list[str] = []
    room = LARGEST_REPR // 2
    for place, image in enumerate(images, start=1):
        uri = image.normal(max_side=160).data_uri
        if len(uri) > room:
            uri = image.normal(max_side=160, format="jpeg", quality=70).data_uri
        room -= len(uri)
        if room < 0:
            pieces.append(f"<div>… and {len(images) - place + 1:,} more images</div>")
            break
        told = escape(cut(image.alt, 120)) or f"image {place}"
        pieces.append(
            f'<figure style="margin:4px 10px 4px 0"><img src="{uri}" alt="{told}" style="max-height:140px">'
            f'<figcaption style="opacity:.75">Image {place}</figcaption></figure>'
        )
    return f'<div style="display:flex;flex-wrap:wrap;align-items:end">{"".join(pieces)}</div>' if pieces else ""
