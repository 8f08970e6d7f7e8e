"""The output file: lines in input order, each on disk once its turn has come, and a sidecar that tells of the run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import orjson

from toolkit.engine.whole_files import put
from toolkit.errors import InvalidInput
from toolkit.evolutions.record import read_record

__all__ = ["LineFile", "sidecar_of"]

_INDENTED = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS


def sidecar_of(path: Path) -> Path:
    """Return where the run of an output file is described: ``<out>.run.json`` beside it.

    Example:
        >>> sidecar_of(Path("evolutions.jsonl")).name
        'evolutions.jsonl.run.json'
    """
    return path.with_name(f"{path.name}.run.json")


class LineFile:
    """An output file that is written line by line, and taken up again where an earlier run left it.

    Args:
        path: Where.
        told: What the sidecar says of the run: ``run_id``, ``input`` and ``settings`` decide whether a file may be
            taken up again.
        resume: Whether lines that are there already are kept.

    Raises:
        InvalidInput: The file belongs to another input, other settings or another output, and which differ; or it
            cannot be written.

    Example:
        >>> with LineFile(tmp / "out.jsonl", {"run_id": "1", "input": "a", "settings": {"seed": 7}}) as file:
        ...     file.write(b"{}")
        >>> (tmp / "out.jsonl").read_bytes().split()
        [b'{}']
    """

    def __init__(self, path: str | Path, told: Mapping[str, Any], *, resume: bool = False) -> None:
        self.path = Path(path)
        self._told = dict(told)
        self._before = self.path.with_name(f".{self.path.name}.before")
        self._file: BinaryIO | None = None
        self._kept: dict[str, int] = {}
        if resume:
            self._check()
        self._resume = resume and (self.path.is_file() or self._before.is_file())

    def __enter__(self) -> Self:
        """Open it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._resume:
                self._set_aside()
            else:
                self._before.unlink(missing_ok=True)
            put(sidecar_of(self.path), orjson.dumps({**self._told, "status": "running"}, option=_INDENTED))
            self._file = self.path.open("wb")
        except OSError as error:
            raise _unwritable(self.path, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; what an earlier run had stays beside it until this one has written all lines."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def find_kept(self) -> int:
        """Look where the lines of the earlier run are; one that was not written whole is left out. Returns how many."""
        if self._resume:
            with self._before.open("rb") as lines:
                for at, line in _places(lines):
                    with contextlib.suppress(ValueError, KeyError, TypeError):
                        self._kept[str(orjson.loads(line)["service"]["service_id"])] = at
        return len(self._kept)

    def kept(self, service_id: str) -> bytes | None:
        """Return a service's line of the earlier run, if it has one that satisfies its schema."""
        at = self._kept.get(service_id)
        if at is None:
            return None
        with self._before.open("rb") as lines:
            lines.seek(at)
            line = lines.readline().strip()
        try:
            read_record(line)
        except InvalidInput:
            return None
        return line

    def write(self, line: bytes) -> None:
        """Write a line, whole and at once.

        Raises:
            InvalidInput: The disk is full, or the like; nothing finished is lost, for memory has it.
        """
        if self._file is None:
            raise InvalidInput(f"{self.path.name} is closed", hint="Write between entering and leaving it.")
        try:
            self._file.write(line + b"\n")
            self._file.flush()
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def finish(self, told: Mapping[str, Any], *, whole: bool) -> None:
        """Say in the sidecar how the run ended.

        Args:
            told: What is to be said beside what the run began with.
            whole: Whether every piece had its turn; else the lines of the earlier run are kept beside the file.
        """
        if self._file is not None:
            self._file.flush()
            with contextlib.suppress(OSError):
                os.fsync(self._file.fileno())
        try:
            put(sidecar_of(self.path), orjson.dumps({**self._told, **told}, option=_INDENTED))
            if whole:
                self._before.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _check(self) -> None:
        """Refuse to take up a file of another run."""
        sidecar = sidecar_of(self.path)
        if not sidecar.is_file():
            if self.path.is_file() and self.path.stat().st_size:
                raise InvalidInput(
                    f"{self.path.name} cannot be resumed: {sidecar.name} is not beside it",
                    hint="Nothing says what run it is of. Run without resume; memory answers what is known.",
                )
            return
        try:
            old = orjson.loads(sidecar.read_bytes())
            differ = [name for name in ("output", "input") if old[name] != self._told[name]]
            settings: Mapping[str, Any] = old["settings"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidInput(f"{sidecar.name} cannot be read", hint="Run without resume.") from error
        ours: Mapping[str, Any] = self._told["settings"]
        differ += [f"setting {name!r}" for name in sorted({*settings, *ours}) if settings.get(name) != ours.get(name)]
        if differ:
            raise InvalidInput(
                f"{self.path.name} cannot be resumed: another {', another '.join(differ)} than when it was begun",
                hint="Take the same again, another output, or run without resume; memory answers what is known.",
            )

    def _set_aside(self) -> None:
        """Put what is there beside, for the lines of services that failed may belong between others."""
        if not self.path.is_file():
            return
        if not self._before.is_file():
            self.path.replace(self._before)
            return
        with self._before.open("ab") as both:  # a resumed run was killed: its lines count as well
            both.write(b"\n")
            both.writelines(_whole_lines(self.path))


def _places(lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield each line with where it begins."""
    at = 0
    for line in lines:
        yield at, line
        at += len(line)


def _whole_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as lines:
        yield from (line for line in lines if line.endswith(b"\n"))


def _unwritable(path: Path, error: OSError) -> InvalidInput:
    return InvalidInput(
        f"{path.name} cannot be written: {error.strerror or error}",
        hint="Free space or choose a folder that can be written, and resume; nothing finished is lost.",
    )
