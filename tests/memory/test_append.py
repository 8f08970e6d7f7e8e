from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from toolkit.memory import AppendFile, MemoryUnwritable, Writer


def test_lines_are_whole_in_order_and_private(tmp_path: Path) -> None:
    path = tmp_path / "study" / "ledger.jsonl"
    with Writer() as writer, AppendFile(path) as file:
        for number in range(100):
            writer.submit(file, b"%d" % number)
        assert writer.submit(file, b"last\n").result() == 5
    assert path.read_bytes().split() == [*(b"%d" % number for number in range(100)), b"last"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_torn_last_line_is_closed_and_swallows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'{"whole":1}\n{"torn":')
    with AppendFile(path) as file:
        assert path.read_bytes() == b'{"whole":1}\n{"torn":\n'
        file.commit([b'{"next":1}'])
        path.write_bytes(path.read_bytes() + b"torn by another")
        file.commit([b'{"after":1}'])
    assert path.read_bytes() == b'{"whole":1}\n{"torn":\n{"next":1}\ntorn by another\n{"after":1}\n'


def test_full_disk_keeps_no_part_of_the_batch(tmp_path: Path) -> None:
    script = """
import resource, sys
from toolkit.memory import AppendFile, MemoryUnwritable, Writer
file, writer = AppendFile(sys.argv[1]), Writer()
writer.submit(file, b"a" * 999).result()
resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
try:
    writer.submit(file, b"b" * 999).result()
except MemoryUnwritable as error:
    print(error)
writer.submit(file, b"c" * 99).result()
"""
    path = tmp_path / "lines"
    done = subprocess.run([sys.executable, "-c", script, path], check=True, timeout=60, capture_output=True, text=True)
    assert "lines cannot be written" in done.stdout
    assert "\n" not in done.stdout.strip()
    assert path.read_bytes() == b"a" * 999 + b"\n" + b"c" * 99 + b"\n"


def test_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(MemoryUnwritable, match=r"ledger\.jsonl cannot be written"):
        AppendFile(tmp_path / "file" / "ledger.jsonl")


def test_removed_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    with AppendFile(path) as file:
        file.commit([b"1"])
        path.unlink()
        file.commit([b"2"])
    assert path.read_bytes() == b"2\n"


def test_processes_killed_while_writing_leave_only_whole_lines_but_one(tmp_path: Path) -> None:
    script = """
import sys
from toolkit.memory import AppendFile
file = AppendFile(sys.argv[1])
print("ready", flush=True)
while True:
    file.commit([sys.argv[2].encode() * 5000] * 20)
"""
    path = tmp_path / "lines"
    writers = [
        subprocess.Popen([sys.executable, "-c", script, path, letter], stdout=subprocess.PIPE) for letter in "ab"
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    while path.stat().st_size < 500_000:
        time.sleep(0.01)
    for writer in writers:
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
    with AppendFile(path) as file:
        file.commit([b"end"])
    lines = path.read_bytes().split(b"\n")
    whole = {b"a" * 5000, b"b" * 5000}
    assert lines[-2:] == [b"end", b""]
    assert sum(line not in whole for line in lines[:-2]) <= 2
