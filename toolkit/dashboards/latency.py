"""Latency: how long models take, by stage, over time, and what calls wait for beside."""

from __future__ import annotations

import math

import numpy as np

from toolkit.dashboards.baseline_bands import Bands
from toolkit.dashboards.chart import Band, Bars, Chart, Part, Rule, Series, short
from toolkit.dashboards.groups import shown, thinned
from toolkit.dashboards.histogram import EDGES, percentiles
from toolkit.dashboards.look import figure_html, panel, rows_html
from toolkit.dashboards.totals import Totals

__all__ = ["latency_charts", "latency_html"]

_CENTRES = np.sqrt(EDGES[:-1] * EDGES[1:])
_NAMES = ("p50", "p95", "p99")
_MARGIN = 4
"""Empty levels shown on both sides: half a doubling."""
_HEAD = (
    ("stage and model", False),
    *((name, True) for name in _NAMES),
    ("wait p50", True),
    ("wait p95", True),
    ("retries", True),
    ("timeouts", True),
)


def latency_charts(totals: Totals, until: float, bands: Bands) -> dict[str, Chart | Bars]:
    """Return the charts by name: ``latency`` (its distribution), ``latency over time`` and ``waits``.

    Args:
        totals: All calls so far.
        until: Working time that is shown, in seconds.
        bands: The baseline's.
    """
    return {
        "latency": _distribution(totals, bands),
        "latency over time": _over_time(totals, until, bands),
        "waits": _waits(totals),
    }


def latency_html(totals: Totals, until: float, bands: Bands) -> str:
    """Return the tab."""
    charts = latency_charts(totals, until, bands)
    rows = []
    for name, _, places in shown(totals):
        took = percentiles(totals.latencies[places].sum(axis=0))
        waited = percentiles(totals.waits[places].sum(axis=0), (0.5, 0.95))
        counts = [sum(totals.of(what, group=place) for place in places) for what in ("retries", "timeouts")]
        rows.append([name, *map(_told, (*took, *waited)), *(f"{count:,.0f}" for count in counts)])
    table = rows_html(_HEAD, rows, "No live answer yet; what memory answers takes no provider's time.")
    return (
        f'<div class="dr-grid-2">{figure_html(charts["latency"])}{figure_html(charts["latency over time"])}'
        f"{figure_html(charts['waits'])}{panel('Percentiles', table, wide=True)}</div>"
    )


def _distribution(totals: Totals, bands: Bands) -> Chart:
    """Return how often each duration came, for the range that holds any."""
    everything = totals.latencies.sum(axis=0)
    filled = np.flatnonzero(everything)
    series: list[Series] = []
    if len(filled):
        first, last = max(int(filled[0]) - _MARGIN, 0), min(int(filled[-1]) + 1 + _MARGIN, len(everything))
        x = [float(one) for one in _CENTRES[first:last]]
        for name, colour, places in shown(totals):
            held = totals.latencies[places].sum(axis=0)[first:last]
            if held.any():
                series.append(Series(name, colour, x, [float(one) for one in held], "area"))
    took = percentiles(everything)
    told = ", ".join(f"{name} {_told(one)}" for name, one in zip(_NAMES, took, strict=True))
    rules = [Rule(f"{name} {_told(one)}", one, "x") for name, one in zip(_NAMES, took, strict=True) if one == one]  # noqa: PLR0124  # NaN
    held_bands: tuple[Band, ...] = ()
    if "latency_p50" in bands and "latency_p95" in bands:
        low, high = bands["latency_p50"][0], bands["latency_p95"][2]
        held_bands = (Band(f"baseline p50 to p95: {_told(low)} to {_told(high)}", low, high, "x"),)
    return Chart(
        title="Provider time",
        series=tuple(series),
        x="seconds",
        x_log=True,
        unit="live answers, on a logarithmic scale of time",
        bands=held_bands,
        rules=tuple(rules),
        empty="No live answer yet.",
        note=held_bands[0].name if held_bands else "",
        facts=told if len(filled) else "",
    )


def _over_time(totals: Totals, until: float, bands: Bands) -> Chart:
    ends = totals.time.ends(until)
    cuts = list(thinned(list(ends)))
    x = [float(ends[cut.stop - 1]) for cut in cuts]
    spans = [percentiles(totals.time.levels[cut].sum(axis=0), (0.5, 0.95)) for cut in cuts]
    troubles = totals.over_time("retries").sum(axis=1), totals.over_time("timeouts").sum(axis=1)
    marks = []
    for place, cut in zip(x, cuts, strict=True):
        again, late = (int(one[cut].sum()) for one in troubles)
        if again or late:
            marks.append((place, f"{again:,} tries again, {late:,} timeouts"))
    band = bands.get("latency_p95")
    return Chart(
        title="Provider time over time",
        series=(
            Series("p50", 0, x, [one[0] for one in spans]),
            Series("p95", 1, x, [one[1] for one in spans]),
        ),
        y="seconds",
        unit="▲ retries, timeouts",
        bands=(Band("baseline p95", band[0] * 0.97, band[2] * 1.03),) if band else (),
        marks=tuple(marks),
        empty="No live answer yet.",
        facts=f"latest p50 {_told(spans[-1][0])}, p95 {_told(spans[-1][1])}" if spans else "",
    )


def _waits(totals: Totals) -> Bars:
    """Return provider time beside what calls waited, on average."""
    labels, took, waited, texts = [], [], [], []
    for name, _, places in shown(totals):
        answers = int(totals.latencies[places].sum())
        if not answers:
            continue
        provider, other = (float(one) / answers for one in totals.seconds[places].sum(axis=0))
        labels.append(name)
        took.append(provider)
        waited.append(other)
        texts.append(f"{short(provider, 'seconds')} + {short(other, 'seconds')}")
    return Bars(
        title="Where the time goes",
        labels=labels,
        parts=(Part("provider", 0, took), Part("queue, retries and memory", 1, waited)),
        texts=texts,
        scale="seconds",
        unit="mean of a live answer",
        empty="No live answer yet.",
    )


def _told(seconds: float) -> str:
    return "-" if math.isnan(seconds) else short(seconds, "seconds")
