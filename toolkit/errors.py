"""Every error the toolkit raises: a fitting builtin, one line that names the value, and the next step in ``.hint``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

__all__ = [
    "AuthFailed",
    "BadRequest",
    "BudgetReached",
    "CallError",
    "CallTimeout",
    "CapsuleInvalid",
    "ContentRefused",
    "ContextTooLong",
    "DramatisError",
    "ImageInvalid",
    "Incomplete",
    "Interrupted",
    "InvalidInput",
    "InvalidReply",
    "KeyMissing",
    "MemoryCorrupt",
    "ModelUnavailable",
    "ModelUnknown",
    "ProviderDown",
    "RateLimited",
    "ReplayMiss",
    "WeightsMissing",
]


class DramatisError(Exception):
    """Base of the toolkit's errors.

    Args:
        message: What is wrong, naming the value and the place, without a final full stop.
        hint: What to do next, as a sentence.

    Example:
        >>> str(DramatisError("n is 0", hint="Ask for at least one persona."))
        'n is 0. Ask for at least one persona.'
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return one line: the message, then the hint."""
        return _one_line(f"{self.message}. {self.hint}" if self.hint else self.message)


class InvalidInput(DramatisError, ValueError):
    """An argument, file or setting that cannot be used; nothing was billed."""


class ImageInvalid(InvalidInput):
    """Something given as an image that is not one, or one that is refused (SVG, animated, oversize)."""


class ModelUnknown(InvalidInput, LookupError):
    """A model string no provider answers to."""


class KeyMissing(DramatisError, LookupError):
    """A provider that needs a key, and none is set."""


class WeightsMissing(DramatisError, FileNotFoundError):
    """The embedded model was asked for and its weights are not installed."""


class MemoryCorrupt(DramatisError, OSError):
    """A damaged memory entry, met in a mode that may not heal it."""


class ReplayMiss(DramatisError, LookupError):
    """A call that the recording does not hold, in a mode that never calls."""

    kind: ClassVar[str] = "replay_miss"


class CapsuleInvalid(InvalidInput):
    """A capsule file that is damaged, was edited, or is of an unknown version."""


class Incomplete(DramatisError, RuntimeError):
    """A strict run that did not finish everything, or an incomplete result given to a verb.

    Attributes:
        result: What finished, when a run raised this.
    """

    def __init__(self, message: str, *, hint: str = "", result: Any = None) -> None:
        super().__init__(message, hint=hint)
        self.result = result


class BudgetReached(Incomplete):
    """A budget has no room for a further call; what finished is there, and nothing was sent for the rest."""


class Interrupted(KeyboardInterrupt):
    """A run that was stopped by hand; nothing finished is lost.

    It is a ``KeyboardInterrupt``, so Run All stops as well.

    Attributes:
        result: What finished, a normal result; ``result.resume()`` does only the rest.
    """

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result
        self.hint = "Look at lab.last, then lab.last.resume() to do the rest."

    def __str__(self) -> str:
        """Return one line: the message, then the hint."""
        return _one_line(f"{self.args[0]}. {self.hint}")


class CallError(DramatisError):
    """A call that ended without a reply.

    Attributes:
        kind: The class of failure, as it stands in ``errors`` frames and the ledger.
        request_id: The provider's id of the failed request, where it gave one.
        tries: How many times the call was sent.
        billed: True where the provider may have billed the try that failed.
        stage: Which part of the study asked, once the engine has booked it.
        item: The row it serves, once the engine has booked it.
        reply: The reply that was refused, where one came: its tokens were paid, so memory and ledger keep it.
    """

    kind: ClassVar[str] = "call_error"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        request_id: str | None = None,
        billed: bool = False,
        reply: Any = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.request_id = request_id
        self.billed = billed
        self.reply = reply
        self.tries = 1
        self.stage = ""
        self.item = ""

    def book(self, stage: str, item: str, clean: Callable[[str], str]) -> None:
        """Say which call this was about, and mask in the message what the books must not hold.

        Args:
            stage: Which part of the study asked.
            item: The row it serves.
            clean: Masks keys and personal data.
        """
        self.stage, self.item = self.stage or stage, self.item or item
        self.message, self.hint = clean(self.message), clean(self.hint)
        self.args = (self.message,)

    def line(self, *, trace_ids: bool = False) -> str:
        """Return where, what kind and why in one line, as logs and the command line show a failure.

        Args:
            trace_ids: Add the provider's id of the request, for a report to the provider.

        Example:
            >>> error = RateLimited("openai:m asks for a slower pace", request_id="req_1")
            >>> error.stage, error.item = "questions", "p0007"
            >>> error.line()
            'questions p0007 rate_limited: openai:m asks for a slower pace'
            >>> error.line(trace_ids=True)
            'questions p0007 rate_limited: openai:m asks for a slower pace [request req_1]'
        """
        where = " ".join(part for part in (self.stage, self.item, self.kind) if part)
        asked = f" [request {self.request_id}]" if trace_ids and self.request_id else ""
        return _one_line(f"{where}: {self}{asked}")

    @staticmethod
    def of(kind: str, message: str, **rest: Any) -> CallError:
        """Return the error of a kind, as memory and capsules bring it back.

        Example:
            >>> type(CallError.of("timeout", "no reply within 60 s")).__name__
            'CallTimeout'
        """
        known = {one.kind: one for one in CallError.__subclasses__()}
        return known.get(kind, CallError)(message, **rest)


class RateLimited(CallError):
    """The provider asked for a slower pace (HTTP 429).

    Attributes:
        retry_after: Seconds to wait, where the provider said so.
    """

    kind = "rate_limited"

    def __init__(self, message: str, *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.retry_after = retry_after


class ProviderDown(CallError, ConnectionError):
    """No answer came: HTTP 5xx, a dropped or refused connection.

    Attributes:
        retry_after: Seconds to wait, where the provider said so.
    """

    kind = "provider_down"

    def __init__(self, message: str, *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.retry_after = retry_after


class CallTimeout(CallError, TimeoutError):
    """A try that took longer than its limit and was cancelled; the provider may have billed it."""

    kind = "timeout"


class ContentRefused(CallError):
    """The provider or model refused to answer this content."""

    kind = "content_refused"


class ContextTooLong(CallError):
    """The prompt does not fit the model's context."""

    kind = "context_too_long"


class BadRequest(CallError):
    """The provider rejected the request as it stands (HTTP 400, 413, 422)."""

    kind = "bad_request"


class AuthFailed(CallError, PermissionError):
    """The key was refused (HTTP 401, 403)."""

    kind = "auth_failed"


class ModelUnavailable(CallError):
    """The provider knows no such model, or this key may not use it (HTTP 404)."""

    kind = "model_unavailable"


class InvalidReply(CallError, ValueError):
    """A reply arrived but does not hold what was asked for: not JSON, not the schema, or contradicting given facts.

    Attributes:
        fault: What is wrong, as quarantine sorts it: ``contradiction``, ``unknown_ids`` …; empty where the reply itself
            tells (no JSON, or not the schema).
    """

    kind = "invalid_reply"

    def __init__(self, message: str, *, fault: str = "", **rest: Any) -> None:
        super().__init__(message, **rest)
        self.fault = fault


def _one_line(text: str) -> str:
    lines = text.splitlines()
    return text if len(lines) < 2 else " ".join(line.strip() for line in lines if line.strip())  # noqa: PLR2004
