"""What commands say beside their data: lines on standard error, or with ``--json-logs`` one JSON object a line."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any

from toolkit.redact import scrub

__all__ = ["as_json", "begin", "put_line", "say", "speaks_json", "warn"]

_log = logging.getLogger("toolkit.cli")
_EVERYTHING = logging.getLogger("toolkit")
_FIELDS = "fields"


def begin() -> None:
    """Let the toolkit's logs reach standard error; harmless to call twice."""
    if not any(isinstance(one, _Handler) for one in _EVERYTHING.handlers):
        _EVERYTHING.addHandler(_Handler())
        _log.setLevel(logging.INFO)


def as_json(wanted: bool) -> bool:  # noqa: FBT001  # typer calls it with the flag
    """Turn every line of standard error into a JSON object from now on; no progress is drawn then."""
    if wanted and not speaks_json():
        begin()
        sys.stderr = _Lines(sys.stderr.buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True)
        _EVERYTHING.setLevel(logging.INFO)
    return wanted


def speaks_json() -> bool:
    """Tell whether standard error holds JSON lines."""
    return isinstance(sys.stderr, _Lines)


def say(text: str, **fields: Any) -> None:
    """Say a line.

    Args:
        text: As people read it.
        fields: What belongs to it; shown in JSON only.
    """
    _log.info("%s", text, extra={_FIELDS: fields})


def warn(text: str, **fields: Any) -> None:
    """Say a line about something that went wrong.

    Args:
        text: As people read it.
        fields: What belongs to it; shown in JSON only.
    """
    _log.error("%s", text, extra={_FIELDS: fields})


def put_line(line: bytes) -> None:
    """Write what is one JSON object already, where standard error holds JSON lines."""
    if isinstance(sys.stderr, _Lines):
        sys.stderr.line(line)


class _Handler(logging.Handler):
    """Writes to whatever standard error is now."""

    def emit(self, record: logging.LogRecord) -> None:
        text = scrub(record.getMessage())
        if isinstance(sys.stderr, _Lines):
            fields = getattr(record, _FIELDS, {})
            sys.stderr.put(text, record.levelname.lower(), record.name, record.created, fields)
        else:
            print(text if record.levelno < logging.WARNING else f"toolkit: {text}", file=sys.stderr)


class _Lines(io.TextIOWrapper):
    """Standard error as JSON lines: also what others print there, a line at a time. It is no terminal."""

    _begun = ""

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        import time

        *whole, self._begun = f"{self._begun}{text}".split("\n")
        for line in whole:
            if line.strip():
                self.put(scrub(line.rstrip()), "info", "stderr", time.time(), {})
        return len(text)

    def put(self, text: str, level: str, logger: str, at: float, fields: dict[str, Any]) -> None:
        """Write one object."""
        import orjson

        held = {"at": round(at, 6), "kind": "log", "level": level, "logger": logger, "message": text, **fields}
        self.line(orjson.dumps(held, default=str))

    def line(self, json: bytes) -> None:
        """Write what is one object already."""
        super().write(f"{json.decode()}\n")
        self.flush()
