"""The layer that bounds how long one try may take, and says so once when a try comes close to it."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from types import MappingProxyType

from toolkit.errors import CallTimeout, InvalidInput
from toolkit.models import Call, Reply, Responder
from toolkit.redact import Scrubber

__all__ = ["WARN_AT", "Timeout", "limit_of"]

WARN_AT = 0.95
"""Share of its time after which a try is reported."""

_log = logging.getLogger("toolkit.engine")

_LONG_BY_NATURE: Mapping[str, float] = MappingProxyType({"images.render": 180.0})
"""Seconds at least for stages that take long by nature, where the study names no limit for them: a picture of high
quality takes a renderer minutes."""
_NO_STAGES: Mapping[str, float] = MappingProxyType({})


class Timeout:
    """Cancels a try after its time and raises ``CallTimeout``; the provider may still bill it.

    A try that has used 95 % of its time leaves one warning on the logger ``toolkit.engine``, with stage and item,
    scrubbed, and no text of the prompt.

    Args:
        inner: The responder around which this stands.
        seconds: Limit for one try; 60 unless the study says otherwise. A picture has 180 at least.
        stages: Other limits by stage, in seconds; ``"rounds"`` also holds for ``"rounds.director"``, and the longest
            name that fits decides, also for pictures.
        scrubber: Applied to the warning.

    Raises:
        InvalidInput: A limit that is not a number of seconds above 0.

    Example:
        >>> from toolkit.models import open_model
        >>> timeout = Timeout(open_model("scripted"), 60.0, {"rounds": 120.0, "rounds.director": 300.0})
        >>> timeout.limit("questions"), timeout.limit("rounds.character"), timeout.limit("rounds.director")
        (60.0, 120.0, 300.0)
        >>> timeout.limit("images.render")
        180.0
    """

    def __init__(
        self,
        inner: Responder,
        seconds: float,
        stages: Mapping[str, float] = _NO_STAGES,
        scrubber: Scrubber | None = None,
    ) -> None:
        for name, limit in (("timeout", seconds), *((f"the timeout of {stage}", one) for stage, one in stages.items())):
            if not limit > 0 or math.isinf(limit):
                raise InvalidInput(f"{name} is {limit}", hint="Give seconds, more than 0.")
        self.slow = 0
        """How many tries were reported so far."""
        self._inner = inner
        self._seconds = seconds
        self._stages = dict(stages)
        self._known: dict[str, float] = {}
        self._scrubber = scrubber or Scrubber()

    def limit(self, stage: str) -> float:
        """Return the seconds one try of a stage may take."""
        known = self._known.get(stage)
        if known is None:
            known = self._known[stage] = limit_of(stage, self._seconds, self._stages)
        return known

    async def complete(self, call: Call) -> Reply:
        """Answer within the limit."""
        seconds = self.limit(call.stage)
        watch = _Watch(self, call, seconds)
        try:
            return await self._inner.complete(call)
        except asyncio.CancelledError as error:
            if not watch.ended_it():
                raise
            raise CallTimeout(
                f"no reply within {seconds:g} s for {_place(call)}",
                hint="Raise timeout=, or lower concurrency= if the provider is busy.",
                billed=True,
            ) from error
        finally:
            watch.stop()

    def report(self, call: Call, seconds: float) -> None:
        """Log that a try is about to run out of time."""
        self.slow += 1
        line = f"no reply yet after {WARN_AT * seconds:g} s of {seconds:g} s for {_place(call)}"
        _log.warning("%s", self._scrubber(line))


def limit_of(stage: str, seconds: float, stages: Mapping[str, float]) -> float:
    """Return the seconds one try of a stage may take.

    Args:
        stage: Which, as a dotted name.
        seconds: The study's limit for all.
        stages: Its limits by stage; the longest name that fits decides.

    Example:
        >>> limit_of("images.render", 60.0, {}), limit_of("images.render", 60.0, {"images": 20.0})
        (180.0, 20.0)
    """
    parts = stage.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    named = next((stages[name] for name in names if name in stages), None)
    return max(seconds, _LONG_BY_NATURE.get(stage, 0.0)) if named is None else named


class _Watch:
    """One try's timer: first it warns, then it cancels. There is only ever one timer at a time."""

    __slots__ = ("_call", "_cancelling", "_expired", "_handle", "_loop", "_seconds", "_task", "_timeout")

    def __init__(self, timeout: Timeout, call: Call, seconds: float) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call must be made inside a task")
        self._timeout = timeout
        self._call = call
        self._seconds = seconds
        self._task = task
        self._cancelling = task.cancelling()
        self._expired = False
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_later(WARN_AT * seconds, self._warn)

    def stop(self) -> None:
        """Take the timer off; withdraw a cancellation of ours that the call swallowed."""
        self._handle.cancel()
        if self._expired:
            self._expired = False
            self._task.uncancel()

    def ended_it(self) -> bool:
        """Tell whether it was this timer, and nobody else, that cancelled the call."""
        if not self._expired:
            return False
        self._expired = False
        return self._task.uncancel() <= self._cancelling

    def _warn(self) -> None:
        self._handle = self._loop.call_later((1.0 - WARN_AT) * self._seconds, self._end)
        self._timeout.report(self._call, self._seconds)

    def _end(self) -> None:
        self._expired = True
        self._task.cancel()


def _place(call: Call) -> str:
    return f"{call.stage or 'a call'} {call.item}".rstrip()
