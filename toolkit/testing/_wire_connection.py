"""HTTP/1.1 on one connection, as much as model clients use: keep-alive, Content-Length bodies, one answer at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from toolkit.testing._wire_faults import Outcome

__all__ = ["Connection", "Request"]

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
            411: "Length Required", 413: "Content Too Large", 429: "Too Many Requests",
            500: "Internal Server Error", 503: "Service Unavailable"}  # fmt: skip
_LARGEST_HEAD = 64 * 1024
_LARGEST_BODY = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    authorization: str
    body: bytes


class Connection(asyncio.Protocol):
    """Reads requests and writes outcomes; a raw protocol, so that the server costs little beside what it measures.

    Args:
        answer: Gives the outcome of a request, at once.
        begun: Told when a whole request has arrived.
        ended: Told when its answer is written whole (True) or will never be (False).
        opened: The set of open connections.
    """

    def __init__(
        self,
        answer: Callable[[Request], Outcome],
        begun: Callable[[], None],
        ended: Callable[[Outcome | None, bool], None],
        opened: set[Connection],
    ) -> None:
        self._answer = answer
        self._begun = begun
        self._ended = ended
        self._opened = opened
        self._buffer = bytearray()
        self._pending: asyncio.TimerHandle | None = None
        self._busy = False
        self._last = False
        self._expected = False
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the protocol's signature
        """Forget what was pending: the client went away."""
        self._opened.discard(self)
        if self._pending is not None:
            self._pending.cancel()
        if self._busy:
            self._busy = False
            self._ended(None, False)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and answer when they make a request."""
        self._buffer += data
        self._next()

    def close(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _next(self) -> None:
        while not self._busy and not self._transport.is_closing():
            request = self._take()
            if request is None:
                return
            self._busy = True
            self._begun()
            outcome = self._answer(request)
            if outcome.ending == "hang":
                return
            if outcome.delay > 0:
                loop = asyncio.get_running_loop()
                self._pending = loop.call_later(outcome.delay, self._deliver_and_go_on, outcome)
            else:
                self._deliver(outcome)

    def _deliver_and_go_on(self, outcome: Outcome) -> None:
        self._pending = None
        self._deliver(outcome)
        self._next()

    def _deliver(self, outcome: Outcome) -> None:
        self._busy = False
        whole = self._write(outcome)
        self._ended(outcome, whole)
        if self._last:
            self._transport.close()

    def _write(self, outcome: Outcome) -> bool:
        if outcome.ending == "drop":
            self._transport.abort()
            return False
        lines = [
            f"HTTP/1.1 {outcome.status} {_REASONS.get(outcome.status, 'Status')}",
            "content-type: application/json",
        ]
        lines += [f"{name}: {value}" for name, value in outcome.headers]
        lines.append(f"content-length: {len(outcome.body)}\r\n\r\n")
        head = "\r\n".join(lines).encode("latin-1")
        if outcome.ending == "drop_mid":
            self._transport.write(head + outcome.body[: len(outcome.body) // 2])
            self._transport.close()
            return False
        self._transport.write(head + outcome.body)
        return True

    def _take(self) -> Request | None:
        """Return the next whole request in the buffer."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _LARGEST_HEAD:
                self.close()
            return None
        head = self._buffer[:end].decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdecimal() or int(length) > _LARGEST_BODY:
            self._transport.write(b"HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self._transport.close()
            return None
        begin = end + 4
        if len(self._buffer) < begin + int(length):
            if headers.get("expect", "").lower() == "100-continue" and not self._expected:
                self._expected = True
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        body = bytes(self._buffer[begin : begin + int(length)])
        del self._buffer[: begin + int(length)]
        self._expected = False
        self._last = headers.get("connection", "").lower() == "close"
        method, _, rest = first.partition(" ")
        return Request(method, rest.partition(" ")[0].partition("?")[0], headers.get("authorization", ""), body)
