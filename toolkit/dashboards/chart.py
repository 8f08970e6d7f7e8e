"""Charts as data: the board draws them as SVG, papers get them from matplotlib, and both show the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["MUTED", "Band", "Bars", "Chart", "Part", "Rule", "Scale", "Series", "axis_ticks", "short"]

MUTED = -1
"""The colour of what stands beside: grey."""

Scale = Literal["number", "usd", "seconds", "time", "share"]
"""How values are written: ``time`` is working time, ``seconds`` durations."""

_MINUTE = 60.0
_HOUR = 3600.0
_TENTH = 0.1


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one area."""

    name: str
    colour: int
    """Place in the palette, or ``MUTED``."""
    x: Sequence[float]
    y: Sequence[float]
    kind: Literal["area", "line"] = "line"
    """Areas are stacked in their order."""
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """What a baseline measured, from low to high."""

    name: str
    low: float
    high: float
    along: Literal["x", "y"] = "y"


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across: a ceiling, a percentile."""

    name: str
    at: float
    along: Literal["x", "y"] = "y"
    colour: int = MUTED


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with two axes."""

    title: str
    series: tuple[Series, ...]
    x: Scale = "time"
    y: Scale = "number"
    x_log: bool = False
    unit: str = ""
    """What the vertical axis counts."""
    bands: tuple[Band, ...] = ()
    rules: tuple[Rule, ...] = ()
    marks: tuple[tuple[float, str], ...] = ()
    """Points of the horizontal axis that are marked by a triangle, with what happened there."""
    empty: str = "Nothing yet."
    note: str = ""
    """One line below."""
    facts: str = ""
    """The numbers in words, for those who do not see the picture."""

    @property
    def filled(self) -> bool:
        """Whether there is anything to draw; NaN is nothing."""
        return any(value > 0 for series in self.series for value in series.y)

    @property
    def top(self) -> float:
        """The largest value that must fit, areas stacked, near bands and rules included; never 0."""
        stacked: list[float] = []
        lines = 0.0
        for series in self.series:
            if series.kind == "area":
                stacked = [a + b for a, b in zip(stacked or [0.0] * len(series.y), series.y, strict=True)]
            else:
                lines = max([lines, *(value for value in series.y if math.isfinite(value))])
        most = max([lines, *stacked])
        reach = 2.0 * most
        across = [band.high for band in self.bands if band.along == "y"]
        across += [rule.at for rule in self.rules if rule.along == "y"]
        return max([most, *(one for one in across if one <= reach)]) or 1.0

    @property
    def alt(self) -> str:
        """What is read out in the place of the picture."""
        return f"{self.title}. {self.facts or self.empty}"


@dataclass(frozen=True, slots=True)
class Part:
    """One share of every bar."""

    name: str
    colour: int
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Bars:
    """Horizontal bars, each of several parts."""

    title: str
    labels: Sequence[str]
    parts: tuple[Part, ...]
    texts: Sequence[str]
    """What stands behind each bar."""
    scale: Scale = "number"
    unit: str = ""
    empty: str = "Nothing yet."
    note: str = ""
    facts: str = field(default="")

    @property
    def top(self) -> float:
        """The longest bar; never 0."""
        return (
            max((sum(part.values[place] for part in self.parts) for place in range(len(self.labels))), default=0) or 1
        )

    @property
    def alt(self) -> str:
        """What is read out in the place of the picture."""
        told = "; ".join(f"{label}: {text}" for label, text in zip(self.labels, self.texts, strict=True))
        return f"{self.title}. {self.facts or told or self.empty}"


def short(value: float, scale: Scale = "number") -> str:
    """Return a number as an axis has it.

    Example:
        >>> short(12_500), short(0.04, "usd"), short(0.2, "seconds"), short(90, "time"), short(0.25, "share")
        ('12.5k', '$0.04', '200 ms', '1:30', '25%')
    """
    if scale == "usd":
        return f"${_trimmed(value)}"
    if scale == "share":
        return f"{value:.0%}"
    if scale == "seconds":
        return _duration(value)
    if scale == "time":
        whole = round(value)
        if whole >= _HOUR:
            return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
        return f"{whole // 60}:{whole % 60:02}" if whole >= _MINUTE else f"{_trimmed(value)} s"
    return _trimmed(value)


def _duration(value: float) -> str:
    if value < 1.0:
        return f"{_trimmed(value * 1000)} ms" if value else "0"
    return f"{_trimmed(value)} s" if value < 2 * _MINUTE else f"{_trimmed(value / 60)} min"


def _trimmed(value: float) -> str:
    for limit, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if sign == 'k' else limit):.3g}{sign}"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004  # thousands


def axis_ticks(top: float, count: int = 4) -> list[float]:
    """Return round values from 0 to at most ``top``: steps of 1, 2, 2.5 or 5 times a power of ten.

    Example:
        >>> axis_ticks(9.3)
        [0.0, 2.5, 5.0, 7.5]
    """
    raw = top / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((size * power for size in (1, 2, 2.5, 5, 10) if size * power >= raw), 10 * power)
    return [place * step for place in range(int(top / step + 1e-9) + 1)]
