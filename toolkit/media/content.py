"""What a source holds once it was read: a file's bytes, or pixels, and the digest that identifies them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from toolkit.media.header import Header

__all__ = ["Content", "Source"]


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of one image and their identity.

    Example:
        >>> Content.of_pixels("L", (1, 1), b"x").size
        (1, 1)
    """

    data: bytes
    """The file's bytes, or the pixels row by row."""
    digest: str
    """SHA-256 in 64 hex digits: of the file's bytes, or of mode, width, height and pixels."""
    mode: str = ""
    """``L``, ``RGB`` or ``RGBA`` for pixels; empty for a file."""
    size: tuple[int, int] = (0, 0)
    """Width and height of pixels; a file says its own."""

    @classmethod
    def of_file(cls, data: bytes) -> Content:
        """Return the content of a file's bytes.

        Example:
            >>> Content.of_file(b"").digest[:8]
            'e3b0c442'
        """
        return cls(data, hashlib.sha256(data).hexdigest())

    @classmethod
    def of_pixels(cls, mode: str, size: tuple[int, int], data: bytes) -> Content:
        """Return the content of bare pixels; equal pixels of equal shape have equal digests, wherever they came from.

        Example:
            >>> one, two = Content.of_pixels("L", (2, 1), b"ab"), Content.of_pixels("L", (1, 2), b"ab")
            >>> one.digest == two.digest
            False
        """
        width, height = size
        digest = hashlib.sha256(f"pixels {mode} {width} {height}\n".encode())
        digest.update(data)
        return cls(data, digest.hexdigest(), mode, size)


class Source:
    """Where an image comes from: read at most once, at the first need, by whichever thread needs it first.

    Args:
        read: Returns the content; called again only after it failed.
        label: How errors name the source, for example ``'ad.png'`` or ``the bytes given``.
        name: The file name, if there is one; never a path.

    Example:
        >>> source = Source(lambda: Content.of_file(b"abc"), label="the bytes given")
        >>> source.content.data
        b'abc'
    """

    __slots__ = ("_content", "_header", "_lock", "_read", "label", "name")

    def __init__(self, read: Callable[[], Content] | Content, *, label: str, name: str = "") -> None:
        self.label = label
        self.name = name
        self._content = read if isinstance(read, Content) else None
        self._read = None if isinstance(read, Content) else read
        self._header: Header | None = None
        self._lock = threading.Lock()

    @property
    def content(self) -> Content:
        """The bytes and their digest.

        Raises:
            ImageInvalid: The source cannot be read.
        """
        with self._lock:
            if self._content is None:
                assert self._read is not None  # noqa: S101  # one of the two is always there
                self._content = self._read()
                self._read = None
            return self._content

    @property
    def header(self) -> Header:
        """What the image says of itself: format, and size after turning.

        Raises:
            ImageInvalid: The source is no image, or one that is refused.
        """
        from toolkit.media.header import read_header

        if self._header is None:
            self._header = read_header(self.content, self.label)
        return self._header

    def open(self) -> Picture:
        """Return the decoded picture: EXIF turned, in sRGB, of mode L, RGB or RGBA.

        Raises:
            ImageInvalid: The source is no image, is damaged, or is refused.
        """
        from toolkit.media.pixels import decode

        return decode(self.content, self.label)

    def __reduce__(self) -> tuple[Callable[..., Source], tuple[Content, str, str]]:
        return _ready, (self.content, self.label, self.name)


def _ready(content: Content, label: str, name: str) -> Source:
    return Source(content, label=label, name=name)
