"""How the board looks: the house palette as CSS, for light and dark themes, and pieces of HTML in it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from toolkit.dashboards.chart import MUTED, Bars, Chart
from toolkit.dashboards.svg import bars_svg, chart_svg
from toolkit.display.html import cut
from toolkit.display.style import PALETTE

__all__ = ["DARK", "LIGHT", "drawing_css", "figure_html", "panel", "rows_html", "stylesheet", "tile"]

LIGHT = PALETTE[:6]
DARK = ("#4FA8E0", "#E69F00", "#1FBF92", "#CC79A7", "#9AD5F5", "#F0814A")
"""The same hues, lighter where they would sink into a dark ground."""

_CELL = 90
_INK = {"ink": "#1b1e23", "quiet": "#5d6470", "line": "#d9dde3", "ground": "#ffffff", "raised": "#f5f6f8"}
_INK_DARK = {"ink": "#e8eaee", "quiet": "#a4abb6", "line": "#3c424c", "ground": "#16181c", "raised": "#20242a"}
_THEME = {
    "ink": "--jp-ui-font-color1",
    "quiet": "--jp-ui-font-color2",
    "line": "--jp-border-color2",
    "ground": "--jp-layout-color1",
    "raised": "--jp-layout-color2",
}
"""JupyterLab's own colours hold where there are any, whatever its theme."""


def stylesheet(name: str) -> str:
    """Return the style sheet of a board.

    Args:
        name: The board's class; its frozen picture is hidden as long as this style sheet is there.
    """
    return (
        f"<style>{_variables('.dr-board', LIGHT, _INK, themed=True)}"
        f"@media (prefers-color-scheme:dark){{"
        f"{_variables('body:not([data-jp-theme-light]) .dr-board', DARK, _INK_DARK, themed=False)}}}"
        f"{_variables('[data-jp-theme-light=false] .dr-board', DARK, {}, themed=True)}"
        f"{drawing_css()}{_LAYOUT}.{name}-frozen{{display:none!important}}</style>"
    )


def _variables(where: str, colours: Iterable[str], ink: dict[str, str], *, themed: bool) -> str:
    held = [f"--dr-{place}:{colour}" for place, colour in enumerate(colours)]
    held += [f"--dr-{name}:{f'var({_THEME[name]},{value})' if themed else value}" for name, value in ink.items()]
    return f"{where}{{{';'.join(held)}}}"


def drawing_css(*, fixed: bool = False) -> str:
    """Return the style of what is drawn.

    Args:
        fixed: With the light colours written out, for a picture that stands alone.
    """
    told = dict(_INK) | {str(place): colour for place, colour in enumerate(LIGHT)}

    def colour(name: str) -> str:
        return told[name] if fixed else f"var(--dr-{name})"

    rules = [
        f".dr-svg text{{fill:{colour('quiet')};font:11px system-ui,sans-serif}}",
        f".dr-svg text.dr-number{{fill:{colour('ink')};font-variant-numeric:tabular-nums}}",
        f".dr-grid{{stroke:{colour('line')};stroke-width:1}}",
        f".dr-track{{fill:{colour('raised')}}}",
        f".dr-band{{fill:{colour('2')};fill-opacity:.16}}",
        f".dr-mark{{fill:{colour('5')}}}",
        f".dr-fm{{fill:{colour('line')}}}.dr-sm{{stroke:{colour('quiet')};fill:none;stroke-width:1.4}}",
        ".dr-area{fill-opacity:.8}.dr-dashed{stroke-dasharray:5 4}.dr-rule{stroke-dasharray:2 3}",
        *(
            f".dr-f{place}{{fill:{colour(str(place))}}}"
            f".dr-s{place}{{stroke:{colour(str(place))};fill:none;stroke-width:2;stroke-linejoin:round}}"
            for place in range(len(LIGHT))
        ),
    ]
    return "".join(rules)


