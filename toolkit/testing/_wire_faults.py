"""What can go wrong on the wire, drawn by seed for each request and its occurrence."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.errors import InvalidInput
from toolkit.seeds import rng

__all__ = ["WIRE_FAULTS", "Outcome", "Refusals", "Weather", "refusal"]

WIRE_FAULTS: Mapping[str, str] = {
    "rate_limited": "HTTP 429 with Retry-After",
    "no_quota": "HTTP 429, insufficient_quota",
    "server_error": "HTTP 500",
    "unavailable": "HTTP 503",
    "drop": "the connection is closed instead of an answer",
    "drop_mid": "the connection is closed in the middle of the answer",
    "hang": "nothing ever comes",
    "garbage": "HTTP 200 with a body that is not JSON",
    "disguised": "HTTP 200 that holds an error instead of choices",
    "malformed": "a reply whose text is not JSON",
    "truncated": "a reply whose text is cut off, finish_reason length",
    "off_schema": "a reply whose text is JSON of another shape",
    "empty": "a reply without text",
    "no_call": "a reply in text where functions are offered",
    "two_calls": "a reply that calls a function twice",
    "other_call": "a reply that calls a function nobody offered",
    "refusal": "a reply with a refusal instead of text",
    "content_filter": "a reply stopped by the content filter",
    "filtered_prompt": "HTTP 400, content_filter",
    "context": "HTTP 400, context_length_exceeded",
    "bad_schema": "HTTP 400 about the schema",
    "unauthorized": "HTTP 401",
    "forbidden": "HTTP 403",
    "no_model": "HTTP 404",
}
"""Every fault by name, with what it looks like."""

_REFUSALS: Mapping[str, tuple[int, str, str, str | None]] = {
    "rate_limited": (429, "rate_limit_exceeded", "Rate limit reached for requests", None),
    "no_quota": (429, "insufficient_quota", "You exceeded your current quota", None),
    "server_error": (500, "server_error", "The server had an error", None),
    "unavailable": (503, "unavailable", "The server is overloaded", None),
    "filtered_prompt": (400, "content_filter", "The prompt was flagged", "messages"),
    "context": (400, "context_length_exceeded", "This model's maximum context length is exceeded", "messages"),
    "bad_schema": (400, "invalid_request_error", "Invalid schema for response_format", "response_format"),
    "unauthorized": (401, "invalid_api_key", "Incorrect API key provided", None),
    "forbidden": (403, "forbidden", "This key may not use this model", None),
    "no_model": (404, "model_not_found", "The model does not exist", "model"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What goes back for one request."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    """Seconds before it goes."""
    ending: str = ""
    """``drop``, ``drop_mid`` or ``hang`` where it does not go as it should."""
    question: str = ""
    """What was asked, see ``Traffic.delivered_by_question``."""


def refusal(status: int, code: str, message: str, param: str | None = None) -> tuple[int, dict[str, Any]]:
    """Return a status and the error body providers send with it."""
    return status, {"error": {"message": message, "type": code, "param": param, "code": code}}


@dataclass(slots=True)
class Refusals:
    """What the server refuses by rule, whatever the weather."""

    key: str | None
    """The key it asks for; none asks for none."""
    models: Collection[str] | None
    """The models it has; none has any."""
    parameters: Collection[str]
    """Parameters it answers with HTTP 400, named."""
    images: bool
    """False refuses pictures with HTTP 500, as llama.cpp does without eyes."""
    context: int | None
    """Longest prompt, in tokens."""

    def of_key(self, authorization: str) -> tuple[int, dict[str, Any]] | None:
        """Return the refusal of a key."""
        if self.key is None or authorization == f"Bearer {self.key}":
            return None
        given = authorization.removeprefix("Bearer ")
        return refusal(401, "invalid_api_key", f"Incorrect API key provided: {given}. You can find your key online.")

    def of_body(self, body: Mapping[str, Any], prompt_tokens: int, pictures: int) -> tuple[int, dict[str, Any]] | None:
        """Return the refusal of a request."""
        if self.models is not None and body.get("model") not in self.models:
            return refusal(404, "model_not_found", f"The model {body.get('model')!r} does not exist", "model")
        for name in ("stream", *self.parameters):
            if body.get(name):
                return refusal(400, "unknown_parameter", f"Unknown parameter: '{name}'.", name)
        if pictures and not self.images:
            said = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
            return 500, {"error": {"code": 500, "message": said, "type": "server_error"}}
        if self.context is not None and prompt_tokens > self.context:
            said = f"This model's maximum context length is {self.context} tokens; your messages have {prompt_tokens}."
            return refusal(400, "context_length_exceeded", said, "messages")
        return None


@dataclass(slots=True)
class Weather:
    """Faults and delays, reproducible by seed, request digest and occurrence."""

    seed: int
    faults: Mapping[str, float]
    script: Iterable[str]
    latency: float | tuple[float, float]
    retry_after: float | str
    rpm: int | None
    window: float
    outages: Mapping[str, Sequence[tuple[float, float]]]
    clock: Callable[[], float]
    burst: int = 1
    _scripted: deque[str] = field(init=False)
    _accepted: deque[float] = field(init=False, default_factory=deque)
    _born: float = field(init=False)
    admitted: int = field(init=False, default=0)
    """Requests that the ceiling let through so far."""
    _burst_left: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._scripted = deque(self.script)
        self._born = self.clock()
        unknown = sorted(({*self.faults, *self._scripted} - set(WIRE_FAULTS)) - {"ok"})
        if unknown:
            raise InvalidInput(f"unknown fault {unknown[0]!r}", hint=f"There are: {', '.join(WIRE_FAULTS)}.")
        if any(not 0 <= one <= 1 for one in self.faults.values()) or sum(self.faults.values()) > 1 + 1e-9:
            raise InvalidInput(f"the faults {dict(self.faults)} are no probabilities", hint="Together at most 1.")
        if self.burst < 1:
            raise InvalidInput(f"burst is {self.burst}", hint="Give a whole number from 1.")
        share = self.faults.get("rate_limited", 0.0)
        if share and self.burst > 1:
            # A burst takes its first request from those that are drawn for, so that the share of all stays as given.
            begins = share / (self.burst * (1.0 - share) + share)
            self.faults = {**self.faults, "rate_limited": begins}

    def fault(self, digest: str, occurrence: int, model: str) -> str | None:
        """Return the fault this request meets, if any: the script first, then outages, the ceiling and the draw."""
        if self._scripted:
            scripted = self._scripted.popleft()
            return None if scripted == "ok" else scripted
        if self.outages and self._out(model):
            return "unavailable"
        if self.rpm is not None and not self._admitted(self.rpm):
            return "rate_limited"
        if self._burst_left:
            self._burst_left -= 1
            return "rate_limited"
        drawn = self._drawn(digest, occurrence) if self.faults else None
        if drawn == "rate_limited":
            self._burst_left = self.burst - 1
        return drawn

    def delay(self, digest: str, occurrence: int) -> float:
        """Return the seconds this request takes: fixed, or log-normal by median and 95th percentile."""
        if not isinstance(self.latency, tuple):
            return self.latency
        median, high = self.latency
        spread = math.log(max(high, median) / median) / 1.6449  # the normal distribution's 95th percentile
        return median * math.exp(spread * rng(self.seed, "latency", digest, occurrence).gauss())

    def wait(self) -> str:
        """Return the value of ``retry-after``: until the ceiling admits again where it is reached, else as set."""
        if self.remaining() == 0:
            return f"{max(self._accepted[0] + self.window - self.clock(), 0.001):.3f}"
        return str(self.retry_after)

    def refusal(self, fault: str) -> tuple[int, dict[str, Any]] | None:
        """Return status and body for a fault that has a status of its own."""
        known = _REFUSALS.get(fault)
        return refusal(*known) if known else None

    def remaining(self) -> int | None:
        """Return how many requests the ceiling still admits now."""
        return None if self.rpm is None else max(self.rpm - len(self._accepted), 0)

    def ceiling(self) -> list[tuple[str, str]]:
        """Return the headers that tell the ceiling, a minute as providers tell it whatever the window is."""
        remaining = self.remaining()
        if self.rpm is None or remaining is None:
            return []
        minute = 60.0 / self.window
        return [
            ("x-ratelimit-limit-requests", f"{self.rpm * minute:.0f}"),
            ("x-ratelimit-remaining-requests", f"{remaining * minute:.0f}"),
        ]

    def _drawn(self, digest: str, occurrence: int) -> str | None:
        drawn = rng(self.seed, "wire", digest, occurrence).random()
        for name, probability in self.faults.items():
            if drawn < probability:
                return name
            drawn -= probability
        return None

    def _out(self, model: str) -> bool:
        now = self.clock() - self._born
        spans = (*self.outages.get(model, ()), *self.outages.get("*", ()))
        return any(begin <= now < end for begin, end in spans)

    def _admitted(self, rpm: int) -> bool:
        now = self.clock()
        while self._accepted and self._accepted[0] <= now - self.window:
            self._accepted.popleft()
        if len(self._accepted) >= rpm:
            return False
        self._accepted.append(now)
        self.admitted += 1
        return True
