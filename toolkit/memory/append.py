"""Append-only files of whole lines: the ledger, the events."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from toolkit.memory.database import MemoryUnwritable

if sys.platform != "win32":
    import fcntl

__all__ = ["AppendFile"]


class AppendFile:
    r"""A file that whole lines are appended to, many in one write; a target of the ``Writer``.

    A job is the bytes of one line (the line end is added where it is missing). What a killed process left half
    written is closed with a line end before anything is added, so that a torn line never swallows the next one. A
    write that fails half way, on a full disk for example, is taken back.

    Args:
        path: The file; made with mode 0600 where there is none, its folder too.

    Example:
        >>> import tempfile
        >>> from toolkit.memory.writer import Writer
        >>> folder = tempfile.TemporaryDirectory()
        >>> with Writer() as writer, AppendFile(Path(folder.name) / "ledger.jsonl") as ledger:
        ...     writer.submit(ledger, b'{"tries":1}').result()
        12
        >>> (Path(folder.name) / "ledger.jsonl").read_bytes()
        b'{"tries":1}\n'
        >>> folder.cleanup()
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        self._handle: int | None = None
        self._owner = 0
        self.commit(())

    def __enter__(self) -> Self:
        """Return the file; leaving the block closes it."""
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def commit(self, jobs: Sequence[bytes]) -> list[int]:
        """Append the lines in one write and return the bytes each one took.

        Raises:
            MemoryUnwritable: The file cannot be opened or the disk is full; no line of the batch was kept.
        """
        lines = [job if job.endswith(b"\n") else job + b"\n" for job in jobs]
        try:
            with self._locked() as handle:
                _append(handle, b"".join(lines))
        except OSError as error:
            raise MemoryUnwritable(
                f"{self.path.name} cannot be written: {error.strerror or error}",
                hint="Free space or choose a folder that can be written, then resume; nothing finished is lost.",
            ) from error
        return [len(line) for line in lines]

    def close(self) -> None:
        """Close the file; a later commit opens it again."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        if self._handle is None or self._owner != os.getpid() or os.fstat(self._handle).st_nlink == 0:
            # new, or forked (the parent's lock would not keep a child out), or the study's folder was emptied
            self.close()
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            self._owner = os.getpid()
        if sys.platform != "win32":
            fcntl.flock(self._handle, fcntl.LOCK_EX)
        try:
            yield self._handle
        finally:
            if sys.platform != "win32" and self._handle is not None:
                fcntl.flock(self._handle, fcntl.LOCK_UN)


def _append(handle: int, data: bytes) -> None:
    size = os.fstat(handle).st_size
    if size:
        os.lseek(handle, size - 1, os.SEEK_SET)
        if os.read(handle, 1) != b"\n":
            data = b"\n" + data
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
    except OSError:
        os.ftruncate(handle, size)
        raise
