"""The layer that keeps a model's pace: requests and tokens a minute, calls in flight, and the pauses it asks for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from toolkit.engine.alarm import TINY, Alarm, Now, Sleep
from toolkit.engine.bucket import REQUEST_BURST, TOKEN_BURST, Bucket
from toolkit.engine.expected import Expected
from toolkit.engine.inflight import COOL_DOWN, START, InFlight
from toolkit.engine.retry import LONGEST_RETRY_AFTER
from toolkit.errors import CallError, InvalidInput, RateLimited
from toolkit.models import Call, Identity, Model, Reply, Responder, Usage
from toolkit.models.pace import Pace

__all__ = ["Limit", "pace_for", "paces"]

_log = logging.getLogger("toolkit.engine")

_FREE = Pace()

_MARGIN = 0.02
"""Share by which replies count as larger where their sizes differ by as much as their mean. Nobody knows how large
those in flight will be: with sizes that uneven (log-normal, sigma 0.8, 8 seeds) single minutes held up to 110.8 % of
the limit without it and 108.9 % with it (``tests/engine/test_limit.py``). With sigma 1.0 it is still up to 116.8 %,
where one reply alone took 18 % of a minute's tokens; nothing helps there but going slower for all: with a margin of 8 %
it is 110.2 % at 92.5 % of the pace, and with twice the tokens reserved 114.8 % at 93.9 %."""


class _Place:
    """One call's place in the line, and what is reserved for it."""

    __slots__ = ("call", "granted", "reserved", "since", "turn")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.reserved = 0.0
        self.granted = False
        self.since = 0.0
        self.turn: asyncio.Future[None] | None = None


