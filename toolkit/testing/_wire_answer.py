"""The chat completion a wire server sends: text from the request's own schema, counted as a provider counts."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import orjson

from toolkit.models._responder import LogProbs, mark_of, respond, tokens
from toolkit.testing._wire_functions import Functions

__all__ = ["Prompt", "PromptCache", "completion"]

_IMAGE_TOKENS = 85  # what a low-detail picture costs in the tile family (FACTS)
_CACHED_FROM, _CACHED_STEP = 1024, 128  # tokens: the shortest cached prefix and its granularity at OpenAI
_REASONING = {"minimal": 0, "low": 16, "medium": 64, "high": 256}
_FINGERPRINT = "fp_wire"


class Prompt:
    """What of a request is the prompt."""

    __slots__ = ("pictures", "text", "tokens")

    def __init__(self, body: Mapping[str, Any]) -> None:
        parts: list[str] = []
        pictures = 0
        for message in body["messages"]:
            content = message["content"]
            if isinstance(content, str):
                parts.append(content)
                continue
            for part in content:
                if part["type"] == "text":
                    parts.append(part["text"])
                else:
                    pictures += 1
        self.text = "\n".join(parts)
        self.pictures = pictures
        self.tokens = math.ceil(len(self.text) / 4) + pictures * _IMAGE_TOKENS


class PromptCache:
    """Remembers the last prompt for each cache key, and how much of a new one it already holds."""

    def __init__(self, limit: int = 256) -> None:
        self._prompts: OrderedDict[str, str] = OrderedDict()
        self._limit = limit

    def cached(self, key: str, prompt: Prompt) -> int:
        """Return the tokens of the prompt's prefix that were seen before, and remember the prompt."""
        if prompt.tokens < _CACHED_FROM:
            return 0
        known = self._prompts.pop(key, "")
        self._prompts[key] = prompt.text
        if len(self._prompts) > self._limit:
            self._prompts.popitem(last=False)
        shared = _common(known, prompt.text) // 4
        return shared // _CACHED_STEP * _CACHED_STEP if shared >= _CACHED_FROM else 0


def completion(
    body: Mapping[str, Any], prompt: Prompt, cached: int, digest: str, seed: int, fault: str | None
) -> bytes:
    """Return the JSON of a chat completion.

    Args:
        body: The request.
        prompt: Its prompt.
        cached: Tokens of the prompt read from the cache.
        digest: What addresses the answer: equal requests get equal answers.
        seed: The server's seed.
        fault: A fault of the text (``malformed``, ``truncated``, ``off_schema``, ``empty``, ``refusal``,
            ``content_filter``) or of a function's call (``no_call``, ``two_calls``, ``other_call``), or none.

    Raises:
        InvalidInput: The schema cannot be satisfied, or a function is to be called that is not offered.
    """
    functions = Functions.of(body, seed, digest) if fault != "no_call" else None
    schema = functions.schema if functions is not None else _schema(body)
    top = body.get("top_logprobs", 0) if body.get("logprobs") else None
    marks = _marks(body, prompt) if schema is None and top is not None else []
    found: LogProbs | None = None
    if marks and top is not None:
        text, found = mark_of(marks, top, seed, digest)
    else:
        value = respond(schema, seed, digest)
        text = value if schema is None else orjson.dumps(value).decode()
        found = tokens(text, value, schema, top, seed, digest) if top is not None else None
    said, finish, refused = _spoilt(text, body, fault)
    reasoning = _REASONING.get(body.get("reasoning_effort", ""), 0)
    output = math.ceil(len(said or refused or "") / 4) + reasoning
    whole = said == text
    message: dict[str, Any] = {"role": "assistant", "content": said, "refusal": refused}
    if functions is not None and said:
        message |= {"content": None, "tool_calls": functions.calls(said, digest, fault)}
        finish = functions.finish if finish == "stop" else finish
    return orjson.dumps(
        {
            "id": f"chatcmpl-{digest[:24]}",
            "object": "chat.completion",
            "created": 1_700_000_000,  # fixed: equal requests get equal bytes
            "model": body.get("model"),
            "choices": [
                {
                    "index": 0,
                    "message": message,
                    "logprobs": _logprobs(found, top) if found is not None and top is not None and whole else None,
                    "finish_reason": finish,
                }
            ],
            "usage": {
                "prompt_tokens": prompt.tokens,
                "completion_tokens": output,
                "total_tokens": prompt.tokens + output,
                "prompt_tokens_details": {
                    "cached_tokens": cached,
                    "cache_write_tokens": prompt.tokens - cached if prompt.tokens >= _CACHED_FROM else 0,
                    "image_tokens": prompt.pictures * _IMAGE_TOKENS,
                },
                "completion_tokens_details": {"reasoning_tokens": reasoning},
            },
            "system_fingerprint": _FINGERPRINT,
        }
    )


def _spoilt(text: str, body: Mapping[str, Any], fault: str | None) -> tuple[str | None, str, str | None]:
    """Return text, finish reason and refusal as the fault, or the bound on output, leaves them."""
    half = text[: max(len(text) // 2, 1)]
    spoilt: dict[str | None, tuple[str | None, str, str | None]] = {
        "malformed": (f"{half} …", "stop", None),
        "truncated": (half, "length", None),
        "off_schema": ('{"unexpected":true}', "stop", None),
        "empty": (None, "stop", None),
        "refusal": (None, "stop", "I cannot help with that."),
        "content_filter": ("", "content_filter", None),
    }
    if fault in spoilt:
        return spoilt[fault]
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    if most is not None and len(text) > 4 * most:
        return text[: 4 * most], "length", None
    return text, "stop", None


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    wanted = body.get("response_format") or {}
    schema: Mapping[str, Any] | None = wanted.get("json_schema", {}).get("schema")
    return schema


def _marks(body: Mapping[str, Any], prompt: Prompt) -> list[str]:
    """Return the marks before the options of a prompt that asks for one token: ``A) tea``."""
    one = (body.get("max_completion_tokens") or body.get("max_tokens")) == 1
    return re.findall(r"^([A-Z]{1,2}|[0-9])\)(?: |$)", prompt.text, re.MULTILINE) if one else []


def _logprobs(places: LogProbs, top: int) -> dict[str, Any]:
    return {
        "content": [
            {
                "token": place[0][0],
                "logprob": place[0][1],
                "bytes": None,
                "top_logprobs": [{"token": token, "logprob": p, "bytes": None} for token, p in place[:top]],
            }
            for place in places
        ],
        "refusal": None,
    }


def _common(one: str, other: str) -> int:
    """Return the length of the common prefix."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if other.startswith(one[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low
