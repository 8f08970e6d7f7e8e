"""``uv run python -m tests.perf.overhead``: what the engine costs beside plain AsyncOpenAI, in interleaved pairs.

Prints calls a second through the whole stack (memory, ledger, retry, timeout) over those of the SDK alone, against the same
server in the same run, and how fast memory replays.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from openai import AsyncOpenAI, DefaultAioHttpClient

from toolkit.bridge import bridge
from toolkit.engine import Run, run_calls
from toolkit.lab import Lab
from toolkit.models import Call, Message
from toolkit.personas import generate_personas
from toolkit.questions import Choice, ask
from toolkit.testing import WireProcess

ANSWER = Choice(["the plain package", "the bold package"], why=True)
SYSTEM = "You answer a survey as one particular person, who is described at the end. " * 4


def calls(n: int) -> Iterator[Call]:
    """Make n different calls of the size of a survey question."""
    for number in range(n):
        yield Call(
            messages=(
                Message("system", (SYSTEM,)),
                Message("user", (f"Which package would you take home? Person {number}: 41 years, teacher.",)),
            ),
            schema=ANSWER.schema,
            seed=number,
            stage="questions",
            item=f"p{number:05}",
        )


async def plain(url: str, key: str, n: int, at_once: int) -> float:
    """Return calls a second of the SDK alone: gather and a semaphore, the same requests."""
    gate = asyncio.Semaphore(at_once)
    shape = {
        "type": "json_schema",
        "json_schema": {"name": "choice", "schema": dict(ANSWER.schema.body), "strict": True},
    }
    async with AsyncOpenAI(base_url=url, api_key=key, max_retries=0, http_client=DefaultAioHttpClient()) as client:

        async def one(call: Call) -> None:
            async with gate:
                await client.chat.completions.create(
                    model="bench",
                    messages=[{"role": message.role, "content": message.text} for message in call.messages],
                    response_format=shape,
                    seed=call.seed,
                )

        began = time.perf_counter()
        await asyncio.gather(*(one(call) for call in calls(n)))
        return n / (time.perf_counter() - began)


def ours(lab: Lab, n: int) -> float:
    """Return calls a second through the whole stack."""
    run = Run("bench")
    began = time.perf_counter()
    outcomes = bridge().submit(run_calls(lab.engine, calls(n), run)).result()
    taken = time.perf_counter() - began
    if not all(outcome.ok for outcome in outcomes):
        raise SystemExit(f"a call failed: {next(o.error for o in outcomes if not o.ok)}")
    return n / taken


def against_plain(n: int, pairs: int, at_once: int, folder: Path) -> None:
    """Print the ratio of calls a second, and the replay rate of what was just remembered."""
    ratios = []
    with WireProcess() as wire:
        for pair in range(pairs):
            base = asyncio.run(plain(wire.url, wire.key, n, at_once))
            lab = Lab(
                "openai:bench", study=folder / f"pair{pair}", base_url=wire.url, api_key=wire.key, concurrency=at_once
            )
            mine = ours(lab, n)
            again = ours(lab, n)
            lab.close()
            ratios.append(mine / base)
            print(
                f"pair {pair + 1}: plain {base:,.0f} calls/s, ours {mine:,.0f}, ratio {mine / base:.2f}; "
                f"replay from memory {again:,.0f} replies/s"
            )
    print(f"median ratio over plain AsyncOpenAI: {statistics.median(ratios):.2f} ({n:,} calls, {at_once} at once)")


def through_ask(n: int, folder: Path) -> None:
    """Print answers a second through ask() with frame and repr, live on the scripted model and from memory."""
    lab = Lab("scripted", study=folder / "ask", seed=1)
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
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--answers", type=int, default=5000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        against_plain(given.calls, given.pairs, given.at_once, Path(folder))
        through_ask(given.answers, Path(folder))


if __name__ == "__main__":
    main()
