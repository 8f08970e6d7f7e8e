"""Throughput: calls and tokens against their ceilings, calls in flight and waiting, failures by kind."""

from __future__ import annotations

import numpy as np

from toolkit.dashboards.baseline_bands import Bands
from toolkit.dashboards.chart import Band, Bars, Chart, Part, Rule, Series, short
from toolkit.dashboards.feed import Speed
from toolkit.dashboards.groups import thinned
from toolkit.dashboards.look import figure_html, panel, rows_html
from toolkit.dashboards.state import Moment
from toolkit.dashboards.totals import Totals

__all__ = ["throughput_charts", "throughput_html"]

_OUTCOMES = (("live", "ok", 0), ("from memory", "cached", 2), ("failed", "failed", 5))
_HEAD = (("model", False), ("in flight", True), ("waiting", True), ("calls/min", True), ("tokens/min", True))
_FROM_FILES = "A study's files tell how calls ended; which are in flight is known only in the kernel that runs them."
_FEW = 3
"""Points of which none is left out."""


def throughput_charts(totals: Totals, moment: Moment, until: float, bands: Bands) -> dict[str, Chart | Bars]:
    """Return the charts by name: ``throughput``, ``tokens per minute``, ``in flight`` and ``failures``.

    Args:
        totals: All calls so far.
        moment: How things stand.
        until: Working time that is shown, in seconds.
        bands: The baseline's.
    """
    ends = totals.time.ends(until)
    cuts = list(thinned(list(ends)))
    if len(cuts) > _FEW:
        cuts.pop()  # the last has just begun: its rate would look like a fall
    x = [float(ends[cut.stop - 1]) for cut in cuts]
    seconds = np.diff(np.array(x), prepend=0.0)
    seconds = np.maximum(seconds, totals.time.width)
    return {
        "throughput": _calls(totals, moment, x, cuts, seconds, bands),
        "tokens per minute": _tokens(totals, moment, x, cuts, seconds),
        "in flight": _in_flight(totals, moment, x, cuts),
        "failures": _failures(totals),
    }


def throughput_html(totals: Totals, moment: Moment, speed: Speed, until: float, bands: Bands) -> str:
    """Return the tab."""
    charts = throughput_charts(totals, moment, until, bands)
    rows = [
        [
            one.model,
            f"{one.in_flight:,} of {one.most:,}",
            f"{one.waiting:,}",
            "no limit" if one.rpm is None else f"≤ {one.rpm:,.0f}",
            "no limit" if one.tpm is None else f"≤ {one.tpm:,.0f}",
        ]
        for one in moment.pacing
    ]
    told = [
        f"{one.model} asked to wait {one.paused:.0f} s"
        if one.paused
        else f"{one.model} was told to slow down {one.hits} times"
        for one in moment.pacing
        if one.paused or one.hits
    ]
    now = f"Now {short(speed.calls)} calls/s, {short(60 * speed.tokens)} tokens/min."
    told_rows = rows_html(_HEAD, rows, _FROM_FILES)
    limits = panel("Pace", told_rows, now, wide=True)
    notes = "".join(f'<div class="dr-note">{one}</div>' for one in told)
    drawn = "".join(figure_html(chart) for chart in charts.values())
    return f'{notes}<div class="dr-grid-2">{drawn}{limits}</div>'


def _calls(totals: Totals, moment: Moment, x: list[float], cuts: list[slice], seconds: object, bands: Bands) -> Chart:
    series = tuple(
        Series(name, colour, _from_0(x), _begun(_rates(totals.over_time(field), cuts, seconds)), "area")
        for name, field, colour in _OUTCOMES
    )
    ceilings = {one.rpm / 60.0 for one in moment.pacing if one.rpm is not None}
    band = bands.get("calls_rate")
    told = f"baseline {band[0]:,.0f} to {band[2]:,.0f} calls/s" if band else ""
    return Chart(
        title="Calls a second",
        series=series,
        unit="calls/s over working time",
        bands=(Band(told, band[0], band[2]),) if band else (),
        rules=tuple(Rule(f"limit {short(60 * one)} a minute", one, colour=5) for one in sorted(ceilings)),
        facts=f"{totals.of('ok'):,.0f} live, {totals.of('cached'):,.0f} from memory, {totals.of('failed'):,.0f} failed",
    )


def _tokens(totals: Totals, moment: Moment, x: list[float], cuts: list[slice], seconds: object) -> Chart:
    rates = [60.0 * one for one in _rates(totals.over_time("tokens"), cuts, seconds)]
    ceilings = {one.tpm for one in moment.pacing if one.tpm is not None}
    return Chart(
        title="Tokens a minute",
        series=(Series("tokens", 1, _from_0(x), _begun(rates), "area"),),
        unit="in and out, live",
        rules=tuple(Rule(f"limit {short(one)} a minute", one, colour=5) for one in sorted(ceilings)),
        empty="No token was spent yet.",
        facts=f"{totals.tokens:,.0f} tokens so far",
    )


def _in_flight(totals: Totals, moment: Moment, x: list[float], cuts: list[slice]) -> Chart:
    peaks = np.array([totals.time.peaks[cut].max(axis=0) for cut in cuts])
    for place in range(len(peaks)):  # where nobody looked it is taken to be as before
        peaks[place] = np.where(peaks[place] < 0, peaks[place - 1] if place else 0.0, peaks[place])
    most = moment.concurrency
    return Chart(
        title="In flight and waiting",
        series=(
            Series("in flight", 0, _from_0(x), _begun([float(one[0]) for one in peaks]), "area"),
            Series("waiting", 1, _from_0(x), _begun([float(one[1]) for one in peaks])),
        ),
        unit="most at once",
        rules=(Rule(f"concurrency {most}", float(most)),) if most is not None else (),
        empty=_FROM_FILES if moment.from_files else "No call was seen in flight yet.",
        facts="" if moment.from_files else f"{moment.in_flight} in flight now, {moment.waiting} waiting",
    )


def _failures(totals: Totals) -> Bars:
    kinds = totals.kinds.most_common(6)
    return Bars(
        title="Failures by kind",
        labels=[kind or "without a kind" for kind, _ in kinds],
        parts=(Part("failed", 5, [float(count) for _, count in kinds]),),
        texts=[f"{count:,}" for _, count in kinds],
        empty="None failed.",
    )


def _from_0(x: list[float]) -> list[float]:
    return [0.0, *x]


def _begun(values: list[float]) -> list[float]:
    """Return values from the very beginning: a bin's value holds for all of it."""
    return [*values[:1], *values]


def _rates(field: object, cuts: list[slice], seconds: object) -> list[float]:
    by_bin = np.asarray(field).sum(axis=1)
    return [float(by_bin[cut].sum() / span) for cut, span in zip(cuts, np.asarray(seconds), strict=True)]
