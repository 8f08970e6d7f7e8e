"""Standard output for our data alone: whatever else prints there, a library or its C code, goes to standard error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator

__all__ = ["only_ours"]


@contextlib.contextmanager
def only_ours() -> Iterator[Callable[[str], None]]:
    """Send standard output to standard error for a block, and give a function that still writes to it (S0-01, S0-02).

    Example:
        >>> with only_ours() as write:
        ...     print("an import said something")
    """
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)

    def write(text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(kept, data) :]

    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield write
    finally:
        os.dup2(kept, 1)
        os.close(kept)
