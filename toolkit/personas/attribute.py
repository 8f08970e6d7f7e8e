"""What a population says of its people: one attribute with its label, levels or bands, and how it is told."""

from __future__ import annotations

import difflib
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

from toolkit.errors import InvalidInput

__all__ = ["Attribute", "Wording", "nearest"]

Kind = Literal["categorical", "number"]
Rule = Literal["band", "group", "year_minus", "constant", "big_five"]
_RULES = get_args(Rule)


@dataclass(frozen=True, slots=True)
class Wording:
    """How a value of one attribute is put into words.

    Example:
        >>> Wording("Yearly wages", "US dollars").line(60000)
        'Yearly wages: 60,000 US dollars'
        >>> Wording("Way to work", "minutes", "does not commute").line(None)
        'Way to work: does not commute'
    """

    label: str
    """The attribute's name as people read it."""
    unit: str = ""
    """Unit of a number; empty for categories and for bare numbers such as years."""
    missing: str = "not known"
    """What an empty value means."""

    def value(self, value: Any) -> str:
        """Return a value as text, with its unit."""
        if value is None:
            return self.missing
        if isinstance(value, int | float) and not isinstance(value, bool) and self.unit:
            return f"{value:,} {self.unit}"
        return str(value)

    def line(self, value: Any) -> str:
        """Return ``label: value``."""
        return f"{self.label}: {self.value(value)}"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a population.

    Args:
        name: Column name.
        label: The name as people read it.
        kind: ``categorical``, or ``number``, whose levels are bands.
        levels: The categories in order, or the bands' labels; for numbers they are made from ``edges``.
        edges: Lower edges of a number's bands, ascending; the last band is open.
        unit: Unit of a number.
        missing: What an empty value means; ``None`` where a value must be there. It counts as a last level.
        measured: Whether the fit of a panel is measured on it.
        rule: How a derived attribute is computed: ``band``, ``group``, ``year_minus`` or ``constant``; ``big_five``
            where it is drawn for each person; empty for a sampled one.
        source: The attribute a derived one comes from.
        value: The value of a ``constant``.
        groups: For a ``group`` its levels, each with the levels of the source it takes in.
        question: How people were asked for it, to ask simulated ones the same.
        told: Whether a persona's facts tell it to the model; when not given, sampled ones are and derived ones not.

    Raises:
        InvalidInput: Levels or bands that cannot be used.

    Example:
        >>> age = Attribute("age", "Age", "number", edges=(18, 35, 65), unit="years")
        >>> age.levels
        ('18-34', '35-64', '65 and over')
        >>> age.level(40)
        '35-64'
    """

    name: str
    label: str
    kind: Kind = "categorical"
    levels: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()
    unit: str = ""
    missing: str | None = None
    measured: bool = True
    rule: Rule | Literal[""] = ""
    source: str = ""
    value: str = ""
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    question: str = ""
    told: bool | None = None

    def __post_init__(self) -> None:
        _check(self)
        if self.told is None:
            object.__setattr__(self, "told", not self.derived)
        if self.kind == "number" and not self.levels:
            object.__setattr__(self, "levels", _band_labels(self.edges))

    @classmethod
    def from_mapping(cls, name: str, given: Mapping[str, Any]) -> Attribute:
        """Return the attribute a TOML table or a dict describes; an unknown key is refused.

        Args:
            name: Column name.
            given: ``label``, ``kind``, ``levels``, ``bands``, ``unit``, ``missing``, ``measured``, ``question``,
                ``told``; for a derived one ``rule``, ``from``, ``value``, ``groups``.

        Example:
            >>> Attribute.from_mapping("sex", {"levels": ["female", "male"]}).label
            'Sex'
        """
        values = dict(given)
        values["edges"] = tuple(_numbers(name, values.pop("bands", ())))
        values["source"] = values.pop("from", "")
        values["levels"] = tuple(str(level) for level in values.get("levels", ()))
        values["groups"] = _groups(name, values.get("groups", {}))
        values.setdefault("label", name.replace("_", " ").capitalize())
        values.setdefault("kind", "number" if values["edges"] else "categorical")
        known = set(cls.__slots__) - {"name"}
        for key in values:
            if key not in known:
                raise InvalidInput(
                    f"attribute {name!r} has an unknown key {key!r}",
                    hint="Known keys are label, kind, levels, bands, unit, missing, measured, question, told"
                    f"{nearest(key, known)}.",
                )
        return cls(name=name, **values)

    @property
    def derived(self) -> bool:
        """Whether it is computed from another attribute, or drawn, instead of sampled."""
        return bool(self.rule)

    @property
    def drawn(self) -> bool:
        """Whether it is drawn anew for each person, so that a population's rows have no value of it."""
        return self.rule == "big_five"

    @property
    def all_levels(self) -> tuple[str, ...]:
        """The levels the fit is measured on, what an empty value means included."""
        return (*self.levels, self.missing) if self.missing is not None else self.levels

    @property
    def wording(self) -> Wording:
        """How its values are told."""
        return Wording(self.label, self.unit, "not known" if self.missing is None else self.missing)

    def level(self, value: Any) -> str:
        """Return the level a value falls into.

        Raises:
            InvalidInput: The value belongs to no level.
        """
        code = self.code(value)
        return self.all_levels[code]

    def code(self, value: Any) -> int:
        """Return the index in ``all_levels`` of the level a value falls into."""
        if value is None or (isinstance(value, float) and math.isnan(value)):
            if self.missing is None:
                raise InvalidInput(f"{self.name} is empty", hint=f"Give {self.name} a 'missing' wording.")
            return len(self.levels)
        if self.kind == "number":
            place = bisect_right(self.edges, value) - 1
            if place < 0:
                raise InvalidInput(f"{self.name} is {value}, below its first band {self.edges[0]:g}")
            return place
        try:
            return self.all_levels.index(value)
        except ValueError:
            raise InvalidInput(
                f"{self.name} has no level {value!r}",
                hint=f"Levels are {_listed(self.levels)}{nearest(value, self.levels)}.",
            ) from None

    def canonical(self) -> dict[str, Any]:
        """Return what enters a population's digest: what its people are, not how they are asked or told of."""
        body = asdict(self)
        for name in ("question", "told", *(() if self.groups else ("groups",))):
            del body[name]
        return body


