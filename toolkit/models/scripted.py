"""A seeded model without a model: schema-valid answers by the thousand, for tests and benchmarks."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from toolkit.errors import BadRequest, CallError, ContentRefused, InvalidInput, InvalidReply, ProviderDown, RateLimited
from toolkit.models._responder import mark_of, respond, tokens
from toolkit.models.call import Call, Identity, Reply, Tools, Usage
from toolkit.models.model import Abilities, toolless
from toolkit.seeds import rng

__all__ = ["FAULTS", "ScriptedModel", "open_model"]

FAULTS = ("rate_limited", "provider_down", "hang", "malformed", "refused")
"""The faults that can be asked for."""

_ABILITIES = Abilities(stands_for_people=False)
_LARGEST_COUNT = 100_000  # distinct calls whose tries are counted, so that memory stays bounded


class ScriptedModel:
    """Answers each call with a value made from its schema, or a sentence where it has none.

    The same call gives the same bytes on every machine. Usage is counted from the text: one token for each four
    characters begun, pictures not counted. Log-probabilities, when asked for, treat the first enum's option as one
    token. ``max_tokens`` cuts the text, as a provider would. Where the call names marks to reply with (``among``), one
    of them is the whole reply.

    Args:
        name: The model's name; it enters the identity and the answers.
        seed: The seed of answers and faults.
        latency: Seconds each call takes.
        faults: Probabilities by name of ``FAULTS``, drawn for each call and try, so that a retry can succeed.
        abilities: What the model says it can do; by default everything, except to stand for people.

    Raises:
        InvalidInput: An unknown fault, or probabilities that are no probabilities.

    Example:
        >>> import asyncio
        >>> from toolkit.models import Call, Message
        >>> model = ScriptedModel(seed=7)
        >>> call = Call((Message("user", ("Which one?",)),))
        >>> asyncio.run(model.complete(call)).text == asyncio.run(model.complete(call)).text
        True
    """

    def __init__(
        self,
        name: str = "default",
        *,
        seed: int = 0,
        latency: float = 0.0,
        faults: Mapping[str, float] | None = None,
        abilities: Abilities | None = None,
    ) -> None:
        self._faults = _checked(faults or {})
        if latency < 0:
            raise InvalidInput(f"latency is {latency}", hint="Give seconds, 0 or more.")
        self._identity = Identity("scripted", name, {"seed": seed})
        self._abilities = abilities or _ABILITIES
        self._seed = seed
        self._latency = latency
        self._tries: dict[str, int] = {}

    @property
    def identity(self) -> Identity:
        """Provider ``scripted``, the name, and the seed as detail."""
        return self._identity

    @property
    def abilities(self) -> Abilities:
        """What this model can do."""
        return self._abilities

    async def complete(self, call: Call) -> Reply:
        """Answer one call, after the latency asked for.

        Raises:
            RateLimited: Drawn by ``rate_limited``; asks for a wait of 0.01 s.
            ProviderDown: Drawn by ``provider_down``.
            InvalidReply: Drawn by ``malformed``, or the text was cut by ``max_tokens``.
            ContentRefused: Drawn by ``refused``.
            BadRequest: The call's schema cannot be satisfied, or the call offers functions and the model calls none.
        """
        key = call.key(self._identity)
        started, clock = time.time(), time.perf_counter()
        fault = self._draw_fault(key) if self._faults else None
        if fault == "hang":
            await asyncio.Event().wait()
        if self._latency:
            await asyncio.sleep(self._latency)
        if fault in _RAISED:
            raise _RAISED[fault](str(self._identity))
        reply = self._answer(call, key, malformed=fault == "malformed")
        reply = replace(reply, started=started, latency=time.perf_counter() - clock)
        if reply.value is None and call.schema is not None:
            why = "was cut off at max_tokens" if reply.finish == "length" else "is not JSON"
            raise InvalidReply(
                f"the reply of {self._identity} {why}",
                hint="Raise max_tokens." if reply.finish == "length" else "Ask again.",
                request_id=reply.request_id,
                billed=True,
                reply=reply,
            )
        return reply

    async def close(self) -> None:
        """Give back nothing: there is nothing to give back."""

    def _answer(self, call: Call, key: str, *, malformed: bool) -> Reply:
        if call.sampling.among:
            return self._mark(call, call.sampling.among, key, malformed=malformed)
        schema = call.schema.body if call.schema else None
        if isinstance(call.schema, Tools) and not self._abilities.tools:
            raise toolless(self._identity)
        try:
            value = respond(schema, self._seed, key)
        except InvalidInput as error:
            raise BadRequest(f"{self._identity} refused the schema: {error.message}", hint=error.hint) from error
        text = value if schema is None else orjson.dumps(value).decode()
        finish = "stop"
        if malformed:
            text = f"{text[: max(len(text) // 2, 1)]} …"
        elif call.sampling.max_tokens is not None and len(text) > 4 * call.sampling.max_tokens:
            text, finish = text[: 4 * call.sampling.max_tokens], "length"
        whole = not malformed and finish == "stop"
        top = call.sampling.logprobs
        return Reply(
            text=text,
            model=str(self._identity),
            value=value if whole and schema is not None else None,
            usage=Usage(input=counted(call), output=math.ceil(len(text) / 4)),
            finish=finish,
            request_id=f"scripted-{key[:16]}",
            logprobs=tokens(text, value, schema, top, self._seed, key) if top is not None and whole else None,
        )

    def _mark(self, call: Call, marks: Sequence[str], key: str, *, malformed: bool) -> Reply:
        """Return one of the marks that were asked for, with the log-probabilities of all."""
        text, found = mark_of(marks, call.sampling.logprobs or 0, self._seed, key)
        return Reply(
            text="…" if malformed else text,
            model=str(self._identity),
            usage=Usage(input=counted(call), output=1),
            finish="length",
            request_id=f"scripted-{key[:16]}",
            logprobs=found if call.sampling.logprobs is not None and not malformed else None,
        )

    def _draw_fault(self, key: str) -> str | None:
        """Return the fault of this call's next try; counted by call, so the order of calls does not matter."""
        if len(self._tries) >= _LARGEST_COUNT and key not in self._tries:
            self._tries.pop(next(iter(self._tries)))
        attempt = self._tries[key] = self._tries.get(key, 0) + 1
        drawn = rng(self._seed, "fault", key, attempt).random()
        for name, probability in self._faults.items():
            if drawn < probability:
                return name
            drawn -= probability
        return None


