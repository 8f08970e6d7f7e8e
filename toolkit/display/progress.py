"""The one progress line: in a notebook, in a terminal, or not at all."""

from __future__ import annotations

import shutil
import sys
import time
from html import escape
from typing import Any

from toolkit.display.html import NO_MATH, cut
from toolkit.display.report import seconds_text
from toolkit.engine import Run

__all__ = ["ProgressLine", "progress_text"]

_FIRST = 0.8
"""Seconds before the first line: a run that is over by then says nothing."""
_REPLAYED = 8.0
"""The same where a recording answers: nobody waits for a provider, and a notebook's outputs stay what they were."""
_EVERY = 0.25
"""Seconds between two lines: four a second at most."""


def progress_text(run: Run) -> str:
    """Return how far a run is: ``412/1000 · 38 cached · 3 failed · 2 min 0 s left``."""
    parts = [f"{run.done}/{run.total}" if run.total is not None else f"{run.done}"]
    if run.doing and not run.finished:
        parts.append(run.doing)
    if run.cached:
        parts.append(f"{run.cached} cached")
    if run.failed:
        parts.append(f"{run.failed} failed")
    if run.account is not None:
        parts.append(str(run.account))
    live = run.done - run.cached
    if run.finished:
        parts.append(seconds_text(run.elapsed))
    elif run.stopping:
        parts.append("stopping")
    elif run.total is not None and live > 0:
        parts.append(f"{seconds_text(run.elapsed / live * (run.total - run.done))} left")
    return " · ".join(parts)


class ProgressLine:
    """Draws a run's progress from the thread that waits for it; silent where nobody looks.

    In a Jupyter kernel it is one display that is updated; on a terminal one line of standard error; when standard
    error is neither, nothing.

    Args:
        run: What goes on.
        replayed: Whether a recording answers; then only a long run says something.
    """

    def __init__(self, run: Run, *, replayed: bool = False) -> None:
        self._run = run
        self._next = time.monotonic() + (_REPLAYED if replayed else _FIRST)
        self._shown = False
        self._handle: Any = None
        self._notebook = _in_kernel()
        self._quiet = not self._notebook and not _on_terminal()

    def tick(self) -> None:
        """Draw, if it is time."""
        if self._quiet or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY
        self._draw()

    def close(self) -> None:
        """Draw the end, if anything was drawn."""
        if self._shown and not self._quiet:
            self._draw(end="\n")

    def _draw(self, end: str = "") -> None:
        text = f"{self._run.verb}: {progress_text(self._run)}"
        self._shown = True
        if not self._notebook:
            self._write(text, end)
            return
        from IPython.display import display

        show: Any = display
        bundle = {"text/plain": text, "text/html": f'<div {NO_MATH} style="opacity:.75">{escape(text)}</div>'}
        if self._handle is None:
            self._handle = show(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def _write(self, text: str, end: str) -> None:
        """Write over the last line; a text that wrapped would leave its first rows behind."""
        width = shutil.get_terminal_size().columns
        try:
            sys.stderr.write(f"\r\x1b[2K{cut(text, max(width - 1, 1))}{end}")
            sys.stderr.flush()
        except (OSError, ValueError):  # the terminal is gone: no reason to lose the run
            self._quiet = True


def _on_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # it is closed
        return False


def _in_kernel() -> bool:
    """Tell whether this process is a Jupyter kernel; asks nothing of IPython unless it is already loaded."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")
