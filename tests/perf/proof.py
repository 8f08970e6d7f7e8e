"""``python -m tests.perf.proof``: what journal and run records cost one finished call, in microseconds."""

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from toolkit.engine import Row
from toolkit.engine.journal import keep_journal
from toolkit.events import EventStream
from toolkit.memory import AppendFile, Writer
from toolkit.redact import Scrubber

CALLS = 100_000
_DONE = Row(run="ask-1", stage="questions", item="p1", model="m", status="ok", key="0" * 64)
_FAILED = Row(
    run="ask-1", stage="questions", item="p1", model="m", status="failed", key="0" * 64, kind="timeout", message="late"
)


def microseconds(action: Callable[[], object], calls: int = CALLS, rounds: int = 5) -> float:
    """Return the best of some rounds, for one call."""

    def once() -> float:
        began = time.perf_counter()
        for _ in range(calls):
            action()
        return (time.perf_counter() - began) / calls * 1e6

    return min(once() for _ in range(rounds))


def main() -> None:
    """Print the costs."""
    events, digest, key = EventStream(), hashlib.sha256(), b"0" * 64

    def finished() -> None:
        events.emit("call.finished", row=_DONE)

    costs = {"call.finished, nobody listens": microseconds(finished)}
    with (
        tempfile.TemporaryDirectory() as folder,
        Writer("perf") as writer,
        AppendFile(Path(folder) / "events.jsonl") as journal,
    ):
        keep_journal(events, lambda line: writer.submit(journal, line), Scrubber())
        costs["call.finished, journal on"] = microseconds(finished)
        costs["call.failed, journal on"] = microseconds(lambda: events.emit("call.failed", row=_FAILED), 10_000)
        writer.flush()
    costs["digest of one call's key"] = microseconds(lambda: digest.update(key))
    sys.stdout.writelines(f"{what:<32}{cost:6.2f} us\n" for what, cost in costs.items())


if __name__ == "__main__":
    main()
