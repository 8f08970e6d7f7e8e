"""The board as a picture that needs no kernel: what stays in a saved notebook, an export, or a preview elsewhere."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from html import escape

from toolkit.dashboards.chart import Bars, Chart
from toolkit.dashboards.look import LIGHT, drawing_css
from toolkit.dashboards.svg import HEIGHT, WIDTH, bars_height, bars_svg, chart_svg
from toolkit.display.html import card

__all__ = ["SHOWN", "frozen_html"]

SHOWN = ("spend", "tokens", "latency", "throughput")
"""Charts that are in the picture."""
_GAP = 24
_TITLE = 22
_INNER = re.compile(r"^<svg[^>]*>(.*)</svg>$", re.DOTALL)


def frozen_html(title: str, facts: Sequence[str], charts: Mapping[str, Chart | Bars], notes: Sequence[str] = ()) -> str:
    """Return a card with one SVG image; viewers that take no scripts, styles or widgets show it as it is.

    Args:
        title: Plain text.
        facts: The numbers in words.
        charts: By name; those of ``SHOWN`` are drawn.
        notes: What the reader must not overlook.
    """
    shown = [charts[name] for name in SHOWN if name in charts]
    picture = _picture(shown)
    told = " ".join(chart.alt for chart in shown)
    image = (
        f'<img style="max-width:100%;background:#fff;border-radius:6px" width="{2 * WIDTH + 3 * _GAP}"'
        f' alt="{escape(told)}" src="data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()}">'
    )
    return card(title, facts, image, notes=notes)


def _picture(shown: Sequence[Chart | Bars]) -> str:
    pieces = []
    step = HEIGHT + _TITLE + _GAP + 14
    for place, chart in enumerate(shown):
        x, y = _GAP + (place % 2) * (WIDTH + _GAP), _GAP + (place // 2) * step
        drawn = chart_svg(chart) if isinstance(chart, Chart) else bars_svg(chart)
        found = _INNER.match(drawn)
        unit = f' <tspan class="dr-aside">{escape(chart.unit)}</tspan>' if chart.unit else ""
        pieces.append(
            f'<g transform="translate({x} {y})"><text class="dr-title" y="4">{escape(chart.title)}{unit}</text>'
            f'<g transform="translate(0 {_TITLE - 6})">{found.group(1) if found else ""}</g>{_legend(chart)}</g>'
        )
    height = _GAP + (len(shown) + 1) // 2 * step
    width = 2 * WIDTH + 3 * _GAP
    style = (
        f"{drawing_css(fixed=True)}text{{fill:#5d6470;font:11px system-ui,sans-serif}}"
        ".dr-title{font-weight:600;font-size:13px;fill:#1b1e23}.dr-aside{font-weight:400;fill:#5d6470;font-size:11px}"
        ".dr-number{fill:#1b1e23}.dr-quiet{fill:#5d6470}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>{"".join(pieces)}</svg>'
    )


def _legend(chart: Chart | Bars) -> str:
    if isinstance(chart, Chart):
        named = [(series.name, series.colour) for series in chart.series if series.name and chart.filled]
    else:
        named = [(part.name, part.colour) for part in chart.parts if any(part.values)]
    if len(named) < 2:  # noqa: PLR2004  # one needs no telling apart
        return ""
    drawn = HEIGHT if isinstance(chart, Chart) else bars_height(chart)
    x, pieces = 0.0, []
    for name, colour in named:
        fill = LIGHT[colour] if colour >= 0 else "#d9dde3"
        pieces.append(
            f'<rect x="{x:.0f}" y="{drawn + _TITLE}" width="9" height="9" fill="{fill}"/>'
            f'<text x="{x + 13:.0f}" y="{drawn + _TITLE + 8}">{escape(name)}</text>'
        )
        x += 24 + 6.2 * len(name)
    return "".join(pieces)
