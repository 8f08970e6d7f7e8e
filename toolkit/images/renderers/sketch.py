"""The renderer that needs nobody: a storyboard card drawn with Pillow from the plan, the same bytes each time."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.images.masks import open_places
from toolkit.images.renderer import Order, Rendered
from toolkit.images.renderers._storyboard import PALETTES, Palette, composed
from toolkit.models import Abilities, Identity, Usage
from toolkit.seeds import derive, rng

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels
    from PIL.ImageFont import FreeTypeFont

__all__ = ["LABEL", "Sketch", "drawn", "open_renderer"]

LABEL = "sketch \u2013 not a photograph"
"""Stands in every picture."""
_RULE = 1
"""Goes up when the drawing changes: part of the identity, so that stored sketches are drawn anew."""
_FINER = 2
"""Times the picture is drawn larger before it is scaled down, so that lines are smooth."""
_PAPER, _INK, _SOFT = "#faf8f2", "#26262b", "#6c6c74"
_QUALITY = 90
"""Of JPEG and WebP."""


class Sketch:
    """Draws a labelled card: a composition by the type of image, the words of the plan, and that it is a sketch.

    Useful to see how a study will look before anything is paid, as a placeholder, and in tests. People have no faces
    here, and nothing of the prompt is drawn but its words: a sketch tells nothing about what a model would draw, nor
    how long that takes, so no times are kept and a recording made anew has the same bytes.
    """

    identity = Identity("sketch", "card", {"rule": _RULE})
    abilities = Abilities(schema=False, logprobs=False, concurrency=2)
    local = True
    timeless = True

    def price(self, usage: Usage) -> float | None:  # noqa: ARG002  # the protocol's signature
        """Return 0: nobody is paid."""
        return 0.0

    async def render(self, order: Order) -> Rendered:
        """Draw one card."""
        return Rendered(await asyncio.to_thread(drawn, order), mime=f"image/{order.format}")

    async def close(self) -> None:
        """Nothing to give back."""


def open_renderer(name: str = "card") -> Sketch:
    """Return the sketch renderer; it has one manner, ``card``.

    Raises:
        InvalidInput: Another manner.

    Example:
        >>> open_renderer().identity.provider
        'sketch'
    """
    if name != "card":
        raise InvalidInput(f"there is no sketch {name!r}", hint='Write "sketch".')
    return Sketch()


def drawn(order: Order) -> bytes:
    """Return the file of a sketch.

    Example:
        >>> from toolkit.images import ImagePlan
        >>> order = Order(ImagePlan("A red fox in snow", image_type="beast", size="256"))
        >>> drawn(order) == drawn(order)
        True
    """
    from PIL import Image

    plan = order.plan
    width, height = plan.width * _FINER, plan.height * _FINER
    seed = derive(plan.seed or 0, "sketch", plan.plan_id, order.variation, order.generation)
    chance = rng(seed, "composition")
    palette = PALETTES[seed % len(PALETTES)]
    card = Image.new("RGB", (width, height), _PAPER)
    unit = min(width, height)
    edge = round(unit * 0.035)
    split = round(height * (0.745 if height > width else 0.66 if height == width else 0.70))
    frame = (edge, edge, width - edge, split)
    seen = (frame[2] - frame[0], frame[3] - frame[1])
    picture = (
        _edited(order, seen, palette) if order.source is not None else composed(plan.image_type, seen, palette, chance)
    )
    card.paste(picture, frame[:2])
    _write(card, frame, order, palette)
    small = card.reduce(_FINER)
    file = BytesIO()
    if order.format == "png":
        small.save(file, format="PNG")
    else:
        small.save(file, format=order.format.upper(), quality=_QUALITY)
    return file.getvalue()


def _edited(order: Order, size: tuple[int, int], palette: Palette) -> Pixels:
    """Return the picture that is to be edited, and where."""
    from PIL import Image, ImageOps

    assert order.source is not None  # noqa: S101  # asked only where there is one
    with Image.open(BytesIO(order.source.normal(max(size), format="png").data)) as opened:
        picture = opened.convert("RGB")
    if order.mask is not None:
        places = open_places(order.mask).resize(picture.size).point(lambda value: value * 2 // 3)
        picture.paste(Image.new("RGB", picture.size, palette.accent), mask=places)
    return ImageOps.pad(picture, size, color=palette.low)


def _write(card: Pixels, frame: tuple[int, int, int, int], order: Order, palette: Palette) -> None:
    """Write the words of the plan under the picture, and the label into it."""
    from PIL import ImageDraw

    plan, draw = order.plan, ImageDraw.Draw(card)
    unit = min(card.size)
    left, top, right, bottom = frame
    draw.rectangle(frame, outline=_INK, width=max(2, unit // 300))
    small, plain, bold = (_font(kind, unit * share) for kind, share in (("", 0.024), ("", 0.031), ("-Bold", 0.027)))
    _label(draw, (right, top), LABEL, bold, palette)
    line = _height(plain)
    y = bottom + round(line * 0.55)
    kind = plan.image_type.replace("_", " ").upper() + (f"  {order.variation + 1} OF {plan.n}" if plan.n > 1 else "")
    told = "EDIT OF A PICTURE  ·  " if order.source is not None else ""
    draw.text((left, y), f"{told}{kind}", font=bold, fill=palette.near)
    foot = card.height - round(unit * 0.03) - _height(small)
    y += round(_height(bold) * 1.35)
    words = _wrapped(plan.enhanced_prompt, plain, right - left, max(1, (foot - y) // line))
    for text in words:
        draw.text((left, y), text, font=plain, fill=_INK)
        y += line
    _footer(draw, order, (left, right, foot), small)


def _label(draw: Any, corner: tuple[int, int], text: str, font: FreeTypeFont, palette: Palette) -> None:
    """Write the label into the picture's upper right corner, on a ground of its own."""
    right, top = corner
    wide, give = font.getlength(text), _height(font) * 0.45
    box = (right - wide - 3 * give, top + give, right - give, top + give * 2.2 + _height(font))
    draw.rounded_rectangle(box, radius=give, fill=_PAPER, outline=palette.near, width=max(2, round(give / 5)))
    draw.text((box[0] + give, (box[1] + box[3]) / 2), text, font=font, fill=_INK, anchor="lm")


