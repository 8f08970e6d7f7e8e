"""A population: real people's rows with weights, and what their columns mean."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from toolkit.display.html import NO_MATH
from toolkit.errors import InvalidInput
from toolkit.personas._codes import content_digest, description, level_codes, target_rows
from toolkit.personas._infer import infer
from toolkit.personas._loading import read, shipped
from toolkit.personas._table import Source, population_toml, typed
from toolkit.personas._weights import read_weights
from toolkit.personas._where import matches, told
from toolkit.personas.attribute import Attribute, Wording, nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure

    from toolkit.personas._balance import Design
    from toolkit.personas.marginals import Marginals

__all__ = ["Population"]


class Population:
    """People a panel is drawn from: whole rows of a survey, so that every combination is one that exists.

    Make one with ``load``, ``from_frame`` or ``from_marginals``; it does not change afterwards: ``where``, ``rake``,
    ``derive`` and ``hold_back`` return another.

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
        path = population_toml(name)
        return read(cls, path) if path == Path(name) else shipped(cls, path)  # type: ignore[arg-type]  # a class is hashable

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
        numbers = read_weights(df, weights)
        inferred = infer(df, [weights] if isinstance(weights, str) else [], attributes)
        return cls(name, Source(title=name), inferred, typed(df, inferred, Source(), name), numbers)

    @classmethod
    def from_marginals(
        cls,
        marginals: Marginals,
        *,
        seed: Population | pd.DataFrame | None = None,
        n_seed: int = 2_000,
        draw_seed: int = 0,
        attributes: Mapping[str, Mapping[str, Any] | Attribute] | None = None,
        name: str = "marginals",
    ) -> Self:
        """Make a population from the shares of levels alone, or from these on the structure of a seed table.

        Without a seed table attributes are independent but for what joint marginals say of them. Levels written as
        bands (``18-34``, ``65 and over``) make a number, drawn evenly within the band; an open band is taken to be as
        wide as the one before it.

        Args:
            marginals: ``{"age": {"18-34": 0.3, …}, ("age", "sex"): {("18-34", "female"): 0.15, …}}``, or a DataFrame
                (or several) with a column for each attribute and one named ``share``. Each sums to 1.
            seed: People whose combinations are kept: a population or a frame, raked to the marginals.
            n_seed: How many rows are made when there is no seed table.
            draw_seed: Seed of those rows.
            attributes: ``{"age": {"unit": "years"}}``; see ``from_frame``.
            name: Name of the population.

        Raises:
            InvalidInput: A marginal that does not sum to 1, contradicts another, or wants people the seed table lacks.

        Example:
            >>> town = Population.from_marginals(
            ...     {"age": {"18-39": 0.4, "40-64": 0.4, "65+": 0.2}, "sex": {"female": 0.6, "male": 0.4}}
            ... )
            >>> len(town), town.targets()["share"].round(6).tolist()
            (2000, [0.4, 0.4, 0.2, 0.6, 0.4])
        """
        from toolkit.personas._from_marginals import from_marginals

        return from_marginals(cls, marginals, seed, n_seed, draw_seed, attributes, name)

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

    def rake(self, marginals: Marginals) -> Self:
        """Return the same rows with new weights, so that their shares meet newer marginals.

        Iterative proportional fitting (Deming & Stephan 1940). How it went, and what it costs in precision, stands in
        ``notes``. A number may be raked to other bands than its own.

        Args:
            marginals: As for ``from_marginals``.

        Raises:
            InvalidInput: As for ``from_marginals``; also marginals that no weights can meet together.

        Example:
            >>> younger = Population.load("us-adults-2012").rake({"age": {"18-34": 0.4, "35-64": 0.4, "65+": 0.2}})
            >>> f"{younger.where(age=(18, 34)).weights.sum() / younger.weights.sum():.6f}"
            '0.400000'
        """
        from toolkit.personas.marginals import read_marginals
        from toolkit.personas.rake import rake_table

        wanted = read_marginals(marginals)
        raked = rake_table(self._frame, self._weights, self._attributes, wanted, self.name)
        labels = [one.label for one in wanted]
        source = replace(self.source, notes=(*self.source.notes, raked.told(labels)))
        name = f"{self.name} raked to {', '.join(labels)}"
        return type(self)(name, source, self._attributes, self._frame, raked.weights, self.filters)

    def derive(self, what: str, *, told: bool = True) -> Self:
        """Return the same people with attributes that are drawn for each person of a panel.

        Such attributes never enter the fit, and a panel of the same seed holds the same people with or without them.

        Args:
            what: ``big_five``: five scores from 1 to 5 by age and sex, see ``toolkit.personas.bigfive``.
            told: Whether a persona's facts tell them to the model.

        Raises:
            InvalidInput: Nothing of that name can be derived, or an attribute has the name of a trait.

        Example:
            >>> list(Population.load("us-adults-2012").derive("big_five").attributes)[-5:]
            ['openness', 'conscientiousness', 'extraversion', 'agreeableness', 'neuroticism']
        """
        from toolkit.personas.bigfive import big_five_attributes

        if what != "big_five":
            raise InvalidInput(f"{what!r} cannot be derived", hint=f"Use 'big_five'{nearest(what, ['big_five'])}.")
        kept = [one for one in self._attributes if not one.drawn]
        drawn = big_five_attributes(told=told)
        for one in drawn:
            if one.name in {other.name for other in kept}:
                raise InvalidInput(f"{self.name} has an attribute {one.name!r} already", hint="Rename it in the frame.")
        return self._with((*kept, *drawn))

    def hold_back(self, *names: str) -> Self:
        """Return the same people with attributes that are not told to the model, so that it can be asked for them.

        Args:
            names: Which; a panel of the same seed holds the same people.

        Raises:
            InvalidInput: An attribute that is not there.

        Example:
            >>> voters = Population.load("us-voters-1996").hold_back("party")
            >>> voters.attributes["party"].told, voters.attributes["vote"].told
            (False, False)
        """
        for name in names:
            if name not in self.attributes:
                raise InvalidInput(
                    f"the population has no attribute {name!r}",
                    hint=f"Attributes are {', '.join(self.attributes)}{nearest(name, self.attributes)}.",
                )
        return self._with(tuple(replace(one, told=one.told and one.name not in names) for one in self._attributes))

    def _with(self, attributes: Sequence[Attribute]) -> Self:
        return type(self)(self.name, self.source, attributes, self._frame, self._weights, self.filters)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before relying on it: limits of the data, and how weights were raked."""
        return self.source.notes

    @cached_property
    def attributes(self) -> Mapping[str, Attribute]:
        """The attributes by name: sampled ones in the order they are told, then derived ones.

        Example:
            >>> Population.load("us-adults-2012").attributes["sex"].levels
            ('female', 'male')
        """
        return MappingProxyType({one.name: one for one in self._attributes})

    @property
    def frame(self) -> pd.DataFrame:
        """The people, one row each, indexed by row id, without what is drawn later; a copy, yours to change."""
        return self._frame.copy(deep=False)  # pandas copies on write, so the population stays as it is

    @property
    def weights(self) -> np.ndarray[Any, Any]:
        """The survey weight of each row, read-only."""
        return self._weights

    @cached_property
    def codes(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """For each sampled, measured attribute the index of each row's level; read-only."""
        return MappingProxyType({one.name: level_codes(self._frame[one.name], one) for one in self.measured})

    @cached_property
    def wording(self) -> Mapping[str, Wording]:
        """How the attributes that a model is told are put into words; personas share it."""
        return MappingProxyType({one.name: one.wording for one in self._attributes if one.told})

    @cached_property
    def levels(self) -> Mapping[str, tuple[str, ...]]:
        """The levels of each sampled category; personas share it."""
        sampled = (one for one in self._attributes if not one.derived and one.kind == "categorical")
        return MappingProxyType({one.name: one.all_levels for one in sampled})

    @cached_property
    def design(self) -> Design:
        """What a panel is balanced on, as whole numbers."""
        from toolkit.personas._balance import Design

        return Design.of(self)

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
        import pandas as pd

        rows = [row for one in self.measured for row in target_rows(self.codes[one.name], one, self._weights)]
        return pd.DataFrame(rows, columns=["attribute", "level", "count", "share"])

    def describe(self) -> pd.DataFrame:
        """Return one row an attribute.

        Returns:
            Columns ``attribute``, ``label``, ``kind``, ``unit``, ``levels`` (how many), ``derived``, ``empty`` (share
            of rows without a value), ``typical`` (weighted mean of a number, else the most frequent level), ``low``,
            ``high``, ``spread`` (weighted standard deviation of a number), ``share`` (of the most frequent level),
            ``told`` (to the model) and ``question``. What is drawn for each person has the limits of its scale.

        Example:
            >>> Population.load("us-adults-2012").describe().query("attribute == 'age'")["typical"].round(1).item()
            49.1
        """
        import pandas as pd

        rows = [description(self._frame.get(one.name), one, self._weights) for one in self._attributes]
        return pd.DataFrame(rows)

    def plot(self) -> Figure:
        """Draw the share of each level of each measured attribute.

        Example:
            >>> len(Population.load("us-adults-2012").plot().axes)
            1
        """
        from toolkit.personas.plot import plot_marginals

        return plot_marginals(self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over attributes, rows and weights (64 hex digits): enters seeds and manifests.

        Example:
            >>> Population.load("us-adults-2012").digest == Population.load("us-adults-2012").digest
            True
        """
        return content_digest(self._frame, self._attributes, self._weights, self.source.year)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._frame)

    def __repr__(self) -> str:
        """Return one line: name, rows, filters."""
        where = f", where {' and '.join(self.filters)}" if self.filters else ""
        return f"Population({self.name!r}, {len(self):,} people, {len(self.measured)} attributes{where})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return a small table of the attributes, with source, licence and notes above."""
        head = " · ".join(part for part in (self.source.title, self.source.source, self.source.licence) if part)
        shown = ["attribute", "label", "kind", "unit", "levels", "derived", "empty", "typical", "low", "high", "told"]
        table = self.describe()[shown].round(2).to_html(index=False, border=0, max_rows=30, na_rep="")
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        told = f"<details><summary>notes</summary><ul>{notes}</ul></details>" if notes else ""
        body = f"<p><b>{html.escape(repr(self))}</b><br>{html.escape(head)}</p>{told}{table}"
        return {"text/plain": repr(self), "text/html": f"<div {NO_MATH}>{body}</div>"}
