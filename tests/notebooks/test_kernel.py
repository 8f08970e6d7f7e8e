"""The verbs in a real Jupyter kernel: ■, top-level await, and cells that run inside the kernel's own loop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.testing import WireServer

from .kernel import Kernel, running_kernel, until

AT_ONCE = 8

OPEN = """
import asyncio, json
import toolkit as tk
from toolkit.bridge import bridge
lab = tk.use(tk.Lab("openai:wire-model", study={study!r}, base_url={url!r}, api_key={key!r}, concurrency={at_once}))
panel = tk.generate_personas({people}, "us-adults-2012", detail="facts")
YES_NO = tk.Choice(["yes", "no"])
QUESTION = "Would you buy it?"

async def _left():
    return [str(one) for one in asyncio.all_tasks() if one is not asyncio.current_task()]

def look(result):
    statuses = result.frame["status"].value_counts()
    print(json.dumps({{
        "ok": int(statuses["ok"]), "not_run": int(statuses["not_run"]), "rows": len(result.frame),
        "kinds": sorted(set(result.errors["kind"])), "complete": result.complete,
        "tasks": bridge().submit(_left()).result(), "last": result is lab.last,
    }}))
"""
ASK = "answers = tk.ask(panel, QUESTION, answer=YES_NO)"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for the module; each test opens a study of its own."""
    with running_kernel(tmp_path_factory.mktemp("kernel")) as running:
        yield running


def opened(wire: WireServer, study: str, people: int = 200) -> str:
    return OPEN.format(study=study, url=wire.url, key=wire.key, at_once=AT_ONCE, people=people)


def rest_only(requests: int, not_run: int) -> bool:
    """Tell whether only what was not run was asked: of the calls in flight at ■ some may just have been remembered."""
    return not_run - AT_ONCE <= requests <= not_run


def test_interrupted_run_keeps_what_finished_and_resume_does_only_the_rest(kernel: Kernel) -> None:
    """DESIGN 5.3 and the issue: 200 calls, ■ half way."""
    with WireServer(latency=0.1) as wire:
        assert kernel.run(opened(wire, "interrupted")).status == "ok"
        cell = kernel.start(ASK)
        until(lambda: wire.requests.delivered >= 100)
        kernel.interrupt()
        stopped = kernel.wait(cell)
        assert (stopped.status, stopped.ename) == ("error", "Interrupted")
        assert "ask was stopped after" in stopped.evalue
        assert "lab.last.resume()" in stopped.evalue

        part = kernel.run("look(lab.last)").value
        assert 100 - AT_ONCE <= part["ok"] <= 200 - AT_ONCE
        assert part["ok"] + part["not_run"] == part["rows"] == 200
        assert part["kinds"] == ["not_run"]
        assert part["complete"] is False
        assert part["tasks"] == []

        before = wire.requests.total
        assert before <= part["ok"] + 2 * AT_ONCE  # those in flight, and those whose commit the stop overtook
        whole = kernel.run("look(lab.last.resume())").value
        assert (whole["ok"], whole["complete"], whole["last"]) == (200, True, True)
        assert rest_only(wire.requests.total - before, part["not_run"])

        paid = wire.requests.total
        assert kernel.run(f"{ASK}; look(answers)").value["ok"] == 200
        assert wire.requests.total == paid  # a re-run is free


def test_pressing_stop_again_and_again_does_no_harm(kernel: Kernel) -> None:
    with WireServer(latency=0.1) as wire:
        assert kernel.run(opened(wire, "hammered")).status == "ok"
        cell = kernel.start(ASK)
        until(lambda: wire.requests.delivered >= 40)
        for _ in range(3):
            kernel.interrupt()
        assert kernel.wait(cell).ename in {"Interrupted", "KeyboardInterrupt"}
        part = kernel.run("look(lab.last)").value
        assert part["ok"] >= 40 - AT_ONCE
        assert part["tasks"] == []
        assert kernel.run("look(lab.last.resume())").value["ok"] == 200
        assert wire.requests.total <= 200 + AT_ONCE


def test_run_all_stops_at_an_interrupted_cell(kernel: Kernel) -> None:
    """``Interrupted`` is a KeyboardInterrupt, which no ``except Exception`` of a cell swallows."""
    with WireServer(latency=0.1) as wire:
        assert kernel.run(opened(wire, "swallowed")).status == "ok"
        cell = kernel.start(f"try:\n    {ASK}\nexcept Exception:\n    pass")
        until(lambda: wire.requests.delivered >= 10)
        kernel.interrupt()
        assert kernel.wait(cell).ename == "Interrupted"


