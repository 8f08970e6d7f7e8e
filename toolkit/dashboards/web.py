"""The board outside Jupyter: Voila serves it on loopback, to whoever has the token."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.dashboards.board import Board
from toolkit.dashboards.follow import StudyFeed
from toolkit.dashboards.totals import Seen
from toolkit.errors import InvalidInput
from toolkit.redact import scrub

__all__ = ["Served", "serving", "study_board"]

_LOOPBACK = "127.0.0.1"
_POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' ws://127.0.0.1:{port}"
"""Voila's pages would fetch icons from a public server; the browser is told to ask nobody but us."""
_LOG = "voila.log"
_CELL = """from toolkit.dashboards.web import study_board
study_board({folder!r}, baseline={baseline!r})"""


def study_board(folder: str | Path, *, baseline: Any = None) -> Board:
    """Return the board of a study on disk: the same pictures, read-only, whichever process works on it.

    Args:
        folder: The study's.
        baseline: What ``dashboard`` takes.

    Raises:
        InvalidInput: No study is there.

    Example:
        >>> panel = generate_personas(3, "us-adults-2012", detail="brief", lab=lab)
        >>> lab.close()
        >>> print(study_board(lab.study))
        Board of study
          3 calls · 3 live · ...
    """
    feed = StudyFeed(folder)
    return Board(lambda: feed, baseline=baseline, asked=lambda seen: _transcripts(feed.folder, seen))


def _transcripts(folder: Path, seen: Seen) -> list[str]:
    """Return what was kept of a call; the memory is opened for reading only."""
    from toolkit.memory import SealedStore, transcripts_of
    from toolkit.memory.sealed import FILE

    path = folder / FILE
    if not path.is_file():
        return []
    with SealedStore(path, heal=False, read_only=True) as store:
        return [str(one) for one in transcripts_of(store, seen.item, seen.stage) if one.key == seen.key]


class Served:
    """A Voila server at work.

    Args:
        process: Its process.
        port: Where it listens, on loopback.
        token: What a browser has to show.
        log: Where it writes what it says.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int, token: str, log: Path) -> None:
        self.process = process
        self.port = port
        self._token = token
        self._log = log

    @property
    def address(self) -> str:
        """What to open; it holds the token."""
        return f"http://{_LOOPBACK}:{self.port}/?token={self._token}"

    @property
    def said(self) -> str:
        """The last thing it said, scrubbed and without its token."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").replace(self._token, "[token]").split("\n")
        return scrub(next((line for line in reversed(lines) if line.strip()), ""))

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return self.process.wait()


@contextmanager
def serving(folder: str | Path, *, port: int = 0, baseline: Any = None) -> Iterator[Served]:
    """Serve the board of a study until the block ends.

    Args:
        folder: The study's.
        port: Where to listen on loopback; 0 takes a free one.
        baseline: A path or ``"reference"``.

    Raises:
        InvalidInput: No study is there, Voila is not installed, or the port is taken.
    """
    study = StudyFeed(folder).folder.absolute()
    if importlib.util.find_spec("voila") is None:
        raise InvalidInput("the board needs Voila", hint="Install dramatis-toolkit[lab].")
    port = _free(port)
    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="dramatis-board-") as place:
        notebook = Path(place) / "board.ipynb"
        notebook.write_text(_notebook(str(study), baseline), encoding="utf-8")
        process = _voila(Path(place), port, token)
        try:
            yield Served(process, port, token, Path(place) / _LOG)
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _voila(place: Path, port: int, token: str) -> subprocess.Popen[bytes]:
    """Start Voila; the token goes through the environment, for a command line can be read by everyone."""
    settings = {
        "ip": _LOOPBACK,
        "port": port,
        "port_retries": 0,
        "open_browser": False,
        "auto_token": True,
        "tornado_settings": {"headers": {"Content-Security-Policy": _POLICY.format(port=port)}},
    }
    config = {"Voila": settings, "VoilaConfiguration": {"strip_sources": True}}
    (place / "voila.json").write_text(json.dumps(config), encoding="utf-8")
    with (place / _LOG).open("wb") as log:
        return subprocess.Popen(  # our own words
            [sys.executable, "-m", "voila", "board.ipynb"],
            cwd=place,
            env={**os.environ, "JUPYTER_TOKEN": token},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _notebook(folder: str, baseline: Any) -> str:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "board",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": _CELL.format(folder=folder, baseline=str(baseline) if baseline is not None else None),
    }
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    held = {"cells": [cell], "metadata": {"kernelspec": kernel, "title": "Board"}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(held)


def _free(port: int) -> int:
    """Return a port that can be had."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((_LOOPBACK, port))
        except (OSError, OverflowError) as error:
            raise InvalidInput(
                f"port {port} cannot be had: {error}", hint="Give another, or leave out --port."
            ) from error
        return int(tried.getsockname()[1])
