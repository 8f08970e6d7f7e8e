"""Spend: money and tokens by stage and model, what memory saved, and the budget with its projection."""

from __future__ import annotations

from html import escape

import numpy as np

from toolkit.dashboards.chart import Bars, Chart, Part, Series, short
from toolkit.dashboards.groups import shown, thinned
from toolkit.dashboards.look import figure_html, panel
from toolkit.dashboards.state import Moment, Purse
from toolkit.dashboards.totals import PARTS, Totals
from toolkit.display.report import usd_text

__all__ = ["price_each", "spend_charts", "spend_html"]

_PART_COLOURS = dict(zip(PARTS, (0, 4, 3, 1, 5), strict=True))


def spend_charts(totals: Totals, moment: Moment, until: float) -> dict[str, Chart | Bars]:
    """Return the charts by name: ``spend`` over working time, and ``tokens`` by stage and model.

    Args:
        totals: All calls so far.
        moment: How things stand.
        until: Working time that is shown, in seconds.
    """
    del moment
    return {"spend": _over_time(totals, until), "tokens": _tokens(totals)}


def spend_html(totals: Totals, moment: Moment, until: float) -> str:
    """Return the tab."""
    charts = spend_charts(totals, moment, until)
    budgets = "".join(_purse(purse) for purse in moment.purses)
    if not budgets:
        known = 'No budget is set: Lab(budget="2 USD") or budget= of a verb sets one.'
        budgets = f'<div class="dr-quiet">{"Files do not tell the budget." if moment.from_files else known}</div>'
    return (
        f'<div class="dr-grid-2">{figure_html(charts["spend"])}{figure_html(charts["tokens"])}'
        f"{panel('Budget', budgets)}{panel('What an answer takes', _each(totals))}</div>"
    )


def _over_time(totals: Totals, until: float) -> Chart:
    """Return the sum of money, or of tokens where nobody is paid, from the first call to now."""
    money = totals.of("spent") > 0
    ends = totals.time.ends(until)
    spent = np.cumsum(totals.over_time("spent" if money else "tokens"), axis=0)
    spared = np.cumsum(totals.over_time("spared" if money else "saved").sum(axis=1))
    cuts = list(thinned(list(ends)))
    x = [0.0, *(float(ends[cut.stop - 1]) for cut in cuts)]
    series = [
        Series(name, colour, x, [0.0, *(float(spent[cut.stop - 1, places].sum()) for cut in cuts)], "area")
        for name, colour, places in shown(totals)
    ]
    saved = float(spared[-1])
    if saved:
        y = [0.0, *(float(spared[cut.stop - 1]) for cut in cuts)]
        series.append(Series("saved by memory", 2, x, y, dashed=True))
    told = usd_text(totals.of("spent")) if money else f"{totals.tokens:,.0f} tokens"
    kept = usd_text(saved) if money else f"{saved:,.0f} tokens"
    unpriced = int(totals.of("unpriced"))
    return Chart(
        title="Money spent" if money else "Tokens spent",
        series=tuple(series),
        y="usd" if money else "number",
        unit="USD over working time" if money else "tokens over working time; no money was spent",
        empty="Nothing was spent yet.",
        note=f"{unpriced:,} calls of unknown price are not in it." if unpriced and money else "",
        facts=f"{told} spent, {kept} saved by memory",
    )


def _tokens(totals: Totals) -> Bars:
    rows = shown(totals)
    texts, saved = [], []
    for _, _, places in rows:
        live = sum(totals.of(*PARTS, group=place) for place in places)
        saved.append(sum(totals.of("saved", group=place) for place in places))
        texts.append(short(live) if not saved[-1] else f"{short(live)} + {short(saved[-1])}")
    parts = [
        Part(
            name, _PART_COLOURS[name], [sum(totals.of(name, group=place) for place in places) for _, _, places in rows]
        )
        for name in PARTS
    ]
    return Bars(
        title="Tokens by stage and model",
        labels=[name for name, _, _ in rows],
        parts=(*parts, Part("from memory, free", 2, saved)),
        texts=texts,
        unit="paid + from memory",
    )


def price_each(totals: Totals) -> float | None:
    """Return USD for one live answer; ``None`` where there is none or its price is unknown.

    Example:
        >>> price_each(Totals()) is None
        True
    """
    answers = totals.of("ok") - totals.of("unpriced")
    return totals.of("spent") / answers if answers > 0 and totals.of("spent") else None


def _each(totals: Totals) -> str:
    answers, each = totals.of("ok"), price_each(totals)
    lines = []
    if each is not None:
        lines.append(("A live answer costs", usd_text(each)))
    if answers:
        lines.append(("Tokens a live answer", f"{totals.tokens / answers:,.0f}"))
    read = totals.of("text in", "cached in", "images in")
    if read:
        lines.append(("Input the provider had cached", f"{totals.of('cached in') / read:.0%}"))
    asked = totals.of("ok", "cached")
    if asked:
        lines.append(("Answers that came from memory", f"{totals.of('cached') / asked:.0%}"))
        lines.append(("Tokens memory saved", f"{totals.of('saved'):,.0f}"))
    if totals.of("spared"):
        lines.append(("Money memory saved", usd_text(totals.of("spared"))))
    if totals.of("retries"):
        lines.append(("Tries beyond the first", f"{totals.of('retries'):,.0f}"))
    if not lines:
        return '<div class="dr-quiet">No answer yet.</div>'
    rows = "".join(f'<tr><td>{escape(name)}</td><td class="dr-n">{escape(value)}</td></tr>' for name, value in lines)
    return f"<table>{rows}</table>"


def _purse(purse: Purse) -> str:
    spent = min(purse.share, 1.0)
    held = min(purse.held / purse.amount, 1.0 - spent) if purse.amount else 0.0
    over = " dr-over" if purse.share >= 1.0 else ""
    mark, told = "", ""
    if purse.projected is not None and purse.amount:
        share = purse.projected / purse.amount
        mark = f'<u style="left:calc({min(share, 1.0):.1%} - 1px)"></u>'
        told = f", about {share:.0%} at the end" if share <= 1 else ", will not reach to the end"
    text = f"{purse.told} for {purse.scope} ({purse.share:.0%}{told})"
    return (
        f'<div>{escape(text)}<div class="dr-bar" role="img" aria-label="{escape(text)}">'
        f'<i class="{over.strip()}" style="width:{spent:.1%}"></i>'
        f'<i class="dr-held" style="left:{spent:.1%};width:{held:.1%}"></i>{mark}</div></div>'
    )
