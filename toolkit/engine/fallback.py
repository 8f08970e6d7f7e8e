"""The layer that asks another model when the first is not to be had; the answer says whose it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.errors import (
    AuthFailed,
    CallError,
    CallTimeout,
    InvalidInput,
    ModelUnavailable,
    ProviderDown,
    RateLimited,
)
from toolkit.memory import FALLBACK_NOTE
from toolkit.models import Call, Identity, Reply, Responder

__all__ = ["Candidate", "Fallback", "is_fallback"]

_UNAVAILABLE = (ProviderDown, CallTimeout, RateLimited, ModelUnavailable, AuthFailed)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may answer, with its own retries, limits and timeout around it."""

    identity: Identity
    responder: Responder


class Fallback:
    """Asks the candidates in order until one is there.

    The next is asked where one is unavailable: down, its breaker open, timed out or rate-limited after its retries, no
    such model. A refused key counts only once the candidate has answered before (credit that runs out in the night);
    a key that never worked is a mistake to be told. What concerns the content (a bad request, a refusal, a prompt too
    long, a reply that does not parse) ends the call: another model is not asked until one says what was wanted.

    A fallback's reply keeps the name of the model that answered, counts all tries, and carries a note.

    Args:
        candidates: The study's model first.

    Raises:
        InvalidInput: There are none, or one model stands in the list twice.

    Example:
        >>> import asyncio
        >>> from toolkit.models import Message, open_model
        >>> first = open_model("scripted:busy", faults={"provider_down": 1.0})
        >>> second = open_model("scripted:spare")
        >>> both = Fallback([Candidate(one.identity, one) for one in (first, second)])
        >>> asyncio.run(both.complete(Call((Message("user", ("Tea?",)),)))).notes
        ('answered by the fallback scripted:spare, because scripted:busy failed (provider_down)',)
    """

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        _check(candidates)
        self.answers = [0] * len(candidates)
        """How many replies each candidate gave, in their order."""
        self._candidates = tuple(candidates)
        self._first = candidates[0].responder

    async def complete(self, call: Call) -> Reply:
        """Answer by the first candidate that is there.

        Raises:
            CallError: A content error of whoever was asked; or the first candidate's error where none was there, its
                hint naming the others and its tries counting theirs.
        """
        try:
            reply = await self._first.complete(call)
        except _UNAVAILABLE as error:
            if not self._moves_on(0, error):
                raise
            first = error
        else:
            self.answers[0] += 1
            return reply
        return await self._others(call, first)

    async def _others(self, call: Call, first: CallError) -> Reply:
        failed = [first]
        for place, candidate in enumerate(self._candidates[1:], start=1):
            try:
                reply = await candidate.responder.complete(call)
            except CallError as error:
                if not isinstance(error, _UNAVAILABLE) or not self._moves_on(place, error):
                    error.tries += sum(one.tries for one in failed)
                    raise
                failed.append(error)
                continue
            self.answers[place] += 1
            why = ", ".join(f"{one.identity} failed ({error.kind})" for one, error in self._paired(failed))
            note = f"{FALLBACK_NOTE}{candidate.identity}, because {why}"
            tries = reply.tries + sum(error.tries for error in failed)
            return dataclasses.replace(reply, tries=tries, notes=(*reply.notes, note))
        raise self._nobody(failed) from failed[-1]

    def _moves_on(self, place: int, error: CallError) -> bool:
        if len(self._candidates) == 1:
            return False
        return not isinstance(error, AuthFailed) or self.answers[place] > 0

    def _nobody(self, failed: Sequence[CallError]) -> CallError:
        """Return the first candidate's error, saying that the others were asked too."""
        error = failed[0]
        others = ", ".join(f"{one.identity} ({why.kind})" for one, why in list(self._paired(failed))[1:])
        error.hint = f"{error.hint} The fallbacks failed too: {others}.".strip()
        error.tries = sum(one.tries for one in failed)
        error.billed = any(one.billed for one in failed)
        return error

    def _paired(self, failed: Sequence[CallError]) -> zip[tuple[Candidate, CallError]]:
        return zip(self._candidates, failed, strict=False)


def is_fallback(reply: Reply) -> bool:
    """Tell whether a fallback gave this reply.

    Example:
        >>> is_fallback(Reply(text="yes", model="scripted:default"))
        False
    """
    return any(note.startswith(FALLBACK_NOTE) for note in reply.notes)


def _check(candidates: Sequence[Candidate]) -> None:
    if not candidates:
        raise InvalidInput("there is no model to ask", hint="Give at least the study's own.")
    seen: set[bytes] = set()
    for place, candidate in enumerate(candidates):
        identity = candidate.identity
        if identity.json in seen:
            own = identity.json == candidates[0].identity.json
            raise InvalidInput(
                f"fallback {place}, {identity}, is {'the model itself' if own else 'listed twice'}",
                hint="Name each model once; a fallback is another model.",
            )
        seen.add(identity.json)
