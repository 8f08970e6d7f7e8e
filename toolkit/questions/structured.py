"""Answers with the fields of a pydantic model, and the door that takes every kind of answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput, InvalidReply
from toolkit.models import Schema
from toolkit.models.repair import mended
from toolkit.questions._kind import ASKS_WHY, WHY_LENGTH, Answer
from toolkit.questions._strict_schema import strict_schema

if TYPE_CHECKING:
    import pandas as pd
    from pydantic import BaseModel

__all__ = ["TAKEN", "Structured", "to_answer"]

TAKEN = ("persona", "name", "repeat", "status", "shown", "model")
"""Columns that every frame of answers has; a field of the same name gets the column ``answer_<name>``."""

_DTYPES = {"integer": "Int64", "number": "float64", "boolean": "boolean", "string": "str"}


class Structured(Answer):
    """An answer with the fields of a pydantic model; the frame has one column a field.

    A field whose name the frame needs itself (``persona``, ``name``, ``repeat``, ``status``, ``shown``, ``model``) has
    the column ``answer_<field>``. Whole numbers, numbers, truth values, texts and enumerations come in their own dtype.

    Args:
        model: The class; its schema is compiled once, here.
        why: Ask for a reason in a sentence as well.

    Raises:
        InvalidInput: The class cannot be held to by a provider's strict schemas; the message names the field. Or it has
            a field ``why`` of its own, and a reason is asked for.

    Example:
        >>> from pydantic import BaseModel
        >>> class Mood(BaseModel):
        ...     word: str
        ...     strength: int
        >>> Structured(Mood).read({"word": "calm", "strength": 3})
        {'word': 'calm', 'strength': 3}
    """

    def __init__(self, model: type[BaseModel], *, why: bool = False) -> None:
        self.model = model
        self.why = why
        body = strict_schema(model)
        if why and "why" in {*model.model_fields, *body["properties"]}:
            raise InvalidInput(f"{model.__name__} has a field 'why' of its own", hint="Leave why=True out.")
        self._body = body
        self._schema = Schema(re.sub(r"[^A-Za-z0-9_-]", "_", model.__name__)[:64], _with_reason(body) if why else body)
        self._columns = {name: f"answer_{name}" if name in TAKEN else name for name in model.model_fields}
        doubled = [name for name in self._columns if list(self._columns.values()).count(name) > 1]
        if doubled:
            raise InvalidInput(f"{model.__name__} has two fields for the column {doubled[0]!r}", hint="Rename one.")

    @property
    def schema(self) -> Schema:
        """The model's own schema, closed, with every field required."""
        return self._schema

    @property
    def instruction(self) -> str:
        """Tell the respondent how to answer."""
        return "Answer by filling in each field." + (ASKS_WHY if self.why else "")

    @property
    def columns(self) -> tuple[str, ...]:
        """One column a field, in the model's order, and ``why``."""
        return (*self._columns.values(), *(("why",) if self.why else ()))

    def read(self, value: Any) -> dict[str, Any]:
        """Return the fields, as JSON values.

        Raises:
            InvalidReply: The value does not fit the model, its own validators included.
        """
        from pydantic import ValidationError

        fields = value = mended(value)
        if self.why and isinstance(value, Mapping):
            fields = {name: inner for name, inner in value.items() if name != "why"}
        try:
            filled = self.model.model_validate(fields)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(str(part) for part in fault["loc"]) or self.model.__name__
            why = " ".join(str(fault["msg"]).split())[:200]
            raise InvalidReply(f"the reply does not fit {self.model.__name__}: {where}: {why}") from error
        held = filled.model_dump(mode="json", by_alias=False)
        return self._with_why({column: held.get(name) for name, column in self._columns.items()}, value)

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return a field's column in its own dtype; lists and nested models stay as they are."""
        import pandas as pd

        if self.why and column.name == "why":
            return column.astype("str")
        form = self._forms.get(str(column.name), {})
        options = form.get("enum", [form["const"]] if "const" in form else None)
        if options is not None:
            return column.astype(pd.CategoricalDtype(list(options), ordered=True))
        dtype = _DTYPES.get(str(form.get("type")))
        try:
            return column if dtype is None else column.astype(dtype)  # type: ignore[call-overload]  # a name of a dtype
        except (OverflowError, TypeError, ValueError):  # a validator's own value, or a number beyond 64 bits
            return column

    def meaning(self, column: str) -> str:
        """Say which field it is."""
        return super().meaning(column) if self.why and column == "why" else column

    @cached_property
    def _forms(self) -> dict[str, Mapping[str, Any]]:
        """The schema of each column, references followed and "or nothing" taken off."""
        body = self._body
        definitions = body.get("$defs", {})
        return {
            column: _form(inner, definitions)
            for column, inner in zip(self._columns.values(), body["properties"].values(), strict=True)
        }


def to_answer(given: Any) -> Answer:
    """Return the answer type a verb was given: one of ours, or a pydantic model class.

    Raises:
        InvalidInput: It is neither.

    Example:
        >>> from toolkit.questions import Scale
        >>> to_answer(Scale(1, 7)).columns
        ('answer',)
    """
    if isinstance(given, Answer):
        return given
    if isinstance(given, type):
        from pydantic import BaseModel

        if issubclass(given, BaseModel):
            return Structured(given)
    shown = repr(given)
    raise InvalidInput(
        f"answer={shown if len(shown) <= 80 else shown[:79] + '…'} is no answer type",  # noqa: PLR2004  # one line
        hint='Give Choice(["a", "b"]), Scale(1, 5), Text(), another of the answer types or a pydantic model class.',
    )


def _with_reason(body: Mapping[str, Any]) -> dict[str, Any]:
    reason = {"type": "string", "maxLength": WHY_LENGTH}
    return {**body, "properties": {**body["properties"], "why": reason}, "required": [*body["required"], "why"]}


def _form(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        return _form(definitions[str(schema["$ref"]).rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        forms = [one for one in schema["anyOf"] if one.get("type") != "null"]
        return _form(forms[0], definitions) if len(forms) == 1 else {}
    return schema
