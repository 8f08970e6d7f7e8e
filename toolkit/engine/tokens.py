"""How many tokens a call will take, told before it is made."""

from __future__ import annotations

import math
from dataclasses import dataclass

from toolkit.models import Call, Picture, Schema, Tools

__all__ = ["CACHED_FROM", "CHARACTERS_PER_TOKEN", "Size", "cacheable", "call_size", "call_tokens", "image_tokens"]

CHARACTERS_PER_TOKEN = 4.0
"""The usual ratio for English text; the provider's own counts replace it once replies are in."""
CACHED_FROM, _CACHED_STEP = 1024, 128
"""Tokens: the shortest prefix that OpenAI caches, and by what step (its prompt caching guide, read 2026-11)."""
_MESSAGE = 4
"""Tokens that a chat turn costs beside its text."""

# Multipliers and tiles as published by the provider, read 2026-11: model prefix -> rule (FACTS, Tokens of an image).
_PATCHES = {
    "gpt-4.1-mini": 1.62,
    "gpt-5-mini": 1.62,
    "gpt-4.1-nano": 2.46,
    "gpt-5-nano": 2.46,
    "o4-mini": 1.72,
}
_TILES = {"gpt-4o-mini": (2833, 5667), "gpt-4o": (85, 170), "gpt-4.1": (85, 170), "gpt-5": (70, 140)}
_PATCH = 32
_MOST_PATCHES = 1536
_TILE = 512
_WIDEST = 2048
_SHORT_SIDE = 768


@dataclass(frozen=True, slots=True)
class Size:
    """What a call sends, in tokens, its kinds apart: each is counted by a rule of its own."""

    text: float
    """The messages: characters / 4, and what a turn costs."""
    schema: float
    """The reply's schema: characters / 4; some providers count it, some do not."""
    pictures: int
    """How many images."""
    image_low: int
    """Tokens of the images if the provider looks at them as roughly as it may."""
    image: int
    """Tokens of the images by its published rule; with detail ``auto`` as if it looked closely."""


def call_size(call: Call, model: str, *, eyes: bool) -> Size:
    """Return what a call sends: text by characters, images by the provider's rules.

    Args:
        call: The call.
        model: The model's name without the provider.
        eyes: Whether the model takes images; without it their descriptions count.
    """
    characters = pictures = image_low = image = 0
    for message in call.messages:
        for part in message.parts:
            if isinstance(part, str):
                characters += len(part)
            elif eyes:
                pictures += 1
                image += _picture_tokens(part, model, part.detail)
                image_low += _picture_tokens(part, model, "high" if part.detail == "high" else "low")
            else:
                characters += len(part.image.describe())
    return Size(
        text=characters / CHARACTERS_PER_TOKEN + _MESSAGE * len(call.messages),
        schema=_sent(call.schema) / CHARACTERS_PER_TOKEN,
        pictures=pictures,
        image_low=image_low,
        image=image,
    )


def call_tokens(call: Call, model: str, *, eyes: bool) -> int:
    """Return about how many input tokens a call takes, the schema included.

    Args:
        call: The call.
        model: The model's name without the provider.
        eyes: Whether the model takes images; without it their descriptions count.
    """
    size = call_size(call, model, eyes=eyes)
    return math.ceil(size.text + size.schema) + size.image


def cacheable(before: str, prompt: str) -> int:
    """Return how many tokens of a prompt a provider's prompt cache can hold after another one: their common prefix.

    Example:
        >>> cacheable("x" * 5000 + "a", "x" * 5000 + "b")
        1152
    """
    low, high = 0, min(len(before), len(prompt))
    while low < high:
        middle = (low + high + 1) // 2
        if prompt.startswith(before[low:middle], low):
            low = middle
        else:
            high = middle - 1
    same = low / CHARACTERS_PER_TOKEN
    return int(same // _CACHED_STEP) * _CACHED_STEP if same >= CACHED_FROM else 0


def image_tokens(width: int, height: int, model: str, detail: str = "auto") -> int:
    """Return the tokens of one image by the provider's published rules; unknown models count like gpt-4o.

    Args:
        width: In pixels, as sent.
        height: In pixels, as sent.
        model: Its name; the longest known prefix decides.
        detail: ``low``, ``high`` or ``auto`` (which counts as high).

    Example:
        >>> image_tokens(1024, 1024, "gpt-4o"), image_tokens(1024, 1024, "gpt-5")
        (765, 630)
    """
    multiplier = _longest(model, _PATCHES)
    if multiplier is not None and len(multiplier) >= len(_longest(model, _TILES) or ""):
        return math.ceil(_patches(width, height) * _PATCHES[multiplier])
    base, tile = _TILES[_longest(model, _TILES) or "gpt-4o"]
    if detail == "low":
        return base
    scale = min(1.0, _WIDEST / max(width, height))
    width, height = round(width * scale), round(height * scale)
    scale = min(1.0, _SHORT_SIDE / min(width, height))
    return base + tile * math.ceil(width * scale / _TILE) * math.ceil(height * scale / _TILE)


def _patches(width: int, height: int) -> int:
    count = math.ceil(width / _PATCH) * math.ceil(height / _PATCH)
    if count <= _MOST_PATCHES:
        return count
    ratio = math.sqrt(_PATCH**2 * _MOST_PATCHES / (width * height))
    wide, high = width * ratio / _PATCH, height * ratio / _PATCH
    ratio *= min(math.floor(wide) / wide, math.floor(high) / high)
    return math.ceil(width * ratio / _PATCH - 1e-9) * math.ceil(height * ratio / _PATCH - 1e-9)


def _picture_tokens(picture: Picture, model: str, detail: str) -> int:
    width, height = picture.image.size
    scale = min(1.0, picture.max_side / max(width, height))
    return image_tokens(round(width * scale), round(height * scale), model, detail)


def _longest(model: str, rules: dict[str, float] | dict[str, tuple[int, int]]) -> str | None:
    return max((prefix for prefix in rules if model.startswith(prefix)), key=len, default=None)


def _sent(schema: Schema | None) -> int:
    """Return the characters that say what the reply must be: of functions their descriptions too."""
    if schema is None:
        return 0
    return len(schema.told if isinstance(schema, Tools) else schema.json)
