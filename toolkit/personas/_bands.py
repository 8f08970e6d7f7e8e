"""Bands written as people write them: 18-34, 65 and over, under 18."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from toolkit.errors import InvalidInput

__all__ = ["Band", "Bands", "read_bands"]

_RANGE = re.compile(r"(\d+)\s*(?:-|\u2013|\u2014|to)\s*(\d+)")
_OPEN = re.compile(r"(\d+)\s*(?:\+|(?:and|or) (?:over|older|above|more))")
_UNDER = re.compile(r"(?:under|below|less than)\s*(\d+)")
_ONE = re.compile(r"\d+")

Band = tuple[int, int | None]
Bands = tuple[Band, ...]
"""The lowest and the highest whole number of each band; the last may be open."""


def read_bands(name: str, labels: Sequence[str]) -> Bands | None:
    """Return what bands of whole numbers a list of labels names, in its order; nothing where they name none.

    Args:
        name: The attribute, for messages.
        labels: ``18-34``, ``35 to 64``, ``65+``, ``65 and over``, ``under 18``, or single numbers among such.

    Raises:
        InvalidInput: Bands that leave a gap or overlap.

    Example:
        >>> read_bands("age", ["18-34", "35-64", "65 and over"])
        ((18, 34), (35, 64), (65, None))
        >>> read_bands("size", ["small", "18-34"]) is None
        True
    """
    bands = [_band(label.replace(",", "").strip()) for label in labels]
    found = [band for band in bands if band is not None]
    if len(found) < len(bands) or all(_ONE.fullmatch(label.strip()) for label in labels):
        return None
    for (before, band), (after, following) in pairwise(zip(labels, found, strict=True)):
        if band[1] is None or following[0] != band[1] + 1:
            raise InvalidInput(
                f"the bands {before!r} and {after!r} of {name!r} do not follow each other",
                hint="List bands in ascending order, without gap or overlap, the open one last.",
            )
    return tuple(found)


def _band(label: str) -> tuple[int, int | None] | None:
    if match := _RANGE.fullmatch(label):
        low, high = int(match[1]), int(match[2])
        return (low, high) if low <= high else None
    if match := _OPEN.fullmatch(label):
        return int(match[1]), None
    if match := _UNDER.fullmatch(label):
        return (0, int(match[1]) - 1) if int(match[1]) else None
    return (int(label), int(label)) if _ONE.fullmatch(label) else None
