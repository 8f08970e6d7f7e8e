"""What a board knows of the moment: runs that go on, budgets, and how fast calls may go."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Moment", "Pacing", "Purse", "Running"]


@dataclass(frozen=True, slots=True)
class Running:
    """A run that goes on."""

    id: str
    verb: str
    done: int
    total: int | None
    """Items asked for, once known."""
    elapsed: float
    """Seconds since it began."""
    fresh: int = 0
    """Items done that memory did not answer."""
    stopping: bool = False

    @property
    def left(self) -> float | None:
        """Seconds until it is through at the pace of its live calls so far; ``None`` where nothing tells."""
        if self.total is None or not self.fresh:
            return None
        return self.elapsed / self.fresh * (self.total - self.done)


@dataclass(frozen=True, slots=True)
class Purse:
    """A budget, what was spent of it, and what it will be at the end."""

    scope: str
    """Whose it is: ``this lab`` or ``this run``."""
    spent: float
    held: float
    """Held for calls in flight."""
    amount: float
    unit: str
    told: str
    """Spent of what, as text."""
    projected: float | None = None
    """What will be spent when all runs that go on are through, at what they took so far."""

    @property
    def share(self) -> float:
        """What was spent, as a share of the amount."""
        return self.spent / self.amount if self.amount else 0.0


@dataclass(frozen=True, slots=True)
class Pacing:
    """Calls with one model, and how fast they may go."""

    model: str
    in_flight: int
    waiting: int
    most: int
    """Calls that may be in flight at once, as things stand."""
    rpm: float | None
    tpm: float | None
    paused: float
    """Seconds for which the provider asked to wait still."""
    hits: int
    """How often it said "too many requests"."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stand now."""

    runs: tuple[Running, ...] = ()
    purses: tuple[Purse, ...] = ()
    pacing: tuple[Pacing, ...] = ()
    held: bool = False
    """Whether the researcher paused it."""
    concurrency: int | None = None
    notes: tuple[str, ...] = ()
    """What must be said beside the numbers."""
    title: str = ""
    model: str = ""
    from_files: bool = False
    """Whether it was read from a study's files: these tell how calls ended, not which are under way."""

    @property
    def in_flight(self) -> int:
        """Calls that models have now."""
        return sum(one.in_flight for one in self.pacing)

    @property
    def waiting(self) -> int:
        """Calls that stand in line."""
        return sum(one.waiting for one in self.pacing)

    @property
    def left(self) -> float | None:
        """Seconds until all runs are through."""
        told = [run.left for run in self.runs]
        return max((one for one in told if one is not None), default=None)
