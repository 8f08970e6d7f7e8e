"""A long play: does a round stay as quick, the memory as small and the file as short a line as at the beginning?

    python -m tests.perf.rounds                # 200 rounds of 8 characters, scripted
    python -m tests.perf.rounds 400 --director

Prints, for each tenth of the play, the CPU seconds of a round, the process's resident memory and the file's growth, and in
the end how round 200 compares with round 20 (lower quartiles, for the machine is shared).
"""

import argparse
import statistics
import tempfile
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import toolkit as tk
from toolkit.rounds import Scene, run_rounds


def resident() -> float:
    """Return this process's resident memory, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def scene(people: int) -> Scene:
    """Return a scene with so many people in it."""
    cast = [{"name": f"Person{place} Of{place}", "description": f"speaker number {place}"} for place in range(people)]
    return Scene.from_dict({"id": "long", "notes": {"scene": "A long talk."}, "cast": cast})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", type=int, nargs="?", default=200)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--director", action="store_true")
    parser.add_argument("--trace", action="store_true", help="trace Python's own memory too (slower)")
    given = parser.parse_args()
    if given.trace:
        tracemalloc.start()
    ends: list[float] = []
    memory: list[float] = []
    sizes: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        lab = tk.Lab("scripted", study=Path(folder) / "study", seed=7)

        def completed(_: Any) -> None:
            # events come on the private loop's own thread, so its CPU time is the play's
            ends.append(time.thread_time())
            memory.append(tracemalloc.get_traced_memory()[0] / 1e6 if given.trace else resident())
            sizes.append(next((Path(folder) / "study" / "plays").glob("*.jsonl")).stat().st_size)

        lab.events.subscribe(lambda _: ends.append(time.thread_time()) if not ends else None, "rounds.roundStarted")
        lab.events.subscribe(completed, "rounds.roundCompleted")
        wall = time.perf_counter()
        play = run_rounds(scene(given.people), rounds=given.rounds, director=given.director, lab=lab)
        seconds = time.perf_counter() - wall
        tokens = play.tokens().frame
        over = int((tokens["total"] + play.production.rules.completion_tokens > play.production.context_tokens).sum())
        lab.close()
    each = [after - before for before, after in pairwise(ends)]
    step = max(1, given.rounds // 10)
    print(f"{given.rounds} rounds, {given.people} people, director {given.director}: {seconds:.1f} s")
    print(f"{'rounds':>10} {'s a round':>10} {'MB':>8} {'bytes a round':>14}")
    for start in range(0, given.rounds, step):
        part = slice(start, start + step)
        grown = (sizes[part][-1] - (sizes[start - 1] if start else 0)) / len(sizes[part])
        print(
            f"{start + 1:>4}-{start + len(each[part]):<5} {statistics.median(each[part]):>10.4f} {memory[part][-1]:>8.1f} {grown:>14,.0f}"
        )
    near = step
    early = slice(near // 2, near + near // 2)
    first, last = statistics.quantiles(each[early], n=4)[0], statistics.quantiles(each[-near:], n=4)[0]
    print(f"CPU, round {given.rounds} against round {near}: {last / first:.2f} (at most 1.2)")
    print(f"prompts over the budget: {over} of {len(tokens)}; errors {len(play.errors)}")


if __name__ == "__main__":
    main()
