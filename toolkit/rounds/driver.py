"""The driver: asks what a round wants to know, of a model or of nobody."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from toolkit.engine import BUDGET, Engine, Outcome, Run
from toolkit.errors import BudgetReached, CallError, InvalidReply
from toolkit.models import Call, Reply
from toolkit.rounds.steps import Ask, Steps

__all__ = ["Driver", "LimitReached", "left_over", "rehearse"]


_log = logging.getLogger("toolkit.rounds")


class LimitReached(Exception):  # it is no fault: the run's limit ends the play
    """A budget leaves no room for the next call."""


class Driver:
    """Answers the steps of a play by the engine.

    Args:
        engine: The dependable model.
        run: On whose behalf; its switches are obeyed.
        first: The first attempt of an item that failed before, by item.
        seen: Told of each call before it is made.
        asked: Told of each call that was not answered from memory.
        log: Whether prompts and replies are logged, scrubbed, at level DEBUG of ``toolkit.rounds``.
    """

    def __init__(
        self,
        engine: Engine,
        run: Run,
        *,
        first: dict[str, int] | None = None,
        seen: Callable[[Call], object] | None = None,
        asked: Callable[[Call], object] | None = None,
        log: bool = False,
    ) -> None:
        self._engine = engine
        self._run = run
        self._first = first or {}
        self._seen = seen
        self._asked = asked
        self._logs = log

    async def play(self, steps: Steps[Any]) -> Any:
        """Drive steps to their end and return what came of them; what is asked at once is answered at once.

        Raises:
            LimitReached: A budget leaves no room.
        """
        outcomes: Sequence[Outcome] | None = None
        while True:
            try:
                asks = next(steps) if outcomes is None else steps.send(outcomes)
            except StopIteration as ended:
                return ended.value
            outcomes = await self._answers(asks)

    async def _answers(self, asks: Sequence[Ask]) -> list[Outcome]:
        if len(asks) == 1:
            return [await self._answer(asks[0])]
        tasks = [asyncio.create_task(self._answer(one)) for one in asks]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, one: Ask) -> Outcome:
        """Answer one question, asking content anew as often as its profile allows; each asking has its own key."""
        first = self._first.get(one.call.item, 0)
        call = dataclasses.replace(one.call, attempt=first) if first else one.call
        last = max(one.attempts, first + 1) - 1
        while True:
            if self._seen is not None:
                self._seen(call)
            outcome = await self._once(one, call)
            if outcome.ok or not isinstance(outcome.error, InvalidReply) or call.attempt >= last:
                return outcome
            call = dataclasses.replace(call, attempt=call.attempt + 1)

    async def _once(self, one: Ask, call: Call) -> Outcome:
        if self._run.stopping:
            raise asyncio.CancelledError
        if self._run.limit_reached and not self._engine.cache.peek([call])[0]:  # what memory holds costs nothing
            raise LimitReached(self._run.limit_reached)
        error: CallError | None = None
        try:
            reply: Reply | None = await self._engine.outermost.complete(call)
        except BudgetReached as reached:
            self._run.limit_reached = reached.message
            raise LimitReached(reached.message) from reached
        except CallError as failure:
            error, reply = failure, failure.reply
        if self._asked is not None and not (reply is not None and reply.cached):
            self._asked(call)
        if self._logs:
            self._write_down(call, reply)
        outcome = self._read(one, call, reply, error)
        if outcome.error is not None:
            key = call.key(self._engine.model.identity)
            self._engine.quarantine.take(call, outcome.error, reply, key)
        return outcome

    def _write_down(self, call: Call, reply: Reply | None) -> None:
        asked = "\n".join(message.text for message in call.messages)
        said = reply.text if reply is not None else ""
        clean = self._engine.quarantine.scrubber(f"{call.stage} {call.item}\n{asked}\n=> {said}")
        _log.debug("%s", clean)

    def _read(self, one: Ask, call: Call, reply: Reply | None, error: CallError | None) -> Outcome:
        """Read a reply; one that the provider's schema check refused may still satisfy the profile."""
        outcome = Outcome(call.item, reply=reply, error=error, ended=True, attempt=call.attempt)
        if reply is None or not (error is None or isinstance(error, InvalidReply)):
            return outcome
        try:
            outcome.value = one.read(reply.text)
        except InvalidReply as refusal:
            refusal.request_id = refusal.request_id or reply.request_id
            refusal.tries = reply.tries
            refusal.reply = reply
            refusal.book(call.stage, call.item, self._engine.quarantine.scrubber)
            outcome.error = refusal
        else:
            outcome.error = None
        return outcome


def left_over(item: str, limit_reached: str) -> Outcome:
    """Return the outcome of a round that was not played."""
    return Outcome(item, left=BUDGET) if limit_reached else Outcome(item)


def rehearse(steps: Steps[Any], known: Callable[[Call], str | None], seen: Callable[[Call], object]) -> Any:
    """Walk through steps without asking anybody; return what came of them.

    Args:
        steps: A round.
        known: The text that memory holds for a call, where it does.
        seen: Told of each call.
    """
    outcomes: list[Outcome] | None = None
    while True:
        try:
            asks = next(steps) if outcomes is None else steps.send(outcomes)
        except StopIteration as ended:
            return ended.value
        outcomes = []
        for one in asks:
            seen(one.call)
            outcomes.append(_stood_in(one, known(one.call)))


def _stood_in(one: Ask, text: str | None) -> Outcome:
    for said in (text, _stand_in(one.call)):
        if said is None:
            continue
        try:
            return Outcome(one.call.item, value=one.read(said), ended=True)
        except InvalidReply as refusal:
            error = refusal
    return Outcome(one.call.item, error=error, ended=True)


def _stand_in(call: Call) -> str:
    """Return a reply of about the usual length: for each key of the schema a filled-in value."""
    if call.schema is None:
        return _LINE
    return orjson.dumps(_filled(call.schema.body)).decode()


_LINE = " ".join(["something", "of", "usual", "length"] * 8)


def _filled(schema: Any) -> Any:
    kind = schema.get("type")
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return None if any(one.get("type") == "null" for one in schema["anyOf"]) else _filled(schema["anyOf"][0])
    if kind == "object":
        return {name: _filled(one) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        item = schema.get("items", {}).get("properties", {})
        acting = item.get("name", {}).get("enum", []) if "order" in item else []  # everyone acts, nobody comes or goes
        return [{**_filled(schema["items"]), "name": name} for name in acting]
    return _PLAIN[str(kind)](schema) if kind in _PLAIN else None


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "string": lambda schema: _LINE[: schema.get("maxLength", len(_LINE))],
    "integer": lambda schema: schema.get("minimum", 1),
    "number": lambda schema: schema.get("minimum", 1),
    "boolean": lambda _: False,
}
