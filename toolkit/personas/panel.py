"""A panel: personas in order, how well they match their population, and as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import orjson

from toolkit.display import Result
from toolkit.display.html import card, table
from toolkit.errors import InvalidInput
from toolkit.personas.persona import Persona
from toolkit.seeds import generator

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.personas.population import Population

__all__ = ["Fit", "Panel"]

_BOM = b"\xef\xbb\xbf"  # what some editors put before UTF-8


class Panel(Result, Sequence[Persona]):
    """Personas in order. Index it, slice it, filter it; each gives personas or another panel.

    Columns of ``frame``: ``id``, ``name``, one for each attribute of the population, one for each written field
    (``written_<field>`` where an attribute has that name). Categories are ordered categoricals.

    Args:
        people: The personas.
        population: What they were drawn from, where it is known.
        rest: What a run leaves: outcomes, report, lab.

    Example:
        >>> panel = generate_personas(4, "us-adults-2012", detail="facts", lab=lab)
        >>> len(panel[:2]), type(panel[0]).__name__
        (2, 'Persona')
    """

    def __init__(self, people: Iterable[Persona], *, population: Population | None = None, **rest: Any) -> None:
        super().__init__(**rest)
        self._people = tuple(people)
        self.population = population

    def __len__(self) -> int:
        """Return how many personas there are."""
        return len(self._people)

    @overload
    def __getitem__(self, place: int) -> Persona: ...

    @overload
    def __getitem__(self, place: slice) -> Panel: ...

    def __getitem__(self, place: int | slice) -> Persona | Panel:
        """Return one persona, or a panel of several."""
        return self._of(self._people[place]) if isinstance(place, slice) else self._people[place]

    def __iter__(self) -> Iterator[Persona]:
        """Yield the personas in order."""
        return iter(self._people)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a persona: id, name, attributes, written fields."""
        import pandas as pd

        frame = pd.DataFrame([_row(one) for one in self._people], columns=None if self._people else ["id", "name"])
        for name, levels in self._levels().items():
            if name in frame and frame[name].dropna().isin(levels).all():
                frame[name] = frame[name].astype(pd.CategoricalDtype(list(levels), ordered=True))
        return frame

    def _levels(self) -> dict[str, tuple[str, ...]]:
        """Return the levels of the categories: the population's, or those the personas carry."""
        if self.population is None:
            return {name: levels for one in self._people for name, levels in one.levels.items()}
        known = self.population.attributes.items()
        return {name: tuple(attribute.all_levels) for name, attribute in known if attribute.kind == "categorical"}

    def filter(self, keep: Callable[[Persona], bool]) -> Panel:
        """Return the personas for whom a function is true.

        Args:
            keep: Takes a persona.

        Raises:
            InvalidInput: Nobody is left, or it is no function.

        Example:
            >>> panel = generate_personas(4, "us-adults-2012", detail="facts", lab=lab)
            >>> len(panel.filter(lambda one: one.attributes["age"] >= 18))
            4
        """
        if not callable(keep):
            raise InvalidInput(
                f"filter was given {type(keep).__name__}, not a function",
                hint="Give panel.filter(lambda one: one.attributes['age'] < 30), say.",
            )
        kept = [one for one in self._people if keep(one)]
        if not kept:
            raise InvalidInput(f"the filter leaves none of {len(self)} personas", hint="Loosen it.")
        return self._of(kept)

    def sample(self, n: int, *, seed: int = 0) -> Panel:
        """Return ``n`` personas at random, without repetition and in the panel's order.

        Args:
            n: How many.
            seed: Equal seeds give equal samples.

        Raises:
            InvalidInput: The panel has fewer, or ``n`` is no whole number.

        Example:
            >>> panel = generate_personas(4, "us-adults-2012", detail="facts", lab=lab)
            >>> len(panel.sample(2, seed=7))
            2
        """
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= len(self):
            raise InvalidInput(
                f"{n!r} of {len(self):,} personas cannot be sampled",
                hint=f"Give a whole number from 1 to {len(self):,}." if len(self) else "The panel is empty.",
            )
        places = sorted(generator(seed, "panel.sample").choice(len(self), size=n, replace=False).tolist())
        return self._of([self._people[place] for place in places])

    def describe(self) -> Fit:
        """Return how well the panel matches its population, attribute by attribute, and how its names and texts vary.

        Raises:
            InvalidInput: The population is not known, as for a panel loaded from a file of unknown origin.
        """
        from toolkit.personas.sample import fit

        if self.population is None:
            raise InvalidInput(
                "the panel does not know its population, so there is nothing to compare with",
                hint="Load it with Panel.load(path, population=…).",
            )
        names = len({one.name for one in self._people})
        texts = [one.fields["bio"] for one in self._people if "bio" in one.fields]
        return Fit(
            self.population.name, len(self), names, (len(set(texts)), len(texts)), fit(self.frame, self.population)
        )

    def to_jsonl(self) -> str:
        """Return the panel as JSON lines, one persona a line."""
        return "".join(orjson.dumps(one.to_dict()).decode() + "\n" for one in self._people)

    def save(self, path: str | Path) -> Path:
        """Write the panel as JSON lines, the same bytes everywhere.

        Args:
            path: Where; missing folders are made.

        Returns:
            The path.
        """
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.to_jsonl().encode())
        return target

    @classmethod
    def load(cls, path: str | Path, *, population: Population | None = None) -> Panel:
        """Read a panel that ``save`` wrote.

        Args:
            path: The file.
            population: What the personas were drawn from; a shipped one is found by the name they carry.

        Raises:
            InvalidInput: No such file, or a line that is no persona or has the id of another; the line is named.

        Example:
            >>> panel = generate_personas(4, "us-adults-2012", detail="facts", lab=lab)
            >>> Panel.load(panel.save(tmp / "panel.jsonl"))[0] == panel[0]
            True
        """
        source = Path(path)
        try:
            body = source.read_bytes()
        except OSError as error:
            raise InvalidInput(
                f"the panel {source.name} cannot be read: {error.strerror}", hint="Give a file that panel.save wrote."
            ) from error
        people: dict[str, Persona] = {}
        # Only a line feed ends a line: a text may hold any other separator.
        for number, line in enumerate(body.removeprefix(_BOM).split(b"\n"), start=1):
            if not line.strip():
                continue
            try:
                one = Persona.from_dict(orjson.loads(line))
            except ValueError as error:
                raise InvalidInput(f"line {number} of {source.name} is no persona: {error}") from error
            if one.id in people:
                raise InvalidInput(f"line {number} of {source.name} has the id {one.id!r} again", hint="Remove one.")
            people[one.id] = one
        everyone = list(people.values())
        return cls(everyone, population=population or _shipped(everyone))

    def _of(self, people: Iterable[Persona]) -> Panel:
        return Panel(people, population=self.population, report=self.report, lab=self.lab)

    # --- how it shows ---

    def _title(self) -> str:
        of = f" from {self.population.name}" if self.population is not None else ""
        return f"Panel of {len(self):,}{of}"

    def _body(self) -> str:
        first = [name for name in self.frame.columns if name != "bio"][: 5 if "bio" in self.frame else 9]
        return table(self.frame[[*first, *(["bio"] if "bio" in self.frame else [])]])


