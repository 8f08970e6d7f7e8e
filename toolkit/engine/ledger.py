"""The ledger: one row for every call, live, cached, failed or cancelled; the only accounting there is."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import orjson

from toolkit.engine.cache import Remembered
from toolkit.engine.run import current_run
from toolkit.errors import CallError
from toolkit.events import EventStream
from toolkit.models import Call, Identity, Reply, Responder, Usage
from toolkit.redact import Scrubber

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Booked", "Ledger", "Row"]

Status = Literal["ok", "cached", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Row:
    """One call, as it is written down. Tokens and seconds count as spent today unless ``status`` is ``cached``."""

    run: str
    """Which execution of a verb asked, for example ``ask-3``."""
    stage: str
    item: str
    model: str
    """``provider:model`` that answered, or was asked."""
    status: Status
    key: str
    """The call's key, 64 hex digits."""
    kind: str = ""
    """Class of the failure; empty where there was none."""
    message: str = ""
    """The failure in one line, scrubbed."""
    tries: int = 1
    request_id: str = ""
    """The provider's id of the request."""
    at: float = 0.0
    """When the row was written, in seconds since the epoch."""
    seconds: float = 0.0
    """From asking to having, today: waits, retries and memory included."""
    latency: float | None = None
    """Provider time of the try that succeeded, in seconds; of a cached row the recorded one."""
    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    image: int = 0
    output: int = 0
    reasoning: int = 0


Sink = Callable[[bytes], object]
"""Takes one line; it is on disk after the writer's next commit."""

_TEXTS = ("run", "stage", "item", "model", "status", "key", "kind", "message", "request_id")
_NUMBERS = ("at", "seconds", "latency")
_COUNTS = ("tries", "input", "cached_input", "cache_write", "image", "output", "reasoning")


class Ledger:
    """Rows in columns, in the order in which calls ended; each also goes to the study's ``ledger.jsonl``.

    Args:
        sink: Where rows are appended; ``None`` keeps them in this process only.
        events: Told ``call.finished`` with the row.
        scrubber: Applied to messages.

    Example:
        >>> ledger = Ledger()
        >>> len(ledger.frame())
        0
    """

    def __init__(
        self, sink: Sink | None = None, events: EventStream | None = None, scrubber: Scrubber | None = None
    ) -> None:
        self._sink = sink
        self._events = events or EventStream()
        self._scrubber = scrubber or Scrubber()
        self._texts: dict[str, list[str]] = {name: [] for name in _TEXTS}
        self._numbers: dict[str, array[float]] = {name: array("d") for name in _NUMBERS}
        self._counts: dict[str, array[int]] = {name: array("q") for name in _COUNTS}
        self._runs: dict[str, array[int]] = {}
        self._interned: dict[str, str] = {}

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._counts["tries"])

    def add(self, row: Row) -> None:
        """Write one row down. Runs on the private loop; costs some microseconds."""
        place = len(self)
        for name, texts in self._texts.items():
            value = getattr(row, name)
            texts.append(self._interned.setdefault(value, value) if name not in {"key", "request_id"} else value)
        for name, numbers in self._numbers.items():
            value = getattr(row, name)
            numbers.append(float("nan") if value is None else value)
        for name, counts in self._counts.items():
            counts.append(getattr(row, name))
        self._runs.setdefault(row.run, array("q")).append(place)
        if self._sink is not None:
            self._sink(orjson.dumps(row))
        self._events.emit("call.finished", row=row)

    def rows(self, run: str | None = None) -> Iterator[Row]:
        """Yield the rows, of one run only where it is named."""
        places = range(len(self)) if run is None else self._runs.get(run, array("q"))
        for place in places:
            yield self._row(place)

    def frame(self, run: str | None = None) -> pd.DataFrame:
        """Return the rows as a frame: one row a call, columns as in ``Row``; times in seconds, tokens as counts."""
        import numpy as np
        import pandas as pd

        columns: dict[str, Any] = {}
        for name in Row.__slots__:
            held: Any = self._texts.get(name) or self._numbers.get(name) or self._counts.get(name)
            columns[name] = np.array(held) if isinstance(held, array) else list(held or [])
        frame = pd.DataFrame(columns, columns=list(Row.__slots__))
        if run is not None:
            frame = frame.iloc[list(self._runs.get(run, ()))].reset_index(drop=True)
        for name in ("run", "stage", "model", "status", "kind"):
            frame[name] = frame[name].astype("category")
        frame["at"] = pd.to_datetime(frame["at"], unit="s", utc=True)
        return frame

    def usage(self, run: str | None = None) -> tuple[Usage, Usage]:
        """Return the tokens spent today and those that memory answered for."""
        live, remembered = Usage(), Usage()
        for row in self.rows(run):
            used = Usage(row.input, row.cached_input, row.cache_write, row.image, row.output, row.reasoning)
            if row.status == "cached":
                remembered += used
            else:
                live += used
        return live, remembered

    def write(self, call: Call, key: str, identity: Identity, outcome: Remembered, began: float) -> None:
        """Write down how one call ended."""
        error = outcome if isinstance(outcome, CallError) else None
        reply: Reply | None = outcome.reply if isinstance(outcome, CallError) else outcome
        usage = reply.usage if reply is not None else Usage()
        run = current_run.get()
        cached = reply is not None and reply.cached
        self.add(
            Row(
                run=run.id if run is not None else "",
                stage=call.stage,
                item=call.item,
                model=reply.model if reply is not None else str(identity),
                status="cached" if cached else "failed" if error is not None else "ok",
                key=key,
                kind=error.kind if error is not None else "",
                message=self._scrubber(str(error)) if error is not None else "",
                tries=error.tries if error is not None else reply.tries if reply is not None else 1,
                request_id=((error.request_id if error is not None else None) or (reply.request_id if reply else None))
                or "",
                at=time.time(),
                seconds=time.monotonic() - began,
                latency=reply.latency if reply is not None else None,
                input=usage.input,
                cached_input=usage.cached,
                cache_write=usage.cache_write,
                image=usage.image,
                output=usage.output,
                reasoning=usage.reasoning,
            )
        )

    def _row(self, place: int) -> Row:
        latency = self._numbers["latency"][place]
        return Row(
            **{name: texts[place] for name, texts in self._texts.items()},  # type: ignore[arg-type]
            **{name: counts[place] for name, counts in self._counts.items()},  # type: ignore[arg-type]
            at=self._numbers["at"][place],
            seconds=self._numbers["seconds"][place],
            latency=None if latency != latency else latency,  # noqa: PLR0124  # only NaN differs from itself
        )


class Booked:
    """The outermost layer: every call that passes leaves one row, however it ends."""

    def __init__(self, inner: Responder, ledger: Ledger, identity: Identity) -> None:
        self._inner = inner
        self._ledger = ledger
        self._identity = identity

    async def complete(self, call: Call) -> Reply:
        """Answer, and write the row."""
        began = time.monotonic()
        key = call.key(self._identity)
        try:
            reply = await self._inner.complete(call)
        except CallError as error:
            self._ledger.write(call, key, self._identity, error, began)
            raise
        except asyncio.CancelledError:
            run = current_run.get()
            self._ledger.add(
                Row(
                    run=run.id if run is not None else "",
                    stage=call.stage,
                    item=call.item,
                    model=str(self._identity),
                    status="cancelled",
                    key=key,
                    at=time.time(),
                    seconds=time.monotonic() - began,
                )
            )
            raise
        self._ledger.write(call, key, self._identity, reply, began)
        return reply
