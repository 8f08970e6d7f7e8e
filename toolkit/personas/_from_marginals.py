"""A population made from marginals: on rows made for it, or on those of a seed table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from toolkit.errors import InvalidInput
from toolkit.personas._synthesis import declare, make_rows
from toolkit.personas._table import Source, typed
from toolkit.personas.attribute import Attribute, nearest
from toolkit.personas.marginals import Marginal, Marginals, read_marginals
from toolkit.personas.population import Population

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["from_marginals"]

P = TypeVar("P", bound=Population)
Given = Mapping[str, Mapping[str, Any] | Attribute] | None


def from_marginals(
    kind: type[P],
    marginals: Marginals,
    seed: Population | pd.DataFrame | None,
    n_seed: int,
    draw_seed: int,
    attributes: Given,
    name: str,
) -> P:
    """Return a population of a kind from marginals; see ``Population.from_marginals``."""
    wanted = read_marginals(marginals)
    if seed is None:
        made = _made(kind, wanted, n_seed, draw_seed, attributes, name)
    else:
        made = _on_seed(kind, wanted, seed, attributes, name)
    raked = made.rake(marginals)
    return kind(name, raked.source, tuple(raked.attributes.values()), raked.frame, raked.weights.copy())


def _made(kind: type[P], wanted: Sequence[Marginal], rows: int, seed: int, given: Given, name: str) -> P:
    import numpy as np

    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
        raise InvalidInput(f"n_seed is {rows!r}", hint="Give a whole number of rows, say 2_000.")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InvalidInput(f"draw_seed is {seed!r}", hint="Give a whole number.")
    attributes = declare(wanted, given)
    table, opened = make_rows(wanted, attributes, rows, seed)
    told = ", ".join(one.label for one in wanted)
    notes = [f"Made from marginals of {told}; what no joint marginal links is independent, and nobody was asked."]
    notes += [
        f"The open band of {one} was drawn from {low} to {high}: as wide as the band before it."
        for one, (low, high) in opened.items()
    ]
    declared = tuple(attributes.values())
    source = Source(title=name, notes=tuple(notes))
    return kind(name, source, declared, typed(table, declared, source, name), np.ones(len(table)))


def _on_seed(kind: type[P], wanted: Sequence[Marginal], seed: Population | pd.DataFrame, given: Given, name: str) -> P:
    """Return the seed table's rows with the attributes the marginals name, and no others: those are out of date."""
    names = list(dict.fromkeys(one for marginal in wanted for one in marginal.names))
    if not isinstance(seed, Population):
        if not hasattr(seed, "columns"):
            raise InvalidInput(f"the seed table is {seed!r}", hint="Give a Population or a DataFrame of people.")
        _require_columns(names, [str(one) for one in seed.columns])
        numbers = {one: each for one, each in declare(wanted, given).items() if each.kind == "number"}
        made = kind.from_frame(seed[names], attributes={**numbers, **(given or {})}, name=name)
        note = f"Combinations are those of a seed table of {len(seed):,} people."
        return kind(name, Source(title=name, notes=(note,)), tuple(made.attributes.values()), made.frame, made.weights)
    known = {one: each for one, each in seed.attributes.items() if not each.drawn}
    _require_columns(names, list(known))
    kept = tuple(
        replace(known[one], rule="", source="", value="", groups=(), measured=True, told=True) for one in names
    )
    where = f", where {' and '.join(seed.filters)}" if seed.filters else ""
    note = f"Combinations are those of {seed.name}{where} ({len(seed):,} people), raked to newer marginals."
    source = replace(seed.source, title=name, notes=(*seed.source.notes, note))
    return kind(name, source, kept, seed.frame[names], seed.weights.copy())


def _require_columns(names: Sequence[str], known: Sequence[str]) -> None:
    for one in names:
        if one not in known:
            raise InvalidInput(
                f"the seed table has no attribute {one!r}, which a marginal names",
                hint=f"Attributes are {', '.join(known)}{nearest(one, known)}.",
            )
