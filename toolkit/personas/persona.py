"""One persona: facts that were sampled, and what was written around them."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from toolkit.display.html import NO_MATH
from toolkit.errors import InvalidInput
from toolkit.personas._contradictions import Known, in_fields, in_text
from toolkit.personas.attribute import Wording, nearest
from toolkit.redact import scrub

if TYPE_CHECKING:
    from toolkit.personas.population import Population

__all__ = ["Detail", "Persona", "in_words", "plain_value"]

Detail = Literal["facts", "brief", "standard", "deep"]
VERSION = 1
LONGEST_SHOWN = 600  # characters of a field in a card; the whole text is in .fields


@dataclass(frozen=True, slots=True)
class Persona:
    """A simulated respondent.

    Args:
        id: ``p0001``: its place in the panel.
        name: Full name, unique in the panel.
        attributes: Sampled facts and what is derived from them, by attribute; ``None`` where the row has no value.
        fields: Narrative fields written by a model; empty for ``detail="facts"``.
        detail: How much was asked to be written.
        population: Name of the population.
        seed: Seed of the panel.
        row: Id of the row in the population's table.
        wording: Label, unit and the meaning of an empty value of each attribute that is told, in order.
        levels: Levels of the categories, to compare written values with.
        extra: What the file it was read from says beside, kept for writing that file again and never told.

    Raises:
        InvalidInput: An empty id or name, or an unknown detail.

    Example:
        >>> ann = Persona("p0001", "Ann Lee", {"age": 34, "sex": "female"}, wording={"age": Wording("Age", "years")})
        >>> ann.facts()
        ['Age: 34 years']
        >>> ann.contradictions("Ann is a 43-year-old nurse.")
        ["the text says '43-year-old', but age was sampled as 34"]
    """

    id: str
    name: str
    attributes: Mapping[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict)
    detail: Detail = "facts"
    population: str = ""
    seed: int | None = None
    row: int | str | None = None
    wording: Mapping[str, Wording] = field(default_factory=dict)
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("id", "name"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise InvalidInput(f"a persona's {name} is {value!r}", hint="Give a text.")
        if self.detail not in get_args(Detail):
            raise InvalidInput(
                f"detail is {self.detail!r}",
                hint=f"Use one of {', '.join(get_args(Detail))}{nearest(self.detail, get_args(Detail))}.",
            )
        for name in ("attributes", "fields", "wording", "levels", "extra"):
            value = getattr(self, name)
            if not isinstance(value, Mapping):
                raise InvalidInput(f"{name} of {self.id} is {value!r}", hint="Give a mapping.")
            object.__setattr__(self, name, MappingProxyType(dict(value)))

    @classmethod
    def from_row(
        cls,
        id: str,  # noqa: A002  # the field's name
        name: str,
        row: Mapping[str, Any],
        population: Population,
        *,
        seed: int | None = None,
    ) -> Self:
        """Return a persona of facts alone from one drawn row.

        Args:
            id: ``p0001``.
            name: Full name.
            row: One row of ``draw``: ``row`` and every attribute.
            population: Where it was drawn from.
            seed: Seed of the panel.

        Example:
            >>> from toolkit.personas import Population, draw
            >>> adults = Population.load("us-adults-2012")
            >>> one = draw(adults, 1, seed=7).to_dict("records")[0]
            >>> Persona.from_row("p0001", "Ann Lee", one, adults, seed=7).facts()[0].startswith("Age: ")
            True
        """
        return cls(
            id,
            name,
            {one: plain_value(row[one]) for one in population.attributes},
            population=population.name,
            seed=seed,
            row=plain_value(row["row"]),
            wording=population.wording,
            levels=population.levels,
        )

    def with_fields(self, written: Mapping[str, Any], detail: Detail | None = None) -> Self:
        """Return the same persona with written fields, in place of those it had.

        Args:
            written: Narrative fields by name.
            detail: How much was asked to be written; unchanged when not given.

        Example:
            >>> Persona("p0001", "Ann Lee", {}).with_fields({"bio": "A nurse."}, "brief").detail
            'brief'
        """
        return replace(self, fields=written, detail=detail or self.detail)

    def facts(self) -> list[str]:
        """Return the sampled facts as lines, in the population's order, for prompts and for reading.

        Attributes without a wording, such as derived ones, are not told.
        """
        return [word.line(self.attributes[name]) for name, word in self.wording.items() if name in self.attributes]

    def contradictions(self, written: str | Mapping[str, Any]) -> list[str]:
        """Return what written text or fields say against the sampled facts.

        Found are ages ("34-year-old", "Ann, 34,", "in her sixties"), words that state a sex, and fields named like an
        attribute with another value. Only statements about this persona in the present count; "5 years of experience",
        "married for 34 years" and "her 9-year-old son" do not.

        Args:
            written: A text, or fields by name.

        Returns:
            One reason a contradiction; empty when there is none.

        Example:
            >>> ann = Persona("p0001", "Ann Lee", {"age": 34, "sex": "female"})
            >>> ann.contradictions({"age": 35, "story": "She has a 9-year-old son."})
            ["age is 35, but age was sampled as '34'"]
        """
        gender = {"gender": self.fields["gender"]} if "gender" in self.fields else {}
        known = Known(self.name, {**gender, **self.attributes}, self.wording, self.levels)
        return list(in_text(written, known) if isinstance(written, str) else in_fields(written, known))

    def to_dict(self) -> dict[str, Any]:
        """Return the persona as JSON values; ``from_dict`` gives an equal one back.

        Example:
            >>> ann = Persona("p0001", "Ann Lee", {"age": 34})
            >>> Persona.from_dict(ann.to_dict()) == ann
            True
        """
        return {
            "version": VERSION,
            "id": self.id,
            "name": self.name,
            "attributes": dict(self.attributes),
            "fields": dict(self.fields),
            "detail": self.detail,
            "population": self.population,
            "seed": self.seed,
            "row": self.row,
            "wording": {name: [word.label, word.unit, word.missing] for name, word in self.wording.items()},
            "levels": {name: list(levels) for name, levels in self.levels.items()},
            **({"extra": dict(self.extra)} if self.extra else {}),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Self:
        """Return the persona that ``to_dict`` wrote.

        Raises:
            InvalidInput: Another version, an unknown or a missing key, or a value of the wrong kind.
        """
        if not isinstance(body, Mapping):
            raise InvalidInput(f"a persona is {body!r}", hint="Give the mapping that to_dict returned.")
        if body.get("version") != VERSION:
            raise InvalidInput(
                f"a persona of version {body.get('version')!r}", hint=f"This release reads version {VERSION}."
            )
        known = {one.name for one in fields(cls)}
        values = {key: value for key, value in body.items() if key != "version"}
        for key in values:
            if key not in known:
                raise InvalidInput(f"a persona has an unknown key {key!r}", hint=f"Remove it{nearest(key, known)}.")
        for key in ("id", "name", "attributes"):
            if key not in values:
                raise InvalidInput(f"a persona has no {key}", hint="Take it from to_dict.")
        try:
            values["wording"] = {name: Wording(*word) for name, word in values.get("wording", {}).items()}
            values["levels"] = {name: tuple(levels) for name, levels in values.get("levels", {}).items()}
        except (TypeError, AttributeError) as error:
            raise InvalidInput(f"the wording of {values['id']!r} is damaged: {error}") from error
        return cls(**values)

    def __str__(self) -> str:
        """Return one line: id, name and facts."""
        told = "; ".join(
            self.wording[name].value(self.attributes[name]) for name in self.wording if name in self.attributes
        )
        return f"{self.id} {self.name}: {told}" if told else f"{self.id} {self.name}"

    def __repr__(self) -> str:
        """Return one line; what a model wrote is in ``fields``."""
        return f"Persona({self})"

    def __hash__(self) -> int:
        """Return a hash that equal personas share."""
        return hash((self.id, self.name, self.population, self.seed, self.row))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let processes exchange personas; read-only mappings cannot be pickled themselves."""
        return type(self).from_dict, (self.to_dict(),)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return a small card."""
        facts = [line.split(": ", 1) for line in self.facts()]
        facts += [[name.replace("_", " ").capitalize(), _short(value)] for name, value in self.fields.items()]
        lines = "".join(
            f"<tr><th style='text-align:left;vertical-align:top'>{html.escape(label)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for label, value in facts
        )
        head = f"<p><b>{html.escape(self.name)}</b> <code>{html.escape(self.id)}</code></p>"
        plain = "\n".join([f"{self.name} ({self.id})", *(f"  {label}: {value}" for label, value in facts)])
        return {"text/plain": plain, "text/html": f"<div {NO_MATH}>{head}<table>{lines}</table></div>"}


def plain_value(value: Any) -> Any:
    """Return a frame's value as a JSON value: whole numbers as int, empty ones as ``None``.

    Example:
        >>> plain_value(40.0), plain_value(float("nan")), plain_value("white")
        (40, None, 'white')
    """
    if hasattr(value, "item"):
        value = value.item()
    if value is None or value != value:  # noqa: PLR0124  # NaN alone differs from itself
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def in_words(value: Any) -> str:
    """Return a written field as a reader reads it: lists and mappings without brackets.

    Example:
        >>> in_words(["rye", "quiet"]), in_words({"openness": 3.4, "habits": ["walks", "reads"]})
        ('rye, quiet', 'openness 3.4; habits: walks, reads')
    """
    if isinstance(value, Mapping):
        parts = (f"{key}{':' if isinstance(one, Mapping | list) else ''} {in_words(one)}" for key, one in value.items())
        return ("; " if any(isinstance(one, Mapping | list) for one in value.values()) else ", ").join(parts)
    if isinstance(value, list | tuple):
        return ("; " if any(isinstance(one, Mapping) for one in value) else ", ").join(in_words(one) for one in value)
    return str(value)


def _short(value: Any) -> str:
    text = scrub(in_words(value)[: 4 * LONGEST_SHOWN])
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
