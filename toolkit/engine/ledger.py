"""The ledger: one row for every call, live, cached, failed or cancelled; the only accounting there is."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any, Literal

from toolkit.engine.cache import Remembered
from toolkit.engine.ledger_lines import Lines
from toolkit.engine.prices import NOBODY, Cost, PriceBook
from toolkit.engine.run import current_run
from toolkit.engine.tries import Tries, current_tries
from toolkit.errors import BudgetReached, CallError
from toolkit.events import EventStream
from toolkit.models import Call, Identity, Reply, Responder, Usage
from toolkit.redact import Scrubber

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Booked", "Ledger", "Money", "Row"]

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
    cost: float | None = None
    """USD spent today; 0 for what memory answered or nobody bills, null where the price or the tokens are unknown."""
    recorded_cost: float | None = None
    """USD that the reply cost when it came: of a cached row what memory saved."""
    price_version: str = ""
    """Whose price it is and of what day."""
    unseen: int = 0
    """Tries that the provider may bill though no reply was seen; they are in no sum of tokens or money."""


@dataclass(frozen=True, slots=True)
class Money:
    """What calls cost, in USD."""

    spent: float
    """What is known of today's spending."""
    saved: float
    """What the replies that memory gave had cost."""
    unpriced: int
    """Replies of today whose price is unknown; they are not in ``spent``."""
    unseen: int
    """Tries that the provider may bill though no reply was seen; they are not in ``spent``."""


Sink = Callable[[bytes], object]
"""Takes one line; it is on disk after the writer's next commit."""

_EMPTY = frozenset({"", 0, None})
"""What says nothing; left out of lines, which are a good part of what a study writes."""
_DIGITS = 4
"""Digits of seconds that lines keep."""

_TEXTS = ("run", "stage", "item", "model", "status", "key", "kind", "message", "request_id", "price_version")
_DISTINCT = frozenset({"item", "key", "request_id"})
"""Texts that are another one in each row, so that a table of those seen saves nothing."""
_NUMBERS = ("at", "seconds", "latency", "cost", "recorded_cost")
_TIMES = frozenset({"at", "seconds", "latency"})
_NAMES = tuple(Row.__slots__)
_TOKENS = ("input", "cached_input", "cache_write", "image", "output", "reasoning")
_COUNTS = ("tries", *_TOKENS, "unseen")


def told(row: Row) -> dict[str, Any]:
    """Return what a row has to tell: all but what is empty, 0, null, 1 try, or a recorded cost that is today's.

    Example:
        >>> told(Row("ask-1", "questions", "p0001", "scripted:default", "ok", "ab12", at=1.5))["at"]
        1.5
    """
    held: dict[str, Any] = {}
    for name in _NAMES:
        value = getattr(row, name)
        if value in _EMPTY or (name == "tries" and value == 1):
            continue
        if name == "recorded_cost" and value == row.cost:
            continue
        held[name] = round(value, _DIGITS) if name in _TIMES else value
    return held


