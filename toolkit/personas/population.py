"""A population: real people's rows with weights, and what their columns mean."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from toolkit.errors import InvalidInput
from toolkit.personas._infer import infer
from toolkit.personas._table import Source, read_source, read_table, typed
from toolkit.personas._where import matches, told
from toolkit.personas.attribute import Attribute, nearest
from toolkit.resources import data_file, data_names

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["Population"]


class Population:
    """People a panel is drawn from: whole rows of a survey, so that every combination is one that exists.

    Make one with ``load`` or ``from_frame``; it does not change afterwards.

    Attributes:
        name: ``us-adults-2012``, or the name given to ``from_frame``.
        source: Title, source, year, licence, citation and notes.
        filters: What ``where`` was asked for, in words.

    Example:
        >>> adults = Population.load("us-adults-2012")
        >>> len(adults), len(adults.where(age=(18, 34), sex="female"))
        (1561, 205)
    """

    def __init__(
        self,
        name: str,
        source: Source,
        attributes: Sequence[Attribute],
        frame: pd.DataFrame,
        weights: np.ndarray[Any, Any],
        filters: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.source = source
        self.filters = filters
        self._attributes = tuple(attributes)
        self._frame = frame
        self._weights = weights
        weights.setflags(write=False)

    @classmethod
    def load(cls, name: str | Path) -> Self:
        """Load a shipped population by name, or any by the path of its TOML.

        Raises:
            InvalidInput: No such population, or a file that does not hold what it declares.

        Example:
            >>> Population.load("us-adults-2012").source.year
            2012
        """
        path = _toml(name)
        source, attributes = read_source(path)
        table = read_table(path.parent / source.table)
        weights = _weights(table, source.weight or None)
        return cls(path.stem, source, attributes, typed(table, attributes, source, path.stem), weights)

    @classmethod
    def from_frame(
        cls,
        df: pd.DataFrame,
        weights: str | Sequence[float] | None = None,
        attributes: Mapping[str, Mapping[str, Any] | Attribute] | None = None,
        name: str = "frame",
    ) -> Self:
        """Make a population from a frame, one row a person.

        Texts, booleans and numbers of at most twelve values become categories, other numbers six bands of about
        equal size; declare what should be otherwise.

        Args:
            df: The people.
            weights: Survey weights: a column's name, or one number a row; ``None`` counts every row alike.
            attributes: ``{"age": {"bands": [18, 35, 65], "unit": "years"}}`` for the columns to declare.
            name: Name of the population.

        Raises:
            InvalidInput: No rows, a weight that is none, or a column that is neither categories nor numbers.

        Example:
            >>> import pandas as pd
            >>> Population.from_frame(pd.DataFrame({"sex": ["female", "male"]}), weights=[3, 1]).targets()[
            ...     "share"
            ... ].tolist()
            [0.75, 0.25]
        """
        if not hasattr(df, "columns") or not len(df) or not len(df.columns):
            raise InvalidInput(f"{name} holds nobody", hint="Give a DataFrame with one row a person.")
        if not df.columns.is_unique:
            raise InvalidInput(f"the columns of {name} repeat", hint="Give each column its own name.")
        numbers = _weights(df, weights)
        inferred = infer(df, [weights] if isinstance(weights, str) else [], attributes)
        return cls(name, Source(title=name), inferred, typed(df, inferred, Source(), name), numbers)

    def where(self, **filters: Any) -> Self:
        """Return the people who satisfy every filter.

        Args:
            filters: For numbers a closed range ``(low, high)`` with ``None`` for an open end, a value or a list; for
                categories a level or a list of levels. ``None`` chooses the rows without a value.

        Raises:
            InvalidInput: An attribute or level that is not there (the nearest are named), or nobody is left.

        Example:
            >>> young = Population.load("us-adults-2012").where(age=(None, 24), employment=["employed", "unemployed"])
            >>> int(young.frame["age"].max())
            24
        """
        if not filters:
            return self
        keep = matches(self._frame, {one.name: one for one in self._attributes}, filters).to_numpy()
        words = told(filters)
        if not (self._weights[keep] > 0).any():
            raise InvalidInput(
                f"nobody in {self.name} satisfies {' and '.join((*self.filters, *words))}",
                hint="Widen a range, allow more levels, or look at .targets().",
            )
        return type(self)(
            self.name,
            self.source,
            self._attributes,
            self._frame[keep],
            self._weights[keep].copy(),
            (*self.filters, *words),
        )

    @property
    def attributes(self) -> Mapping[str, Attribute]:
        """The attributes by name: sampled ones in the order they are told, then derived ones.

        Example:
            >>> Population.load("us-adults-2012").attributes["sex"].levels
            ('female', 'male')
        """
        return MappingProxyType({one.name: one for one in self._attributes})

    @property
    def frame(self) -> pd.DataFrame:
        """The people, one row each, indexed by row id; a copy, yours to change."""
        return self._frame.copy(deep=False)  # pandas copies on write, so the population stays as it is

    @property
    def weights(self) -> np.ndarray[Any, Any]:
        """The survey weight of each row, read-only."""
        return self._weights

    @cached_property
    def codes(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """For each sampled, measured attribute the index of each row's level; read-only."""
        from toolkit.personas._codes import level_codes

        return MappingProxyType({one.name: level_codes(self._frame[one.name], one) for one in self.measured})

    @property
    def measured(self) -> tuple[Attribute, ...]:
        """The attributes a panel's fit is measured on."""
        return tuple(one for one in self._attributes if one.measured and not one.derived)

    def targets(self) -> pd.DataFrame:
        """Return the weighted share of each level of each measured attribute.

        Returns:
            Columns ``attribute``, ``level``, ``count`` (rows) and ``share`` (0 to 1, summing to 1 an attribute).

        Example:
            >>> Population.load("us-adults-2012").targets().query("attribute == 'sex'")["share"].round(3).tolist()
            [0.496, 0.504]
        """
        import numpy as np
        import pandas as pd

        rows = []
        total = self._weights.sum()
        for one in self.measured:
            count = np.bincount(self.codes[one.name], minlength=len(one.all_levels))
            weight = np.bincount(self.codes[one.name], self._weights, minlength=len(one.all_levels))
            rows += [
                (one.name, level, int(count[place]), float(weight[place] / total))
                for place, level in enumerate(one.all_levels)
            ]
        return pd.DataFrame(rows, columns=["attribute", "level", "count", "share"])

    def describe(self) -> pd.DataFrame:
        """Return one row an attribute.

        Returns:
            Columns ``attribute``, ``label``, ``kind``, ``unit``, ``levels`` (how many), ``derived``, ``empty`` (share
            of rows without a value), ``typical`` (weighted mean of a number, else the most frequent level), ``low``,
            ``high``.

        Example:
            >>> Population.load("us-adults-2012").describe().query("attribute == 'age'")["typical"].round(1).item()
            49.1
        """
        import pandas as pd

        from toolkit.personas._codes import description

        rows = [description(self._frame[one.name], one, self._weights) for one in self._attributes]
        return pd.DataFrame(rows)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over attributes, rows and weights (64 hex digits): enters seeds and manifests.

        Example:
            >>> Population.load("us-adults-2012").digest == Population.load("us-adults-2012").digest
            True
        """
        import orjson

        sampled = [one for one in self._attributes if not one.derived]
        body = {
            "year": self.source.year,
            "attributes": [one.canonical() for one in self._attributes],
            "rows": [str(row) for row in self._frame.index],
            "columns": [[None if _empty(v) else v for v in self._frame[one.name].tolist()] for one in sampled],
            "weights": self._weights.tolist(),
        }
        return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._frame)

    def __repr__(self) -> str:
        """Return one line: name, rows, filters."""
        where = f", where {' and '.join(self.filters)}" if self.filters else ""
        return f"Population({self.name!r}, {len(self):,} people, {len(self.measured)} attributes{where})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return a small table of the attributes, with source and licence above."""
        head = " · ".join(part for part in (self.source.title, self.source.source, self.source.licence) if part)
        table = self.describe().round(2).to_html(index=False, border=0, max_rows=30, na_rep="")
        body = f"<p><b>{html.escape(repr(self))}</b><br>{html.escape(head)}</p>{table}"
        return {"text/plain": repr(self), "text/html": body}


