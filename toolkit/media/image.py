"""Image: what a researcher shows, identified by what it holds and not by where it lies."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from html import escape
from pathlib import PureWindowsPath
from typing import Any

from toolkit.errors import DramatisError, ImageInvalid, InvalidInput
from toolkit.media.content import Source
from toolkit.media.normal import Blob, normal_form
from toolkit.media.sources import open_source

__all__ = ["Image", "to_image"]

_THUMBNAILS = ((320, 85), (240, 70), (120, 60))  # longest side in pixels, JPEG quality; the first that fits is shown
_THUMBNAIL_CHARACTERS = 48_000  # leaves room for words under the 64 KB a result may show
_CAPTION_CHARACTERS = 300


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Image:
    """An image, whatever it comes from: immutable, hashable, read at most once.

    A file or web address is read when it is first needed; arrays, pictures and figures, which can change, are taken as
    they are when the Image is made. Equal images have equal content, ``alt`` and ``name``.

    Args:
        source: A path, bytes, a data URI, a Pillow image, a numpy array (height x width, or x 3 or x 4; uint8, or
            floats from 0 to 1), a matplotlib figure, any object whose ``__image__()`` returns one of these, another
            Image, or, where ``allow_url`` permits it, an http(s) address.
        alt: What can be seen, in words, for models (and readers) without eyes. An Image made from another keeps that
            one's unless given.
        name: What to call it; the file name if not given. Only its last part is kept, never a path.
        allow_url: True lets any public host be asked; a collection of host names lets those be asked, private and
            loopback ones too.

    Raises:
        ImageInvalid: No such file, or nothing an image can be made of. What is inside is checked at the first need;
            ``to_image`` checks at once.

    Example:
        >>> from toolkit.resources import data_file
        >>> pack = Image(data_file("images/package-plain.png"), alt="A pale green box of tea")
        >>> pack.name, pack.size, pack.mime
        ('package-plain.png', (640, 800), 'image/png')
        >>> pack.normal(max_side=400).height
        400
    """

    alt: str
    """What can be seen, in words; empty where nobody said."""
    name: str
    """File name or given name; empty where there is none."""
    _source: Source

    def __init__(
        self, source: Any, alt: str = "", name: str | None = None, *, allow_url: bool | Collection[str] = False
    ) -> None:
        for what, value in (("alt", alt), ("name", "" if name is None else name)):
            if not isinstance(value, str):
                raise InvalidInput(f"{what} is {value!r}, not text", hint=f"Give {what} as a string.")
        inner = _unwrap(source)
        if isinstance(inner, Image):
            opened, alt, name = inner._source, alt or inner.alt, inner.name if name is None else name  # noqa: SLF001
        else:
            opened = open_source(inner, allow_url=allow_url)
        name = opened.name if name is None else name
        object.__setattr__(self, "alt", " ".join(alt.split()))
        object.__setattr__(self, "name", PureWindowsPath(name).name)  # knows both kinds of slash
        object.__setattr__(self, "_source", opened)

    @property
    def digest(self) -> str:
        """SHA-256 of the source, 64 hex digits: of a file's bytes; of mode, size and pixels for all else."""
        return self._source.content.digest

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the source in pixels, after EXIF turning."""
        return self._source.header.size

    @property
    def mime(self) -> str | None:
        """MIME type of the source; None for pixels, which are of no file type."""
        return self._source.header.mime

    def normal(self, max_side: int = 1024, format: str | None = None, quality: int = 85) -> Blob:  # noqa: A002  # Pillow's word
        """Return the normal form, the bytes a model gets.

        Turned as EXIF says, in sRGB, alpha on white, made smaller (Lanczos) but never larger, without metadata. A
        drawing becomes PNG and a photo JPEG. A drawing has at most 256 colours; or at least half of its pixels equal
        their right-hand neighbour and it has at most one colour for each 16 pixels. The same bytes are made once in a
        process and then shared.

        Args:
            max_side: Longest side allowed, in pixels.
            format: ``"png"`` or ``"jpeg"`` instead of the rule.
            quality: Of a JPEG, 1 to 95.

        Raises:
            ImageInvalid: The source is no image, is damaged, or is refused.
            InvalidInput: A size, format or quality that cannot be.

        Example:
            >>> import numpy as np
            >>> Image(np.zeros((60, 80))).normal(max_side=40).mime
            'image/png'
        """
        return normal_form(self._source, max_side=max_side, format=format, quality=quality)

    def describe(self) -> str:
        """Return what a model without eyes is told: the size, and the alt text or that there is none.

        The name stays out: a file's name can give away what a respondent should not know.

        Example:
            >>> import numpy as np
            >>> Image(np.zeros((60, 80)), alt="All black", name="night.png").describe()
            '80 x 60 pixels: All black'
            >>> Image(np.zeros((60, 80))).describe()
            '80 x 60 pixels: no description given'
        """
        width, height = self.size
        return f"{width} x {height} pixels: {self.alt or 'no description given'}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Image):
            return NotImplemented
        return self is other or (self.alt, self.name, self.digest) == (other.alt, other.name, other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        alt = f", alt={_short(self.alt, 60)!r}" if self.alt else ""
        return f"Image({self.name or self._source.label!r}{alt})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002  # IPython's
        """Show a thumbnail; an image that cannot be shown says why in words."""
        try:
            said = _short(f"{self.name or 'image'}, {self.describe()}", _CAPTION_CHARACTERS)
            thumbnail = self._thumbnail()
        except DramatisError as error:
            return {"text/plain": f"{self!r}: {error}"}
        html = (
            '<figure style="margin:0">'
            f'<img src="{thumbnail.data_uri}" width="{thumbnail.width}" height="{thumbnail.height}" '
            f'alt="{escape(_short(self.alt, _CAPTION_CHARACTERS))}">'
            # The classes keep a notebook from reading two prices in a caption as a formula.
            f'<figcaption class="mathjax_ignore tex2jax_ignore">{escape(said)}</figcaption></figure>'
        )
        return {"text/html": html, "text/plain": said}

    def _thumbnail(self) -> Blob:
        for side, quality in _THUMBNAILS:
            blob = self.normal(side, quality=quality)
            if len(blob.data_uri) > _THUMBNAIL_CHARACTERS:
                blob = self.normal(side, "jpeg", quality)
            if len(blob.data_uri) <= _THUMBNAIL_CHARACTERS:
                break
        return blob


def to_image(given: Any, *, max_side: int = 1024, allow_url: bool | Collection[str] = False) -> Image:
    """Return an Image for whatever was given, looked at whole, so that what is wrong with it shows before any call.

    The one door of the verbs. Its first look makes the normal form that the calls then share.

    Args:
        given: Anything ``Image`` takes; an Image itself comes back as it is.
        max_side: Longest side the calls will ask for, in pixels.
        allow_url: Whether web addresses may be fetched; see ``Image``.

    Raises:
        ImageInvalid: It is no image, is damaged, or is refused.

    Example:
        >>> from toolkit.resources import data_file
        >>> to_image(data_file("images/package-bold.png")).name
        'package-bold.png'
    """
    image = given if isinstance(given, Image) else Image(given, allow_url=allow_url)
    image.normal(max_side)
    return image


def _unwrap(given: Any) -> Any:
    """Follow ``__image__()`` to something that holds an image itself."""
    for _ in range(8):
        if isinstance(given, Image | type) or not callable(getattr(given, "__image__", None)):
            return given
        given = given.__image__()
    raise ImageInvalid(
        f"__image__() of {type(given).__name__} leads to no image", hint="Let it return a path, bytes or an array."
    )


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
