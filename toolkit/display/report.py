"""What a run used: counts, tokens and seconds, read from the ledger."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import compress
from typing import TYPE_CHECKING, Any

from toolkit.display.html import card, table
from toolkit.engine import Account, Expected, Ledger, Money
from toolkit.models import Usage

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Report", "seconds_text", "usd_text"]

_UNPAID = ("embedded:", "scripted:", "authored:")
"""Providers that nobody pays; their reports show no money."""
_ALWAYS = frozenset({"stage", "model", "calls"})
"""Columns that are shown whatever they hold."""
_MINUTE = 60
_HOUR = 3600


@dataclass(frozen=True, eq=False)  # frames do not compare to one truth value
class Report:
    """Calls, tokens and time of one run, or of a whole study; ``frame`` has one row a stage and model.

    Example:
        >>> panel = generate_personas(3, "us-adults-2012", detail="brief", lab=lab)
        >>> panel.report.calls, len(panel.report.frame)
        (3, 1)
    """

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
    stages: Callable[[], pd.DataFrame] = field(repr=False)
    """Makes ``frame``."""
    money: Money = field(default_factory=lambda: Money(0.0, 0.0, 0, 0))
    """What was spent today and what memory saved, in USD."""
    expected: Expected | None = None
    """What was expected of the live calls before they were made."""
    budgets: tuple[str, ...] = ()
    """What was spent of each budget: ``0.41 USD of 2.00 USD for this run``."""

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
        accounts: Sequence[Account] = (),
        expected: Expected | None = None,
    ) -> Report:
        """Read a report from the ledger, of one run where it is named."""
        ended = ledger.column("status", run)
        status = Counter(ended)
        live = [one != "cached" for one in ended]
        usage, remembered = ledger.usage(run)
        return cls(
            title=title,
            calls=len(ended),
            live=status["ok"],
            cached=status["cached"],
            failed=status["failed"],
            tries=sum(compress(ledger.column("tries", run), live)),
            usage=usage,
            remembered=remembered,
            seconds=seconds,
            model=model,
            seed=seed,
            notes=(*notes, *(note for account in accounts if (note := account.note()))),
            stages=partial(_by_stage, ledger, run, len(ended)),
            money=ledger.money(run),
            expected=expected,
            budgets=tuple(f"{account} for {account.scope}" for account in accounts),
        )

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a stage and model: calls by how they ended, requests, tokens, seconds, USD; made when looked at."""
        return self.stages()

    def __str__(self) -> str:
        """Return the report as lines of plain text."""
        return "\n".join([self.title, *(f"  {fact}" for fact in self.facts()), *(f"  ! {note}" for note in self.notes)])

    def __repr__(self) -> str:
        """Return the report as lines of plain text."""
        return str(self)

    def facts(self) -> list[str]:
        """Return the report as short texts."""
        spent, saved = self.usage, self.remembered
        stopped = self.calls - self.live - self.cached - self.failed
        again = self.tries - self.live - self.failed - stopped
        facts = [
            f"{self.calls:,} calls: {self.live:,} live, {self.cached:,} from memory, {self.failed:,} failed"
            + (f", {stopped:,} stopped" if stopped else ""),
            f"tokens {spent.input:,} in ({spent.cached:,} of them cached), {spent.output:,} out",
            self._saved(saved.input + saved.output),
            f"cost {self.cost}" if self.cost else "",
            self._against_estimate(),
            *(f"budget: {one}" for one in self.budgets),
            f"{self.money.unseen:,} tries may be billed though no reply came" if self.money.unseen else "",
            f"{again:,} retries" if again > 0 else "",
            f"model {self.model}",
            f"seed {self.seed}",
            seconds_text(self.seconds),
        ]
        return [fact for fact in facts if fact]

    @property
    def cost(self) -> str:
        """What was spent today, as text; empty where nobody is paid, ``unknown`` where no price is known.

        Example:
            >>> lab.report().cost
            ''
        """
        if self.live + self.failed == 0 or self.model.startswith(_UNPAID):
            return ""
        money = self.money
        if not money.unpriced:
            return usd_text(money.spent)
        if not money.spent:
            return "unknown"
        return f"{usd_text(money.spent)} and {money.unpriced:,} calls of unknown price"

    def _saved(self, tokens: int) -> str:
        if not tokens:
            return ""
        return f"memory saved {tokens:,} tokens" + (f", {usd_text(self.money.saved)}" if self.money.saved else "")

    def _against_estimate(self) -> str:
        """Return the estimate beside what came: money where the price is known, else tokens."""
        told = self.expected
        if told is None or not told.calls:
            return ""
        if told.money is not None and self.cost:
            return f"expected {usd_text(told.money[0])} to {usd_text(told.money[1])}"
        sent, said = (f"{one[0]:,.0f} to {one[1]:,.0f}" for one in (told.input, told.output))
        return f"expected {sent} tokens in, {said} out"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        return {
            "text/plain": str(self),
            "text/html": card(self.title, self.facts(), table(self._told()), notes=self.notes),
        }

    def _told(self) -> pd.DataFrame:
        """Return the frame without the columns that are empty or 0 in every row, so that it fits a page."""
        frame = self.frame
        return frame[[name for name in frame if name in _ALWAYS or frame[name].fillna(0).astype(bool).any()]]


