"""Through the real client: a server with faults, and the same bytes again (full size: ``tests.perf.evolutions``)."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import toolkit as tk
from tests.evolutions.planner import service
from toolkit.bridge import bridge
from toolkit.evolutions import Evolutions, evolve_services, map_features
from toolkit.testing import WireServer

FAULTS = {"rate_limited": 0.02, "server_error": 0.015, "drop": 0.01, "unavailable": 0.005}
SETS = ["applications", "technologies", "data"]
SERVICES = [service(n) for n in range(8)]


def lab_on(wire, folder, **more):
    return tk.Lab("openai:wire", base_url=wire.url, api_key=wire.key, study=folder, seed=7, **more)


def test_five_percent_faults_cost_no_line_and_change_no_byte(tmp_path):
    """S1-24, S1-26, S1-28, S1-53"""
    outs = []
    with WireServer(faults=FAULTS, retry_after=0.01, seed=7) as wire:
        for number in range(2):
            lab = lab_on(wire, tmp_path / f"study{number}", time_scale=0.05)
            out = tmp_path / f"{number}" / "out.jsonl"
            made = evolve_services(SERVICES, catalogues=SETS, plateaus_at_once=2, out=out, lab=lab)
            assert len(made.errors) == 0
            assert made.report.calls == 8 * 21
            assert made.report.tries > made.report.calls
            outs.append(out.read_bytes())
            live = wire.requests.total
            assert map_features(out, SETS, lab=lab).report.live == 0
            assert wire.requests.total == live
            lab.close()
    assert outs[0] == outs[1]
    again = Evolutions.load(tmp_path / "0" / "out.jsonl")
    assert [one["service"]["service_id"] for one in again] == [one["service_id"] for one in SERVICES]


def test_content_that_is_broken_costs_its_own_place(tmp_path):
    with WireServer(faults={"malformed": 0.1, "off_schema": 0.1, "truncated": 0.05}, seed=7) as wire:
        lab = lab_on(wire, tmp_path / "study")
        made = evolve_services(SERVICES, catalogues=["data"], lab=lab)
        assert len(made.errors)
        assert set(made.errors["kind"]) == {"invalid_reply"}
        assert set(made.quarantined["stage"]) <= {
            f"evolutions.{one}" for one in ("descriptions", "features", "mapping")
        }
        asked = wire.requests.total
        again = evolve_services(SERVICES, catalogues=["data"], lab=lab)  # what was paid replays, refusals as well
        assert wire.requests.total == asked
        assert again.to_jsonl() == made.to_jsonl()
        assert again.errors.equals(made.errors)
        lab.close()


def test_evolution_that_runs_follows_the_concurrency_of_its_study(tmp_path):
    """Raised on the board, more calls and more services are at work at once, in the run that goes on."""
    with WireServer(latency=0.1, seed=7) as wire:
        lab = lab_on(wire, tmp_path / "study", concurrency=2)
        run = tk.start(evolve_services, SERVICES, catalogues=["data"], lab=lab)
        until = time.monotonic() + 60
        while wire.requests.delivered < 4 and time.monotonic() < until:
            time.sleep(0.005)
        before = wire.requests.peak
        bridge().call(lambda: lab.engine.resize(16))
        made = run.result(timeout=60)
        assert before == 2
        assert 2 * 5 < wire.requests.peak <= 16  # more than the plateaus of the two services at work before
        assert len(made.errors) == 0
        lab.close()


STORY = """
import sys, toolkit as tk
from toolkit.evolutions import evolve_services
from tests.evolutions.planner import service
url, key = sys.argv[1:]
lab = tk.Lab("openai:wire", base_url=url, api_key=key, study="study", seed=7, concurrency=4)
evolve_services([service(n) for n in range(8)], catalogues=["data"], out="out.jsonl", resume=True, lab=lab)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_run_goes_on_and_asks_only_for_the_rest(tmp_path, how):
    """S1-48: after a kill as after an interrupt; nothing paid is paid twice."""
    with WireServer(latency=0.03, seed=7) as wire:
        command = [sys.executable, "-c", STORY, wire.url, str(wire.key)]
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        first = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
        until = time.monotonic() + 60
        while wire.requests.delivered < 40 and time.monotonic() < until:
            time.sleep(0.01)
        first.send_signal(how)
        first.communicate(timeout=60)
        written = (tmp_path / "out.jsonl").read_bytes()
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=120)
        assert (tmp_path / "out.jsonl").read_bytes().startswith(written[: written.rfind(b"\n") + 1])
        repeated = sum(count - 1 for count in wire.requests.by_digest.values())
        assert len(wire.requests.by_digest) == 8 * 11
        assert repeated <= 4  # what was in flight
    ids = [json.loads(line)["service"]["service_id"] for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    assert ids == [f"s{n}" for n in range(8)]
