"""``uv run python -m tests.perf.night``: a night that needs nobody, played on the wire server in about two minutes.

Server and lab share one ``time_scale``: the request window, latencies, Retry-After, the outage, timeouts, and what the
engine fixes in seconds (the breaker's pauses, the first wait before a retry, the refill of the retry budget, the cool-down)
are the night's seconds times the scale. Only the half second's worth of requests that may pass at once is wall time.
"""

from __future__ import annotations

import argparse
import importlib
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from toolkit.bridge import bridge
from toolkit.engine import Outcome, Run, run_calls
from toolkit.lab import Lab
from toolkit.models import Call, Message
from toolkit.models._openai_body import body_of
from toolkit.questions import Choice
from toolkit.testing import WireProcess
from toolkit.testing._wire_server import _question as question_of

SLOWEST = 1.25
"""Wall time over the time that the limits alone allow; the issue's bound."""
ANSWER = Choice(["the plain package", "the bold package"], why=True)
PRIMARY, SPARE = "night-primary", "night-spare"
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Night:
    """What the night is like; times in the night's own seconds."""

    calls: int = 10_000
    time_scale: float = 1 / 15
    """Seconds of wall time for one second of the night."""
    rpm: int = 420
    """Requests admitted in any minute of the night, by the server over all models; the lab's limit for each."""
    outage: tuple[float, float] = (6 * MINUTE, 16 * MINUTE)
    """When the primary model answers 503, from the beginning of the night."""
    latency: tuple[float, float] = (1.5, 4.0)
    """Median and 95th percentile."""
    retry_after: float = 2.0
    burst: int = 20
    """Requests in a row that are answered 429."""
    timeout: float = 60.0
    tries: int = 6
    """How often a call may be sent."""
    seed: int = 20261121
    faults: dict[str, float] = field(
        default_factory=lambda: {
            "rate_limited": 0.06,
            "server_error": 0.03,
            "drop": 0.01,
            "hang": 0.01,
            "malformed": 0.005,
        }
    )

    def server(self) -> dict[str, Any]:
        """Return the options of the wire server."""
        scale = self.time_scale
        return {
            "seed": self.seed,
            "latency": [one * scale for one in self.latency],
            "faults": self.faults,
            "burst": self.burst,
            "retry_after": round(self.retry_after * scale, 4),
            "rpm": self.rpm,
            "window": MINUTE * scale,
            "outages": {PRIMARY: [[one * scale for one in self.outage]]},
        }

    def lab(self, wire: WireProcess, study: Path) -> Lab:
        """Open the lab: a limit, a fallback, a budget, and every layer on."""
        scale = self.time_scale
        pace = {"rpm": self.rpm / scale}
        return Lab(
            f"openai:{PRIMARY}",
            study=study,
            seed=self.seed,
            base_url=wire.url,
            api_key=wire.key,
            limits={f"openai:{PRIMARY}": pace, f"openai:{SPARE}": pace},
            fallbacks=[f"openai:{SPARE}"],
            timeout=self.timeout * scale,
            tries=self.tries,
            time_scale=scale,
            patience=15 * MINUTE * scale,
            budget="100 USD",
            price_as="openai:gpt-5-mini",
        )

    def questions(self) -> Iterator[Call]:
        """Make the night's calls, each different."""
        for number in range(self.calls):
            yield Call(
                messages=(
                    Message("system", ("You answer a survey as one particular person, described at the end.",)),
                    Message("user", (f"Which package would you take home? Person {number}: 41 years, teacher.",)),
                ),
                schema=ANSWER.schema,
                seed=number,
                stage="questions",
                item=f"p{number:05}",
            )


