"""Whatever a researcher has at hand for an image, made into one source."""

from __future__ import annotations

import base64
import binascii
import difflib
import os
import re
import stat
import sys
from collections.abc import Collection
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from toolkit.errors import ImageInvalid
from toolkit.media.content import Content, Source
from toolkit.media.header import MAX_BYTES

__all__ = ["open_source"]

_WEB = re.compile(r"https?://", re.IGNORECASE)
_SHOWN = 80  # characters of a value that an error repeats


def open_source(given: Any, *, allow_url: bool | Collection[str] = False) -> Source:
    """Return the source that ``given`` stands for; a file or address is not read yet, all else is taken as it is now.

    Args:
        given: A path, bytes, data URI, Pillow image, numpy array, matplotlib figure, web address, or a source as it is.
        allow_url: Whether a web address may be fetched; see ``Image``.

    Raises:
        ImageInvalid: It is none of these, or a file that is not there.

    Example:
        >>> open_source(b"abc").label
        'the bytes given'
    """
    if isinstance(given, Source):
        return given
    if isinstance(given, bytes | bytearray | memoryview):
        return Source(Content.of_file(bytes(given)), label="the bytes given")
    if isinstance(given, str | os.PathLike):
        return _from_text(os.fspath(given), allow_url)
    if _is_a(given, "PIL.Image", "Image"):
        from toolkit.media.pixels import from_picture

        return Source(from_picture(given), label="the PIL image given")
    if _is_a(given, "numpy", "ndarray"):
        from toolkit.media.pixels import from_array

        return Source(from_array(given), label="the array given")
    if _is_a(given, "matplotlib.figure", "Figure"):
        from toolkit.media.pixels import from_figure

        return Source(from_figure(given), label="the figure given")
    raise ImageInvalid(f"{_kind(given)} is not an image", hint=_hint(given))


def _from_text(text: str | bytes, allow_url: bool | Collection[str]) -> Source:  # noqa: FBT001  # public as a keyword
    text = os.fsdecode(text)
    if text[:5].lower() == "data:":
        return Source(Content.of_file(_data_uri(text)), label="the data URI given")
    if _WEB.match(text):
        from toolkit.media.fetch import web_source

        return web_source(text, allow_url)
    return _from_path(text)


def _is_a(given: Any, module: str, name: str) -> bool:
    """Tell whether it is of a class, without importing the library: who has an object of it has imported it."""
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(given, kind)


def _kind(given: Any) -> str:
    return "None" if given is None else f"a value of type {type(given).__name__}"


def _hint(given: Any) -> str:
    if isinstance(given, list | tuple):
        return "Give one image; verbs take a list of them."
    if callable(getattr(given, "read", None)):
        return "Give what its .read() returns."
    if hasattr(given, "get_figure"):
        return "Give its figure: .get_figure()."
    return (
        "Give a path, bytes, a data URI, a PIL image, a numpy array, a matplotlib figure, or anything with __image__()."
    )


def _data_uri(text: str) -> bytes:
    head, comma, body = text.partition(",")
    if not comma:
        raise ImageInvalid(f"{text[:_SHOWN]!r} is not a data URI", hint="Its form is data:image/png;base64,….")
    if len(body) > MAX_BYTES * 2:
        raise ImageInvalid("the data URI given is too long", hint=f"At most {MAX_BYTES // 1_000_000} MB are read.")
    if not head.lower().endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageInvalid("the data URI given is not valid base64", hint="Copy it again, to its end.") from error


def _from_path(text: str) -> Source:
    try:
        path = Path(text).expanduser()
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, ValueError, RuntimeError) as error:  # too long, a null byte, no such user, no permission
        raise ImageInvalid(f"{_short(text)} cannot be opened", hint="Give the path of an image file.") from error
    if stat.S_ISDIR(mode):
        raise ImageInvalid(f"{_short(text)} is a folder", hint="Give one image file in it.")
    if not stat.S_ISREG(mode):
        raise ImageInvalid(f"{_short(text)} is not a regular file", hint="Give the path of an image file.")
    return Source(lambda: Content.of_file(_read(path)), label=repr(path.name), name=path.name)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _missing(path) from None
    except OSError as error:
        raise ImageInvalid(f"{path.name!r} cannot be read: {error.strerror}", hint="Check its permissions.") from error
    if len(data) > MAX_BYTES:
        raise ImageInvalid(f"{path.name!r} has more than {MAX_BYTES // 1_000_000} MB", hint="Scale it down first.")
    return data


def _missing(path: Path) -> ImageInvalid:
    """Name the file and the folder, and the file that was probably meant."""
    folder = path.parent
    if not folder.is_dir():
        return ImageInvalid(
            f"there is no file {path.name!r}: the folder {_short(str(folder))} does not exist",
            hint="A relative path starts at the folder the notebook runs in.",
        )
    where = "the current folder" if folder == Path() else f"the folder {_short(str(folder))}"
    with os.scandir(folder) as entries:
        names = [entry.name for entry in islice(entries, 5_000)]
    near = difflib.get_close_matches(path.name, names, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "A relative path starts at the folder the notebook runs in."
    return ImageInvalid(f"there is no file {path.name!r} in {where}", hint=hint)


def _short(text: str) -> str:
    """Quote a path as it was given, the home folder as ``~`` and the middle of a very long one left out."""
    home = str(Path.home())
    if text == home or text.startswith(home + os.sep):
        text = "~" + text[len(home) :]
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}…{text[-_SHOWN // 2 :]}")
