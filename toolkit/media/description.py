"""What a machine can honestly tell of an image: the text in it and its main colours, not what it shows."""

from __future__ import annotations

import colorsys
import threading
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from toolkit.media.image import Image

__all__ = ["VERSION", "Description", "describe_image", "reader_name"]

VERSION = "1"
"""Of the rule by which a description is made; it is part of the reader's identity."""

_PACKAGE = "rapidocr-onnxruntime"
_READ_SIDE = 1600
"""Pixels of the longest side in which text is sought."""
_LOOK_SIDE = 96
"""Pixels of the longest side in which colours are counted."""
_SURE = 0.5
"""Confidence from which a line of text counts."""
_LONGEST_TEXT = 800
_MOST_COLOURS = 4
_LEAST_SHARE = 0.06
_GREY, _BLACK, _WHITE = 0.12, 0.22, 0.9
"""Saturation and brightness (of HSV, 0 to 1) below or above which a colour has no hue."""
_PALE, _DARK, _BROWN = 0.4, 0.45, 0.7
"""Saturation below which a colour is pale, brightness below which it is dark, and orange is brown."""
_HUES = (
    (15, "red"),
    (42, "orange"),
    (70, "yellow"),
    (165, "green"),
    (200, "turquoise"),
    (255, "blue"),
    (290, "purple"),
    (335, "pink"),
    (361, "red"),
)
"""Degrees up to which a hue has a name."""


@dataclass(frozen=True, slots=True)
class Description:
    """What was read in an image, by a machine.

    Example:
        >>> str(Description(("halmi", "1 LITRE"), (("white", 0.61),), "rapidocr"))
        'read by a machine: text "halmi", "1 LITRE"; main colours white 61 %'
    """

    text: tuple[str, ...]
    """Lines, from top to bottom."""
    colours: tuple[tuple[str, float], ...]
    """Main colours and their shares of the area, 0 to 1, largest first."""
    reader: str
    """What read the text; empty where nothing could."""

    def __str__(self) -> str:
        """Return the description in one line, as a model without eyes is given it."""
        lines, room = [], _LONGEST_TEXT
        for line in self.text:
            room -= len(line)
            if room < 0:
                lines.append("…")
                break
            lines.append(f'"{line}"')
        said = ("text " + ", ".join(lines) if lines else "no text found") if self.reader else "its text was not read"
        return f"read by a machine: {said}; main colours {self._colours()}"

    def _colours(self) -> str:
        return ", ".join(f"{name} {share:.0%}".replace("%", " %") for name, share in self.colours)


def describe_image(image: Image) -> Description:
    """Return what a machine can tell of an image: text by ``rapidocr-onnxruntime`` where it is installed, and colours.

    Objects and people cannot be told.

    Args:
        image: The image.

    Raises:
        ImageInvalid: The source is no image, or is damaged.

    Example:
        >>> import numpy as np
        >>> from toolkit.media import Image
        >>> describe_image(Image(np.zeros((30, 40)))).colours
        (('black', 1.0),)
    """
    from io import BytesIO

    from PIL import Image as Pictures

    with Pictures.open(BytesIO(image.normal(_READ_SIDE).data)) as opened:
        picture = opened.convert("RGB")
    return Description(_text(picture), _colours(picture), reader_name())


@cache
def reader_name() -> str:
    """Return what reads text in images here, with its version; empty where the extra ``embedded`` is not installed.

    Example:
        >>> reader_name().startswith("rapidocr") or not reader_name()
        True
    """
    if find_spec("rapidocr_onnxruntime") is None:
        return ""
    try:
        return f"rapidocr-{version(_PACKAGE)}"
    except PackageNotFoundError:
        return "rapidocr"


def _text(picture: Picture) -> tuple[str, ...]:
    if not reader_name():
        return ()
    import numpy as np

    pixels = np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])  # it wants blue first
    with _reading:
        found, _ = _reader()(pixels)
    return tuple(" ".join(str(line).split()) for _, line, sure in found or () if float(sure) >= _SURE and line.strip())


_reading = threading.Lock()
"""One image at a time: the reader uses all cores, and is not promised to be safe between threads."""


@cache
def _reader() -> Any:
    from rapidocr_onnxruntime import RapidOCR  # type: ignore[import-untyped]  # ships no types

    return RapidOCR()


def _colours(picture: Picture) -> tuple[tuple[str, float], ...]:
    small = picture.copy()
    small.thumbnail((_LOOK_SIDE, _LOOK_SIDE))
    counts: dict[str, int] = {}
    for n, colour in small.getcolors(small.width * small.height) or []:
        name = _named(*colour)  # type: ignore[misc]  # three numbers, for the picture is RGB
        counts[name] = counts.get(name, 0) + n
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    large = [(name, round(n / total, 2)) for name, n in ordered if n / total >= _LEAST_SHARE]
    return tuple(large[:_MOST_COLOURS]) or ((ordered[0][0], round(ordered[0][1] / total, 2)),)


def _named(red: int, green: int, blue: int) -> str:
    """Return what a colour is called, by hue, saturation and brightness."""
    hue, saturation, bright = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
    if bright < _BLACK:
        return "black"
    if saturation < _GREY:
        return "white" if bright > _WHITE else "grey"
    name = next(name for end, name in _HUES if hue * 360 < end)
    if name == "orange" and bright < _BROWN:  # dark orange is what people call brown
        return "brown"
    return f"dark {name}" if bright < _DARK else f"pale {name}" if saturation < _PALE else name
