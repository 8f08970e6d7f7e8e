"""Reading a population's table: typed columns, checked against what is declared, derived columns computed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import Attribute, nearest
from toolkit.personas.bigfive import big_five_attributes
from toolkit.resources import data_file, data_names

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Source", "declared", "level_text", "population_toml", "read_source", "read_table", "typed"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a population comes from."""

    title: str = ""
    source: str = ""
    """Survey or register, in words."""
    publisher: str = ""
    year: int | None = None
    """Year the people were asked; years of birth are counted from it."""
    licence: str = ""
    citation: str = ""
    table: str = ""
    """File name of the CSV beside the TOML."""
    id: str = ""
    """Column with the rows' ids; empty: rows are numbered from 1."""
    weight: str = ""
    """Column with survey weights; empty: every row counts alike."""
    notes: tuple[str, ...] = ()
    """What a reader must know before relying on it."""


def population_toml(name: str | Path) -> Path:
    """Return the path of a shipped population's TOML by name; a path of one stays as it is.

    Raises:
        InvalidInput: Nothing of that name is shipped.
    """
    path = Path(name)
    if path.suffix == ".toml":
        return path
    shipped = data_names("populations", ".toml")
    if str(name) not in shipped:
        raise InvalidInput(
            f"no population {str(name)!r}",
            hint=f"Shipped are {', '.join(shipped)}{nearest(name, shipped)}; or give the path of a .toml.",
        )
    return data_file(f"populations/{name}.toml")


def read_source(path: Path) -> tuple[Source, tuple[Attribute, ...]]:
    """Read a population's TOML.

    Raises:
        InvalidInput: No such file, not TOML, or a key that is not known.
    """
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"no population at {str(path)!r}", hint="Give the path of a population's .toml.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{str(path)!r} is not valid TOML: {error}") from error
    attributes = declared(body.pop("attributes", {}), body.pop("derived", {}))
    known = {one.name for one in fields(Source)}
    for key in body:
        if key not in known:
            raise InvalidInput(f"{path.name} has an unknown key {key!r}", hint=f"Remove it{nearest(key, known)}.")
    if not body.get("table"):
        raise InvalidInput(f"{path.name} names no table", hint="Add table = 'file.csv'.")
    return Source(**{**body, "notes": tuple(body.get("notes", ()))}), attributes


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV as text, empty cells as missing."""
    import pandas as pd

    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"the table {str(path)!r} cannot be read: {error}", hint="It must be a CSV in UTF-8."
        ) from error


def declared(
    attributes: Mapping[str, Mapping[str, Any] | Attribute], derived: Mapping[str, Mapping[str, Any]]
) -> tuple[Attribute, ...]:
    """Return attributes in the order they are declared, derived ones last with their source's levels."""
    sampled = {
        name: given if isinstance(given, Attribute) else Attribute.from_mapping(name, given)
        for name, given in attributes.items()
    }
    if not sampled:
        raise InvalidInput("a population without attributes", hint="Declare at least one under [attributes].")
    computed = [one for name, given in derived.items() for one in _derived(name, given, sampled)]
    for one in computed:
        if one.name in sampled:
            raise InvalidInput(f"{one.name!r} is both sampled and derived", hint="Rename one of them.")
    return (*sampled.values(), *computed)


def _derived(name: str, given: Mapping[str, Any], sampled: Mapping[str, Attribute]) -> tuple[Attribute, ...]:
    attribute = replace(
        Attribute.from_mapping(name, {"levels": ("-",), **given}), measured=False, levels=(), kind="categorical"
    )
    if attribute.rule == "big_five":
        return big_five_attributes(told=bool(attribute.told))
    return (_computed_attribute(attribute, sampled),)


def _computed_attribute(attribute: Attribute, sampled: Mapping[str, Attribute]) -> Attribute:
    """Return a derived attribute with the levels that follow from its source's."""
    name = attribute.name
    if attribute.rule == "constant":
        return replace(attribute, levels=(attribute.value,))
    source = sampled.get(attribute.source)
    if attribute.rule == "group":
        return _grouped(attribute, source, sampled)
    if source is None or source.kind != "number":
        raise InvalidInput(
            f"the derived {name!r} comes from {attribute.source!r}, which is no number of this population",
            hint=f"Set 'from' to a number{nearest(attribute.source, sampled)}.",
        )
    if attribute.rule == "year_minus":
        return replace(attribute, kind="number", edges=(0.0,), levels=("any",), missing=source.missing)
    return replace(attribute, levels=source.levels, edges=source.edges, missing=source.missing)


def _grouped(attribute: Attribute, source: Attribute | None, sampled: Mapping[str, Attribute]) -> Attribute:
    """Return an attribute whose levels each take in some levels of a category; all of them must find a place."""
    if source is None or source.kind != "categorical":
        raise InvalidInput(
            f"the derived {attribute.name!r} groups {attribute.source!r}, which is no category of this population",
            hint=f"Set 'from' to a category{nearest(attribute.source, sampled)}.",
        )
    placed = [level for _, levels in attribute.groups for level in levels]
    for level in placed:
        if level not in source.all_levels:
            raise InvalidInput(
                f"the groups of {attribute.name!r} name {level!r}, which is no level of {source.name}",
                hint=f"Levels are {', '.join(map(repr, source.all_levels))}{nearest(level, source.all_levels)}.",
            )
    for level in source.levels:
        if placed.count(level) != 1:
            raise InvalidInput(
                f"the groups of {attribute.name!r} hold {level!r} {placed.count(level)} times",
                hint=f"Each level of {source.name} belongs to one group.",
            )
    missing = None if source.missing is None or source.missing in placed else source.missing
    return replace(attribute, levels=tuple(group for group, _ in attribute.groups), missing=missing)


