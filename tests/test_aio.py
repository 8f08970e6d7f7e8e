"""tk.aio: the same verbs, awaitable."""

import asyncio
import inspect
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import toolkit as tk
from toolkit.bridge import bridge
from toolkit.errors import Incomplete, InvalidInput
from toolkit.testing import WireServer

YES_NO = tk.Choice(["yes", "no"])
QUESTION = "Would you buy it?"
SETTLED = {"continue_round": {"seed"}, "plan_image": {"strict"}, "render_image": {"seed", "strict"}}
"""Options that a verb does without: a play and a plan carry their seed, and one image comes or raises."""
VERBS = [name for name in tk.__all__ if hasattr(getattr(tk, name), "job")]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(("TOOLKIT_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[tk.Lab]:
    opened = tk.Lab("scripted", study=tmp_path / "study")
    yield opened
    opened.close()


def panel_of(n: int, lab: tk.Lab) -> tk.Panel:
    return tk.generate_personas(n, "us-adults-2012", detail="facts", lab=lab)


def tasks_left() -> list[str]:
    async def left() -> list[str]:
        return [str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    return bridge().submit(left()).result()


def test_there_is_a_verb() -> None:
    assert VERBS == [
        "ask",
        "continue_round",
        "evolve_services",
        "generate_personas",
        "map_features",
        "plan_image",
        "render_image",
        "run_rounds",
        "survey",
    ]


def test_aio_hands_on_every_verb_and_nothing_else() -> None:
    assert tk.aio.__all__ == VERBS


@pytest.mark.parametrize("name", VERBS)
def test_awaitable_twin_has_the_signature_and_text_of_the_verb(name: str) -> None:
    """The issue: awaitable twins with the same signatures."""
    verb, twin = getattr(tk, name), getattr(tk.aio, name)
    assert inspect.signature(twin) == inspect.signature(verb)
    assert (twin.__name__, twin.__doc__) == (verb.__name__, verb.__doc__)
    assert inspect.iscoroutinefunction(twin)
    assert not inspect.iscoroutinefunction(verb)
    assert "Job" not in str(inspect.signature(verb).return_annotation)


@pytest.mark.parametrize("name", VERBS)
def test_verb_takes_the_options_every_verb_takes(name: str) -> None:
    """DESIGN 6"""
    parameters = inspect.signature(getattr(tk, name)).parameters
    assert {"lab", "seed", "budget", "strict"} - SETTLED.get(name, set()) <= set(parameters)


def test_awaited_answers_are_those_of_the_blocking_verb(lab: tk.Lab) -> None:
    panel = panel_of(5, lab)
    awaited = asyncio.run(tk.aio.ask(panel, QUESTION, answer=YES_NO, lab=lab))
    assert lab.last is awaited
    assert awaited.report.live == 5
    blocking = tk.ask(panel, QUESTION, answer=YES_NO, lab=lab)
    assert blocking.frame.equals(awaited.frame)
    assert blocking.report.cached == 5


def test_both_doors_send_the_same_bytes(tmp_path: Path) -> None:
    """S0-06: one message builder behind both."""
    bodies = []
    for door in ("blocking", "awaited"):
        with WireServer(keep_bodies=True) as wire:
            lab = tk.Lab("openai:m", base_url=wire.url, api_key=wire.key, study=tmp_path / door)
            panel = panel_of(4, lab)
            if door == "blocking":
                tk.ask(panel, QUESTION, answer=YES_NO, lab=lab)
            else:
                asyncio.run(tk.aio.ask(panel, QUESTION, answer=YES_NO, lab=lab))
            lab.close()
        bodies.append(sorted(map(str, wire.bodies)))
    assert bodies[0] == bodies[1]
    assert len(bodies[0]) == 4


def test_many_verbs_may_be_awaited_at_once(lab: tk.Lab) -> None:
    panel = panel_of(5, lab)

    async def work() -> list[tk.Answers]:
        return await asyncio.gather(
            *(tk.aio.ask(panel, f"Question {n}?", answer=YES_NO, lab=lab) for n in range(4)),
        )

    assert [answers.report.calls for answers in asyncio.run(work())] == [5] * 4


def test_equal_awaited_calls_at_once_are_paid_once(tmp_path: Path) -> None:
    with WireServer(latency=0.05) as wire:
        lab = tk.Lab("openai:m", base_url=wire.url, api_key=wire.key, study=tmp_path / "study")
        panel = panel_of(5, lab)

        async def work() -> list[tk.Answers]:
            return await asyncio.gather(*(tk.aio.ask(panel, QUESTION, answer=YES_NO, lab=lab) for _ in range(3)))

        first, second, third = asyncio.run(work())
        lab.close()
    assert wire.requests.total == 5
    assert first.frame.equals(second.frame)
    assert first.frame.equals(third.frame)


def test_bad_arguments_are_refused(lab: tk.Lab) -> None:
    with pytest.raises(InvalidInput, match="asks nothing"):
        asyncio.run(tk.aio.ask(panel_of(2, lab), "", lab=lab))


def test_strict_raises_with_the_result(tmp_path: Path) -> None:
    lab = tk.Lab("scripted", study=tmp_path / "study", faults={"refused": 1.0})
    with pytest.raises(Incomplete, match="2 of 2") as caught:
        asyncio.run(tk.aio.ask(panel_of(2, lab), QUESTION, answer=YES_NO, lab=lab, strict=True))
    assert lab.last is caught.value.result
    lab.close()


def test_cancelled_await_stops_the_run_and_keeps_what_finished(tmp_path: Path) -> None:
    with WireServer(latency=0.05) as wire:
        lab = tk.Lab("openai:m", base_url=wire.url, api_key=wire.key, study=tmp_path / "study", concurrency=4)
        panel = panel_of(100, lab)

        async def work() -> None:
            task = asyncio.create_task(tk.aio.ask(panel, QUESTION, answer=YES_NO, lab=lab))
            while wire.requests.delivered < 20:  # noqa: ASYNC110  # the server counts on a thread of its own
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()  # impatience does no harm either
            with pytest.raises(asyncio.CancelledError):
                await task
            assert task.cancelled()

        asyncio.run(work())
        assert tasks_left() == []
        part = lab.last
        not_run = int((part.frame["status"] == "not_run").sum())
        assert 0 < not_run <= 84
        assert not part.complete
        before = wire.requests.total
        assert part.resume().complete
        assert not_run - 4 <= wire.requests.total - before <= not_run
        lab.close()


def test_await_with_a_time_limit_of_ones_own_is_a_clean_stop(tmp_path: Path) -> None:
    lab = tk.Lab("scripted", study=tmp_path / "study", latency=30)
    panel = panel_of(3, lab)

    async def work() -> None:
        await asyncio.wait_for(tk.aio.ask(panel, QUESTION, answer=YES_NO, lab=lab), timeout=0.2)

    with pytest.raises(TimeoutError):
        asyncio.run(work())
    assert tasks_left() == []
    assert set(lab.last.errors["kind"]) == {"not_run"}
    lab.close()