def _empty(value: Any) -> bool:
    """Return whether a value of a column is empty."""
    return value is None or value != value  # noqa: PLR0124  # NaN alone differs from itself


def _toml(name: str | Path) -> Path:
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


def _weights(table: pd.DataFrame, weights: str | Sequence[float] | None) -> np.ndarray[Any, Any]:
    """Return one weight a row as floats."""
    import numpy as np
    import pandas as pd

    if weights is None:
        return np.ones(len(table))
    if isinstance(weights, str):
        if weights not in table:
            raise InvalidInput(
                f"no weight column {weights!r}", hint=f"Check weights={nearest(weights, map(str, table))}."
            )
        given: Any = table[weights]
    else:
        given = weights
    numbers = pd.to_numeric(pd.Series(list(given)), errors="coerce").to_numpy("float64", copy=True)
    if len(numbers) != len(table):
        raise InvalidInput(f"{len(numbers)} weights for {len(table)} rows", hint="Give one weight a row.")
    wrong = np.flatnonzero(~(np.isfinite(numbers) & (numbers >= 0)))
    if len(wrong):
        raise InvalidInput(
            f"the weight of row {wrong[0] + 1} is {list(given)[wrong[0]]!r}", hint="Weights are numbers from 0."
        )
    if not numbers.any():
        raise InvalidInput("all weights are 0", hint="At least one row must count.")
    return numbers
