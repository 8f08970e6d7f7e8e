"""The pictures: what they show, that they are sound XML, and that they say it in words too."""

import re
import xml.etree.ElementTree as ET

import pytest

from toolkit.dashboards.baseline_bands import bands_of
from toolkit.dashboards.chart import MUTED, Band, Bars, Chart, Part, Rule, Series, axis_ticks, short
from toolkit.dashboards.figures import drawn
from toolkit.dashboards.latency import latency_html
from toolkit.dashboards.look import DARK, LIGHT, figure_html, stylesheet
from toolkit.dashboards.spend import spend_charts, spend_html
from toolkit.dashboards.state import Moment, Pacing, Purse, Running
from toolkit.dashboards.svg import bars_svg, chart_svg
from toolkit.dashboards.throughput import throughput_charts, throughput_html
from toolkit.dashboards.totals import Totals
from toolkit.errors import InvalidInput

from .test_totals import folded

LINE = Series("p50", 0, [0.0, 1.0, 2.0], [1.0, float("nan"), 3.0])
AREA = Series("live <b>", 1, [0.0, 1.0], [1.0, 2.0], "area")


def parsed(html):
    """Return the SVG pictures of some HTML, each parsed as XML."""
    found = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    return [ET.fromstring(one) for one in found]  # noqa: S314  # we wrote it ourselves


@pytest.mark.parametrize(
    "chart",
    [
        Chart("Empty", ()),
        Chart("Gap & < >", (LINE,), y="seconds", bands=(Band("baseline", 1.0, 2.0),), marks=((1.0, "2 timeouts"),)),
        Chart("Stacked", (AREA, AREA), rules=(Rule("limit", 3.0), Rule("far", 300.0), Rule("x", 0.5, "x"))),
        Chart("Log", (Series("", MUTED, [0.1, 0.2], [1.0, 2.0], "area"),), x="seconds", x_log=True),
        Chart("One point", (Series("", 0, [0.0], [2.0]),), bands=(Band("far", 100.0, 200.0), Band("x", 0, 1, "x"))),
    ],
)
def test_a_chart_is_sound_svg_with_words(chart):
    """Readable by those who do not see: role and label."""
    (svg,) = parsed(chart_svg(chart))
    assert svg.get("role") == "img"
    assert svg.get("aria-label", "").startswith(chart.title)
    assert "nan" not in chart_svg(chart)
    assert drawn(chart).axes


def test_a_long_sentence_in_an_empty_chart_takes_several_lines_and_no_legend():
    chart = Chart("In flight", (Series("a", 0, [], []), Series("b", 1, [], [])), empty="which are in flight " * 6)
    html = figure_html(chart)
    assert html.count("<text") == 2
    assert "dr-legend" not in html


def test_bars_are_sound_svg_with_words():
    bars = Bars("Tokens", ["a & b", "c" * 80], (Part("in", 0, [1.0, 2.0]), Part("out", 1, [0.0, 3.0])), ["1", "5"])
    (svg,) = parsed(bars_svg(bars))
    assert "a & b: 1" in svg.get("aria-label", "")
    assert drawn(bars).axes
    assert "Nothing yet" in bars_svg(Bars("Tokens", [], (), []))


def test_every_tab_can_be_drawn_of_nothing():
    totals, moment = Totals(), Moment()
    for html in (
        spend_html(totals, moment, 0.0),
        latency_html(totals, 0.0, {}),
        throughput_html(totals, moment, _Still(), 0.0, {}),
    ):
        assert all(parsed(html))


class _Still:
    calls = tokens = 0.0


def test_money_is_drawn_where_there_is_any_and_tokens_else(row_of):
    paid = spend_charts(folded([row_of()]), Moment(), 1.0)["spend"]
    free = spend_charts(folded([row_of(cost=None)]), Moment(), 1.0)["spend"]
    assert (paid.title, free.title) == ("Money spent", "Tokens spent")


