"""Measure the memory: ``uv run python -m tests.memory.measure``."""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from toolkit.memory import REPLIES, AppendFile, Entry, SealedStore, Writer, leaf, open_memory

BODY = orjson.dumps({"model": "scripted:plain", "text": "x" * 560})


def rate(number: int, work: Callable[[], object]) -> float:
    """Return how many a second."""
    started = time.perf_counter()
    work()
    return number / (time.perf_counter() - started)


def replies(number: int) -> list[Entry]:
    """Return entries as the engine makes them."""
    return [
        Entry(REPLIES, secrets.token_hex(32), BODY, "questions", str(place), "questions.ask@0123456789ab", "scripted:x")
        for place in range(number)
    ]


def putting(store: SealedStore, writer: Writer, ledger: AppendFile, entries: list[Entry]) -> None:
    """Put entries from 64 tasks of one loop, each with a line of the ledger, and wait for both."""

    async def task(share: list[Entry]) -> None:
        for entry in share:
            stored, noted = store.put(entry), writer.submit(ledger, BODY)
            await stored
            await noted

    async def main() -> None:
        await asyncio.gather(*(task(entries[start::64]) for start in range(64)))

    asyncio.run(main())


def measure(folder: Path) -> None:
    """Print what was measured."""
    entries = replies(100_000)
    first, rest, keys = entries[:20_000], entries[20_000:], [entry.key for entry in entries]
    with (
        Writer() as writer,
        AppendFile(folder / "ledger.jsonl") as ledger,
        SealedStore(folder / "memory.sqlite", heal=True, writer=writer) as store,
    ):

        def in_bulk() -> None:
            for entry in rest:
                store.put(entry)
            store.flush()

        def one_by_one() -> None:
            for key in keys[:20_000]:
                store.get(REPLIES, key)

        say("put and a ledger line, 64 tasks of one loop", rate(20_000, lambda: putting(store, writer, ledger, first)))
        say("put, 80,000 and one wait", rate(80_000, in_bulk))
        for turn in (1, 2):
            say(f"get_many, 100,000 verified, time {turn}", rate(100_000, lambda: store.get_many(REPLIES, keys)))
        say("get, one by one", rate(20_000, one_by_one))
        say("validate", rate(100_000, store.validate))
        say("reduce_size, 50,000 leave", rate(50_000, lambda: store.reduce_size(items_limit=50_000)))
    measure_joblib(folder / "joblib")


def measure_joblib(folder: Path) -> None:
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
            took = (time.perf_counter() - started) / 1000
            sys.stdout.write(f"{f'joblib, {name}, {kind}':45} {1e6 * took:9.0f} µs\n")
    store.close()


def say(what: str, a_second: float) -> None:
    """Print one rate."""
    sys.stdout.write(f"{what:45} {a_second:9,.0f}/s\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        measure(Path(place))
