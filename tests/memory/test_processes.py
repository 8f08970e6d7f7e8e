"""Several processes on one folder: no lock surfaces, nothing is lost, kills leave a sound file."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from toolkit.memory import REPLIES, Entry, SealedStore

WORK = """
import sys
from toolkit.memory import REPLIES, Entry, SealedStore
path, name, number, journal = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
with SealedStore(path, heal=True, journal=journal) as store:
    for step in range(number):
        store.put(Entry(REPLIES, f"{name}-{step}", b'{"text":"%d"}' % step)).result()
        store.put(Entry(REPLIES, f"shared-{step}", b'{"text":"%d"}' % step), overwrite=False).result()
        assert store.get(REPLIES, f"shared-{step}").json() == {"text": str(step)}
"""
ENDLESS = """
import sys
from toolkit.memory import REPLIES, Entry, SealedStore
store = SealedStore(sys.argv[1], heal=True)
done = open(sys.argv[2], "ab", buffering=0)
step = 0
while True:
    tickets = [(key, store.put(Entry(REPLIES, key, b'{"text":"%s"}' % key.encode())))
               for key in (f"{sys.argv[3]}-{step}-{one}" for one in range(30))]
    for key, ticket in tickets:
        ticket.result()
        done.write(key.encode() + b"\\n")
    step += 1
"""


def integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


@pytest.mark.parametrize("journal", ["auto", "rollback"])
def test_processes_share_a_folder_without_a_lock_surfacing(tmp_path: Path, journal: str) -> None:
    path = tmp_path / "m.sqlite"
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WORK, path, name, "100", journal], stderr=subprocess.PIPE, text=True
        )
        for name in "abc"
    ]
    for worker in workers:
        _, error = worker.communicate(timeout=120)
        assert worker.returncode == 0, error
    with SealedStore(path, heal=True) as store:
        assert store.validate().ok == 400
        assert store.validate().damaged == 0
    assert integrity(path) == "ok"


def test_kill_in_mid_writing_loses_nothing_that_was_done(tmp_path: Path) -> None:
    """The issue: `kill -9` half way, and the same call pays only for the rest."""
    path = tmp_path / "m.sqlite"
    for attempt in range(3):
        records = [tmp_path / f"done-{attempt}-{name}" for name in "ab"]
        workers = [subprocess.Popen([sys.executable, "-c", ENDLESS, path, record, record.name]) for record in records]
        while any(not record.exists() or record.stat().st_size < 3000 for record in records):
            assert all(worker.poll() is None for worker in workers)
            time.sleep(0.01)
        for worker in workers:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
    finished = [line for record in tmp_path.glob("done-*") for line in record.read_text().split("\n")[:-1]]
    assert len(finished) > 300
    with SealedStore(path, heal=True) as store:
        assert set(finished) <= set(store.get_many(REPLIES, finished))
        result = store.validate()
        assert (result.damaged, result.file) == (0, "ok")
        assert store.counts.quarantined == 0
    assert integrity(path) == "ok"


def test_full_disk_fails_what_was_not_stored_and_harms_nothing(tmp_path: Path) -> None:
    script = """
import resource, sys
from toolkit.memory import REPLIES, Entry, MemoryUnwritable, SealedStore
store = SealedStore(sys.argv[1], heal=True)
store.put(Entry(REPLIES, "before", b'"x"')).result()
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
failed = 0
for number in range(200):
    try:
        store.put(Entry(REPLIES, f"big-{number}", b'"' + b"x" * 10_000 + b'"')).result()
    except MemoryUnwritable as error:
        failed += 1
        message = str(error)
assert 0 < failed < 200, failed
print(message)
assert store.get(REPLIES, "before").json() == "x"
assert store.counts.written == 201 - failed
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.put(Entry(REPLIES, "after", b'"x"')).result()
assert store.validate().ok == 202 - failed
assert store.counts.quarantined == 0
store.close()
"""
    path = tmp_path / "m.sqlite"
    done = subprocess.run([sys.executable, "-c", script, path], timeout=60, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cannot be used" in done.stdout
    assert "Free space" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert integrity(path) == "ok"


def test_two_processes_heal_one_damaged_file_once(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    path.write_bytes(b"garbage" * 3000)
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WORK, path, name, "30", "auto"], stderr=subprocess.PIPE, text=True
        )
        for name in "abc"
    ]
    for worker in workers:
        _, error = worker.communicate(timeout=120)
        assert worker.returncode == 0, error
    assert len(list((tmp_path / "quarantine").iterdir())) == 1
    with SealedStore(path, heal=True) as store:
        assert store.validate().ok == 120


def test_file_replaced_by_another_process_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store:
        store.put(Entry("f", "old", b"1")).result()
        assert store.get("f", "old") is not None
        path.rename(tmp_path / "elsewhere")
        for tail in ("-wal", "-shm"):
            Path(f"{path}{tail}").unlink()
        with SealedStore(path, heal=True) as other:
            other.put(Entry("f", "theirs", b"1")).result()
            store.put(Entry("f", "ours", b"1")).result()
            assert store.get("f", "theirs") is not None
            assert other.get("f", "ours") is not None
            assert other.validate().file == "ok"
