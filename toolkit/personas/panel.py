"""A panel: personas in order, how well they match their population, and as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import orjson

from toolkit.display import Result
from toolkit.display.html import table
from toolkit.errors import InvalidInput
from toolkit.personas.persona import Persona
from toolkit.seeds import generator

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from toolkit.personas.assignment import Assignment
    from toolkit.personas.description import Fit
    from toolkit.personas.population import Population

__all__ = ["Panel"]

_BOM = b"\xef\xbb\xbf"  # what some editors put before UTF-8


class Panel(Result, Sequence[Persona]):
    """Personas in order. Index it, slice it, filter it; each gives personas or another panel.

    Columns of ``frame``: ``id``, ``name``, one for each attribute of the population, one for each written field
    (``written_<field>`` where an attribute has that name; one for each part of a field of several parts, such as
    ``big_five_openness``). Categories are ordered categoricals.

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

    def _meanings(self) -> dict[str, str]:
        columns = [str(name) for name in self.frame]
        told = dict.fromkeys((name for name in columns if name.startswith("big_five_")), "score, 1 low to 5 high")
        told |= {name: word.label for one in self._people[:1] for name, word in one.wording.items()}
        for name, attribute in self.population.attributes.items() if self.population is not None else ():
            told[name] = ", ".join(part for part in (attribute.label, attribute.unit) if part)
        written = dict.fromkeys(columns, "written in the portrait")
        return {**written, **told, "id": "id of the persona, unique in the panel", "name": "the persona's name"}

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

    def split(self, arms: Mapping[str, float] | Sequence[str], *, by: Sequence[str] = (), seed: int = 0) -> Assignment:
        """Assign everyone to an arm of an experiment at random, evenly within each block.

        Args:
            arms: ``["A", "B"]`` for equal arms, or ``{"A": 0.7, "B": 0.3}``.
            by: Attributes whose levels, together, make the blocks; numbers block by the population's bands.
            seed: Equal seeds give equal arms.

        Returns:
            An ``Assignment``: ``["A"]`` is a panel, ``.frame`` says who is where, ``.balance`` how alike the arms are,
            and ``.save`` keeps it for the paper.

        Raises:
            InvalidInput: No two arms, shares that do not sum to 1, an attribute nobody has, or fewer people than arms.

        Example:
            >>> panel = generate_personas(30, "us-adults-2012", detail="facts", lab=lab)
            >>> [len(arm) for arm in panel.split(["A", "B"], by=["sex"], seed=7).panels.values()]
            [15, 15]
        """
        from toolkit.personas.assignment import split

        return split(self, arms, by, seed)

    def describe(self) -> Fit:
        """Return how well the panel matches its population, alone and in pairs, and how its names and texts vary.

        Raises:
            InvalidInput: The population is not known, as for a panel loaded from a file of unknown origin.

        Example:
            >>> panel = generate_personas(100, "us-adults-2012", detail="facts", lab=lab)
            >>> fit = panel.describe()
            >>> bool(fit.frame["tvd"].max() < 0.02), fit.diversity.names
            (True, 100)
        """
        from toolkit.personas.description import describe

        return describe(self, self.frame, self._known_population())

    def plot(self) -> Figure:
        """Return a picture of the panel against its population, level by level.

        Raises:
            InvalidInput: The population is not known.
        """
        from toolkit.personas.plot import plot_fit

        return plot_fit(self.frame, self._known_population())

    def _known_population(self) -> Population:
        if self.population is None:
            raise InvalidInput(
                "the panel does not know its population, so there is nothing to compare with",
                hint="Load it with Panel.load(path, population=…).",
            )
        return self.population

    # --- files and frames ---

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

    @classmethod
    def from_frame(
        cls,
        df: pd.DataFrame,
        *,
        id: str | None = None,  # noqa: A002  # the column's usual name
        name: str | None = None,
        fields: Sequence[str] = (),
        population: Population | None = None,
        seed: int = 0,
    ) -> Panel:
        """Make a panel from a frame, one row a person: your own respondents, or another tool's.

        Args:
            df: The people. Each column that is not named below is an attribute; ordered categories keep their order.
            id: Column of unique ids; ``p0001`` … when not given.
            name: Column of names; drawn from name tables by ``sex`` and ``birth_year`` when not given.
            fields: Columns that hold texts about the person, such as a bio.
            population: What they stand for, to compare with; its attributes lend their labels and units.
            seed: For names that are drawn.

        Raises:
            InvalidInput: Nobody, a column that is not there, or an id that is empty or stands twice.

        Example:
            >>> import pandas as pd
            >>> people = pd.DataFrame({"who": ["Ann Lee", "Bo Ray"], "age": [34, 51]})
            >>> Panel.from_frame(people, name="who")[1].facts()
            ['Age: 51']
        """
        from toolkit.personas.from_frame import people_of

        return cls(people_of(df, id, name, fields, population, seed), population=population)

    def to_tinytroupe(self, folder: str | Path) -> list[Path]:
        """Write one TinyTroupe ``*.agent.json`` a persona; ``from_tinytroupe`` gives equal personas back.

        Args:
            folder: Where; made when it is not there.

        Returns:
            The paths, in order.

        Raises:
            InvalidInput: The folder cannot be written to.

        Example:
            >>> panel = generate_personas(2, "us-adults-2012", detail="facts", lab=lab)
            >>> paths = panel.to_tinytroupe(tmp / "agents")
            >>> list(Panel.from_tinytroupe(tmp / "agents")) == list(panel)
            True
        """
        from toolkit.personas.tinytroupe import write_agents

        return write_agents(self, folder)

    @classmethod
    def from_tinytroupe(
        cls, source: str | Path | Sequence[str | Path], *, population: Population | None = None
    ) -> Panel:
        """Read TinyTroupe agents: one ``*.agent.json``, several, or all of a folder in the order of their names.

        Keys that TinyTroupe does not know are fields like all others. A persona of another program has the file's name
        as its id.

        Args:
            source: A file, files, or a folder.
            population: What the personas were drawn from; a shipped one is found by the name they carry.

        Raises:
            InvalidInput: A file that describes no TinyPerson, or lies outside the folder; it is named.
        """
        from toolkit.personas.tinytroupe import read_agents

        people = read_agents(source)
        return cls(people, population=population or _shipped(people))

    def _of(self, people: Iterable[Persona]) -> Panel:
        """Return some of the personas, with what became of them; whoever was never written leaves it incomplete too."""
        people = tuple(people)
        kept = {one.id for one in people}
        outcomes = [one for one in self._outcomes if not one.ended or one.item in kept]
        return Panel(people, population=self.population, report=self.report, lab=self.lab, outcomes=outcomes)

    # --- how it shows ---

    def _facts(self) -> list[str]:
        corrected = sum(outcome.ok and outcome.attempt > 0 for outcome in self._outcomes)
        facts = super()._facts()
        return [*facts[:1], f"{corrected:,} of them corrected", *facts[1:]] if corrected else facts

    def _title(self) -> str:
        of = f" from {self.population.name}" if self.population is not None else ""
        return f"Panel of {len(self):,}{of}"

    def _body(self) -> str:
        first = [name for name in self.frame.columns if name != "bio"][: 5 if "bio" in self.frame else 9]
        return table(self.frame[[*first, *(["bio"] if "bio" in self.frame else [])]])


def _row(persona: Persona) -> dict[str, Any]:
    """Return a persona's row; a written field never hides the fact of the same name."""
    row = {"id": persona.id, "name": persona.name, **persona.attributes}
    taken = set(row)
    for name, value in persona.fields.items():
        parts = {f"{name}_{part}": one for part, one in value.items()} if isinstance(value, Mapping) else {name: value}
        row |= {f"written_{part}" if part in taken else part: one for part, one in parts.items()}
    return row


def _shipped(people: Sequence[Persona]) -> Population | None:
    from toolkit.personas.population import Population
    from toolkit.resources import data_names

    origins = {one.population for one in people}
    if len(origins) != 1 or not origins <= set(data_names("populations", ".toml")):
        return None
    return Population.load(origins.pop())
