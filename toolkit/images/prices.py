"""What a picture will take and what it cost: tokens by published tables, money by list prices."""

from __future__ import annotations

import math
from collections.abc import Mapping

from toolkit.display.report import usd_text
from toolkit.models import Usage

__all__ = ["billed", "guessed_tokens", "output_tokens", "price_of", "price_text"]

# Output tokens of one picture by quality: square, portrait (1024x1536), landscape (1536x1024). OpenAI, guide to image
# generation, as read on 2026-11-21; the price pages of gpt-image-1-mini and gpt-image-1.5 agree with it.
_TOKENS: Mapping[str, tuple[int, int, int]] = {
    "low": (272, 408, 400),
    "medium": (1056, 1584, 1568),
    "high": (4160, 6240, 6208),
}
_PUBLISHED = ("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5")
"""Models that the table was published for, dated versions of them included."""
_DATED = len("-2025-04-23")
_SQUARE = 1024 * 1024


def output_tokens(model: str, width: int, height: int, quality: str) -> int | None:
    """Return how many tokens a picture takes, by the published table; ``None`` where there is none.

    Args:
        model: The model's name without the provider.
        width: In pixels; these models draw three sizes, and the nearest shape counts.
        height: In pixels.
        quality: ``low``, ``medium`` or ``high``.

    Example:
        >>> output_tokens("gpt-image-1.5", 1024, 1024, "medium"), output_tokens("gpt-image-2", 1024, 1024, "low")
        (1056, None)
    """
    known = any(
        model == one or (model.startswith(f"{one}-20") and len(model) == len(one) + _DATED) for one in _PUBLISHED
    )
    by_shape = _TOKENS.get(quality)
    return by_shape[_shape(width, height)] if known and by_shape is not None else None


def guessed_tokens(model: str, width: int, height: int, quality: str) -> int:
    """Return the tokens that a budget holds for a picture: the published ones, else those of the same area.

    A guess for what is not published, never shown as a price; the first replies replace it.

    Example:
        >>> guessed_tokens("gpt-image-2", 2048, 1024, "low")
        544
    """
    published = output_tokens(model, width, height, quality)
    if published is not None:
        return published
    return math.ceil(_TOKENS.get(quality, _TOKENS["high"])[0] * width * height / _SQUARE)


def price_of(renderer: str, prompt: str, width: int, height: int, quality: str) -> float | None:
    """Return what one picture will cost, in USD: 0 for a sketch, ``None`` where it is unknown.

    Args:
        renderer: ``provider:model``.
        prompt: What the renderer is told; a token for each four characters.
        width: In pixels.
        height: In pixels.
        quality: ``low``, ``medium`` or ``high``.

    Example:
        >>> price_of("sketch", "A red fox", 1024, 1024, "medium")
        0.0
    """
    provider, _, model = renderer.partition(":")
    if provider == "sketch":
        return 0.0
    tokens = output_tokens(model, width, height, quality) if provider == "openai" else None
    return billed(model, Usage(input=math.ceil(len(prompt) / 4), output=tokens)) if tokens is not None else None


def billed(model: str, usage: Usage) -> float | None:
    """Return OpenAI's list price of a usage whose output is a picture, in USD; ``None`` where it is unknown.

    Some image models bill output that is a picture apart from output that is text, which ``Usage`` does not tell apart;
    so this asks genai-prices itself instead of ``toolkit.engine.prices``.

    Example:
        >>> billed("no-such-model", Usage(output=1056)) is None, billed("gpt-image-1.5", Usage()) is None
        (True, True)
    """
    if not usage.output:
        return None  # who counts nothing still bills
    try:
        from genai_prices import Usage as Counts
        from genai_prices import calc_price

        counts = Counts(
            input_tokens=usage.input,
            input_image_tokens=usage.image or None,
            output_tokens=usage.output,
            output_image_tokens=usage.output,
        )
        return float(calc_price(counts, model_ref=model, provider_id="openai").total_price)
    except (ImportError, LookupError, ValueError, TypeError):
        return None


def price_text(renderer: str, usd: float | None) -> str:
    """Return a price as text.

    Example:
        >>> price_text("sketch", 0.0), price_text("openai:gpt-image-2", None)
        ('nobody is paid for a sketch', 'the price at openai:gpt-image-2 is unknown')
        >>> price_text("openai:gpt-image-1.5", 0.034)
        'about $0.034 at openai:gpt-image-1.5'
    """
    if usd is None:
        return f"the price at {renderer} is unknown"
    return f"about {usd_text(usd)} at {renderer}" if usd else "nobody is paid for a sketch"


def _shape(width: int, height: int) -> int:
    """Return 0 for a square, 1 for a picture that stands, 2 for one that lies: the nearest of 1, 2:3 and 3:2."""
    ratio = math.log(width / height)
    shapes = (0.0, math.log(2 / 3), math.log(3 / 2))
    return min(range(3), key=lambda place: abs(shapes[place] - ratio))
