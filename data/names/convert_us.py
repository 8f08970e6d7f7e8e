"""Write the name tables of the locale en-US from local copies of two lists of the United States Government.

Run ``python data/names/convert_us.py first.csv dist.all.last data/names``; nothing is fetched. ``first.csv`` holds the
Social Security Administration's counts (columns year, sex, name, n); ``dist.all.last`` is the Census Bureau's list of
surnames of 1990 (name, percent, cumulative percent, rank).
"""  # noqa: INP001  # a script beside its data, not a package

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

FIRST_DECADE, LAST_DECADE, KEPT = 1910, 2010, 300
LEAST_SHARE = 2  # per 100,000 people: the 7,500 most frequent surnames
SEXES = {"F": "female", "M": "male"}
# The list is in capitals without apostrophes; these are the frequent names that are written with one.
APOSTROPHE = (  # noqa: SIM905  # forty quoted words are harder to read
    "obrien oconnor oneal oneill odonnell oneil oconnell ohara oleary okeefe orourke osullivan omalley otoole ogrady "
    "oshea oreilly ohearn oquinn oconner okelley odaniel obryan obryant oberry oday oneall ohare ohalloran dangelo "
    "damico dambrosio dagostino dalessandro damato"
).split()


def surname(text: str) -> str:
    """Return a surname in its usual spelling: McDonald, O'Brien, D'Angelo, Smith."""
    lower = text.lower()
    if lower in APOSTROPHE:
        return f"{lower[0].upper()}'{lower[1:].capitalize()}"
    if lower.startswith("mc") and len(lower) > len("mcx"):
        return f"Mc{lower[2:].capitalize()}"
    return lower.capitalize()


def write(target: Path, header: list[str], rows: list[tuple[object, ...]]) -> None:
    """Write one table."""
    with target.open("w", encoding="utf-8", newline="") as lines:
        out = csv.writer(lines, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def first_names(source: Path) -> list[tuple[object, ...]]:
    """Return the most frequent first names of each sex and decade of birth, with their counts."""
    counts: dict[tuple[int, str], Counter[str]] = {}
    with source.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            decade = int(float(row["year"])) // 10 * 10
            if FIRST_DECADE <= decade <= LAST_DECADE:
                counts.setdefault((decade, SEXES[row["sex"]]), Counter())[row["name"]] += int(row["n"])
    rows: list[tuple[object, ...]] = []
    for (decade, sex), names in sorted(counts.items()):
        kept = sorted(names.items(), key=lambda pair: (-pair[1], pair[0]))[:KEPT]
        rows += [(decade, sex, name, count) for name, count in kept]
    return rows


def surnames(source: Path) -> list[tuple[object, ...]]:
    """Return the frequent surnames with their share, per 100,000 people."""
    rows: list[tuple[object, ...]] = []
    for line in source.read_text(encoding="ascii").splitlines():
        name, percent, *_ = line.split()
        share = round(float(percent) * 1000)
        if share >= LEAST_SHARE:
            rows.append((surname(name), share))
    return rows


if __name__ == "__main__":
    folder = Path(sys.argv[3])
    write(folder / "en-US-first.csv", ["decade", "sex", "name", "count"], first_names(Path(sys.argv[1])))
    write(folder / "en-US-surnames.csv", ["name", "per_100000"], surnames(Path(sys.argv[2])))
