"""People of a frame as personas: the user's own respondents, or another tool's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import Wording, nearest
from toolkit.personas.names import NameRegister
from toolkit.personas.persona import Persona, plain_value
from toolkit.personas.profile import gender_of

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.personas.population import Population

__all__ = ["people_of"]


def people_of(
    df: pd.DataFrame,
    id: str | None,  # noqa: A002  # the column's usual name
    name: str | None,
    fields: Sequence[str],
    population: Population | None,
    seed: int,
) -> list[Persona]:
    """Return one persona a row; see ``Panel.from_frame``."""
    if not hasattr(df, "columns") or not len(df):
        raise InvalidInput("the frame holds nobody", hint="Give a DataFrame with one row a person.")
    if isinstance(fields, str):
        raise InvalidInput(f"fields={fields!r} is a text", hint=f"Give a list: fields=[{fields!r}].")
    columns = [str(column) for column in df.columns]
    if len(set(columns)) != len(columns):
        raise InvalidInput("the columns of the frame repeat", hint="Give each column its own name.")
    for column in (id, name, *fields):
        if column is not None and column not in columns:
            raise InvalidInput(
                f"the frame has no column {column!r}", hint=f"It has {columns}{nearest(column, columns)}."
            )
    told = [column for column in columns if column not in {id, name, *fields}]
    rows = [dict(zip(columns, map(_plain, row), strict=True)) for row in df.itertuples(index=False, name=None)]
    ids = _ids([row[id] for row in rows] if id is not None else None, len(rows))
    names = [_text(row[name], ids[place], name) for place, row in enumerate(rows)] if name is not None else None
    wording = {column: _wording(column, population) for column in told}
    levels = _levels(df, told)
    return [
        Persona(
            person,
            called,
            {column: row[column] for column in told},
            {column: row[column] for column in fields if row[column] is not None},
            "brief" if fields else "facts",
            population=population.name if population is not None else "",
            wording=wording,
            levels=levels,
        )
        for person, called, row in zip(ids, names or _drawn(rows, ids, seed), rows, strict=True)
    ]


def _ids(given: Sequence[Any] | None, n: int) -> list[str]:
    if given is None:
        digits = max(4, len(str(n)))
        return [f"p{place:0{digits}}" for place in range(1, n + 1)]
    ids = ["" if one is None else str(one) for one in given]
    seen: set[str] = set()
    for place, one in enumerate(ids, start=1):
        if not one.strip() or one in seen:
            what = f"has the id {one!r} of another row" if one.strip() else "has no id"
            raise InvalidInput(f"row {place} {what}", hint="Give a column of unique ids, or none.")
        seen.add(one)
    return ids


def _text(value: Any, person: str, column: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"the name of {person} in column {column!r} is {value!r}", hint="Give a text.")
    return value


def _drawn(rows: Sequence[dict[str, Any]], ids: Sequence[str], seed: int) -> list[str]:
    years = [year if isinstance(year := row.get("birth_year"), int) else None for row in rows]
    genders = [gender_of(row, seed, person) for row, person in zip(rows, ids, strict=True)]
    return NameRegister().assign(zip(genders, years, strict=True), seed=seed)


def _wording(column: str, population: Population | None) -> Wording:
    known = population.attributes.get(column) if population is not None else None
    return known.wording if known is not None else Wording(column.replace("_", " ").capitalize())


def _levels(df: pd.DataFrame, told: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the levels of the categorical columns, in their order."""
    found = {}
    for column, name in zip(df.columns, map(str, df.columns), strict=True):
        categories = getattr(df[column].dtype, "categories", None)
        if name in told and categories is not None:
            found[name] = tuple(str(level) for level in categories)
    return found


def _plain(value: Any) -> Any:
    """Return a cell as a JSON value; what JSON does not know, such as a date, as text."""
    if type(value).__name__ in {"NAType", "NaTType"}:  # pandas' own, without importing it
        return None
    plain = plain_value(value)
    return plain if plain is None or isinstance(plain, str | int | float | bool | list | dict) else str(plain)
