"""From a Call to the bytes of a chat-completions request, assembled once."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import orjson

from toolkit.models.call import Call, Message, Picture, Tools
from toolkit.models.model import Abilities, toolless
from toolkit.models.reminder import reminded
from toolkit.seeds import derive

__all__ = ["JSON_MODE", "MaxTokensField", "Profile", "body_of", "cache_key", "seed_of"]

MaxTokensField = Literal["max_completion_tokens", "max_tokens"]

JSON_MODE = "response_format"
"""The parameter that holds a reply to a schema, or to being some JSON object."""
_ANY_OBJECT = {"type": "json_object"}
_LONGEST_CACHE_KEY = 64  # characters, the provider's limit
_SEED_BITS = 0x7FFF_FFFF  # llama.cpp reads 32 bits and takes the highest value for "random"


@dataclass(frozen=True, slots=True)
class Profile:
    """How one endpoint wants to be spoken to."""

    model: str
    abilities: Abilities
    max_tokens_field: MaxTokensField
    prompt_cache: bool
    """True where ``prompt_cache_key`` and retention are understood."""
    retention: Mapping[str, Any] = field(default_factory=dict)
    """What says how long prompt prefixes are kept, as it is sent."""

    def tells(self, call: Call) -> bool:
        """Say whether the reply's schema has to be told in words, for the model takes none."""
        return call.schema is not None and not self.abilities.schema and not isinstance(call.schema, Tools)

    def optional(self, call: Call, without: Collection[str] = ()) -> dict[str, Any]:
        """Return the parameters that a call can do without: the prompt cache's, and the wish for some JSON object.

        Args:
            call: What is asked.
            without: Parameters that the endpoint refused.
        """
        told: dict[str, Any] = {JSON_MODE: _ANY_OBJECT} if self.tells(call) else {}
        if self.prompt_cache:
            told |= {"prompt_cache_key": cache_key(call.family)} if call.family else {}
            told |= self.retention
        return {name: value for name, value in told.items() if name not in without} if without else told


def body_of(call: Call, profile: Profile, optional: Mapping[str, Any]) -> bytes:
    """Return the request's JSON.

    Args:
        call: What is asked.
        profile: How the endpoint wants it.
        optional: The parameters that it can do without, see ``Profile.optional``.

    Raises:
        BadRequest: The call offers functions, and the model calls none.
    """
    images, schema, messages = profile.abilities.images, call.schema, call.messages
    if schema is not None and profile.tells(call):
        messages = reminded(messages, schema)
    body: dict[str, Any] = {
        "model": profile.model,
        "messages": [{"role": one.role, "content": _content(one, images=images)} for one in messages],
    }
    if isinstance(schema, Tools):
        _add_tools(body, schema, profile)
    elif schema is not None and profile.abilities.schema:
        body["response_format"] = _response_format(schema.name, schema.json)
    _add_sampling(body, call, profile)
    if call.seed is not None and profile.abilities.seed:
        body["seed"] = seed_of(call)
    body.update(optional)
    return orjson.dumps(body)


def cache_key(family: str) -> str:
    """Return the prompt cache key of a prompt family: its name, or 64 hex digits of its SHA-256 where that is longer.

    Example:
        >>> cache_key("personas.generate@1f")
        'personas.generate@1f'
        >>> len(cache_key("x" * 65))
        64
    """
    if len(family) <= _LONGEST_CACHE_KEY:
        return family
    return hashlib.sha256(family.encode()).hexdigest()


def seed_of(call: Call) -> int | None:
    """Return the seed to send, 31 bits: the call's own, or one derived from it for a repeat or a further attempt.

    A provider that keeps its word about seeds would otherwise give the same answer again.
    """
    if call.seed is None:
        return None
    seed = derive(call.seed, call.repeat, call.attempt) if call.repeat or call.attempt else call.seed
    return seed & _SEED_BITS


def _content(message: Message, *, images: bool) -> str | list[dict[str, Any]]:
    parts = message.parts
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0]
    if not images or all(isinstance(part, str) for part in parts):
        return "".join(part if isinstance(part, str) else _in_words(part) for part in parts)
    return [{"type": "text", "text": part} if isinstance(part, str) else _seen(part) for part in parts]


def _in_words(picture: Picture) -> str:
    return f"[image: {picture.image.describe()}; the picture itself was not sent to this model]"


def _seen(picture: Picture) -> dict[str, Any]:
    url = picture.image.normal(picture.max_side).data_uri
    return {"type": "image_url", "image_url": {"url": url, "detail": picture.detail}}


def _add_tools(body: dict[str, Any], tools: Tools, profile: Profile) -> None:
    if not profile.abilities.tools:
        raise toolless(profile.model)
    body["tools"] = _functions(tools.told)
    if tools.choice == "auto":
        body["tool_choice"] = "auto"
        body["parallel_tool_calls"] = False  # one that must be called is called once; some models refuse the word
    else:
        body["tool_choice"] = {"type": "function", "function": {"name": tools.choice}}


def _add_sampling(body: dict[str, Any], call: Call, profile: Profile) -> None:
    sampling = call.sampling
    if sampling.temperature is not None:
        body["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        body["top_p"] = sampling.top_p
    if sampling.max_tokens is not None:
        body[profile.max_tokens_field] = sampling.max_tokens
    if sampling.reasoning is not None:
        body["reasoning_effort"] = sampling.reasoning
    if sampling.logprobs is not None and profile.abilities.logprobs:
        body["logprobs"] = True
        body["top_logprobs"] = sampling.logprobs


@lru_cache(maxsize=1024)
def _response_format(name: str, schema: bytes) -> orjson.Fragment:
    named = {"name": name, "schema": orjson.Fragment(schema), "strict": True}
    return orjson.Fragment(orjson.dumps({"type": "json_schema", "json_schema": named}))


@lru_cache(maxsize=1024)
def _functions(told: bytes) -> orjson.Fragment:
    functions = [
        {"name": name, "description": description, "parameters": schema, "strict": True}
        for name, description, schema in orjson.loads(told)["offered"]
    ]
    return orjson.Fragment(orjson.dumps([{"type": "function", "function": one} for one in functions]))
