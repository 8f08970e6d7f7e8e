"""Stores that are open: closed before the interpreter ends, and given connections of their own after a fork."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import toolkit.memory.writer  # noqa: F401  # it registers its end before the stores do, so that it comes after theirs
from toolkit.errors import DramatisError

__all__ = ["keep_track"]

_log = logging.getLogger(__name__)


class Tracked(Protocol):
    """Something with connections that a fork must not share."""

    def close(self) -> None:
        """Commit what is queued and close."""
        ...

    def held(self) -> list[Any]:
        """Return all connections."""
        ...

    def forked(self) -> Any:
        """Begin anew in the child of a fork, and return what may be neither used nor closed there."""
        ...


_OPEN: weakref.WeakSet[Any] = weakref.WeakSet()
_INHERITED: list[Any] = []


def keep_track(store: Tracked) -> None:
    """Have a store closed at the end, and told of forks."""
    _OPEN.add(store)


def _close_all() -> None:
    with _undisturbed():
        for store in list(_OPEN):
            try:
                store.close()
            except DramatisError:
                _log.warning("%r could not be closed", store, exc_info=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nobody press Ctrl-C within: the process ends anyhow, and what is queued is written first."""
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():  # it is not ours to set
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _before_fork() -> None:
    """Hold all connections: the child must neither use nor close one, and it drops those of other threads."""
    _INHERITED.extend([store.held() for store in _OPEN])


def _after_fork() -> None:
    _INHERITED.extend([store.forked() for store in list(_OPEN)])


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_INHERITED.clear, after_in_child=_after_fork)
