"""Options: labels, and where they have them pictures and ids; how a reply's words are matched to them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from numbers import Real
from types import GeneratorType
from typing import Any

from toolkit.errors import InvalidInput
from toolkit.media import Image, to_image
from toolkit.questions._kind import short

__all__ = ["BETWEEN", "Option", "id_of_place", "images_of", "keys_of", "normal", "to_options"]

BETWEEN = " | "
"""Stands between the options in a frame's column ``shown``."""
_MAX_SIDE = 768
"""Pixels, as ``ask`` shows images unless told otherwise, so that the normal form is made once."""
_LONGEST_ID = 32
_LONGEST_KEY = 48
"""Characters of a key in a schema; some providers take 64 at most."""


@dataclass(frozen=True)
class Option:
    """An option that carries pictures, or a short name of its own.

    Args:
        label: What the option is called, in frames and plots and for the respondent.
        images: One image or several, shown beside the label: whatever ``Image`` takes.
        id: A short name, shown beside the label and taken for it in replies. Where any option of a question is an
            ``Option``, those without an id get ``A``, ``B``, ``C`` … by their place.

    Raises:
        InvalidInput: No label, or an id of more than one line or 32 characters.
        ImageInvalid: Something given as an image is none.

    Example:
        >>> from toolkit.resources import data_file
        >>> plain = Option("the plain one", images=data_file("images/package-plain.png"), id="plain")
        >>> plain.label, plain.images[0].name
        ('the plain one', 'package-plain.png')
    """

    label: str
    images: tuple[Image, ...] = ()
    id: str | None = None

    def __post_init__(self) -> None:
        label: Any = self.label
        if isinstance(label, bool) or not isinstance(label, (str, Real)) or not _one_line(label):
            raise InvalidInput(f"an Option has the label {short(self.label)}", hint="Give a text: Option('plain').")
        object.__setattr__(self, "label", _one_line(self.label))
        given: Any = self.images
        object.__setattr__(self, "images", tuple(to_image(one, max_side=_MAX_SIDE) for one in images_of(given)))
        if self.id is None:
            return
        if not isinstance(self.id, str) or not 0 < len(_one_line(self.id)) <= _LONGEST_ID:
            raise InvalidInput(
                f"the Option {short(self.label)} has the id {short(self.id)}",
                hint=f'Give a text of at most {_LONGEST_ID} characters: id="A".',
            )
        object.__setattr__(self, "id", _one_line(self.id))


def images_of(given: Any) -> Sequence[Any]:
    """Return what was given as images as a sequence: nothing is an empty one, and one image a sequence of one.

    Example:
        >>> images_of("a.png"), images_of(["a.png", "b.png"]), images_of(None)
        (('a.png',), ['a.png', 'b.png'], ())
    """
    if given is None:
        return ()
    if isinstance(given, GeneratorType):  # as Path.glob gives
        return tuple(given)
    one = isinstance(given, (str, bytes, bytearray, memoryview)) or hasattr(given, "__image__")
    return (given,) if one or not isinstance(given, Sequence) else given


def to_options(kind: str, given: Any, *, least: int = 2, reserved: Sequence[str] = ()) -> tuple[str | Option, ...]:
    """Return the options an answer type was given: all texts, or all ``Option`` with an id.

    Args:
        kind: The answer type, for messages.
        given: A list of texts, numbers and options.
        least: How many there must be.
        reserved: Marks that no label may hold, beside the one of the column ``shown``.

    Raises:
        InvalidInput: Not a list, too few, an empty label, one given twice, one that holds a reserved mark, two ids that
            are the same, an id that is another option's label.

    Example:
        >>> to_options("Choice", ["yes", "no"])
        ('yes', 'no')
    """
    options: list[str | Option] = []
    seen: set[str] = set()
    for place, one in enumerate(_listed(kind, given), start=1):
        label = _label(kind, place, one, (BETWEEN, *reserved))
        if normal(label) in seen:
            raise InvalidInput(f"{kind} has the option {short(label)} twice", hint="Give each option once.")
        seen.add(normal(label))
        options.append(one if isinstance(one, Option) else label)
    if len(options) < least:
        labels = [one.label if isinstance(one, Option) else one for one in options]
        raise InvalidInput(
            f"{kind} has {len(options)} option(s): {short(labels)}", hint=f"Give at least {_word(least)}."
        )
    if not any(isinstance(one, Option) for one in options):
        return tuple(options)
    return _identified(kind, [one if isinstance(one, Option) else Option(one) for one in options])


