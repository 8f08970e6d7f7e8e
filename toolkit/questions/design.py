"""Designs: who meets which condition, balanced and blocked, and the manifest that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from toolkit.display.html import card, table
from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest
from toolkit.questions.factors import Cell, Factor, cell_name
from toolkit.seeds import rng

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.personas import Persona

__all__ = ["Assignment", "DesignKind", "assign"]

DesignKind = Literal["within", "between"]

_FEW = 8
"""Values of a number up to which each is a block of its own; beyond, its quarters in this panel are."""
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Assignment:
    """Who meets which conditions, in which order: the manifest of a design.

    Columns of ``frame``: ``persona``, ``block``, ``condition``, ``order`` (from 1: when this person meets it) and one
    column a factor.

    Example:
        >>> panel = generate_personas(6, "us-adults-2012", detail="facts", lab=lab)
        >>> answers = ask(
        ...     panel,
        ...     "Buy it for {price} $?",
        ...     answer=Choice(["yes", "no"]),
        ...     vary={"price": [3, 4, 5]},
        ...     design="between",
        ...     blocks=["sex"],
        ...     lab=lab,
        ... )
        >>> answers.assignment.counts.to_dict()
        {'price=3': 2, 'price=4': 2, 'price=5': 2}
    """

    design: DesignKind
    seed: int
    factors: tuple[Factor, ...]
    cells: tuple[Cell, ...]
    """The conditions: one level of each factor."""
    met: Mapping[str, tuple[int, ...]]
    """By id of a persona the conditions it meets, in its order."""
    blocks: tuple[str, ...] = ()
    """The attributes within whose levels conditions are balanced."""
    block: Mapping[str, str] = field(default_factory=dict)
    """By id of a persona the block it is in."""
    full: int = 1
    """How many combinations of levels there are in all."""
    d_efficiency: float = 1.0
    """Of the main effects over the conditions shown, 0 to 1."""

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions' names."""
        return tuple(cell_name(cell) for cell in self.cells)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row for each person and condition met."""
        import pandas as pd

        names = self.conditions
        rows = [
            (one, self.block.get(one, ""), names[cell], order, *self.cells[cell].values())
            for one, cells in self.met.items()
            for order, cell in enumerate(cells, start=1)
        ]
        columns = ["persona", "block", "condition", "order", *(factor.name for factor in self.factors)]
        frame = pd.DataFrame(rows, columns=columns)
        frame["condition"] = pd.Categorical(frame["condition"], list(names), ordered=True)
        for factor in self.factors:
            frame[factor.name] = pd.Categorical(frame[factor.name], list(factor.levels), ordered=True)
        return frame

    @property
    def counts(self) -> pd.Series[int]:
        """How many people meet each condition."""
        return self.frame["condition"].value_counts(sort=False)

    def save(self, path: str | Path) -> Path:
        """Write the manifest as JSON, the same bytes everywhere; ``load`` reads it.

        Args:
            path: Where; missing folders are made.
        """
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        held = {
            "format": _FORMAT,
            "design": self.design,
            "seed": self.seed,
            "factors": {factor.name: list(factor.levels) for factor in self.factors},
            "conditions": [dict(cell) for cell in self.cells],
            "combinations": self.full,
            "d_efficiency": self.d_efficiency,
            "blocks": list(self.blocks),
            "assigned": [
                {"persona": one, "block": self.block.get(one, ""), "conditions": list(met)}
                for one, met in self.met.items()
            ],
        }
        target.write_bytes(orjson.dumps(held, option=orjson.OPT_INDENT_2) + b"\n")
        return target

    @classmethod
    def load(cls, path: str | Path) -> Assignment:
        """Read a manifest that ``save`` wrote; ``ask(design=…)`` takes it, and so assigns the same people alike.

        Raises:
            InvalidInput: No such file, or no manifest.
        """
        source = Path(path)
        try:
            held = orjson.loads(source.read_bytes())
            return cls(
                held["design"],
                held["seed"],
                tuple(Factor(name, tuple(levels)) for name, levels in held["factors"].items()),
                tuple(held["conditions"]),
                {one["persona"]: tuple(one["conditions"]) for one in held["assigned"]},
                tuple(held["blocks"]),
                {one["persona"]: one["block"] for one in held["assigned"]},
                held["combinations"],
                held["d_efficiency"],
            )
        except OSError as error:
            raise InvalidInput(
                f"the assignment {source.name} cannot be read: {error.strerror}", hint="Give a file that save() wrote."
            ) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise InvalidInput(
                f"{source.name} is no assignment: {error!r}", hint="Give a file that answers.assignment.save() wrote."
            ) from error

    def covers(self, people: Sequence[Persona], factors: Sequence[Factor]) -> None:
        """Refuse people it does not know and factors it was not made for.

        Raises:
            InvalidInput: It does not fit; the message names the first that does not.
        """
        if tuple(factors) != self.factors:
            made, asked = (", ".join(one.name for one in each) or "none" for each in (self.factors, factors))
            raise InvalidInput(
                f"the assignment was made for other factors or levels ({made}) than are varied here ({asked})",
                hint="Give vary= and images= as when it was made.",
            )
        unknown = [one.id for one in people if one.id not in self.met]
        if unknown:
            raise InvalidInput(
                f"the assignment does not know {len(unknown):,} of the people, the first {unknown[0]!r}",
                hint="Ask the panel it was made for, or design='between' to assign anew.",
            )

    def __repr__(self) -> str:
        """Return the design in a line, and how many people meet each condition."""
        return f"{self._head()}\n{self.counts.to_string()}"

    def _head(self) -> str:
        shown = f"{len(self.cells)} conditions"
        if len(self.cells) < self.full:
            shown += f" of {self.full} combinations, D-efficiency {self.d_efficiency:.3f}"
        blocks = f", blocked by {', '.join(self.blocks)}" if self.blocks else ""
        return f"{self.design} subjects: {len(self.met):,} people, {shown}{blocks}, seed {self.seed}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002  # the base class' shape
        shown = table(self.counts.rename("people").reset_index(), 30)
        return {"text/plain": repr(self), "text/html": card("Who meets what", [self._head()], shown)}


def assign(
    people: Sequence[Persona], count: int, design: DesignKind, *, seed: int, blocks: Sequence[str] = ()
) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Return which conditions each person meets, in order, and the block each is in.

    Within subjects everyone meets all of them, in a seeded order of its own. Between subjects everyone meets one:
    within each block people are put in a seeded order and conditions are dealt round, going on from block to block, so
    that over each block as over the panel no condition has more than one person more than another.

    Args:
        people: Who takes part.
        count: How many conditions there are.
        design: ``within`` or ``between``.
        seed: Equal seeds and panels give equal assignments.
        blocks: Attributes that make the blocks; numbers of many values count by quarters of this panel.

    Raises:
        InvalidInput: An attribute that a person does not have; the nearest are named.

    Example:
        >>> panel = generate_personas(4, "us-adults-2012", detail="facts", lab=lab)
        >>> met, _ = assign(panel, 2, "between", seed=7)
        >>> sorted(cells for cells in met.values())
        [(0,), (0,), (1,), (1,)]
    """
    block = _blocks(people, blocks)
    if design == "within":
        return {one.id: _order(count, seed, one.id) for one in people}, block
    deal = _order(count, seed, "")
    by_block: dict[str, list[str]] = {}
    for one in people:
        by_block.setdefault(block[one.id], []).append(one.id)
    met: dict[str, tuple[int, ...]] = {}
    for name in sorted(by_block):
        waiting = by_block[name]
        rng(seed, "questions.block", name).shuffle(waiting)
        for who in waiting:
            met[who] = (deal[len(met) % count],)
    return {one.id: met[one.id] for one in people}, block


