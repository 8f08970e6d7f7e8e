"""The options file of ``toolkit ask``: a question, and options that may carry images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput

if TYPE_CHECKING:
    from toolkit.questions import Option

__all__ = ["OptionsFile", "read_options"]

_KEYS = {"the file": ("question", "options"), "an option": ("id", "label", "images"), "an image": ("path", "alt")}


class OptionsFile:
    """What an options file says.

    Attributes:
        question: The question.
        options: At least two, with the images beside them.
    """

    def __init__(self, question: str, options: tuple[Option, ...]) -> None:
        self.question = question
        self.options = options


def read_options(path: Path) -> OptionsFile:
    """Read ``{"question": …, "options": [label | {"id", "label", "images": [path | {"path", "alt"}]}]}``.

    Paths of images are relative to the file's folder and stay in it.

    Raises:
        InvalidInput: No such file, no JSON, an unknown key, a label that is missing, an image outside the folder; the
            place is named.
        ImageInvalid: A file that is no image.
    """
    import orjson

    try:
        body = orjson.loads(path.read_bytes())
    except OSError as error:
        raise InvalidInput(
            f"the options file {path.name} cannot be read: {error.strerror}", hint="Check --options-json."
        ) from error
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"{path.name} is no JSON: {error}", hint="Check commas and quotes there.") from error
    told = _object(body, "the file", path.name)
    question, options = told.get("question"), told.get("options")
    if not isinstance(question, str) or not question.strip():
        raise InvalidInput(f"{path.name} has no question", hint='Give {"question": "…", "options": […]}.')
    if not isinstance(options, list) or len(options) < 2:  # noqa: PLR2004  # a choice needs two
        raise InvalidInput(f"{path.name} has fewer than two options", hint='Give "options": ["tea", "coffee"], say.')
    root = path.resolve().parent
    return OptionsFile(
        question.strip(), tuple(_option(one, f"option {n} of {path.name}", root) for n, one in enumerate(options, 1))
    )


def _option(given: Any, place: str, root: Path) -> Option:
    from toolkit.questions import Option

    if isinstance(given, str):
        return Option(given)
    told = _object(given, "an option", place)
    images = told.get("images", [])
    if not isinstance(images, list):
        raise InvalidInput(f"the images of {place} are {type(images).__name__}, not a list", hint="Give a list.")
    shown = tuple(_image(one, f"image {n} of {place}", root) for n, one in enumerate(images, 1))
    if not isinstance(told.get("label"), str):
        raise InvalidInput(f"{place} has no label", hint='Give {"label": "…"}.')
    return Option(told["label"], images=shown, id=told.get("id"))


def _image(given: Any, place: str, root: Path) -> Any:
    from toolkit.media import Image

    told = {"path": given} if isinstance(given, str) else _object(given, "an image", place)
    name = told.get("path")
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"{place} has no path", hint='Give "image.png" or {"path": "image.png", "alt": "…"}.')
    target = (root / name).resolve()
    if not target.is_relative_to(root):
        raise InvalidInput(f"{place} is {name!r}, outside the options file's folder", hint="Put the image beside it.")
    if not target.is_file():
        raise InvalidInput(f"{place} is {name!r}, which is not there", hint="Paths are relative to the options file.")
    return Image(target, alt=told.get("alt", ""))


def _object(given: Any, what: str, place: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise InvalidInput(f"{place} is {type(given).__name__}, not an object", hint='Write {"label": "…"}, say.')
    unknown = sorted(set(given) - set(_KEYS[what]))
    if unknown:
        raise InvalidInput(f"{place} has the unknown key {unknown[0]!r}", hint=f"There are {', '.join(_KEYS[what])}.")
    return given
