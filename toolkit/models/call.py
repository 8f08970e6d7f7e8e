"""What flows: a Call goes down to a model, a Reply comes up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from toolkit.errors import InvalidInput
from toolkit.media import NORMAL_FORM, Image

__all__ = ["Call", "Identity", "Message", "Picture", "Reply", "Sampling", "Schema", "Tool", "Tools", "Usage"]

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image at its place in a message."""

    image: Image
    detail: Literal["auto", "low", "high"] = "auto"
    """How closely the provider is asked to look."""
    max_side: int = 1024
    """Longest side after normalisation, in pixels; images are only ever made smaller."""

    def canonical(self) -> dict[str, Any]:
        """Return what enters a call's key: the source's digest and how it is normalised, never encoded bytes."""
        return {
            "image": self.image.digest,
            "alt": self.image.alt,
            "detail": self.detail,
            "max_side": self.max_side,
            "normal_form": NORMAL_FORM,
        }


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation: text and pictures, in order."""

    role: Role
    parts: tuple[str | Picture, ...]

    def canonical(self) -> dict[str, Any]:
        """Return the message as it enters a call's key."""
        parts = [part if isinstance(part, str) else part.canonical() for part in self.parts]
        return {"role": self.role, "parts": parts}

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part for part in self.parts if isinstance(part, str))


@dataclass(frozen=True, slots=True)
class Schema:
    """The JSON schema a reply must satisfy; written by us once per question, so that its bytes do not drift."""

    name: str
    """Letters, digits, ``_`` and ``-``; at most 64 characters."""
    body: Mapping[str, Any]
    """A JSON schema (draft 2020-12) of type object."""
    json: bytes = field(init=False, repr=False, compare=False)
    """The bytes of ``body`` as they are sent: in declared order, for that is the order in which models write."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "json", orjson.dumps(self.body))


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model is offered. Nothing runs it: what the model calls it with is the reply."""

    schema: Schema
    """What it is called with; the schema's name is the function's."""
    description: str
    """What it is for, in words for the model."""


@dataclass(frozen=True, slots=True)
class Tools(Schema):
    """The schema of a reply that comes by the provider's own way to call functions: one of these, called once.

    Told which one, the reply's value is what the model called it with. Where the model chooses, it is
    ``{"name": …, "arguments": …}``. Models without functions (``Abilities.tools``) refuse the call.

    Raises:
        InvalidInput: There is no function, two have one name, the choice names none of them, or the model chooses among
            schemas that refer to parts of themselves.

    Example:
        >>> guess = Tool(Schema("guess", {"type": "object", "properties": {}}), "Guess a number.")
        >>> call = Call((Message("user", ("Which?",)),), schema=Tools((guess,), choice="guess"))
        >>> call.schema.name
        'guess'
    """

    name: str = field(init=False)
    """The function that is to be called; ``tool_call`` where the model chooses."""
    body: Mapping[str, Any] = field(init=False)
    offered: tuple[Tool, ...]
    choice: str = "auto"
    """The function that must be called, or ``auto``: the model chooses."""
    told: bytes = field(init=False, repr=False, compare=False)
    """All that the model is told of them, as it enters a call's key."""

    def __post_init__(self) -> None:
        names = [one.schema.name for one in self.offered]
        if not names or len(set(names)) < len(names):
            raise InvalidInput(f"the functions offered are {names}", hint="Offer at least one, each name once.")
        if self.choice not in {"auto", *names}:
            raise InvalidInput(
                f"the function {self.choice!r} is not offered", hint=f"Choose {', '.join(names)}, or auto."
            )
        forced = next((one.schema for one in self.offered if one.schema.name == self.choice), None)
        body = forced.body if forced is not None else {"anyOf": [_as_chosen(one.schema) for one in self.offered]}
        offered = [[one.schema.name, one.description, orjson.Fragment(one.schema.json)] for one in self.offered]
        object.__setattr__(self, "name", forced.name if forced is not None else "tool_call")
        object.__setattr__(self, "body", body)
        object.__setattr__(self, "json", orjson.dumps(body))
        object.__setattr__(self, "told", orjson.dumps({"offered": offered, "choice": self.choice}))

    @property
    def allowed(self) -> dict[str, Tool]:
        """The functions that may be called, by name: the one that must be, or all."""
        return {one.schema.name: one for one in self.offered if self.choice in {"auto", one.schema.name}}


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model is asked to draw; ``None`` leaves a value to the provider."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    """Upper bound on output tokens, reasoning included."""
    logprobs: int | None = None
    """How many log-probabilities to return for each output token, 0 to 20."""
    reasoning: Literal["minimal", "low", "medium", "high"] | None = None
    among: tuple[str, ...] | None = None
    """The marks one of which is the whole reply (``A``, ``B``, …), where the prompt asks for one; nothing is sent of
    it, but models that make replies up go by it."""

    def canonical(self) -> dict[str, Any]:
        """Return the values that are set."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answers, as far as it can change an answer. Never a port, a key or a path."""

    provider: str
    model: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Base URL, weights' SHA-256, server version: whatever else decides what comes back."""
    json: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        body = {"provider": self.provider, "model": self.model, "detail": dict(self.detail)}
        object.__setattr__(self, "json", orjson.dumps(body, option=orjson.OPT_SORT_KEYS))

    def __str__(self) -> str:
        """Return ``provider:model``, the name limits, prices and ledgers use."""
        return f"{self.provider}:{self.model}"