def open_model(name: str = "default", **options: Any) -> ScriptedModel:
    """Return the scripted model; see ``ScriptedModel`` for the options.

    Example:
        >>> open_model(seed=7).identity.provider
        'scripted'
    """
    return ScriptedModel(name, **options)


def counted(call: Call) -> int:
    """Return the input tokens of a call: a quarter of its characters, the schema's included, rounded up."""
    characters = sum(len(message.text) for message in call.messages)
    return math.ceil((characters + (len(call.schema.json) if call.schema else 0)) / 4)


def _checked(faults: Mapping[str, float]) -> dict[str, float]:
    unknown = sorted(set(faults) - set(FAULTS))
    if unknown:
        raise InvalidInput(f"unknown fault {unknown[0]!r}", hint=f"There are: {', '.join(FAULTS)}.")
    if any(not 0 <= one <= 1 for one in faults.values()) or sum(faults.values()) > 1 + 1e-9:
        raise InvalidInput(f"the faults {dict(faults)} are no probabilities", hint="Each 0 to 1, together at most 1.")
    return {name: faults[name] for name in FAULTS if faults.get(name)}


_RAISED: Mapping[str | None, Callable[[str], CallError]] = {
    "rate_limited": lambda who: RateLimited(f"{who} asks for a slower pace", retry_after=0.01, hint="Wait and retry."),
    "provider_down": lambda who: ProviderDown(f"{who} answered with a server error", hint="Retry later."),
    "refused": lambda who: ContentRefused(f"{who} refused to answer", hint="Reword the prompt.", billed=True),
}
