"""An ensemble: a model whose agents answer from a script, so that a play is known before it is played."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from toolkit.errors import CallError, InvalidReply
from toolkit.models import Abilities, Call, Identity, Reply, Usage
from toolkit.models._schema_check import check

EMPTY = {"openGuidance": "", "actingCharacters": [], "activations": [], "deactivations": [], "stateUpdates": []}


def plan(*names: Any, **more: Any) -> dict[str, Any]:
    """Return a director's reply in which these act; a name, or a mapping with more about the actor."""
    acting = [one if isinstance(one, Mapping) else {"name": one} for one in names]
    acting = [{"guidance": "", "priority": None, "order": None, "parallel": "", **one} for one in acting]
    return {**EMPTY, "actingCharacters": acting, "remainingActors": [], "newActivations": [], **more}


def update(name: str, **values: str) -> dict[str, str]:
    return {
        "name": name,
        **dict.fromkeys(("location", "mood", "clothing", "activity", "position", "intentions"), ""),
        **values,
    }


def move(name: str, guidance: str = "") -> dict[str, str]:
    return {"name": name, "guidance": guidance}


def says(text: str, **state: str) -> dict[str, Any]:
    keys = ("location", "mood", "clothing", "activity", "position", "intentions")
    return {"response": text, "characterState": {**dict.fromkeys(keys, ""), **state}}


class Ensemble:
    """Answers by item (``r1/Ada``), several answers being those of further attempts; else each stage's usual reply.

    Without a script everyone present acts, and says "<name> in round <n>.". A reply that does not satisfy the call's
    schema is refused as providers' adapters refuse it.
    """

    def __init__(
        self, script: Mapping[str, Any] | None = None, *, clock: bool = True, fail: type[CallError] | None = None
    ):
        self.script = dict(script or {})
        self.calls: list[Call] = []
        self.fail = fail
        self._clock = 1_700_000_000.0 if clock else None

    identity = Identity("ensemble", "test")
    abilities = Abilities(stands_for_people=False)

    def prompt(self, item: str) -> str:
        """Return the whole prompt of an item's last call."""
        return "\n".join(one.text for one in self.of(item)[-1].messages)

    def of(self, item: str) -> list[Call]:
        return [one for one in self.calls if one.item == item]

    @property
    def items(self) -> list[str]:
        return [one.item for one in self.calls]

    async def complete(self, call: Call) -> Reply:
        self.calls.append(call)
        if self.fail is not None:
            raise self.fail("nobody answers")
        value = self._value(call)
        if isinstance(value, Exception):
            raise value
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        if self._clock is not None:
            self._clock += 1.0
        sent = sum(len(one.text) for one in call.messages)
        reply = Reply(
            text,
            str(self.identity),
            None,
            Usage(input=sent // 4, output=len(text) // 4),
            started=self._clock,
            latency=0.5,
        )
        if call.schema is not None:
            reply = self._judged(call, reply)
        return reply

    async def close(self) -> None:
        """Nothing to give back."""

    def _judged(self, call: Call, reply: Reply) -> Reply:
        try:
            value = orjson.loads(reply.text)
        except ValueError:
            raise InvalidReply("the reply is not JSON", billed=True, reply=reply) from None
        fault = check(call.schema.json)(value)
        if fault is not None:
            raise InvalidReply(f"the reply does not fit: {fault}", billed=True, reply=reply)
        return Reply(reply.text, reply.model, value, reply.usage, started=reply.started, latency=reply.latency)

    def _value(self, call: Call) -> Any:
        found = self.script.get(call.item)
        if isinstance(found, list):
            found = found[min(call.attempt, len(found) - 1)]
        if callable(found):
            found = found(call)
        return found if found is not None else self._usual(call)

    def _usual(self, call: Call) -> Any:
        text = "\n".join(one.text for one in call.messages)
        number, _, agent = call.item.rpartition("/")[0].rpartition("r")[2], "", call.item.rpartition("/")[2]
        if call.stage == "rounds.director":
            names = re.search(r"^Present: (.*)$", text, re.MULTILINE)[1].split(", ")
            return plan(*[one for one in names if one != "nobody"]) if agent == "director" else plan()
        if call.stage == "rounds.character":
            return says(f"{agent} in round {number}.")
        if call.stage == "rounds.summary":
            rounds = [int(one) for one in re.findall(r"^Round (\d+)$", text, re.MULTILINE)]
            bullets = [{"roundNumber": one, "bullets": [f"round {one} happened"]} for one in rounds]
            return {"rounds": bullets, "summary": f"Up to round {max(rounds)}."}
        if call.stage == "rounds.world":
            return {"worldState": [{"name": "clock", "value": f"round {number}"}], "trackers": []}
        return {"why": "nothing shows it", "holds": False}
