"""Answer types: what a respondent may say, the schema that holds a model to it, and how it is read back."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput, InvalidReply
from toolkit.models import Schema

if TYPE_CHECKING:
    import pandas as pd
    from pydantic import BaseModel

__all__ = ["Answer", "Choice", "Scale", "Structured", "Text", "to_answer"]

WHY_LENGTH = 200
"""Characters of a reason; enough for a sentence or two."""


class Answer(abc.ABC):
    """A kind of answer. Subclasses write their own stable schema, so that its bytes do not drift with a library."""

    why: bool = False
    """Whether a reason is asked as well."""

    @property
    def options(self) -> tuple[str, ...]:
        """What the respondent chooses among, in declared order; empty where there is nothing to choose."""
        return ()

    @cached_property
    @abc.abstractmethod
    def schema(self) -> Schema:
        """The reply's schema, in declared option order whatever order is shown."""

    @property
    @abc.abstractmethod
    def instruction(self) -> str:
        """Tell the respondent how to answer, in one or two sentences."""

    @abc.abstractmethod
    def read(self, value: Any) -> dict[str, Any]:
        """Return the columns of one answer.

        Raises:
            InvalidReply: The value is no answer to this question; it becomes an invalid row, never a default.
        """

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that ``read`` returns."""
        return ("answer", "why") if self.why else ("answer",)

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return an answer column in its own dtype."""
        return column

    def _reasoned(self, properties: dict[str, Any], name: str) -> Schema:
        if self.why:
            properties = {**properties, "why": {"type": "string", "maxLength": WHY_LENGTH}}
        body = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        return Schema(name, body)

    def _with_why(self, answer: Any, value: Mapping[str, Any]) -> dict[str, Any]:
        return {"answer": answer, "why": str(value.get("why", "")).strip()} if self.why else {"answer": answer}


@dataclass(frozen=True)
class Choice(Answer):
    """One of several options.

    Args:
        choices: At least two different labels, in the order in which frames and plots list them.
        why: Ask for a reason in a sentence as well.

    Raises:
        InvalidInput: Fewer than two options, an empty one, or one given twice.

    Example:
        >>> Choice(["plain", "bold"]).read({"choice": "bold"})
        {'answer': 'bold'}
    """

    choices: Sequence[str]
    why: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.choices, str):
            raise InvalidInput(f"Choice({self.choices!r}) is one text", hint='Give a list: Choice(["yes", "no"]).')
        labels = tuple(str(label).strip() for label in self.choices)
        if len(labels) < 2:  # noqa: PLR2004  # a choice needs two
            raise InvalidInput(f"Choice has {len(labels)} option(s): {list(labels)}", hint="Give at least two.")
        for place, label in enumerate(labels):
            if not label:
                raise InvalidInput(f"option {place + 1} of Choice is empty", hint="Give each option a label.")
            if label.casefold() in {other.casefold() for other in labels[:place]}:
                raise InvalidInput(f"Choice has the option {label!r} twice", hint="Give each option once.")
        object.__setattr__(self, "choices", labels)

    @property
    def options(self) -> tuple[str, ...]:
        """The labels, in declared order."""
        return tuple(self.choices)

    @cached_property
    def schema(self) -> Schema:
        """``{"choice": label}``, and ``why``."""
        return self._reasoned({"choice": {"type": "string", "enum": list(self.choices)}}, "choice")

    @property
    def instruction(self) -> str:
        """Tell how to choose."""
        return "Choose exactly one of the options." + (" Say why in one short sentence." if self.why else "")

    def read(self, value: Any) -> dict[str, Any]:
        """Return the chosen label; case and outer spaces do not matter."""
        chosen = value.get("choice") if isinstance(value, Mapping) else None
        for label in self.choices:
            if isinstance(chosen, str) and chosen.strip().casefold() == label.casefold():
                return self._with_why(label, value)
        raise InvalidReply(f"the reply chooses {chosen!r}, which is none of the options {list(self.choices)}")

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return an ordered categorical in declared order."""
        import pandas as pd

        return column.astype(pd.CategoricalDtype(list(self.choices), ordered=True))


@dataclass(frozen=True)
class Scale(Answer):
    """A whole number on a rating scale.

    Args:
        low: Lowest number, for example 1.
        high: Highest number, for example 5.
        labels: What the two ends mean, for example ``("not at all", "very much")``.
        why: Ask for a reason in a sentence as well.

    Raises:
        InvalidInput: The scale has fewer than two points or more than 101.

    Example:
        >>> Scale(1, 7, labels=("dislike", "like")).read({"score": 6})
        {'answer': 6}
    """

    low: int = 1
    high: int = 5
    labels: tuple[str, str] | None = None
    why: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.high - self.low <= 100:  # noqa: PLR2004  # 0 to 100 is the longest scale in use
            raise InvalidInput(
                f"Scale({self.low}, {self.high}) has {max(0, self.high - self.low + 1)} points",
                hint="Give 2 to 101 points, for example Scale(1, 7).",
            )

    @cached_property
    def schema(self) -> Schema:
        """``{"score": whole number}``, and ``why``."""
        return self._reasoned({"score": {"type": "integer", "minimum": self.low, "maximum": self.high}}, "scale")

    @property
    def instruction(self) -> str:
        """Tell how to rate."""
        ends = f" ({self.low} = {self.labels[0]}, {self.high} = {self.labels[1]})" if self.labels else ""
        asks = " Say why in one short sentence." if self.why else ""
        return f"Answer with a whole number from {self.low} to {self.high}{ends}.{asks}"

    def read(self, value: Any) -> dict[str, Any]:
        """Return the number."""
        score = value.get("score") if isinstance(value, Mapping) else None
        if not isinstance(score, int) or isinstance(score, bool) or not self.low <= score <= self.high:
            raise InvalidReply(f"the reply rates {score!r}, which is not on the scale {self.low} to {self.high}")
        return self._with_why(score, value)

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return whole numbers, with missing ones as ``<NA>``."""
        return column.astype("Int64")


