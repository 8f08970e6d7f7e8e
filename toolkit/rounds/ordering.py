"""Who acts when: the order of a director's actors, and the fixed order where there is no director."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Actor", "fixed_order", "groups", "ordered"]


@dataclass(frozen=True, slots=True)
class Actor:
    """One who acts this round."""

    name: str
    guidance: str = ""
    """The director's words to this actor alone."""
    priority: int | None = None
    """Higher acts earlier; none counts as 0."""
    order: int | None = None
    """An explicit place; those who have one act before those who have none."""
    parallel: str = ""
    """Neighbours with the same label act at once: none of them knows what the others of the group say."""


def ordered(actors: Sequence[Actor]) -> list[Actor]:
    """Return actors in the order in which they act.

    By explicit order ascending (those with one first), then by priority descending, then by lower-cased name, then by
    the place where they were named.

    Example:
        >>> named = [Actor("Charlie", priority=1), Actor("Bravo", priority=3)]
        >>> named += [Actor("Alpha", priority=3, order=2), Actor("Delta", order=1)]
        >>> [one.name for one in ordered(named)]
        ['Delta', 'Alpha', 'Bravo', 'Charlie']
    """

    def place(pair: tuple[int, Actor]) -> tuple[bool, int, int, str, int]:
        index, one = pair
        return one.order is None, one.order or 0, -(one.priority or 0), one.name.lower(), index

    return [one for _, one in sorted(enumerate(actors), key=place)]


def fixed_order(present: Sequence[str], said: Iterable[str]) -> list[Actor]:
    """Return everyone present: first those who were named, in the order in which they were, then the others as listed.

    Nothing is drawn: the same texts give the same order.

    Args:
        present: Names, in the order of the cast.
        said: The texts in which names are looked for, oldest first.

    Example:
        >>> [one.name for one in fixed_order(["Ada", "Ben", "Cleo"], ["Cleo, what do you think? And Ben?"])]
        ['Cleo', 'Ben', 'Ada']
    """
    text = "\n".join(said)
    found = {name: _first(name, text) for name in present}
    named = sorted((name for name in present if found[name] >= 0), key=lambda name: found[name])
    return [Actor(name) for name in (*named, *(name for name in present if found[name] < 0))]


def groups(actors: Sequence[Actor]) -> list[list[Actor]]:
    """Return actors in order, neighbours of one parallel group together.

    Example:
        >>> [
        ...     [one.name for one in some]
        ...     for some in groups([Actor("A", parallel="x"), Actor("B", parallel="x"), Actor("C")])
        ... ]
        [['A', 'B'], ['C']]
    """
    found: list[list[Actor]] = []
    for one in actors:
        if found and one.parallel and found[-1][-1].parallel == one.parallel:
            found[-1].append(one)
        else:
            found.append([one])
    return found


def _first(name: str, text: str) -> int:
    """Return where a name, or its first word, first stands in a text; -1 where it does not."""
    words = [name, name.split(maxsplit=1)[0]]
    places = [hit.start() for word in words if (hit := re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE))]
    return min(places, default=-1)
