"""Many worlds at once on the wire server: is the wall time that of the longest chain of calls alone?

    python -m tests.perf.worlds                 # 100 worlds, 3 rounds of 3 people, 200 ms an answer
    python -m tests.perf.worlds 100 --rounds 5 --latency 0.2 --profile

A chain is the calls of one world, each of which waits for the one before. Prints the longest chain, what it takes at the
server's latency, the wall time, the ratio (at most 1.15), the same for the SDK alone with as many chains of that length, the
most requests the server had at once, and the CPU time of this process a call; with --profile, where that went. A hundred worlds at 200 ms are 500 calls a second: the ratio holds where a
call takes less than 2 ms of CPU, so run it on a machine that does nothing else.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import tempfile
import time
from pathlib import Path

from openai import AsyncOpenAI, DefaultAioHttpClient

import toolkit as tk
from toolkit.bridge import bridge
from toolkit.rounds import run_worlds
from toolkit.testing import WireProcess

MOST = 1.15
"""Wall time over the longest chain's; the issue's bound."""


async def plain_chains(url: str, key: str, chains: int, calls: int) -> float:
    """Return the seconds that the SDK alone takes for so many chains at once, with a prompt of a play's usual size."""
    async with AsyncOpenAI(base_url=url, api_key=key, max_retries=0, http_client=DefaultAioHttpClient()) as client:

        async def chain(number: int) -> None:
            for turn in range(calls):
                said = f"World {number}, turn {turn}. " + "What was said before, word for word. " * 80
                await client.chat.completions.create(model="worlds", messages=[{"role": "user", "content": said}])

        began = time.perf_counter()
        await asyncio.gather(*(chain(number) for number in range(chains)))
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", type=int, nargs="?", default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--scene", default="negotiation")
    parser.add_argument("--no-director", dest="director", action="store_false")
    parser.add_argument("--profile", action="store_true", help="profile the private loop (slower)")
    given = parser.parse_args()
    conditions = {"control": {}, "treatment": {"notes": {"scene": "The heating is out, and it is cold in the room."}}}
    with tempfile.TemporaryDirectory() as folder, WireProcess(latency=given.latency) as wire:
        lab = tk.Lab(
            "openai:worlds",
            study=Path(folder) / "study",
            seed=7,
            base_url=wire.url,
            api_key=wire.key,
            concurrency=given.worlds,
        )
        # The pace begins at 64 calls in flight and grows from there, so the lab first asks as many as there are worlds.
        panel = tk.generate_personas(2 * given.worlds, "us-adults-2012", detail="facts", lab=lab)
        tk.ask(panel, "Warm?", answer=tk.Text(), lab=lab)
        profile = cProfile.Profile()
        if given.profile:
            bridge().call(profile.enable)
        cpu, began = time.process_time(), time.perf_counter()
        played = run_worlds(
            given.scene,
            conditions=conditions,
            repeats=given.worlds // 2,
            rounds=given.rounds,
            director=given.director,
            lab=lab,
        )
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        if given.profile:
            bridge().call(profile.disable)
        calls = played.report.calls if played.report is not None else 0
        items = lab.ledger.frame()["item"].str.rpartition("/r")[0]
        chains = items[items.str.contains("/")].value_counts()
        peak = wire.stats()["peak"]
        lab.close()
        longest = int(chains.max())
        alone = asyncio.run(plain_chains(wire.url, wire.key, given.worlds, longest))
    ideal = longest * given.latency
    print(f"{len(played)} worlds, {given.rounds} rounds, {calls:,} calls, {len(played.errors)} errors")
    print(f"longest chain {longest} calls, {ideal:.2f} s at {given.latency * 1000:.0f} ms; wall {wall:.2f} s")
    print(
        f"wall over chain {wall / ideal:.3f} (at most {MOST}), the SDK alone {alone / ideal:.3f}; most at once {peak}"
    )
    print(f"CPU {cpu / max(1, calls) * 1000:.2f} ms a call; load of the machine {os.getloadavg()[0]:.1f}")
    if given.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