def id_of_place(place: int) -> str:
    """Return the id of an option that was given none: A for place 0, Z for 25, AA for 26.

    Example:
        >>> [id_of_place(place) for place in (0, 25, 26)]
        ['A', 'Z', 'AA']
    """
    letters = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def normal(text: str) -> str:
    """Return a label as labels are compared: one form of accents, one space between words, no case.

    Example:
        >>> normal("  The Plain   one ") == normal("the plain one")
        True
    """
    return unicodedata.normalize("NFC", _one_line(text)).casefold()


def keys_of(labels: Sequence[str], word: str) -> tuple[str, ...]:
    """Return a key for each label that every provider takes in a schema: letters without accents, digits and ``_``.

    Some refuse keys that do not match ``^[a-zA-Z0-9_.-]{1,64}$``. A label without such letters becomes ``word_1`` ….

    Example:
        >>> keys_of(["the plain one", "größer!", "茶"], "option")
        ('the_plain_one', 'grosser', 'option_3')
    """
    keys: list[str] = []
    for place, label in enumerate(labels, start=1):
        plain = unicodedata.normalize("NFKD", label.replace("ß", "ss")).encode("ascii", "ignore").decode()
        lost = sum(sign.isalnum() for sign in label) > 2 * sum(sign.isalnum() for sign in plain)
        stem = "" if lost else re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")[:_LONGEST_KEY].strip("_")
        key = stem or f"{word}_{place}"
        taken = {other.casefold() for other in keys}
        keys.append(key if key.casefold() not in taken else f"{key[: _LONGEST_KEY - 4]}_{place}")
        while keys[-1].casefold() in taken:
            keys[-1] += "x"
    return tuple(keys)


def _listed(kind: str, given: Any) -> Iterable[Any]:
    if isinstance(given, (str, bytes, AbstractSet, Mapping)) or not isinstance(given, Iterable):
        raise InvalidInput(
            f"{kind} was given {short(given)}, not a list of options", hint=f'Give a list: {kind}(["yes", "no"]).'
        )
    return given


def _label(kind: str, place: int, given: Any, marks: Sequence[str]) -> str:
    """Return the label of one option on one line, or say what is wrong with it."""
    if isinstance(given, Option):
        given = given.label
    if isinstance(given, bool) or not isinstance(given, (str, Real)):
        raise InvalidInput(f"option {place} of {kind} is {short(given)}", hint="Give texts or numbers.")
    label = _one_line(given)
    if not label:
        raise InvalidInput(f"option {place} of {kind} is empty", hint="Give each option a label.")
    for mark in marks:
        if mark in label:
            raise InvalidInput(f"option {place} of {kind} holds {mark!r}: {short(label)}", hint="Use another mark.")
    return label


def _identified(kind: str, options: Sequence[Option]) -> tuple[Option, ...]:
    """Give each option an id, and refuse ids that could mean two options."""
    labels = {normal(one.label): place for place, one in enumerate(options)}
    taken = {normal(one.id) for one in options if one.id is not None} | set(labels)
    made = [
        one if one.id is not None else replace(one, id=_free_id(place, taken - {normal(one.label)}))
        for place, one in enumerate(options)
    ]
    seen: set[str] = set()
    for place, one in enumerate(made):
        name = normal(str(one.id))
        if name in seen:
            raise InvalidInput(f"{kind} has the id {one.id!r} twice", hint="Give each option an id of its own.")
        seen.add(name)
        if labels.get(name, place) != place:
            raise InvalidInput(
                f"{kind} has the id {one.id!r} for {short(one.label)}, which is the label of another option",
                hint="Give ids that are nobody else's label.",
            )
    return tuple(made)


def _free_id(place: int, taken: AbstractSet[str]) -> str:
    """Return the letter of a place, or its number where the letter means something else."""
    name = id_of_place(place)
    for candidate in (name, str(place + 1)):
        if normal(candidate) not in taken:
            return candidate
    while normal(name) in taken:
        name += "'"
    return name


def _one_line(text: Any) -> str:
    return " ".join(str(text).split())


def _word(number: int) -> str:
    return {1: "one", 2: "two"}.get(number, str(number))