@dataclass(frozen=True, slots=True)
class Morning:
    """What is found in the morning."""

    night: Night
    outcomes: list[Outcome]
    stats: dict[str, Any]
    """The server's counts when the night was over."""
    seconds: float
    """Wall time."""
    unseen_by_question: dict[str, int]
    """Tries of the ledger that may be billed though no reply came, by the server's digest of what was asked."""
    told: str
    """What the lab's report says."""
    again: tuple[int, int]
    """Asked again: how many memory answered, and how many requests the server got."""

    @property
    def kinds(self) -> Counter[str]:
        """Failures by their reason."""
        return Counter(one.kind for one in self.outcomes if not one.ok)

    @property
    def unexplained(self) -> int:
        """Calls that ended neither as an answer nor as a row with its reason and message."""
        return sum(not (one.ok or (one.ended and one.error is not None and str(one.error))) for one in self.outcomes)

    @property
    def replies(self) -> int:
        """Calls whose reply came, refused ones included."""
        return sum((one.reply or (one.error and one.error.reply)) is not None for one in self.outcomes)

    @property
    def lost(self) -> int:
        """Questions whose answer the server delivered whole and nobody has."""
        return len(self.stats["delivered_by_question"]) - self.replies

    @property
    def unseen(self) -> int:
        """Tries of the ledger that may be billed though no reply came."""
        return sum(self.unseen_by_question.values())

    @property
    def twice(self) -> int:
        """Questions of which two complete answers were read, whoever answered.

        What the server wrote whole was read, or belongs to a try that was given up: its time ran out while the answer
        lay in the connection, and the ledger counts it as unseen, in the row of just that question. An answer beyond the
        first that no such try stands for would have been read and thrown away.
        """
        written = self.stats["delivered_by_question"]
        return sum(count - self.unseen_by_question[question] > 1 for question, count in written.items())

    @property
    def too_late(self) -> int:
        """Complete answers beyond the first of a question, each written when its try had been given up."""
        written: dict[str, int] = self.stats["delivered_by_question"]
        return sum(count - 1 for count in written.values())

    @property
    def by_fallback(self) -> int:
        """Answers of the fallback."""
        return sum(one.ok and one.reply is not None and one.reply.model.endswith(SPARE) for one in self.outcomes)

    @property
    def swallowed(self) -> int:
        """Requests that the server took and never answered."""
        return sum(int(self.stats["faults"].get(name, 0)) for name in ("drop", "hang"))

    @property
    def unanswered(self) -> int:
        """Requests whose answer was never written whole: the swallowed ones, and those whose time ran out first."""
        return int(self.stats["total"]) - int(sum(self.stats["by_status"].values()))

    @property
    def owed(self) -> int:
        """Tries that the provider may bill though nobody read what they brought, as far as the server can tell: it
        wrote no answer, or a second one for a question that was answered. Answers of other kinds may have come too late
        as well: a busy machine gives up what it has not read in time."""
        return self.unanswered + self.too_late

    @property
    def allowed(self) -> float:
        """Seconds that the limit alone needs for the requests it admitted: those that met 429, 500, a drop or a hang
        afterwards count, as they do at the server; those that the ceiling or the outage turned away do not."""
        return float(self.stats["admitted"]) * MINUTE * self.night.time_scale / self.night.rpm

    @property
    def slowness(self) -> float:
        """Wall time over what the limits alone allow."""
        return self.seconds / self.allowed

    def wrong(self) -> list[str]:
        """Return what must not be, whatever the machine."""
        found = {
            f"{self.unexplained} calls ended without a reason": self.unexplained,
            f"{len(self.outcomes)} rows for {self.night.calls} calls": len(self.outcomes) != self.night.calls,
            f"{self.lost} answers lost": self.lost,
            f"{self.twice} keys got two complete replies": self.twice,
            f"{self.unseen} unseen tries counted, {self.owed} there were at least": self.unseen < self.owed,
            "the report does not tell them": f"{self.unseen:,} tries may be billed" not in self.told,
        }
        return [what for what, wrong in found.items() if wrong]

    def lines(self) -> Iterator[str]:
        """Tell it."""
        night, stats = self.night, self.stats
        ok = sum(one.ok for one in self.outcomes)
        reasons = ", ".join(f"{kind} {n:,}" for kind, n in self.kinds.most_common()) or "none"
        met = ", ".join(f"{name} {n:,}" for name, n in sorted(stats["faults"].items()))
        yield f"time scale 1:{1 / night.time_scale:g}, {night.rpm:,} requests a minute of the night, budget 100 USD"
        yield f"{night.calls:,} calls: {ok:,} answers ({self.by_fallback:,} by the fallback), failures: {reasons}"
        yield f"ended without a reason: {self.unexplained}"
        yield f"answers lost: {self.lost} (delivered whole by the server and in no row)"
        yield f"keys with two complete replies read: {self.twice} ({self.too_late} more written to tries given up before)"
        yield f"server: {stats['total']:,} requests, {stats['admitted']:,} within the ceiling; faults met: {met}"
        late = self.unseen - self.swallowed
        yield (
            f"tries that may be billed without a reply: {self.unseen:,} counted, {self.swallowed:,} dropped or hung"
            f"{f', {late:,} out of time' if late else ''}"
        )
        yield f"report: {self.told}"
        yield f"asked again: {self.again[0]:,} from memory, {self.again[1]:,} requests for the rest"
        yield (
            f"wall {self.seconds:.1f} s over {self.allowed:.1f} s that the limit needs for the {stats['admitted']:,} "
            f"requests it admitted: {self.slowness:.3f} (at most {SLOWEST})"
        )


def sleep_through(night: Night, study: Path) -> Morning:
    """Play a night, and look at what is there in the morning."""
    importlib.import_module("toolkit.models._openai_transport")  # a second or more, which the outage would not wait for
    with WireProcess(**night.server()) as wire:
        lab = night.lab(wire, study)
        run = Run("night")
        began = time.perf_counter()
        outcomes = bridge().submit(run_calls(lab.engine, night.questions(), run)).result()
        seconds = time.perf_counter() - began
        stats = wire.stats()
        unseen = {row.item: row.unseen for row in lab.ledger.rows(run.id)}
        told = str(lab.report())
        again = Run("morning")
        bridge().submit(run_calls(lab.engine, night.questions(), again)).result()
        sent = wire.stats()["total"] - stats["total"]
        lab.close()
    by_question = {digest: unseen[item] for item, digest in asked_as(night, lab).items()}
    return Morning(night, outcomes, stats, seconds, by_question, " ".join(told.split()), (again.cached, sent))


def asked_as(night: Night, lab: Lab) -> dict[str, str]:
    """Return the digest under which the server counts each item's question."""
    model: Any = lab.engine.model
    profile = model._profile  # the request's body, as the adapter writes it
    return {
        call.item: question_of(orjson.loads(body_of(call, profile, profile.optional(call, frozenset()))))
        for call in night.questions()
    }


def main() -> None:
    """Play the night, print the morning, and fail where something is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=Night().calls)
    parser.add_argument("--times-faster", type=float, default=1 / Night().time_scale)
    given = parser.parse_args()
    night = Night(calls=given.calls, time_scale=1 / given.times_faster)
    with tempfile.TemporaryDirectory() as folder:
        load = os.getloadavg()[0]
        morning = sleep_through(night, Path(folder) / "night")
    for line in morning.lines():
        print(line)
    print(f"machine load {load:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores")
    wrong = morning.wrong()
    if morning.slowness > SLOWEST:
        wrong.append(f"slower than {SLOWEST} times what the limits allow")
    if wrong:
        raise SystemExit("; ".join(wrong))


if __name__ == "__main__":
    main()
