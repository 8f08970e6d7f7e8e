"""Marginals: the shares of one attribute's levels, or of the combinations of several, read and checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.personas._table import level_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Marginal", "Marginals", "read_marginals"]

TOLERANCE = 1e-6  # by how much shares may miss 1, or two marginals each other: floats, not rounding in print

if TYPE_CHECKING:
    Marginals = Mapping[Any, Any] | pd.DataFrame | Sequence[pd.DataFrame]
else:
    Marginals = Any


@dataclass(frozen=True, slots=True)
class Marginal:
    """The shares of one attribute's levels, or of the combinations of several."""

    names: tuple[str, ...]
    """The attributes."""
    shares: Mapping[tuple[str, ...], float]
    """For each combination of levels its share, 0 to 1; they sum to 1."""

    @property
    def label(self) -> str:
        """The attributes in words: ``age x sex``."""
        return " x ".join(self.names)

    def levels(self, name: str) -> tuple[str, ...]:
        """Return the levels that one of its attributes has here, in their order."""
        place = self.names.index(name)
        return tuple(dict.fromkeys(cell[place] for cell in self.shares))

    def over(self, names: Sequence[str]) -> dict[tuple[str, ...], float]:
        """Return its shares summed up to fewer attributes."""
        places = [self.names.index(name) for name in names]
        sums: dict[tuple[str, ...], float] = {}
        for cell, share in self.shares.items():
            key = tuple(cell[place] for place in places)
            sums[key] = sums.get(key, 0.0) + share
        return sums


def read_marginals(given: Marginals) -> tuple[Marginal, ...]:
    """Return marginals in one form.

    Args:
        given: ``{"age": {"18-34": 0.3, …}, ("age", "sex"): {("18-34", "female"): 0.15, …}}``; or a frame with a
            column for each attribute and one named ``share``; or several such frames.

    Raises:
        InvalidInput: Shares that are none, do not sum to 1 (which marginal, and by how much), or contradict another
            marginal.

    Example:
        >>> [one.label for one in read_marginals({"sex": {"female": 0.5, "male": 0.5}})]
        ['sex']
    """
    found = tuple(_checked(names, cells) for names, cells in _tables(given))
    if not found:
        raise InvalidInput("no marginals were given", hint='Give {"sex": {"female": 0.51, "male": 0.49}}, say.')
    for one, other in combinations(found, 2):
        _require_agreement(one, other)
    return found


def _tables(given: Any) -> Iterator[tuple[tuple[str, ...], Iterable[tuple[Any, Any]]]]:
    if hasattr(given, "columns"):
        yield _frame(given)
    elif isinstance(given, Mapping):
        for key, cells in given.items():
            names = tuple(str(name) for name in key) if isinstance(key, tuple) else (str(key),)
            if not hasattr(cells, "items"):
                raise InvalidInput(
                    f"the marginal of {' x '.join(names)} is {type(cells).__name__}",
                    hint='Give each level its share: {"female": 0.51, "male": 0.49}.',
                )
            yield names, cells.items()
    elif isinstance(given, Sequence) and all(hasattr(one, "columns") for one in given):
        for frame in given:
            yield _frame(frame)
    else:
        raise InvalidInput(
            f"marginals were given as {type(given).__name__}",
            hint='Give {"sex": {"female": 0.51, "male": 0.49}}, or a DataFrame with a column "share".',
        )


def _frame(frame: pd.DataFrame) -> tuple[tuple[str, ...], list[tuple[Any, Any]]]:
    names = [name for name in frame.columns if name != "share"]
    if "share" not in frame.columns or not names:
        raise InvalidInput(
            f"a table of marginals has the columns {', '.join(map(str, frame.columns))}",
            hint="Give one column an attribute and one named 'share'.",
        )
    cells = list(frame[names].itertuples(index=False, name=None))
    return tuple(map(str, names)), list(zip(cells, frame["share"].tolist(), strict=True))


def _checked(names: tuple[str, ...], cells: Iterable[tuple[Any, Any]]) -> Marginal:
    label = " x ".join(names)
    if len(set(names)) != len(names):
        raise InvalidInput(f"the marginal of {label} names an attribute twice", hint="Name each once.")
    shares: dict[tuple[str, ...], float] = {}
    for levels, share in cells:
        key = tuple(level_text(level) for level in (levels if isinstance(levels, tuple) else (levels,)))
        if len(key) != len(names):
            raise InvalidInput(
                f"the marginal of {label} has the cell {levels!r}", hint=f"Give one level each of {', '.join(names)}."
            )
        if key in shares:
            raise InvalidInput(f"the marginal of {label} names {' x '.join(key)!r} twice", hint="Remove one.")
        shares[key] = _share(label, key, share)
    total = math.fsum(shares.values())
    if abs(total - 1) > TOLERANCE:
        raise InvalidInput(
            f"the marginal of {label} sums to {total:.10g}, which is {abs(total - 1):.3g} too "
            f"{'much' if total > 1 else 'little'}",
            hint="Correct a share, or divide each by the sum when only rounding is left.",
        )
    return Marginal(names, {key: share / total for key, share in shares.items()})


def _share(label: str, key: tuple[str, ...], share: Any) -> float:
    number = share.item() if hasattr(share, "item") else share
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number) or number < 0:
        raise InvalidInput(
            f"the share of {' x '.join(key)!r} in the marginal of {label} is {share!r}", hint="Give a number from 0."
        )
    return float(number)


def _require_agreement(one: Marginal, other: Marginal) -> None:
    """Two tables that share attributes must say the same of them, or no weights can satisfy both."""
    shared = [name for name in one.names if name in other.names]
    if not shared:
        return
    ours, theirs = one.over(shared), other.over(shared)
    for cell in dict.fromkeys((*ours, *theirs)):
        if abs(ours.get(cell, 0.0) - theirs.get(cell, 0.0)) > TOLERANCE:
            raise InvalidInput(
                f"the marginals of {one.label} and {other.label} contradict each other: {' x '.join(cell)!r} is "
                f"{ours.get(cell, 0.0):.6g} in one and {theirs.get(cell, 0.0):.6g} in the other",
                hint="Take both from one source, or leave one out.",
            )
