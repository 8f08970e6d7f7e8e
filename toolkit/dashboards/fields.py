"""Fields of a form: for each parameter of a verb a widget, and how what it holds becomes an argument."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.errors import InvalidInput

__all__ = ["Field", "fields_of"]

_MOST = 1_000_000
_LONG = frozenset({"question", "context"})
_FIRST = ("panel", "question", "images", "answer", "n", "population", "detail", "services", "evolutions", "catalogues")
"""Parameters that stand at the top, in this order; the rest are under More."""
_NOT_ASKED = frozenset({"lab"})
_ANSWERS = ("Text", "Choice", "MultiChoice", "Ranking", "Scale", "Number")
_WITH_OPTIONS = frozenset({"Choice", "MultiChoice", "Ranking"})
_MAY_BE = "may be left empty; text, a path, or JSON"
_WIDE = {"width": "620px"}
_LABEL = {"description_width": "150px"}


@dataclass(slots=True)
class Field:
    """One parameter of the form."""

    name: str
    widget: Any
    read: Callable[[], Any]
    """Returns the argument, or raises ``InvalidInput``."""
    watched: tuple[Any, ...]
    """What changes when somebody edits it."""
    first: bool
    """Whether it stands at the top."""
    required: bool


def fields_of(make: Callable[..., Any], given: Mapping[str, Any]) -> list[Field]:
    """Return the fields of a verb's parameters, without those that are given as objects.

    Args:
        make: What makes the verb's job.
        given: Arguments that are settled, or, where a field can hold them, what it begins with.

    Raises:
        InvalidInput: The verb has no such parameter.
    """
    parameters = inspect.signature(make).parameters
    unknown = sorted(set(given) - set(parameters))
    if unknown:
        raise InvalidInput(f"the verb has no parameter {unknown[0]!r}", hint=f"It has: {', '.join(parameters)}.")
    found = []
    for name, parameter in parameters.items():
        start = given.get(name, parameter.default)
        if name in _NOT_ASKED or (name in given and not _editable(start)):
            continue
        found.append(_field(name, _type(make, parameter.annotation), start, parameter.default))
    order = {name: place for place, name in enumerate(_FIRST)}
    return sorted(found, key=lambda field: order.get(field.name, len(order)))


def _editable(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _type(make: Callable[..., Any], annotation: Any) -> Any:
    """Return a parameter's type; nothing where it names what is only known to type checkers."""
    holder = type("Held", (), {"__annotations__": {"one": annotation}})
    try:
        return typing.get_type_hints(holder, globalns=getattr(make, "__globals__", {}))["one"]
    except (NameError, TypeError, SyntaxError):
        return None


def _field(name: str, kind: Any, start: Any, default: Any) -> Field:
    import ipywidgets as widgets

    required = default is inspect.Parameter.empty
    first = required or name in _FIRST
    common = {"description": name.replace("_", " "), "style": _LABEL}
    begin = None if start is inspect.Parameter.empty else start
    if name == "answer":
        return _answer(widgets, common)
    if kind is bool or isinstance(begin, bool):
        box = widgets.Checkbox(value=bool(begin), **common)
        return Field(name, box, lambda: box.value, (box,), first, required)
    choices = _literals(kind)
    if choices:
        value = begin if begin in choices else choices[0]
        menu = widgets.Dropdown(options=choices, value=value, **common)
        return Field(name, menu, lambda: menu.value, (menu,), first, required)
    if kind is int:
        count = widgets.BoundedIntText(value=10 if begin is None else begin, min=0, max=_MOST, **common)
        return Field(name, count, lambda: int(count.value), (count,), first, required)
    shown = "" if begin is None or not _editable(begin) else str(begin)
    line = (widgets.Textarea if name in _LONG else widgets.Text)(
        value=shown, placeholder=_hint(begin, required=required), layout=_WIDE, **common
    )
    return Field(name, line, lambda: _parsed(name, line.value, default, kind), (line,), first, required)


def _literals(kind: Any) -> list[Any]:
    """Return the values of a ``Literal``, also of one among several types."""
    parts = [kind, *typing.get_args(kind)]
    return [value for part in parts if typing.get_origin(part) is typing.Literal for value in typing.get_args(part)]


def _hint(begin: Any, *, required: bool) -> str:
    if required:
        return "needed; text, a path, or JSON"
    return f"as usual ({begin!r})"[:60] if begin else _MAY_BE


def _parsed(name: str, text: str, default: Any, kind: Any) -> Any:
    """Return what a line of text stands for: JSON where it looks like it, a number where one is wanted, else text."""
    text = text.strip()
    if not text:
        if default is inspect.Parameter.empty:
            raise InvalidInput(f"{name} is empty", hint="Fill it in.")
        return default
    if text[0] in "[{":
        try:
            return json.loads(text)
        except ValueError as error:
            raise InvalidInput(f"{name} is no JSON: {error}", hint='Write ["a.png", "b.png"], for example.') from error
    parts = {kind, *typing.get_args(kind)}
    return _number(name, text, or_text=str in parts) if parts & {int, float} else text


def _number(name: str, text: str, *, or_text: bool) -> int | float | str:
    try:
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError as error:
        if or_text:
            return text
        raise InvalidInput(
            f"{name} is {text!r}, which is no number", hint="Give a number, or leave it empty."
        ) from error


def _answer(widgets: Any, common: Mapping[str, Any]) -> Field:
    """Return the field of an answer type: its kind, and its options where it has any."""
    from toolkit import questions

    kind = widgets.Dropdown(options=_ANSWERS, value="Choice", **common)
    options = widgets.Textarea(
        value="yes\nno", description="options", placeholder="one a line", layout=_WIDE, style=_LABEL
    )
    low = widgets.IntText(value=1, description="from", style=_LABEL)
    high = widgets.IntText(value=5, description="to", style=_LABEL)
    why = widgets.Checkbox(value=False, description="ask why", style=_LABEL)

    def show(_: Any = None) -> None:
        options.layout.display = "" if kind.value in _WITH_OPTIONS else "none"
        for one in (low, high):
            one.layout.display = "" if kind.value in {"Scale", "Number"} else "none"
        why.layout.display = "none" if kind.value == "Text" else ""

    def read() -> Any:
        made = getattr(questions, kind.value)
        more = {"why": True} if why.value and kind.value != "Text" else {}
        if kind.value in _WITH_OPTIONS:
            return made([line.strip() for line in options.value.splitlines() if line.strip()], **more)
        return made() if kind.value == "Text" else made(low.value, high.value, **more)

    kind.observe(show, "value")
    show()
    box = widgets.VBox([kind, options, low, high, why])
    return Field("answer", box, read, (kind, options, low, high, why), first=True, required=False)
