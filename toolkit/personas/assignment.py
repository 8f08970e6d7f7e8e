"""Assigning a panel to the arms of an experiment: blocked, seeded, checked for balance, and kept as a manifest."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson

from toolkit.display.html import card, table
from toolkit.errors import InvalidInput
from toolkit.personas._balance_table import balance_table
from toolkit.personas.attribute import nearest
from toolkit.seeds import derive, rng

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.personas.panel import Panel
    from toolkit.personas.persona import Persona

__all__ = ["Assignment", "arm_shares", "assign", "split"]

FORMAT = "dramatis-assignment"
VERSION = 1
_EVEN = 1e-9
"""How far shares may be from summing to 1."""
_QUARTERS = 4
"""Blocks of a number without bands: quarters of the panel."""
_FEW = 12
"""A number of at most so many different values blocks by value."""


@dataclass(frozen=True, eq=False)
class Assignment:
    """Who is in which arm. ``assignment["A"]`` is the panel of an arm; it does not change.

    Columns of ``frame``: ``id``, ``name``, ``arm`` (ordered categorical), ``block``.

    Example:
        >>> panel = generate_personas(40, "us-adults-2012", detail="facts", lab=lab)
        >>> halves = panel.split(["A", "B"], by=["sex", "age"], seed=7)
        >>> len(halves["A"]), len(halves["B"])
        (20, 20)
        >>> from toolkit.personas.assignment import Assignment
        >>> Assignment.load(halves.save(tmp / "halves.json"), panel).frame.equals(halves.frame)
        True
    """

    panel: Panel
    arms: tuple[str, ...]
    """The arm of each person, in the panel's order."""
    blocks: tuple[str, ...]
    """The block of each person: the levels it was blocked by."""
    shares: Mapping[str, float]
    """What share of the panel each arm was to have."""
    by: tuple[str, ...]
    seed: int

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a person, in the panel's order."""
        import pandas as pd

        return pd.DataFrame({
            "id": [one.id for one in self.panel],
            "name": [one.name for one in self.panel],
            "arm": pd.Categorical(self.arms, list(self.shares), ordered=True),
            "block": list(self.blocks),
        })  # fmt: skip

    @cached_property
    def panels(self) -> Mapping[str, Panel]:
        """The panel of each arm, by its name."""
        by_id = dict(zip((one.id for one in self.panel), self.arms, strict=True))

        def of(arm: str) -> Panel:
            return self.panel.filter(lambda one: by_id[one.id] == arm)

        return MappingProxyType({arm: of(arm) for arm in self.shares})

    def __getitem__(self, arm: str) -> Panel:
        """Return the panel of one arm."""
        if arm not in self.shares:
            known = ", ".join(self.shares)
            raise InvalidInput(f"there is no arm {arm!r}", hint=f"There are {known}{nearest(arm, self.shares)}.")
        return self.panels[arm]

    @cached_property
    def balance(self) -> pd.DataFrame:
        """How alike the arms are: one row a level of each attribute, one row a number.

        Columns ``attribute``, ``level`` (empty for the mean of a number), one for each arm (a share, or a mean) and
        ``difference``: the largest standardised difference between two arms, in standard deviations (P. C. Austin,
        2009). Below 0.1 is usually called balanced.
        """
        return balance_table(self.panel, self.arms, tuple(self.shares))

    def save(self, path: str | Path) -> Path:
        """Write the manifest, the same bytes everywhere: seed, arms, blocks, and who is where.

        Args:
            path: Where; missing folders are made.

        Returns:
            The path.
        """
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.to_json().encode())
        return target

    def to_json(self) -> str:
        """Return the manifest as text."""
        body = {
            "format": FORMAT,
            "version": VERSION,
            "seed": self.seed,
            "by": list(self.by),
            "arms": dict(self.shares),
            "panel": _digest(self.panel),
            "people": [
                {"id": one.id, "arm": arm, "block": block}
                for one, arm, block in zip(self.panel, self.arms, self.blocks, strict=True)
            ],
        }
        return orjson.dumps(body, option=orjson.OPT_INDENT_2).decode() + "\n"

    @classmethod
    def load(cls, path: str | Path, panel: Panel) -> Assignment:
        """Read a manifest for the panel it was made of.

        Args:
            path: What ``save`` wrote.
            panel: The same panel; another one is refused.

        Raises:
            InvalidInput: No such file, no manifest, or one of another panel.
        """
        source = Path(path)
        try:
            body = orjson.loads(source.read_bytes())
            shares = {str(arm): float(share) for arm, share in body["arms"].items()}
            people = [(str(one["id"]), str(one["arm"]), str(one["block"])) for one in body["people"]]
            told, seed, by = (body["format"], body["version"]), int(body["seed"]), tuple(map(str, body["by"]))
            digest = body["panel"]
        except OSError as error:
            raise InvalidInput(
                f"the assignment {source.name} cannot be read: {error.strerror}", hint="Give a file that save wrote."
            ) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidInput(
                f"{source.name} is no assignment: {error}", hint="Give a file that assignment.save wrote."
            ) from error
        if told != (FORMAT, VERSION):
            raise InvalidInput(f"{source.name} is {told[0]!r} of version {told[1]!r}", hint=f"It should be {FORMAT!r}.")
        if any(arm not in shares for _, arm, _ in people):
            raise InvalidInput(f"{source.name} puts people into an arm it does not declare", hint="Make it anew.")
        if [person for person, _, _ in people] != [one.id for one in panel] or digest != _digest(panel):
            raise InvalidInput(
                f"{source.name} belongs to another panel than this one of {len(panel):,}",
                hint="Load the panel it was made of, or split this one.",
            )
        return cls(panel, tuple(arm for _, arm, _ in people), tuple(block for *_, block in people), shares, by, seed)

    def _facts(self) -> list[str]:
        counts = Counter(self.arms)
        by = f"blocked by {', '.join(self.by)} ({len(set(self.blocks)):,} blocks)" if self.by else "not blocked"
        return [", ".join(f"{arm} {counts[arm]:,}" for arm in self.shares), by, f"seed {self.seed}"]

    def __repr__(self) -> str:
        """Return the arms and the worst imbalance as two lines."""
        return f"Assignment of {len(self.arms):,} people: {' · '.join(self._facts())}\n  {self._worst()}"

    def _worst(self) -> str:
        found = self.balance.dropna(subset=["difference"])
        if not len(found):
            return "no attribute to compare the arms by"
        row = found.sort_values("difference", kind="stable").iloc[-1]
        of = f"{row['attribute']} ({row['level']})" if row["level"] else row["attribute"]
        return f"largest standardised difference {row['difference']:.2f}: {of}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        shown = self.balance.sort_values("difference", ascending=False, kind="stable").round(3)
        head = f"Assignment of {len(self.arms):,} people"
        return {"text/plain": repr(self), "text/html": card(head, [*self._facts(), self._worst()], table(shown))}


