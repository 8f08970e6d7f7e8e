"""The cast: who can be on stage, from a panel, from personas, or written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from toolkit.errors import Incomplete, InvalidInput
from toolkit.personas import Panel, Persona
from toolkit.personas.attribute import nearest
from toolkit.personas.narrative import portrait

__all__ = ["Cast", "Character", "cast_of"]

_FACTS = 3
"""Facts that others know about a persona that nothing was written about."""
_IMPLIED = "_implied"
"""What directors append to a name that acts without being asked to."""


@dataclass(frozen=True, slots=True)
class Character:
    """Someone who can be on stage.

    Raises:
        InvalidInput: No name.

    Example:
        >>> Character("Ada Lee", description="a nurse").id
        'Ada Lee'
    """

    name: str
    id: str = ""
    """The persona's id; the name where there is none."""
    description: str = ""
    """What everybody can see or knows."""
    personality: str = ""
    goals: tuple[str, ...] = ()
    """Known to the character and to the director alone."""
    mood: str = ""
    """At the beginning."""
    portrait: str = ""
    """All the character knows about itself; made of the other fields where it is empty."""
    entry: str = ""
    """What the character is told in the round in which it enters."""
    exit: str = ""
    """What it is told in the round in which it leaves."""
    memories: tuple[str, ...] = ()
    """What it remembers from before."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise InvalidInput(f"a character's name is {self.name!r}", hint="Give a text.")
        object.__setattr__(self, "name", " ".join(self.name.split()))
        object.__setattr__(self, "id", self.id or self.name)
        for name in ("goals", "memories"):
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))

    @classmethod
    def of(cls, given: Character | Persona | Mapping[str, Any]) -> Character:
        """Return the character that was given in any form.

        Raises:
            InvalidInput: It is none, or has an unknown key.

        Example:
            >>> Character.of(Persona("p0001", "Ada Lee", {}, {"bio": "Ada bakes."})).description
            'Ada bakes.'
        """
        if isinstance(given, Character):
            return given
        if isinstance(given, Persona):
            return cls._of_persona(given)
        if not isinstance(given, Mapping):
            raise InvalidInput(
                f"a member of the cast is of type {type(given).__name__}",
                hint="Give personas, or mappings with a name.",
            )
        known = [one.name for one in fields(cls)]
        for key in given:
            if key not in known:
                raise InvalidInput(f"a character has an unknown key {key!r}", hint=f"Remove it{nearest(key, known)}.")
        if "name" not in given:
            raise InvalidInput(f"a character has no name: {dict(given)!r}"[:200], hint="Give each one a name.")
        return cls(**given)

    @classmethod
    def _of_persona(cls, persona: Persona) -> Character:
        written = persona.fields
        facts = "; ".join(persona.facts()[:_FACTS])
        return cls(
            persona.name,
            id=persona.id,
            description=str(written.get("bio") or facts),
            personality="; ".join(_text(written[name]) for name in ("traits", "style", "beliefs") if name in written),
            goals=tuple(map(str, written["goals"])) if isinstance(written.get("goals"), (list, tuple)) else (),
            portrait=portrait(persona),
        )

    @property
    def told(self) -> str:
        """What a prompt tells the character about itself."""
        if self.portrait:
            return self.portrait
        lines = [f"Name: {self.name}", self.description, self.personality, *(f"Goal: {goal}" for goal in self.goals)]
        return "\n".join(line for line in lines if line)

    def to_dict(self) -> dict[str, Any]:
        """Return the character as JSON."""
        body = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**body, "goals": list(self.goals), "memories": list(self.memories)}


class Cast(Sequence[Character]):
    """Everybody who can be on stage, found by name or id.

    Args:
        people: The characters, in order.
        user: Who the researcher speaks as; never acts.

    Raises:
        InvalidInput: Nobody, or two of one name or id.

    Example:
        >>> Cast([Character("Ada Lee"), Character("Ben Roy")]).find("ben").name
        'Ben Roy'
    """

    def __init__(self, people: Iterable[Character], user: Character | None = None) -> None:
        self._people = tuple(people)
        if not self._people:
            raise InvalidInput("the cast is empty, so nobody can act", hint="Give a panel, personas or characters.")
        self.user = user
        self._by_key: dict[str, Character] = {}
        everyone = (*self._people, *([user] if user is not None else []))
        for what in ("name", "id"):
            seen: set[str] = set()
            for one in everyone:
                key = getattr(one, what).casefold()
                if key in seen:
                    raise InvalidInput(
                        f"two people in the cast have the {what} {getattr(one, what)!r}",
                        hint=f"Give each a {what} of their own.",
                    )
                seen.add(key)
        for one in self._people:
            self._by_key.setdefault(one.id.casefold(), one)
        self._by_key |= {one.name.casefold(): one for one in self._people}
        self._add_short_names()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._people)

    def __getitem__(self, place: Any) -> Any:
        """Return one by place, or several by a slice."""
        return self._people[place]

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in order."""
        return tuple(one.name for one in self._people)

    def find(self, given: str) -> Character | None:
        """Return who has this name or id, whatever its case, or this first or last name where only one has it."""
        return self._by_key.get(" ".join(given.split()).casefold())

    def is_user(self, given: str) -> bool:
        """Whether a name means the researcher, also as ``Name_implied``."""
        if self.user is None:
            return False
        name = " ".join(given.split()).casefold().removesuffix(_IMPLIED)
        return name in {self.user.name.casefold(), self.user.id.casefold(), "user"} and self.find(name) is None

    def _add_short_names(self) -> None:
        words: dict[str, list[Character]] = {}
        for one in self._people:
            for word in {one.name.split()[0].casefold(), one.name.split()[-1].casefold()}:
                words.setdefault(word, []).append(one)
        for word, people in words.items():
            if len(people) == 1:
                self._by_key.setdefault(word, people[0])


def cast_of(given: Any, *, allow_partial: bool = False) -> tuple[Character, ...]:
    """Return the characters that were given in any form: a panel, personas, characters or mappings.

    Args:
        given: One of them, or several.
        allow_partial: Accept a panel that is incomplete.

    Raises:
        Incomplete: The panel is incomplete.
        InvalidInput: Something is no character.
    """
    if isinstance(given, Panel) and not given.complete and not allow_partial:
        raise Incomplete(
            f"the panel is incomplete: {len(given):,} personas are there, {len(given.errors):,} are not",
            hint="panel.resume() makes the rest; allow_partial=True casts those who are there.",
            result=given,
        )
    if isinstance(given, (Character, Persona, Mapping)):
        given = [given]
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidInput(f"the cast is {type(given).__name__}, not people", hint="Give a Panel or personas.")
    return tuple(Character.of(one) for one in given)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
