"""``uv run python -m tests.perf.memory``: what the memory costs, and that it stays so at a million entries.

Prints rates, the cost of a claim, bytes written for each byte of replies, joblib's door, and, for stores of 10,000 and
1,000,000 entries (``--entries``; some minutes), look-ups, validation with its memory, and a quota while replies come.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path

import orjson

from toolkit.memory import REPLIES, AppendFile, Entry, SealedStore, Writer, leaf, open_memory
from toolkit.memory.claims import Claims

BODY = orjson.dumps({"model": "scripted:plain", "text": "x" * 560})
SIZES = {261: "an answer of one choice with its reason", 600: "a long answer", 1500: "a persona's text"}
"""Bytes of a remembered reply; the first is the mean of ``tests.perf.overhead``."""
SMALL = 10_000


def say(what: str, number: float, unit: str) -> None:
    """Print one number."""
    digits = 0 if abs(number) >= 100 else 2
    print(f"{what:62} {number:14,.{digits}f} {unit}", flush=True)


def rate(number: int, work: Callable[[], object]) -> float:
    """Return how many a second."""
    started = time.perf_counter()
    work()
    return number / (time.perf_counter() - started)


def replies(number: int, body: bytes = BODY, seed: int = 0) -> Iterator[Entry]:
    """Make entries as the engine does."""
    draw = random.Random(seed)
    for place in range(number):
        key = f"{draw.getrandbits(256):064x}"
        item = f"p{place:06}"
        yield Entry(REPLIES, key, body, "questions", item, "questions.ask@0123456789ab", "openai:gpt-5-mini")


def from_tasks(number: int, put: Callable[[Entry], object], entries: Iterator[Entry], at_once: int = 64) -> float:
    """Put entries from tasks of one loop, each waiting for its own, and return how many a second."""

    async def task() -> None:
        for entry in entries:
            await put(entry)  # type: ignore[misc]  # a ticket

    async def main() -> None:
        await asyncio.gather(*(task() for _ in range(at_once)))

    return rate(number, lambda: asyncio.run(main()))


def rates(folder: Path) -> None:
    """Print how fast it reads and writes."""
    with (
        Writer() as writer,
        AppendFile(folder / "ledger.jsonl") as ledger,
        SealedStore(folder / "memory.sqlite", heal=True, writer=writer) as store,
    ):

        async def both(entry: Entry) -> None:
            stored, noted = store.put(entry), writer.submit(ledger, BODY)
            await stored
            await noted

        entries = list(replies(100_000))
        keys = [entry.key for entry in entries]
        say("put and a ledger line, 64 tasks", from_tasks(20_000, both, iter(entries[:20_000])), "/s")

        def in_bulk() -> None:
            for entry in entries[20_000:]:
                store.put(entry)
            store.flush()

        def one_by_one() -> None:
            for key in keys[:20_000]:
                store.get(REPLIES, key)

        say("put, 80,000 and one wait", rate(80_000, in_bulk), "/s")
        for turn in (1, 2):
            say(f"get_many, 100,000 verified, time {turn}", rate(100_000, lambda: store.get_many(REPLIES, keys)), "/s")
        say("get, one by one", rate(20_000, one_by_one), "/s")
        say("validate", rate(100_000, store.validate), "/s")
        say("reduce_size, 50,000 leave", rate(50_000, lambda: store.reduce_size(items_limit=50_000)), "/s")


def claims(folder: Path) -> None:
    """Print what a claim costs, alone and beside others."""
    held = Claims.of(folder / "claims")
    keys = [secrets.token_hex(32) for _ in range(20_000)]

    def all_keys() -> None:
        for key in keys:
            held.take(key)
            held.release(key)

    for others in (0, 64, 512):
        for number in range(others):
            held.take(f"{random.Random(number).getrandbits(256):064x}")
        say(f"claim and release, {others} held beside", 1e6 / rate(len(keys), all_keys), "µs")
    held.close()


def written_bytes() -> int:
    """Return what this process has handed to the system to write; sockets are not in it."""
    for line in Path("/proc/self/io").read_bytes().splitlines():
        if line.startswith(b"wchar:"):
            return int(line.split()[1])
    raise SystemExit("this system does not count written bytes")


def bytes_written(folder: Path, numbers: tuple[int, ...]) -> None:
    """Print what is written, and what lies on disk in the end, for each byte of replies."""
    for size, what in SIZES.items():
        body = orjson.dumps({"text": "x" * (size - 11)})
        for number in numbers:
            path = folder / f"bytes-{size}-{number}" / "memory.sqlite"
            before = written_bytes()
            with SealedStore(path, heal=True) as store:
                from_tasks(number, store.put, replies(number, body))
            replies_bytes = number * len(body)
            kind = f"{number:,} replies of {size} bytes, {what}"
            say(f"written for {kind}", (written_bytes() - before) / replies_bytes, "x")
            say("  lies on disk", path.stat().st_size / replies_bytes, "x")


def joblibs_door(folder: Path) -> None:
    """Print the cost of one call by joblib's door."""
    memory, store = open_memory(folder)

    def own(number: int) -> dict[str, int]:
        return {"text": number}

    def reply(request: dict[str, int]) -> dict[str, int]:
        return {"text": request["n"]}

    remembered, bound = memory.cache(own), leaf(memory, reply)
    doors: dict[str, Callable[[int], object]] = {
        "own function": remembered,
        "leaf": lambda number: bound(f"{number:064d}", {"n": number}),
    }
    for name, call in doors.items():
        for kind in ("miss", "hit"):
            started = time.perf_counter()
            for number in range(1000):
                call(number)
            say(f"joblib, {name}, {kind}", 1e3 * (time.perf_counter() - started), "µs")
    store.close()


