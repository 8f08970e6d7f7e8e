"""What an image file says of itself, and every refusal that needs no decoding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING

from toolkit.errors import ImageInvalid
from toolkit.media.content import Content

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageFile import ImageFile

__all__ = ["MAX_BYTES", "MAX_PIXELS", "Header", "check_pixels", "decoding", "open_file", "read_header", "turn_of"]

MAX_PIXELS = 64_000_000
"""Largest image that is decoded, in pixels: above any phone camera's usual 12 to 50 megapixels, 192 MB as RGB."""
MAX_BYTES = 100_000_000
"""Largest file that is read, in bytes."""

_FORMATS = "PNG, JPEG, WebP, GIF, BMP or TIFF"
_CONVERT = "Convert it to PNG or JPEG and give that."
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations (CIPA DC-008, tag 0x0112) that swap width and height
_ORIENTATION = 0x0112

# First bytes -> MIME type, Pillow module and class. The class is used itself instead of PIL.Image.open, so that no
# other decoder ever sees the bytes, a phone's multi-picture JPEG is its first picture, and the size check is ours.
_DECODERS: tuple[tuple[bytes, str, str, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png", "PIL.PngImagePlugin", "PngImageFile"),
    (b"\xff\xd8\xff", "image/jpeg", "PIL.JpegImagePlugin", "JpegImageFile"),
    (b"GIF8", "image/gif", "PIL.GifImagePlugin", "GifImageFile"),
    (b"RIFF", "image/webp", "PIL.WebPImagePlugin", "WebPImageFile"),
    (b"BM", "image/bmp", "PIL.BmpImagePlugin", "BmpImageFile"),
    (b"II*\x00", "image/tiff", "PIL.TiffImagePlugin", "TiffImageFile"),
    (b"MM\x00*", "image/tiff", "PIL.TiffImagePlugin", "TiffImageFile"),
)


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of an image without decoding it."""

    mime: str | None
    """The file's MIME type; None for pixels."""
    size: tuple[int, int]
    """Width and height in pixels, after the turn its EXIF block asks for."""


def read_header(content: Content, label: str) -> Header:
    """Return format and size.

    Args:
        content: What was read.
        label: How errors name the image.

    Raises:
        ImageInvalid: It is no image, or one that is refused.

    Example:
        >>> read_header(Content.of_pixels("L", (2, 1), b"ab"), "the array given").size
        (2, 1)
    """
    if content.mode:
        return Header(None, content.size)
    picture, mime = open_file(content.data, label)
    width, height = picture.size
    sideways = mime != "image/tiff" and _says_turn(content.data, mime) and turn_of(picture) in _SIDEWAYS
    return Header(mime, (height, width) if sideways else (width, height))


def open_file(data: bytes, label: str) -> tuple[ImageFile, str]:
    """Return the picture, not yet decoded, and its MIME type.

    Raises:
        ImageInvalid: Empty, text, SVG, animated, too many pixels, damaged at its head, or of another format.

    Example:
        >>> from toolkit.resources import data_file
        >>> open_file(data_file("images/package-plain.png").read_bytes(), "'package-plain.png'")[1]
        'image/png'
    """
    _refuse(data, label)
    for magic, mime, module, name in _DECODERS:
        if data.startswith(magic) and (mime != "image/webp" or data[8:12] == b"WEBP"):
            with decoding(label, mime):
                picture: ImageFile = getattr(import_module(module), name)(BytesIO(data))
            check_pixels(picture.size, label)
            with decoding(label, mime):
                moving = bool(getattr(picture, "is_animated", False))
            if moving:
                what = "has several pages" if mime == "image/tiff" else "is animated"
                raise ImageInvalid(f"{label} {what}", hint="Save the one frame you mean as PNG and give that.")
            return picture, mime
    raise ImageInvalid(f"{label} is of no image format read here", hint=f"Convert it to {_FORMATS}.")


def check_pixels(size: tuple[int, int], label: str) -> None:
    """Refuse a picture of nothing, or of more than ``MAX_PIXELS``.

    Raises:
        ImageInvalid: Naming the size.

    Example:
        >>> check_pixels((640, 480), "the array given")
    """
    width, height = size
    if width < 1 or height < 1:
        raise ImageInvalid(f"{label} has no pixels ({width} x {height})", hint="Give an image of at least 1 x 1.")
    if width * height > MAX_PIXELS:
        raise ImageInvalid(
            f"{label} has {width} x {height} pixels, more than the {MAX_PIXELS // 1_000_000} megapixels allowed",
            hint="Scale it down first.",
        )


@contextmanager
def decoding(label: str, mime: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one plain error.

    Example:
        >>> with decoding("'ad.png'", "image/png"):
        ...     pass
    """
    try:
        yield
    except (ImageInvalid, MemoryError):
        raise
    except Exception as error:  # decoders raise anything on damaged bytes, and to the user all of it means this
        kind = mime.removeprefix("image/").upper()
        raise ImageInvalid(
            f"{label} is a {kind} that is damaged or cut short", hint="Export or download it again."
        ) from error


def turn_of(picture: Picture) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none or the block is damaged.

    Example:
        >>> from PIL import Image
        >>> turn_of(Image.new("L", (2, 1)))
        1
    """
    try:
        turn = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001  # a photo with a damaged EXIF block is still a photo, and shows as it lies
        return 1
    return turn if turn in range(1, 9) else 1


def _says_turn(data: bytes, mime: str) -> bool:
    """Tell whether it is worth asking for EXIF: Pillow decodes a whole PNG for it, and most carry none."""
    return mime != "image/png" or any(
        mark in data for mark in (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")
    )


def _refuse(data: bytes, label: str) -> None:
    """Refuse what is recognisably something else, each with the step that helps."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not data:
        raise ImageInvalid(f"{label} is empty (0 bytes)", hint="Export or download it again.")
    if head.startswith(b"<svg") or (head.startswith((b"<?xml", b"<!")) and b"<svg" in head):
        raise ImageInvalid(f"{label} is an SVG drawing", hint="Convert it to PNG and give that.")
    if head.startswith((b"<!doctype html", b"<html")):
        raise ImageInvalid(f"{label} is a web page", hint="Save the image itself, not the page it is on.")
    if head.startswith(b"%pdf"):
        raise ImageInvalid(f"{label} is a PDF", hint="Save the page as PNG and give that.")
    if head.startswith(b"version https://git-lfs"):
        raise ImageInvalid(f"{label} is a Git LFS pointer, not the image", hint="Run git lfs pull.")
    if data[4:8] == b"ftyp":
        raise ImageInvalid(f"{label} is a HEIC, AVIF or video file", hint=_CONVERT)
    if _is_text(data[:1024]):
        raise ImageInvalid(f"{label} is text, not an image", hint=f"Give a {_FORMATS} file.")


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        text = head[: error.start].decode("utf-8")
        if len(head) - error.start > 3:  # noqa: PLR2004  # a character cut by the 1,024th byte leaves at most 3
            return False
    return text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable()
