"""A job: what a verb is about to do, and how it is run."""

from __future__ import annotations

import abc
import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from toolkit.bridge import bridge, heard
from toolkit.display import ProgressLine, Report, Result
from toolkit.engine import Account, Budget, Expected, Outcome, Recording, Run, collecting_seldom, run_calls
from toolkit.errors import BudgetReached, ContentRefused, Incomplete, Interrupted, InvalidInput, InvalidReply
from toolkit.models import Call, Reply
from toolkit.verbs.forecasts import Forecasts

if TYPE_CHECKING:
    from toolkit.lab import Lab

__all__ = ["Job", "R", "finish", "run_awaitable", "run_blocking"]

R = TypeVar("R", bound=Result)

_TICK = 0.1
"""Seconds between two looks at a run that is awaited."""


class Job(abc.ABC, Generic[R]):
    """What a verb is about to do: its calls, made lazily, and how outcomes become a result.

    Building a job checks every argument and bills nothing; the same job can be estimated, previewed, run and resumed.
    """

    name: str
    """The verb's name, for progress and run ids."""
    attempts: int = 1
    """How often content may be asked for when it is refused."""

    def __init__(self, lab: Lab, *, seed: int | None, strict: bool, budget: str | Budget | None = None) -> None:
        self.lab = lab
        self.seed = lab.seed if seed is None else seed
        self.strict = strict
        self.budget = Budget.of(budget)
        if self.budget is not None:
            lab.check_budget(self.budget)
        self.since: float | None = None
        self.first_attempts: Mapping[int, int] = {}

    @abc.abstractmethod
    def __len__(self) -> int:
        """Return how many calls there are."""

    @abc.abstractmethod
    def calls(self) -> Iterator[Call]:
        """Make the calls, in the order of the result's rows."""

    def foreseen(self) -> Iterator[Call]:
        """Make the calls as far as they can be told before any is answered, for an estimate."""
        return self.calls()

    def inputs(self) -> Iterable[bytes]:
        """Return what decides the result beside the calls; run records tell runs apart by both."""
        return ()

    @abc.abstractmethod
    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> R:
        """Make the result."""

    def accept(self, call: Call, reply: Reply) -> Any:  # noqa: ARG002  # a job without demands takes every reply
        """Return the value of a reply, or raise ``InvalidReply`` to refuse it."""
        return reply

    def follow(self, run: Run, call: Call, outcome: Outcome) -> Call | None:  # noqa: ARG002  # most jobs have no turns
        """Return the call that follows one that ended, the next turn of a conversation; by default none does."""
        return None

    def standard(self) -> Job[R] | None:
        """Return the same job with the shipped prompt, where this one has a prompt of the researcher's own."""
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the result must say about who answers."""
        return self.lab.notes

    async def run(self, run: Run) -> R:
        """Do it, on the private loop."""
        self._begin_run(run)
        engine = self.lab.engine
        forecast = self.forecast(len(self))
        async with self.recording(run) as record:
            calls = record.watch(forecast.sampled(self._calls()))
            outcomes = await run_calls(
                engine, calls, run, accept=self.accept, attempts=self.attempts, then=partial(self.follow, run)
            )
        report = self._end_run(run, forecast.expected().scaled(run.done - run.cached))
        result = self.assemble(outcomes, report)
        self.lab.events.emit("run.finished", run=run.id, verb=self.name, complete=result.complete)
        return result

    @asynccontextmanager
    async def recording(self, run: Run) -> AsyncIterator[Recording]:
        """Record what happens within as a run of this job, undisturbed by Python's collector, until all is stored."""
        with collecting_seldom(), self.lab.runs.recording(run, self.seed) as record:
            record.inputs(self.inputs())
            try:
                yield record
            finally:
                await run.written()

    def _begin_run(self, run: Run) -> None:
        """Tell the run what it is about to do, since when, and what it may spend."""
        run.total = len(self)
        if self.since is not None:
            run.since = self.since
        self.since = run.since
        run.account = Account(self.budget) if self.budget is not None else None

    def _end_run(self, run: Run, expected: Expected) -> Report:
        """Count the run as over, and report on it.

        Args:
            run: The run.
            expected: What was expected of its calls beforehand.
        """
        run.finished = True
        accounts = (*self.lab.accounts, *([run.account] if run.account is not None else []))
        return Report.of(
            self.lab.ledger,
            title=self.name,
            model=self.lab.model,
            seed=self.seed,
            seconds=run.elapsed,
            run=run.id,
            notes=self.notes,
            accounts=accounts,
            expected=expected,
        )

    def forecast(self, of: int | None = None) -> Forecasts:
        """Return what adds up what calls will take, by what each model has shown up to now.

        Args:
            of: How many calls there will be, where only a sample is added.
        """
        return Forecasts(self.lab.engine, of)

    def resume(self) -> R:
        """Do what an earlier run of this job left undone."""
        self._needs_memory("resume")
        return run_blocking(self)

    def retry(self, outcomes: Sequence[Outcome]) -> R:
        """Ask again what failed; refused content as a further attempt."""
        self._needs_memory("retry")
        again = self._copy()
        again.first_attempts = {
            place: outcome.attempt + isinstance(outcome.error, InvalidReply | ContentRefused)
            for place, outcome in enumerate(outcomes)
            if outcome.attempt or outcome.error is not None
        }
        again.attempts = self.attempts + max(again.first_attempts.values(), default=0)
        return run_blocking(again)

    def _calls(self) -> Iterator[Call]:
        if not self.first_attempts:
            yield from self.calls()
            return
        for place, call in enumerate(self.calls()):
            first = self.first_attempts.get(place, 0)
            yield dataclasses.replace(call, attempt=first) if first else call

    def _copy(self) -> Job[R]:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def _needs_memory(self, what: str) -> None:
        if self.lab.mode in {"off", "write"}:
            raise InvalidInput(
                f"memory is in mode {self.lab.mode!r}, so there is nothing to {what} from",
                hint="Open the lab with mode='read' and call the verb again.",
            )


