"""Every prompt is a file in this folder; this module loads and renders them."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

from toolkit.errors import InvalidInput

if TYPE_CHECKING:
    from jinja2 import Template as JinjaTemplate

__all__ = ["Prompt", "load", "mark", "parse"]

_T = TypeVar("_T")
_SECTION = re.compile(r"^=== (system|user|assistant) ===[ \t]*$", re.MULTILINE)
_WORD = secrets.token_hex(8)
"""Drawn anew by each process and part of an image's mark, so that no filled-in text can pose as an image."""
_IMAGE = re.compile(f"\ue000{_WORD}:([0-9]+)\ue001")
_PLAIN = (str, int, float, bool, type(None))
_KEPT = 64
"""Texts that a section keeps."""
_UNFIT = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a template raises where it is applied to values it does not fit, besides Jinja's own errors."""


class _Section:
    """One section. What stands before the varying text is the same for whole runs, so it is filled in once.

    Args:
        role: Who speaks.
        template: The text.
        names: What it is filled with; ``None`` where it varies from call to call.
    """

    __slots__ = ("_kept", "_names", "_template", "role")

    def __init__(self, role: str, template: JinjaTemplate, names: frozenset[str] | None) -> None:
        self.role = role
        self._template = template
        self._names = names
        self._kept: dict[tuple[Any, ...], str] = {}

    def filled(self, values: dict[str, Any]) -> _Filled | None:
        """Return what these values make of it, where they are all that it is filled with."""
        fits = self._names is not None and self._names <= values.keys()
        return _Filled(self.role, self._template.render(values).strip()) if fits else None

    def fill(self, values: dict[str, Any]) -> str:
        """Return the text with the values in place."""
        if self._names is None or not self._names <= values.keys():
            return self._template.render(values).strip()
        given = tuple(values[name] for name in self._names)
        if not all(isinstance(one, _PLAIN) for one in given):
            return self._template.render(values).strip()
        key = (*given, *map(type, given))  # 1 and True are equal, but do not read the same
        if key not in self._kept:
            if len(self._kept) == _KEPT:
                self._kept.clear()
            self._kept[key] = self._template.render(values).strip()
        return self._kept[key]


@dataclass(frozen=True, slots=True)
class _Filled:
    """A section that needs nothing more."""

    role: str
    text: str

    def filled(self, values: dict[str, Any]) -> _Filled:  # noqa: ARG002  # a section's signature
        return self

    def fill(self, values: dict[str, Any]) -> str:  # noqa: ARG002  # see above
        return self.text


@dataclass(frozen=True)
class Prompt:
    """One prompt file: sections ``=== system ===`` and ``=== user ===``, each a Jinja template, fixed text first.

    A template puts the image with index ``i`` where it says ``{{ image(i) }}``.
    """

    name: str
    """``questions.ask`` for ``questions.ask.md.j2``."""
    source: str
    sections: tuple[_Section | _Filled, ...]
    given: Mapping[str, Any] = field(default_factory=dict)
    """What ``begun`` was given; the other sections may use it too."""

    @cached_property
    def version(self) -> str:
        """``name@digest``: what a replay miss compares."""
        return f"{self.name}@{hashlib.sha256(self.source.encode()).hexdigest()[:12]}"

    def begun(self, **values: Any) -> Prompt:
        r"""Return the prompt with the sections filled in that these values, which stay the same, fill whole.

        Raises:
            InvalidInput: As ``render``.

        Example:
            >>> told = parse("mine", "=== system ===\nBe {{ tone }}.\n=== user ===\nHello {{ name }}.")
            >>> told.begun(tone="kind").render(name="Ada")
            [('system', ['Be kind.']), ('user', ['Hello Ada.'])]
        """
        given = {**values, "image": mark}
        begun = tuple(self._asked(one.filled, one, given) or one for one in self.sections)
        return Prompt(self.name, self.source, begun, given)

    def render(self, **values: Any) -> list[tuple[str, list[str | int]]]:
        """Return ``(role, parts)`` for each section that is not empty; a part is text, or the index of an image.

        Raises:
            InvalidInput: The template uses a name that is not given, or does with a value what cannot be done.
        """
        values = {**self.given, **values, "image": mark}
        turns: list[tuple[str, list[str | int]]] = []
        for section in self.sections:
            text = self._asked(section.fill, section, values)
            if text:
                turns.append((section.role, _split(text)))
        return turns

    def _asked(self, fill: Callable[[dict[str, Any]], _T], section: _Section | _Filled, values: dict[str, Any]) -> _T:
        """Have a section filled in; a fault says which."""
        from jinja2 import TemplateError

        try:
            return fill(values)
        except (TemplateError, *_UNFIT) as error:
            raise InvalidInput(
                f"the prompt {self.name} cannot be filled in: {error}", hint=f"Look at its section '{section.role}'."
            ) from error


def load(name: str) -> Prompt:
    """Return the prompt of this name from the package.

    Raises:
        InvalidInput: There is no such prompt.

    Example:
        >>> load("questions.ask").name
        'questions.ask'
    """
    return _load(name)


def parse(name: str, source: str) -> Prompt:
    r"""Return a prompt from template text, a researcher's own for example.

    Args:
        name: Stands in errors and in the version.
        source: The sections, each behind a line ``=== system ===``, ``=== user ===`` or ``=== assistant ===``.

    Raises:
        InvalidInput: There is no section, text before the first one, or a template that is not valid.

    Example:
        >>> parse("mine", "=== user ===\nHello {{ name }}.").render(name="Ada")
        [('user', ['Hello Ada.'])]
    """
    from jinja2 import StrictUndefined, TemplateSyntaxError
    from jinja2.meta import find_undeclared_variables
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # prompts are plain text, not HTML
    )
    source = source.replace("\r\n", "\n")
    before = _SECTION.split(source, maxsplit=1)[0].strip()
    if before:
        raise InvalidInput(
            f"the prompt {name} has text before its first section: {before[:40]!r}",
            hint="Begin it with a line '=== system ===' or '=== user ==='.",
        )
    sections = []
    headings = list(_SECTION.finditer(source))
    for heading in headings:
        following = _SECTION.search(source, heading.end())
        text = source[heading.end() : following.start() if following else None]
        try:
            names = None if heading is headings[-1] else frozenset(find_undeclared_variables(environment.parse(text)))
            sections.append(_Section(heading[1], environment.from_string(text), names))
        except TemplateSyntaxError as error:
            line = error.lineno + source.count("\n", 0, heading.end())
            raise InvalidInput(
                f"the prompt {name} is not a valid template: line {line}: {error.message}",
                hint="Jinja's syntax is meant: {{ name }}, {% if … %}.",
            ) from error
    if not sections:
        raise InvalidInput(f"the prompt {name} is empty", hint="Begin it with a line '=== user ==='.")
    return Prompt(name, source, tuple(sections))


@cache
def _load(name: str) -> Prompt:
    folder = files(__package__)
    known = sorted(path.name.removesuffix(".md.j2") for path in folder.iterdir() if path.name.endswith(".md.j2"))
    if name not in known:
        raise InvalidInput(f"there is no prompt {name!r}", hint=f"There are: {', '.join(known)}.")
    source = folder.joinpath(f"{name}.md.j2").read_text(encoding="utf-8")
    return parse(name, source)


def mark(index: int) -> str:
    """Return what stands for the image of this index in a text that a prompt is filled with."""
    return f"\ue000{_WORD}:{int(index)}\ue001"


def _split(text: str) -> list[str | int]:
    pieces = _IMAGE.split(text)
    parts: list[str | int] = [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)]
    return [part for part in parts if part != ""]