def split(panel: Panel, arms: Mapping[str, float] | Sequence[str], by: Sequence[str], seed: int) -> Assignment:
    """Assign a panel to arms; see ``Panel.split``."""
    shares = arm_shares(arms)
    if isinstance(by, str):
        raise InvalidInput(f"by={by!r} is a text", hint=f"Give a list: by=[{by!r}].")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InvalidInput(f"seed={seed!r} is no whole number", hint="Give one.")
    if len(panel) < len(shares):
        raise InvalidInput(f"{len(panel):,} people for {len(shares)} arms", hint="Give a larger panel or fewer arms.")
    columns = [_levels(panel, name) for name in by]
    blocks = [" | ".join(parts) for parts in zip(*columns, strict=True)] if columns else [""] * len(panel)
    return Assignment(panel, tuple(assign(blocks, shares, seed)), tuple(blocks), shares, tuple(by), seed)


def arm_shares(arms: Mapping[str, float] | Sequence[str]) -> dict[str, float]:
    """Return the share of each arm: those given, or equal ones.

    Raises:
        InvalidInput: Fewer than two arms, one twice, or shares that do not sum to 1.

    Example:
        >>> arm_shares(["A", "B"])
        {'A': 0.5, 'B': 0.5}
    """
    if isinstance(arms, str) or not isinstance(arms, Mapping | Sequence):
        raise InvalidInput(f"arms={arms!r} are no arms", hint='Give ["A", "B"] or {"A": 0.5, "B": 0.5}.')
    names = list(arms)
    if len(names) < 2 or not all(isinstance(name, str) and name.strip() for name in names):  # noqa: PLR2004  # two
        raise InvalidInput(f"arms={names!r} are no two arms", hint="Give at least two names.")
    if len(set(names)) != len(names):
        raise InvalidInput(f"an arm stands twice in {names!r}", hint="Give each arm its own name.")
    if not isinstance(arms, Mapping):
        return dict.fromkeys(names, 1 / len(names))
    for name, share in arms.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
            raise InvalidInput(f"the share of arm {name!r} is {share!r}", hint="Give a number between 0 and 1.")
    if abs(math.fsum(arms.values()) - 1) > _EVEN:
        raise InvalidInput(f"the shares of the arms sum to {math.fsum(arms.values()):g}", hint="They must sum to 1.")
    return {name: float(share) for name, share in arms.items()}


