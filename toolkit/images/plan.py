"""ImagePlan: what is to be drawn, as data that a person can read, price, edit and approve before anything is paid."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from types import MappingProxyType
from typing import Any, Self

import orjson

from toolkit.display.html import card, cut, fit
from toolkit.errors import InvalidInput
from toolkit.images.prices import price_of, price_text

__all__ = ["SIZES", "TYPES", "ImagePlan", "one_type", "pixels_of"]

TYPES = ("portrait", "scene", "scene_background", "moment", "character", "item", "beast")
"""What an image can be of; files of a type lie in the folder ``<type>s``."""
SIZES: Mapping[str, str] = MappingProxyType(
    {
        "portrait": "768x1024",
        "scene": "1024x768",
        "scene_background": "1280x720",
        "moment": "1024x768",
        "character": "768x1024",
        "item": "1024x1024",
        "beast": "1024x1024",
    }
)
"""The size that a type is planned in where none is asked for; sides are multiples of 16, as renderers want them."""
LONGEST_PROMPT = 32_000
"""Characters that renderers take."""
_LONGEST_STYLE = 1_000
_SMALLEST, _LARGEST = 64, 3840
_MOST = 10
"""Images of one plan."""
_SIZE = re.compile(r"\s*(\d{1,5})\s*(?:[x*\u00d7]\s*(\d{1,5})\s*)?", re.IGNORECASE)
_SHOWN = 12
"""Digits of an id that are shown."""
_FREE = frozenset({"session_id", "metadata"})
"""Fields that do not change the picture."""
_LONGEST_SHOWN = 4_000
_CELL = "text-align:left;vertical-align:top;padding:2px 10px 2px 0"


@dataclass(frozen=True, eq=False)
class ImagePlan:
    """What is to be drawn. Immutable; making one writes no file, calls nobody and costs nothing.

    Plans are equal when they would give the same picture: ``session_id`` and ``metadata`` do not count.

    Args:
        enhanced_prompt: What the renderer is told, as a planner or a person wrote it.
        image_type: ``portrait``, ``scene``, ``scene_background``, ``moment``, ``character``, ``item`` or ``beast``.
        style: How it is drawn, in words.
        size: Width x height in pixels, ``"1024x768"``; ``"1024"`` is a square.
        session_id: What the picture belongs to; names its folder.
        metadata: Whatever else belongs to it: ``persona``, ``persona_name`` …; JSON values.
        original_prompt: What was asked for; the enhanced prompt where it is not given.
        n: How many pictures, 1 to 10; each is a variation of its own.
        seed: Seed of the drawing, where the renderer takes one.
        negative_prompt: What must not be in the picture.
        model: Renderer to use, ``"sketch"`` or ``"openai:gpt-image-2.5-flare"``; empty for the one that
            ``render_image`` is given.

    Raises:
        InvalidInput: A field that cannot be used.

    Example:
        >>> plan = ImagePlan("A red fox in snow, low winter sun", image_type="beast", style="woodcut", size="512")
        >>> plan.size, plan.replace(style="watercolour").plan_id == plan.plan_id
        ('512x512', False)
        >>> ImagePlan.from_dict(plan.to_dict()) == plan
        True
    """

    enhanced_prompt: str
    image_type: str = "scene"
    style: str = ""
    size: str = "1024x1024"
    session_id: str = "default"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    original_prompt: str = ""
    n: int = 1
    seed: int | None = None
    negative_prompt: str = ""
    model: str = ""

    def __post_init__(self) -> None:
        for name, most in _TEXTS.items():
            _check_text(name, getattr(self, name), most)
        if not self.enhanced_prompt.strip():
            raise InvalidInput("enhanced_prompt is empty", hint="Say what is to be seen.")
        if not self.original_prompt:
            object.__setattr__(self, "original_prompt", self.enhanced_prompt)
        one_type(self.image_type)
        object.__setattr__(self, "size", "{}x{}".format(*pixels_of(self.size)))
        _check_whole("n", self.n, 1, _MOST)
        if self.seed is not None:
            _check_whole("seed", self.seed, 0, 2**63 - 1)
        object.__setattr__(self, "metadata", MappingProxyType(_json("metadata", self.metadata)))

    @property
    def width(self) -> int:
        """In pixels."""
        return pixels_of(self.size)[0]

    @property
    def height(self) -> int:
        """In pixels."""
        return pixels_of(self.size)[1]

    @cached_property
    def plan_id(self) -> str:
        """SHA-256 (64 hex digits) of what decides the picture; ``session_id`` and ``metadata`` are left out."""
        return hashlib.sha256(orjson.dumps(self.canonical(), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def canonical(self) -> dict[str, Any]:
        """Return the fields that decide the picture, as JSON values."""
        return {name: value for name, value in self._fields().items() if name not in _FREE}

    def replace(self, **changes: Any) -> Self:
        """Return the same plan with other values.

        Raises:
            InvalidInput: An unknown field, or a value that cannot be used.

        Example:
            >>> ImagePlan("A red fox").replace(size="512x768").height
            768
        """
        _known(changes)
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON values, ``plan_id`` included; ``from_dict`` gives an equal one back."""
        return {**self._fields(), "plan_id": self.plan_id}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Self:
        """Return the plan that ``to_dict`` wrote.

        Raises:
            InvalidInput: No mapping, an unknown or a missing key, a value that cannot be used, or a ``plan_id`` that
                belongs to another content.
        """
        if not isinstance(body, Mapping):
            raise InvalidInput(f"a plan is {type(body).__name__}, not a mapping", hint="Give what to_dict returned.")
        given = dict(body)
        named = given.pop("plan_id", None)
        _known(given)
        if "enhanced_prompt" not in given:
            raise InvalidInput("a plan has no enhanced_prompt", hint="Say what is to be seen.")
        plan = cls(**given)
        if named not in {None, plan.plan_id}:
            raise InvalidInput(
                f"plan_id {str(named)[:_SHOWN]} is not that of this content, {plan.plan_id[:_SHOWN]}",
                hint="Leave plan_id out of a plan that was edited by hand.",
            )
        return plan

    def price(self, renderer: str | None = None, *, quality: str = "medium") -> float | None:
        """Return what all ``n`` pictures of this plan will cost, in USD; 0 where nobody is paid, ``None`` if unknown.

        What OpenAI bills is tokens; how many a picture takes is published for ``gpt-image-1``, ``-1-mini`` and
        ``-1.5`` only. Of other models what was paid stands in the result, afterwards.

        Args:
            renderer: As for ``render_image``; the plan's own ``model``, else ``sketch``, when not given.
            quality: ``low``, ``medium`` or ``high``.

        Example:
            >>> plan = ImagePlan("A red fox")
            >>> plan.price(), plan.price("openai:no-such-model") is None
            (0.0, True)
            >>> 0.03 < plan.price("openai:gpt-image-1.5") < 0.04
            True
        """
        each = price_of(renderer or self.model or "sketch", self.enhanced_prompt, self.width, self.height, quality)
        return None if each is None else round(each * self.n, 12)

    def _fields(self) -> dict[str, Any]:
        held = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        return {**held, "metadata": dict(self.metadata)}

    def __eq__(self, other: object) -> bool:
        """Tell whether another plan gives the same picture."""
        return self.plan_id == other.plan_id if isinstance(other, ImagePlan) else NotImplemented

    def __hash__(self) -> int:
        """Return a hash that equal plans share."""
        return hash(self.plan_id)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let processes exchange plans; read-only mappings cannot be pickled themselves."""
        return type(self).from_dict, (self._fields(),)

    # --- how it shows ---

    def __str__(self) -> str:
        """Return the plan as one line."""
        return f"{self.image_type} {self.size}, {self.plan_id[:_SHOWN]}: {cut(self.original_prompt, 120)}"

    def __repr__(self) -> str:
        """Return the plan as a few lines of plain text."""
        lines = [f"Image plan {self.plan_id[:_SHOWN]}: {self._line()}"]
        return "\n".join([*lines, *(f"  {label}: {text}" for label, text in self._rows(600))])

    def _line(self) -> str:
        number = f", {self.n} pictures" if self.n > 1 else ""
        return f"{self.image_type}, {self.size}{number}; {self.price_told()}"

    def price_told(self, renderer: str | None = None) -> str:
        """Return the price as text.

        Example:
            >>> ImagePlan("A red fox").price_told()
            'nobody is paid for a sketch'
        """
        name = renderer or self.model or "sketch"
        return price_text(name, self.price(name))

    def _rows(self, longest: int) -> list[tuple[str, str]]:
        told = [
            ("asked for", self.original_prompt),
            ("prompt", self.enhanced_prompt),
            ("style", self.style),
            ("without", self.negative_prompt),
            ("renderer", self.model),
            ("persona", str(self.metadata.get("persona_name") or self.metadata.get("persona") or "")),
            ("session", self.session_id),
            ("seed", "" if self.seed is None else str(self.seed)),
        ]
        if self.original_prompt == self.enhanced_prompt:
            told = told[1:]
        return [(label, cut(text, longest)) for label, text in told if text]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        rows = "".join(
            f'<tr><th style="{_CELL};opacity:.75;white-space:nowrap">{escape(label)}</th>'
            f'<td style="{_CELL};white-space:pre-wrap">{escape(text)}</td></tr>'
            for label, text in self._rows(_LONGEST_SHOWN)
        )
        facts = [self.image_type, self.size, f"{self.n} pictures" if self.n > 1 else "", self.price_told()]
        title = f"Image plan {self.plan_id[:_SHOWN]}"
        html = card(title, facts, f'<table style="margin:6px 0;border-collapse:collapse">{rows}</table>')
        return {"text/plain": repr(self), "text/html": fit(html, card(title, facts))}


_TEXTS: Mapping[str, int] = {
    "enhanced_prompt": LONGEST_PROMPT,
    "original_prompt": LONGEST_PROMPT,
    "negative_prompt": LONGEST_PROMPT,
    "style": _LONGEST_STYLE,
    "session_id": _LONGEST_STYLE,
    "model": _LONGEST_STYLE,
}
"""Most characters of each text."""


def one_type(name: Any) -> str:
    """Return a type of image, or refuse it.

    Raises:
        InvalidInput: There is no such type.

    Example:
        >>> one_type("portrait")
        'portrait'
    """
    if name not in TYPES:
        raise InvalidInput(f"there is no type of image {name!r}", hint=f"There are: {', '.join(TYPES)}.")
    return str(name)


def pixels_of(size: Any) -> tuple[int, int]:
    """Return width and height.

    Args:
        size: ``"1024x768"``, ``"1024"``, or a number for a square.

    Raises:
        InvalidInput: It is no size, or a side is below 64 or above 3840 pixels.

    Example:
        >>> pixels_of("1024x768"), pixels_of(512)
        ((1024, 768), (512, 512))
    """
    found = _SIZE.fullmatch(str(size)) if isinstance(size, str | int) and not isinstance(size, bool) else None
    sides = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not all(_SMALLEST <= side <= _LARGEST for side in sides):
        raise InvalidInput(
            f"size={size!r} is no size of an image",
            hint=f'Write "1024x768", or "1024" for a square; each side {_SMALLEST} to {_LARGEST} pixels.',
        )
    return sides


def _known(given: Mapping[str, Any]) -> None:
    names = [one.name for one in dataclasses.fields(ImagePlan)]
    for key in given:
        if key not in names:
            raise InvalidInput(f"a plan has no field {key!r}", hint=f"Its fields are {', '.join(names)}.")


def _check_text(name: str, value: Any, most: int) -> None:
    if not isinstance(value, str):
        raise InvalidInput(f"{name} of a plan is {value!r}, not text", hint=f"Give {name} as a string.")
    if len(value) > most:
        raise InvalidInput(f"{name} of a plan has {len(value):,} characters", hint=f"At most {most:,} are taken.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{name} of a plan holds half a character", hint="Copy the text again.") from error


def _check_whole(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(f"{name}={value!r} of a plan", hint=f"Give a whole number from {least} to {most}.")


def _json(name: str, value: Any) -> dict[str, Any]:
    """Return a mapping as the JSON values it will be read back as."""
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{name} of a plan is {value!r}", hint="Give a mapping.")
    try:
        held: dict[str, Any] = orjson.loads(orjson.dumps(dict(value)))
    except TypeError as error:
        raise InvalidInput(
            f"{name} of a plan cannot be JSON: {error}", hint="Give texts, numbers and lists."
        ) from error
    return held
