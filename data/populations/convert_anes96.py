"""Write us-voters-1996.csv from a local CSV of the 1996 election study's subset (set ``anes96`` of statsmodels).

Run ``python data/populations/convert_anes96.py anes96.csv data/populations/us-voters-1996.csv``; nothing is fetched.
No row is dropped and no value is filled in; the rows are numbered in the order of the source.
"""  # noqa: INP001  # a script beside its data, not a package

from __future__ import annotations

import csv
import sys
from itertools import pairwise
from pathlib import Path

LEFT_RIGHT = (
    "extremely liberal",
    "liberal",
    "slightly liberal",
    "moderate",
    "slightly conservative",
    "conservative",
    "extremely conservative",
)
PARTY = (
    "strong Democrat",
    "weak Democrat",
    "independent, leans Democratic",
    "independent",
    "independent, leans Republican",
    "weak Republican",
    "strong Republican",
)
# statsmodels calls codes 5 to 7 "College degree", "Master's degree" and "PhD", which would give 24 % of voters a
# master's degree and 13 % a doctorate. The study's own codes are these.
EDUCATION = (
    "8 grades or less",
    "9 to 12 grades, no diploma",
    "high school diploma",
    "some college, no degree",
    "community college degree",
    "bachelor's degree",
    "advanced degree",
)
INCOME_EDGES = (3, 5, 7, 9, 10, 11, 12, 13, 14, 15, 17, 20, 22, 25, 30, 35, 40, 45, 50, 60, 75, 90, 105)
"""Lower edges of the household income's classes after the first, in thousands of US dollars a year."""
INCOME = (
    "under $3,000",
    *(f"${low},000-${high - 1},999" for low, high in pairwise(INCOME_EDGES)),
    "$105,000 and over",
)
WORDS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "party": ("PID", 0, PARTY),
    "ideology": ("selfLR", 1, LEFT_RIGHT),
    "education": ("educ", 1, EDUCATION),
    "income": ("income", 1, INCOME),
    "vote": ("vote", 0, ("Bill Clinton", "Bob Dole")),
    "clinton_ideology": ("ClinLR", 1, LEFT_RIGHT),
    "dole_ideology": ("DoleLR", 1, LEFT_RIGHT),
}
"""For each column of words its column in the source, the first code, and the words in the order of the codes."""


def cells(person: dict[str, str]) -> list[str]:
    """Return one person's cells in the order of the header."""
    words = [levels[int(person[column]) - first] for column, first, levels in WORDS.values()]
    place = person["popul"]
    return [person["age"], *words, person["TVnews"], "" if place == "0" else place]


def convert(source: Path, target: Path) -> int:
    """Write the converted table and return its number of rows."""
    with source.open(encoding="utf-8", newline="") as lines:
        people = [
            {name.strip("'"): text for name, text in row.items()}
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]
    with target.open("w", encoding="utf-8", newline="") as lines:
        out = csv.writer(lines, lineterminator="\n")
        out.writerow(["row", "age", *WORDS, "tv_news", "place"])
        for number, person in enumerate(people, start=1):
            out.writerow([number, *cells(person)])
    return len(people)


if __name__ == "__main__":
    sys.stdout.write(f"{convert(Path(sys.argv[1]), Path(sys.argv[2]))} people\n")