def _footer(draw: Any, order: Order, place: tuple[int, int, int], font: FreeTypeFont) -> None:
    """Write style and id at the lower edge, as far as there is room."""
    left, right, y = place
    plan = order.plan
    mark = f"plan {plan.plan_id[:8]}"
    draw.text((right, y), mark, font=font, fill=_SOFT, anchor="ra")
    told = f"Style: {plan.style}" if plan.style else plan.size
    room = right - left - font.getlength(mark) - 2 * _height(font)
    draw.text((left, y), _wrapped(told, font, room, 1)[0], font=font, fill=_SOFT)


def _wrapped(text: str, font: FreeTypeFont, width: float, most: int) -> list[str]:
    """Return lines that fit; what is too much ends in an ellipsis."""
    lines: list[str] = []
    words = [piece for word in text.split() for piece in _pieces(word, font, width)]
    line = ""
    for word in words:
        longer = f"{line} {word}".strip()
        if font.getlength(longer) <= width:
            line = longer
            continue
        lines.append(line)
        line = word
        if len(lines) > most:
            break
    lines.append(line)
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and font.getlength(f"{last}…") > width:
        last = last[:-1]
    return [*lines[: most - 1], f"{last.rstrip(' ,.;:')}…"]


def _pieces(word: str, font: FreeTypeFont, width: float) -> list[str]:
    """Return a word in pieces that fit a line: some scripts put no spaces, and addresses have none."""
    pieces = [""]
    for character in word:
        if pieces[-1] and font.getlength(pieces[-1] + character) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _height(font: FreeTypeFont) -> int:
    return round(font.size * 1.32)


@lru_cache(maxsize=64)
def _font(kind: str, size: float) -> FreeTypeFont:
    """Return DejaVu Sans as it lies in matplotlib: the same letters on every machine."""
    from PIL import ImageFont

    spec = find_spec("matplotlib")
    assert spec is not None and spec.origin is not None  # noqa: S101, PT018  # a dependency of ours
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / f"DejaVuSans{kind}.ttf"), max(8, round(size)))