def test_verb_blocks_inside_a_running_loop(kernel: Kernel) -> None:
    """S0-06's twin doors: a blocking verb works from a coroutine of the kernel's own loop."""
    with WireServer() as wire:
        assert kernel.run(opened(wire, "inside", people=5)).status == "ok"
        assert kernel.run("asyncio.get_running_loop(); " + ASK + "; look(answers)").value["ok"] == 5
        code = "async def work():\n    return tk.ask(panel, 'And now?', answer=YES_NO)\nlook(await work())"
        assert kernel.run(code).value["ok"] == 5


def test_top_level_await_gives_the_same_frame(kernel: Kernel) -> None:
    with WireServer() as wire:
        assert kernel.run(opened(wire, "awaited", people=5)).status == "ok"
        code = (
            f"{ASK}\nawaited = await tk.aio.ask(panel, QUESTION, answer=YES_NO)\n"
            "print(json.dumps([answers.frame.equals(awaited.frame), lab.last is awaited]))"
        )
        assert kernel.run(code).value == [True, True]


def test_awaited_run_is_stopped_cleanly_by_the_stop_button(kernel: Kernel) -> None:
    with WireServer(latency=0.1) as wire:
        assert kernel.run(opened(wire, "stopped-await")).status == "ok"
        cell = kernel.start("await tk.aio.ask(panel, QUESTION, answer=YES_NO)")
        until(lambda: wire.requests.delivered >= 40)
        kernel.interrupt()
        assert kernel.wait(cell).status == "error"
        part = kernel.run("look(lab.last)").value
        assert 40 - AT_ONCE <= part["ok"] <= 200 - AT_ONCE
        assert part["tasks"] == []
        before = wire.requests.total
        assert kernel.run("look(await tk.aio.ask(panel, QUESTION, answer=YES_NO))").value["ok"] == 200
        assert rest_only(wire.requests.total - before, part["not_run"])


def test_awaited_run_is_stopped_cleanly_by_cancelling_its_task(kernel: Kernel) -> None:
    with WireServer(latency=0.1) as wire:
        assert kernel.run(opened(wire, "cancelled")).status == "ok"
        code = """
task = asyncio.ensure_future(tk.aio.ask(panel, QUESTION, answer=YES_NO))
await asyncio.sleep(0.6)
task.cancel()
ended = await asyncio.gather(task, return_exceptions=True)
assert task.cancelled(), ended
look(lab.last)
"""
        part = kernel.run(code).value
        assert 0 < part["ok"] < 200
        assert part["tasks"] == []


def test_progress_is_one_display_that_is_updated(kernel: Kernel) -> None:
    """DESIGN 5.4: one line, four updates a second at most, nothing on the streams."""
    with WireServer(latency=0.2) as wire:
        assert kernel.run(opened(wire, "progress", people=80)).status == "ok"
        cell = kernel.run(ASK)
    assert cell.status == "ok"
    assert (cell.printed, cell.warned) == ("", "")
    lines = [shown["text/plain"] for shown in cell.shown]
    assert lines
    assert lines[-1].startswith("ask: 80/80 · ")
    assert all(line.startswith("ask: ") for line in lines)


def test_last_line_of_a_cell_shows_the_result(kernel: Kernel) -> None:
    with WireServer() as wire:
        assert kernel.run(opened(wire, "shown", people=5)).status == "ok"
        cell = kernel.run("tk.ask(panel, QUESTION, answer=YES_NO)")
        lab = kernel.run("lab")
    assert "Would you buy it?" in cell.shown[-1]["text/html"]
    assert "5 ok" in cell.shown[-1]["text/plain"]
    assert wire.key is not None
    assert wire.key not in str(lab.shown)


def test_kernel_that_is_restarted_half_way_pays_only_for_the_rest(tmp_path: Path) -> None:
    """The issue: ``kill -9`` half way, the same cells again."""
    with WireServer(latency=0.05) as wire:
        with running_kernel(tmp_path) as first:
            assert first.run(opened(wire, "killed")).status == "ok"
            first.start(ASK)
            until(lambda: wire.requests.delivered >= 80)
        until(lambda: wire.requests.in_flight == 0)
        with running_kernel(tmp_path) as second:
            assert second.run(opened(wire, "killed")).status == "ok"
            assert second.run(f"{ASK}; look(answers)").value["ok"] == 200
    assert wire.requests.total <= 200 + AT_ONCE