def _order(count: int, seed: int, who: str) -> tuple[int, ...]:
    if count == 1:
        return (0,)
    places = list(range(count))
    rng(seed, "questions.conditions", who).shuffle(places)
    return tuple(places)


def _blocks(people: Sequence[Persona], names: Sequence[str]) -> dict[str, str]:
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise InvalidInput(f"blocks={names!r}", hint='Give names of attributes: blocks=["sex"].')
    columns = [_levels(people, name) for name in names]
    return {one.id: ", ".join(column[place] for column in columns) for place, one in enumerate(people)}


def _levels(people: Sequence[Persona], name: str) -> list[str]:
    """Return the level of an attribute for each person, as a block's name tells it."""
    for one in people:
        if name not in one.attributes:
            known = sorted(one.attributes)
            raise InvalidInput(
                f"{one.id} has no attribute {name!r} to block by",
                hint=f"There are: {', '.join(known) or 'none'}{nearest(name, known)}.",
            )
    values = [one.attributes[name] for one in people]
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(set(numbers)) <= _FEW or any(not isinstance(value, (int, float, type(None))) for value in values):
        return [f"{name}={value}" for value in values]
    ordered = sorted(numbers)
    cuts = [ordered[len(ordered) * quarter // 4] for quarter in (1, 2, 3)]
    return [
        f"{name}={value}" if value is None else f"{name} quarter {1 + sum(value >= c for c in cuts)}"
        for value in values
    ]
