"""The SDK's errors and the provider's refusals, as ours: one line that names the model, and the next step."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import orjson

from toolkit.errors import (
    AuthFailed,
    BadRequest,
    CallError,
    CallTimeout,
    ContentRefused,
    ContextTooLong,
    ModelUnavailable,
    ProviderDown,
    RateLimited,
)
from toolkit.models.call import Call, Identity
from toolkit.redact import scrub

if TYPE_CHECKING:
    from openai import APIStatusError

__all__ = ["error_in_answer", "error_of", "lost", "retry_after"]

_CONTEXT = re.compile(
    r"context[_ ](?:length|size|window)|maximum context|prompt is too long|too many (?:input )?tokens", re.IGNORECASE
)
_FILTERED = re.compile(r"content[_ ](?:filter|policy|management)|moderation|flagged|safety system", re.IGNORECASE)
_BLIND = re.compile(
    r"image (?:input|url)s? (?:is|are) not supported|mmproj|does not support (?:image|vision)", re.IGNORECASE
)
_TAG = re.compile(r"<[^<>]{1,500}>")  # gateways answer in HTML
_SCHEMA = re.compile(r"response_format|json_?schema|\bschema\b|grammar", re.IGNORECASE)
_LOGPROBS = re.compile(r"log_?prob", re.IGNORECASE)
_REQUEST_STATUSES = frozenset({400, 403, 413, 422})
_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})

_LONGEST = 200  # characters of the provider's message that are repeated
_LONGEST_PARAMETER = 60  # characters
_SHORTEST_KEY = 8  # characters; shorter ones are placeholders and ordinary words
_WINDOW = 20  # characters of prompt in a message that make it a quotation


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What a provider said with an error status."""

    call: Call
    who: str
    status: int
    code: str
    param: str
    message: str
    request_id: str | None
    wait: float | None

    @property
    def said(self) -> str:
        """The provider's message as it may be shown: scrubbed, one line, short, without the prompt."""
        text = " ".join(scrub(_TAG.sub(" ", self.message)).split()).rstrip(".")
        if not text:
            return f"HTTP {self.status}"
        if _quotes(text, self.call):
            return f"HTTP {self.status}; the provider's message quotes the prompt and is left out"
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def error_of(call: Call, error: APIStatusError, identity: Identity, key: str) -> CallError:
    """Return our error for an error status.

    Args:
        call: The call that failed.
        error: What the SDK raised.
        identity: Who was asked.
        key: The key in use, masked wherever a message repeats it.
    """
    said = error.body.get("message") if isinstance(error.body, dict) else error.body
    masked = str(said or "").replace(key, "[key]") if len(key) >= _SHORTEST_KEY else str(said or "")
    return _sorted_out(
        _Refusal(
            call=call,
            who=str(identity),
            status=error.status_code,
            code=" ".join(filter(None, (error.code, error.type))),
            param=str(error.param or ""),
            message=masked,
            request_id=error.request_id,
            wait=retry_after(error.response.headers),
        )
    )


def lost(error: BaseException, identity: Identity) -> CallError:
    """Return the error for an exchange that broke: nobody there, silence, or an end in the middle.

    The transport calls most of them time-outs; what aiohttp raised underneath says which it was.
    """
    chain = list(_causes(error))
    names = {name for one in chain for name in (base.__name__ for base in type(one).__mro__)}
    if names & {"ConnectionTimeoutError", "ClientConnectorError", "ConnectError", "PoolTimeout"}:
        return ProviderDown(f"{identity} cannot be reached", hint="Check the base URL and the network.")
    if any(isinstance(one, TimeoutError) for one in chain) or "ReadTimeout" in names:
        return CallTimeout(
            f"{identity} said nothing within the time limit", hint="Raise timeout=, or try again.", billed=True
        )
    return ProviderDown(
        f"the connection to {identity} broke off before the reply was whole", hint="Try again.", billed=True
    )


