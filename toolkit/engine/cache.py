"""The layer that remembers: memory's modes, single flight, and bulk look-up."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import orjson

from toolkit.engine.run import current_run
from toolkit.errors import CallError, ReplayMiss
from toolkit.memory import REPLIES, Entry, SealedStore, Store
from toolkit.models import Call, Identity, Reply, Responder, Usage

__all__ = ["Cache", "Mode", "Remembered", "decode", "encode", "encode_error"]

Remembered = Reply | CallError
"""What memory can hold for a call: the reply, or a reply that was refused (it was paid, and replays the same)."""

Mode = Literal["off", "read", "refresh", "write", "replay"]

_READS = frozenset({"read", "replay"})


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

    Calls with one key that are in flight at once become one call ("single flight").

    Args:
        inner: What answers a miss.
        store: Where replies are kept; ``None`` for mode ``off``.
        identity: Who answers; part of each key.
        mode: How memory is used.
    """

    def __init__(self, inner: Responder, store: Store | None, identity: Identity, mode: Mode) -> None:
        self._inner = inner
        self._store = store
        self._identity = identity
        self._mode = mode
        self._flights: dict[str, asyncio.Future[Reply]] = {}

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
            replies.append(decode(entry.body, call) if entry is not None and self._fresh(entry) else None)
            if entry is None and self._mode == "replay":
                raise self._miss(call)
        return replies

    def peek(self, calls: Sequence[Call]) -> list[bool]:
        """Tell which calls memory would answer, without serving or counting any."""
        if self._store is None or self._mode not in _READS:
            return [False] * len(calls)
        return [self._store.contains(REPLIES, call.key(self._identity)) for call in calls]

    async def complete(self, call: Call) -> Reply:
        """Answer from memory, from a call of the same key in flight, or from below."""
        if self._store is None or self._mode == "off":
            return await self._inner.complete(call)
        known = self.lookup([call])[0]
        if isinstance(known, CallError):
            raise known
        if known is not None:
            return known
        key = call.key(self._identity)
        flight = self._flights.get(key)
        if flight is not None:
            return await self._join(flight, call)
        return await self._fly(key, call)

    async def _fly(self, key: str, call: Call) -> Reply:
        flight: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        try:
            reply = await self._inner.complete(call)
            await self._remember(key, call, reply.model, encode(reply))
        except BaseException as error:
            if isinstance(error, CallError) and error.reply is not None:
                await self._remember(key, call, error.reply.model, encode_error(error))
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
            del self._flights[key]

    async def _join(self, flight: asyncio.Future[Reply], call: Call) -> Reply:
        """Wait for the call of the same key that is already in flight; take over where that one was cancelled."""
        await asyncio.wait({flight})
        if flight.cancelled():
            return await self.complete(call)
        return dataclasses.replace(flight.result(), cached=True)

    async def _remember(self, key: str, call: Call, model: str, body: bytes) -> None:
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
        )
        ticket = self._store.put(entry, overwrite=self._mode in {"read", "refresh"})
        try:
            await ticket
        except asyncio.CancelledError:
            # The reply is here and paid: a stop waits for its commit, and it counts as finished.
            await ticket

    def _fresh(self, entry: Entry) -> bool:
        if self._mode in _READS:
            return True
        run = current_run.get()
        return run is not None and entry.created >= run.since

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
            hint="The question, persona, image, seed or model differs from what was recorded.",
        )


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
    held: dict[str, Any] = {"text": reply.text, "model": reply.model, "usage": usage, "finish": reply.finish}
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
    return held


def _reply(held: dict[str, Any], parse: bool) -> Reply:  # noqa: FBT001  # a plain fact of the call, not a switch
    logprobs = held.get("logprobs")
    return Reply(
        text=held["text"],
        model=held["model"],
        value=orjson.loads(held["text"]) if parse else None,
        usage=Usage(**held["usage"]),
        finish=held["finish"],
        request_id=held.get("request_id"),
        started=held.get("started"),
        latency=held.get("latency"),
        tries=held.get("tries", 1),
        logprobs=tuple(tuple((token, value) for token, value in step) for step in logprobs) if logprobs else None,
        notes=tuple(held.get("notes", ())),
        cached=True,
    )