def nearest(given: Any, valid: Iterable[str]) -> str:
    """Return ``"; nearest: 'x'"``, or nothing when nothing is near.

    Example:
        >>> nearest("femal", ["female", "male"])
        "; nearest: 'female', 'male'"
        >>> nearest("xyz", ["female"])
        ''
    """
    folded = {name.casefold(): name for name in valid}
    near = difflib.get_close_matches(str(given).casefold(), folded, n=3, cutoff=0.5)
    return "; nearest: " + ", ".join(repr(folded[name]) for name in near) if near else ""


def _check(attribute: Attribute) -> None:
    name = attribute.name
    if attribute.kind not in ("categorical", "number"):
        raise InvalidInput(f"attribute {name!r} is of kind {attribute.kind!r}", hint="Use 'categorical' or 'number'.")
    if attribute.rule not in ("", *_RULES):
        raise InvalidInput(
            f"attribute {name!r} has the rule {attribute.rule!r}",
            hint=f"Use one of {', '.join(map(repr, _RULES))}{nearest(attribute.rule, _RULES)}.",
        )
    if attribute.told not in (None, True, False):
        raise InvalidInput(f"attribute {name!r} has told = {attribute.told!r}", hint="Use true or false.")
    if attribute.derived:
        return
    if attribute.kind == "number":
        if not attribute.edges or any(low >= high for low, high in pairwise(attribute.edges)):
            raise InvalidInput(
                f"the bands of {name!r} are {list(attribute.edges)}", hint="Give lower edges, ascending, at least one."
            )
        if attribute.levels and len(attribute.levels) != len(attribute.edges):
            raise InvalidInput(f"{name!r} has {len(attribute.edges)} bands and {len(attribute.levels)} levels")
    elif not attribute.levels:
        raise InvalidInput(f"attribute {name!r} has no levels", hint="List its levels in order.")
    if len(set(attribute.all_levels)) != len(attribute.all_levels):
        raise InvalidInput(f"the levels of {name!r} repeat: {_listed(attribute.all_levels)}")


def _numbers(name: str, bands: Any) -> list[float]:
    try:
        return [float(edge) for edge in bands]
    except (TypeError, ValueError):
        raise InvalidInput(f"the bands of {name!r} are {bands!r}", hint="Give a list of numbers.") from None


def _groups(name: str, given: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(given, Mapping) or any(isinstance(levels, str) for levels in given.values()):
        raise InvalidInput(f"the groups of {name!r} are {given!r}", hint="Give each group a list of levels.")
    return tuple((str(group), tuple(str(level) for level in levels)) for group, levels in given.items())


def _band_labels(edges: tuple[float, ...]) -> tuple[str, ...]:
    """Return ``18-24``, …, ``75 and over``; with edges that are not whole, ``0.5 to under 1.5``."""
    whole = all(edge == int(edge) for edge in edges)
    labels = []
    for low, high in pairwise(edges):
        if not whole:
            labels.append(f"{low:,.12g} to under {high:,.12g}")
        elif high - low == 1:
            labels.append(f"{int(low):,}")
        else:
            labels.append(f"{int(low):,}-{int(high) - 1:,}")
    last = f"{int(edges[-1]):,}" if whole else f"{edges[-1]:,.12g}"
    return (*labels, f"{last} and over")


def _listed(levels: tuple[str, ...]) -> str:
    shown = ", ".join(repr(level) for level in levels[:8])
    return f"{shown}, …" if len(levels) > 8 else shown  # noqa: PLR2004  # a line stays readable
