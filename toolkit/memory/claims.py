"""Claims: which keys are being asked for right now, by whichever process, so that a reply is paid for once."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

if sys.platform != "win32":
    import fcntl

__all__ = ["Claims"]

PATIENCE = 900.0
"""Seconds after which a claim is no longer waited for: its owner lives, but hangs."""

_FIRST_WAIT = 0.005
_LONGEST_WAIT = 0.25
_GROWTH = 1.5
_DIGITS = 15
"""Hex digits of a key that say its byte; 60 bits fit into a file offset, and two keys on one byte only wait."""


class Claims:
    """The keys of one memory that calls of this process and of others are at work on.

    A claim is a lock on one byte of a file that stays empty, at the place the key says. The operating system frees it
    in the moment its owner ends, however that ends, so no claim outlives a ``kill -9``, and nothing is ever cleaned up.
    Where a file system has no such locks (and on Windows) claims hold within the process only.

    Take it with ``of``: such locks belong to a process, so a file has one ``Claims`` a process.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> claims = Claims.of(Path(folder.name) / "memory.sqlite.claims")
        >>> claims.take("ab12"), claims.take("ab12")
        (True, False)
        >>> claims.release("ab12")
        >>> claims.close()
        >>> folder.cleanup()
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._users = 0
        self._held: set[str] = set()
        self._lock = threading.Lock()
        self._handle: int | None = None
        if sys.platform != "win32":
            with contextlib.suppress(OSError):  # a folder nobody may write to: nobody else asks in it either
                self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return this process's claims in a file; each taker closes them once."""
        with _OPEN_LOCK:
            found = _OPEN.get(path)
            if found is None:
                found = _OPEN[path] = cls(path)
            found._users += 1
            return found  # type: ignore[return-value]  # made by this class or one under it

    def take(self, key: str) -> bool:
        """Claim a key without waiting; False where somebody else has it, in this process or another.

        3 to 4 µs together with the release: ``python -m tests.perf.memory --only claims``.
        """
        with self._lock:
            if key in self._held or not self._lock_byte(key):
                return False
            self._held.add(key)
            return True

    def release(self, key: str) -> None:
        """Give a claim back."""
        with self._lock:
            self._held.discard(key)
            if self._handle is not None and sys.platform != "win32":
                with contextlib.suppress(OSError):
                    fcntl.lockf(self._handle, fcntl.LOCK_UN, 1, _place(key))

    def waits(self) -> Iterator[float]:
        """Yield how long to wait before each new look at a key that another one asks, until patience ends."""
        wait, waited = _FIRST_WAIT, 0.0
        while waited < PATIENCE:
            yield wait
            waited += wait
            wait = min(wait * _GROWTH, _LONGEST_WAIT)

    def close(self) -> None:
        """Let go; the last one who took these claims frees them all."""
        with _OPEN_LOCK:
            self._users -= 1
            if self._users > 0:
                return
            if _OPEN.get(self._path) is self:
                del _OPEN[self._path]
            handle, self._handle = self._handle, None
            if handle is not None:
                os.close(handle)

    def _lock_byte(self, key: str) -> bool:
        if self._handle is None or sys.platform == "win32":
            return True
        try:
            fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(key))
        except (BlockingIOError, PermissionError):  # POSIX leaves it to the system which of the two it says
            return False
        except OSError:
            return True  # no locks here
        return True

    def _forked(self) -> None:
        """Forget what the parent holds: its locks stay with it."""
        self._lock = threading.Lock()
        self._held = set()


def _place(key: str) -> int:
    try:
        return int(key[:_DIGITS], 16)
    except ValueError:
        return int.from_bytes(key.encode()[:7].ljust(7, b"\0"), "big")


_OPEN: dict[Path, Claims] = {}
_OPEN_LOCK = threading.Lock()


def _after_fork() -> None:
    global _OPEN_LOCK  # noqa: PLW0603  # another thread of the parent may have held it
    _OPEN_LOCK = threading.Lock()
    for claims in _OPEN.values():
        claims._forked()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
