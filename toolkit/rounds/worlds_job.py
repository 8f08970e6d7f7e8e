"""The job of many worlds: plays side by side on the private loop, each with a state, a file and a seed of its own."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import traceback
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from toolkit.engine import Budget, Outcome, Run
from toolkit.errors import ReplayMiss
from toolkit.models import Call
from toolkit.rounds.conditions import World
from toolkit.rounds.driven import Driven
from toolkit.rounds.driver import Driver
from toolkit.rounds.play_job import PlayJob, Told, outcomes_of
from toolkit.rounds.worlds import Worlds

if TYPE_CHECKING:
    from toolkit.display import Report
    from toolkit.lab import Lab

__all__ = ["WorldsJob"]

_log = logging.getLogger("toolkit.rounds")


@dataclasses.dataclass(slots=True)
class _Ended:
    """What one world came to."""

    told: Told = dataclasses.field(default_factory=Told)
    fault: Exception | None = None


class WorldsJob(Driven[Worlds]):
    """Many worlds as they are about to be played.

    As many are at work at once as calls may be in flight, so the first worlds are over while the last ones wait: a
    budget that is reached leaves whole worlds, not the first round of each.

    Args:
        lab: Where.
        worlds: Which worlds, each with its play.
        seed: The run's seed, from which the worlds' own are derived.
        strict: Whether a failed turn raises at the end.
        budget: What may be spent by all of them together.
    """

    name = "run_worlds"
    behind = True
    """A hundred worlds that waited for each commit took a sixth longer (``python -m tests.perf.worlds``)."""

    def __init__(
        self,
        lab: Lab,
        worlds: Sequence[tuple[World, PlayJob]],
        *,
        seed: int,
        strict: bool = False,
        budget: str | Budget | None = None,
    ) -> None:
        super().__init__(lab, seed=seed, strict=strict, budget=budget)
        self._worlds = tuple(world for world, _ in worlds)
        self._plays = tuple(play for _, play in worlds)
        self.logs = self._plays[0].logs

    def __len__(self) -> int:
        return sum(map(len, self._plays))

    def inputs(self) -> Iterator[bytes]:
        """Return what decides each play; the calls themselves follow from replies."""
        for play in self._plays:
            yield from play.inputs()

    def calls(self) -> Iterator[Call]:
        """Make about the calls that the worlds will make, one world after the other."""
        for play in self._plays:
            yield from play.calls()

    async def perform(self, run: Run, driver: Driver) -> list[_Ended]:
        """Play all worlds, on the private loop; what goes wrong in one stays there.

        Raises:
            ReplayMiss: The recording does not hold a call.
            Exception: Whatever ended every single world.
        """
        ended = [_Ended() for _ in self._plays]
        slots = asyncio.Semaphore(self.lab.engine.concurrency)

        async def play_one(play: PlayJob, one: _Ended) -> None:
            async with slots:
                try:
                    await play.play_on(run, driver, one.told)
                except Exception as fault:  # noqa: BLE001  # whatever it is, it is this world's alone
                    self._note(play, fault)
                    one.fault = fault
                    one.told.ended = "fault"
                    one.told.left = play.left_of(one.told)
                if one.told.ended == "until" and run.total is not None:
                    run.total -= len(play) - len(one.told.rounds)

        await asyncio.gather(*(play_one(play, one) for play, one in zip(self._plays, ended, strict=True)))
        faults = [one.fault for one in ended if one.fault is not None]
        stale = next((fault for fault in faults if isinstance(fault, ReplayMiss)), None)
        if stale is not None or len(faults) == len(ended):
            raise stale or faults[0]
        return ended

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> Worlds:
        """Put no more than how calls ended into a result."""
        ended = [_Ended() for _ in self._plays]
        ended[0].told.outcomes = list(outcomes)
        return self.made(ended, report)

    def made(self, told: Sequence[_Ended], report: Report) -> Worlds:
        """Put what was played into a result."""
        plays = [play.made(one.told, None) for play, one in zip(self._plays, told, strict=True)]
        return Worlds(
            worlds=self._worlds,
            plays=plays,
            faults={world.name: one.fault for world, one in zip(self._worlds, told, strict=True) if one.fault},
            outcomes=[outcome for one in told for outcome in outcomes_of(one.told)],
            report=report,
            lab=self.lab,
            again=self,
        )

    def _note(self, play: PlayJob, fault: Exception) -> None:
        """Log a fault with its traceback, scrubbed: the result has one line of it only."""
        told = self.lab.scrubber("".join(traceback.format_exception(fault)))
        _log.error("the world %s was ended by a fault: %s", play.production.label.rstrip("/"), told)