def test_cached_stands_beside_live(row_of):
    totals = folded([row_of(), row_of(status="cached", recorded_cost=0.02, cost=0.0)])
    charts = spend_charts(totals, Moment(), 1.0)
    assert [series.name for series in charts["spend"].series] == ["questions", "saved by memory"]
    assert charts["tokens"].parts[-1].values == [110.0]
    assert "saved by memory" in charts["spend"].alt


def test_ceilings_and_baseline_are_drawn(row_of):
    pacing = (Pacing("openai:m", 3, 9, 8, 240.0, 600_000.0, 2.0, 1),)
    moment = Moment(pacing=pacing, concurrency=8, runs=(Running("ask-1", "ask", 1, 9, 2.0, 1),))
    bands = bands_of("reference")
    totals = folded([row_of(at=1000.0 + place / 1200) for place in range(1200)])  # about the baseline's pace
    charts = throughput_charts(totals, moment, 1.0, bands)
    assert charts["throughput"].rules[0].at == 4.0
    assert charts["throughput"].bands[0].name.startswith("baseline")
    assert charts["tokens per minute"].rules[0].at == 600_000
    html = throughput_html(totals, moment, _Still(), 1.0, bands)
    assert "asked to wait 2 s" in html
    assert "dr-band" in html
    assert "dr-band" in latency_html(totals, 1.0, bands)


def test_budget_bar_says_where_it_will_end():
    purse = Purse("this lab", 0.5, 0.1, 2.0, "USD", "0.50 of 2 USD", projected=1.5)
    html = spend_html(Totals(), Moment(purses=(purse,)), 0.0)
    assert "0.50 of 2 USD for this lab (25%, about 75% at the end)" in html
    late = spend_html(Totals(), Moment(purses=(Purse("this run", 1.0, 0, 2.0, "USD", "", projected=9.0),)), 0.0)
    assert "will not reach to the end" in late


def test_hostile_names_are_text(row_of):
    evil = "<script>alert(1)</script>"
    totals = folded([row_of(stage=evil, item=evil, model=evil), row_of(stage="b"), row_of(status="failed", kind=evil)])
    html = spend_html(totals, Moment(), 1.0) + latency_html(totals, 1.0, {})
    html += throughput_html(totals, Moment(), _Still(), 1.0, {})
    assert "<script" not in html


def test_colours_can_be_told_from_both_grounds():
    """Contrast of graphics with their ground is at least 1.8 here; lines and areas are told apart by place and name."""
    for colours, ground in ((LIGHT, "#ffffff"), (DARK, "#111111")):
        assert min(contrast(one, ground) for one in colours) > 1.8
    assert "data-jp-theme-light=false" in stylesheet("x")
    assert "prefers-color-scheme:dark" in stylesheet("x")


def contrast(one, other):
    """Return the contrast ratio of WCAG 2."""
    lights = sorted(luminance(colour) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("top", [1e-6, 0.003, 1.0, 7.0, 99.0, 123_456.0])
def test_axes_have_a_few_round_marks(top):
    marks = axis_ticks(top)
    assert 3 <= len(marks) <= 6
    assert marks[-1] <= top
    assert all(short(one, "usd") for one in marks)


@pytest.mark.parametrize("given", ["missing.json", {"no": "metrics"}, 7])
def test_a_baseline_that_is_none_is_refused(given):
    with pytest.raises(InvalidInput):
        bands_of(given)


def test_a_baseline_is_read_leniently(tmp_path):
    """A metric that says too little is left out; a file that is no JSON is refused."""
    assert bands_of(None) == {}
    assert bands_of({"metrics": {"a": {"low": 1, "median": 2, "high": 3}, "b": {"low": "x"}}}) == {"a": (1.0, 2.0, 3.0)}
    assert bands_of("reference")["latency_p50"][1] > 0
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(InvalidInput, match="no JSON"):
        bands_of(broken)