def error_in_answer(call: Call, content: bytes, identity: Identity, request_id: str | None) -> CallError | None:
    """Return the error that some gateways put into an HTTP 200, or ``None`` where there is none."""
    try:
        said = orjson.loads(content)["error"]
        code = said.get("code")
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    status = code if isinstance(code, int) and code >= 400 else 502  # noqa: PLR2004  # HTTP's error range
    return _sorted_out(
        _Refusal(
            call=call,
            who=str(identity),
            status=status,
            code=f"{code} {said.get('type') or ''}",
            param=str(said.get("param") or ""),
            message=str(said.get("message") or ""),
            request_id=request_id,
            wait=None,
        )
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a provider asks to wait: ``retry-after-ms``, or ``retry-after`` in seconds or as a date.

    Example:
        >>> retry_after({"retry-after": "2.5"})
        2.5
        >>> retry_after({"retry-after-ms": "300", "retry-after": "1"})
        0.3
    """
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / scale
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    try:
        return max(parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


def _sorted_out(refusal: _Refusal) -> CallError:
    """Return the error that fits; first what the provider named, then what the status says."""
    make = _by_words(refusal) or _BY_STATUS.get(refusal.status)
    if make is None:
        make = _down if refusal.status >= 500 else _bad  # noqa: PLR2004  # HTTP's server errors
    return make(refusal)


def _by_words(refusal: _Refusal) -> Callable[[_Refusal], CallError] | None:
    """Return what the provider's words say is wrong; a word counts only with the statuses it comes with."""
    told = f"{refusal.code} {refusal.message}"
    if set(refusal.code.split()) & _QUOTA:
        return _unpaid
    if refusal.call.pictures and _BLIND.search(told):
        return _blind
    if refusal.status not in _REQUEST_STATUSES:
        return None
    asked_for_schema = refusal.call.schema is not None
    asked_for_logprobs = refusal.call.sampling.logprobs is not None
    found = (
        (_CONTEXT.search(told), _too_long),
        (_FILTERED.search(told), _filtered),
        ("model_not_found" in refusal.code, _unknown),
        (asked_for_logprobs and _LOGPROBS.search(f"{refusal.param} {refusal.message}"), _logprobs),
        (asked_for_schema and _SCHEMA.search(f"{refusal.param} {refusal.message}"), _schema),
    )
    return next((make for applies, make in found if applies), None)


def _unpaid(refusal: _Refusal) -> CallError:
    return AuthFailed(
        f"{refusal.who} refuses the account: {refusal.said}",
        hint="Look at the account's plan and billing; waiting does not help.",
        request_id=refusal.request_id,
    )


def _blind(refusal: _Refusal) -> CallError:
    return BadRequest(
        f"{refusal.who} takes no pictures: {refusal.said}",
        hint="Open it with abilities=Abilities(images=False), so that pictures are described in words.",
        request_id=refusal.request_id,
    )


def _too_long(refusal: _Refusal) -> CallError:
    return ContextTooLong(
        f"the prompt does not fit {refusal.who}: {refusal.said}",
        hint="Shorten the prompt, or take a model with a larger context.",
        request_id=refusal.request_id,
    )


def _filtered(refusal: _Refusal) -> CallError:
    return ContentRefused(
        f"{refusal.who} refuses this content: {refusal.said}",
        hint="Look at the prompt with tk.preview and reword it.",
        request_id=refusal.request_id,
    )


def _schema(refusal: _Refusal) -> CallError:
    name = refusal.call.schema.name if refusal.call.schema else ""
    return BadRequest(
        f"{refusal.who} refuses the schema {name!r}: {refusal.said}",
        hint="Simplify the answer type, or open the model with abilities=Abilities(schema=False).",
        request_id=refusal.request_id,
    )


def _logprobs(refusal: _Refusal) -> CallError:
    return BadRequest(
        f"{refusal.who} gives no log-probabilities: {refusal.said}",
        hint="Ask with method='reply', or another model; open this one with abilities=Abilities(logprobs=False).",
        request_id=refusal.request_id,
    )


def _limited(refusal: _Refusal) -> CallError:
    return RateLimited(
        f"{refusal.who} asks for a slower pace: {refusal.said}",
        hint="Wait, or lower concurrency.",
        request_id=refusal.request_id,
        retry_after=refusal.wait,
    )


def _down(refusal: _Refusal) -> CallError:
    return ProviderDown(
        f"{refusal.who} failed with HTTP {refusal.status}: {refusal.said}",
        hint="Try again later.",
        request_id=refusal.request_id,
        retry_after=refusal.wait,
    )


def _unauthorised(refusal: _Refusal) -> CallError:
    return AuthFailed(
        f"{refusal.who} refuses the key: {refusal.said}",
        hint="Check TOOLKIT_OPENAI_API_KEY or OPENAI_API_KEY, and what the key may use.",
        request_id=refusal.request_id,
    )


def _unknown(refusal: _Refusal) -> CallError:
    return ModelUnavailable(
        f"{refusal.who} is not there: {refusal.said}",
        hint="Check the model's name and the base URL.",
        request_id=refusal.request_id,
    )


def _bad(refusal: _Refusal) -> CallError:
    named = f" (parameter {refusal.param[:_LONGEST_PARAMETER]!r})" if refusal.param else ""
    return BadRequest(
        f"{refusal.who} rejects the request{named}: {refusal.said}",
        hint="Look at the request with tk.preview.",
        request_id=refusal.request_id,
    )


_BY_STATUS: Mapping[int, Callable[[_Refusal], CallError]] = {
    401: _unauthorised,
    402: _unpaid,
    403: _unauthorised,
    404: _unknown,
    408: _down,
    409: _down,
    429: _limited,
}


def _causes(error: BaseException) -> Any:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _quotes(text: str, call: Call) -> bool:
    """Tell whether a message repeats a piece of the prompt."""
    prompt = " ".join(" ".join(message.text for message in call.messages).split())
    return any(text[at : at + _WINDOW] in prompt for at in range(max(len(text) - _WINDOW, 0) + 1)) if prompt else False
