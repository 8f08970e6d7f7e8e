"""Claims: one owner a key, over threads, stores and processes, and none outlives its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.memory import SealedStore
from toolkit.memory.claims import PATIENCE, Claims

KEY = "ab" * 32
HOLDER = """
import sys, time
from pathlib import Path
from toolkit.memory.claims import Claims
claims = Claims.of(Path(sys.argv[1]))
print([claims.take(key) for key in sys.argv[2:]], flush=True)
time.sleep(60)
"""


@pytest.fixture
def claims(tmp_path: Path) -> Iterator[Claims]:
    opened = Claims.of(tmp_path / "m.claims")
    yield opened
    opened.close()


def holder(path: Path, *keys: str) -> subprocess.Popen[str]:
    """Start a process that takes claims and keeps them."""
    worker = subprocess.Popen([sys.executable, "-c", HOLDER, path, *keys], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == f"{[True] * len(keys)}\n"
    return worker


def test_key_has_one_owner_until_it_is_released(claims: Claims) -> None:
    assert claims.take(KEY)
    assert not claims.take(KEY)
    assert claims.take("cd" * 32)
    claims.release(KEY)
    assert claims.take(KEY)


def test_stores_of_one_file_share_their_claims(tmp_path: Path) -> None:
    with SealedStore(tmp_path / "m.sqlite", heal=True) as one, SealedStore(tmp_path / "m.sqlite", heal=True) as other:
        assert one.claims is other.claims
        assert one.claims is not None
        assert one.claims.take(KEY)
        assert other.claims is not None
        assert not other.claims.take(KEY)
    assert (tmp_path / "m.sqlite.claims").stat().st_mode & 0o777 == 0o600


def test_closing_one_store_leaves_the_others_claims(tmp_path: Path) -> None:
    """POSIX frees all locks of a process when it closes a file once: the claims of a file are one object for that."""
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as kept:
        assert kept.claims is not None
        assert kept.claims.take(KEY)
        with SealedStore(path, heal=True) as brief:
            assert brief.claims is not None
        script = "import sys; from pathlib import Path; from toolkit.memory.claims import Claims\n"
        script += "print(Claims.of(Path(sys.argv[1])).take(sys.argv[2]))"
        said = subprocess.run(
            [sys.executable, "-c", script, f"{path}.claims", KEY],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert said.stdout == "False\n"


def test_many_threads_never_own_a_key_together(claims: Claims) -> None:
    owners: list[int] = []
    wrong: list[int] = []

    def work() -> None:
        for _ in range(300):
            if claims.take(KEY):
                owners.append(1)
                wrong.extend([1] * (len(owners) - 1))
                owners.pop()
                claims.release(KEY)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_other_process_is_kept_out_until_it_ends(claims: Claims, tmp_path: Path) -> None:
    worker = holder(tmp_path / "m.claims", KEY, "cd" * 32)
    assert not claims.take(KEY)
    assert claims.take("ef" * 32)
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate()
    assert claims.take(KEY)
    assert claims.take("cd" * 32)


def test_child_of_a_fork_owns_nothing_and_takes_nothing_from_its_parent(tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from toolkit.memory.claims import Claims
claims = Claims.of(Path(sys.argv[1]))
assert claims.take("ab" * 32)
child = os.fork()
if child == 0:
    taken = claims.take("ab" * 32)
    claims.release("ab" * 32)
    os._exit(not taken and not claims.take("ab" * 32) and claims.take("cd" * 32))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
assert not claims.take("ab" * 32)
assert claims.take("cd" * 32)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script, tmp_path / "m.claims"], check=True, timeout=60)


@pytest.mark.parametrize("key", ["", "k", "not hex at all, but a key", "ü€", "F" * 64])
def test_any_text_may_be_claimed(claims: Claims, key: str) -> None:
    assert claims.take(key)
    assert not claims.take(key)
    claims.release(key)
    assert claims.take(key)


def test_waits_grow_and_end(claims: Claims) -> None:
    waits = list(claims.waits())
    assert waits == sorted(waits)
    assert waits[0] < 0.02
    assert waits[-1] <= 0.5
    assert PATIENCE <= sum(waits) < PATIENCE + 1


def test_folder_without_rights_claims_within_the_process(tmp_path: Path) -> None:
    claims = Claims.of(tmp_path / "none" / "m.claims")
    assert claims.take(KEY)
    assert not claims.take(KEY)
    claims.release(KEY)
    assert claims.take(KEY)
    claims.close()


def test_read_only_store_has_no_claims(tmp_path: Path) -> None:
    with SealedStore(tmp_path / "m.sqlite", heal=False, read_only=True) as store:
        assert store.claims is None
    assert list(tmp_path.iterdir()) == []
