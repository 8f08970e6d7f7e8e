"""A provider of one's own: it answers from the prompt, and is paid by the letter."""

import asyncio
import itertools
import time
from typing import Any

import orjson

from toolkit.errors import BadRequest, InvalidInput
from toolkit.models import Abilities, Call, Identity, Reply, Usage
from toolkit.models.pace import Pace


class Parrot:
    """Answers with the first value that each field of the schema allows."""

    def __init__(self, name: str = "grey", *, hurry: bool = False) -> None:
        if name not in {"grey", "green"}:
            raise InvalidInput(f"there is no parrot {name!r}", hint='Write "parrot:grey" or "parrot:green".')
        self.identity = Identity("parrot", name, {"feathers": 3})  # whatever can change an answer
        self.abilities = Abilities(images=False, logprobs=False, concurrency=4, stands_for_people=False)
        self.pace = Pace(rpm=60_000, tpm=50_000_000)  # what the provider allows a minute; None where it says nothing
        self._seconds = 0.0 if hurry else 0.01
        self._numbers = itertools.count(1)

    async def complete(self, call: Call) -> Reply:
        """Send one request, and turn what comes back into a Reply or a CallError."""
        started, clock = time.time(), time.perf_counter()
        await asyncio.sleep(self._seconds)  # here a real adapter talks to its server
        prompt = "".join(message.text for message in call.messages)
        if call.schema is None:
            text, value = prompt[:80], None
        else:
            value = _first(call.schema.body)
            text = orjson.dumps(value).decode()
        if not prompt.strip():
            raise BadRequest("parrot: the prompt is empty", hint="Say something.", request_id="parrot-0")
        return Reply(
            text=text,
            model=str(self.identity),  # who really answered
            value=value,
            usage=Usage(input=len(prompt), output=len(text)),  # as the provider counts
            request_id=f"parrot-{next(self._numbers)}",
            started=started,
            latency=time.perf_counter() - clock,
        )

    def price(self, usage: Usage) -> float | None:
        """Return USD; None where it is not known. Without this method list prices hold."""
        return usage.input * 1e-6 + usage.output * 2e-6

    async def close(self) -> None:
        """Give back connections."""


def open_model(name: str = "grey", **options: Any) -> Parrot:
    """Return the model that ``parrot:<name>`` names; options are what Lab does not know itself."""
    return Parrot(name, **options)


def _first(schema: Any) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {name: _first(inner) for name, inner in schema["properties"].items()}
    if kind == "array":
        return [_first(schema["items"])] * max(1, schema.get("minItems", 1))
    return {"string": "Polly agrees.", "integer": schema.get("minimum", 1), "number": 1.5, "boolean": True}[kind]
