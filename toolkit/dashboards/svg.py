"""Charts as SVG, made by hand: 0.3 ms of the kernel's time, where a matplotlib figure takes 80 (FACTS, Notebooks)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from textwrap import wrap

from toolkit.dashboards.chart import MUTED, Bars, Chart, Rule, Series, axis_ticks, short

__all__ = ["HEIGHT", "WIDTH", "bars_height", "bars_svg", "chart_svg"]

WIDTH = 440
HEIGHT = 216
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 10, 26
_ROW = 30
"""Pixels of one bar with its label."""
_LETTER = 7.8
"""Pixels of a digit at the most: letters are larger where the picture is small."""
_LONGEST_LABEL = 52
_LETTERS = 64
"""Letters of a line of text in the middle of a picture."""
_FEW = 2
"""Marks of a logarithmic axis that are too few to read it by."""


def chart_svg(chart: Chart) -> str:
    """Return a chart as an SVG picture with a text for those who do not see it."""
    frame = _Frame(chart)
    if not chart.filled:
        body = _said(chart.empty, HEIGHT / 2)
    else:
        body = "".join((_grid(frame), _bands(frame), _drawn(frame), _rules(frame), _marks(frame)))
    return _picture(chart.alt, HEIGHT, body)


def bars_svg(bars: Bars) -> str:
    """Return horizontal bars as an SVG picture."""
    if not bars.labels:
        return _picture(bars.alt, 80, _said(bars.empty, 40))
    room = WIDTH - 8 - _LETTER * max(map(len, bars.texts))
    pieces = []
    for place, (label, text) in enumerate(zip(bars.labels, bars.texts, strict=True)):
        top = place * _ROW
        x = 0.0
        pieces.append(f'<text x="0" y="{top + 11}">{escape(_cut(label, _LONGEST_LABEL))}</text>')
        pieces.append(f'<rect class="dr-track" x="0" y="{top + 15}" width="{room:.1f}" height="9" rx="2"/>')
        for part in bars.parts:
            width = part.values[place] / bars.top * room
            if width > 0:
                told = escape(f"{part.name}: {short(part.values[place], bars.scale)}")
                pieces.append(
                    f'<rect class="{_fill(part.colour)}" x="{x:.1f}" y="{top + 15}" width="{max(width, 1):.1f}"'
                    f' height="9"><title>{told}</title></rect>'
                )
            x += width
        pieces.append(f'<text class="dr-number" x="{room + 6:.1f}" y="{top + 23}">{escape(text)}</text>')
    return _picture(bars.alt, bars_height(bars), "".join(pieces))


def bars_height(bars: Bars) -> int:
    """Return how high the picture of some bars is, in pixels.

    Example:
        >>> bars_height(Bars("Failures", ["timeout"], (), ["3"]))
        34
    """
    return _ROW * len(bars.labels) + 4


class _Frame:
    """The scales of a chart."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        xs = [x for series in chart.series for x in series.x]
        self.low = min(xs, default=0.0) if chart.x_log else 0.0
        self.high = max(xs, default=1.0)
        if chart.x_log:
            self.low, self.high = math.log10(max(self.low, 1e-4)), math.log10(max(self.high, 1e-3))
        if self.high <= self.low:
            self.high = self.low + 1.0
        self.top = chart.top * 1.06

    def x(self, value: float) -> float:
        at = math.log10(max(value, 1e-4)) if self.chart.x_log else value
        return _LEFT + (at - self.low) / (self.high - self.low) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - value / self.top * (HEIGHT - _TOP - _BOTTOM)

    def inside(self, value: float) -> bool:
        return _LEFT <= self.x(value) <= WIDTH - _RIGHT


def _grid(frame: _Frame) -> str:
    chart = frame.chart
    pieces = []
    for tick in axis_ticks(frame.top):
        y = frame.y(tick)
        pieces.append(f'<line class="dr-grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        pieces.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(short(tick, chart.y))}</text>')
    for tick in _across(frame):
        x = frame.x(tick)
        pieces.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(short(tick, chart.x))}</text>')
    return "".join(pieces)


def _across(frame: _Frame) -> list[float]:
    if not frame.chart.x_log:
        return [tick for tick in axis_ticks(frame.high, 5) if frame.x(tick) < WIDTH - _RIGHT - 10]
    first, last = math.floor(frame.low), math.ceil(frame.high)
    for sizes in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7), tuple(1 + step / 5 for step in range(45))):
        wanted = [size * 10.0**power for power in range(first, last + 1) for size in sizes]
        shown = [tick for tick in wanted if _LEFT + 8 < frame.x(tick) < WIDTH - _RIGHT - 12]
        if len(shown) > _FEW:
            break
    return shown[:: max(1, math.ceil(len(shown) / 8))]


