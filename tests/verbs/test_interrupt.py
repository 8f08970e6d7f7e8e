"""Ctrl-C and ``kill -9`` in a process of its own: nothing finished is lost, and the rest is all that is paid again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.testing import WireServer

AT_ONCE = 8
PATIENCE = 60.0

HEAD = """
import json, sys
import toolkit as tk
from toolkit.errors import Interrupted

lab = tk.use(tk.Lab("openai:wire-model", study="study", concurrency=8))
panel = tk.generate_personas(200, "us-adults-2012", detail="facts")

def say(**facts):
    print(json.dumps(facts), flush=True)
"""
ASK = """
answers = tk.ask(panel, "Would you buy it?", answer=tk.Choice(["yes", "no"]))
say(ok=int((answers.frame["status"] == "ok").sum()), cached=answers.report.cached)
"""
CAUGHT = """
try:
    tk.ask(panel, "Would you buy it?", answer=tk.Choice(["yes", "no"]))
except Interrupted as stop:
    say(ok=int((stop.result.frame["status"] == "ok").sum()), kinds=sorted(set(stop.result.errors["kind"])),
        last=lab.last is stop.result, text=str(stop))
whole = lab.last.resume()
say(ok=int((whole.frame["status"] == "ok").sum()), complete=whole.complete)
"""
SLOW_TO_CLEAN = """
import asyncio, json, time
import toolkit as tk
from toolkit.errors import Interrupted
from toolkit.models import Abilities, Identity, Reply

class Slow:
    identity = Identity("mine", "slow")
    abilities = Abilities(concurrency=4)
    async def complete(self, call):
        if call.item in {"p0001", "p0002"}:
            return Reply('{"choice":"yes"}', "mine:slow", {"choice": "yes"})
        print(json.dumps({"asked": call.item}), flush=True)
        try:
            await asyncio.sleep(60)
        finally:
            print(json.dumps({"cleaning": call.item}), flush=True)
            await asyncio.sleep(0.5)
            print(json.dumps({"cleaned": call.item}), flush=True)
    async def close(self):
        pass

lab = tk.Lab(Slow(), study="study")
panel = tk.generate_personas(4, "us-adults-2012", detail="facts", lab=lab)
try:
    tk.ask(panel, "Would you buy it?", answer=tk.Choice(["yes", "no"]), lab=lab)
except Interrupted as stop:
    print(json.dumps({"ok": int((stop.result.frame["status"] == "ok").sum()), "last": lab.last is stop.result}))
"""


class Study:
    """A program at work in a process of its own."""

    def __init__(self, code: str, folder: Path, wire: WireServer | None = None) -> None:
        bare = {name: value for name, value in os.environ.items() if not name.startswith(("TOOLKIT_", "OPENAI_"))}
        if wire is not None:
            bare |= {"TOOLKIT_BASE_URL": wire.url, "TOOLKIT_OPENAI_API_KEY": wire.key or ""}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code],
            cwd=folder,
            env=bare,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> dict[str, object]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.end()[1]
        said: dict[str, object] = json.loads(line)
        return said

    def end(self) -> tuple[list[dict[str, object]], str]:
        out, err = self.process.communicate(timeout=PATIENCE)
        return [json.loads(line) for line in out.splitlines()], err


def until(fact: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < end, "what the test waits for did not happen"
        time.sleep(0.005)


def test_ctrl_c_surfaces_with_what_finished_and_resume_does_the_rest(tmp_path: Path) -> None:
    with WireServer(latency=0.05) as wire:
        study = Study(HEAD + CAUGHT, tmp_path, wire)
        until(lambda: wire.requests.delivered >= 60)
        study.process.send_signal(signal.SIGINT)
        (part, whole), err = study.end()
    assert err == ""
    assert part["kinds"] == ["not_run"]
    assert part["last"] is True
    assert "lab.last.resume()" in str(part["text"])
    assert 60 - AT_ONCE <= int(str(part["ok"])) < 200
    assert whole == {"ok": 200, "complete": True}
    assert wire.requests.total <= 200 + AT_ONCE
    assert study.process.returncode == 0


def test_ctrl_c_that_nobody_catches_ends_the_process_as_an_interrupt(tmp_path: Path) -> None:
    with WireServer(latency=0.05) as wire:
        study = Study(HEAD + ASK, tmp_path, wire)
        until(lambda: wire.requests.delivered >= 20)
        study.process.send_signal(signal.SIGINT)
        said, err = study.end()
    assert said == []
    assert err.rstrip().splitlines()[-1].startswith("toolkit.errors.Interrupted: ask was stopped after ")
    assert study.process.returncode != 0


def test_killed_run_pays_only_for_the_rest_the_next_time(tmp_path: Path) -> None:
    """``kill -9`` half way: every finished reply was committed, so the same call again pays for the rest only."""
    with WireServer(latency=0.05) as wire:
        study = Study(HEAD + ASK, tmp_path, wire)
        until(lambda: wire.requests.delivered >= 100)
        study.process.kill()
        study.end()
        until(lambda: wire.requests.in_flight == 0)
        ((again,), err) = Study(HEAD + ASK, tmp_path, wire).end()
    assert err == ""
    assert again["ok"] == 200
    assert int(str(again["cached"])) >= 100 - AT_ONCE
    assert wire.requests.total <= 200 + AT_ONCE


@pytest.mark.parametrize("more", [1, 5])
def test_pressing_again_while_it_cleans_up_does_no_harm(more: int, tmp_path: Path) -> None:
    study = Study(SLOW_TO_CLEAN, tmp_path)
    assert {study.line()["asked"], study.line()["asked"]} == {"p0003", "p0004"}
    ledger = tmp_path / "study" / "ledger.jsonl"
    until(lambda: ledger.read_bytes().count(b"\n") == 2)  # the two others are finished
    study.process.send_signal(signal.SIGINT)
    assert {study.line()["cleaning"], study.line()["cleaning"]} == {"p0003", "p0004"}
    for _ in range(more):
        study.process.send_signal(signal.SIGINT)
    said, err = study.end()
    assert err == ""
    assert said[-1] == {"ok": 2, "last": True}
    assert study.process.returncode == 0
