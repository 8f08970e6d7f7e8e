"""``uv run python -m tests.perf.overhead``: what the engine costs beside plain AsyncOpenAI, in interleaved pairs.

Prints calls a second through the whole stack (memory, ledger, prices, budget, limits that do not bind, retry, breaker,
timeout) over those of the SDK alone, against the same server in the same run; wall time at 200 ms over the ideal; how
fast memory replays, in the pool and through ``ask()``; and how speed, peak memory and bytes written grow with the number of
answers, each number in a fresh process. ``--full`` grows to 100,000 and takes more pairs.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from toolkit.bench.workload import ANSWER, everything_on, ours, plain
from toolkit.personas import generate_personas
from toolkit.questions import ask
from toolkit.testing import WireProcess

PEOPLE = 1000
"""At most so many personas in the growth runs; beyond, each is asked repeatedly."""
THINK_SECONDS = 0.2


def written() -> int:
    """Return the bytes that this process wrote to files so far, as Linux counts them; sockets do not count."""
    counts = Path("/proc/self/io").read_text(encoding="ascii")
    return int(dict(line.split(": ") for line in counts.splitlines())["wchar"])


def most_memory() -> float:
    """Return the most MB this process had resident; getrusage counts the parent's before exec as well."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines())
    return int(lines["VmHWM"].split()[0]) / 1024


def against_plain(n: int, pairs: int, at_once: int, folder: Path) -> None:
    """Print the ratio of calls a second, and the replay rate of what was just remembered."""
    ratios = []
    with WireProcess() as wire:
        for pair in range(pairs):
            base = plain(wire.url, wire.key, n, at_once).rate
            lab = everything_on(
                "openai:bench", folder / f"pair{pair}", base_url=wire.url, api_key=wire.key, concurrency=at_once
            )
            before, sent = written(), wire.stats()["answer_bytes"]
            mine = ours(lab, n).rate
            answered, wrote = wire.stats()["answer_bytes"] - sent, written() - before
            middle = written()
            again = ours(lab, n).rate
            replayed = written() - middle  # rows of the replay, which are no part of what the answers took
            lab.close()
            closed = written() - before - replayed
            ratios.append(mine / base)
            print(
                f"pair {pair + 1}: plain {base:,.0f} calls/s, ours {mine:,.0f}, ratio {mine / base:.2f}; "
                f"replay from memory {again:,.0f} replies/s; "
                f"{wrote / answered:.2f} bytes written for each byte of answer on the wire, {closed / answered:.2f} once "
                f"the lab is closed"
            )
    print(f"median ratio over plain AsyncOpenAI: {statistics.median(ratios):.2f} ({n:,} calls, {at_once} at once)")


def against_ideal(n: int, rounds: int, at_once: int, folder: Path) -> None:
    """Print wall time over ``ceil(n / at_once)`` waits of 200 ms, ours and the SDK's alone."""
    ideal = math.ceil(n / at_once) * THINK_SECONDS
    with WireProcess(latency=THINK_SECONDS) as wire:
        for turn in range(rounds):
            lab = everything_on(
                "openai:bench", folder / f"slow{turn}", base_url=wire.url, api_key=wire.key, concurrency=at_once
            )
            mine = ours(lab, n).seconds
            seen = float(lab.ledger.frame()["latency"].mean())
            lab.close()
            base = plain(wire.url, wire.key, n, at_once).seconds
            print(
                f"{THINK_SECONDS * 1000:.0f} ms, {n:,} calls, {at_once} at once: ours {mine / ideal:.3f} of the ideal "
                f"{ideal:.1f} s (a try took {seen * 1000:.1f} ms), plain {base / ideal:.3f}"
            )


def grown(n: int, folder: Path) -> dict[str, float]:
    """Return what so many answers through ask() took, in this process; seconds, MB, and bytes of the study."""
    repeats = max(1, n // PEOPLE)
    lab = everything_on("scripted:default", folder / "grown", seed=1)
    panel = generate_personas(n // repeats, "us-adults-2012", detail="facts", lab=lab)
    began = time.perf_counter()
    answers = ask(panel, "Which package would you take home?", answer=ANSWER, repeats=repeats, lab=lab)
    live = time.perf_counter() - began
    began = time.perf_counter()
    size, _ = len(answers.frame), answers._repr_mimebundle_()
    shown = time.perf_counter() - began
    peak = most_memory()
    del answers
    began = time.perf_counter()
    ask(panel, "Which package would you take home?", answer=ANSWER, repeats=repeats, lab=lab)
    again = time.perf_counter() - began
    lab.close()
    kept = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "answers": size,
        "live": n / live,
        "with_repr": n / (live + shown),
        "again": n / again,
        "peak": peak,
        "kept": kept / n,
    }


def growth(sizes: Sequence[int]) -> None:
    """Print speed, peak memory and bytes by the number of answers, each in a fresh process."""
    for n in sizes:
        command = [sys.executable, "-m", "tests.perf.overhead", "--grown", str(n)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(
            f"{found['answers']:,} answers through ask(), scripted: {found['live']:,.0f} answers/s "
            f"({found['with_repr']:,.0f} with frame and repr), from memory {found['again']:,.0f}; peak memory "
            f"{found['peak']:,.0f} MB; {found['kept']:,.0f} bytes in the study for each answer"
        )


def through_ask(n: int, folder: Path) -> None:
    """Print answers a second through ask() with frame and repr, live on the scripted model and from memory."""
    lab = everything_on("scripted:default", folder / "ask", seed=1)
    panel = generate_personas(n, "us-adults-2012", detail="facts", lab=lab)
    for what in ("scripted", "from memory", "from memory"):
        began = time.perf_counter()
        answers = ask(panel, "Which package would you take home?", answer=ANSWER, lab=lab)
        size = len(answers.frame) + len(answers._repr_mimebundle_())
        taken = time.perf_counter() - began
        print(f"ask(), {what}: {n / taken:,.0f} answers/s with frame and repr ({size - 2:,} rows)")
    lab.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=6400)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--answers", type=int, default=5000)
    parser.add_argument("--slow-calls", type=int, default=2000, help="calls at 200 ms")
    parser.add_argument("--full", action="store_true", help="grow to 100,000 answers, and 5 pairs")
    parser.add_argument("--grown", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.grown:
            print(json.dumps(grown(given.grown, Path(folder))))
            return
        print(f"machine load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
        against_plain(given.calls, 5 if given.full else given.pairs, given.at_once, Path(folder))
        against_ideal(given.slow_calls, 3 if given.full else 1, given.at_once, Path(folder))
        through_ask(given.answers, Path(folder))
        growth((2_000, 20_000, 100_000) if given.full else (2_000, 20_000))
        print(f"machine load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
