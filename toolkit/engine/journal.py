"""The study's journal: the event stream as JSON lines in ``events.jsonl``, without the one event a call."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import orjson

from toolkit.engine.ledger import Row, told
from toolkit.events import Event, EventStream
from toolkit.redact import Scrubber

__all__ = ["keep_journal"]

_OURS = orjson.OPT_PASSTHROUGH_DATACLASS
"""Dataclasses come to ``_plain``, for a ledger row has a shorter form of its own."""

Sink = Callable[[bytes], object]
"""Takes one line; it is on disk after the writer's next commit."""

_FREQUENT = "call.finished"
"""One a call, and the ledger has it already; failures come as ``call.failed`` too."""


def keep_journal(events: EventStream, sink: Sink, scrubber: Scrubber) -> Callable[[], None]:
    """Write each event but ``call.finished`` as one line: ``at``, ``kind``, and what belongs to it, scrubbed.

    Args:
        events: The stream.
        sink: Where the lines go.
        scrubber: Applied to every text.

    Returns:
        A function that ends it.

    Example:
        >>> lines, events = [], EventStream()
        >>> stop = keep_journal(events, lines.append, Scrubber())
        >>> events.emit("run.started", verb="ask", note="by ada@example.org")
        >>> b"by [email]" in lines[0]
        True
        >>> stop()
    """

    def write(event: Event) -> None:
        body = orjson.loads(orjson.dumps(dict(event.data), default=_plain, option=_OURS))
        sink(orjson.dumps({"at": round(event.at, 6), "kind": event.kind, **scrubber.data(body)}))

    return events.subscribe(write, without=_FREQUENT)


def _plain(value: Any) -> Any:
    """Return what JSON has no form for as something it has; a ledger row without what it leaves empty."""
    if isinstance(value, Row):
        return told(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    return str(value)
