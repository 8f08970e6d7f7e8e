"""Models at the edge of the project, for what the scripted one does not do: they implement the Model protocol."""

from __future__ import annotations

import asyncio
from collections import Counter

import orjson

from toolkit.models import Abilities, Call, Identity, Reply, Usage
from toolkit.models.scripted import ScriptedModel


class EdgeModel:
    """Answers with what a function makes of a call: a JSON value, a Reply, an error to raise, or None for any answer.

    Args:
        answer: The function.
        name: The model's name.
        pause: Seconds each call takes.
        abilities: What the model says it can do.
    """

    def __init__(self, answer=lambda _: None, name="edge", *, pause=0.0, **abilities):
        self._pause = pause
        self.calls: list[Call] = []
        self.by_item: Counter[str] = Counter()
        self._answer = answer
        self._identity = Identity("edge", name)
        self._abilities = Abilities(**abilities)
        self._scripted = ScriptedModel()

    @property
    def identity(self):
        return self._identity

    @property
    def abilities(self):
        return self._abilities

    async def complete(self, call):
        self.calls.append(call)
        self.by_item[call.item] += 1
        if self._pause:
            await asyncio.sleep(self._pause)
        said = self._answer(call)
        if said is None:
            return await self._scripted.complete(call)
        if isinstance(said, Exception):
            raise said
        if isinstance(said, Reply):
            return said
        return Reply(orjson.dumps(said).decode(), str(self._identity), value=said, usage=Usage(10, output=5))

    async def close(self):
        pass
