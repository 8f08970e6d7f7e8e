"""From a condition and a persona to the very messages: which images, in which order, with which words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from toolkit import prompts
from toolkit.media import Image
from toolkit.models import Message, Picture
from toolkit.personas import Persona
from toolkit.personas.narrative import portrait
from toolkit.prompts import Prompt
from toolkit.questions.condition import Condition
from toolkit.questions.placeholders import fill
from toolkit.questions.stimuli import Stimulus

__all__ = ["Detail", "Looks", "OptionShown", "PictureShown", "messages_of"]

Detail = Literal["auto", "low", "high"]


class PictureShown(int):
    """An image as a template shows it: ``image(picture)`` puts it there, ``number`` and ``label`` name it.

    Example:
        >>> PictureShown.of(0, 1, "plain").label
        'plain'
    """

    number: int
    """Its number for the respondent, from 1."""
    label: str

    @classmethod
    def of(cls, index: int, number: int, label: str) -> PictureShown:
        """Return the picture of an index."""
        made = cls(index)
        made.number, made.label = number, label
        return made


class OptionShown(str):
    """An option as a template shows it: its label, and what stands beside it.

    Example:
        >>> OptionShown.of("the red mug", id="A").id
        'A'
    """

    __slots__ = ("id", "mark", "pictures", "text")
    id: str
    """Its short name; empty for none."""
    pictures: tuple[PictureShown, ...]
    mark: str
    """What the respondent answers with, where one token is asked for."""
    text: str
    """What stands behind the mark; empty where the mark says it all."""

    @classmethod
    def of(
        cls,
        label: str,
        *,
        id: str = "",  # noqa: A002  # the field's name
        pictures: tuple[PictureShown, ...] = (),
        mark: str = "",
        text: str = "",  # the field's name
    ) -> OptionShown:
        """Return an option with all that stands beside it."""
        made = cls(label)
        made.id, made.pictures, made.mark, made.text = id, pictures, mark, text
        return made


@dataclass(frozen=True, slots=True)
class Looks:
    """What one person is shown in one condition, and in which order."""

    options: tuple[int, ...]
    """Places of the options, in the order shown."""
    images: tuple[int, ...]
    """Places of the images, in the order shown."""
    marks: tuple[tuple[str, str], ...] = ()
    """Where one token is asked for: the mark of each option in the order shown, and the text behind it."""

    @property
    def among(self) -> tuple[str, ...]:
        """The marks alone."""
        return tuple(mark for mark, _ in self.marks)


def messages_of(
    prompt: Prompt,
    condition: Condition,
    persona: Persona,
    looks: Looks,
    *,
    detail: Detail,
    max_side: int,
    small: bool,
    told: Mapping[str, str],
    earlier: Sequence[Message] = (),
) -> tuple[Message, ...]:
    """Return what is sent: the turns so far, and the question as this person sees it.

    Args:
        prompt: The template; see ``docs`` of ``ask`` for the names it may use.
        condition: The question as it is put.
        persona: Who answers.
        looks: The orders of options and images.
        detail: How closely the provider is asked to look at images.
        max_side: Longest side of images, in pixels.
        small: Whether the model is a small one, which gets an example and fewer facts.
        told: Descriptions of images that have none of their own, by digest.
        earlier: The turns so far.

    Raises:
        InvalidInput: The template uses a name that is not there.
    """
    answer = condition.answer
    album = _Album([condition.stimuli[place] for place in looks.images])
    shown = [_option(condition, album, place, looks, order) for order, place in enumerate(looks.options)]
    turns = prompt.render(
        pictures=album.before,
        question=fill(condition.question, {}, album.placed) if album.placed else condition.question,
        instruction=answer.instruction,
        persona=portrait(persona, small=small),
        example=answer.schema.name if small else "",
        options=shown,
        marks=", ".join(looks.among),
    )
    pictures = [Picture(_with_words(image, told), detail=detail, max_side=max_side) for image in album.images]
    asked = (
        Message(role, tuple(part if isinstance(part, str) else pictures[part] for part in parts))  # type: ignore[arg-type]
        for role, parts in turns
    )
    return (*earlier, *asked)


def _with_words(image: Image, told: Mapping[str, str]) -> Image:
    if image.alt or not told or image.digest not in told:
        return image
    return Image(image, alt=told[image.digest])


class _Album:
    """The images of one prompt: each has an index, by which templates place it, and a number for the respondent."""

    def __init__(self, stimuli: Sequence[Stimulus]) -> None:
        self.images = [one.image for one in stimuli]
        standing = [place for place, one in enumerate(stimuli) if one.place is None]
        self.before = [PictureShown.of(place, n, stimuli[place].label) for n, place in enumerate(standing, start=1)]
        self.placed: dict[str, str] = {}
        number = len(standing)
        for place, one in enumerate(stimuli):
            if one.place is not None:
                number += 1
                label = f" ({one.label})" if one.label else ""
                self.placed[one.place] = f"\nImage {number}{label}:\n{prompts.mark(place)}\n"

    def add(self, images: Sequence[Image]) -> tuple[PictureShown, ...]:
        """Take further images in, an option's, and return them as shown."""
        first = len(self.images)
        self.images += images
        return tuple(PictureShown.of(first + n, 0, "") for n in range(len(images)))


def _option(condition: Condition, album: _Album, place: int, looks: Looks, order: int) -> OptionShown:
    mark, text = looks.marks[order] if looks.marks else ("", "")
    if place >= len(condition.options):  # a point of a scale, which has no label of its own
        return OptionShown.of(text, mark=mark, text=text)
    return OptionShown.of(
        condition.options[place],
        id=condition.ids[place] if condition.ids else "",
        pictures=album.add(condition.pictures[place]) if condition.pictures[place] else (),
        mark=mark,
        text=text,
    )