def level_text(value: Any) -> str:
    """Return a categorical value as its level: booleans as yes and no, whole numbers without decimals."""
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value).strip()


def typed(table: pd.DataFrame, attributes: tuple[Attribute, ...], source: Source, name: str) -> pd.DataFrame:
    """Return the table with typed, checked and derived columns, indexed by row id."""
    import pandas as pd

    columns: dict[str, pd.Series[Any]] = {}
    index = _row_ids(table, source, name)
    for attribute in attributes:
        if attribute.drawn:  # each person of a panel has an own value, also where two come from one row
            continue
        if attribute.derived:
            columns[attribute.name] = _computed(columns, attribute, source, index)
            continue
        if attribute.name not in table:
            raise InvalidInput(
                f"{name} has no column {attribute.name!r}",
                hint=f"Check the table{nearest(attribute.name, map(str, table))}.",
            )
        column = table[attribute.name].set_axis(index)
        columns[attribute.name] = (
            _number(column, attribute) if attribute.kind == "number" else _category(column, attribute)
        )
    if not len(table):
        raise InvalidInput(f"the table of {name} holds nobody")
    return pd.DataFrame(columns, index=index)


def _row_ids(table: pd.DataFrame, source: Source, name: str) -> pd.Index[Any]:
    import pandas as pd

    if not source.id:
        return pd.RangeIndex(1, len(table) + 1, name="row")
    if source.id not in table:
        raise InvalidInput(f"{name} has no id column {source.id!r}", hint="Set id to a column of the table, or to ''.")
    ids = [int(text) if str(text).isdecimal() else str(text) for text in table[source.id]]
    if len(set(ids)) != len(ids):
        raise InvalidInput(f"the ids in column {source.id!r} of {name} repeat", hint="Each row needs its own id.")
    return pd.Index(ids, name="row")


def _number(column: pd.Series[Any], attribute: Attribute) -> pd.Series[Any]:
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").astype("float64")
    wrong = column[(values.isna() & column.notna()) | values.isin([float("inf"), float("-inf")])]
    if len(wrong):
        raise InvalidInput(f"{attribute.name} is {wrong.iloc[0]!r} in row {wrong.index[0]!r}, which is no number")
    low = values[values < attribute.edges[0]]
    if len(low):
        raise InvalidInput(
            f"{attribute.name} is {low.iloc[0]:g} in row {low.index[0]!r}, below its first band {attribute.edges[0]:g}"
        )
    _refuse_empty(values, attribute)
    whole = not values.isna().any() and bool((values == values.round()).all())
    return values.astype("int64") if whole else values


def _category(column: pd.Series[Any], attribute: Attribute) -> pd.Series[Any]:
    import pandas as pd

    texts = column.map(level_text, na_action="ignore").astype("object")
    _refuse_empty(texts, attribute)
    if attribute.missing is not None:
        texts = texts.where(texts.notna(), attribute.missing)
    levels = attribute.all_levels
    wrong = texts[~texts.isin(levels)]
    if len(wrong):
        raise InvalidInput(
            f"{attribute.name} is {wrong.iloc[0]!r} in row {wrong.index[0]!r}, which is no level of it",
            hint=f"Levels are {', '.join(map(repr, levels))}{nearest(wrong.iloc[0], levels)}.",
        )
    return pd.Series(pd.Categorical(texts, categories=list(levels), ordered=True), index=column.index)


def _refuse_empty(values: pd.Series[Any], attribute: Attribute) -> None:
    if attribute.missing is None and values.isna().any():
        row = values.index[values.isna()][0]
        raise InvalidInput(
            f"{attribute.name} is empty in row {row!r}", hint="Say what an empty cell means with missing = '…'."
        )


def _computed(
    columns: Mapping[str, pd.Series[Any]], attribute: Attribute, source: Source, index: pd.Index[Any]
) -> pd.Series[Any]:
    import pandas as pd

    if attribute.rule == "constant":
        texts = [attribute.value] * len(index)
    elif attribute.rule == "year_minus":
        if source.year is None:
            raise InvalidInput(f"{attribute.name!r} needs the year of the survey", hint="Add year = ….")
        return source.year - columns[attribute.source]
    elif attribute.rule == "group":
        group_of = {level: group for group, levels in attribute.groups for level in levels}
        texts = [group_of.get(value, value) for value in columns[attribute.source].tolist()]
    else:
        banded = replace(attribute, kind="number", rule="", source="")
        texts = [banded.level(value) for value in columns[attribute.source].tolist()]
    return pd.Series(pd.Categorical(texts, categories=list(attribute.all_levels), ordered=True), index=index)
