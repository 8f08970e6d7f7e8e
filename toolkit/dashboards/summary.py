"""The board's head: what runs, and the six numbers one looks at first."""

from __future__ import annotations

from html import escape

from toolkit.dashboards.chart import short
from toolkit.dashboards.feed import Speed
from toolkit.dashboards.histogram import percentiles
from toolkit.dashboards.look import tile
from toolkit.dashboards.state import Moment, Running
from toolkit.dashboards.totals import Totals
from toolkit.display.html import cut
from toolkit.display.report import seconds_text, usd_text

__all__ = ["facts", "summary_html"]

_NOTE = 400
"""Characters of a note."""


def summary_html(totals: Totals, moment: Moment, speed: Speed) -> str:
    """Return the head as HTML."""
    notes = "".join(f'<div class="dr-note">{escape(cut(note, _NOTE))}</div>' for note in moment.notes)
    runs = "".join(_run(run) for run in moment.runs)
    return (
        f'<div class="dr-head"><span class="dr-name">{escape(moment.title)}</span>'
        f'<span class="dr-quiet">{escape(moment.model)} · {escape(_state(moment))}</span></div>'
        f'<div class="dr-tiles">{"".join(_tiles(totals, moment, speed))}</div>{runs}{notes}'
    )


def facts(totals: Totals) -> list[str]:
    """Return the board in a few words, for plain text.

    Example:
        >>> facts(Totals())[0]
        '0 calls'
    """
    p50, p95 = percentiles(totals.latencies.sum(axis=0), (0.5, 0.95))
    found = [f"{totals.calls:,} calls"]
    found += [f"{totals.of(name):,.0f} {told}" for name, told in _COUNTS if totals.of(name)]
    found += [f"{totals.tokens:,.0f} tokens"] if totals.tokens else []
    found += [f"{usd_text(totals.of('spent'))} spent"] if totals.of("spent") else []
    found += [f"memory saved {totals.of('saved'):,.0f} tokens"] if totals.of("saved") else []
    found += [f"latency p50 {short(p50, 'seconds')}, p95 {short(p95, 'seconds')}"] if p50 == p50 else []  # noqa: PLR0124  # NaN
    return found


_COUNTS = (("ok", "live"), ("cached", "from memory"), ("failed", "failed"))


def _state(moment: Moment) -> str:
    if moment.held:
        return "paused: nothing new is sent"
    if not moment.runs:
        return "nothing runs now"
    return ", ".join(("stopping " if run.stopping else "") + run.verb for run in moment.runs)


def _tiles(totals: Totals, moment: Moment, speed: Speed) -> list[str]:
    p50, p95 = percentiles(totals.latencies.sum(axis=0), (0.5, 0.95))
    money = totals.of("spent")
    failed = totals.of("failed")
    spent = usd_text(money) if money else short(totals.tokens)
    going = bool(moment.runs)
    now = speed.calls if going else _mean_rate(totals)
    return [
        tile(f"{totals.of('ok') + totals.of('cached'):,.0f}", f"answers, {totals.of('cached'):,.0f} free"),
        tile(spent, f"{short(totals.tokens)} tokens" if money else "tokens spent"),
        tile(f"{short(now)}/s", "calls now" if going else "calls, on average"),
        tile("-" if p50 != p50 else short(p50, "seconds"), f"p50, p95 {'-' if p95 != p95 else short(p95, 'seconds')}"),  # noqa: PLR0124  # NaN
        *([tile(f"{moment.in_flight:,}", f"in flight, {moment.waiting:,} waiting")] if moment.pacing else []),
        tile(f"{failed:,.0f}", f"failed, {totals.of('retries'):,.0f} retries", alarm=failed > 0),
        tile(_left(moment), "left" if going else "to do"),
    ]


def _left(moment: Moment) -> str:
    if not moment.runs:
        return "-"
    return "?" if moment.left is None else short(round(moment.left), "time")


def _mean_rate(totals: Totals) -> float:
    return totals.calls / max(totals.time.worked, totals.time.width)


def _run(run: Running) -> str:
    done = f"{run.verb}: {run.done:,}" + (f" of {run.total:,}" if run.total is not None else "")
    left = f", about {seconds_text(run.left)} left" if run.left is not None else ""
    text = f"{done}{left}"
    share = run.done / run.total if run.total else 0.0
    return (
        f'<div style="margin-top:6px"><span class="dr-quiet">{escape(text)}</span>'
        f'<div class="dr-bar" role="progressbar" aria-valuenow="{share * 100:.0f}" aria-valuemin="0"'
        f' aria-valuemax="100" aria-label="{escape(text)}"><i style="width:{share:.1%}"></i></div></div>'
    )
