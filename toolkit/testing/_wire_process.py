"""The wire server as a process of its own, so that it does not share the measured process's interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

from toolkit.errors import InvalidInput

__all__ = ["WireProcess"]

_STOP_SECONDS = 5.0


class WireProcess:
    """A ``WireServer`` in a child process; it ends with the block, or with its parent.

    Args:
        options: The options of ``WireServer`` that JSON can hold.

    Example:
        >>> with WireProcess(seed=7) as wire:
        ...     wire.stats()["total"]
        0
    """

    def __init__(self, **options: Any) -> None:
        self.key: str | None = options.get("key", "wire-key")
        self.url = ""
        self._options = json.dumps(options)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Start the process; returns when its address is open.

        Raises:
            InvalidInput: It ended instead, mostly because of an option; its last line says why.
        """
        command = [sys.executable, "-m", "toolkit.testing.wire", "--options", self._options]
        if sys.platform != "win32":  # there an environment's python is a launcher, and so the parent
            # Named here, because the child may be too late to ask who its parent was.
            command += ["--parent", str(os.getpid())]
        self._process = subprocess.Popen(  # noqa: S603  # our own module, no shell
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None  # noqa: S101  # for the type checker: it was asked for
        line = self._process.stdout.readline()
        if not line:
            _, said = self._process.communicate()
            last = said.strip().splitlines()[-1:] or ["it said nothing"]
            raise InvalidInput(f"the wire server did not start: {last[0]}", hint="Check its options.")
        self.url = json.loads(line)["url"]
        return self

    def stats(self) -> dict[str, Any]:
        """Return the server's counts, see ``Traffic``."""
        with urlopen(self.url.removesuffix("/v1") + "/stats", timeout=_STOP_SECONDS) as answer:  # noqa: S310  # loopback
            found: dict[str, Any] = json.load(answer)
        return found

    def stop(self) -> None:
        """End the process; calling it twice is harmless."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
