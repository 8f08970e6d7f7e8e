"""Measure the memory: ``uv run python -m tests.memory.measure``."""

from __future__ import annotations

import asyncio
import secrets
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
    with (
        Writer() as writer,
        AppendFile(folder / "ledger.jsonl") as ledger,
        SealedStore(folder / "memory.sqlite", heal=True, writer=writer) as store,
    ):
        print(
            f"put + ledger line, 64 tasks, one loop: {rate(20_000, lambda: putting(store, writer, ledger, entries[:20_000])):9,.0f}/s"
        )
        print(
            f"put in bulk, waited once:              {rate(80_000, lambda: [store.put(one) for one in entries[20_000:]][-1].result()):9,.0f}/s"
        )
        keys = [entry.key for entry in entries]
        for _ in range(2):
            print(
                f"get_many, 100,000 of 600 bytes:        {rate(100_000, lambda: store.get_many(REPLIES, keys)):9,.0f}/s"
            )
        print(
            f"get, one by one:                       {rate(20_000, lambda: [store.get(REPLIES, key) for key in keys[:20_000]]):9,.0f}/s"
        )
        print(f"validate:                              {rate(100_000, store.validate):9,.0f}/s")
        started = time.perf_counter()
        store.reduce_size(items_limit=50_000)
        print(f"reduce_size, 100,000 to 50,000:        {time.perf_counter() - started:9.2f} s")

    memory, store = open_memory(folder / "joblib")
    own = memory.cache(lambda number: {"text": number})
    own_leaf = leaf(memory, lambda request: {"text": request["n"]})
    for name, call in (
        ("own function", own),
        ("leaf", lambda number: own_leaf(f"{number:064d}", {"n": number})),
    ):
        miss = rate(1000, lambda call=call: [call(number) for number in range(1000)])
        hit = rate(3000, lambda call=call: [call(number % 1000) for number in range(3000)])
        print(f"joblib, {name}: hit {1e6 / hit:.0f} µs, miss {1e6 / miss:.0f} µs")
    store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        measure(Path(place))
