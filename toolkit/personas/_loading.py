"""Populations from files; what is shipped is read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from toolkit.personas._table import read_source, read_table, typed
from toolkit.personas._weights import read_weights

if TYPE_CHECKING:
    from toolkit.personas.population import Population

__all__ = ["read", "shipped"]

P = TypeVar("P", bound="Population")


def read(kind: type[P], path: Path) -> P:
    """Return the population that a TOML describes.

    Raises:
        InvalidInput: There is no such file, or it does not hold what it declares.
    """
    source, attributes = read_source(path)
    table = read_table(path.parent / source.table)
    weights = read_weights(table, source.weight or None)
    return kind(path.stem, source, attributes, typed(table, attributes, source, path.stem), weights)


shipped = cache(read)
"""What is shipped stays as it is while a process lives, and a population never changes: 30 ms once, not each time."""
