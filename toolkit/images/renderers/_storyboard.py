"""What a sketch shows: a simple composition for each type of image, in one palette, with pencil lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels
    from PIL.ImageDraw import ImageDraw

__all__ = ["PALETTES", "Palette", "composed", "gradient"]

Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Palette:
    """Seven colours that go together."""

    high: str
    """Top of the sky."""
    low: str
    """Its horizon."""
    far: str
    middle: str
    near: str
    accent: str
    light: str
    """Of the sun."""


PALETTES: Sequence[Palette] = (
    Palette("#34477a", "#eeb68d", "#8c6a8e", "#5a4a73", "#2e2c4e", "#f7d78f", "#ffe6a6"),
    Palette("#b9d2de", "#f5f0df", "#97b6a4", "#5d8469", "#2f4f43", "#e0ad38", "#f6d98b"),
    Palette("#f3d3ad", "#fcf1de", "#93b5aa", "#c47a57", "#7c4136", "#2f7176", "#fff1d0"),
    Palette("#a5d3e4", "#eef7f4", "#6aabc6", "#2f749b", "#0b3c5d", "#ffb81f", "#fff3c4"),
    Palette("#efd3d0", "#fdf5f0", "#c6a5c6", "#a76c70", "#5a313d", "#5b7f35", "#fff8ea"),
    Palette("#c9d4da", "#f6f5ef", "#a4b4bd", "#667f8c", "#36464f", "#d4643f", "#f3e2b8"),
    Palette("#4b3f72", "#d9c8e8", "#9c86b8", "#6f5a92", "#33264f", "#ffcf70", "#ffe9bf"),
    Palette("#cfe3c8", "#fbf8e6", "#a9c79b", "#6f9a6c", "#34563f", "#c8553d", "#f2cf6b"),
)


class _Pencil:
    """Fills shapes and draws their outline by hand: twice, and never quite the same.

    Args:
        draw: Where.
        chance: Of the hand.
        unit: Length of the picture's shorter side, in pixels.
        ink: Colour of the lines.
    """

    def __init__(self, draw: ImageDraw, chance: Random, unit: float, ink: str) -> None:
        self._draw = draw
        self._chance = chance
        self._unit = unit
        self._ink = ink

    def shape(self, points: Sequence[Point], fill: str, *, line: bool = True) -> None:
        """Fill a polygon and draw its outline."""
        self._draw.polygon(list(points), fill=fill)
        if line:
            self.line([*points, points[0]])

    def round(self, box: Box, fill: str, *, line: bool = True, start: float = 0.0, end: float = 360.0) -> None:
        """Fill an ellipse, or a slice of one, and draw its outline."""
        self.shape(_arc(box, start, end), fill, line=line)

    def line(self, points: Sequence[Point], width: float = 0.0035) -> None:
        """Draw a line through points, twice."""
        for strength in (1.0, 0.6):
            give = 0.0028 * self._unit * strength
            moved = [(x + self._chance.gauss(0, give) / 2, y + self._chance.gauss(0, give) / 2) for x, y in points]
            self._draw.line(moved, fill=self._ink, width=max(1, round(width * self._unit * strength)), joint="curve")

    def hatch(self, box: Box, count: int) -> None:
        """Draw slanted strokes, for a shadow."""
        left, top, right, bottom = box
        for place in range(count):
            x = left + (right - left) * (place + self._chance.random() * 0.5) / count
            self.line([(x, bottom), (x + (bottom - top) * 0.7, top)], width=0.0022)


def composed(image_type: str, size: tuple[int, int], palette: Palette, chance: Random) -> Pixels:
    """Return the picture of one type of image.

    Args:
        image_type: As of a plan.
        size: Width and height in pixels.
        palette: Its colours.
        chance: Of everything that varies.

    Example:
        >>> composed("item", (64, 48), PALETTES[0], Random(7)).size
        (64, 48)
    """
    from PIL import ImageDraw

    picture = gradient(size, palette.high, palette.low)
    draw = ImageDraw.Draw(picture)
    pencil = _Pencil(draw, chance, min(size), palette.near)
    _COMPOSITIONS[image_type](pencil, size, palette, chance)
    return picture


def gradient(size: tuple[int, int], top: str, bottom: str) -> Pixels:
    """Return a picture that goes from one colour at the top to another at the bottom."""
    from PIL import Image

    slope = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), slope)


# --- what stands in pictures ---


def _hills(pencil: _Pencil, size: tuple[int, int], top: float, height: float, fill: str, chance: Random) -> None:
    width, bottom = size
    waves = [(chance.uniform(0.6, 2.6), chance.uniform(0, 6.3), chance.uniform(0.3, 1.0)) for _ in range(3)]
    total = sum(one[2] for one in waves)
    points: list[Point] = []
    for step in range(61):
        x = step / 60
        wave = sum(weight * math.sin(math.tau * rate * x + shift) for rate, shift, weight in waves) / total
        points.append((x * width, (top - height * wave) * bottom))
    pencil.shape([*points, (width, bottom), (0, bottom)], fill, line=False)
    pencil.line(points)


def _sun(pencil: _Pencil, size: tuple[int, int], palette: Palette, chance: Random) -> None:
    width, height = size
    x, y, r = width * chance.uniform(0.2, 0.8), height * chance.uniform(0.17, 0.32), min(size) * 0.085
    pencil.round((x - r, y - r, x + r, y + r), palette.light)


def _land(pencil: _Pencil, size: tuple[int, int], palette: Palette, chance: Random) -> None:
    _sun(pencil, size, palette, chance)
    _hills(pencil, size, 0.56, 0.10, palette.far, chance)
    _hills(pencil, size, 0.69, 0.07, palette.middle, chance)


def _tree(pencil: _Pencil, x: float, foot: float, height: float, palette: Palette) -> None:
    trunk = height * 0.07
    pencil.shape([(x - trunk, foot), (x - trunk * 0.6, foot - height * 0.5), (x + trunk * 0.6, foot - height * 0.5),
                  (x + trunk, foot)], palette.near)  # fmt: skip
    for low, wide in ((0.30, 0.30), (0.52, 0.25), (0.74, 0.18)):
        base = foot - height * low
        pencil.shape([(x - height * wide, base), (x, base - height * 0.36), (x + height * wide, base)], palette.middle)


def _house(pencil: _Pencil, x: float, foot: float, height: float, palette: Palette) -> None:
    wide, wall = height * 0.62, foot - height * 0.6
    pencil.shape([(x - wide, foot), (x - wide, wall), (x + wide, wall), (x + wide, foot)], palette.low)
    pencil.shape([(x - wide * 1.2, wall), (x, foot - height * 1.12), (x + wide * 1.2, wall)], palette.accent)
    door = wide * 0.18
    pencil.shape([(x - door, foot), (x - door, foot - height * 0.34), (x + door, foot - height * 0.34),
                  (x + door, foot)], palette.near)  # fmt: skip
    for side in (-0.68, 0.36):
        left, up = x + wide * side, foot - height * 0.46
        pencil.shape([(left, up), (left + wide * 0.32, up), (left + wide * 0.32, up + height * 0.18),
                      (left, up + height * 0.18)], palette.far)  # fmt: skip


def _figure(pencil: _Pencil, x: float, foot: float, height: float, palette: Palette, coat: str, side: int = 0) -> None:
    """A person without a face, in a colour nobody has: a sketch says that somebody stands there, not who."""
    head, shoulder, hip = height * 0.085, foot - height * 0.79, foot - height * 0.42
    wide = height * 0.135
    for leg in (-1, 1):
        pencil.shape([(x + leg * wide * 0.1, hip), (x + leg * wide * 0.78, hip), (x + leg * wide * 0.72, foot),
                      (x + leg * wide * 0.22, foot)], palette.near)  # fmt: skip
    hem, top = hip + height * 0.06, _arc((x - wide, shoulder, x + wide, shoulder + wide * 1.5), 180, 360)
    pencil.shape([*top, (x + wide * 0.9, hem), (x - wide * 0.9, hem)], coat)
    for arm in (-1, 1):
        reach = 0.55 if arm == side else 0.0
        hand = (x + arm * wide * (1.25 + 2.0 * reach), hip - height * (0.02 + 0.26 * reach))
        joint = (x + arm * wide * 0.86, shoulder + wide * 0.55)
        bend = ((joint[0] + hand[0]) / 2 + arm * wide * 0.12, (joint[1] + hand[1]) / 2)
        pencil.line([joint, bend, hand], width=0.012)
    neck = shoulder - height * 0.012
    pencil.round((x - head, neck - head * 2.25, x + head, neck), palette.far)
    pencil.round((x - head, neck - head * 2.35, x + head, neck - head * 0.9), palette.near, start=180, end=360)


# --- one composition a type ---


def _scene(pencil: _Pencil, size: tuple[int, int], palette: Palette, chance: Random) -> None:
    width, height = size
    _land(pencil, size, palette, chance)
    _house(pencil, width * chance.uniform(0.28, 0.72), height * 0.80, height * 0.21, palette)
    _hills(pencil, size, 0.84, 0.03, palette.near, chance)
    places = sorted((chance.uniform(0.04, 0.96) for _ in range(5)), key=lambda place: -abs(place - 0.5))
    for place in places[:4]:
        _tree(pencil, width * place, height * chance.uniform(0.86, 0.95), height * chance.uniform(0.24, 0.34), palette)


def _background(pencil: _Pencil, size: tuple[int, int], palette: Palette, chance: Random) -> None:
    _land(pencil, size, palette, chance)
    _hills(pencil, size, 0.86, 0.05, palette.near, chance)


def _moment(pencil: _Pencil, size: tuple[int, int], palette: Palette, chance: Random) -> None:
    width, height = size
    _hills(pencil, size, 0.62, 0.05, palette.far, chance)
    _hills(pencil, size, 0.78, 0.015, palette.middle, chance)
    gap, foot, tall = width * 0.5, height * 0.93, height * 0.70
    apart = min(width * 0.19, tall * 0.42)
    pencil.hatch((gap - apart * 1.6, foot - height * 0.015, gap + apart * 1.6, foot + height * 0.03), 26)
    _figure(pencil, gap - apart, foot, tall, palette, palette.accent, side=1)
    _figure(pencil, gap + apart, foot, tall * chance.uniform(0.9, 1.0), palette, palette.low, side=-1)


def _character(pencil: _Pencil, size: tuple[int, int], palette: Palette, chance: Random) -> None:
    width, height = size
    reach = min(size) * 0.40
    middle = (width / 2, height * 0.46)
    pencil.round((middle[0] - reach, middle[1] - reach, middle[0] + reach, middle[1] + reach), palette.light)
    _hills(pencil, size, 0.86, 0.01, palette.middle, chance)
    foot = height * 0.94
    pencil.hatch(
        (width / 2 - height * 0.16, foot - height * 0.012, width / 2 + height * 0.18, foot + height * 0.022), 18
    )
    _figure(pencil, width / 2, foot, height * 0.86, palette, palette.accent, side=chance.choice((-1, 0, 1)))


def _portrait(pencil: _Pencil, size: tuple[int, int], palette: Palette, chance: Random) -> None:
    width, height = size
    unit = min(size)
    x, lean = width / 2, unit * chance.uniform(-0.02, 0.02)
    ring = unit * 0.41
    pencil.round((x - ring, height * 0.47 - ring, x + ring, height * 0.47 + ring), palette.light)
    chin, wide, tall = height - unit * 0.385, unit * 0.165, unit * 0.215
    face = (x + lean - wide, chin - 2 * tall, x + lean + wide, chin)
    long = unit * chance.choice((0.0, 0.08, 0.24))
    hair = (face[0] - wide * 0.18, face[1] - tall * 0.20, face[2] + wide * 0.18, face[3] - tall * 0.5 + long)
    pencil.round(hair, palette.near)  # before neck and shoulders: long hair in front of them looks like a beard
    shoulders = (x - unit * 0.40, height - unit * 0.34, x + unit * 0.40, height + unit * 0.34)
    pencil.shape([*_arc(shoulders, 180, 360)], palette.accent)
    neck, collar = unit * 0.085, height - unit * 0.31
    pencil.shape([(x - neck, chin - unit * 0.08), (x + neck, chin - unit * 0.08), (x + neck * 1.2, collar),
                  (x, height - unit * 0.25), (x - neck * 1.2, collar)], palette.far)  # fmt: skip
    pencil.round(face, palette.far)
    pencil.shape(
        [*_arc((face[0] - 1, face[1] - tall * 0.08, face[2] + 1, face[1] + tall * 1.05), 180, 360)], palette.near
    )
    pencil.hatch((x - unit * 0.36, height - unit * 0.10, x - unit * 0.12, height - unit * 0.02), 9)


def _item(pencil: _Pencil, size: tuple[int, int], palette: Palette, chance: Random) -> None:
    width, height = size
    unit, x, foot = min(size), width / 2, height * 0.76
    pencil.shape([(0, height * 0.66), (width, height * 0.66), (width, height), (0, height)], palette.middle, line=False)
    pencil.line([(0, height * 0.66), (width, height * 0.66)])
    plinth = unit * 0.30
    pencil.shape(
        [(x - plinth, foot), (x + plinth, foot), (x + plinth, foot + unit * 0.15), (x - plinth, foot + unit * 0.15)],
        palette.far,
    )
    pencil.round((x - plinth, foot - unit * 0.045, x + plinth, foot + unit * 0.045), palette.low)
    chance.choice((_bottle, _box, _bowl))(pencil, x, foot, unit * 0.52, palette)
    pencil.hatch((x + plinth, foot + unit * 0.10, x + plinth + unit * 0.16, foot + unit * 0.15), 8)


def _bottle(pencil: _Pencil, x: float, foot: float, tall: float, palette: Palette) -> None:
    wide, neck = tall * 0.24, tall * 0.075
    pencil.shape([(x - wide, foot), *_arc((x - wide, foot - tall * 0.78, x + wide, foot - tall * 0.42), 180, 258),
                  (x - neck, foot - tall * 0.96), (x + neck, foot - tall * 0.96),
                  *_arc((x - wide, foot - tall * 0.78, x + wide, foot - tall * 0.42), 282, 360), (x + wide, foot)],
                 palette.accent)  # fmt: skip
    pencil.shape([(x - wide, foot - tall * 0.40), (x + wide, foot - tall * 0.40), (x + wide, foot - tall * 0.14),
                  (x - wide, foot - tall * 0.14)], palette.low)  # fmt: skip
    for line in (0.32, 0.26, 0.20):
        pencil.line([(x - wide * 0.6, foot - tall * line), (x + wide * 0.6, foot - tall * line)])
    cap, low, high = neck * 1.3, foot - tall * 0.96, foot - tall * 1.04
    pencil.shape([(x - cap, low), (x + cap, low), (x + cap, high), (x - cap, high)], palette.near)


def _box(pencil: _Pencil, x: float, foot: float, tall: float, palette: Palette) -> None:
    wide, deep, up = tall * 0.34, tall * 0.18, tall * 0.10
    top = foot - tall * 0.80
    left, right = x - wide, x + wide * 0.7
    pencil.shape([(left, foot), (left, top), (right, top), (right, foot)], palette.accent)
    pencil.shape([(right, foot), (right, top), (right + deep, top - up), (right + deep, foot - up)], palette.near)
    pencil.shape([(left, top), (left + deep, top - up), (right + deep, top - up), (right, top)], palette.low)
    pencil.round((left + wide * 0.4, top + tall * 0.14, right - wide * 0.4, top + tall * 0.44), palette.low)
    for line in (0.26, 0.20, 0.14):
        pencil.line([(left + wide * 0.3, foot - tall * line), (right - wide * 0.3, foot - tall * line)])


def _bowl(pencil: _Pencil, x: float, foot: float, tall: float, palette: Palette) -> None:
    wide, rim = tall * 0.46, foot - tall * 0.42
    for place, r in ((-0.45, 0.17), (0.08, 0.21), (0.52, 0.15)):
        middle = x + wide * place
        pencil.round((middle - tall * r, rim - tall * r * 1.5, middle + tall * r, rim + tall * r * 0.5), palette.far)
        pencil.line(
            [(middle, rim - tall * r * 1.4), (middle + tall * 0.03, rim - tall * (r * 1.4 + 0.07))], width=0.006
        )
    pencil.shape([*_arc((x - wide, rim - tall * 0.42, x + wide, foot), 0, 180)], palette.accent)
    pencil.line([(x - wide * 0.86, rim + tall * 0.10), (x + wide * 0.86, rim + tall * 0.10)])


def _beast(pencil: _Pencil, size: tuple[int, int], palette: Palette, chance: Random) -> None:
    width, height = size
    _hills(pencil, size, 0.58, 0.09, palette.far, chance)
    _hills(pencil, size, 0.80, 0.02, palette.middle, chance)
    unit, side = min(size) * 0.9, chance.choice((-1, 1))
    x, back, foot = width / 2, height * 0.88 - unit * 0.43, height * 0.88

    def at(right: float, down: float) -> Point:
        return x + side * right * unit, back + down * unit

    def oval(right: float, down: float, wide: float, tall: float, fill: str) -> None:
        middle = at(right, down)
        pencil.round(
            (middle[0] - wide * unit, middle[1] - tall * unit, middle[0] + wide * unit, middle[1] + tall * unit), fill
        )

    pencil.hatch((x - unit * 0.32, foot - unit * 0.01, x + unit * 0.34, foot + unit * 0.03), 20)
    pencil.shape(
        [at(-0.22, 0.02), at(-0.44, -0.10), at(-0.50, -0.24), at(-0.38, -0.16), at(-0.22, -0.08)], palette.near
    )
    for leg, fill in ((-0.15, palette.near), (0.23, palette.near), (-0.22, palette.accent), (0.16, palette.accent)):
        pencil.shape([at(leg - 0.035, 0.05), at(leg + 0.045, 0.05), at(leg + 0.03, 0.43), at(leg - 0.02, 0.43)], fill)
    oval(0.0, 0.02, 0.29, 0.14, palette.accent)
    pencil.shape([at(0.14, -0.08), at(0.28, -0.27), at(0.38, -0.18), at(0.27, 0.06)], palette.accent)
    oval(0.35, -0.25, 0.11, 0.085, palette.accent)
    pencil.shape([at(0.42, -0.29), at(0.53, -0.22), at(0.43, -0.18)], palette.low)
    for ear in (0.27, 0.34):
        pencil.shape([at(ear, -0.31), at(ear + 0.02, -0.42), at(ear + 0.065, -0.31)], palette.near)
    oval(0.385, -0.265, 0.012, 0.014, palette.near)


def _arc(box: Box, start: float, end: float) -> list[Point]:
    """Return points on an ellipse; degrees clockwise from the right."""
    left, top, right, bottom = box
    x, y, wide, tall = (left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2
    steps = max(12, round((end - start) / 6))
    angles = (math.radians(start + (end - start) * step / steps) for step in range(steps + 1))
    return [(x + wide * math.cos(angle), y + tall * math.sin(angle)) for angle in angles]


_Composition = Callable[[_Pencil, tuple[int, int], Palette, Random], None]
_COMPOSITIONS: Mapping[str, _Composition] = {
    "portrait": _portrait,
    "scene": _scene,
    "scene_background": _background,
    "moment": _moment,
    "character": _character,
    "item": _item,
    "beast": _beast,
}
