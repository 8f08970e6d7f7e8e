"""Name tables by locale: first names by sex and decade of birth, surnames, both weighted by how frequent they are."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest
from toolkit.resources import data_file, data_names

__all__ = ["NameTables", "Weighted", "tables"]

_FIRST, _SURNAMES = "-first.csv", "-surnames.csv"


@dataclass(frozen=True, slots=True)
class Weighted:
    """Names with whole-number frequencies."""

    names: tuple[str, ...]
    ends: tuple[int, ...]
    """Running sums of the frequencies."""

    def at(self, number: int) -> str:
        """Return the name a whole number falls on, as often as it is frequent."""
        return self.names[bisect_right(self.ends, number % self.ends[-1])]


@dataclass(frozen=True, slots=True)
class NameTables:
    """The names of one locale."""

    locale: str
    first: Mapping[tuple[int, str], Weighted]
    """By decade of birth and sex."""
    anyone: Mapping[str, Weighted]
    """By sex, all decades together."""
    surnames: Weighted

    def firsts(self, sex: str, birth_year: int | None) -> Weighted:
        """Return the first names of a sex and year of birth; a year beyond the tables takes the nearest decade."""
        if birth_year is None:
            return self.anyone[sex]
        decades = sorted({decade for decade, _ in self.first})
        decade = min(max(birth_year // 10 * 10, decades[0]), decades[-1])
        return self.first[decade, sex]

    @property
    def sexes(self) -> tuple[str, ...]:
        """The sexes the tables know, sorted."""
        return tuple(sorted(self.anyone))


@cache
def tables(locale: str) -> NameTables:
    """Return the shipped tables of a locale.

    Raises:
        InvalidInput: No tables for it.
    """
    shipped = data_names("names", _SURNAMES)
    if locale not in shipped:
        raise InvalidInput(
            f"no names for the locale {locale!r}", hint=f"Shipped are {', '.join(shipped)}{nearest(locale, shipped)}."
        )
    counts: dict[tuple[int, str], dict[str, int]] = {}
    for row in _rows(f"names/{locale}{_FIRST}"):
        counts.setdefault((int(row["decade"]), row["sex"]), {})[row["name"]] = int(row["count"])
    together: dict[str, dict[str, int]] = {}
    for (_, sex), names in counts.items():
        summed = together.setdefault(sex, {})
        for name, count in names.items():
            summed[name] = summed.get(name, 0) + count
    surnames = {row["name"]: int(row["per_100000"]) for row in _rows(f"names/{locale}{_SURNAMES}")}
    return NameTables(
        locale,
        {key: _weighted(names) for key, names in counts.items()},
        {sex: _weighted(names) for sex, names in together.items()},
        _weighted(surnames),
    )


def _rows(name: str) -> list[dict[str, str]]:
    with data_file(name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _weighted(counts: Mapping[str, int]) -> Weighted:
    return Weighted(tuple(counts), tuple(accumulate(counts.values())))
