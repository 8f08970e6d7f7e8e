"""From the bytes of a chat-completions answer to a Reply, or to the error that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from toolkit.errors import ContentRefused, InvalidReply, ProviderDown
from toolkit.models._openai_errors import error_in_answer
from toolkit.models._schema_check import check
from toolkit.models.call import Call, Identity, Reply, Schema, Tools, Usage
from toolkit.models.repair import loads, read_json

__all__ = ["Sent", "reply_of"]


@dataclass(frozen=True, slots=True)
class Sent:
    """What is known of a request beside its answer."""

    identity: Identity
    request_id: str | None
    started: float
    latency: float
    notes: tuple[str, ...] = ()
    lenient: bool = False
    """Whether the schema was only told, so that JSON that is not quite right is put right."""


def reply_of(call: Call, content: bytes, sent: Sent) -> Reply:
    """Return the reply that the provider's answer holds.

    Raises:
        ProviderDown: The answer is not a chat completion.
        ContentRefused: The model or a content filter refused.
        InvalidReply: The text is empty, not JSON or not of the call's schema, or what is called is not the one function
            that was to be; ``reply`` holds text and usage.
    """
    try:
        answer = loads(content)
        choice = answer["choices"][0]
        message = choice["message"]
        text = message.get("content") or ""
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise _not_an_answer(call, content, sent) from error
    reply = Reply(
        text=text if isinstance(text, str) else orjson.dumps(text).decode(),
        model=f"{sent.identity.provider}:{answer.get('model') or sent.identity.model}",
        usage=_usage(answer.get("usage")),
        finish=choice.get("finish_reason") or "stop",
        request_id=sent.request_id or answer.get("id"),
        started=sent.started,
        latency=sent.latency,
        logprobs=_logprobs(choice.get("logprobs")),
        notes=sent.notes,
    )
    if reply.finish == "content_filter" or message.get("refusal"):
        raise _refused(reply, message.get("refusal"))
    if call.schema is None:
        if not reply.text:
            raise _invalid(reply, "is empty")
        return reply
    if isinstance(call.schema, Tools):
        return _called(call.schema, reply, message.get("tool_calls"))
    return _judged(call.schema, reply, lenient=sent.lenient)


def _judged(schema: Schema, reply: Reply, *, lenient: bool = False) -> Reply:
    try:
        value, text = read_json(reply.text, lenient=lenient and reply.finish != "length")
    except ValueError as error:
        raise _invalid(reply, "is not JSON") from error
    fault = check(schema.json)(value)
    if fault is not None:
        raise _invalid(reply, f"does not fit the schema {schema.name!r}: {fault[:80]}")
    return replace(reply, text=text, value=value)


def _called(tools: Tools, reply: Reply, calls: Any) -> Reply:
    """Return the reply with what the function was called with as its text and value.

    Why the model stopped tells nothing: OpenAI says ``stop`` of a function that had to be called, and ``tool_calls`` of
    one that was chosen.
    """
    calls = calls if isinstance(calls, list) else []
    if len(calls) != 1:
        whole = replace(reply, text=orjson.dumps(calls).decode()) if calls else reply
        raise _invalid(whole, f"calls {len(calls) or 'no'} functions where it is to call one", fault="schema_mismatch")
    function = calls[0].get("function") if isinstance(calls[0], Mapping) else None
    told = function if isinstance(function, Mapping) else {}
    name, arguments = str(told.get("name")), told.get("arguments")
    tool = tools.allowed.get(name)
    if tool is None:
        whole = replace(reply, text=orjson.dumps(calls).decode())
        raise _invalid(whole, f"calls the function {name[:40]!r}, which is not asked for", fault="schema_mismatch")
    text = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
    judged = _judged(tool.schema, replace(reply, text=text))
    if tools.choice != "auto":
        return judged
    value = {"name": name, "arguments": judged.value}
    return replace(judged, text=orjson.dumps(value).decode(), value=value)


def _usage(counts: Any) -> Usage:
    if not isinstance(counts, dict):
        return Usage()
    prompt = counts.get("prompt_tokens_details") or {}
    completion = counts.get("completion_tokens_details") or {}
    return Usage(
        input=counts.get("prompt_tokens") or 0,
        cached=prompt.get("cached_tokens") or 0,
        cache_write=prompt.get("cache_write_tokens") or 0,
        image=prompt.get("image_tokens") or 0,
        output=counts.get("completion_tokens") or 0,
        reasoning=completion.get("reasoning_tokens") or 0,
    )


def _logprobs(given: Any) -> tuple[tuple[tuple[str, float], ...], ...] | None:
    places = given.get("content") if isinstance(given, dict) else None
    if not places:
        return None
    return tuple(
        tuple((one["token"], one["logprob"]) for one in place.get("top_logprobs") or (place,)) for place in places
    )


def _not_an_answer(call: Call, content: bytes, sent: Sent) -> Exception:
    """Return the error for an HTTP 200 that holds no completion: an error in disguise, or damage on the way."""
    disguised = error_in_answer(call, content, sent.identity, sent.request_id)
    if disguised is not None:
        return disguised
    return ProviderDown(
        f"{sent.identity} answered with something that is not a chat completion ({len(content)} bytes)",
        hint="Check the base URL, or try again.",
        request_id=sent.request_id,
        billed=True,
    )


def _invalid(reply: Reply, why: str, fault: str = "") -> InvalidReply:
    cut = reply.finish == "length"
    return InvalidReply(
        f"the reply of {reply.model} {'was cut off at the token limit and ' if cut else ''}{why}",
        hint="Raise max_tokens." if cut else "Ask again, or loosen the answer type.",
        request_id=reply.request_id,
        billed=True,
        reply=reply,
        fault=fault,
    )


def _refused(reply: Reply, refusal: Any) -> ContentRefused:
    reply = replace(reply, text=str(refusal)) if refusal and not reply.text else reply
    by = "refused to answer" if refusal else "was stopped by the provider's content filter"
    return ContentRefused(
        f"{reply.model} {by}",
        hint="Look at the prompt with tk.preview and reword it.",
        request_id=reply.request_id,
        billed=True,
        reply=reply,
    )
