"""The job of a play: round after round on the private loop, each written once; estimated by a rehearsal."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from toolkit.display import Report
from toolkit.engine import Budget, Outcome, Run, current_run
from toolkit.models import Call, Reply
from toolkit.rounds.changes import changed
from toolkit.rounds.driven import Driven
from toolkit.rounds.driver import Driver, LimitReached, left_over, rehearse
from toolkit.rounds.flow import Played, play_round
from toolkit.rounds.kept import Checkpoint, KeptRound, state_after
from toolkit.rounds.play import Play, head_of
from toolkit.rounds.production import Production
from toolkit.rounds.state import State

if TYPE_CHECKING:
    from toolkit.lab import Lab

__all__ = ["PlayJob", "Told", "outcomes_of"]

_AT_WORK = {
    "rounds.characterRunStarted": "",
    "rounds.directorPassStarted": "the director",
    "rounds.worldUpdateStarted": "the world",
}
"""Who begins to work with an event, where it does not name a character."""


class PlayJob(Driven[Play]):
    """A play as it is about to be played; its calls follow from each other's replies.

    Args:
        lab: Where.
        production: Scene, rules, profiles, seed.
        rounds: How many to play.
        lines: What the user says, by round.
        origin: Rounds that were played already.
        change: What is changed before the first round, as ``Play.branch`` takes it.
        play_id: The play's id, where it goes on.
        strict: Whether a failed turn raises at the end.
        budget: What may be spent.
        name: The verb's name.
    """

    name = "run_rounds"

    def __init__(
        self,
        lab: Lab,
        production: Production,
        *,
        rounds: int,
        lines: Mapping[int, str],
        origin: Sequence[KeptRound] = (),
        change: Mapping[str, Any] | None = None,
        play_id: str = "",
        strict: bool = False,
        budget: str | Budget | None = None,
        name: str = "run_rounds",
    ) -> None:
        super().__init__(lab, seed=production.seed, strict=strict, budget=budget)
        self.name = name
        self.production = production
        self._rounds = rounds
        self._lines = dict(lines)
        self._origin = tuple(origin)
        self._change = dict(change or {})
        self.logs = production.rules.log_payloads
        self._begin = changed(production, state_after(production, self._origin), self._change)
        self.play_id = play_id or self._id()

    def __len__(self) -> int:
        return self._rounds

    def inputs(self) -> Iterator[bytes]:
        """Return what decides the play; the calls themselves follow from replies."""
        yield self._decided()
        yield orjson.dumps(self._rounds)

    def calls(self) -> Iterator[Call]:
        """Make about the calls that the play will make: what memory holds as it is, the rest with everybody acting."""
        state = self._begin
        for number in self._numbers():
            made: list[Call] = []
            played: Played = rehearse(self._round(state, number), self._known, made.append)
            yield from made
            if played.reached:
                return
            state = self._after(state, played)

    async def perform(self, run: Run, driver: Driver) -> Told:
        """Play it, on the private loop."""
        told = Told()
        await self.play_on(run, driver, told)
        if told.ended == "until":
            run.total = run.done
        return told

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> Play:
        """Put the rounds that were played before into a result."""
        return self.made(Told(outcomes=list(outcomes)), report)

    # --- rounds ---

    async def play_on(self, run: Run, driver: Driver, told: Told) -> None:
        """Play round after round; a stop cancels the round that is at work, and what was over stays.

        Args:
            run: On whose behalf; several plays may share one.
            driver: Who answers.
            told: Filled with what was played, round by round.
        """
        token = current_run.set(run)
        task = asyncio.create_task(self._all_rounds(run, driver, told))
        current_run.reset(token)
        run.adopt(task)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            ended = await asyncio.gather(task, return_exceptions=True)
        for fault in ended:
            if isinstance(fault, LimitReached):
                told.ended = "budget"
            elif isinstance(fault, asyncio.CancelledError):
                told.ended = "stopped"
            elif isinstance(fault, BaseException):
                raise fault
        if told.ended != "until":
            told.left = self.left_of(told)
        told.limit = run.limit_reached

    def left_of(self, told: Told) -> list[str]:
        """Return the rounds that were not played, as rows of ``errors`` name them."""
        return [f"{self.production.label}round {number}" for number in self._numbers()][len(told.rounds) :]

    async def _all_rounds(self, run: Run, driver: Driver, told: Told) -> None:
        state = self._begin
        file = self._file()
        for number in self._numbers():
            steps = self._round(state, number, tell=partial(self._tell, run))
            try:
                played: Played = await driver.play(steps)
            finally:
                steps.close()
            told.outcomes += map(_slim, played.outcomes)
            if played.out_of_reach:
                told.ended = "out_of_reach"
                run.failed += 1
                return
            kept = KeptRound.of(played.record, played.after)
            written = self.lab.runs.write(file, kept) if file is not None else None
            if written is not None:
                await written  # and with it all replies of the round, which came before
            told.rounds.append(kept)
            played.completed()
            run.done += 1
            run.cached += all(one.reply is not None and one.reply.cached for one in played.outcomes)
            run.failed += sum(one.error is not None for one in played.outcomes)
            if played.reached:
                told.ended = "until"
                return
            state = self._after(state, played)

    def _tell(self, run: Run, kind: str, **data: Any) -> None:
        """Pass an event on, and say in the progress line who is at work; of many worlds it would say nothing."""
        if kind in _AT_WORK and not self.production.label:
            run.doing = f"round {data['roundNumber']}, {data.get('character') or _AT_WORK[kind]}"
        self.lab.events.emit(kind, **data)

    def _round(self, state: State, number: int, tell: Any = None) -> Any:
        branched = self._change if number == len(self._origin) + 1 and self._change else None
        return play_round(self.production, state, number, self._lines.get(number, ""), tell, branched)

    def _numbers(self) -> range:
        first = len(self._origin) + 1
        return range(first, first + self._rounds)

    def _after(self, state: State, played: Played) -> State:
        rules = self.production.rules
        return state.advance(played.after, window=rules.history_window, kept=rules.kept_memories)

    def _file(self) -> Checkpoint | None:
        """Return the play's file in the study; a recording that is replayed has none."""
        if self.lab.study is None:
            return None
        path = self.lab.study / "plays" / f"{self.play_id}.jsonl"
        return Checkpoint(path, head_of(self.production, self.play_id), self._origin)

    def made(self, told: Told, report: Report | None) -> Play:
        """Put what was played into a result; a play that is one of many worlds has no report of its own."""
        return Play(
            production=self.production,
            play_id=self.play_id,
            rounds=(*self._origin, *told.rounds),
            ended=told.ended,
            outcomes=outcomes_of(told),
            report=report,
            lab=self.lab,
            again=self,
        )

    # --- what decides it ---

    def _known(self, call: Call) -> str | None:
        """Return the text that memory holds for a call."""
        cache = self.lab.engine.cache
        if not cache.peek([call])[0]:
            return None
        found = cache.lookup([call])[0]
        reply = found if isinstance(found, Reply) else getattr(found, "reply", None)
        return reply.text if reply is not None else None

    def _id(self) -> str:
        return hashlib.sha256(self._decided()).hexdigest()[:16]

    def _decided(self) -> bytes:
        body = [
            self.production.to_dict(),
            sorted(self._lines.items()),
            orjson.loads(self.lab.identity.json),
            self.production.context_tokens,
            self._change,
            [hashlib.sha256(one.line).hexdigest() for one in self._origin],
        ]
        return orjson.dumps(body, option=orjson.OPT_SORT_KEYS, default=str)


@dataclasses.dataclass(slots=True)
class Told:
    """What a play has come to so far."""

    rounds: list[KeptRound] = dataclasses.field(default_factory=list)
    outcomes: list[Outcome] = dataclasses.field(default_factory=list)
    left: list[str] = dataclasses.field(default_factory=list)
    limit: str = ""
    ended: str = "rounds"


def outcomes_of(told: Told) -> list[Outcome]:
    """Return how calls ended, and the rounds that were left over."""
    return [*told.outcomes, *(left_over(item, told.limit) for item in told.left)]


def _slim(outcome: Outcome) -> Outcome:
    """Return an outcome without what the round's record holds already, so that a long play stays small."""
    reply = outcome.reply
    if outcome.ok and reply is not None:
        reply = dataclasses.replace(reply, text="", value=None, logprobs=None)
    return dataclasses.replace(outcome, value=None, reply=reply)
