"""One stream of small events: lower floors emit, upper floors subscribe."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from toolkit.redact import scrub

__all__ = ["Event", "EventStream", "Listener"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    kind: str
    """What happened, in dots: ``call.finished``, ``run.started``, ``round.completed``."""
    at: float
    """When, in seconds since the epoch."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What belongs to it; scrubbed before it is written anywhere."""


Listener = Callable[[Event], None]


class EventStream:
    """Hands each event to every listener; a listener that fails is logged once and dropped, the others go on.

    Listeners are called on the emitting thread, so they must return at once.

    Example:
        >>> stream = EventStream()
        >>> seen = []
        >>> stop = stream.subscribe(seen.append)
        >>> stream.emit("run.started", stage="questions")
        >>> seen[0].kind, seen[0].data["stage"]
        ('run.started', 'questions')
        >>> stop()
    """

    def __init__(self) -> None:
        self._listeners: tuple[tuple[str, str | None, Listener], ...] = ()
        self._lock = threading.Lock()

    def subscribe(self, listener: Listener, kind: str = "", *, without: str | None = None) -> Callable[[], None]:
        """Call ``listener`` for each event whose kind starts with ``kind``.

        Args:
            listener: What to call.
            kind: Beginning of the kinds to hear; empty for all.
            without: One kind not to hear, so that a frequent one costs nothing.

        Returns:
            A function that ends the subscription; calling it twice is harmless.
        """
        entry = (kind, without, listener)
        with self._lock:
            self._listeners = (*self._listeners, entry)

        def stop() -> None:
            self._drop(entry)

        return stop

    def emit(self, kind: str, /, **data: Any) -> None:
        """Hand one event to the listeners; costs next to nothing when there are none."""
        listeners = self._listeners
        if not listeners:
            return
        event: Event | None = None
        for entry in listeners:
            prefix, without, listener = entry
            if kind == without or not kind.startswith(prefix):
                continue
            event = event or Event(kind, time.time(), data)
            try:
                listener(event)
            except Exception:  # noqa: BLE001  # a listener is foreign code; it must not stop a run
                if self._drop(entry):
                    why = scrub(traceback.format_exc())  # logging's own traceback would not be scrubbed
                    _log.error("a listener for %r events failed and is dropped: %s", prefix or "all", why)

    def _drop(self, entry: tuple[str, str | None, Listener]) -> bool:
        """Take a listener out; False where it is out already."""
        with self._lock:
            there = any(one is entry for one in self._listeners)
            self._listeners = tuple(one for one in self._listeners if one is not entry)
        return there
