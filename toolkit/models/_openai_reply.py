"""From the bytes of a chat-completions answer to a Reply, or to the error that says what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from toolkit.errors import ContentRefused, InvalidReply, ProviderDown
from toolkit.models._openai_errors import error_in_answer
from toolkit.models._schema_check import check
from toolkit.models.call import Call, Identity, Reply, Usage

__all__ = ["Sent", "reply_of"]


@dataclass(frozen=True, slots=True)
class Sent:
    """What is known of a request beside its answer."""

    identity: Identity
    request_id: str | None
    started: float
    latency: float
    notes: tuple[str, ...] = ()


def reply_of(call: Call, content: bytes, sent: Sent) -> Reply:
    """Return the reply that the provider's answer holds.

    Raises:
        ProviderDown: The answer is not a chat completion.
        ContentRefused: The model or a content filter refused.
        InvalidReply: The text is empty, not JSON or not of the call's schema; ``reply`` holds text and usage.
    """
    try:
        answer = orjson.loads(content)
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
    return _judged(call, reply)


def _judged(call: Call, reply: Reply) -> Reply:
    if call.schema is None:
        if not reply.text:
            raise _invalid(reply, "is empty")
        return reply
    bare = _bare(reply.text)
    try:
        value = orjson.loads(bare)
    except ValueError as error:
        raise _invalid(reply, "is not JSON") from error
    fault = check(call.schema.json)(value)
    if fault is not None:
        raise _invalid(reply, f"does not fit the schema {call.schema.name!r}: {fault[:80]}")
    return replace(reply, text=bare, value=value)


def _bare(text: str) -> str:
    """Return the text without the Markdown fence some models put around JSON."""
    stripped = text.strip()
    if stripped.startswith("```") and stripped.endswith("```") and "\n" in stripped:
        return stripped[stripped.index("\n") + 1 : -3]
    return text


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


def _invalid(reply: Reply, why: str) -> InvalidReply:
    cut = reply.finish == "length"
    return InvalidReply(
        f"the reply of {reply.model} {'was cut off at the token limit and ' if cut else ''}{why}",
        hint="Raise max_tokens." if cut else "Ask again, or loosen the answer type.",
        request_id=reply.request_id,
        billed=True,
        reply=reply,
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