def look_ups(store: SealedStore, keys: list[str]) -> float:
    """Print how long single look-ups take in a store, and return the median in µs."""
    for key in keys:
        store.get(REPLIES, key)
    taken = []
    for key in random.Random(1).sample(keys, len(keys)):
        started = time.perf_counter()
        store.get(REPLIES, key)
        taken.append(1e6 * (time.perf_counter() - started))
    taken.sort()
    say("  look-up, p50", statistics.median(taken), "µs")
    say("  look-up, p95", taken[len(taken) * 95 // 100], "µs")
    return statistics.median(taken)


def resident() -> float:
    """Return the most memory this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def filled(path: Path, number: int) -> list[str]:
    """Fill a store and return some of its keys."""
    kept: list[str] = []
    body = orjson.dumps({"text": "x" * 250})
    with SealedStore(path, heal=True) as store:

        def fill() -> None:
            for place, entry in enumerate(replies(number, body)):
                store.put(entry)
                if place % (number // 5000) == 0:
                    kept.append(entry.key)
                if place % 20_000 == 0:
                    store.flush()
            store.flush()

        say(f"a store of {number:,} entries is filled", rate(number, fill), "/s")
    return kept


def at_size(path: Path, number: int) -> float:
    """Print what a store of this size costs, and return the median of a look-up."""
    keys = filled(path, number)
    with SealedStore(path, heal=True) as store:
        median = look_ups(store, keys)
        before = resident()
        say("  validate", rate(number, store.validate), "/s")
        say("  validate, growth of memory", resident() - before, "MB")
        started = time.perf_counter()
        store.stats()
        say("  stats", time.perf_counter() - started, "s")
    return median


def quota(path: Path, number: int) -> None:
    """Print how long a quota takes that a store is 5 % too large for, while replies come, and how long those wait."""
    waits: list[float] = []
    with SealedStore(path, heal=True) as store:

        async def put(entry: Entry) -> None:
            started = time.perf_counter()
            await store.put(entry)
            waits.append(1e3 * (time.perf_counter() - started))
            await asyncio.sleep(0.01)

        started = time.perf_counter()
        store.limit(items=int(number * 0.95))  # 2 % more leave to make room
        thread = store._quota._thread if store._quota is not None else None
        assert thread is not None
        from_tasks(1, put, takewhile(lambda _: thread.is_alive(), replies(number, seed=2)), at_once=8)
        taken = time.perf_counter() - started
        say(f"  quota: {number + len(waits) - store.measure().items:,} leave", taken, "s")
        waits.sort()
        say(
            f"  quota: {len(waits):,} replies wait for their commits meanwhile, p95",
            waits[len(waits) * 95 // 100],
            "ms",
        )
        say("  quota: the longest such wait", waits[-1], "ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, help="entries of the large store; 0 leaves it out")
    parser.add_argument("--only", choices=["rates", "claims", "bytes", "joblib", "size"], help="one part only")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        parts: dict[str, Callable[[], object]] = {
            "rates": lambda: rates(folder),
            "claims": lambda: claims(folder),
            "bytes": lambda: bytes_written(folder, (2000, 100_000)),
            "joblib": lambda: joblibs_door(folder / "joblib"),
            "size": lambda: size(folder, given.entries),
        }
        for name, part in parts.items():
            if given.only in {None, name}:
                part()


def size(folder: Path, number: int) -> None:
    """Print how look-ups, validation and quotas grow with a store."""
    small = at_size(folder / "small.sqlite", SMALL)
    if number:
        large = at_size(folder / "large.sqlite", number)
        say(f"look-up p50 at {number:,} over that at {SMALL:,}", large / small, "x")
        quota(folder / "large.sqlite", number)


if __name__ == "__main__":
    sys.exit(main())
