"""What is shown with a question: images for everyone, one a condition, or drawn by a function of the factors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.errors import InvalidInput
from toolkit.media import Image, to_image
from toolkit.personas.attribute import nearest
from toolkit.questions._kind import short
from toolkit.questions.factors import Cell, Factor
from toolkit.questions.option import images_of
from toolkit.questions.placeholders import IMAGE, fill, image_places, names_in

__all__ = ["Stimuli", "Stimulus"]


@dataclass(frozen=True, slots=True)
class Stimulus:
    """One image as it is shown.

    Example:
        >>> from toolkit.resources import data_file
        >>> Stimulus(to_image(data_file("images/package-plain.png")), "plain").label
        'plain'
    """

    image: Image
    label: str = ""
    """What stands behind its number; empty for none."""
    place: str | None = None
    """Under which label the question's text places it; ``None`` where it stands before the question."""


@dataclass(frozen=True, slots=True)
class _Given:
    """One image as it was given: an image, or a function of factors that draws it."""

    what: Any
    label: str = ""
    place: str | None = None
    needs: tuple[str, ...] = ()


@dataclass
class Stimuli:
    """The images of one question, whatever the condition.

    Args:
        given: What a verb got as ``images``: nothing, one, several; ``(label, image)`` pairs; a function of factors;
            or images by label, which are placed in the text where it says ``{image:label}`` and else are the levels of
            the factor ``image``.
        question: The question's text.
        max_side: Longest side the calls will ask for, in pixels.

    Raises:
        InvalidInput: The text places an image that was not given, or only some of those that were.
        ImageInvalid: Something is no image.

    Example:
        >>> from toolkit.resources import data_file
        >>> packs = {name: data_file(f"images/package-{name}.png") for name in ("plain", "bold")}
        >>> Stimuli(packs, "Would you buy this?", 768).factor.levels
        ('plain', 'bold')
        >>> [one.label for one in Stimuli(packs, "{image:bold} or {image:plain}?", 768).of({})]
        ['plain', 'bold']
    """

    given: Any
    question: str
    max_side: int
    factor: Factor | None = None
    """The factor ``image``, where images are its levels."""
    _always: list[_Given] = field(default_factory=list)
    _by_level: dict[str, list[_Given]] = field(default_factory=dict)
    _drawn: dict[tuple[Any, ...], Image] = field(default_factory=dict)

    def __post_init__(self) -> None:
        places = image_places(self.question)
        doubled = next((one for one in places if places.count(one) > 1), None)
        if doubled is not None:
            raise InvalidInput(f"the question places the image {doubled!r} twice", hint="Place each image once.")
        if isinstance(self.given, Mapping):
            self._named(self.given, places)
        else:
            self._always = [self._one(*_pair(one)) for one in images_of(self.given)]
        self._check_places(places)

    def _named(self, given: Mapping[Any, Any], places: Sequence[str]) -> None:
        for label in given:
            if not isinstance(label, str) or not label.strip():
                raise InvalidInput(f"images have the label {short(label)}", hint='Give texts: images={"A": "a.png"}.')
        if any(place in given for place in places):
            self._always = [self._one(label, one) for label, one in given.items()]
            return
        if len(given) < 2:  # noqa: PLR2004  # what does not vary is no factor
            raise InvalidInput(
                f"images={{…}} has {len(given)} label(s), so the factor 'image' does not vary",
                hint="Give at least two, or the image itself to show it to everyone.",
            )
        self.factor = Factor(IMAGE, tuple(given))
        self._by_level = {label: [self._one("", one) for one in images_of(several)] for label, several in given.items()}

    def _one(self, label: str, given: Any) -> _Given:
        """Take one image, or a function that draws it; an image is looked at whole, here and only here."""
        if callable(given) and not hasattr(given, "__image__") and not isinstance(given, (Image, type)):
            return _Given(given, label, needs=tuple(inspect.signature(given).parameters))
        image = to_image(given, max_side=self.max_side)
        return _Given(image, label, needs=tuple(names_in(image.alt)))

    def _check_places(self, places: Sequence[str]) -> None:
        if "" in places:
            self._place_the_one(places)
            return
        labels = [one.label for one in self._always]
        for place in places:
            if place not in labels:
                known = ", ".join(label for label in labels if label) or "none with a label"
                raise InvalidInput(
                    f"the question places the image {place!r}, which is not given",
                    hint=f'Give images={{"{place}": …}}; there are: {known}{nearest(place, labels)}.',
                )
        left = [one.label for one in self._always if places and one.label and one.label not in places]
        if left:
            raise InvalidInput(f"the question does not place the image {left[0]!r}", hint=f"Write {{image:{left[0]}}}.")
        self._always = [
            _Given(one.what, one.label, one.label if one.label in places else None, one.needs) for one in self._always
        ]

    def _place_the_one(self, places: Sequence[str]) -> None:
        """Put the one image of each condition where the text says ``{image}``."""
        sets = [*self._by_level.values()] or [self._always]
        if len(places) > 1 or any(len(one) != 1 for one in sets):
            raise InvalidInput(
                "the question places {image}, which stands for one image, but there is not just one",
                hint="Write {image:label} for each of several, with images={label: …}.",
            )
        placed = [[_Given(one[0].what, one[0].label, "", one[0].needs)] for one in sets]
        if self.factor is None:
            self._always = placed[0]
        else:
            self._by_level = dict(zip(self._by_level, placed, strict=True))

    @property
    def functions(self) -> list[tuple[str, ...]]:
        """For each function the factors it draws by."""
        return [one.needs for one in self._everything() if not isinstance(one.what, Image)]

    @property
    def needs(self) -> tuple[str, ...]:
        """The factors that functions take and descriptions quote, each once."""
        return tuple(dict.fromkeys(name for one in self._everything() for name in one.needs))

    def of(self, cell: Cell) -> tuple[Stimulus, ...]:
        """Return the images of one condition, in order.

        Args:
            cell: One level of each factor.

        Raises:
            ImageInvalid: A function returned no image.
        """
        shown = self._by_level[cell[IMAGE]] if self.factor is not None else self._always
        return tuple(Stimulus(self._made(one, cell), one.label, one.place) for one in shown)

    def _made(self, given: _Given, cell: Cell) -> Image:
        if isinstance(given.what, Image):
            told = fill(given.what.alt, cell) if cell else given.what.alt
            return given.what if told == given.what.alt else Image(given.what, alt=told)
        key = (id(given.what), *(cell[name] for name in given.needs))
        if key not in self._drawn:
            drawn = to_image(_draw(given.what, {name: cell[name] for name in given.needs}), max_side=self.max_side)
            self._drawn[key] = Image(drawn, alt=fill(drawn.alt, cell)) if drawn.alt else drawn
        return self._drawn[key]

    def _everything(self) -> list[_Given]:
        return [*self._always, *(one for several in self._by_level.values() for one in several)]


def _draw(function: Callable[..., Any], levels: Mapping[str, Any]) -> Any:
    try:
        return function(**levels)
    except Exception as error:
        name = getattr(function, "__name__", "function")
        told = ", ".join(f"{key}={value!r}" for key, value in levels.items())
        raise InvalidInput(
            f"the image of {told} could not be drawn: {name} raised {type(error).__name__}: {error}",
            hint="Call it yourself with these levels.",
        ) from error


def _pair(given: Any) -> tuple[str, Any]:
    """Return the label and the image of one that may have been given with a label."""
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str):  # noqa: PLR2004  # a pair
        return " ".join(given[0].split()), given[1]
    return "", given
