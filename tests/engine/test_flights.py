"""Single flight over processes: what one process asks, the others on the study wait for, and nobody pays twice."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.calls import answer, make_call
from tests.engine.conftest import OpenLab
from toolkit.bridge import bridge
from toolkit.engine import Run, run_calls
from toolkit.testing import WireProcess, WireServer

ROOT = Path(__file__).parents[2]
WORK = """
import json, sys, threading
from tests.engine.calls import answer, make_call
from toolkit.lab import Lab

study, url, key, number, threads, mode = sys.argv[1:]
lab = Lab("openai:wire-model", study=study, base_url=url, api_key=key, mode=mode, concurrency=32)
outcomes = []

def work():
    outcomes.extend(answer(lab, (make_call(one) for one in range(int(number)))))

workers = [threading.Thread(target=work) for _ in range(int(threads))]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
lab.close()
live = sum(one.reply is not None and not one.reply.cached for one in outcomes)
print(json.dumps({"ok": sum(one.ok for one in outcomes), "live": live}))
"""


def start(
    study: Path, wire: WireServer | WireProcess, number: int, threads: int = 1, mode: str = "read"
) -> subprocess.Popen[str]:
    """Start a process that asks ``number`` calls from each of its threads."""
    words = [study, wire.url, wire.key or "", str(number), str(threads), mode]
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", WORK, *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(worker: subprocess.Popen[str]) -> dict[str, int]:
    told, error = worker.communicate(timeout=120)
    assert worker.returncode == 0, error
    found: dict[str, int] = json.loads(told)
    return found


def integrity(study: Path) -> str:
    with closing(sqlite3.connect(study / "memory.sqlite")) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def test_two_processes_and_eight_threads_ask_each_key_once(tmp_path: Path) -> None:
    """The issue: two processes and eight threads on one study, the same 1,000 keys, 1,000 server calls."""
    with WireProcess(latency=0.02) as wire:
        told = [finished(worker) for worker in [start(tmp_path / "s", wire, 1000, threads=4) for _ in range(2)]]
        assert wire.stats()["total"] == 1000
    assert [one["ok"] for one in told] == [4000, 4000]
    assert sum(one["live"] for one in told) == 1000
    assert integrity(tmp_path / "s") == "ok"


def test_labs_of_one_process_on_one_study_ask_each_key_once(open_lab: OpenLab) -> None:
    with WireServer(latency=0.1) as wire:
        labs = [open_lab(wire), open_lab(wire)]
        futures = [
            bridge().submit(run_calls(lab.engine, [make_call(n) for n in range(20)], Run("ask"))) for lab in labs
        ]
        outcomes = [one for future in futures for one in future.result(timeout=60)]
        assert wire.requests.total == 20
    assert all(one.ok for one in outcomes)
    assert sum(not one.reply.cached for one in outcomes) == 20


def test_refresh_in_two_processes_at_once_asks_each_key_once(tmp_path: Path) -> None:
    """What another process stored after this run began is fresh to it."""
    with WireProcess(latency=0.3) as wire:
        finished(start(tmp_path / "s", wire, 20))
        told = [finished(worker) for worker in [start(tmp_path / "s", wire, 20, mode="refresh") for _ in range(2)]]
        assert all(one["ok"] == 20 for one in told)
        assert 40 <= wire.stats()["total"] <= 60  # a process that began after the other's replies asks anew


def test_killed_owner_holds_nobody_up(tmp_path: Path, open_lab: OpenLab) -> None:
    """A claim goes with its process: `kill -9` in mid-call, and the next process asks at once."""
    with WireServer(script=["hang"] * 8) as wire:
        owner = start(tmp_path / "study", wire, 8)
        while wire.requests.total < 8:
            assert owner.poll() is None
            time.sleep(0.01)
        lab = open_lab(wire)
        waiting = bridge().submit(run_calls(lab.engine, [make_call(n) for n in range(8)], Run("ask")))
        time.sleep(0.3)
        assert wire.requests.total == 8  # it waits for the owner
        owner.kill()
        owner.communicate()
        outcomes = waiting.result(timeout=30)
        assert wire.requests.total == 16
    assert all(one.ok for one in outcomes)


def test_waiting_for_another_process_can_be_stopped(tmp_path: Path, open_lab: OpenLab) -> None:
    with WireServer(script=["hang"] * 3) as wire:
        owner = start(tmp_path / "study", wire, 3)
        while wire.requests.total < 3:
            assert owner.poll() is None
            time.sleep(0.01)
        lab, run = open_lab(wire), Run("ask")
        waiting = bridge().submit(run_calls(lab.engine, [make_call(n) for n in range(3)], run))
        time.sleep(0.1)
        bridge().call(run.stop)
        assert [one.kind for one in waiting.result(timeout=10)] == ["not_run"] * 3
        owner.kill()
        owner.communicate()
        assert all(one.ok for one in answer(lab, [make_call(n) for n in range(3)]))


def test_owner_that_hangs_is_not_waited_for_for_ever(
    tmp_path: Path, open_lab: OpenLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.memory.claims.PATIENCE", 0.2)
    with WireServer(script=["hang"]) as wire:
        owner = start(tmp_path / "study", wire, 1)
        while not wire.requests.total:
            assert owner.poll() is None
            time.sleep(0.01)
        assert answer(open_lab(wire), [make_call(0)])[0].ok
        assert wire.requests.total == 2
        owner.kill()
        owner.communicate()


def kill_and_resume(study: Path, number: int, kills: int, seconds: float) -> None:
    """Kill a run at moments spread over it, check the file each time, then let it end and count what was asked."""
    in_flight = 2 * 32  # calls that were sent, or came back and waited for their commit: the pool's workers
    with WireProcess(latency=0.05) as wire:
        for turn in range(kills):
            worker = start(study, wire, number)
            seen = wire.stats()["total"]
            while wire.stats()["total"] == seen and worker.poll() is None:
                time.sleep(0.005)
            time.sleep(seconds * ((turn * 7919) % kills) / kills)
            worker.kill()
            worker.communicate()
            assert integrity(study) == "ok"
        assert finished(start(study, wire, number))["ok"] == number
        asked = wire.stats()["total"]
    assert number <= asked <= number + kills * in_flight
    assert integrity(study) == "ok"


def test_kill_pays_only_for_what_was_in_flight(tmp_path: Path) -> None:
    """The issue, in small: `kill -9` at 3 moments of a run, then again: all answers, and only the rest is asked."""
    kill_and_resume(tmp_path / "s", 500, kills=3, seconds=0.4)


@pytest.mark.slow
def test_kill_at_twenty_moments_pays_only_for_what_was_in_flight(tmp_path: Path) -> None:
    """The issue: `kill -9` at 20 moments of a 500-call run, then again: 500 answers, requests ≤ 500 + in flight."""
    kill_and_resume(tmp_path / "s", 500, kills=20, seconds=0.6)
