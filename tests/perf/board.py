"""``uv run python -m tests.perf.board``: what an open board costs a run, and how long it takes to open and to draw.

Prints the wall time of 6,400 calls at 200 ms, 64 at once, with a board open over the same without, in interleaved pairs
of one run, and their median; processor time of the private loop for one look; and, for 100,000 ledger rows, seconds to
open and processor time of a look on each tab. ``--quick`` takes 1,280 calls and three pairs.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import toolkit as tk
from toolkit.bench.workload import everything_on, ours
from toolkit.bridge import bridge
from toolkit.dashboards import dashboard
from toolkit.dashboards.desk import TABS
from toolkit.engine.ledger import Row
from toolkit.testing import WireProcess

THINK_SECONDS = 0.2
ROWS = 100_000
NEW_ROWS = 200
LOOKS = 15


def seconds(wire: WireProcess, folder: Path, n: int, at_once: int, *, watched: bool) -> tuple[float, float]:
    """Return the wall time of ``n`` calls, and seconds of one look where a board was open."""
    lab = everything_on("openai:bench", folder, base_url=wire.url, api_key=wire.key, concurrency=at_once)
    board = dashboard(lab, baseline="reference") if watched else None
    if board is not None:
        assert board.widget
    found = ours(lab, n).seconds
    look = 0.0
    if board is not None:
        look = board.kernel_seconds
        board.close()
    lab.close()
    return found, look


def beside_a_run(n: int, pairs: int, at_once: int, folder: Path) -> None:
    """Print the cost of an open board in interleaved pairs."""
    ratios = []
    with WireProcess(latency=THINK_SECONDS) as wire:
        for pair in range(pairs):
            order = (False, True) if pair % 2 else (True, False)
            took = {
                watched: seconds(wire, folder / f"{pair}-{watched}", n, at_once, watched=watched) for watched in order
            }
            ratios.append(took[True][0] / took[False][0])
            print(
                f"pair {pair + 1}: without {took[False][0]:.2f} s, with a board {took[True][0]:.2f} s, "
                f"ratio {ratios[-1]:.3f}; one look {took[True][1] * 1000:.2f} ms of the loop's processor time"
            )
    print(f"median ratio with a board open: {statistics.median(ratios):.3f} ({n:,} calls, {at_once} at once)")


def at_size(rows: int, folder: Path) -> None:
    """Print how long a board of so many rows takes to open, and a look at each tab."""
    lab = tk.Lab("scripted", study=folder / "rows")
    began = time.time() - rows / 100
    on_loop(lambda: add(lab, rows, began))
    clock, work = time.perf_counter(), time.process_time()
    board = dashboard(lab)
    assert board.widget
    spent = time.process_time() - work
    print(f"{rows:,} rows: opens in {time.perf_counter() - clock:.2f} s, {spent:.2f} s of them processor time")
    for place, name in enumerate(TABS):
        board._desk._tab.selected_index = place
        taken = [look(lab, board) for _ in range(LOOKS)]
        print(
            f"  {name}: a look with {NEW_ROWS} new rows {statistics.median(taken) * 1000:.2f} ms, most {max(taken) * 1000:.2f}"
        )
    board.close()
    lab.close()


def add(lab: tk.Lab, rows: int, began: float) -> None:
    """Write rows into a lab's ledger."""
    for place in range(rows):
        failed = place % 97 == 0
        lab.ledger.add(
            Row(
                "ask-1",
                ("questions", "personas", "rounds.director")[place % 3],
                f"p{place % 1000:04}",
                "scripted:default",
                "failed" if failed else "ok",
                f"{place:064x}",
                kind="timeout" if failed else "",
                at=began + place / 100,
                seconds=0.25 + place % 40 / 100,
                latency=0.2 + place % 23 / 100,
                input=200,
                output=20,
                cost=0.0001,
            )
        )


def look(lab: tk.Lab, board: Any) -> float:
    """Return the processor seconds of one look after some new rows."""
    on_loop(lambda: add(lab, NEW_ROWS, time.time()))

    def timed() -> float:
        clock = time.thread_time()
        board._look()
        return time.thread_time() - clock

    return float(on_loop(timed))


def on_loop(act: Any) -> Any:
    """Do something on the private loop and wait for it."""

    async def there() -> Any:
        return act()

    return bridge().submit(there()).result()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        at_size(ROWS, Path(folder))
        beside_a_run(1280 if quick else 6400, 3 if quick else 5, 64, Path(folder))


if __name__ == "__main__":
    main()
