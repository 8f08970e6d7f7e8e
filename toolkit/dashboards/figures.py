"""The board's charts as matplotlib figures, for papers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.dashboards.chart import MUTED as GREY
from toolkit.dashboards.chart import Bars, Chart, short
from toolkit.display.style import MUTED, PALETTE, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["drawn"]

_ROW = 0.5
"""Inches of one bar."""


def drawn(chart: Chart | Bars, width: float = 7.0, height: float = 3.2) -> Figure:
    """Return a chart as a matplotlib figure in the house style.

    Args:
        chart: What to draw.
        width: In inches.
        height: In inches; bars take what they need.

    Example:
        >>> drawn(Bars("Failures", ["timeout"], (), ["3"])).axes[0].get_title(loc="left")
        'Failures'
    """
    if isinstance(chart, Bars):
        fig, axes = figure(width, 1.2 + _ROW * max(len(chart.labels), 1), title=chart.title)
        _bars(axes, chart)
        return fig
    fig, axes = figure(width, height, title=chart.title)
    _areas(axes, chart)
    _lines(axes, chart)
    _beside(axes, chart)
    if chart.x_log:
        axes.set_xscale("log", subs=(2, 5))
        axes.xaxis.set_minor_formatter(lambda value, _: short(value, chart.x))
    axes.xaxis.set_major_formatter(lambda value, _: short(value, chart.x))
    axes.yaxis.set_major_formatter(lambda value, _: short(value, chart.y))
    axes.set_ylim(0, chart.top * 1.06)
    axes.set_ylabel(chart.unit)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize=8.5)
    return fig


def _areas(axes: Axes, chart: Chart) -> None:
    areas = [series for series in chart.series if series.kind == "area" and len(series.x)]
    if areas:
        axes.stackplot(
            areas[0].x,
            *(series.y for series in areas),
            labels=[series.name for series in areas],
            colors=[_colour(series.colour) for series in areas],
            alpha=0.8,
        )


def _lines(axes: Axes, chart: Chart) -> None:
    for series in chart.series:
        if series.kind == "line":
            style = "--" if series.dashed else "-"
            axes.plot(series.x, series.y, style, color=_colour(series.colour), label=series.name)


def _beside(axes: Axes, chart: Chart) -> None:
    for band in chart.bands:
        span = axes.axhspan if band.along == "y" else axes.axvspan
        span(band.low, band.high, color=PALETTE[2], alpha=0.16, label=band.name)
    for rule in chart.rules:
        if rule.along == "x":
            axes.axvline(rule.at, color=_colour(rule.colour), linestyle=":", label=rule.name)
        elif rule.at <= chart.top:
            axes.axhline(rule.at, color=_colour(rule.colour), linestyle=":", label=rule.name)
    for place, _ in chart.marks:
        axes.plot([place], [0], "^", color=PALETTE[5], clip_on=False)


def _bars(axes: Axes, chart: Bars) -> None:
    starts = [0.0] * len(chart.labels)
    for part in chart.parts:
        axes.barh(chart.labels, part.values, left=starts, color=_colour(part.colour), label=part.name, height=0.55)
        starts = [a + b for a, b in zip(starts, part.values, strict=True)]
    for place, (end, text) in enumerate(zip(starts, chart.texts, strict=True)):
        axes.annotate(text, (end, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5)
    axes.invert_yaxis()
    axes.margins(x=0.18)
    axes.xaxis.set_major_formatter(lambda value, _: short(value, chart.scale))
    if len(chart.parts) > 1:
        axes.legend(frameon=False, fontsize=8.5)


def _colour(place: int) -> str:
    return MUTED if place == GREY else PALETTE[place]
