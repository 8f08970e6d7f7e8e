"""The joblib door to replies: a cached leaf whose entries are the very rows the engine writes in bulk."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from typing import Any

import joblib
from joblib.memory import AsyncMemorizedFunc, MemorizedFunc

from toolkit.errors import InvalidInput
from toolkit.memory.codec import packed_json
from toolkit.memory.entry import REPLIES, Entry
from toolkit.memory.sealed import SealedBackend

__all__ = ["leaf"]


def leaf(memory: joblib.Memory, fn: Callable[[dict[str, Any]], Any]) -> MemorizedFunc:
    """Return ``fn`` behind joblib's cache, under the fixed id of replies and the caller's own keys.

    What it stores the engine finds, and the reverse. joblib forgets everything of a function whose source changed;
    replies were paid for, so this leaf keeps its entries however ``fn`` is edited, renamed or moved.

    Args:
        memory: A memory whose backend is ``"sealed"``.
        fn: ``fn(request) -> reply``, plain or async; both are dicts of JSON values. ``stage``, ``item`` and
            ``template`` of the request and ``model`` of the reply, where they are there, are kept beside the reply.

    Returns:
        A joblib ``MemorizedFunc`` to be called as ``leaf(key, request)``; awaitable for an async ``fn``.

    Raises:
        InvalidInput: The memory has another backend.
        TypeError: At a call: the reply is no JSON value; nothing was stored.

    Example:
        >>> import tempfile
        >>> from toolkit.memory import open_memory
        >>> folder = tempfile.TemporaryDirectory()
        >>> memory, store = open_memory(folder.name)
        >>> ask = leaf(memory, lambda request: {"text": request["prompt"].upper()})
        >>> ask("ab12", {"prompt": "yes"})
        {'text': 'YES'}
        >>> store.get(REPLIES, "ab12").json()
        {'text': 'YES'}
        >>> store.close()
        >>> folder.cleanup()
    """
    if not isinstance(memory.store_backend, SealedBackend):
        raise InvalidInput(f"{memory!r} is not a sealed memory", hint="Take the one open_memory() or lab.memory gives.")
    if inspect.iscoroutinefunction(fn):

        async def answer_later(key: str, request: dict[str, Any]) -> Any:  # noqa: ARG001  # the key is joblib's matter
            return await fn(request)

        return _AsyncLeaf(answer_later, memory.store_backend, backend="sealed", verbose=0, timestamp=memory.timestamp)

    def answer(key: str, request: dict[str, Any]) -> Any:  # noqa: ARG001
        return fn(request)

    return _Leaf(answer, memory.store_backend, backend="sealed", verbose=0, timestamp=memory.timestamp)


class _Bound:
    """What makes a memorized function a leaf: its id, its keys, and no comparing of sources."""

    store_backend: SealedBackend
    func_id: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.func_id = REPLIES

    def _get_args_id(self, key: str, request: Any) -> str:  # noqa: ARG002
        return key

    def _check_previous_func_code(self, stacklevel: int = 2) -> bool:  # noqa: ARG002
        return True

    def _write_func_code(self, func_code: str, first_line: int) -> None:
        """Keep no source: nothing is compared with it."""

    def _persist_input(self, duration: float, *_: Any, **__: Any) -> dict[str, Any]:
        """Say nothing of the arguments; joblib would write their text."""
        return {"duration": duration, "time": time.time()}

    def _after_call(
        self,
        call_id: tuple[str, str],
        args: Any,
        kwargs: Any,
        shelving: bool,  # noqa: FBT001  # joblib's signature
        output: Any,
        start_time: float,
    ) -> Any:
        request = kwargs["request"] if "request" in kwargs else args[1]
        body = packed_json(output, f"the reply to {call_id[1][:12]!r}")
        stage, item, template = (_name(request, name) for name in ("stage", "item", "template"))
        self.store_backend.keep(Entry(*call_id, body, stage, item, template, _name(output, "model")))
        metadata = self._persist_input(time.time() - start_time)
        if shelving:
            return self._get_memorized_result(call_id, metadata), metadata  # type: ignore[attr-defined]
        return output, metadata


class _Leaf(_Bound, MemorizedFunc):  # type: ignore[misc]  # joblib ships no types
    pass


class _AsyncLeaf(_Bound, AsyncMemorizedFunc):  # type: ignore[misc]
    pass


def _name(values: Any, name: str) -> str:
    found = values.get(name, "") if isinstance(values, Mapping) else ""
    return found if isinstance(found, str) else str(found)
