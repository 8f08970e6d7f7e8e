"""From anything that holds pixels to one of three plain modes: grey, colour, colour with alpha."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from toolkit.errors import ImageInvalid
from toolkit.media.content import Content
from toolkit.media.header import check_pixels, decoding, open_file, turn_of

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from PIL.Image import Image as Picture

__all__ = ["FIGURE_DPI", "decode", "from_array", "from_figure", "from_picture"]

FIGURE_DPI = 150
"""Dots per inch at which a matplotlib figure is rendered: the default 6.4 x 4.8 inches become 960 x 720 pixels."""

_SIXTEEN_TO_EIGHT = 257  # 65535 / 255
_CHANNELS = {3: "RGB", 4: "RGBA"}
_ARRAY_HINT = "Give height x width, height x width x 3 or x 4, as uint8 or as floats from 0 to 1."


def decode(content: Content, label: str) -> Picture:
    """Return the picture of a content: turned, in sRGB, of mode L, RGB or RGBA.

    Raises:
        ImageInvalid: Damaged, cut short, or refused.

    Example:
        >>> decode(Content.of_pixels("L", (2, 1), b"ab"), "the array given").mode
        'L'
    """
    if content.mode:
        from PIL import Image

        return Image.frombytes(content.mode, content.size, content.data)
    picture, mime = open_file(content.data, label)
    with decoding(label, mime):
        return _settle(picture, label)


def from_picture(picture: Picture) -> Content:
    """Return the pixels of a Pillow image, as they are now.

    Raises:
        ImageInvalid: It has no pixels or too many, cannot be read, or is of a mode without a meaning in colours.

    Example:
        >>> from PIL import Image
        >>> from_picture(Image.new("1", (3, 2))).mode
        'L'
    """
    label = "the PIL image given"
    check_pixels(picture.size, label)
    with decoding(label, picture.format or "PIL image"):
        settled = _settle(picture, label)
    return Content.of_pixels(settled.mode, settled.size, settled.tobytes())


def from_array(array: NDArray[Any]) -> Content:
    r"""Return the pixels of an array, as they are now: grey, RGB or RGBA, uint8 or floats from 0 to 1.

    Raises:
        ImageInvalid: Another shape or type, no elements, too many, or values that are not colours.

    Example:
        >>> import numpy as np
        >>> from_array(np.ones((2, 3))).data
        b'\xff\xff\xff\xff\xff\xff'
    """
    label = "the array given"
    mode = "L" if array.ndim == 2 else _CHANNELS.get(array.shape[-1]) if array.ndim == 3 else None  # noqa: PLR2004
    if mode is None:
        raise ImageInvalid(f"an array of shape {array.shape} is not an image", hint=_ARRAY_HINT)
    height, width = array.shape[:2]
    check_pixels((width, height), label)
    return Content.of_pixels(mode, (width, height), _to_bytes(array).tobytes())


def from_figure(figure: Figure) -> Content:
    """Return the pixels of a matplotlib figure, rendered at ``FIGURE_DPI`` without pyplot; the figure stays as it is.

    Raises:
        ImageInvalid: The figure is too large.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from_figure(Figure(figsize=(2, 1))).size
        (300, 150)
    """
    width, height = (int(side) for side in figure.get_size_inches() * FIGURE_DPI)
    check_pixels((width, height), "the figure given")
    file = BytesIO()
    figure.savefig(
        file,
        format="png",
        backend="agg",
        dpi=FIGURE_DPI,
        facecolor="auto",
        edgecolor="auto",
        transparent=False,
        pil_kwargs={"compress_level": 1},
    )
    rendered = decode(Content.of_file(file.getvalue()), "the figure given").convert("RGBA")
    return Content.of_pixels("RGBA", rendered.size, rendered.tobytes())


def _to_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    import numpy as np

    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise ImageInvalid(f"an array of {array.dtype} is not an image", hint=_ARRAY_HINT)
    if not np.isfinite(array).all():
        raise ImageInvalid("the array given holds NaN or infinity", hint="Fill them first, with numpy.nan_to_num.")
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 1:
        raise ImageInvalid(
            f"the array of {array.dtype} given runs from {low:g} to {high:g}, not from 0 to 1",
            hint="Divide by its maximum, or convert 0 to 255 with .astype('uint8').",
        )
    return np.rint(array.astype(np.float64) * 255).astype(np.uint8)


def _settle(picture: Picture, label: str) -> Picture:
    """Load, turn, bring to sRGB and to a plain mode; what EXIF and the colour profile said is then in the pixels."""
    picture.load()
    return _plain(_to_srgb(_turned(picture)), label)


def _turned(picture: Picture) -> Picture:
    from PIL import ImageOps

    return picture if turn_of(picture) == 1 else ImageOps.exif_transpose(picture)


def _to_srgb(picture: Picture) -> Picture:
    """Convert by the embedded colour profile: a phone's Display P3 or a printer's CMYK would shift without it."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in {"RGB", "RGBA", "CMYK"}:
        return picture
    from PIL import ImageCms

    try:
        given = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(given):
            return picture
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(picture, given, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return picture  # a damaged or foreign profile is ignored, as viewers do
    return picture if converted is None else converted


def _plain(picture: Picture, label: str) -> Picture:
    from PIL import Image

    if picture.mode.startswith("I;16"):
        import numpy as np

        grey = np.rint(np.asarray(picture, dtype=np.float64) / _SIXTEEN_TO_EIGHT).astype(np.uint8)
        return Image.fromarray(grey)
    if picture.mode in {"I", "F"}:
        raise ImageInvalid(
            f"{label} has pixels of mode {picture.mode!r}, whose black and white are not defined",
            hint="Scale it to 0 to 255 and convert it to mode 'L'.",
        )
    if picture.has_transparency_data:
        return picture if picture.mode == "RGBA" else picture.convert("RGBA")
    if picture.mode in {"1", "L"}:
        return picture.convert("L")
    return picture.convert("RGB")