@dataclass(frozen=True, slots=True)
class Call:
    """One question to one model: first what the model sees, which makes the key, then what the books need."""

    messages: tuple[Message, ...]
    schema: Schema | None = None
    """What the reply must be; ``Tools`` ask for it as the call of a function."""
    sampling: Sampling = Sampling()
    seed: int | None = None
    repeat: int = 0
    """Which of several equal askings this is (test-retest)."""
    attempt: int = 0
    """Which content try this is; 0 is the first."""

    stage: str = ""
    """Which part of a study asks: ``personas``, ``questions``, ``rounds.director``."""
    item: str = ""
    """The row this call serves, as it stands in the result's frame."""
    family: str = ""
    """Calls that share a prompt prefix; becomes the provider's prompt cache key."""
    template: str = ""
    """``name@digest`` of the prompt file."""
    model: str = ""
    """``provider:model`` of a further model of the study that is to answer; the study's own where it is empty. Who
    answers enters the key by the identity that ``key`` is given."""
    _key: tuple[Identity, str] | None = field(default=None, init=False, repr=False, compare=False)

    def key(self, identity: Identity) -> str:
        """Return the SHA-256 (64 hex digits) over what the model sees and who answers.

        Two different calls never share a key and equal ones always do: everything is one canonical JSON dump with
        sorted keys.
        """
        if self._key is not None and self._key[0] is identity:
            return self._key[1]
        body: dict[str, Any] = {
            "messages": [message.canonical() for message in self.messages],
            "schema": [self.schema.name, self.schema.json.decode()] if self.schema else None,
            "sampling": self.sampling.canonical(),
            "seed": self.seed,
            "repeat": self.repeat,
            "attempt": self.attempt,
        }
        if isinstance(self.schema, Tools):
            body["tools"] = self.schema.told.decode()
        dump = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        key = hashlib.sha256(identity.json + b"\n" + dump).hexdigest()
        object.__setattr__(self, "_key", (identity, key))
        return key

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures in all messages, in order."""
        return tuple(part for message in self.messages for part in message.parts if isinstance(part, Picture))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply, as the provider counted them. Parts are included in their whole."""

    input: int = 0
    """All prompt tokens."""
    cached: int = 0
    """Of ``input``, those read from the provider's prompt cache."""
    cache_write: int = 0
    """Of ``input``, those written to the provider's prompt cache."""
    image: int = 0
    """Of ``input``, those that stand for images, where the provider says."""
    output: int = 0
    """All completion tokens."""
    reasoning: int = 0
    """Of ``output``, those spent on hidden reasoning."""

    def __add__(self, other: Usage) -> Usage:
        """Return the sum, field by field."""
        return Usage(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one call."""

    text: str
    model: str
    """``provider:model`` that really answered."""
    value: Any = None
    """The JSON value of ``text`` where the call had a schema."""
    usage: Usage = Usage()
    finish: str = "stop"
    """Why the model stopped: ``stop``, ``length``, ``content_filter``, ``tool_calls``."""
    request_id: str | None = None
    """The provider's id of the request."""
    started: float | None = None
    """When the try that succeeded was sent, in seconds since the epoch."""
    latency: float | None = None
    """Seconds from sending to the whole reply, of the try that succeeded; null where nothing was measured."""
    tries: int = 1
    """How often the call was sent until it succeeded."""
    logprobs: tuple[tuple[tuple[str, float], ...], ...] | None = None
    """For each output token the most likely tokens and their log-probabilities (natural logarithm)."""
    notes: tuple[str, ...] = ()
    """What the researcher should know of this reply, for example that an image was described in words."""
    cost: float | None = None
    """USD it cost when it came; null where that was not known then."""
    price_version: str = ""
    """Whose price that was and of what day."""
    cached: bool = False
    """True where memory answered."""


def _as_chosen(schema: Schema) -> dict[str, Any]:
    """Return the schema of a function's call that says which function it is."""
    if b'"$ref"' in schema.json:
        raise InvalidInput(
            f"the schema {schema.name!r} refers to parts of itself, which a choice among functions does not take",
            hint="Write the parts out, or tell the model which function to call.",
        )
    return {
        "type": "object",
        "properties": {"name": {"type": "string", "const": schema.name}, "arguments": schema.body},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
