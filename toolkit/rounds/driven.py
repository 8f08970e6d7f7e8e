"""A driven job: its calls follow from each other's replies, so it is played step by step instead of pooled."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from toolkit.display import Report
from toolkit.engine import Outcome, Run
from toolkit.errors import InvalidReply
from toolkit.models import Call, Reply
from toolkit.rounds.driver import Driver
from toolkit.verbs import Job
from toolkit.verbs.job import R, run_blocking

if TYPE_CHECKING:
    from toolkit.engine import Budget
    from toolkit.lab import Lab

__all__ = ["Driven"]


class Driven(Job[R]):
    """A job that is played on the private loop by a driver: one play, or many worlds at once."""

    logs: bool = False
    """Whether each prompt is logged."""
    behind: bool = False
    """Whether turns go on while the reply before is being stored; a round's end waits for it in any case."""

    def __init__(self, lab: Lab, *, seed: int, strict: bool, budget: str | Budget | None = None) -> None:
        super().__init__(lab, seed=seed, strict=strict, budget=budget)
        self._first: dict[str, int] = {}

    @abc.abstractmethod
    async def perform(self, run: Run, driver: Driver) -> Any:
        """Play, and return what was played; a stop or a limit ends it early."""

    @abc.abstractmethod
    def made(self, told: Any, report: Report) -> R:
        """Make the result of what ``perform`` returned."""

    async def run(self, run: Run) -> R:
        """Play it, on the private loop."""
        self._begin_run(run)
        run.behind = self.behind
        forecast = self.forecast()
        async with self.recording(run) as record:
            driver = Driver(
                self.lab.engine,
                run,
                first=self._first,
                seen=lambda _: _count(record),
                asked=forecast.add,
                log=self.logs,
            )
            told = await self.perform(run, driver)
        report = self._end_run(run, forecast.expected())
        result = self.made(told, report)
        self.lab.events.emit("run.finished", run=run.id, verb=self.name, complete=result.complete)
        return result

    def accept(self, call: Call, reply: Reply) -> Any:  # noqa: ARG002  # each agent's profile reads its own replies
        """Return the reply's text."""
        return reply.text

    def retry(self, outcomes: Sequence[Outcome]) -> R:
        """Play again with the turns that failed asked as further attempts; what follows from them is asked anew."""
        self._needs_memory("retry")
        again = self._copy()
        again._first = {  # noqa: SLF001  # a copy of this very job
            one.item: one.attempt + isinstance(one.error, InvalidReply)
            for one in outcomes
            if one.attempt or one.error is not None
        }
        return run_blocking(again)

    def _copy(self) -> Self:
        twin = super()._copy()
        assert isinstance(twin, type(self))  # noqa: S101  # it is a copy of this job
        return twin


def _count(record: Any) -> None:
    record.calls += 1
