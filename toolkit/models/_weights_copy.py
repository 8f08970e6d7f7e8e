"""Copying a large file with its digest, while a person watches."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["copy_hashed", "shown"]

_CHUNK = 1 << 20
Show = Callable[[int], None]


def copy_hashed(file: IO[bytes], target: Path, show: Show, most: int | None = None) -> tuple[str, int]:
    """Copy ``file`` to ``target`` and onto the disk; return SHA-256 and size of what was written.

    Args:
        file: What to read.
        target: Where to write; must not exist.
        show: Called with the bytes written so far.
        most: Stop after the first chunk beyond this many bytes.
    """
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as copy:
        while chunk := file.read(_CHUNK):
            copy.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            show(size)
            if most is not None and size > most:
                break
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest(), size


@contextmanager
def shown(what: str, total: int, progress: Callable[[int, int], None] | None) -> Iterator[Show]:
    """Give a function that shows how many of ``total`` bytes are done.

    Args:
        what: What is going on, for the person who watches.
        total: Bytes in all.
        progress: Called instead of showing anything.
    """
    if progress is not None:
        yield lambda done: progress(min(done, total), total)
        return
    if sys.stderr is None or not sys.stderr.isatty():
        if sys.stderr is not None:
            sys.stderr.write(f"{what}, {total / 1e6:.0f} MB\n")
            sys.stderr.flush()
        yield lambda _done: None
        return
    from tqdm import tqdm

    with tqdm(total=total, desc=what, unit="B", unit_scale=True, file=sys.stderr) as bar:
        yield lambda done: _advance(bar.n, done, total, bar.update)
        _advance(bar.n, total, total, bar.update)


def _advance(shown_so_far: float, done: int, total: int, update: Callable[[float], object]) -> None:
    update(max(0, min(done, total) - shown_so_far))