def _bands(frame: _Frame) -> str:
    pieces = []
    for band in frame.chart.bands:
        name = escape(band.name)
        if band.along == "x":
            left, right = max(frame.x(band.low), _LEFT), min(frame.x(band.high), WIDTH - _RIGHT)
            if right > left:
                pieces.append(_box(left, _TOP, right - left, HEIGHT - _TOP - _BOTTOM, name))
        elif band.low <= frame.top:
            upper = frame.y(min(band.high, frame.top))
            pieces.append(_box(_LEFT, upper, WIDTH - _LEFT - _RIGHT, max(frame.y(band.low) - upper, 1.5), name))
            pieces.append(_label(WIDTH - _RIGHT - 2, upper + 11, "end", name))
        else:
            pieces.append(_label(WIDTH - _RIGHT - 2, _TOP + 9, "end", f"▲ {name}"))
    return "".join(pieces)


def _box(x: float, y: float, width: float, height: float, name: str) -> str:
    return (
        f'<rect class="dr-band" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
        f"<title>{name}</title></rect>"
    )


def _label(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text class="dr-quiet" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _drawn(frame: _Frame) -> str:
    floor: list[float] | None = None
    pieces = []
    for series in frame.chart.series:
        if series.kind == "line":
            pieces.append(_line(frame, series))
            continue
        floor = [0.0] * len(series.y) if floor is None else floor
        roof = [a + b for a, b in zip(floor, series.y, strict=True)]
        if any(series.y):
            pieces.append(_area(frame, series, floor, roof))
        floor = roof
    return "".join(pieces)


def _area(frame: _Frame, series: Series, floor: Sequence[float], roof: Sequence[float]) -> str:
    there = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in zip(series.x, roof, strict=True))
    back = " ".join(
        f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in zip(reversed(series.x), reversed(floor), strict=True)
    )
    name = escape(series.name)
    return f'<polygon class="{_fill(series.colour)} dr-area" points="{there} {back}"><title>{name}</title></polygon>'


def _line(frame: _Frame, series: Series) -> str:
    pieces: list[list[str]] = [[]]
    for x, y in zip(series.x, series.y, strict=True):
        if y != y:  # noqa: PLR0124  # NaN: nothing came then
            pieces.append([])
        else:
            pieces[-1].append(f"{frame.x(x):.1f},{frame.y(y):.1f}")
    dash = " dr-dashed" if series.dashed else ""
    drawn = []
    for points in pieces:
        if len(points) == 1:  # one point alone has no length
            points.append(f"{float(points[0].split(',')[0]) + 2:.1f},{points[0].split(',')[1]}")
        if points:
            drawn.append(f'<polyline class="{_stroke(series.colour)}{dash}" points="{" ".join(points)}"/>')
    return "".join(drawn)


def _rules(frame: _Frame) -> str:
    return "".join(_rule(frame, rule) for rule in frame.chart.rules)


def _rule(frame: _Frame, rule: Rule) -> str:
    name = escape(rule.name)
    if rule.along == "x":
        if not frame.inside(rule.at):
            return ""
        x = frame.x(rule.at)
        side, shift = ("end", -4) if x > WIDTH * 0.8 else ("start", 4)
        height = _TOP + 9 + 12 * (sum(other.at < rule.at for other in frame.chart.rules) % 3)
        ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"'
        line = f'<line class="{_stroke(rule.colour)} dr-rule" {ends}/>'
        return line + _label(x + shift, height, side, name)
    if rule.at > frame.top:
        return _label(_LEFT + 4, _TOP + 9, "start", f"▲ {name}")
    y = frame.y(rule.at)
    line = (
        f'<line class="{_stroke(rule.colour)} dr-rule" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    )
    return line + _label(_LEFT + 4, y - 4, "start", name)


def _marks(frame: _Frame) -> str:
    base = HEIGHT - _BOTTOM
    return "".join(
        f'<path class="dr-mark" d="M{frame.x(x):.1f} {base - 8} l4 8 h-8 z"><title>{escape(told)}</title></path>'
        for x, told in frame.chart.marks
    )


def _said(text: str, y: float) -> str:
    """Return what stands where there is nothing to draw, in lines that fit the picture."""
    lines = wrap(text, _LETTERS)
    top = y - (len(lines) - 1) * 8
    return "".join(
        f'<text class="dr-quiet" x="{WIDTH / 2}" y="{top + place * 16:g}" text-anchor="middle">{escape(line)}</text>'
        for place, line in enumerate(lines)
    )


def _picture(alt: str, height: float, body: str) -> str:
    return (
        f'<svg class="dr-svg" role="img" aria-label="{escape(alt)}" viewBox="0 0 {WIDTH} {height:g}"'
        f' xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )


def _fill(colour: int) -> str:
    return "dr-fm" if colour == MUTED else f"dr-f{colour}"


def _stroke(colour: int) -> str:
    return "dr-sm" if colour == MUTED else f"dr-s{colour}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
