"""Ages and sizes as people write them: ``"30 days"``, ``"2 GB"``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import timedelta

from toolkit.errors import InvalidInput

__all__ = ["age_of", "size_of", "ttl_of"]

_AGES = {"second": 1, "sec": 1, "s": 1, "minute": 60, "min": 60, "m": 60, "hour": 3600, "h": 3600}
_AGES |= {"day": 86_400, "d": 86_400, "week": 604_800, "w": 604_800, "year": 31_557_600, "y": 31_557_600}
_SIZES = {"b": 1, "byte": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "k": 10**3, "m": 10**6, "g": 10**9}
_SIZES |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_AMOUNT = re.compile(r"\s*(\d[\d_,]*(?:\.\d+)?)\s*([a-z]+)\s*", re.IGNORECASE)


def age_of(written: str | float | timedelta, what: str) -> float:
    """Return an age in seconds.

    Args:
        written: ``"30 days"``, ``"12 h"``, ``"90 min"``, a timedelta, or a number of seconds. A month is no unit: give
            days.
        what: Whose age it is, for the message.

    Raises:
        InvalidInput: It is no age, or negative.

    Example:
        >>> age_of("36 hours", "ttl of 'questions'")
        129600.0
    """
    if isinstance(written, timedelta):
        written = written.total_seconds()
    hint = 'Write for example "30 days", "12 hours" or "90 min".'
    return _amount(written, _AGES, what, "no age", hint)


def size_of(written: str | float, what: str) -> int:
    """Return a size in bytes.

    Args:
        written: ``"2 GB"`` (10^9), ``"512 MiB"`` (2^20), or a number of bytes.
        what: Whose size it is, for the message.

    Raises:
        InvalidInput: It is no size, or negative.

    Example:
        >>> size_of("1.5 GB", "memory_limit")
        1500000000
    """
    return int(_amount(written, _SIZES, what, "no size", 'Write for example "2 GB", "500 MB" or "64 MiB".'))


def ttl_of(written: Mapping[str, str | float | timedelta] | None) -> dict[str, float]:
    """Return how long replies of each stage stay fresh, in seconds.

    Args:
        written: Ages by stage; a name holds for the stages under it too, ``rounds`` for ``rounds.director``.

    Raises:
        InvalidInput: It is no mapping of stages to ages, or an age is zero.

    Example:
        >>> ttl_of({"questions": "30 days"})
        {'questions': 2592000.0}
    """
    if written is None:
        return {}
    if not isinstance(written, Mapping) or not all(isinstance(stage, str) and stage for stage in written):
        raise InvalidInput(f"ttl is {written!r}", hint='Give ages by stage: ttl={"questions": "30 days"}.')
    ages = {stage: age_of(age, f"the ttl of stage {stage!r}") for stage, age in written.items()}
    for stage, age in ages.items():
        if not age:
            raise InvalidInput(
                f"the ttl of stage {stage!r} is 0, so nothing of it would ever be remembered",
                hint='Give an age, or open the lab with mode="refresh".',
            )
    return ages


def _amount(written: object, units: Mapping[str, int], what: str, fault: str, hint: str) -> float:
    if isinstance(written, int | float) and not isinstance(written, bool):
        amount = float(written)
    else:
        match = _AMOUNT.fullmatch(written) if isinstance(written, str) else None
        unit = match[2].lower() if match else ""
        scale = units.get(unit) or units.get(unit.removesuffix("s"))
        if match is None or scale is None:
            raise InvalidInput(f"{what} is {written!r}, which is {fault}", hint=hint)
        amount = float(match[1].replace("_", "").replace(",", "")) * scale
    if not (math.isfinite(amount) and amount >= 0):
        raise InvalidInput(f"{what} is {written!r}, which is {fault}", hint=hint)
    return amount