_LAYOUT = """
.dr-board{color:var(--dr-ink);font:13px/1.45 system-ui,sans-serif}
.dr-board .widget-html-content,.dr-html .widget-html-content{line-height:1.45}
.dr-head{display:flex;flex-wrap:wrap;gap:8px;align-items:baseline;margin:2px 0 6px}
.dr-name{font-size:15px;font-weight:600}.dr-quiet{color:var(--dr-quiet);fill:var(--dr-quiet)}
.dr-tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(88px,1fr));gap:8px}
.dr-tile{background:var(--dr-raised);border-radius:6px;padding:6px 7px;min-width:0}
.dr-tile b{display:block;font-size:17px;line-height:1.25;font-weight:600;font-variant-numeric:tabular-nums;
white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.dr-tile span{color:var(--dr-quiet);font-size:12px}
.dr-tile.dr-alarm{box-shadow:inset 3px 0 0 var(--dr-5)}
.dr-grid-2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(max(320px,50% - 7px),100%),1fr));
gap:12px;padding:4px 0}
.dr-panel{border:1px solid var(--dr-line);border-radius:8px;padding:8px 10px;min-width:0;margin:0;overflow-x:auto}
.dr-wide{grid-column:1/-1}
.dr-panel h4{margin:0 0 4px;font-size:13px;font-weight:600;color:var(--dr-ink)}
.dr-panel h4 small{font-weight:400;color:var(--dr-quiet)}
.dr-svg{display:block;width:100%;max-width:600px;height:auto}
.dr-board .dr-panel{container-type:inline-size}
@container (max-width:420px){.dr-svg text{font-size:13px}}
@container (min-width:520px){.dr-svg text{font-size:9.5px}}
.dr-legend{display:flex;flex-wrap:wrap;gap:2px 12px;font-size:12px;color:var(--dr-quiet)}
.dr-legend i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}
.dr-bar{height:10px;border-radius:5px;background:var(--dr-raised);position:relative;overflow:hidden;margin:3px 0}
.dr-bar i{position:absolute;top:0;bottom:0;left:0;background:var(--dr-0)}
.dr-bar i.dr-held{background:var(--dr-4);opacity:.6}.dr-bar i.dr-over{background:var(--dr-5)}
.dr-bar u{position:absolute;top:0;bottom:0;width:2px;background:var(--dr-ink)}
.dr-board table{border-collapse:collapse;width:100%;font-size:12px}
.dr-board th{text-align:left;font-weight:600;color:var(--dr-quiet);padding:2px 8px 2px 0;white-space:nowrap}
.dr-board td{padding:2px 8px 2px 0;vertical-align:top;overflow-wrap:break-word;color:var(--dr-ink)}
.dr-board td.dr-n,.dr-board th.dr-n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.dr-note{border-left:3px solid var(--dr-1);padding:1px 8px;margin:4px 0;color:var(--dr-ink)}
.dr-board pre{white-space:pre-wrap;overflow-wrap:anywhere;max-height:320px;overflow:auto;margin:4px 0;
color:var(--dr-ink);background:var(--dr-raised);padding:8px;border-radius:6px}
.dr-controls{flex-wrap:wrap;align-items:center;gap:4px}
""".replace("\n", "")


def tile(value: str, label: str, *, alarm: bool = False, title: str = "") -> str:
    """Return one number with what it is.

    Example:
        >>> "412" in tile("412", "answers")
        True
    """
    told = f' title="{escape(title)}"' if title else ""
    return (
        f'<div class="dr-tile{" dr-alarm" if alarm else ""}"{told}><b>{escape(value)}</b>'
        f"<span>{escape(label)}</span></div>"
    )


def panel(title: str, body: str, note: str = "", aside: str = "", *, wide: bool = False) -> str:
    """Return a framed part of the board.

    Args:
        title: Plain text.
        body: HTML, as it is.
        note: One plain line below.
        aside: Plain text beside the title.
        wide: Over all columns.
    """
    small = f" <small>{escape(aside)}</small>" if aside else ""
    tail = f'<div class="dr-quiet" style="font-size:12px">{escape(note)}</div>' if note else ""
    kind = "dr-panel dr-wide" if wide else "dr-panel"
    return f'<section class="{kind}"><h4>{escape(title)}{small}</h4>{body}{tail}</section>'


def figure_html(drawn: Chart | Bars) -> str:
    """Return a chart in its panel, with its legend."""
    if isinstance(drawn, Chart):
        named = [(series.name, series.colour) for series in drawn.series if series.name and drawn.filled]
        legend = _legend(named) if len(named) > 1 else ""
        return panel(drawn.title, chart_svg(drawn) + legend, drawn.note, drawn.unit)
    shown = [(part.name, part.colour) for part in drawn.parts if any(part.values)]
    return panel(
        drawn.title, bars_svg(drawn) + (_legend(shown) if len(drawn.parts) > 1 else ""), drawn.note, drawn.unit
    )


def _legend(named: Iterable[tuple[str, int]]) -> str:
    items = "".join(
        f'<span><i style="background:var(--dr-{"line" if colour == MUTED else colour})"></i>'
        f"{escape(cut(name, 60))}</span>"
        for name, colour in named
    )
    return f'<div class="dr-legend" aria-hidden="true">{items}</div>'


def rows_html(head: Iterable[tuple[str, bool]], rows: Iterable[Iterable[str]], empty: str) -> str:
    """Return a table; every cell is scrubbed and cut.

    Args:
        head: Name of each column, and whether it holds numbers.
        rows: Plain texts.
        empty: What stands there where there are no rows.
    """
    columns = list(head)
    lines = [
        "".join(
            f"<td{_number(number)}>{escape(cut(cell, _CELL * 3))}</td>"
            for cell, (_, number) in zip(row, columns, strict=True)
        )
        for row in rows
    ]
    if not lines:
        return f'<div class="dr-quiet">{escape(empty)}</div>'
    top = "".join(f'<th scope="col"{_number(number)}>{escape(name)}</th>' for name, number in columns)
    return f"<table><thead><tr>{top}</tr></thead><tbody><tr>{'</tr><tr>'.join(lines)}</tr></tbody></table>"


def _number(number: bool) -> str:  # noqa: FBT001  # a column's property
    return ' class="dr-n"' if number else ""
