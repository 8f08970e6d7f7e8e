"""The layer that stops asking a model that is down, and looks now and then whether it is back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque

from toolkit.engine.alarm import TINY, Alarm, Now, Sleep
from toolkit.errors import CallError, CallTimeout, ProviderDown
from toolkit.models import Call, Reply, Responder

__all__ = ["Breaker", "BreakerOpen"]

_log = logging.getLogger("toolkit.engine")

_LONGEST_PAUSE = 60.0
"""Seconds; the pause between two looks doubles up to this."""


class BreakerOpen(ProviderDown):
    """A call that was not sent, because the model is down; no retry helps, another model may."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.tries = 0


class Breaker:
    """Opens after ``failures`` tries in a row that found nobody there, and then lets one try at a time look again.

    While it is open, calls fail at once with ``BreakerOpen`` (a ``ProviderDown`` that is not retried), so that a
    fallback answers. With ``patience`` they wait instead, for an outage of a model that has answered before: a night's
    run then survives the ten minutes in which its only model was down. A model that never answered is more likely
    misspelt than down, and nobody waits for it. (The pattern: M. Nygard, Release It!, 2007, "Circuit Breaker".)

    Only ``ProviderDown`` and ``CallTimeout`` count; any other end of a call shows that somebody is there.

    Args:
        inner: The responder around which this stands.
        name: ``provider:model``, for messages.
        failures: Failures in a row that open it.
        pause: Seconds until the first look; each look that fails doubles them, up to a minute.
        patience: Seconds of an outage that calls wait out; 0 for none.
        time_scale: Seconds of wall time for one second of these pauses.
        now: The clock, in seconds.
        sleep: How to wait by that clock.

    Example:
        >>> from toolkit.models import Message, open_model
        >>> breaker = Breaker(open_model("scripted"), "scripted:default")
        >>> _ = asyncio.run(breaker.complete(Call((Message("user", ("Tea?",)),))))
        >>> breaker.state
        'closed'
    """

    def __init__(
        self,
        inner: Responder,
        name: str,
        *,
        failures: int = 10,
        pause: float = 5.0,
        patience: float = 0.0,
        time_scale: float = 1.0,
        now: Now = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.in_a_row = 0
        """Failures since the last answer."""
        self.openings = 0
        """How often it opened so far."""
        self.turned_away = 0
        """Calls that failed at once because it was open."""
        self._inner = inner
        self._name = name
        self._failures = failures
        self._first_pause = pause * time_scale
        self._longest_pause = _LONGEST_PAUSE * time_scale
        self._patience = patience
        self._now = now
        self._answered_once = False
        self._open = False
        self._looking = False
        self._pause = self._first_pause
        self._look_at = 0.0
        self._give_up_at = 0.0
        self._line: deque[asyncio.Future[None]] = deque()
        self._alarm = Alarm(self._ring, now, sleep)

    @property
    def state(self) -> str:
        """``closed``, ``open``, or ``half-open`` while one try looks."""
        return "closed" if not self._open else "half-open" if self._looking else "open"

    @property
    def waiting(self) -> int:
        """Calls that wait for the model to come back."""
        return sum(not one.done() for one in self._line)

    async def complete(self, call: Call) -> Reply:
        """Answer, wait for the model to come back, or fail at once.

        Raises:
            BreakerOpen: The model is down; nothing was sent.
        """
        opening = await self._admitted() if self._open else 0
        try:
            reply = await self._inner.complete(call)
        except (ProviderDown, CallTimeout):
            self._failed(opening)
            raise
        except CallError:
            self._answered()
            raise
        except BaseException:
            if self._looks(opening):
                self._looking = False
                self._ring()  # the next in line looks instead
            raise
        if self.in_a_row or not self._answered_once or self._open:
            self._answered()
        return reply

    async def _admitted(self) -> int:
        """Return 0 once the model is back, or the number of the opening for which this call is the one that looks."""
        while self._open:
            now = self._now()
            if not self._looking and now >= self._look_at - TINY:
                self._looking = True
                return self.openings
            if now >= self._give_up_at - TINY:
                self.turned_away += 1
                raise BreakerOpen(
                    f"{self._name} is down: {self._failures} tries in a row found nobody there",
                    hint="Look at the provider's status page and resume later, or set fallbacks=.",
                )
            await self._news()
        return 0

    async def _news(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        self._set_alarm()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._ring()  # it was this one's turn to look; now it is the next one's
            while self._line and self._line[0].done():
                self._line.popleft()
            if not self._line:
                self._alarm.clear()
            raise

    def _ring(self) -> None:
        """Wake who is due: one to look, or all to give up."""
        now = self._now()
        if now >= self._give_up_at - TINY and (self._looking or now < self._look_at - TINY):
            self._wake_all()
            return
        if not self._looking and now >= self._look_at - TINY:
            while self._line:
                turn = self._line.popleft()
                if not turn.done():
                    turn.set_result(None)
                    break
        self._set_alarm()

    def _set_alarm(self) -> None:
        """Ring at the next look or when patience ends, while anybody waits."""
        now = self._now()
        moments = [at for at in (self._look_at, self._give_up_at) if at > now + TINY]
        if self._line and moments:
            self._alarm.set(min(moments))

    def _wake_all(self) -> None:
        line, self._line = self._line, deque()
        for turn in line:
            if not turn.done():
                turn.set_result(None)

    def _looks(self, opening: int) -> bool:
        """Tell whether a call that was let through for an opening is still the one that looks."""
        return self._open and self._looking and opening == self.openings

    def _failed(self, opening: int) -> None:
        self.in_a_row += 1
        now = self._now()
        if self._looks(opening):
            self._looking = False
            self._pause = min(self._pause * 2.0, self._longest_pause)
            self._look_at = now + self._pause
            self._ring()
        elif not self._open and self.in_a_row >= self._failures:
            self._open = True
            self.openings += 1
            self._pause = self._first_pause
            self._look_at = now + self._pause
            self._give_up_at = now + (self._patience if self._answered_once else 0.0)
            _log.warning("%s is down: %d tries in a row found nobody there", self._name, self.in_a_row)

    def _answered(self) -> None:
        self.in_a_row = 0
        self._answered_once = True
        if self._open:
            self._open = self._looking = False
            self._alarm.clear()
            self._wake_all()
            _log.info("%s answers again", self._name)
