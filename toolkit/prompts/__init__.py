"""Every prompt is a file in this folder; this module loads and renders them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput

if TYPE_CHECKING:
    from jinja2 import Template as JinjaTemplate

__all__ = ["Prompt", "load"]

_SECTION = re.compile(r"^=== (system|user|assistant) ===$", re.MULTILINE)
_IMAGE = re.compile("\ue000([0-9]+)\ue001")


@dataclass(frozen=True)
class Prompt:
    """One prompt file: sections ``=== system ===`` and ``=== user ===``, each a Jinja template, fixed text first.

    A template puts the image with index ``i`` where it says ``{{ image(i) }}``.
    """

    name: str
    """``questions.ask`` for ``questions.ask.md.j2``."""
    source: str
    sections: tuple[tuple[str, JinjaTemplate], ...]

    @property
    def version(self) -> str:
        """``name@digest``: what a replay miss compares."""
        return f"{self.name}@{hashlib.sha256(self.source.encode()).hexdigest()[:12]}"

    def render(self, **values: Any) -> list[tuple[str, list[str | int]]]:
        """Return ``(role, parts)`` for each section; a part is text, or the index of an image.

        Raises:
            InvalidInput: The template uses a name that is not given.
        """
        from jinja2 import TemplateError

        turns: list[tuple[str, list[str | int]]] = []
        for role, template in self.sections:
            try:
                text = template.render(image=_mark, **values).strip()
            except TemplateError as error:
                raise InvalidInput(f"the prompt {self.name} cannot be filled in: {error}") from error
            turns.append((role, _split(text)))
        return turns


def load(name: str) -> Prompt:
    """Return the prompt of this name from the package.

    Example:
        >>> load("questions.ask").name
        'questions.ask'
    """
    return _load(name)


def parse(name: str, source: str) -> Prompt:
    """Return a prompt from template text, a researcher's own for example."""
    from jinja2 import StrictUndefined, TemplateSyntaxError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # prompts are plain text, not HTML
        finalize=_plain,
    )
    pieces = _SECTION.split(source)
    if pieces[0].strip():
        raise InvalidInput(
            f"the prompt {name} has text before its first section: {pieces[0].strip()[:40]!r}",
            hint="Begin it with a line '=== system ===' or '=== user ==='.",
        )
    try:
        sections = tuple(
            (role, environment.from_string(text)) for role, text in zip(pieces[1::2], pieces[2::2], strict=True)
        )
    except TemplateSyntaxError as error:
        raise InvalidInput(
            f"the prompt {name} is not a valid template: line {error.lineno}: {error.message}",
            hint="Jinja's syntax is meant: {{ name }}, {% if … %}.",
        ) from error
    if not sections:
        raise InvalidInput(f"the prompt {name} is empty", hint="Begin it with a line '=== user ==='.")
    return Prompt(name, source, sections)


@cache
def _load(name: str) -> Prompt:
    source = files(__package__).joinpath(f"{name}.md.j2").read_text(encoding="utf-8")
    return parse(name, source)


def _mark(index: int) -> str:
    return f"\ue000{index}\ue001"


def _plain(value: Any) -> Any:
    """Keep private-use marks out of filled-in values, so that no text can pose as an image."""
    if isinstance(value, str) and ("\ue000" in value) and not _IMAGE.fullmatch(value):
        return value.replace("\ue000", "").replace("\ue001", "")
    return value


def _split(text: str) -> list[str | int]:
    pieces = _IMAGE.split(text)
    parts: list[str | int] = [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)]
    return [part for part in parts if part != ""]
