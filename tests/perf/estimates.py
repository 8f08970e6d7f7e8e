"""``uv run python -m tests.perf.estimates``: does the estimate's range hold what a run then costs?

Runs with varied schemas, lengths, images and models on the wire server, each estimated before it is made. Prints in how
many the money range holds the actual cost, and how wide the ranges are: cold (the first run of a study, nothing seen
yet) and warm apart. The wire server counts characters / 4 and each picture as 85 tokens, so pictures are sent to those
models only whose published rule says 85 for a picture looked at roughly (gpt-4o, gpt-4.1).
"""

import argparse
import random
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from toolkit.display import Report, Result
from toolkit.engine import Outcome
from toolkit.lab import Lab
from toolkit.media import Image
from toolkit.models import Call, Message, Picture, Sampling, Schema
from toolkit.personas.narrative import narrative
from toolkit.questions import Choice, Scale, Text
from toolkit.testing import WireServer
from toolkit.verbs import Job, estimate, verb

MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-5-mini", "o4-mini")
SEEING = ("gpt-4o", "gpt-4.1")
RUNS_A_STUDY = 10
WORDS = (
    "a",
    "person",
    "who",
    "lives",
    "near",
    "the",
    "river",
    "works",
    "as",
    "teacher",
    "buys",
    "bread",
    "on",
    "Fridays",
)


@dataclass(frozen=True)
class Trial:
    """One run: what was foretold, and what it was."""

    low: float
    high: float
    actual: float
    cold: bool
    what: str

    @property
    def held(self) -> bool:
        return self.low <= self.actual <= self.high

    @property
    def width(self) -> float:
        return self.high / self.low


class Probe(Result):
    """The result of calls made for their own sake."""

    @property
    def frame(self) -> pd.DataFrame:
        return pd.DataFrame({"item": [outcome.item for outcome in self._outcomes]})

    def _title(self) -> str:
        return "probe"


@verb
def probe(calls: Sequence[Call], *, lab: Lab) -> Job[Probe]:
    """Make calls."""
    return _Probe(calls, lab)


class _Probe(Job[Probe]):
    name = "probe"

    def __init__(self, calls: Sequence[Call], lab: Lab) -> None:
        super().__init__(lab, seed=None, strict=False)
        self._made = calls

    def __len__(self) -> int:
        return len(self._made)

    def calls(self) -> Iterator[Call]:
        return iter(self._made)

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> Probe:
        return Probe(outcomes=outcomes, report=report, lab=self.lab, again=self)


def text(draw: random.Random, characters: int) -> str:
    """Return about so many characters of words."""
    words: list[str] = []
    while sum(map(len, words)) + len(words) < characters:
        words.append(draw.choice(WORDS))
    return " ".join(words)


def structure(draw: random.Random) -> Schema:
    """Return a schema as a researcher's own pydantic model would have it."""
    properties: dict[str, Any] = {}
    for number in range(draw.randint(2, 9)):
        bounded = {"type": "string", "maxLength": draw.choice((30, 60, 120, 200, 400, 800))}
        properties[f"field_{number}"] = draw.choice(
            (
                bounded,
                {"type": "array", "items": bounded, "minItems": draw.randint(1, 2), "maxItems": draw.randint(3, 6)},
                {"type": "integer", "minimum": 0, "maximum": draw.choice((5, 100))},
                {"type": "boolean"},
                {"type": "string", "enum": draw.sample(WORDS, 4)},
            )
        )
    body = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return Schema("structure", body)


def schema(draw: random.Random) -> Schema | None:
    """Return one of the shapes that studies ask for."""
    options = [text(draw, draw.randint(4, 40)) + f" {number}" for number in range(draw.randint(2, 8))]
    portrait = narrative(draw.choice(("brief", "standard")))
    return draw.choice(
        (
            Choice(options, why=draw.random() < 0.5).schema,
            Scale(1, draw.choice((5, 7, 100)), why=draw.random() < 0.5).schema,
            Text(draw.choice((60, 150, 300, 600, 1200))).schema,
            structure(draw),
            structure(draw),
            portrait.schema if portrait is not None else None,
            None,
        )
    )


def calls(draw: random.Random, number: int, model: str) -> list[Call]:
    """Make the calls of one run."""
    shape, n = schema(draw), draw.choice((3, 8, 20, 60, 120))
    shared, own = text(draw, draw.choice((200, 800, 2500, 6000))), draw.choice((80, 400, 1500))
    effort = draw.choice((None, "minimal", "low", "medium")) if model in {"gpt-5-mini", "o4-mini"} else None
    pictures: tuple[Picture, ...] = ()
    if model in SEEING and draw.random() < 0.4:
        pixels = np.full((draw.choice((200, 700, 1200)), draw.choice((300, 900)), 3), number % 250, np.uint8)
        picture = Picture(Image(pixels, alt="A card"), detail=draw.choice(("low", "auto")))
        pictures = (picture,) * draw.randint(1, 2)
    return [
        Call(
            messages=(
                Message("system", (shared,)),
                Message("user", (*pictures, text(draw, draw.randint(own // 2, own * 3 // 2)) + f" {place}")),
            ),
            schema=shape,
            sampling=Sampling(reasoning=effort),  # type: ignore[arg-type]
            seed=number,
            stage="probe",
            item=f"{number}-{place}",
            family="probe",
            template="probe@1",
        )
        for place in range(n)
    ]


def trials(runs: int, seed: int, folder: Path) -> list[Trial]:
    """Estimate and make runs, some of each study."""
    found = []
    for study in range(-(-runs // RUNS_A_STUDY)):
        draw = random.Random(f"{seed} {study}")
        model = draw.choice(MODELS)
        with WireServer(seed=seed + study) as wire:
            name = f"openai:{model}"
            lab = Lab(name, study=folder / f"{seed}-{study}", base_url=wire.url, api_key=wire.key, price_as=name)
            for number in range(min(RUNS_A_STUDY, runs - study * RUNS_A_STUDY)):
                asked = calls(draw, number, model)
                told = estimate(probe, asked, lab=lab)
                result = probe(asked, lab=lab)
                if told.money is None or result.report is None or len(result.errors):
                    raise SystemExit(f"no estimate or no answers in study {study}, run {number}: {result.errors}")
                shape = asked[0].schema.name if asked[0].schema is not None else "free text"
                what = f"{model}, {len(asked)} calls, {shape}, {len(asked[0].pictures)} pictures"
                found.append(Trial(*told.money, result.report.money.spent, number == 0, what))
            lab.close()
    return found


def summary(what: str, found: Sequence[Trial]) -> str:
    """Return one line."""
    held = sum(trial.held for trial in found)
    widths = sorted(trial.width for trial in found)
    return (
        f"{what}: the range held the actual in {held} of {len(found)} ({held / len(found):.1%}); "
        f"high/low median {statistics.median(widths):.2f}, nine tenths under {widths[len(widths) * 9 // 10]:.2f}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = trials(given.runs, given.seed, Path(folder))
    print(summary("all runs", found))
    print(summary("cold, nothing seen yet", [trial for trial in found if trial.cold]))
    print(summary("warm", [trial for trial in found if not trial.cold]))
    for trial in found:
        if not trial.held:
            print(f"  missed: {trial.low:.5f} to {trial.high:.5f}, was {trial.actual:.5f} ({trial.what})")


if __name__ == "__main__":
    main()
