"""``toolkit model``: data on stdout, everything else on stderr, 0 done and 2 bad input."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.fixture
def toolkit(tmp_path):
    """Run ``toolkit`` in a process of its own, with a data folder of its own."""
    environment = {**os.environ, "TOOLKIT_DATA_HOME": str(tmp_path / "home")}

    def command(*words):
        line = [sys.executable, "-c", "from toolkit.cli import main; main()", *words]
        return subprocess.run(line, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    return command


def test_install_path_and_remove_go_through(toolkit, tmp_path):
    (tmp_path / "mine.gguf").write_bytes(b"GGUF and more")
    installed = toolkit("model", "install", "--from", "mine.gguf")
    assert (installed.returncode, installed.stderr) == (0, "Copying mine.gguf, 0 MB\n")
    path = toolkit("model", "path")
    assert path.stdout == installed.stdout
    assert path.stdout.startswith(str(tmp_path / "home"))
    removed = toolkit("model", "remove")
    assert (removed.returncode, removed.stdout, removed.stderr) == (0, "", "The weights are deleted.\n")
    assert toolkit("model", "remove").stderr == "No weights were installed.\n"


def test_path_without_weights_says_the_next_step_in_one_line(toolkit):
    ended = toolkit("model", "path")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == ("toolkit: the embedded model's weights are not installed. Run `toolkit model install`.\n")


@pytest.mark.parametrize("content", [None, b"not one"])
def test_a_file_that_is_no_gguf_is_bad_input(toolkit, tmp_path, content):
    if content is not None:
        (tmp_path / "odd.gguf").write_bytes(content)
    ended = toolkit("model", "install", "--from", "odd.gguf")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("toolkit: 'odd.gguf' is not")
    assert ended.stderr.count("\n") == 1
