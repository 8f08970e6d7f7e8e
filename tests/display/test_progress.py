import io
import os
import pty
import re
import subprocess
import sys
import textwrap
import time

import pytest

from toolkit.display import ProgressLine, progress_text
from toolkit.display import progress as module
from toolkit.engine import Run


def make_run(seconds=0.0, **given):
    return Run("ask", began=time.monotonic() - seconds, **given)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({}, "0"),
        ({"done": 7}, "7"),
        ({"total": 0}, "0/0"),
        ({"total": 1000}, "0/1000"),
        ({"total": 9, "done": 4, "cached": 4}, "4/9 · 4 cached"),
        (
            {"total": 1000, "done": 412, "cached": 12, "failed": 3, "seconds": 80},
            "412/1000 · 12 cached · 3 failed · 1 min 58 s left",
        ),
        ({"total": 9, "done": 4, "stopping": True, "seconds": 8}, "4/9 · stopping"),
        ({"total": 9, "done": 9, "seconds": 75, "finished": True}, "9/9 · 1 min 15 s"),
        ({"total": 9, "done": 4, "seconds": 75, "finished": True, "stopping": True}, "4/9 · 1 min 15 s"),
    ],
)
def test_progress_of_every_state(given, shown):
    assert progress_text(make_run(**given)) == shown


class Screen(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


def _draw_for(line, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        line.tick()


def test_silent_where_nobody_looks(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Screen(terminal=False))
    monkeypatch.setattr(module, "_FIRST", 0.0)
    line = ProgressLine(make_run(total=3))
    line.tick()
    line.close()
    assert sys.stderr.getvalue() == ""


@pytest.mark.parametrize("screen", [None, "closed"])
def test_missing_or_closed_standard_error_is_no_reason_to_fail(screen, monkeypatch):
    stream = None
    if screen:
        stream = io.StringIO()
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module, "_FIRST", 0.0)
    line = ProgressLine(make_run(total=3))
    line.tick()
    line.close()


def test_terminal_that_goes_away_does_not_stop_the_run(monkeypatch):
    class Gone(Screen):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone(terminal=True))
    monkeypatch.setattr(module, "_FIRST", 0.0)
    line = ProgressLine(make_run(total=3))
    line.tick()
    line.tick()
    line.close()


def test_run_that_is_over_soon_says_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Screen(terminal=True))
    line = ProgressLine(make_run(total=3))
    line.tick()
    line.close()
    assert sys.stderr.getvalue() == ""


def test_line_is_drawn_four_times_a_second_at_most(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Screen(terminal=True))
    monkeypatch.setattr(module, "_FIRST", 0.0)
    line = ProgressLine(make_run(total=3))
    began = time.monotonic()
    _draw_for(line, 0.6)
    drawn = sys.stderr.getvalue().count("\r")
    assert 1 <= drawn <= 4 * (time.monotonic() - began) + 1
    line.close()
    assert sys.stderr.getvalue().count("\r") == drawn + 1
    assert sys.stderr.getvalue().endswith("ask: 0/3\n")


def test_line_is_cut_to_the_terminals_width(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Screen(terminal=True))
    monkeypatch.setattr(module, "_FIRST", 0.0)
    monkeypatch.setenv("COLUMNS", "12")
    ProgressLine(make_run(total=1000, done=412, cached=38, failed=3)).tick()
    assert sys.stderr.getvalue() == "\r\x1b[2Kask: 412/1…"


def test_line_is_drawn_on_a_real_terminal_and_ends_with_a_new_line():
    code = """
        from toolkit.display import ProgressLine, progress
        from toolkit.engine import Run
        progress._FIRST = 0
        run = Run("ask", total=2)
        line = ProgressLine(run)
        line.tick()
        run.done, run.finished = 2, True
        line.close()
    """
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], stderr=theirs, stdout=subprocess.PIPE, check=True, timeout=60
        )
        shown = os.read(ours, 10_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.stdout == b""
    assert re.fullmatch(r"\r\x1b\[2Kask: 0/2\r\x1b\[2Kask: 2/2 · \d+\.\d s\r?\n", shown)


def test_recording_that_answers_is_told_of_only_when_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(written, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", written)
    for replayed, told in ((True, False), (False, True)):
        monkeypatch.setattr(module, "_FIRST", 0.0)
        line = ProgressLine(make_run(total=3), replayed=replayed)
        line.tick()
        line.close()
        assert bool(written.getvalue()) == told