def assign(blocks: Sequence[str], shares: Mapping[str, float], seed: int) -> list[str]:
    """Return the arm of each person: at random, and even within each block.

    People stand in the order of their blocks, within a block in random order. Along this line runs one sequence of arms
    in which each arm has, up to any place, about its share; where it starts is drawn. So every person has the same
    chance of an arm, sizes are those of the shares to a whole person, and any block is off its shares by about one.

    Args:
        blocks: The block of each person.
        shares: The share of each arm, together 1.
        seed: Equal seeds give equal arms on every machine.

    Example:
        >>> assign(["young", "old", "young", "old"], {"A": 0.5, "B": 0.5}, seed=7).count("A")
        2
    """
    draw = rng(seed, "panel.split")
    line = sorted(range(len(blocks)), key=lambda place: (blocks[place], draw.random()))
    arms = _sequence(len(blocks), shares, seed)
    start = draw.randrange(len(blocks)) if blocks else 0
    assigned = [""] * len(blocks)
    for step, place in enumerate(line):
        assigned[place] = arms[(start + step) % len(arms)]
    return assigned


def _sequence(n: int, shares: Mapping[str, float], seed: int) -> list[str]:
    """Return n arms, each place taken by the arm that lags most behind its share."""
    counts = _whole_counts(n, shares, seed)
    given = dict.fromkeys(shares, 0)
    tie = {arm: derive(seed, "panel.split.tie", arm) for arm in shares}
    sequence = []
    for place in range(1, n + 1):
        arm = max(
            (one for one in shares if given[one] < counts[one]),
            key=lambda one: (counts[one] * place / n - given[one], tie[one]),
        )
        given[arm] += 1
        sequence.append(arm)
    return sequence


def _whole_counts(n: int, shares: Mapping[str, float], seed: int) -> dict[str, int]:
    """Return how many people each arm has: whole numbers by largest remainder, ties by seed."""
    counts = {arm: math.floor(share * n + _EVEN) for arm, share in shares.items()}
    rest = sorted(
        shares, key=lambda arm: (round(shares[arm] * n - counts[arm], 9), derive(seed, "panel.split.rest", arm))
    )
    for arm in reversed(rest[len(rest) - (n - sum(counts.values())) :]):
        counts[arm] += 1
    return counts


def _levels(panel: Panel, name: str) -> list[str]:
    """Return the level of each person: the population's level or band, else the value, or a quarter of the panel."""
    known = panel.population.attributes.get(name) if panel.population is not None else None
    values = [_value(one, name, panel) for one in panel]
    if known is not None and (known.kind == "number" or not known.derived):
        return [known.level(value) for value in values]
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(values) or len(set(numbers)) <= _FEW:
        return [str(value) for value in values]
    ordered = sorted(numbers)
    cuts = [ordered[len(ordered) * part // _QUARTERS] for part in range(1, _QUARTERS)]
    return [f"quarter {1 + sum(value >= cut for cut in cuts)}" for value in numbers]


def _value(persona: Persona, name: str, panel: Panel) -> Any:
    if name in persona.attributes:
        return persona.attributes[name]
    known = sorted({one for person in panel for one in person.attributes})
    raise InvalidInput(
        f"{persona.id} has no attribute {name!r} to block by",
        hint=f"There are {', '.join(known)}{nearest(name, known)}.",
    )


def _digest(panel: Panel) -> str:
    """Return what tells two panels apart: who is in it, with all facts."""
    told = [[one.id, one.name, one.population, one.seed, dict(one.attributes)] for one in panel]
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()
