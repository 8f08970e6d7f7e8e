"""A real model on this machine, with no key and no network: SmolLM2-135M in llama.cpp, in a child process.

It shows the machinery. It does not stand in for people: its answers do not follow from who is asked (FACTS measured a
correlation of 0.05 with real votes), and every result it gives says so.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from toolkit.errors import DramatisError, InvalidInput, ProviderDown, WeightsMissing
from toolkit.models import openai, weights
from toolkit.models._embedded_server import Order, Server, release, shared
from toolkit.models.call import Call, Identity, Reply, Schema, Tools
from toolkit.models.model import Abilities, toolless

__all__ = ["EmbeddedModel", "open_model"]

_CONTEXT = 2048
_LEAST_CONTEXT = 256
_START_SECONDS = 20.0
_LOAD_BYTES_A_SECOND = 50e6  # a slow disk; larger weights get longer to start
_SILENCE_SECONDS = 600.0  # the engine limits a call; a call that waits its turn here is silent meanwhile
_GONE_SECONDS = 1.0
_TRANSPORT = "toolkit.models._openai_transport"
_DEFAULTS: dict[str, Any] = {"temp": 0.3, "n_predict": 512}
"""For calls that do not say: the temperature at which it strays least, and an end to replies without bounds."""

_GUIDANCE: dict[str, bool] = {
    # A small model fills the space JSON allows between tokens with line breaks until its tokens are used up.
    "whitespace_flexible": False,
    # Words the grammar does not know (uniqueItems) would switch it off altogether; the reply is checked in any case.
    "lenient": True,
    "coerce_one_of": True,
}
"""How llama.cpp's grammar (llguidance) reads a schema; part of the identity, as it decides what comes back."""


class EmbeddedModel:
    """The embedded model; made by ``open_model``.

    Its process starts with the first call and is shared by all models of this process with the same weights. It ends
    with ``close()`` of the last of them, or with this process, however that ends. A process that died is started
    again by the next call.
    """

    def __init__(self, order: Order, identity: Identity, abilities: Abilities) -> None:
        self._order = order
        self._identity = identity
        self._abilities = abilities
        self._spoken: tuple[Server, openai.OpenAIModel] | None = None

    def __repr__(self) -> str:
        """Return the model's name."""
        return f"<{type(self).__name__} {self._identity}>"

    @property
    def identity(self) -> Identity:
        """Provider, name, and what decides an answer: the weights' SHA-256, the server's version, its settings."""
        return self._identity

    @property
    def abilities(self) -> Abilities:
        """No images and no functions; schema, log-probabilities and seed; it does not stand for people."""
        return self._abilities

    async def complete(self, call: Call) -> Reply:
        """Answer one call; the first one starts the process.

        Raises:
            BadRequest: The call offers functions.
            ModelUnavailable: The weights cannot be loaded.
            ProviderDown: The process did not start in time, or ended during the call; the next call starts it again.
            CallError: In its other classes, as from any endpoint.
        """
        if isinstance(call.schema, Tools):
            raise toolless(self._identity)
        server = shared(self._order, self)
        model = await self._speak(server)
        try:
            return await model.complete(_guided(call))
        except ProviderDown as error:
            if not await server.gone(_GONE_SECONDS):
                raise
            raise ProviderDown(
                f"the embedded model's process ended during the call (exit code {server.exit_code}):"
                f" {server.last_words()}",
                hint="Ask again: the next call starts it anew.",
            ) from error

    async def close(self) -> None:
        """End the process unless other models use it; this one may be used again afterwards."""
        spoken, self._spoken = self._spoken, None
        if spoken is not None:
            await spoken[1].close()
        try:
            await asyncio.to_thread(release, self._order, self)
        except RuntimeError:  # the process is ending, and no thread can be started any more
            release(self._order, self)

    async def _speak(self, server: Server) -> openai.OpenAIModel:
        """Return the adapter that speaks to this server, a new one after a restart: port and key are others then."""
        if self._spoken is not None and self._spoken[0] is server:
            return self._spoken[1]
        # The adapter imports the SDK with its first call, which takes a second; here it happens while the child starts.
        address, _ = await asyncio.gather(server.address(), asyncio.to_thread(import_module, _TRANSPORT))
        before = self._spoken
        if before is not None and before[0] is server:  # another call was here first
            return before[1]
        model = openai.open_model(
            self._order.alias,
            base_url=f"{address}/v1",
            api_key=server.key,
            timeout=_SILENCE_SECONDS,
            abilities=self._abilities,
            identity=self._identity,
        )
        self._spoken = (server, model)
        if before is not None:
            await before[1].close()
        return model


def open_model(name: str | None = None, *, context: int = _CONTEXT, threads: int | None = None) -> EmbeddedModel:
    """Return the embedded model; nothing is started yet.

    Args:
        name: The installed weights' name, ``"smollm2-135m"`` for the toolkit's own; by default whatever is installed.
        context: Tokens that prompt and reply may take together; 23 kB of memory each for SmolLM2-135M
            (30 layers x 3 heads x 64 values x 2 bytes, for keys and for values).
        threads: Threads that compute; by default one less than there are cores, so that the notebook stays usable.

    Raises:
        WeightsMissing: No weights are installed, or they are damaged.
        InvalidInput: Other weights than ``name`` are installed, or a number is out of range.
        DramatisError: The package xllamacpp is not installed.

    Example:
        >>> model = open_model()  # doctest: +SKIP
        >>> model.abilities.stands_for_people  # doctest: +SKIP
        False
    """
    engine = _engine_version()
    found = weights.installed()
    if found is None:
        raise WeightsMissing("the embedded model's weights are not installed", hint="Run `toolkit model install`.")
    if name not in {None, found.name}:
        raise InvalidInput(
            f"the embedded model {name!r} is not installed, {found.name!r} is",
            hint=f'Write "embedded:{found.name}", or run `toolkit model install`.',
        )
    if context < _LEAST_CONTEXT:
        raise InvalidInput(f"context is {context}", hint=f"Give {_LEAST_CONTEXT} tokens or more.")
    if threads is not None and threads < 1:
        raise InvalidInput(f"threads is {threads}", hint="Give 1 or more.")
    own = found.sha256 == weights.SHA256
    order = Order(
        weights=found.path,
        alias=found.name,
        context=context,
        threads=threads or max(1, _cores() - 1),
        # The template in these weights puts an advertisement in the system prompt and code fences around JSON.
        jinja=not own,
        defaults=tuple(_DEFAULTS.items()),
        start_seconds=_START_SECONDS + found.size / _LOAD_BYTES_A_SECOND,
    )
    detail = {
        "weights": found.sha256,
        "server": f"xllamacpp {engine}",
        "context": context,
        "settings": {**_DEFAULTS, **_GUIDANCE, "jinja": not own},
    }
    abilities = Abilities(
        images=False, tools=False, context=context, concurrency=1, small=True, stands_for_people=False
    )
    return EmbeddedModel(order, Identity("embedded", found.name, detail), abilities)


def _guided(call: Call) -> Call:
    """Return the call with the grammar's own settings in its schema; its key is made of the call as it was."""
    if call.schema is None:
        return call
    body = {**call.schema.body, "x-guidance": _GUIDANCE}
    return replace(call, schema=Schema(call.schema.name, body))


def _engine_version() -> str:
    try:
        return version("xllamacpp")
    except PackageNotFoundError as error:
        raise DramatisError(
            "the embedded model needs the package xllamacpp, which is not installed",
            hint="Install dramatis-toolkit[embedded].",
        ) from error


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
