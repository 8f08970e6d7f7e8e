from tests.engine.calls import make_call
from toolkit.bridge import bridge
from toolkit.engine import Run, run_calls
from toolkit.testing import WireServer


def test_no_more_calls_are_at_the_model_than_there_are_slots(open_lab):
    """More workers than slots prepare calls; the model must not notice."""
    with WireServer(latency=0.01, faults={"malformed": 0.1}) as wire:
        lab = open_lab(wire, concurrency=5, tries=1)
        calls = (make_call(number) for number in range(60))
        outcomes = bridge().submit(run_calls(lab.engine, calls, Run("ask"), attempts=3)).result(timeout=30)
        assert all(outcome.ended for outcome in outcomes)
        assert wire.requests.peak == 5


def test_calls_that_stood_in_line_at_a_stop_leave_no_row(open_lab):
    with WireServer(latency=30.0) as wire:
        lab = open_lab(wire, concurrency=2)
        run = Run("ask")
        future = bridge().submit(run_calls(lab.engine, (make_call(number) for number in range(9)), run))
        while wire.requests.total < 2:
            pass
        bridge().call(run.stop)
        assert {outcome.kind for outcome in future.result(timeout=10)} == {"not_run"}
        assert list(lab.ledger.frame()["status"]) == ["cancelled"] * 2