class Ledger:
    """Rows in columns, in the order in which calls ended; each also goes to the study's ``ledger.jsonl``.

    Args:
        sink: Where rows are appended; ``None`` keeps them in this process only.
        events: Told ``call.finished`` with the row.
        scrubber: Applied to messages.
        prices: What replies cost; by default list prices.

    Example:
        >>> ledger = Ledger()
        >>> len(ledger.frame())
        0
    """

    def __init__(
        self,
        sink: Sink | None = None,
        events: EventStream | None = None,
        scrubber: Scrubber | None = None,
        prices: PriceBook | None = None,
    ) -> None:
        self.prices = prices or PriceBook()
        self._sink = sink
        self._events = events or EventStream()
        self.scrubber = scrubber or Scrubber()
        self._texts: dict[str, list[str]] = {name: [] for name in _TEXTS}
        self._numbers: dict[str, array[float]] = {name: array("d") for name in _NUMBERS}
        self._counts: dict[str, array[int]] = {name: array("q") for name in _COUNTS}
        self._runs: dict[str, array[int]] = {}
        self._interned: dict[str, str] = {}
        self._lines = Lines()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._counts["tries"])

    def add(self, row: Row) -> None:
        """Write one row down. Runs on the private loop; costs some microseconds."""
        place = len(self)
        for name, texts in self._texts.items():
            value = getattr(row, name)
            texts.append(value if name in _DISTINCT else self._interned.setdefault(value, value))
        for name, numbers in self._numbers.items():
            value = getattr(row, name)
            numbers.append(float("nan") if value is None else value)
        for name, counts in self._counts.items():
            counts.append(getattr(row, name))
        self._runs.setdefault(row.run, array("q")).append(place)
        if self._sink is not None:
            self._sink(self._lines.line(told(row)))
        self._events.emit("call.finished", row=row)
        if row.status == "failed":
            self._events.emit("call.failed", row=row)

    def rows(self, run: str | None = None) -> Iterator[Row]:
        """Yield the rows, of one run only where it is named."""
        places = range(len(self)) if run is None else self._runs.get(run, array("q"))
        for place in places:
            yield self._row(place)

    def column(self, name: str, run: str | None = None) -> list[Any]:
        """Return one column, of one run's rows where it is named, quickly; a number that is not known is NaN."""
        held: Any = self._texts.get(name) or self._numbers.get(name) or self._counts.get(name) or ()
        return list(held) if run is None else [held[place] for place in self._runs.get(run, ())]

    def columns(self, names: Sequence[str], start: int = 0, stop: int | None = None) -> dict[str, Any]:
        """Return columns of the rows from ``start`` to before ``stop``, as lists and arrays; unknown numbers are NaN.

        Call it on the private loop, where rows are added.
        """
        held: dict[str, Any] = {**self._texts, **self._numbers, **self._counts}
        return {name: held[name][start:stop] for name in names}

    def frame(self, run: str | None = None) -> pd.DataFrame:
        """Return the rows as a frame: one row a call, columns as in ``Row``; times in seconds, tokens as counts."""
        import numpy as np
        import pandas as pd

        columns: dict[str, Any] = {name: self.column(name, run) for name in Row.__slots__}
        columns |= {name: np.array(columns[name], dtype=np.float64) for name in _NUMBERS}
        columns |= {name: np.array(columns[name], dtype=np.int64) for name in _COUNTS}
        frame = pd.DataFrame(columns, columns=list(Row.__slots__))
        for name in ("run", "stage", "model", "status", "kind"):
            frame[name] = frame[name].astype("category")
        frame["at"] = pd.to_datetime(frame["at"], unit="s", utc=True)
        return frame

    def histogram(self, stage: str | None = None, *, run: str | None = None) -> pd.DataFrame:
        """Return how long calls took, by stage: one row for each stage and span of seconds, cached ones counted apart.

        Args:
            stage: One stage only.
            run: One run only.

        Returns:
            Columns ``stage``, ``low`` and ``high`` (seconds, each twice as long as the one before), ``live`` and
            ``failed`` (by the seconds from asking to having) and ``cached`` (memory's own time).

        Example:
            >>> list(Ledger().histogram().columns)
            ['stage', 'low', 'high', 'live', 'failed', 'cached']
        """
        from toolkit.engine.histogram import histogram

        return histogram(row for row in self.rows(run) if stage in {None, row.stage})

    def usage(self, run: str | None = None) -> tuple[Usage, Usage]:
        """Return the tokens spent today and those that memory answered for."""
        cached = [one == "cached" for one in self.column("status", run)]
        saved: list[int] = []
        whole: list[int] = []
        for name in _TOKENS:
            counts = self.column(name, run)
            saved.append(sum(compress(counts, cached)))
            whole.append(sum(counts))
        live = (every - kept for every, kept in zip(whole, saved, strict=True))
        return Usage(*live), Usage(*saved)

    def money(self, run: str | None = None) -> Money:
        """Return what was spent today and what memory saved, in USD.

        Example:
            >>> Ledger().money().spent
            0.0
        """
        spent, saved, unpriced = 0.0, 0.0, 0
        names = ("status", "cost", "recorded_cost", "input", "output")
        for status, cost, recorded, *tokens in zip(*(self.column(name, run) for name in names), strict=True):
            if status == "cached":
                saved += recorded if recorded == recorded else 0.0  # noqa: PLR0124  # NaN: not known
            elif cost == cost:  # noqa: PLR0124  # see above
                spent += cost
            else:
                unpriced += bool(any(tokens) or status == "ok")
        unseen = sum(self.column("unseen", run))
        return Money(spent, saved, unpriced, unseen)

    def write(
        self, call: Call, key: str, identity: Identity, outcome: Remembered, began: float, tries: Tries | None = None
    ) -> None:
        """Write down how one call ended."""
        error = outcome if isinstance(outcome, CallError) else None
        if error is not None:
            error.book(call.stage, call.item, self.scrubber)
        reply: Reply | None = outcome.reply if isinstance(outcome, CallError) else outcome
        usage = reply.usage if reply is not None else Usage()
        run = current_run.get()
        cached = reply is not None and reply.cached
        unseen = tries.unseen if tries is not None else 0
        cost, recorded, version = self._cost(reply, usage, unseen)
        self.add(
            Row(
                run=run.id if run is not None else "",
                stage=call.stage,
                item=call.item,
                model=reply.model if reply is not None else str(identity),
                status="cached" if cached else "failed" if error is not None else "ok",
                key=key,
                kind=error.kind if error is not None else "",
                message=str(error) if error is not None else "",
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
                cost=cost,
                recorded_cost=recorded,
                price_version=version,
                unseen=unseen,
            )
        )

    def _cost(self, reply: Reply | None, usage: Usage, unseen: int) -> tuple[float | None, float | None, str]:
        """Return what was spent today, what the reply cost when it came, and by whose price."""
        if reply is None:
            return (None if unseen else 0.0), None, ""
        if reply.cost is not None:  # what it cost when it came, whatever the price is today
            cost: Cost | None = Cost(reply.cost, reply.price_version)
        else:
            cost = self.prices.cost(reply.model, usage, reply.started if reply.cached else None)
        recorded = cost.usd if cost is not None else None
        today = recorded
        if reply.cached:
            today = None if reply.model.startswith(f"{NOBODY}:") else 0.0
        return today, recorded, cost.version if cost is not None else ""

    def _row(self, place: int) -> Row:
        numbers = {name: column[place] for name, column in self._numbers.items()}
        return Row(
            **{name: texts[place] for name, texts in self._texts.items()},  # type: ignore[arg-type]
            **{name: counts[place] for name, counts in self._counts.items()},  # type: ignore[arg-type]
            **{name: None if one != one else one for name, one in numbers.items()},  # type: ignore[arg-type]  # noqa: PLR0124  # only NaN differs from itself
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
        tries = Tries()
        token = current_tries.set(tries)
        try:
            reply = await self._inner.complete(call)
        except CallError as error:
            self._ledger.write(call, key, self._identity, error, began, tries)
            raise
        except asyncio.CancelledError:
            if tries.sent:  # what was not sent at all leaves no row
                self._write_unfinished(call, key, "cancelled", began, tries)
            raise
        except BudgetReached:
            if tries.sent:  # a further try was refused
                self._write_unfinished(call, key, "failed", began, tries)
            raise
        finally:
            current_tries.reset(token)
        self._ledger.write(call, key, self._identity, reply, began, tries)
        return reply

    def _write_unfinished(self, call: Call, key: str, status: Status, began: float, tries: Tries) -> None:
        run = current_run.get()
        self._ledger.add(
            Row(
                run=run.id if run is not None else "",
                stage=call.stage,
                item=call.item,
                model=str(self._identity),
                status=status,
                key=key,
                kind="budget" if status == "failed" else "",
                tries=max(1, tries.sent),
                at=time.time(),
                seconds=time.monotonic() - began,
                cost=None if tries.unseen else 0.0,
                unseen=tries.unseen,
            )
        )
