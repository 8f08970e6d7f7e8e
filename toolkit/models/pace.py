"""How fast a model may be asked: requests and tokens a minute, set by the study or said by the provider."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.errors import InvalidInput

__all__ = ["PACE_HEADERS", "Pace", "pace_of"]

PACE_HEADERS = ("x-ratelimit-limit-requests", "x-ratelimit-limit-tokens")
"""The headers that hold the limits themselves; while these stay the same, so does what ``pace_of`` returns."""

_LONGEST_PERIOD = 3600.0
"""Seconds; what takes longer to fill up again is a quota for the day and no pace to spread calls by."""

_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)")


@dataclass(frozen=True, slots=True)
class Pace:
    """Requests and tokens a minute; ``None`` is no limit.

    Raises:
        InvalidInput: A limit is not a number above 0.

    Example:
        >>> Pace(rpm=240, tpm=600_000).slower(Pace(rpm=60))
        Pace(rpm=60, tpm=600000)
    """

    rpm: float | None = None
    """Requests a minute."""
    tpm: float | None = None
    """Tokens a minute, input and output together."""

    def __post_init__(self) -> None:
        for name in ("rpm", "tpm"):
            value = getattr(self, name)
            if value is None:
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or value <= 0:
                raise InvalidInput(f"{name} is {value!r}", hint="Give a number above 0, or leave it out for no limit.")

    def slower(self, other: Pace | None) -> Pace:
        """Return the pace that keeps both."""
        if other is None:
            return self
        return Pace(_least(self.rpm, other.rpm), _least(self.tpm, other.tpm))


def pace_of(headers: Mapping[str, str]) -> Pace | None:
    """Return the limits that a provider's answer tells, or ``None`` where it tells none.

    Read are ``x-ratelimit-limit-requests`` and ``-tokens``, which are per minute unless ``-remaining-`` and
    ``-reset-`` show that what was used takes over an hour to come back: such a limit is a day's quota, and is left out.

    Example:
        >>> pace_of({"x-ratelimit-limit-requests": "60", "x-ratelimit-limit-tokens": "150000"})
        Pace(rpm=60.0, tpm=150000.0)
        >>> day = {"x-ratelimit-limit-requests": "10000", "x-ratelimit-remaining-requests": "9999"}
        >>> pace_of({**day, "x-ratelimit-reset-requests": "8.64s"}) is None
        True
    """
    rpm, tpm = _limit(headers, "requests"), _limit(headers, "tokens")
    return None if rpm is None and tpm is None else Pace(rpm, tpm)


def _limit(headers: Mapping[str, str], what: str) -> float | None:
    limit = _number(headers.get(f"x-ratelimit-limit-{what}"))
    if not limit:
        return None
    remaining = _number(headers.get(f"x-ratelimit-remaining-{what}"))
    reset = _duration(headers.get(f"x-ratelimit-reset-{what}"))
    if remaining is None or reset is None or remaining >= limit:
        return limit
    return limit if reset * limit / (limit - remaining) <= _LONGEST_PERIOD else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _duration(text: str | None) -> float | None:
    """Return seconds from ``6m0s``, ``20ms``, ``1.5s`` or a bare number of seconds."""
    plain = _number(text)
    if plain is not None or text is None:
        return plain
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _least(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
