"""A real HTTP server on loopback that speaks the chat-completions protocol, with faults by argument."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import orjson

from toolkit.errors import InvalidInput
from toolkit.testing._wire_answer import Prompt, PromptCache, completion
from toolkit.testing._wire_connection import Connection, Request
from toolkit.testing._wire_faults import Outcome, Refusals, Weather, refusal
from toolkit.testing._wire_images import IMAGE_PATHS, image_request, pictured

__all__ = ["Traffic", "WireServer"]

_START_SECONDS = 10.0
Complete = Callable[[str, str | None, list[tuple[str, str]], float], Outcome]
"""Answers a request by its digest, the fault it meets, headers and delay."""
_OUTSIDE = frozenset({"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "user"})
"""Parameters that change no answer."""


@dataclass(slots=True)
class Traffic:
    """What went over the wire."""

    total: int = 0
    """Chat requests that arrived whole."""
    by_digest: Counter[str] = field(default_factory=Counter)
    """Chat requests by the SHA-256 of their canonical body, without ``prompt_cache_key`` and ``user``."""
    in_flight: int = 0
    """Requests being answered now."""
    peak: int = 0
    """Most requests in flight at once."""
    delivered: int = 0
    """Answers with HTTP 200 written whole to a connection that was open."""
    delivered_by_question: Counter[str] = field(default_factory=Counter)
    """Chat answers with HTTP 200 delivered whole, by the SHA-256 of the body as in ``by_digest`` but without ``model``:
    by what was asked, whoever answered."""
    answer_bytes: int = 0
    """Bytes of the bodies of those answers."""
    admitted: int = 0
    """Chat requests that ``rpm`` let through; those that met another fault afterwards count too."""
    by_status: Counter[int] = field(default_factory=Counter)
    """Answers written, by HTTP status."""
    faults: Counter[str] = field(default_factory=Counter)
    """Faults met, by name."""
    connections: int = 0
    """Connections opened."""

    def begun(self) -> None:
        """Count a request in."""
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)

    def ended(self, outcome: Outcome | None, whole: bool) -> None:  # noqa: FBT001  # a callback with a fact
        """Count its answer out."""
        self.in_flight -= 1
        if outcome is None or not whole:
            return
        self.by_status[outcome.status] += 1
        if outcome.status == 200:  # noqa: PLR2004  # HTTP's OK
            self.delivered += 1
            if outcome.question:
                self.delivered_by_question[outcome.question] += 1
                self.answer_bytes += len(outcome.body)

    def as_json(self) -> dict[str, Any]:
        """Return the numbers as ``GET /stats`` gives them."""
        return {
            "total": self.total,
            "distinct": len(self.by_digest),
            "by_digest": dict(self.by_digest),
            "in_flight": self.in_flight,
            "peak": self.peak,
            "delivered": self.delivered,
            "delivered_by_question": dict(self.delivered_by_question),
            "answer_bytes": self.answer_bytes,
            "admitted": self.admitted,
            "by_status": {str(status): n for status, n in sorted(self.by_status.items())},
            "faults": dict(self.faults),
            "connections": self.connections,
        }


class WireServer:
    """An OpenAI-compatible endpoint on ``127.0.0.1``, for tests through the real client.

    Answers are made from each request's JSON schema; equal requests get equal answers. It serves
    ``POST /v1/chat/completions``, ``POST /v1/images/generations`` and ``/v1/images/edits`` (a PNG of the size asked
    for), ``GET /v1/models`` and ``GET /stats``, on a thread and loop of its own.

    Args:
        seed: The seed of answers, faults and latencies.
        key: The API key it asks for; ``None`` asks for none.
        port: Where to listen; 0 takes a free one.
        latency: Seconds an answer takes, or (median, 95th percentile) of a log-normal distribution.
        faults: Probabilities by name, see ``WIRE_FAULTS``; drawn by seed, request digest and occurrence.
        script: Faults (or ``ok``) of the first requests in the order they arrive; then the probabilities hold.
        burst: Requests in a row that a drawn ``rate_limited`` meets; its probability stays its share of all requests.
        retry_after: The value of ``retry-after`` with HTTP 429 and 503: seconds, or text as it stands. Where
            ``rpm`` is reached, the time until it admits again.
        rpm: Requests admitted in any ``window``; more get 429 with the time to wait.
        window: Seconds of ``rpm``.
        outages: Spans (begin, end) in seconds since the start, by model or ``*``, in which it answers 503.
        models: The models it has; ``None`` has any.
        refused_parameters: Parameters it answers with HTTP 400 that names them.
        images: False refuses pictures with HTTP 500, as llama.cpp does.
        context: Longest prompt in tokens; more gets HTTP 400.
        keep_bodies: Whether ``bodies`` keeps every request.
        clock: Seconds, for ``rpm`` and ``outages``.

    Attributes:
        requests: What went over the wire, see ``Traffic``.
        bodies: The requests' JSON in order of arrival, where they are kept.

    Example:
        >>> with WireServer() as wire:
        ...     wire.url.startswith("http://127.0.0.1:")
        True
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        key: str | None = "wire-key",
        port: int = 0,
        latency: float | tuple[float, float] = 0.0,
        faults: Mapping[str, float] | None = None,
        script: Iterable[str] = (),
        burst: int = 1,
        retry_after: float | str = 0.05,
        rpm: int | None = None,
        window: float = 60.0,
        outages: Mapping[str, Sequence[tuple[float, float]]] | None = None,
        models: Collection[str] | None = None,
        refused_parameters: Collection[str] = (),
        images: bool = True,
        context: int | None = None,
        keep_bodies: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key = key
        self.requests = Traffic()
        self.bodies: list[dict[str, Any]] = []
        self._seed = seed
        self._wanted_port = port
        self._keep = keep_bodies
        self._refusals = Refusals(key, models, refused_parameters, images, context)
        self._weather = Weather(
            seed=seed,
            faults=faults or {},
            script=script,
            latency=tuple(latency) if isinstance(latency, list) else latency,  # JSON has no tuples
            retry_after=retry_after,
            rpm=rpm,
            window=window,
            outages=outages or {},
            clock=clock,
            burst=burst,
        )
        self._prompts = PromptCache()
        self._open: set[Connection] = set()
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base URL for clients, ``/v1`` included."""
        return f"http://127.0.0.1:{self._port}/v1"

    def start(self) -> Self:
        """Listen; returns when the address is open.

        Raises:
            InvalidInput: The port is taken.
        """
        ready = threading.Event()
        failure: list[OSError] = []

        def serve() -> None:
            try:
                asyncio.run(self._serve(ready))
            except OSError as error:
                failure.append(error)
                ready.set()

        self._thread = threading.Thread(target=serve, name="wire-server", daemon=True)
        self._thread.start()
        ready.wait(_START_SECONDS)
        if failure:
            raise InvalidInput(f"port {self._wanted_port} cannot be opened: {failure[0].strerror}", hint="Take port 0.")
        return self

    def stop(self) -> None:
        """Cut every connection and end the thread; calling it twice is harmless."""
        if self._loop is not None and self._stop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_START_SECONDS)
            self._loop = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _serve(self, ready: threading.Event) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await loop.create_server(self._connection, "127.0.0.1", self._wanted_port, backlog=1024)
        self._port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        server.close()
        for connection in list(self._open):
            connection.close()
        await server.wait_closed()
        await asyncio.sleep(0)  # lets the transports say that they are gone

    def _connection(self) -> Connection:
        self.requests.connections += 1
        return Connection(self._answer, self.requests.begun, self.requests.ended, self._open)

    def _answer(self, request: Request) -> Outcome:
        if request.method == "GET" and request.path == "/stats":
            return Outcome(200, orjson.dumps(self.requests.as_json()))
        refused = self._refusals.of_key(request.authorization)
        if refused is not None:
            return _refused(refused)
        if request.method == "GET" and request.path == "/v1/models":
            models = sorted(self._refusals.models or ("wire",))
            return Outcome(
                200, orjson.dumps({"object": "list", "data": [{"id": m, "object": "model"} for m in models]})
            )
        if request.method == "POST" and request.path in IMAGE_PATHS:
            return self._image(request)
        if request.method == "POST" and request.path == "/v1/chat/completions":
            return self._chat(request)
        return _refused(refusal(404, "not_found", f"Nothing at {request.method} {request.path}"))

    def _image(self, request: Request) -> Outcome:
        try:
            body = image_request(request.path, request.body)
        except (ValueError, LookupError, TypeError):
            return _refused(refusal(400, "invalid_request_error", "The body is not an images request"))
        return self._met(
            body, 0, 0, lambda digest, fault, headers, delay: pictured(body, digest, fault, headers, delay)
        )

    def _chat(self, request: Request) -> Outcome:
        try:
            body = orjson.loads(request.body)
            prompt = Prompt(body)
        except (ValueError, LookupError, TypeError):
            return _refused(refusal(400, "invalid_request_error", "The body is not a chat-completions request"))

        def complete(digest: str, fault: str | None, headers: list[tuple[str, str]], delay: float) -> Outcome:
            return self._completed(body, prompt, digest, fault, headers, delay)

        return self._met(body, prompt.tokens, prompt.pictures, complete)

    def _met(self, body: dict[str, Any], tokens: int, pictures: int, complete: Complete) -> Outcome:
        """Count a request, and let it meet what it is to meet before it is answered."""
        counted = {name: value for name, value in body.items() if name not in _OUTSIDE}
        digest = hashlib.sha256(orjson.dumps(counted, option=orjson.OPT_SORT_KEYS)).hexdigest()
        self.requests.total += 1
        self.requests.by_digest[digest] += 1
        occurrence = self.requests.by_digest[digest]
        if self._keep:
            self.bodies.append(body)
        headers = [("x-request-id", f"req_{digest[:16]}_{occurrence}")]
        refused = self._refusals.of_body(body, tokens, pictures)
        if refused is not None:
            return _refused(refused, headers)
        fault = self._weather.fault(digest, occurrence, str(body.get("model")))
        self.requests.admitted = self._weather.admitted
        if fault is not None:
            self.requests.faults[fault] += 1
        headers += self._weather.ceiling()
        delay = self._weather.delay(digest, occurrence)
        refused = self._weather.refusal(fault) if fault else None
        if refused is not None:
            if fault in {"rate_limited", "unavailable"}:
                headers.append(("retry-after", self._weather.wait()))
            return _refused(refused, headers, delay)
        return complete(digest, fault, headers, delay)

    def _completed(
        self,
        body: dict[str, Any],
        prompt: Prompt,
        digest: str,
        fault: str | None,
        headers: list[tuple[str, str]],
        delay: float,
    ) -> Outcome:
        if fault == "garbage":
            return Outcome(200, b"<html>gateway</html>", tuple(headers), delay)
        if fault == "disguised":
            error = {"error": {"message": "Provider returned error", "code": 502}}
            return Outcome(200, orjson.dumps(error), tuple(headers), delay)
        cached = self._prompts.cached(str(body.get("prompt_cache_key") or body.get("model")), prompt)
        try:
            answer = completion(body, prompt, cached, digest, self._seed, fault)
        except InvalidInput as error:
            place = "tools" if "tools" in body else "response_format"
            said = f"Invalid schema for {place}: {error.message}"
            return _refused(refusal(400, "invalid_request_error", said, place), headers, delay)
        ending = fault if fault in {"drop", "drop_mid", "hang"} else ""
        return Outcome(200, answer, tuple(headers), delay, ending or "", _question(body))


def _question(body: Mapping[str, Any]) -> str:
    """Return the digest of what is asked, whoever is asked."""
    asked = {name: value for name, value in body.items() if name not in _OUTSIDE and name != "model"}
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _refused(
    refused: tuple[int, dict[str, Any]], headers: Iterable[tuple[str, str]] = (), delay: float = 0.0
) -> Outcome:
    status, body = refused
    return Outcome(status, orjson.dumps(body), tuple(headers), delay)
