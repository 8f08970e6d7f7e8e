# ruff: noqa: INP001  # a script beside the pictures it draws
"""Draw three advertisements of "Velvo", a city bicycle scheme invented for this project: by number, by mood, by word.

Run ``python data/images/make_ads.py [FOLDER]``; the same library versions draw the same pixels each time. All three
share format, name and foot, so that only the appeal differs. The letters are those of ``make_packages.py``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from make_packages import FINE, SIZE, Point, Sheet, sans, serif
from PIL import Image

INK, PAPER, CORAL, TEAL, SUN = "#17233b", "#f6f1e6", "#f0644b", "#0f7c80", "#f7c548"
WIDTH, HEIGHT = SIZE
FOOT = 706


def write(
    sheet: Sheet, place: Point, words: str, size: float, colour: str, *, fat: float = 0, style: str | None = None
) -> None:
    """Write from the left edge, in sans, or in a style of the serif face."""
    font = sans(size) if style is None else serif(size, style)
    x, y = place
    sheet.pen.text((x * FINE, y * FINE), words, colour, font, anchor="ls", stroke_width=round(fat * FINE))


def foot(sheet: Sheet, colour: str, ground: str) -> None:
    """Draw what all three ads share: the name and what is sold."""
    sheet.shape([(0, FOOT), (WIDTH, FOOT), (WIDTH, HEIGHT), (0, HEIGHT)], ground)
    write(sheet, (44, FOOT + 62), "velvo", 50, colour, fat=0.9)
    write(sheet, (206, FOOT + 46), "City bikes at 212 stations.", 17, colour)
    write(sheet, (206, FOOT + 70), "One monthly pass, as many rides as you like.", 17, colour)


def bicycle(sheet: Sheet, rear: Point, size: float, colour: str, *, width: float = 5.0) -> None:
    """Draw a bicycle from its side; ``rear`` is the hub of the rear wheel, ``size`` the radius of a wheel."""
    x, y = rear

    def at(right: float, up: float) -> Point:
        return x + right * size, y - up * size

    front, crank, seat, head = at(2.7, 0), at(1.05, -0.08), at(0.78, 1.45), at(2.2, 1.55)
    for hub in (rear, front):
        ring = [
            (hub[0] + size * math.cos(step * math.pi / 40), hub[1] + size * math.sin(step * math.pi / 40))
            for step in range(81)
        ]
        sheet.line(ring, colour, width)
        sheet.disc(hub, width * 1.1, colour)
    low = at(2.28, 1.2)
    for tube in (
        (rear, crank),
        (crank, seat),
        (rear, at(0.84, 1.2)),
        (crank, low),
        (at(0.84, 1.2), low),
        (head, front),
    ):
        sheet.line(tube, colour, width)
    sheet.line([at(0.5, 1.5), at(1.05, 1.5)], colour, width * 1.8)
    sheet.line([head, at(2.12, 1.85), at(2.45, 1.98), at(2.62, 1.82)], colour, width)
    sheet.disc(crank, size * 0.2, colour)


def rider(sheet: Sheet, rear: Point, size: float, colour: str) -> None:
    """Put somebody on a bicycle of the same place and size."""
    x, y = rear

    def at(right: float, up: float) -> Point:
        return x + right * size, y - up * size

    hip, shoulder, hand = at(0.8, 1.62), at(1.42, 2.75), at(2.5, 1.98)
    for limb, thick in (((hip, shoulder), 0.42), ((shoulder, at(1.95, 2.2), hand), 0.18)):
        sheet.line(limb, colour, size * thick)
    for knee, heel in ((at(1.72, 1.0), at(1.2, -0.3)), (at(1.5, 1.1), at(0.95, 0.16))):
        sheet.line((hip, knee, heel), colour, size * 0.22)
        sheet.disc(knee, size * 0.11, colour)
    sheet.disc(at(1.68, 3.25), size * 0.34, colour)
    sheet.disc(hip, size * 0.22, colour)
    sheet.disc(shoulder, size * 0.2, colour)


def draw_number() -> Image.Image:
    """A plain sheet with one comparison: three ways over the same distance, as bars."""
    sheet = Sheet(SIZE, PAPER)
    write(sheet, (44, 104), "4 kilometres", 54, INK, fat=1.0)
    write(sheet, (44, 156), "through town at 8 in the morning", 27, INK)
    bars: Sequence[tuple[str, int, str]] = (
        ("by car", 26, "#a7b0bd"),
        ("by bus", 31, "#a7b0bd"),
        ("by velvo", 14, CORAL),
    )
    for row, (label, minutes, colour) in enumerate(bars):
        top = 226 + row * 112
        end = 44 + minutes * 14
        sheet.shape([(44, top), (end, top), (end, top + 62), (44, top + 62)], colour)
        write(sheet, (60, top + 41), label, 25, "#ffffff" if colour == CORAL else INK, fat=0.5)
        write(sheet, (end + 14, top + 43), f"{minutes} min", 29, INK, fat=0.6)
    sheet.line([(44, 574), (596, 574)], "#cfc7b4", 1.5)
    write(sheet, (44, 622), "Twelve minutes back, every working day.", 26, TEAL, fat=0.5)
    write(sheet, (44, 658), "Door to door, parking and walking included.", 19, INK)
    foot(sheet, PAPER, INK)
    return sheet.finished()


def draw_mood() -> Image.Image:
    """A rider at sunrise by the river, and four quiet words."""
    sheet = Sheet(SIZE, "#fbd9a5")
    for band, colour in enumerate(("#f9c68e", "#f6b07c", "#f1996f")):
        top = 250 + band * 76
        sheet.shape([(0, top), (WIDTH, top), (WIDTH, FOOT), (0, FOOT)], colour)
    for radius, colour in ((150, "#fde6b8"), (112, "#fff3d1"), (84, "#fffaf0")):
        sheet.disc((430, 430), radius, colour)
    skyline = (
        (0, 60),
        (60, 96),
        (112, 70),
        (150, 128),
        (196, 84),
        (262, 110),
        (318, 62),
        (372, 82),
        (424, 48),
        (470, 66),
        (520, 74),
        (574, 118),
        (640, 88),
    )
    for (left, tall), (right, _) in pairwise(skyline):
        sheet.shape([(left, 474 - tall), (right - 8, 474 - tall), (right - 8, 474), (left, 474)], "#c9706a")
    sheet.shape([(0, 472), (WIDTH, 472), (WIDTH, FOOT), (0, FOOT)], "#7d8fa8")
    for row in range(7):
        y = 492 + row * 17
        half = 92 - row * 9 + (row % 2) * 16
        sheet.line([(430 - half, y), (430 + half, y)], "#fbe0b4", 3.4)
    sheet.shape([(0, 628), (WIDTH, 612), (WIDTH, FOOT), (0, FOOT)], INK)
    bicycle(sheet, (132, 566), 56, INK, width=5.4)
    rider(sheet, (132, 566), 56, INK)
    write(sheet, (44, 122), "The city,", 62, INK, style="Italic")
    write(sheet, (44, 192), "before it is loud.", 62, INK, style="Italic")
    foot(sheet, PAPER, INK)
    return sheet.finished()


def draw_word() -> Image.Image:
    """What a neighbour says, in a speech bubble, and who she is."""
    sheet = Sheet(SIZE, TEAL)
    sheet.disc((640, 60), 250, "#138b8f")
    left, top, right, low, bend = 44, 64, 596, 400, 34
    sheet.shape([(left + bend, top), (right - bend, top), (right - bend, low), (left + bend, low)], "#ffffff")
    sheet.shape([(left, top + bend), (right, top + bend), (right, low - bend), (left, low - bend)], "#ffffff")
    for x, y in ((left, top), (right, top), (left, low), (right, low)):
        centre = (x + (bend if x == left else -bend), y + (bend if y == top else -bend))
        sheet.disc(centre, bend, "#ffffff")
    sheet.shape([(150, low - 4), (214, low - 4), (140, low + 62)], "#ffffff")
    said = (
        "“I sold the second car.",
        "The bike is at the corner",
        "when I need it, and when",
        "it has a flat tyre, that is",
        "not my problem.”",
    )
    for row, words in enumerate(said):
        write(sheet, (82, 134 + row * 57), words, 39, INK, style="Bol" if row == 0 else "")
    sheet.disc((132, 590), 62, SUN)
    sheet.disc((132, 574), 30, "#8a4b2f")
    sheet.shape([(86, 632), (100, 606), (164, 606), (178, 632)], CORAL)
    sheet.disc((132, 560), 31, "#2a1a14", 0.62)
    write(sheet, (216, 570), "Marta K., 52", 31, "#ffffff", fat=0.7)
    write(sheet, (216, 606), "geriatric nurse, rides to the early shift", 20, "#d6efee")
    write(sheet, (216, 634), "since March of last year", 20, "#d6efee")
    foot(sheet, INK, SUN)
    return sheet.finished()


def main() -> None:
    """Write the three pictures into the folder given, or beside this script."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, picture in (("ad-number", draw_number()), ("ad-mood", draw_mood()), ("ad-word", draw_word())):
        picture.save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
