"""Service evolutions against the wire server: 200 services, 5 plateaus, 3 mapping sets: 4,200 calls, 5 % faults.

    python -m tests.perf.evolutions
    python -m tests.perf.evolutions --services 20 --latency 0.05

Prints seconds and services a second, when the first line was on disk, how many results waited for an earlier one, the
peak of plateaus at work for one service, what memory the process took, and whether a second run and ``map`` are free and
the same bytes.
"""

import argparse
import json
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import toolkit as tk
from tests.perf.rounds import resident
from toolkit.evolutions import Evolutions, evolve_services, map_features
from toolkit.models import Call
from toolkit.testing import WireProcess

SETS = ["applications", "technologies", "data"]
FAULTS = {"rate_limited": 0.02, "server_error": 0.015, "drop": 0.005, "malformed": 0.005, "unavailable": 0.005}
"""5 % of all requests."""


def services(count: int) -> list[dict[str, Any]]:
    """Return services like the shipped ones, each different."""
    shipped = [json.loads(line) for line in Path("data/services/town.jsonl").read_text().splitlines()]
    return [
        {**shipped[n % len(shipped)], "service_id": f"s{n:04}", "name": f"{shipped[n % len(shipped)]['name']} {n}"}
        for n in range(count)
    ]


class Watch:
    """Counts plateaus at work by service, from where calls pass."""

    def __init__(self, lab: tk.Lab) -> None:
        self.peak = 0
        self._at_work: dict[str, Counter[str]] = defaultdict(Counter)
        self._lock = threading.Lock()
        inner = lab.engine.model
        complete = inner.complete

        async def watched(call: Call) -> Any:
            service, _, rest = call.item.partition("/")
            plateau = rest.partition("/")[0]
            with self._lock:
                if plateau:
                    self._at_work[service][plateau] += 1
                    self.peak = max(self.peak, sum(count > 0 for count in self._at_work[service].values()))
            try:
                return await complete(call)
            finally:
                with self._lock:
                    if plateau:
                        self._at_work[service][plateau] -= 1

        inner.complete = watched  # type: ignore[method-assign]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=200)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds an answer takes")
    parser.add_argument("--bound", type=int, default=3, help="plateaus at once")
    given = parser.parse_args()
    server = {"latency": given.latency, "faults": FAULTS, "retry_after": 0.02, "seed": 7}
    with tempfile.TemporaryDirectory() as folder, WireProcess(**server) as wire:
        out = Path(folder) / "evolutions.jsonl"
        lab = tk.Lab("openai:bench", base_url=wire.url, api_key=wire.key, study=Path(folder) / "study", seed=7)
        watch = Watch(lab)
        first: list[float] = []
        lab.events.subscribe(lambda _: first or first.append(time.perf_counter()), "evolutions.service")
        listed, began = services(given.services), time.perf_counter()
        made = evolve_services(listed, catalogues=SETS, plateaus_at_once=given.bound, attempts=3, out=out, lab=lab)
        seconds = time.perf_counter() - began
        once = out.read_bytes()
        calls = made.report.calls
        print(
            f"{len(made)} services, {calls:,} calls: {seconds:.1f} s, {len(made) / seconds:.1f} services/s, {calls / seconds:.0f} calls/s"
        )
        print(
            f"first line on disk after {first[0] - began:.2f} s; resident {resident():.0f} MB; output {len(once) / 1e6:.1f} MB"
        )
        print(f"tries {made.report.tries:,}; failed rows {len(made.errors)}; in quarantine {len(made.quarantined)}")
        print(f"peak plateaus of one service {watch.peak} (bound {given.bound})")
        again = Evolutions.load(out)
        print(
            f"valid on re-read {len(again)}; input order {[r['service']['service_id'] for r in again] == [s['service_id'] for s in listed]}"
        )
        began = time.perf_counter()
        second = evolve_services(listed, catalogues=SETS, plateaus_at_once=given.bound, attempts=3, out=out, lab=lab)
        print(
            f"second run: {time.perf_counter() - began:.1f} s, live {second.report.live}, same bytes {out.read_bytes() == once}"
        )
        began = time.perf_counter()
        mapped = map_features(again, SETS, attempts=3, lab=lab)
        print(f"map: {time.perf_counter() - began:.1f} s, live {mapped.report.live}")
        lab.close()


if __name__ == "__main__":
    main()
