"""``toolkit populations``: which populations are shipped, and what one of them holds."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from toolkit.personas import Population

__all__ = ["populations"]

_NARROWEST = 60
"""Columns of a terminal below which text is not wrapped further."""


def populations(
    name: Annotated[str | None, typer.Argument(help="One of them, or the path of a population's .toml.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output instead of text.")] = False,
) -> None:
    """List the shipped populations, or show one: attributes, levels, shares, source, licence."""
    from toolkit.personas import Population
    from toolkit.resources import data_names

    if name is not None:
        one = Population.load(name)
        if as_json:
            print(json.dumps(_details(one), indent=2, ensure_ascii=False))
        else:
            _show(one)
        return
    rows = [_summary(Population.load(each)) for each in data_names("populations", ".toml")]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    head = list(rows[0])
    _table(head, [[_text(row[column]) for column in head] for row in rows])


def _summary(one: Population) -> dict[str, Any]:
    return {
        "name": one.name,
        "people": len(one),
        "attributes": len(one.measured),
        "year": one.source.year,
        "source": one.source.publisher,
        "licence": one.source.licence,
    }


def _details(one: Population) -> dict[str, Any]:
    shares = one.targets()
    attributes = [
        {
            "name": each.name,
            "label": each.label,
            "kind": each.kind,
            "unit": each.unit,
            "derived": each.derived,
            "told": each.told,
            "question": each.question,
            "levels": list(each.all_levels),
            "shares": [round(share, 6) for share in shares.loc[shares["attribute"] == each.name, "share"]],
        }
        for each in one.attributes.values()
    ]
    source = {
        "title": one.source.title,
        "survey": one.source.source,
        "citation": one.source.citation,
        "notes": list(one.notes),
        "digest": one.digest,
    }
    return {**_summary(one), **source, "attributes": attributes}


def _show(one: Population) -> None:
    """Print one population for a reader: what it is, then each attribute with its levels and shares."""
    width = max(shutil.get_terminal_size().columns, _NARROWEST)
    source = one.source
    title = f"{one.name}: {source.title}" if source.title else one.name
    print(f"{title} ({len(one):,} people)")
    for label, text in (("source", source.source), ("licence", source.licence), ("cite as", source.citation)):
        if text:
            print(textwrap.fill(f"{label}: {text}", width, subsequent_indent="  "))
    for note in one.notes:
        print(textwrap.fill(f"- {note}", width, subsequent_indent="  "))
    shares = one.targets().set_index("attribute")
    for each in one.measured:
        unit = f", {each.unit}" if each.unit else ""
        print(f"\n{each.name} ({each.label}{unit}{'' if each.told else '; not told to the model'})")
        its = shares.loc[[each.name]]
        told = "; ".join(f"{level} {share:.1%}" for level, share in zip(its["level"], its["share"], strict=True))
        print(textwrap.fill(told, width, initial_indent="  ", subsequent_indent="  "))
    derived = [each.name for each in one.attributes.values() if each.derived]
    if derived:
        print()
        print(
            textwrap.fill(f"\nderived: {', '.join(derived)}", width, subsequent_indent="  ", replace_whitespace=False)
        )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns on a terminal; one row a line with tabs where another program reads."""
    if not sys.stdout.isatty():
        for row in (head, *rows):
            print("\t".join(row))
        return
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    room = shutil.get_terminal_size().columns
    for row in (head, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        print(line if len(line) <= room else line[: room - 1] + "…")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)  # noqa: PLR2004  # years stay whole