class Limit:
    """Lets calls pass to one model at its pace, first come, first served.

    Requests and tokens are two buckets of at most a second's worth. Tokens are reserved as expected (``Expected``
    learns each stage's size) and settled to what the provider counted, into debt where it was more. Limits the
    provider tells (``model.pace``) count beside the study's own; the slower holds. How many calls are in flight
    adapts to "too many requests" (``InFlight``). A Retry-After holds everyone who waits for this model; one longer
    than a retry may wait fails at once whatever comes, so that a fallback can act. Waiting costs no CPU: there is one
    timer for the whole line.

    Args:
        inner: The responder around which this stands.
        model: Who answers: its identity, its eyes, and its ``pace`` where it has one.
        pace: The study's own limits for this model; without it there are none.
        most: Calls in flight at most; ``None`` lets them grow as long as the model keeps up.
        start: Calls in flight at the beginning.
        cool_down: Seconds from one cut of the calls in flight to the next.
        now: The clock, in seconds.
        sleep: How to wait by that clock.

    Example:
        >>> from toolkit.models import Message, open_model
        >>> model = open_model("scripted")
        >>> limit = Limit(model, model, Pace(rpm=240, tpm=600_000))
        >>> asyncio.run(limit.complete(Call((Message("user", ("Tea?",)),)))).model
        'scripted:default'
        >>> limit.in_flight, limit.waiting, limit.pace.rpm
        (0, 0, 240)
    """

    def __init__(
        self,
        inner: Responder,
        model: Model,
        pace: Pace = _FREE,
        *,
        most: int | None = None,
        start: int = START,
        cool_down: float = COOL_DOWN,
        now: Now = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = str(model.identity)
        """``provider:model``."""
        self.pace = _FREE
        """The limits in force."""
        self.in_flight = 0
        """Calls that the model has now."""
        self.waiting = 0
        """Calls that stand in line."""
        self.waits = 0
        """How many calls had to stand in line so far."""
        self.waited = 0.0
        """Seconds they stood there, together."""
        self.hits = 0
        """How often the provider said "too many requests"."""
        self._inner = inner
        self._model = model
        self._own = pace
        self._told: Pace | None = None
        self._now = now
        self._slots = InFlight(most, start, cool_down)
        self._expected = Expected(model.identity.model, eyes=model.abilities.images)
        self._requests: Bucket | None = None
        self._tokens: Bucket | None = None
        self._paused_until = float("-inf")
        self._unpaced = True
        self.held = False
        """Whether nothing new is sent until ``let_go``."""
        self._line: deque[_Place] = deque()
        self._alarm = Alarm(self._grant, now, sleep)
        self._set_pace(pace)

    # --- gauges ---

    @property
    def most_in_flight(self) -> int:
        """Calls that may be in flight at once, as things stand."""
        return self._slots.most

    @property
    def debt(self) -> float:
        """Tokens taken beyond what the pace allowed so far; nobody passes until they are paid off."""
        return self._tokens.debt(self._now()) if self._tokens is not None else 0.0

    @property
    def paused(self) -> float:
        """Seconds for which the provider asked everyone to wait still."""
        return max(self._paused_until - self._now(), 0.0)

    def metrics(self) -> dict[str, float]:
        """Return the gauges and counts under the names they are exported by; no limit is infinity."""
        infinity = float("inf")
        return {
            "toolkit_queue_inflight": self.in_flight,
            "toolkit_queue_inflight_limit": self.most_in_flight,
            "toolkit_queue_waiting": self.waiting,
            "toolkit_queue_waits": self.waits,
            "toolkit_queue_waited_seconds": self.waited,
            "toolkit_queue_limit_hits": self.hits,
            "toolkit_queue_paused_seconds": self.paused,
            "toolkit_queue_debt_tokens": self.debt,
            "toolkit_queue_rpm": infinity if self.pace.rpm is None else self.pace.rpm,
            "toolkit_queue_tpm": infinity if self.pace.tpm is None else self.pace.tpm,
        }

    # --- what may be changed while calls are on their way; on the private loop ---

    def resize(self, most: int) -> None:
        """Allow another number of calls in flight; those that are stay."""
        self._slots.resize(most)
        self._grant()

    def hold(self) -> None:
        """Send nothing new: calls stand in line, and what is in flight ends."""
        self.held = True

    def let_go(self) -> None:
        """Send again."""
        self.held = False
        self._grant()

    # --- a call's way through ---

    async def complete(self, call: Call) -> Reply:
        """Answer as soon as the pace allows.

        Raises:
            RateLimited: The provider asked for a pause that is longer than calls wait; this one was not sent.
        """
        place: _Place | None = None
        if self._unpaced and not self.held and not self._line and self.in_flight < self._slots.most:
            self.in_flight += 1
        else:
            place = await self._turn(call)
        cuts = self._slots.cuts
        try:
            reply = await self._inner.complete(call)
        except CallError as error:
            self._failed(place, call, error, cuts)
            raise
        else:
            self._answered(place, call, reply)
            return reply
        finally:
            self.in_flight -= 1
            if self._line:
                self._grant()

    async def _turn(self, call: Call) -> _Place:
        """Wait in line until this call may pass; leave no trace where it is cancelled before."""
        now = self._now()
        self._refuse(now)
        place = _Place(call)
        if not self._line and self._pass(place, now) is None:
            return place
        place.since = now
        place.turn = asyncio.get_running_loop().create_future()
        self._line.append(place)
        self.waiting += 1
        self.waits += 1
        self._grant()
        try:
            await place.turn
        except asyncio.CancelledError:
            if place.granted:
                self._give_back(place)
            elif place.turn.cancelled():
                self.waiting -= 1
            else:
                place.turn.exception()  # refused and cancelled at once; nobody else will look at it
            self._grant()
            raise
        return place

    def _grant(self) -> None:
        """Let those at the head of the line pass who may; set the timer for the next."""
        line = self._line
        while line:
            place = line[0]
            turn = place.turn
            if turn is None or turn.done():  # cancelled, or refused
                line.popleft()
                continue
            now = self._now()
            due = self._pass(place, now)
            if due is not None:
                if due > now:
                    self._alarm.set(due)
                return
            line.popleft()
            self.waiting -= 1
            self.waited += now - place.since
            turn.set_result(None)
        self._alarm.clear()

    def _pass(self, place: _Place, now: float) -> float | None:
        """Book a call that may pass now and return ``None``; else return when it may, 0 where no clock decides."""
        if self.held or self.in_flight >= self._slots.most:
            return 0.0
        due = self._paused_until
        expected = 0.0
        if self._requests is not None:
            due = max(due, self._requests.due(1.0))
        if self._tokens is not None:
            expected = self._expected.tokens(place.call)
            due = max(due, self._tokens.due(expected))
        if due > now + TINY:
            return due
        if self._requests is not None:
            self._requests.take(1.0, now)
        if self._tokens is not None:
            self._tokens.take(expected, now)
        self._unpaced = self._requests is None and self._tokens is None  # no pause is left
        place.reserved = expected
        place.granted = True
        self.in_flight += 1
        return None

    def _give_back(self, place: _Place) -> None:
        """Undo the booking of a call that was never sent."""
        self.in_flight -= 1
        now = self._now()
        if self._requests is not None:
            self._requests.take(-1.0, now)
        self._correct(place, 0.0)

    # --- what an answer teaches ---

    def _answered(self, place: _Place | None, call: Call, reply: Reply) -> None:
        told = getattr(self._model, "pace", None)
        if told is not self._told:
            self._told = told
            self._set_pace(self._own.slower(told))
        self._slots.answered(binding=self.in_flight == self._slots.most)  # above it are those from before a cut
        if self._tokens is not None:
            self._settle(place, call, reply.usage)

    def _failed(self, place: _Place | None, call: Call, error: CallError, cuts: int) -> None:
        if isinstance(error.reply, Reply):
            self._answered(place, call, error.reply)
            return
        if place is not None and not error.billed:
            self._correct(place, 0.0)
        if isinstance(error, RateLimited):
            self.hits += 1
            self._slots.refused(cuts, self._now())
        asked = getattr(error, "retry_after", None)
        if asked:
            self._pause(asked)

    def _settle(self, place: _Place | None, call: Call, usage: Usage) -> None:
        """Correct the reservation to what was really used; a provider that does not count leaves the estimate."""
        used = usage.input + usage.output
        if used == 0 or self._tokens is None:
            return
        self._expected.learn(call, usage)
        self._correct(place, used * (1.0 + _MARGIN * min(self._expected.unevenness, 1.0)))

    def _correct(self, place: _Place | None, used: float) -> None:
        """Put what was used in the place of what was reserved."""
        if self._tokens is not None:
            self._tokens.take(used - (place.reserved if place is not None else 0.0), self._now())

    # --- limits and pauses ---

    def _set_pace(self, pace: Pace) -> None:
        now = self._now()
        self.pace = pace
        rpm, tpm = pace.rpm, pace.tpm
        requests = None if rpm is None else Bucket(rpm / 60.0, REQUEST_BURST, least=1.0).inherit(self._requests, now)
        tokens = None if tpm is None else Bucket(tpm / 60.0, TOKEN_BURST).inherit(self._tokens, now)
        self._requests, self._tokens = requests, tokens
        self._unpaced = self._requests is None and self._tokens is None and self._paused_until <= now

    def _pause(self, seconds: float) -> None:
        """Hold everyone; where that is longer than calls wait, those in line fail now."""
        now = self._now()
        self._paused_until = max(self._paused_until, now + seconds)
        self._unpaced = False
        if seconds <= LONGEST_RETRY_AFTER:
            return
        _log.warning("%s asks for a pause of %.0f s; its calls fail until it is nearly over", self.name, seconds)
        line, self._line = self._line, deque()
        for place in line:
            if place.turn is not None and not place.turn.done():
                self.waiting -= 1
                place.turn.set_exception(self._barred(now))

    def _refuse(self, now: float) -> None:
        if self._paused_until - now > LONGEST_RETRY_AFTER:
            raise self._barred(now)

    def _barred(self, now: float) -> RateLimited:
        error = RateLimited(
            f"{self.name} asked for a pause of more than {LONGEST_RETRY_AFTER:g} s, so this call was not sent",
            hint="Resume later, or set fallbacks=.",
            retry_after=self._paused_until - now,
        )
        error.tries = 0
        return error


def paces(limits: Mapping[str, Mapping[str, Any]]) -> dict[str, Pace]:
    """Return the paces that a study sets, by model; who is not listed has none.

    Args:
        limits: For each model ``rpm`` (requests a minute), ``tpm`` (tokens a minute) or both. A provider that answers
            without a model's name, like ``scripted``, may stand alone, for each of its models that is not listed.

    Raises:
        InvalidInput: A name that opens no model, a field that is neither, or a limit that is not above 0.

    Example:
        >>> paces({"openai:gpt-5-mini": {"rpm": 240, "tpm": 600_000}})["openai:gpt-5-mini"]
        Pace(rpm=240, tpm=600000)
    """
    found: dict[str, Pace] = {}
    for name, given in limits.items():
        provider, colon, model = name.partition(":")
        if not provider or (colon and not model) or provider == name == "openai":
            raise InvalidInput(
                f"limits name {name!r}, which is no model", hint='Write "provider:model", like "openai:gpt-5-mini".'
            )
        unknown = sorted(set(given) - {"rpm", "tpm"})
        if unknown:
            raise InvalidInput(f"limits of {name} hold {unknown[0]!r}", hint="A model's limits are rpm and tpm.")
        try:
            found[name] = Pace(**given)
        except InvalidInput as error:
            raise InvalidInput(f"limits of {name}: {error.message}", hint=error.hint) from error
    return found


def pace_for(identity: Identity, known: Mapping[str, Pace]) -> Pace:
    """Return the pace of one model: its own, that of its provider where it stands alone, or none.

    Args:
        identity: Who answers.
        known: What ``paces`` returned.

    Example:
        >>> pace_for(Identity("scripted", "default"), paces({"scripted": {"rpm": 60}})).rpm
        60
    """
    return known.get(str(identity)) or known.get(identity.provider, _FREE)
