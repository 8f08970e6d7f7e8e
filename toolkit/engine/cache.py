"""The layer that remembers: memory's modes, single flight, and bulk look-up."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson

from toolkit.engine.run import Run, current_run
from toolkit.errors import CallError, DramatisError, ReplayMiss
from toolkit.memory import REPLIES, Capsule, Entry, SealedStore, Store, Ticket
from toolkit.models import Call, Identity, Reply, Responder, Usage

__all__ = ["Cache", "Mode", "Remembered", "decode", "encode", "encode_error"]

Remembered = Reply | CallError
"""What memory can hold for a call: the reply, or a reply that was refused (it was paid, and replays the same)."""

Mode = Literal["off", "read", "refresh", "write", "replay"]

TIMELESS = frozenset({"authored", "sketch"})
"""Providers of sample data written for an example and of pictures drawn on the spot: nobody was asked, so there is no
time to keep, and a capsule is made anew to the same bytes."""

_READS = frozenset({"read", "replay"})
_SHARING = frozenset({"read", "refresh"})
"""The modes that take what another process has stored meanwhile, and overwrite."""


class Cache:
    """Answers from memory where the mode allows it, and remembers what the model says.

    ====== =================== ==================
    mode   reads               writes
    ====== =================== ==================
    off    never               never
    read   always              what was missing
    refresh this run's own     always, over the old
    write  never               what is absent
    replay always              never; a miss is an error
    ====== =================== ==================

    Calls with one key that are in flight at once become one call ("single flight"): over tasks and threads in every
    mode that remembers, and over processes on one study in those that read what others wrote.

    A reply past its stage's time to live counts as absent; in ``replay`` it is served all the same.

    Args:
        inner: What answers a miss.
        store: Where replies are kept; ``None`` for mode ``off``.
        identity: Who answers; part of each key.
        mode: How memory is used.
        ttl: Seconds for which replies stay fresh, by stage; a stage's name holds for those under it too, ``rounds``
            for ``rounds.director``.
    """

    def __init__(
        self,
        inner: Responder,
        store: Store | None,
        identity: Identity,
        mode: Mode,
        ttl: Mapping[str, float] | None = None,
    ) -> None:
        self._inner = inner
        self._store = store
        self._identity = identity
        self._mode = mode
        self._ttl = dict(ttl or {})
        self._flights: dict[str, asyncio.Future[Reply]] = {}
        self._unwritten: set[str] = set()
        self._claims = store.claims if isinstance(store, SealedStore) and mode in _SHARING else None

    def lookup(self, calls: Sequence[Call]) -> list[Remembered | None]:
        """Return what memory holds for these calls, in order; one read for all of them.

        Raises:
            ReplayMiss: In mode ``replay``, for the first call that the recording does not hold.
            MemoryCorrupt: A damaged entry, in a mode that may not heal it.
        """
        if self._store is None or self._mode in {"off", "write"}:
            return [None] * len(calls)
        keys = [call.key(self._identity) for call in calls]
        found = self._store.get_many(REPLIES, keys)
        replies: list[Remembered | None] = []
        for call, key in zip(calls, keys, strict=True):
            entry = found.get(key)
            replies.append(decode(entry.body, call) if entry is not None and self._fresh(entry, call) else None)
            if entry is None and self._mode == "replay":
                raise self._miss(call)
        return replies

    def peek(self, calls: Sequence[Call]) -> list[bool]:
        """Tell which calls memory would answer, without serving or counting any."""
        return [self._mode in _READS and self._there(call) for call in calls]

    async def complete(self, call: Call) -> Reply:
        """Answer from memory, from a call of the same key in flight here or in another process, or from below."""
        if self._store is None or self._mode == "off":
            return await self._inner.complete(call)
        key = call.key(self._identity)
        flight = self._flights.get(key)
        if flight is not None:
            return await self._join(flight, call)
        claimed = self._claim(key)
        try:
            # read after the claim: whoever had it before has stored the reply by now
            known = self.lookup([call])[0]
            return _served(known) if known is not None else await self._fly(key, call, claimed=claimed)
        finally:
            if claimed and key not in self._unwritten:
                self._release(key)

    async def _fly(self, key: str, call: Call, *, claimed: bool) -> Reply:
        flight: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        try:
            reply = await (self._ask(key, call, claimed=True) if claimed else self._ask_after_others(key, call))
        except BaseException as error:
            if isinstance(error, Exception):
                flight.set_exception(error)
                flight.exception()  # those who joined see it; nobody joining is no loss
            else:
                flight.cancel()
            raise
        else:
            flight.set_result(reply)
            return reply
        finally:
            if key not in self._unwritten:
                del self._flights[key]

    async def _join(self, flight: asyncio.Future[Reply], call: Call) -> Reply:
        """Wait for the call of the same key that is already in flight; take over where that one was cancelled."""
        await asyncio.wait({flight})
        if flight.cancelled():
            return await self.complete(call)
        return dataclasses.replace(flight.result(), cached=True)

    async def _ask(self, key: str, call: Call, *, claimed: bool) -> Reply:
        run = current_run.get()
        if run is not None and run.fault is not None:
            raise run.fault
        try:
            reply = await self._inner.complete(call)
        except CallError as error:
            if error.reply is not None:
                await self._remember(key, call, error.reply.model, encode_error(error), run, claimed=claimed)
            raise
        await self._remember(key, call, reply.model, encode(reply), run, claimed=claimed)
        return reply

    async def _ask_after_others(self, key: str, call: Call) -> Reply:
        """Wait for the process that is asking this, and take its reply; ask where it ended without one, or hangs."""
        for wait in self._claims.waits() if self._claims is not None else ():
            await asyncio.sleep(wait)
            claimed = self._claim(key)
            try:
                known = self.lookup([call])[0] if claimed or self._there(call) else None
                if known is not None:
                    return _served(known)
                if claimed:
                    return await self._ask(key, call, claimed=True)
            finally:
                if claimed and key not in self._unwritten:
                    self._release(key)
        return await self._ask(key, call, claimed=False)

    def _claim(self, key: str) -> bool:
        return self._claims is None or self._claims.take(key)

    def _release(self, key: str) -> None:
        if self._claims is not None:
            self._claims.release(key)

    async def _remember(self, key: str, call: Call, model: str, body: bytes, run: Run | None, *, claimed: bool) -> None:
        """Have a reply stored, and wait for it; where turns follow from each other it is stored behind their back.

        Until then the flight stays open for calls of the same key, and the claim held: whoever has it next finds the
        reply. A group commit takes some 20 ms, and each turn that waited for its own took a tenth longer at 200 ms.
        """
        if not isinstance(self._store, SealedStore):
            return
        entry = Entry(
            func=REPLIES,
            key=key,
            body=body,
            stage=call.stage,
            item=call.item,
            template=call.template,
            model=model,
            created=0.0 if self._identity.provider in TIMELESS else time.time(),
        )
        ticket = self._store.put(entry, overwrite=self._mode in _SHARING or self._is_stale(key, call))
        if run is not None and run.behind:
            self._unwritten.add(key)
            written = ticket.future()
            written.add_done_callback(lambda _: self._written(key, ticket, run, claimed=claimed))
            run.owe(written)
            return
        try:
            await ticket
        except asyncio.CancelledError:
            # The reply is here and paid: a stop waits for its commit, and it counts as finished.
            await ticket

    def _written(self, key: str, ticket: Ticket[Any], run: Run, *, claimed: bool) -> None:
        try:
            ticket.result()
        except DramatisError as error:
            run.fault = run.fault or error
        self._unwritten.discard(key)
        self._flights.pop(key, None)
        if claimed:
            self._release(key)

    def _there(self, call: Call) -> bool:
        """Whether memory would answer this, without serving or counting it."""
        if not isinstance(self._store, SealedStore):
            return self._store is not None and self._store.contains(REPLIES, call.key(self._identity))
        entry = self._store.find(REPLIES, call.key(self._identity))
        return entry is not None and self._fresh(entry, call)

    def _fresh(self, entry: Entry, call: Call) -> bool:
        if self._mode == "refresh":
            run = current_run.get()
            return run is not None and entry.created >= run.since
        return self._mode == "replay" or self._in_time(entry, call)

    def _is_stale(self, key: str, call: Call) -> bool:
        """Whether what memory holds is past its time; mode ``write``, which keeps what is there, then replaces it."""
        entry = self._store.find(REPLIES, key) if self._ttl and isinstance(self._store, SealedStore) else None
        return entry is not None and not self._in_time(entry, call)

    def _in_time(self, entry: Entry, call: Call) -> bool:
        return not self._ttl or entry.created + self._time_to_live(call.stage) > time.time()

    def _time_to_live(self, stage: str) -> float:
        known = self._ttl.get(stage)
        if known is None:
            known = self._time_to_live(stage.rpartition(".")[0]) if "." in stage else math.inf
            self._ttl[stage] = known
        return known

    def _scrubbed(self) -> str:
        """Return what a miss in a scrubbed capsule may come from."""
        scrubbed = isinstance(self._store, Capsule) and self._store.manifest.scrubbed
        return ", or quotes a reply that was masked when the capsule was written." if scrubbed else "."

    def _miss(self, call: Call) -> ReplayMiss:
        """Say which call is missing and why the recording may not hold it."""
        where = f"{call.stage} {call.item}".strip() or "a call"
        latest = self._store.latest(call.stage, call.item) if self._store is not None else None
        if latest is None:
            return ReplayMiss(
                f"the recording holds no reply for {where}",
                hint="Record again with a model, or ask only what was recorded.",
            )
        if latest.template != call.template:
            name = call.template.partition("@")[0]
            return ReplayMiss(
                f"the recording holds no reply for {where}: the prompt {name} changed since it was made",
                hint="Record again with a model, or use the toolkit version that made the recording.",
            )
        return ReplayMiss(
            f"the recording holds no reply for {where} as it is asked now, though one for other input",
            hint="The question, persona, image, seed or model differs from what was recorded" + self._scrubbed(),
        )


def _served(known: Remembered) -> Reply:
    if isinstance(known, CallError):
        raise known
    return known


def encode(reply: Reply) -> bytes:
    """Return a reply as memory keeps it: JSON, with what can be computed again left out."""
    return orjson.dumps(_plain(reply), option=orjson.OPT_SORT_KEYS)


def encode_error(error: CallError) -> bytes:
    """Return a call that ended in an error as memory or a capsule keeps it, with the reply that was refused."""
    held = _plain(error.reply) if error.reply is not None else {}
    fault = {"kind": error.kind, "message": error.message, "hint": error.hint, "tries": error.tries}
    held["error"] = fault | ({"request_id": error.request_id} if error.request_id is not None else {})
    return orjson.dumps(held, option=orjson.OPT_SORT_KEYS)


def decode(body: bytes, call: Call) -> Remembered:
    """Return what memory kept, of the same type and attributes as when it was live, and marked as cached."""
    held = orjson.loads(body)
    fault = held.pop("error", None)
    if fault is None:
        return _reply(held, call.schema is not None)
    reply = _reply(held, parse=False) if held else None
    error = CallError.of(
        fault["kind"], fault["message"], hint=fault["hint"], request_id=fault.get("request_id"), reply=reply
    )
    error.tries = fault["tries"]
    return error


def _plain(reply: Reply) -> dict[str, Any]:
    usage = {name: value for name in Usage.__slots__ if (value := getattr(reply.usage, name))}
    held: dict[str, Any] = {"text": reply.text, "model": reply.model, "usage": usage}
    if reply.finish != "stop":
        held["finish"] = reply.finish
    if reply.request_id is not None:
        held["request_id"] = reply.request_id
    if reply.started is not None:
        held["started"] = round(reply.started, 3)
    if reply.latency is not None:
        held["latency"] = round(reply.latency, 6)
    if reply.tries != 1:
        held["tries"] = reply.tries
    if reply.logprobs is not None:
        held["logprobs"] = reply.logprobs
    if reply.notes:
        held["notes"] = reply.notes
    if reply.cost is not None:
        held["price"] = [reply.cost, reply.price_version]
    return held


def _reply(held: dict[str, Any], parse: bool) -> Reply:  # noqa: FBT001  # a plain fact of the call, not a switch
    logprobs = held.get("logprobs")
    cost, price_version = held.get("price", (None, ""))
    return Reply(
        text=held["text"],
        model=held["model"],
        value=orjson.loads(held["text"]) if parse else None,
        usage=Usage(**held["usage"]),
        finish=held.get("finish", "stop"),
        request_id=held.get("request_id"),
        started=held.get("started"),
        latency=held.get("latency"),
        tries=held.get("tries", 1),
        logprobs=tuple(tuple((token, value) for token, value in step) for step in logprobs) if logprobs else None,
        notes=tuple(held.get("notes", ())),
        cost=cost,
        price_version=price_version,
        cached=True,
    )
