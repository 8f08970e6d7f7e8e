"""Places in a text that are filled in: ``{price}`` by a factor, ``{image:plain}`` by an image, ``{tea}`` by answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest

__all__ = ["IMAGE", "fill", "image_places", "names_in", "refuse_unknown"]

IMAGE = "image"
"""The name under which images are placed."""
_PLACE = re.compile(
    r"\{\{([A-Za-z_]\w*)\}\}"  # {{price}} means the braces themselves
    r"|(?<!\{)\{([A-Za-z_]\w*)(?::([^{}]+))?\}(?!\})"
)


def names_in(*texts: str) -> list[str]:
    """Return the names that texts are to be filled with, each once, in order; placed images are not among them.

    Example:
        >>> names_in("Would you pay {price} for {image:new} or {{this}}?")
        ['price']
    """
    found = (match for text in texts for match in _PLACE.finditer(text))
    return list(dict.fromkeys(match[2] for match in found if match[2] and not match[3] and match[2] != IMAGE))


def image_places(text: str) -> list[str]:
    """Return the labels of the images that a text places, in order; an empty one for ``{image}``.

    Example:
        >>> image_places("The old {image:plain} or the new {image:bold}?")
        ['plain', 'bold']
    """
    return [(match[3] or "").strip() for match in _PLACE.finditer(text) if match[2] == IMAGE]


def fill(text: str, values: Mapping[str, object], images: Mapping[str, str] | None = None) -> str:
    """Return a text with its places filled in; places that nothing is given for stay as they are.

    Args:
        text: The text.
        values: By name; numbers are written as Python writes them.
        images: By label, what stands for an image.

    Example:
        >>> fill("It costs {price} {{sic}}.", {"price": 3})
        'It costs 3 {sic}.'
    """

    def filled(match: re.Match[str]) -> str:
        braces, name, label = match.groups()
        if braces:
            return f"{{{braces}}}"
        if name == IMAGE:
            return (images or {}).get((label or "").strip(), match[0])
        return str(values[name]) if name in values and not label else match[0]

    return _PLACE.sub(filled, text)


def refuse_unknown(where: str, text: str, known: Iterable[str], hint: str) -> None:
    """Refuse a text with a place that nothing can fill.

    Args:
        where: What the text is, for the message.
        text: The text.
        known: The names that can be filled in.
        hint: The next step.

    Raises:
        InvalidInput: There is such a place; the message names it.
    """
    known = list(known)
    for name in names_in(text):
        if name not in known:
            raise InvalidInput(
                f"{where} has the place {{{name}}}, which nothing fills",
                hint=f"{hint} Write {{{{{name}}}}} to mean the braces themselves{nearest(name, known)}.",
            )
