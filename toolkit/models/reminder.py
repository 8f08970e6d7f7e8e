"""What a model without structured output is told of its reply's form, once and no more."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from toolkit import prompts
from toolkit.models.call import Message, Schema

__all__ = ["is_told", "reminded", "reminder", "reminder_version"]

_PROMPT = "models.schema"


def reminded(messages: Sequence[Message], schema: Schema) -> tuple[Message, ...]:
    """Return the messages with the reply's schema told in words, at the end of the first system message.

    There and not in a message of its own, for the chat templates of many open models take one system message only; and
    not later, so that what stays the same stands first. Without a system message one is put first. Messages that say
    it already stay as they are, so reminding twice reminds once.

    Args:
        messages: What is asked; they are not changed.
        schema: What the reply must be.

    Example:
        >>> asked = (Message("system", ("You are Ada.",)), Message("user", ("Tea?",)))
        >>> schema = Schema("tea", {"type": "object", "properties": {"choice": {"type": "string"}}})
        >>> told = reminded(asked, schema)
        >>> told[0].text.startswith("You are Ada."), "JSON schema" in told[0].text, told[1] is asked[1]
        (True, True, True)
        >>> reminded(told, schema) == told
        True
    """
    if is_told(messages, schema):
        return tuple(messages)
    place = next((n for n, message in enumerate(messages) if message.role == "system"), None)
    text = reminder(schema)
    if place is None:
        return (Message("system", (text,)), *messages)
    first = messages[place]
    told = dataclasses.replace(first, parts=(*first.parts, f"\n\n{text}"))
    return (*messages[:place], told, *messages[place + 1 :])


def is_told(messages: Sequence[Message], schema: Schema) -> bool:
    """Tell whether a system message already says how to reply: it speaks of JSON and names all fields in quotes.

    Example:
        >>> own = Message("system", ('Reply as JSON: {"choice": "…"}',))
        >>> is_told([own], Schema("tea", {"type": "object", "properties": {"choice": {"type": "string"}}}))
        True
    """
    said = [message.text for message in messages if message.role == "system"]
    fields = _fields(schema.json)
    return any("json" in text.casefold() and all(one in text for one in fields) for text in said if fields)


def reminder(schema: Schema) -> str:
    """Return what is told of a schema.

    Example:
        >>> reminder(Schema("n", {"type": "object"})).endswith('{"type":"object"}')
        True
    """
    return _told(schema.json)


def reminder_version() -> str:
    """Return ``name@digest`` of the prompt file the reminder is made of.

    Example:
        >>> reminder_version().partition("@")[0]
        'models.schema'
    """
    return prompts.load(_PROMPT).version


@lru_cache(maxsize=1024)
def _fields(schema: bytes) -> frozenset[str]:
    """Return the names of all fields, the inner ones too, in quotes."""
    return frozenset(f'"{name}"' for name in _names(orjson.loads(schema)))


def _names(schema: Any) -> Iterator[str]:
    inner = schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list) else ()
    fields = schema.get("properties") if isinstance(schema, Mapping) else None
    if isinstance(fields, Mapping):
        yield from fields
    for one in inner:
        yield from _names(one)


@lru_cache(maxsize=1024)
def _told(schema: bytes) -> str:
    turns = prompts.load(_PROMPT).render(schema=schema.decode())
    return "".join(str(part) for part in turns[0][1])
