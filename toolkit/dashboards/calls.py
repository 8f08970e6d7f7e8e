"""Calls: the last failures and the slowest calls, with the prompt one click away where it was kept."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from toolkit.dashboards.chart import short
from toolkit.dashboards.event_log import EventLog, clock, log_html
from toolkit.dashboards.look import panel, rows_html
from toolkit.dashboards.totals import Seen, Totals

__all__ = ["NOT_KEPT", "asked_html", "calls_html", "choices"]

_FAILED_HEAD = (
    ("at", False),
    ("stage", False),
    ("item", False),
    ("kind", False),
    ("what happened", False),
    ("tries", True),
)
_SLOW_HEAD = (
    ("stage", False),
    ("item", False),
    ("took", True),
    ("provider", True),
    ("tries", True),
    ("tokens", True),
    ("ended", False),
)
_ROWS = 8
NOT_KEPT = (
    "Prompts are not kept unless you ask for it: open the lab with transcripts=True, and what was asked from then on"
    " can be read here, scrubbed. tk.preview(verb, …) shows the prompt of a call that was not made yet."
)
"""What is said where there is no transcript (S1-22)."""


def calls_html(totals: Totals, log: EventLog) -> str:
    """Return the tables of the tab: failures, the slowest calls, and what else happened.

    Example:
        >>> "None failed" in calls_html(Totals(), EventLog())
        True
    """
    failed = list(totals.failures)[::-1]
    slow = totals.slowest
    failures = rows_html(_FAILED_HEAD, map(_failed, failed[:_ROWS]), "None failed.")
    slowest = rows_html(_SLOW_HEAD, map(_slow, slow[:_ROWS]), "No live call yet.")
    count = totals.of("failed")
    aside = f"the latest of {count:,.0f}" if count > _ROWS else ""
    return (
        f'<div style="display:grid;gap:12px;padding:4px 0">{panel("Last failures", failures, aside=aside)}'
        f"{panel('Slowest calls', slowest)}{log_html(log.lines)}</div>"
    )


def choices(totals: Totals) -> list[tuple[str, Seen]]:
    """Return the calls that can be looked into, with what they are called in a list."""
    failed = [(f"failed: {one.stage} {one.item}, {one.kind}", one) for one in reversed(totals.failures)]
    slow = [(f"slow: {one.stage} {one.item}, {short(one.seconds, 'seconds')}", one) for one in totals.slowest]
    return [*failed, *slow]


def asked_html(texts: Iterable[str]) -> str:
    """Return what was asked and said, each exchange apart; the texts are scrubbed already."""
    shown = "".join(f"<pre>{escape(text)}</pre>" for text in texts)
    return shown or f'<div class="dr-note">{escape(NOT_KEPT)}</div>'


def _failed(seen: Seen) -> list[str]:
    return [clock(seen.at), seen.stage, seen.item, seen.kind, seen.message, str(seen.tries)]


def _slow(seen: Seen) -> list[str]:
    provider = "-" if seen.latency is None else short(seen.latency, "seconds")
    taken = short(seen.seconds, "seconds")
    return [seen.stage, seen.item, taken, provider, str(seen.tries), f"{seen.tokens:,}", seen.status]
