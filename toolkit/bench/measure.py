"""The measurements: overhead and replay in interleaved pairs, latency under load, memory, tokens a persona."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.bench.baseline import Baseline, Metric
from toolkit.bench.workload import everything_on, ours, plain
from toolkit.lab import Lab
from toolkit.testing import WireProcess

__all__ = ["held", "measure", "overhead", "scripted", "under_latency"]

THINK_SECONDS = 0.2
"""What the server takes for an answer where latency and queue are measured."""
_LOOK_SECONDS = 0.02
_QUEUED = 10
"""Calls for each that may be at work, where the queue is measured."""

Tell = Callable[[str], object]
Prepare = Callable[[Lab], object]


def measure(
    *,
    pairs: int = 7,
    calls: int = 1600,
    at_once: int = 64,
    answers: int = 5000,
    tell: Tell = lambda _: None,
    prepare: Prepare = lambda _: None,
) -> Baseline:
    """Measure everything and return it.

    Args:
        pairs: Interleaved pairs of plain client and engine.
        calls: Calls of each.
        at_once: Calls in flight at once.
        answers: Answers whose memory is measured, in a fresh process; 0 leaves that out.
        tell: Takes a line when a part is done.
        prepare: Called with each lab before it is measured, for example to open a board on it.

    Example:
        >>> found = measure(pairs=1, calls=40, answers=0)
        >>> sorted(name for name, one in found.metrics.items() if one.guarded)
        ['cpu_ratio', 'overhead_ratio', 'replay_ratio']
    """
    found: list[Metric] = []
    parts: list[Callable[[], list[Metric]]] = [
        lambda: overhead(pairs, calls, at_once, prepare),
        lambda: under_latency(at_once * _QUEUED, at_once, prepare),
        lambda: scripted(calls),
        _tokens,
        *([lambda: _memory(answers)] if answers else []),
    ]
    for part in parts:
        for metric in part():
            found.append(metric)
            tell(f"{metric.name:24} {metric.median:12,.3f} {metric.unit}   ({metric.low:,.3f} to {metric.high:,.3f})")
    return Baseline.here(found)


def overhead(pairs: int, calls: int, at_once: int, prepare: Prepare = lambda _: None) -> list[Metric]:
    """Return what the whole stack costs beside plain ``AsyncOpenAI``: ratios of pairs that run one after the other.

    ``overhead_ratio`` is calls a second, ours over plain; ``cpu_ratio`` and ``replay_ratio`` are processor time a call,
    plain over ours and plain over a replay from memory, which other work on the machine hardly touches.
    """
    walls, costs, replays, rates = [], [], [], []
    with WireProcess() as wire, _folder() as folder:
        plain(wire.url, wire.key or "", calls // 4, at_once)  # what is loaded once is not measured
        for pair in range(pairs):
            base = plain(wire.url, wire.key or "", calls, at_once)
            lab = everything_on(
                "openai:bench", folder / f"pair{pair}", base_url=wire.url, api_key=wire.key, concurrency=at_once
            )
            prepare(lab)
            mine, again = ours(lab, calls), ours(lab, calls)
            lab.close()
            walls.append(mine.rate / base.rate)
            costs.append(base.cost / mine.cost)
            replays.append(base.cost / again.cost)
            rates.append((mine.rate, again.rate))
    return [
        Metric.of("overhead_ratio", "x", walls, "higher", guarded=True),
        Metric.of("cpu_ratio", "x", costs, "higher", guarded=True),
        Metric.of("replay_ratio", "x", replays, "higher", guarded=True),
        Metric.of("calls_rate", "calls/s", [live for live, _ in rates], "higher"),
        Metric.of("replay_rate", "replies/s", [again for _, again in rates], "higher"),
    ]


def under_latency(calls: int, at_once: int, prepare: Prepare = lambda _: None) -> list[Metric]:
    """Return latency, pace over the ideal and queue depth where each answer takes 200 ms."""
    with WireProcess(latency=THINK_SECONDS) as wire, _folder() as folder:
        lab = everything_on("openai:bench", folder / "slow", base_url=wire.url, api_key=wire.key, concurrency=at_once)
        prepare(lab)
        with _queue(lab) as depths:
            pace = ours(lab, calls)
        times = lab.ledger.frame()["latency"]
        lab.close()
    ideal = -(-calls // at_once) * THINK_SECONDS
    return [
        Metric.of("latency_p50", "s", [float(times.quantile(0.5))], "lower"),
        Metric.of("latency_p95", "s", [float(times.quantile(0.95))], "lower"),
        Metric.of("wall_over_ideal", "x", [pace.seconds / ideal], "lower"),
        Metric.of("in_flight", "calls", [float(depth) for depth in depths or [0]], "higher"),
    ]


def scripted(calls: int) -> list[Metric]:
    """Return calls a second through the stack where the model itself costs next to nothing."""
    with _folder() as folder:
        lab = everything_on("scripted:default", folder / "scripted")
        pace = ours(lab, calls)
        lab.close()
    return [Metric.of("scripted_rate", "calls/s", [pace.rate], "higher")]


def _tokens() -> list[Metric]:
    """Return the tokens that go in and come out for one persona of ``detail="standard"``."""
    from toolkit.personas import generate_personas

    people = 20
    with _folder() as folder:
        lab = Lab("scripted", study=folder / "people")
        generate_personas(people, "us-adults-2012", detail="standard", lab=lab)
        frame = lab.ledger.frame()
        lab.close()
    return [
        Metric.of(f"tokens_persona_{way}", "tokens", [float(frame[way].sum()) / people], "lower")
        for way in ("input", "output")
    ]


def _memory(answers: int) -> list[Metric]:
    """Return what 10,000 answers hold in memory while they are made, measured in a fresh process."""
    code = f"from toolkit.bench.measure import held; print(held({answers}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603  # our own code
    return [Metric.of("memory_10k", "MB", [float(done.stdout) * 10_000 / answers], "lower")]


def held(answers: int) -> float:
    """Return the most MB that Python objects took while so many answers were made and held."""
    import tracemalloc

    with _folder() as folder:
        lab = everything_on("scripted:default", folder / "held")
        ours(lab, 10)  # what is loaded once is not counted
        tracemalloc.start()
        ours(lab, answers)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        lab.close()
    return most / 2**20


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="toolkit-bench-") as place:
        yield Path(place)


@contextmanager
def _queue(lab: Lab) -> Iterator[list[int]]:
    """Look at the calls in flight now and then, while a block runs."""
    seen: list[int] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(_LOOK_SECONDS):
            now: dict[str, Any] = {}
            for one in lab.engine.gauges:
                now.update(one.metrics())
            seen.append(int(now.get("toolkit_queue_inflight", 0)))

    watcher = threading.Thread(target=look, name="toolkit-bench", daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()
