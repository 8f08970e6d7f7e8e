import asyncio
import time

from tests.engine.calls import answer, make_call, make_calls
from toolkit.bridge import bridge
from toolkit.engine import Run, run_calls
from toolkit.errors import InvalidReply
from toolkit.testing import WireServer


def test_results_are_in_input_order_whatever_finishes_first(open_lab):
    """S1-26"""
    with WireServer(latency=(0.01, 0.1), seed=2) as wire:
        outcomes = answer(open_lab(wire), make_calls(60))
        assert [outcome.item for outcome in outcomes] == [f"p{number:04}" for number in range(60)]
        assert all(outcome.ok for outcome in outcomes)


def test_concurrency_is_bounded_and_used(open_lab):
    with WireServer(latency=0.05) as wire:
        answer(open_lab(wire, concurrency=7), make_calls(40))
        assert wire.requests.peak == 7


def test_calls_are_made_lazily_in_a_window(open_lab):
    made = []

    def lazily():
        for number in range(5000):
            made.append(number)
            yield make_call(number)

    with WireServer(latency=0.02) as wire:
        lab = open_lab(wire, concurrency=4)
        run = Run("ask")
        future = bridge().submit(run_calls(lab.engine, lazily(), run))
        while wire.requests.delivered < 4:
            time.sleep(0.001)
        seen = len(made)
        bridge().call(run.stop)
        future.result()
        assert seen <= 512


def test_stop_keeps_what_finished_and_lists_the_rest(open_lab):
    with WireServer(latency=0.05) as wire:
        lab = open_lab(wire, concurrency=4)
        run = Run("ask")
        future = bridge().submit(run_calls(lab.engine, make_calls(300), run))
        while run.done < 20:
            time.sleep(0.001)
        bridge().call(run.stop)
        outcomes = future.result(timeout=10)
        finished = sum(outcome.ok for outcome in outcomes)
        assert len(outcomes) == 300
        assert 20 <= finished < 40
        assert {outcome.kind for outcome in outcomes} == {"", "not_run"}
        assert lab.ledger.frame()["status"].value_counts()["cancelled"] == 4
        assert not _pool_tasks()

        asked = wire.requests.total
        again = answer(lab, make_calls(300))
        assert all(outcome.ok for outcome in again)
        assert wire.requests.total - asked == 300 - finished


def test_failures_are_outcomes_and_the_others_stand(open_lab):
    """S1-41"""
    with WireServer(script=["ok", "refusal", "bad_schema", "ok"]) as wire:
        outcomes = answer(open_lab(wire, concurrency=1, tries=1), make_calls(4))
        assert [outcome.kind for outcome in outcomes] == ["", "content_refused", "bad_request", ""]


def test_refused_content_is_asked_again_as_a_further_attempt(open_lab):
    """S0-08: bounded, each attempt with a key and a seed of its own."""

    def accept(call, reply):
        if call.attempt < 2:
            raise InvalidReply("not this one")
        return call.attempt

    with WireServer(keep_bodies=True) as wire:
        lab = open_lab(wire)
        assert answer(lab, [make_call(1)], accept=accept, attempts=3)[0].value == 2
        assert len({body["seed"] for body in wire.bodies}) == 3
        assert answer(lab, [make_call(1)], accept=accept, attempts=3)[0].value == 2
        assert wire.requests.total == 3
        short = answer(lab, [make_call(1)], accept=accept, attempts=2)[0]
        assert (short.kind, short.attempt) == ("invalid_reply", 1)


def test_run_counts_what_happened(open_lab):
    with WireServer(script=["ok", "refusal"]) as wire:
        lab = open_lab(wire, concurrency=1)
        run = Run("ask")
        answer(lab, make_calls(3), run)
        assert (run.done, run.cached, run.failed) == (3, 0, 1)
        run = Run("ask")
        answer(lab, make_calls(4), run)
        assert (run.done, run.cached, run.failed) == (4, 3, 1)


def test_error_of_our_own_code_ends_the_run_and_leaves_no_task(open_lab):
    def accept(call, reply):
        raise ZeroDivisionError

    with WireServer(latency=0.02) as wire:
        lab = open_lab(wire)
        future = bridge().submit(run_calls(lab.engine, make_calls(50), Run("ask"), accept=accept))
        assert isinstance(future.exception(timeout=10), ZeroDivisionError)
        assert not _pool_tasks()


def _pool_tasks() -> list[str]:
    async def names() -> list[str]:
        return [str(task.get_coro()) for task in asyncio.all_tasks() if "_Work" in str(task.get_coro())]

    return bridge().submit(names()).result(timeout=5)
