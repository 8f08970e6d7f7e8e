"""What a run used: counts, tokens and seconds, read from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.display.html import card, table
from toolkit.engine import Ledger
from toolkit.models import Usage

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Report", "seconds_text"]

_MINUTE = 60.0
_HOUR = 3600.0


@dataclass(frozen=True)
class Report:
    """Calls, tokens and time of one run, or of a whole study; ``frame`` has one row a stage and model."""

    title: str
    calls: int
    """Calls that ended, however they did."""
    live: int
    """Of these, answered by a model today."""
    cached: int
    """Of these, answered from memory."""
    failed: int
    tries: int
    """Requests sent, retries included."""
    usage: Usage
    """Tokens of the live calls."""
    remembered: Usage
    """Tokens that memory saved."""
    seconds: float
    """Wall time."""
    model: str
    seed: int
    notes: tuple[str, ...]
    frame: pd.DataFrame

    @classmethod
    def of(
        cls,
        ledger: Ledger,
        *,
        title: str,
        model: str,
        seed: int,
        seconds: float,
        run: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> Report:
        """Read a report from the ledger, of one run where it is named."""
        status = {"ok": 0, "cached": 0, "failed": 0, "cancelled": 0}
        tries = 0
        for row in ledger.rows(run):
            status[row.status] += 1
            tries += 0 if row.status == "cached" else row.tries
        usage, remembered = ledger.usage(run)
        return cls(
            title=title,
            calls=sum(status.values()),
            live=status["ok"],
            cached=status["cached"],
            failed=status["failed"],
            tries=tries,
            usage=usage,
            remembered=remembered,
            seconds=seconds,
            model=model,
            seed=seed,
            notes=notes,
            frame=_by_stage(ledger.frame(run)),
        )

    def __str__(self) -> str:
        """Return the report as lines of plain text."""
        return "\n".join([self.title, *(f"  {fact}" for fact in self.facts()), *(f"  ! {note}" for note in self.notes)])

    def __repr__(self) -> str:
        """Return the report as lines of plain text."""
        return str(self)

    def facts(self) -> list[str]:
        """Return the report as short texts."""
        spent, saved = self.usage, self.remembered
        facts = [
            f"{self.calls:,} calls: {self.live:,} live, {self.cached:,} from memory, {self.failed:,} failed",
            f"tokens {spent.input:,} in ({spent.cached:,} of them cached), {spent.output:,} out",
            f"memory saved {saved.input + saved.output:,} tokens" if saved.input + saved.output else "",
            f"{self.tries - self.live - self.failed:,} retries" if self.tries > self.live + self.failed else "",
            f"model {self.model}",
            f"seed {self.seed}",
            seconds_text(self.seconds),
        ]
        return [fact for fact in facts if fact]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        return {
            "text/plain": str(self),
            "text/html": card(self.title, self.facts(), table(self.frame), notes=self.notes),
        }


def _by_stage(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row a stage and model: calls by status, tokens spent and saved, latency of live calls in seconds."""
    live = frame["status"] != "cached"
    work = frame.assign(
        live=frame["status"].eq("ok"),
        from_memory=frame["status"].eq("cached"),
        failures=frame["status"].eq("failed"),
        input_tokens=frame["input"].where(live, 0),
        output_tokens=frame["output"].where(live, 0),
        tokens_saved=(frame["input"] + frame["output"]).where(~live, 0),
        live_latency=frame["latency"].where(live),
    )
    grouped = work.groupby(["stage", "model"], observed=True, sort=True)
    return grouped.agg(
        calls=("key", "size"),
        live=("live", "sum"),
        from_memory=("from_memory", "sum"),
        failed=("failures", "sum"),
        input_tokens=("input_tokens", "sum"),
        output_tokens=("output_tokens", "sum"),
        tokens_saved=("tokens_saved", "sum"),
        latency_p50_s=("live_latency", "median"),
    ).reset_index()


def seconds_text(seconds: float) -> str:
    """Return a duration as people say it.

    Example:
        >>> seconds_text(0.42), seconds_text(75), seconds_text(7300)
        ('0.4 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 10:  # noqa: PLR2004  # below ten seconds a tenth matters
        return f"{seconds:.1f} s"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
