"""Python's cycle collector while calls are in flight: seldom, for each of its rounds holds everything up."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collecting_seldom"]

_FRESH = 50_000
"""Objects made and kept between two rounds while a run goes on; Python's own 700 to 2,000 are for small programs."""

_lock = threading.Lock()
_runs = 0
_before: tuple[int, int, int] = (0, 0, 0)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Let the cycle collector run seldom within, for the whole process.

    A run keeps what it gets, so nearly all that the collector looks at stays, and a full round walks every object of
    the process. With pandas and the SDK loaded, rounds took a sixth of the CPU time of 300 portraits
    (``python -m tests.perf.tokens --wall``). Runs at once share one change; a process that collects more seldom still,
    or not at all, is left as it is, and so is one that sets thresholds of its own meanwhile.

    Example:
        >>> import gc
        >>> before = gc.get_threshold()
        >>> with collecting_seldom():
        ...     seldom = gc.get_threshold()[0]
        >>> seldom >= before[0], gc.get_threshold() == before
        (True, True)
    """
    _begin()
    try:
        yield
    finally:
        _end()


def _begin() -> None:
    global _runs, _before  # noqa: PLW0603  # the collector is the process's too
    with _lock:
        _runs += 1
        if _runs == 1:
            _before = gc.get_threshold()
            if 0 < _before[0] < _FRESH:
                gc.set_threshold(_FRESH, *_before[1:])


def _end() -> None:
    global _runs  # noqa: PLW0603  # see above
    with _lock:
        _runs -= 1
        if _runs == 0 and gc.get_threshold() == (_FRESH, *_before[1:]):
            gc.set_threshold(*_before)
