# ruff: noqa: INP001  # a script beside the pictures it draws
"""Draw the two packages of "Halmi", an oat drink invented for this project: one calm, one loud.

Run ``python data/images/make_packages.py [FOLDER]``; the same library versions draw the same pixels each time. The
letters are Aileron, which Pillow carries, and STIX, which matplotlib carries.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIZE = (640, 800)
FINE = 3  # everything is drawn three times as large and made smaller at the end, which smooths the edges
COLOURS = 128

# The carton in final pixels: front face, and how far and how much higher its back lies.
LEFT, RIGHT, SHOULDER, FLOOR = 150, 420, 262, 716
DEPTH, RISE = 84, 34
RIDGE, FIN = 168, 124

Point = tuple[float, float]


class Sheet:
    """A drawing surface that takes final pixels."""

    def __init__(self, size: tuple[int, int], background: str | None = None) -> None:
        self.picture = Image.new("RGBA", (size[0] * FINE, size[1] * FINE), background or (0, 0, 0, 0))
        self.pen = ImageDraw.Draw(self.picture)

    def shape(self, points: Sequence[Point], colour: str) -> None:
        """Fill a polygon."""
        self.pen.polygon([(x * FINE, y * FINE) for x, y in points], fill=colour)

    def line(self, points: Sequence[Point], colour: str, width: float) -> None:
        """Draw a line through the points."""
        self.pen.line([(x * FINE, y * FINE) for x, y in points], fill=colour, width=round(width * FINE), joint="curve")

    def disc(self, centre: Point, radius: float, colour: str, flat: float = 1.0) -> None:
        """Fill a circle, or an ellipse ``flat`` times as high as it is wide."""
        (x, y), across, down = centre, radius * FINE, radius * flat * FINE
        self.pen.ellipse([x * FINE - across, y * FINE - down, x * FINE + across, y * FINE + down], fill=colour)

    def spaced(
        self, middle: Point, words: str, font: ImageFont.FreeTypeFont, colour: str, gap: float, fat: float = 0
    ) -> None:
        """Write with wider gaps between the letters, which ``fat`` pixels all around make bold."""
        widths = [font.getlength(letter) / FINE for letter in words]
        x = middle[0] - (sum(widths) + gap * (len(words) - 1)) / 2
        for letter, width in zip(words, widths, strict=True):
            self.pen.text((x * FINE, middle[1] * FINE), letter, colour, font, anchor="lm", stroke_width=fat * FINE)
            x += width + gap

    def lay(self, other: Image.Image, middle: Point) -> None:
        """Put another picture on top, around ``middle``."""
        corner = (round(middle[0] * FINE - other.width / 2), round(middle[1] * FINE - other.height / 2))
        self.picture.alpha_composite(other, (max(0, corner[0]), max(0, corner[1])))

    def finished(self) -> Image.Image:
        """Return the picture in its final size and with few colours, which keeps the file small."""
        small = self.picture.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)
        return small.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def sans(size: float) -> ImageFont.FreeTypeFont:
    """Return Aileron, ``size`` final pixels high."""
    font = ImageFont.load_default(size * FINE)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise SystemExit("This Pillow was built without FreeType; install one from a wheel.")
    return font


def serif(size: float, style: str = "") -> ImageFont.FreeTypeFont:
    """Return STIX General, ``size`` final pixels high."""
    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / f"STIXGeneral{style}.ttf", size * FINE)


def shadow(sheet: Sheet, strength: int, blur: float) -> None:
    """Lay a shadow on the table, to the right of the carton."""
    soft = Image.new("RGBA", sheet.picture.size, (0, 0, 0, 0))
    points = [(LEFT + 10, FLOOR - 8), (RIGHT, FLOOR + 8), (RIGHT + 190, FLOOR - 42), (RIGHT + 60, FLOOR - 96)]
    ImageDraw.Draw(soft).polygon([(x * FINE, y * FINE) for x, y in points], fill=(30, 20, 10, strength))
    sheet.picture.alpha_composite(soft.filter(ImageFilter.GaussianBlur(blur * FINE)))


def carton(sheet: Sheet, *, front: str, side: str, roof: str, fold: str, fin: str) -> None:
    """Draw a gable-top carton without print: front, side, sloping roof, folded gable and the sealed fin."""
    back = (RIGHT + DEPTH, SHOULDER - RISE)
    ridge_left, ridge_right = (LEFT + DEPTH / 2, RIDGE), (RIGHT + DEPTH / 2, RIDGE)
    sheet.shape([(RIGHT, SHOULDER), back, (RIGHT + DEPTH, FLOOR - RISE), (RIGHT, FLOOR)], side)
    sheet.shape([(RIGHT, SHOULDER), back, ridge_right], fold)
    sheet.shape([(LEFT, SHOULDER), (RIGHT, SHOULDER), ridge_right, ridge_left], roof)
    sheet.shape([ridge_left, ridge_right, (ridge_right[0], FIN), (ridge_left[0], FIN)], fin)
    sheet.shape([(LEFT, SHOULDER), (RIGHT, SHOULDER), (RIGHT, FLOOR), (LEFT, FLOOR)], front)


def cap(sheet: Sheet, top: str, rim: str) -> None:
    """Draw the screw cap on the roof."""
    x, y = (LEFT + RIGHT + DEPTH / 2) / 2, (SHOULDER + RIDGE) / 2 + 4
    sheet.disc((x, y + 9), 33, rim, 0.66)
    sheet.shape([(x - 33, y - 4), (x + 33, y - 4), (x + 33, y + 9), (x - 33, y + 9)], rim)
    sheet.disc((x, y - 4), 33, top, 0.66)


def grain(sheet: Sheet, foot: Point, angle: float, length: float, colour: str) -> None:
    """Draw one oat grain: a pointed leaf shape that begins at ``foot``."""
    steps = [step / 16 for step in range(17)]
    outline = [(length * t, length * 0.17 * math.sin(math.pi * t) ** 0.8) for t in steps]
    outline += [(along, -across) for along, across in reversed(outline)]
    turn = math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    sheet.shape([(foot[0] + x * cos - y * sin, foot[1] + x * sin + y * cos) for x, y in outline], colour)


def sprig(sheet: Sheet, foot: Point, height: float, dark: str, light: str) -> None:
    """Draw a stem of oats that leans a little, its grains hanging from thin stalks, shorter towards the top."""
    stem = [(foot[0] + 16 * (t / 40) ** 2, foot[1] - height * t / 40) for t in range(41)]
    sheet.line(stem, dark, 2.2)
    for number, place in enumerate((12, 20, 28, 35)):
        x, y = stem[place]
        reach = 66 - number * 13
        for side, colour in ((-1, light), (1, dark)):
            lift = reach * (0.5 if side > 0 else 0.38)
            bow = [(x + side * reach * t, y - lift * math.sin(t * 2.3)) for t in (step / 12 for step in range(13))]
            sheet.line(bow, dark, 1.3)
            grain(sheet, bow[-1], 90 - side * 17, 32 - number * 1.2, colour)
            if number < 3:  # noqa: PLR2004  # the longer stalks have room for a second grain half way
                grain(sheet, bow[6], 90 - side * 10, 27, colour)
    grain(sheet, (stem[-1][0] - 1, stem[-1][1] + 3), -76, 32, light)


def draw_plain() -> Image.Image:
    """Off-white carton, one sprig of oats in sage green, a small serif name, much room."""
    ink, sage, pale = "#3d473a", "#7f8f74", "#b9c3ab"
    sheet = Sheet(SIZE, "#ece6da")
    sheet.shape([(0, 612), (640, 612), (640, 800), (0, 800)], "#e0d8c9")
    shadow(sheet, 95, blur=13)
    carton(sheet, front="#fbf9f4", side="#e6e0d4", roof="#f1ede4", fold="#d8d1c3", fin="#f7f4ed")
    cap(sheet, sage, "#66745c")
    centre = (LEFT + RIGHT) / 2
    sprig(sheet, (centre - 8, 506), 190, sage, pale)
    sheet.spaced((centre, 550), "halmi", serif(64), ink, 7)
    sheet.line([(centre - 22, 596), (centre + 22, 596)], sage, 1.6)
    sheet.spaced((centre, 620), "oat drink", serif(23, "Italic"), ink, 1.6)
    sheet.spaced((centre, 688), "1 LITRE", sans(11.5), sage, 3)
    return sheet.finished()


def burst(sheet: Sheet, middle: Point, radii: tuple[float, float], points: int, colour: str) -> None:
    """Draw a star with many points."""
    outline = []
    for step in range(points * 2):
        angle, radius = math.pi * step / points - 0.2, radii[step % 2]
        outline.append((middle[0] + radius * math.cos(angle), middle[1] + radius * math.sin(angle)))
    sheet.shape(outline, colour)


def banner(words: str, size: float, colour: str, edge: str, angle: float) -> Image.Image:
    """Return fat words with an outline and a hard shadow, turned."""
    sheet = Sheet((560, 200))
    font, gap = sans(size), size * 0.1
    for away in (size * 0.1, 0):
        sheet.spaced((280 + away, 100 + away), words, font, edge, gap, size * 0.13)
    sheet.spaced((280, 100), words, font, colour, gap, size * 0.05)
    return sheet.picture.rotate(angle, Image.Resampling.BICUBIC, expand=True)


def splash(sheet: Sheet, middle: Point, ink: str) -> None:
    """Draw a splash of oat drink with a face, and grains that fly out of it."""
    x, y = middle
    for angle, away in ((-168, 84), (-140, 82), (-114, 72), (-88, 78), (-62, 70), (-36, 84), (-10, 92)):
        turn = math.radians(angle)
        grain(sheet, (x + away * math.cos(turn) * 1.08, y + away * math.sin(turn) * 0.8), angle, 36, "#ffc21a")
    drops = ((0, 0, 58), (-50, 18, 38), (52, 14, 40), (-84, 40, 17), (90, 36, 16), (-22, 38, 36), (30, 36, 38))
    for right, down, radius in drops:
        sheet.disc((x + right, y + down), radius, "#ffffff")
    for side in (-1, 1):
        sheet.disc((x + side * 19, y - 10), 7.5, ink, 1.25)
        sheet.disc((x + side * 19 + 2.2, y - 13), 2.4, "#ffffff")
        sheet.disc((x + side * 38, y + 8), 9, "#ff9fc6", 0.66)
    box = [(x - 17) * FINE, (y - 12) * FINE, (x + 17) * FINE, (y + 22) * FINE]
    sheet.pen.chord(box, 8, 172, fill=ink)
    sheet.disc((x, y + 17), 7, "#ff3b1f", 0.55)


def bold_print() -> Image.Image:
    """Return what is printed on the loud front face, cut to the face."""
    blue, pink, yellow, night = "#1746e0", "#ff2e88", "#ffd400", "#10123f"
    face = Sheet(SIZE, blue)
    middle = (LEFT + RIGHT) / 2
    burst(face, (middle, 505), (420, 36), 22, "#2c63ff")
    for row in range(9):
        for column in range(14):
            face.disc((LEFT + column * 22 + (row % 2) * 11, SHOULDER + 8 + row * 13), 5.6 - row * 0.55, "#59d8ff")
    face.shape([(LEFT, 668), (RIGHT, 596), (RIGHT, FLOOR), (LEFT, FLOOR)], pink)
    face.shape([(LEFT, 656), (RIGHT, 584), (RIGHT, 596), (LEFT, 668)], yellow)
    splash(face, (middle + 2, 532), night)
    face.lay(banner("HALMI!", 62, yellow, night, 9), (middle - 4, 398))
    face.lay(banner("OAT DRINK", 28, "#ffffff", night, 15), (middle + 2, 646))
    face.spaced((RIGHT - 48, 696), "1 LITRE", sans(14), "#ffffff", 1.4, 0.7)
    mask = Image.new("L", face.picture.size, 0)
    box = [LEFT * FINE, SHOULDER * FINE, RIGHT * FINE, FLOOR * FINE]
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    face.picture.putalpha(mask)
    return face.picture


def draw_bold() -> Image.Image:
    """Electric blue, pink and yellow, rays, dots, a splash, a tilted name in fat capitals and a star that shouts."""
    night, red = "#10123f", "#ff3b1f"
    sheet = Sheet(SIZE, "#ffc400")
    burst(sheet, (310, 430), (900, 60), 18, "#ff9d00")
    sheet.shape([(0, 648), (640, 648), (640, 800), (0, 800)], "#ff6a3d")
    shadow(sheet, 105, blur=0)
    carton(sheet, front="#1746e0", side="#d81870", roof="#2c63ff", fold="#a80f56", fin="#ffd400")
    for stripe in range(6):
        y = SHOULDER + 36 + stripe * 74
        corners = [(RIGHT, y), (RIGHT + DEPTH, y - RISE), (RIGHT + DEPTH, y - RISE + 34), (RIGHT, y + 34)]
        sheet.shape(corners, "#ff5aa5")
    sheet.picture.alpha_composite(bold_print())
    cap(sheet, red, "#b51f0a")
    sheet.spaced(((LEFT + RIGHT + DEPTH) / 2, 146), "SHAKE IT · POUR IT · LOVE IT", sans(13.5), night, 1.3, 0.7)
    burst(sheet, (446, 292), (70, 55), 16, night)
    burst(sheet, (443, 288), (68, 53), 16, red)
    sheet.lay(banner("NEW", 30, "#ffffff", night, 11), (443, 278))
    sheet.lay(banner("recipe", 16, "#ffd400", night, 11), (448, 306))
    return sheet.finished()


def main() -> None:
    """Write both pictures into the folder given, or beside this script."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, picture in (("package-plain", draw_plain()), ("package-bold", draw_bold())):
        picture.save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
