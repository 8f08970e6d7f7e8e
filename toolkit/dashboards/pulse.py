"""The board's pulse: looks a few times a second, on the private loop, and never takes much of its time."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable

from toolkit.bridge import bridge
from toolkit.redact import scrub

__all__ = ["EVERY", "Pulse"]

_log = logging.getLogger(__name__)

EVERY = 0.25
"""Seconds between two looks: four a second at most."""
_SHARE = 60.0
"""How many times longer than its processor time the rest after a look lasts: under 2 % of what the loop can do."""
_LONGEST = 2.0
"""Seconds between two looks at most."""


class Pulse:
    """Calls a function on the private loop again and again, until it is ended or fails.

    Args:
        look: What to call; it must return at once.

    Example:
        >>> import threading
        >>> seen = threading.Event()
        >>> pulse = Pulse(seen.set)
        >>> seen.wait(timeout=10)
        True
        >>> pulse.end()
    """

    def __init__(self, look: Callable[[], object]) -> None:
        self._look = look
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        self.looks = 0
        """How often it was called."""
        self.seconds = 0.0
        """Processor time that took, together."""
        bridge().call(self._beat)

    def now(self) -> None:
        """Look soon, whatever the time."""
        bridge().call(self._beat)

    def end(self) -> None:
        """Call it no more."""
        self._over = True

    def _beat(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._over:
            return
        began = time.thread_time()
        try:
            self._look()
        except Exception:  # noqa: BLE001  # a picture that fails must not disturb a run
            self._over = True
            _log.error("the board stopped: %s", scrub(traceback.format_exc()))
            return
        taken = time.thread_time() - began
        self.looks += 1
        self.seconds += taken
        self._timer = asyncio.get_running_loop().call_later(min(max(EVERY, _SHARE * taken), _LONGEST), self._beat)