def run_blocking(job: Job[R]) -> R:
    """Run a job on the private loop and wait, with progress; ■ raises ``Interrupted`` with what finished."""
    run = Run(job.name)
    line = ProgressLine(run, replayed=job.lab.mode == "replay")
    private = bridge()
    presses = 0

    def stop() -> None:
        nonlocal presses
        presses += 1
        private.call(run.stop)

    with heard(stop):
        try:
            result = private.wait(private.submit(job.run(run)), line.tick, stop)
        except BaseException:
            private.call(run.stop)  # whatever broke the wait, nothing goes on behind the user's back
            raise
        finally:
            line.close()
        job.lab.last = result
    return finish(job, run, result, stopped=presses > 0)


async def run_awaitable(job: Job[R]) -> R:
    """Run a job on the private loop and await it; a cancelled await stops the run and waits for its clean end."""
    run = Run(job.name)
    line = ProgressLine(run, replayed=job.lab.mode == "replay")
    private = bridge()
    ended = asyncio.wrap_future(private.submit(job.run(run)))
    cancelled = False
    while not ended.done():
        try:
            # It leaves the run alone when this await is cancelled. And it wakes this loop now and then: a kernel's ■
            # only notes down that it wants to cancel, which an idle loop would not see before something else happens.
            await asyncio.wait([ended], timeout=_TICK)
            line.tick()
        except asyncio.CancelledError:
            cancelled = True
            private.call(run.stop)
    line.close()
    if cancelled:
        if ended.exception() is None:
            job.lab.last = ended.result()
        raise asyncio.CancelledError
    return finish(job, run, ended.result(), stopped=False)


def finish(job: Job[R], run: Run, result: R, *, stopped: bool) -> R:
    """Keep the result at ``lab.last`` and return it, or raise what a stop or ``strict`` asks for."""
    job.lab.last = result
    if stopped:
        raise Interrupted(f"{job.name} was stopped after {run.done:,} of {run.total:,}", result)
    if job.strict and run.limit_reached:
        raise BudgetReached(
            f"{job.name}: {run.limit_reached}; {run.done:,} of {run.total:,} are done",
            hint="What is done is in .result of this error; call it again with a larger budget= to do the rest.",
            result=result,
        )
    if job.strict and len(result.errors):
        first = result.errors.iloc[0]
        count = f"{len(result.errors):,} of {run.total:,} items"
        raise Incomplete(
            f"{job.name}: {count} failed, the first {first['item']}: {first['message']}",
            hint="The rest is in .result of this error; strict=False returns it with the failures as rows.",
            result=result,
        )
    return result
