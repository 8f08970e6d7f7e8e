"""Any OpenAI-compatible endpoint, through the SDK's own client on its fast path."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Collection
from typing import Any

from toolkit.errors import BadRequest, InvalidInput, KeyMissing
from toolkit.models._openai_abilities import abilities_of
from toolkit.models._openai_body import JSON_MODE, MaxTokensField, Profile, body_of
from toolkit.models._openai_client import DEFAULT_URL, Endpoint, Shared, acquire, checked_url, release
from toolkit.models._openai_reply import Sent, reply_of
from toolkit.models.call import Call, Identity, Picture, Reply
from toolkit.models.model import Abilities
from toolkit.models.pace import PACE_HEADERS, Pace, pace_of
from toolkit.models.reminder import reminder_version
from toolkit.models.retention import Retention, checked_retention, retention_for, shortfall

__all__ = ["OpenAIModel", "open_model"]

_PATH = "/chat/completions"
_DESCRIBED = "a picture was described in words; the picture itself was not sent to this model"
_RESENT = "the provider refuses {name}; the request was sent again without it"
_REFUSED = "{who} refuses {name}, so requests go without it"
_NO_JSON_MODE = re.compile(r"json[_ ]?(?:object|mode)|refuses the schema", re.IGNORECASE)
_LARGEST_SEEN = 10_000


class OpenAIModel:
    """A model behind an OpenAI-compatible endpoint; made by ``open_model``.

    Connections are shared by all models of one endpoint and key on one event loop. They close with ``close()`` of
    the last of them, or with the loop.
    """

    def __init__(self, endpoint: Endpoint, profile: Profile, identity: Identity, word: Retention = "off") -> None:
        self._endpoint = endpoint
        self._profile = profile
        self._identity = identity
        self._word = word
        self._refused: frozenset[str] = frozenset()
        self.pace: Pace | None = None
        """The limits the provider told last."""
        self._told: tuple[str | None, ...] = ()
        self._shared: dict[asyncio.AbstractEventLoop, Shared] = {}
        self._prepared: set[tuple[str, int]] = set()

    def __repr__(self) -> str:
        """Return the model's name, never its key."""
        return f"<{type(self).__name__} {self._identity}>"

    @property
    def identity(self) -> Identity:
        """Provider, model and base URL (without login, query and, on loopback, port)."""
        return self._identity

    @property
    def abilities(self) -> Abilities:
        """What this model can do."""
        return self._profile.abilities

    @property
    def prompt_caching(self) -> dict[str, Any]:
        """What this endpoint is told of its prompt cache: the word asked for, what is sent for it, what was refused."""
        told = self._profile.retention if self._profile.prompt_cache else {}
        sent = {name: value for name, value in told.items() if name not in self._refused}
        return {"retention": self._word, "sent": sent, "refused": sorted(self._refused - {JSON_MODE})}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What every result must say of how this model was asked."""
        refused = tuple(_REFUSED.format(who=self._identity, name=name) for name in sorted(self._refused))
        short = shortfall(self._profile.model, self._word) if self._profile.prompt_cache else ""
        return (short, *refused) if short else refused

    async def complete(self, call: Call) -> Reply:
        """Send one call once and return its reply; nothing is retried here.

        The one exception: an endpoint that refuses by name what a call can do without, a parameter about its prompt
        cache or JSON mode, gets the request again without it, and never sees that parameter again from this model; the
        reply's notes say so.

        Where the model takes no schema (``Abilities.schema``), the schema is told in words and JSON mode is asked for;
        the reply is read leniently, and checked against the schema as any other.

        Raises:
            CallError: In its classes, see ``toolkit.errors``: the message names the model, the hint the next step.
        """
        pictures = call.pictures
        notes: tuple[str, ...] = ()
        if pictures:
            if self._profile.abilities.images:
                await self._prepare(pictures)
            else:
                notes = (_DESCRIBED,)
        optional = self._profile.optional(call, self._refused)
        while True:
            try:
                return await self._send(call, notes, body_of(call, self._profile, optional))
            except BadRequest as error:
                refused = _named(error, optional)
                if not refused:
                    raise
            self._refused |= refused
            optional = self._profile.optional(call, self._refused)
            notes += tuple(_RESENT.format(name=name) for name in sorted(refused))

    async def close(self) -> None:
        """Give back the connections; the model may be used again afterwards."""
        self._shared = {}
        await release(self)

    async def _send(self, call: Call, notes: tuple[str, ...], body: bytes) -> Reply:
        shared = self._shared.get(asyncio.get_running_loop())
        if shared is None or shared.closed:
            shared = await self._connect()
        started, clock = time.time(), time.perf_counter()
        response = await shared.post(call, body, self._identity)
        told = tuple(response.headers.get(name) for name in PACE_HEADERS)
        if told != self._told:
            self._told, self.pace = told, pace_of(response.headers)
        sent = Sent(
            identity=self._identity,
            request_id=response.headers.get("x-request-id"),
            started=started,
            latency=time.perf_counter() - clock,
            notes=notes,
            lenient=self._profile.tells(call),
        )
        return reply_of(call, response.content, sent)

    async def _connect(self) -> Shared:
        shared = await acquire(self._endpoint, self)
        others = {loop: one for loop, one in self._shared.items() if not one.closed}
        self._shared = {**others, shared.loop: shared}
        return shared

    async def _prepare(self, pictures: tuple[Picture, ...]) -> None:
        """Make the normal form of pictures not met before off the loop, so that other calls go on meanwhile."""
        for picture in pictures:
            form = (picture.image.digest, picture.max_side)
            if form in self._prepared:
                continue
            await asyncio.to_thread(picture.image.normal, picture.max_side)
            if len(self._prepared) >= _LARGEST_SEEN:
                self._prepared.clear()
            self._prepared.add(form)


def open_model(
    name: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    organization: str | None = None,
    timeout: float = 60.0,
    abilities: Abilities | None = None,
    identity: Identity | None = None,
    prompt_cache: bool | None = None,
    retention: str | None = None,
    max_tokens_field: MaxTokensField | None = None,
) -> OpenAIModel:
    """Return a model behind an OpenAI-compatible endpoint; nothing is sent yet.

    Args:
        name: The model's name at the provider, for example ``"gpt-5-mini"``.
        base_url: The endpoint, with its ``/v1`` where it has one; by default ``OPENAI_BASE_URL``, else OpenAI itself.
        api_key: By default ``TOOLKIT_OPENAI_API_KEY``, then ``OPENAI_API_KEY``; a server on this machine needs none.
        organization: The organisation to bill.
        timeout: Longest silence of the server, in seconds; a call's whole time is the engine's to limit.
        abilities: What the model can do; by default everything, but no log-probabilities of models whose name says
            that they reason before they answer.
        identity: Who answers, where that is known better than by address (the embedded model's weights).
        prompt_cache: Whether ``prompt_cache_key`` and retention are sent; by default to OpenAI itself only.
        retention: How long the provider is asked to keep prompt prefixes: ``in_memory``, ``24h`` or ``off`` (nothing is
            said); what that becomes for each model is in ``toolkit.models.retention``. Sent where ``prompt_cache_key``
            is; by default ``in_memory`` to OpenAI itself.
        max_tokens_field: How the endpoint calls the bound on output; by default ``max_completion_tokens`` at OpenAI
            itself and ``max_tokens`` anywhere else.

    Raises:
        KeyMissing: No key is given or set, and the endpoint is not on this machine.
        InvalidInput: The name is empty, the base URL is no web address, the key cannot be sent, the timeout is not
            positive, or the retention is none of the words.

    Example:
        >>> model = open_model("some-model", base_url="http://127.0.0.1:8000/v1")
        >>> model.identity.detail["base_url"]
        'http://127.0.0.1/v1'
    """
    if not name.strip():
        raise InvalidInput("the model name is empty", hint='Write for example "openai:gpt-5-mini".')
    if not timeout > 0:
        raise InvalidInput(f"timeout is {timeout}", hint="Give seconds, more than 0.")
    url = checked_url(base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL)
    endpoint = Endpoint(url, "", organization, timeout)
    endpoint = Endpoint(url, _key(api_key, endpoint), organization, timeout)
    word = checked_retention(retention or ("in_memory" if endpoint.own else "off"))
    can = abilities or abilities_of(name)
    profile = Profile(
        model=name,
        abilities=can,
        max_tokens_field=max_tokens_field or ("max_completion_tokens" if endpoint.own else "max_tokens"),
        prompt_cache=endpoint.own if prompt_cache is None else prompt_cache,
        retention=retention_for(name, word),
    )
    # A schema that is told is part of the prompt, which no key of a call knows of.
    told = {} if can.schema else {"schema": reminder_version()}
    own = Identity("openai", name, {"base_url": endpoint.public, **told})
    return OpenAIModel(endpoint, profile, identity or own, word)


def _named(error: BadRequest, optional: Collection[str]) -> frozenset[str]:
    """Return which of the parameters sent a refusal names; all of a kind, where it speaks of that in general."""
    named = frozenset(name for name in optional if name in error.message)
    if not named and "prompt_cache" in error.message:
        named = frozenset(optional) - {JSON_MODE}
    if not named and JSON_MODE in optional and _NO_JSON_MODE.search(error.message):
        named = frozenset({JSON_MODE})
    return named


def _key(given: str | None, endpoint: Endpoint) -> str:
    key: Any = given or os.environ.get("TOOLKIT_OPENAI_API_KEY") or os.environ.get("OPENAI_API_KEY")
    if key:
        return _checked(str(key).strip())
    if endpoint.loopback:
        return "none"  # servers on this machine mostly ask for none, and the SDK sends some
    raise KeyMissing(
        f"no key is set for {endpoint.public if not endpoint.own else 'OpenAI'}",
        hint='Set OPENAI_API_KEY or TOOLKIT_OPENAI_API_KEY, or use model="embedded", which needs none.',
    )


def _checked(key: str) -> str:
    if not key.isascii() or any(one.isspace() or not one.isprintable() for one in key):
        raise InvalidInput(
            "the API key holds a character that no key holds (a space, a line break or a letter with an accent)",
            hint="Copy the key again.",
        )
    return key
