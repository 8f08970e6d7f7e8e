"""What every record of evolutions is: a strict pydantic model, and how a fault in one is told in a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolkit.errors import InvalidInput
from toolkit.redact import scrub

__all__ = ["Name", "Strict", "checked", "each_line", "fault_of", "read_json"]

_SHOWN = 60
"""Characters of a value that a message shows."""

Name = Annotated[str, Field(min_length=1)]
"""A text that says something."""


class Strict(BaseModel):
    """A record whose types are taken as they are and whose unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


M = TypeVar("M", bound=BaseModel)


def checked(model: type[M], value: Any, place: str) -> M:
    """Return a record of a value, or the one line that says what is wrong with it and where.

    Args:
        model: Which record.
        value: A record already, or what JSON holds.
        place: Where the value stands, for the message.

    Raises:
        InvalidInput: It is no such record.

    Example:
        >>> class Thing(Strict):
        ...     name: Name
        >>> checked(Thing, {"name": "desk"}, "line 1").name
        'desk'
    """
    if isinstance(value, model):
        return value
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidInput(f"{place}: {fault_of(error)}", hint="Correct it there.") from error


def fault_of(error: ValidationError) -> str:
    """Return what is wrong with a record in one line, without its content beyond a few words."""
    told = []
    for fault in error.errors()[:3]:
        name = ".".join(str(part) for part in fault["loc"])
        given = fault["input"]
        shown = f" (given {scrub(repr(given))[:_SHOWN]})" if isinstance(given, (str, int, float)) else ""
        told.append(f"{name or 'the record'}: {fault['msg'].removeprefix('Value error, ').rstrip('.')}{shown}")
    return "; ".join(told)


def read_json(path: Path, what: str) -> Any:
    """Return what a JSON file holds.

    Raises:
        InvalidInput: It cannot be read, or is no JSON.
    """
    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise InvalidInput(
            f"{what} {path.name} cannot be read: {error.strerror or error}", hint="Check the path."
        ) from error
    except ValueError as error:
        raise InvalidInput(f"{what} {path.name} is no JSON: {error}", hint="Check commas and quotes there.") from error


def each_line(path: Path, what: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a JSON-lines file with their numbers, blank ones left out; never more than one is held.

    Raises:
        InvalidInput: It cannot be read.
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line.strip()
    except OSError as error:
        raise InvalidInput(
            f"{what} {path.name} cannot be read: {error.strerror or error}", hint="Check the path."
        ) from error