def _by_stage(ledger: Ledger, run: str | None, calls: int) -> pd.DataFrame:
    """Return one row a stage and model: calls by status, tokens spent and saved, latency of live calls in seconds."""
    frame = ledger.frame(run).iloc[:calls]  # a whole study's ledger may have grown since
    live = frame["status"] != "cached"
    work = frame.assign(
        live=frame["status"].eq("ok"),
        from_memory=frame["status"].eq("cached"),
        failures=frame["status"].eq("failed"),
        requests=frame["tries"].where(live, 0),
        input_tokens=frame["input"].where(live, 0),
        cached_input_tokens=frame["cached_input"].where(live, 0),
        output_tokens=frame["output"].where(live, 0),
        tokens_saved=(frame["input"] + frame["output"]).where(~live, 0),
        live_latency=frame["latency"].where(live),
        saved_cost=frame["recorded_cost"].where(~live),
    )
    grouped = work.groupby(["stage", "model"], observed=True, sort=True)
    money = grouped[["cost", "saved_cost"]].sum(min_count=1)  # where no price is known, the sum is unknown, not 0
    return (
        grouped.agg(
            calls=("key", "size"),
            live=("live", "sum"),
            from_memory=("from_memory", "sum"),
            failed=("failures", "sum"),
            requests=("requests", "sum"),
            input_tokens=("input_tokens", "sum"),
            cached_input_tokens=("cached_input_tokens", "sum"),
            output_tokens=("output_tokens", "sum"),
            tokens_saved=("tokens_saved", "sum"),
            latency_p50_s=("live_latency", "median"),
        )
        .assign(cost_usd=money["cost"], saved_usd=money["saved_cost"])
        .reset_index()
    )


def usd_text(usd: float) -> str:
    """Return money as people say it; fractions of a cent with two digits that count.

    Example:
        >>> usd_text(1234.5), usd_text(0.41), usd_text(0.00123), usd_text(0)
        ('$1,234.50', '$0.41', '$0.0012', '$0.00')
    """
    if not usd or usd >= 0.1:  # noqa: PLR2004  # ten cents
        return f"${usd:,.2f}"
    return f"${usd:.{max(2, 1 - math.floor(math.log10(usd)))}f}"


def seconds_text(seconds: float) -> str:
    """Return a duration as people say it.

    Example:
        >>> seconds_text(0.42), seconds_text(75), seconds_text(7300)
        ('0.4 s', '1 min 15 s', '2 h 1 min')
    """
    if round(seconds, 1) < 10:  # noqa: PLR2004  # below ten seconds a tenth matters
        return f"{seconds:.1f} s"
    whole = round(seconds)  # first, or 119.7 s were 1 min 60 s
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