@dataclass(frozen=True, eq=False)
class Fit:
    """How well a panel matches its population.

    Columns of ``frame``: one row an attribute, see ``toolkit.personas.sample.fit``; ``tvd`` is the total variation
    distance between panel and population (half the sum of absolute differences, 0 to 1), ``best`` the least that whole
    people allow.
    """

    population: str
    n: int
    names: int
    """Different names."""
    bios: tuple[int, int]
    """Different bios, and bios in all."""
    frame: pd.DataFrame

    def __str__(self) -> str:
        """Return the fit as a plain table."""
        return f"{self._head()}\n{self.frame.to_string(index=False, float_format='{:.4f}'.format)}"

    def __repr__(self) -> str:
        """Return the fit as a plain table."""
        return str(self)

    def _head(self) -> str:
        worst = float(self.frame["tvd"].max())
        bios = f", {self.bios[0]:,} different bios of {self.bios[1]:,}" if self.bios[1] else ""
        names = f"{self.names:,} different names"
        return f"{self.n:,} personas against {self.population}: worst TVD {worst:.4f}, {names}{bios}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        rounded = self.frame.round({"tvd": 4, "best": 4, "w1": 2})
        return {
            "text/plain": str(self),
            "text/html": card("Fit to the population", [self._head()], table(rounded, 30)),
        }


def _row(persona: Persona) -> dict[str, Any]:
    """Return a persona's row; a written field never hides the fact of the same name."""
    taken = {"id": persona.id, "name": persona.name, **persona.attributes}
    return taken | {f"written_{name}" if name in taken else name: value for name, value in persona.fields.items()}


def _shipped(people: Sequence[Persona]) -> Population | None:
    from toolkit.personas.population import Population
    from toolkit.resources import data_names

    origins = {one.population for one in people}
    if len(origins) != 1 or not origins <= set(data_names("populations", ".toml")):
        return None
    return Population.load(origins.pop())