@dataclass(frozen=True)
class Text(Answer):
    """Free text.

    Args:
        max_characters: Longest answer.

    Example:
        >>> Text().read({"answer": " I like it. "})
        {'answer': 'I like it.'}
    """

    max_characters: int = 600

    def __post_init__(self) -> None:
        if self.max_characters < 1:
            raise InvalidInput(f"Text(max_characters={self.max_characters}) allows no text", hint="Give at least 1.")

    @cached_property
    def schema(self) -> Schema:
        """``{"answer": text}``."""
        return self._reasoned({"answer": {"type": "string", "maxLength": self.max_characters}}, "text")

    @property
    def instruction(self) -> str:
        """Tell how to answer."""
        return "Answer in your own words, in one to three sentences."

    def read(self, value: Any) -> dict[str, Any]:
        """Return the text."""
        text = value.get("answer") if isinstance(value, Mapping) else None
        if not isinstance(text, str) or not text.strip():
            raise InvalidReply("the reply holds no text")
        return {"answer": text.strip()}

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return text."""
        return column.astype("str")


class Structured(Answer):
    """An answer with the fields of a pydantic model; the frame has one column a field.

    Args:
        model: The class; its schema is compiled once.

    Example:
        >>> from pydantic import BaseModel
        >>> class Mood(BaseModel):
        ...     word: str
        ...     strength: int
        >>> Structured(Mood).read({"word": "calm", "strength": 3})
        {'word': 'calm', 'strength': 3}
    """

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model

    @cached_property
    def schema(self) -> Schema:
        """The model's own schema, closed, with every field required."""
        return Schema(self.model.__name__[:64], _closed(self.model.model_json_schema()))

    @property
    def instruction(self) -> str:
        """Tell how to answer."""
        return "Answer by filling in each field."

    @property
    def columns(self) -> tuple[str, ...]:
        """The model's fields."""
        return tuple(self.model.model_fields)

    def read(self, value: Any) -> dict[str, Any]:
        """Return the fields, as JSON values."""
        from pydantic import ValidationError

        try:
            filled = self.model.model_validate(value)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(str(part) for part in fault["loc"]) or self.model.__name__
            raise InvalidReply(f"the reply does not fit {self.model.__name__}: {where}: {fault['msg']}") from error
        return filled.model_dump(mode="json")


def to_answer(given: Any) -> Answer:
    """Return the answer type a verb was given: one of ours, or a pydantic model class.

    Raises:
        InvalidInput: It is neither.
    """
    if isinstance(given, Answer):
        return given
    if isinstance(given, type):
        from pydantic import BaseModel

        if issubclass(given, BaseModel):
            return Structured(given)
    raise InvalidInput(
        f"answer={given!r} is no answer type",
        hint='Give Choice(["a", "b"]), Scale(1, 5), Text() or a pydantic model class.',
    )


def _closed(schema: Any) -> Any:
    """Return a schema in which no object takes further keys and every key is required, as providers demand."""
    if isinstance(schema, list):
        return [_closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {
        name: _closed(inner) for name, inner in schema.items() if name not in {"default", "title", "properties"}
    }
    if "properties" in schema:
        closed["properties"] = {name: _closed(inner) for name, inner in schema["properties"].items()}
        closed["required"] = list(schema["properties"])
        closed["additionalProperties"] = False
    return closed
