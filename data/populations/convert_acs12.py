"""Write us-adults-2012.csv from a local CSV of the American Community Survey 2012 sample (set ``acs12``).

Run ``python data/populations/convert_acs12.py acs12.csv data/populations/us-adults-2012.csv``; nothing is fetched.
People under 18 are left out; no other row is dropped and no value is filled in.
"""  # noqa: INP001  # a script beside its data, not a package

from __future__ import annotations

import csv
import sys
from pathlib import Path

ADULT = 18
SAME = {"male": "male", "female": "female", "white": "white", "black": "black", "asian": "asian", "other": "other"}
YES_NO = {"yes": "yes", "no": "no"}
WORDS: dict[str, tuple[str, dict[str, str]]] = {
    "sex": ("gender", SAME),
    "race": ("race", SAME),
    "citizenship": ("citizen", {"yes": "US citizen", "no": "not a US citizen"}),
    "language": ("lang", {"english": "English", "other": "another language"}),
    "marital_status": ("married", {"yes": "married", "no": "not married"}),
    # The source calls the first level "hs or lower", yet it holds 65 % of those aged 25 and over: everyone without a
    # college degree, some college included. The words chosen are true either way.
    "education": ("edu", {"hs or lower": "no college degree", "college": "college degree", "grad": "graduate degree"}),
    "disability": ("disability", YES_NO),
    "employment": (
        "employment",
        {"employed": "employed", "unemployed": "unemployed", "not in labor force": "not in the labor force"},
    ),
}
NUMBERS = {"wages": "income", "hours_worked": "hrs_work", "commute": "time_to_work"}


def whole(text: str) -> str:
    """Return a number without decimals; an empty cell (the source's missing value) stays empty."""
    if text in {"", "NA"}:
        return ""
    value = float(text)
    if value != int(value):
        message = f"{text!r} is not a whole number"
        raise ValueError(message)
    return str(int(value))


def convert(source: Path, target: Path) -> int:
    """Write the converted table and return its number of rows."""
    with source.open(encoding="utf-8", newline="") as lines:
        people = [row for row in csv.DictReader(lines) if int(row["age"]) >= ADULT]
    with target.open("w", encoding="utf-8", newline="") as lines:
        out = csv.writer(lines, lineterminator="\n")
        out.writerow(["row", "age", *WORDS, *NUMBERS])
        for person in people:
            words = [levels[person[column]] for column, levels in WORDS.values()]
            numbers = [whole(person[column]) for column in NUMBERS.values()]
            out.writerow([person["rownames"], whole(person["age"]), *words, *numbers])
    return len(people)


if __name__ == "__main__":
    sys.stdout.write(f"{convert(Path(sys.argv[1]), Path(sys.argv[2]))} people\n")
