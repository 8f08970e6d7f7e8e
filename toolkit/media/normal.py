"""The normal form: what a model gets to see of an image, made once and shared by all who ask."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from toolkit.errors import InvalidInput

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from toolkit.media.content import Source

__all__ = ["NORMAL_FORM", "Blob", "BlobCache", "CacheInfo", "is_drawing", "normal_form"]

NORMAL_FORM = "1"
"""Version of the rule; it is part of every call's key, and goes up when the rule changes."""

CACHE_BYTES = 128_000_000
"""Most bytes of normal forms that are kept, data and data URI together."""

FEW_COLOURS = 256
"""A picture of at most so many colours is a drawing."""
FLAT_SHARE = 0.5
"""A picture is a drawing when at least this share of its pixels equals its right-hand neighbour …"""
COLOURS_PER_PIXEL = 1 / 16
"""… and it has at most this many colours a pixel; a product photographed on white is flat too, but has more."""

_QUALITIES = range(1, 96)
_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "jpg": "image/jpeg"}


@dataclass(frozen=True, slots=True)
class Blob:
    """An encoded image, ready to be sent.

    Example:
        >>> Blob(b"abc", "image/png", 1, 1, "…").data_uri
        'data:image/png;base64,YWJj'
    """

    data: bytes = field(repr=False)
    """The file's bytes, without metadata."""
    mime: str
    """``image/png`` or ``image/jpeg``."""
    width: int
    """In pixels."""
    height: int
    """In pixels."""
    sha256: str
    """Of ``data``, in 64 hex digits."""
    data_uri: str = field(init=False, repr=False, compare=False)
    """``data`` as a data URI; encoded once."""

    def __post_init__(self) -> None:
        uri = f"data:{self.mime};base64,{base64.b64encode(self.data).decode()}"
        object.__setattr__(self, "data_uri", uri)


class CacheInfo(NamedTuple):
    """How often a normal form was asked for, and what is kept."""

    hits: int
    misses: int
    blobs: int
    size: int
    """Bytes kept."""


_Key = tuple[str, int, str, int]


class BlobCache:
    """The blobs last used, up to a number of bytes; threads that want the same one wait for the one that makes it.

    Args:
        limit: Bytes kept, data and data URI together; a single larger blob is made but not kept.

    Example:
        >>> BlobCache(1_000).info().blobs
        0
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._blobs: OrderedDict[_Key, Blob] = OrderedDict()
        self._making: dict[_Key, threading.Lock] = {}
        self._lock = threading.Lock()
        self._hits = self._misses = self._size = 0

    def get(self, key: _Key, make: Callable[[], Blob]) -> Blob:
        """Return the blob of this key, made by ``make`` if it is not there.

        An error or interrupt while making reaches only the thread it happened in; the next one tries again.
        """
        with self._lock:
            if (blob := self._found(key)) is not None:
                return blob
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if (blob := self._found(key)) is not None:
                    return blob
                self._misses += 1
            try:
                blob = make()
                with self._lock:
                    self._keep(key, blob)
            finally:
                with self._lock:
                    self._making.pop(key, None)
            return blob

    def info(self) -> CacheInfo:
        """Return counts since the process began."""
        with self._lock:
            return CacheInfo(self._hits, self._misses, len(self._blobs), self._size)

    def _found(self, key: _Key) -> Blob | None:
        blob = self._blobs.get(key)
        if blob is not None:
            self._blobs.move_to_end(key)
            self._hits += 1
        return blob

    def _keep(self, key: _Key, blob: Blob) -> None:
        if _weight(blob) > self._limit:
            return
        if (old := self._blobs.pop(key, None)) is not None:
            self._size -= _weight(old)
        self._blobs[key] = blob
        self._size += _weight(blob)
        while self._size > self._limit:
            _, gone = self._blobs.popitem(last=False)
            self._size -= _weight(gone)


def _weight(blob: Blob) -> int:
    return len(blob.data) + len(blob.data_uri)


BLOBS = BlobCache(CACHE_BYTES)
"""The process's normal forms. Not state that can change a result: it only saves making the same bytes twice."""


def normal_form(source: Source, *, max_side: int, format: str | None, quality: int) -> Blob:  # noqa: A002  # see Image
    """Return the normal form of a source; see ``Image.normal``.

    Raises:
        InvalidInput: A size, format or quality that cannot be.
        ImageInvalid: The source is no image, is damaged, or is refused.

    Example:
        >>> from toolkit.media.sources import open_source
        >>> from toolkit.resources import data_file
        >>> plain = open_source(data_file("images/package-plain.png"))
        >>> normal_form(plain, max_side=400, format=None, quality=85).height
        400
    """
    mime = _checked(max_side, format, quality)
    key = (source.content.digest, max_side, mime, 0 if mime == "image/png" else quality)
    return BLOBS.get(key, lambda: _make(source, max_side, mime, quality))


def is_drawing(picture: Picture) -> bool:
    """Tell a drawing (flat areas, few colours: packages, charts, screenshots) from a photo, by its pixels alone.

    Args:
        picture: Of mode RGB.

    Example:
        >>> from PIL import Image
        >>> is_drawing(Image.new("RGB", (640, 480), "white"))
        True
    """
    import numpy as np

    if picture.getcolors(FEW_COLOURS) is not None:
        return True
    if picture.getcolors(int(picture.width * picture.height * COLOURS_PER_PIXEL)) is None or picture.width == 1:
        return False
    pixels = np.asarray(picture)
    flat = (pixels[:, 1:] == pixels[:, :-1]).all(axis=2).mean()
    return bool(flat >= FLAT_SHARE)


def _checked(max_side: int, format: str | None, quality: int) -> str:  # noqa: A002
    if not isinstance(max_side, int) or isinstance(max_side, bool) or max_side < 1:
        raise InvalidInput(f"max_side is {max_side!r}", hint="Give the longest side in pixels, for example 1024.")
    if isinstance(quality, bool) or quality not in _QUALITIES:
        raise InvalidInput(f"quality is {quality!r}", hint="Give a whole number from 1 to 95; 85 serves.")
    if format is None:
        return ""
    if not isinstance(format, str) or format.lower() not in _TYPES:
        raise InvalidInput(f"format is {format!r}", hint="Give 'png', 'jpeg', or None to choose by the picture.")
    return _TYPES[format.lower()]


def _make(source: Source, max_side: int, mime: str, quality: int) -> Blob:
    picture = _scaled(_on_white(source.open()), max_side)
    mime = mime or ("image/png" if is_drawing(picture) else "image/jpeg")
    file = BytesIO()
    if mime == "image/png":
        picture.save(file, format="PNG")
    else:
        picture.save(file, format="JPEG", quality=quality, optimize=True)
    data = file.getvalue()
    return Blob(data, mime, picture.width, picture.height, hashlib.sha256(data).hexdigest())


def _on_white(picture: Picture) -> Picture:
    """Return bare RGB pixels; what was transparent is white, as on a page."""
    from PIL import Image

    flat = Image.new("RGB", picture.size, "white")
    if picture.mode == "RGBA":
        flat.paste(picture, mask=picture.getchannel("A"))
    else:
        flat.paste(picture.convert("RGB"))
    return flat


def _scaled(picture: Picture, max_side: int) -> Picture:
    from PIL.Image import Resampling

    longest = max(picture.size)
    if longest <= max_side:
        return picture
    width, height = (max(1, round(side * max_side / longest)) for side in picture.size)
    return picture.resize((width, height), Resampling.LANCZOS)
