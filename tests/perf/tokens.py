"""``python -m tests.perf.tokens``: what one person costs to make, at each level of detail, and how long a panel takes.

For each level: characters and about how many tokens a person (messages and schema, characters / 4), how much of it is
shared by all, what a batch saves, and what worked examples cost and save at a model's list price. ``--wall`` makes
panels at 200 ms a call, 64 at once, against the ideal; ``--diversity`` times ``describe()``'s search for near-duplicates.
"""

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from toolkit.bench.workload import plain
from toolkit.engine.prices import price_of
from toolkit.lab import Lab
from toolkit.models import Call, Identity
from toolkit.personas import Population, generate_personas
from toolkit.personas.cast import draw_cast
from toolkit.personas.diversity import near_duplicates
from toolkit.personas.narrative import narrative
from toolkit.personas.prefix import AT_ONCE, pays
from toolkit.personas.writing import Writing
from toolkit.seeds import rng
from toolkit.testing import WireProcess

PEOPLE = 300
MODELS = ("gpt-5-mini", "gpt-4.1", "gpt-4o")
LEVELS = ("brief", "standard", "deep")


def characters(call: Call) -> int:
    """Return the characters of messages and schema."""
    return sum(len(message.text) for message in call.messages) + len(call.schema.json if call.schema else b"")


def shared(first: Call, second: Call) -> int:
    """Return how many characters two calls begin with together, the schema, which comes first, included."""
    one, other = ("\n".join(message.text for message in call.messages) for call in (first, second))
    same = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return same + len(first.schema.json if first.schema else b"")


def calls_of(population: str, detail: str, *, batch: int = 1, example: bool = False) -> list[Call]:
    """Return the calls of a panel of 300, with or without worked examples."""
    with tempfile.TemporaryDirectory() as folder, Lab("scripted", study=folder, seed=7) as lab:
        cast = draw_cast(Population.load(population), PEOPLE, 7)
        job = Writing(
            lab, cast, narrative(detail), context="", attempts=2, batch=batch, seed=7, strict=False, budget=None
        )
        job.__dict__["_example"] = example
        made = list(job.calls())
        lab.close()
    return made


def sizes(population: str) -> None:
    """Print characters and tokens a person at each level of detail."""
    print(f"{population}\n{'':<26}{'characters':>11}{'largest':>9}{'tokens':>8}{'shared':>8}{'of it':>7}")
    shapes: Sequence[tuple[str, int, bool]] = (("", 1, False), (", with examples", 1, True), (", 5 a call", 5, False))
    for detail in LEVELS:
        for told, batch, example in shapes:
            if example and detail != "standard":
                continue
            made = calls_of(population, detail, batch=batch, example=example)
            each = [characters(call) / batch for call in made]
            same = shared(made[0], made[1]) / batch
            mean = statistics.fmean(each)
            print(
                f"  {detail + told:<24}{mean:>11,.0f}{max(each):>9,.0f}{mean / 4:>8,.0f}{same / 4:>8,.0f}{same / mean:>7.0%}"
            )


def examples_pay() -> None:
    """Print what the shared part costs a person with and without worked examples, in tokens of full price."""
    short, long = (
        (shared(made[0], made[1])) / 4
        for made in (calls_of("us-adults-2012", "standard", example=example) for example in (False, True))
    )
    print(
        f"\nshared part of standard: {short:,.0f} tokens, with examples {long:,.0f}; in tokens of full price a person:"
    )
    for model in MODELS:
        price = price_of(Identity("openai", model))
        if price is None:
            continue
        cost = price.cached / price.input
        line = []
        for n in (64, 130, 320, 1000):
            hits = max(0.0, 1 - AT_ONCE / n)
            decided = "pay" if pays(price, short=short, long=long, calls=n) else "do not"
            line.append(f"n={n}: {long * (1 - hits * (1 - cost)):,.0f} {decided}")
        print(f"  {model:<12} cached at {cost:.2f}   {'   '.join(line)}")


def wall(at_once: int = 64, seconds: float = 0.2, rounds: int = 3) -> None:
    """Print the wall time of panels against the ideal, the best of some rounds, on a server that thinks.

    Beside them the SDK alone, which asks as many questions of a survey in the same run, without memory, checks or ledger.
    """
    with tempfile.TemporaryDirectory() as folder, WireProcess(latency=seconds) as wire:
        lab = Lab("openai:m", study=Path(folder), base_url=wire.url, api_key=wire.key, seed=7, concurrency=at_once)
        generate_personas(at_once, "us-adults-2012", detail="brief", seed=1, lab=lab)  # opens connections
        for detail, n in (("brief", 300), ("standard", 300), ("deep", 300), ("standard", 1280), ("standard", 5000)):
            ideal = math.ceil(n / at_once) * seconds
            alone = min(plain(wire.url, wire.key, n, at_once).seconds for _ in range(rounds))
            taken = []
            for seed in range(rounds):
                began, busy = time.perf_counter(), time.process_time()
                panel = generate_personas(n, "us-adults-2012", detail=detail, seed=10 + seed, lab=lab)  # type: ignore[arg-type]
                asked = panel.report.seconds if panel.report is not None else 0.0
                taken.append((time.perf_counter() - began, asked, time.process_time() - busy))
            whole, calls, cpu = (min(one) for one in zip(*taken, strict=True))
            print(
                f"{detail:<9} n={n:>5}: {whole:.2f} s, {whole / ideal:.2f} x the ideal {ideal:.1f} s; the calls alone "
                f"{calls / ideal:.2f} x, the SDK alone {alone / ideal:.2f} x; {1e3 * cpu / n:.2f} ms CPU a person; at once "
                f"{wire.stats()['peak']}"
            )
        lab.close()


def search_time() -> None:
    """Print how long the search for near-duplicates takes as texts grow in number."""
    words = [f"word{place}" for place in range(2_000)]
    for n in (1_250, 2_500, 5_000, 10_000):
        draw = rng(7, "diversity", n)
        texts = [(str(place), [draw.choice(words) for _ in range(40)]) for place in range(n)]
        began = time.perf_counter()
        near_duplicates(texts)
        print(f"near-duplicates among {n:>6,} texts of 40 words: {time.perf_counter() - began:.2f} s")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wall", action="store_true")
    parser.add_argument("--diversity", action="store_true")
    asked = parser.parse_args()
    if asked.wall:
        wall()
    elif asked.diversity:
        search_time()
    else:
        for population in ("us-adults-2012", "us-voters-1996"):
            sizes(population)
        examples_pay()


if __name__ == "__main__":
    main()
