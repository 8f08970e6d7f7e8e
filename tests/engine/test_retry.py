import asyncio
import time

import pytest
import stamina

from tests.engine.calls import answer, make_call, make_calls
from toolkit.engine.retry import LONGEST_RETRY_AFTER, Retry
from toolkit.errors import BadRequest, CallError, ProviderDown, RateLimited
from toolkit.models import Call, Reply
from toolkit.testing import WireServer


class Failing:
    """A model that raises what it is told, then answers."""

    def __init__(self, *errors: CallError) -> None:
        self.errors = list(errors)
        self.asked = 0

    async def complete(self, call: Call) -> Reply:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return Reply(text="yes", model="failing:1")


@pytest.fixture
def no_waiting():
    stamina.set_testing(True, attempts=100)
    yield
    stamina.set_testing(False)


def test_transport_fault_is_tried_again_and_the_tries_are_counted(open_lab):
    """S2-03"""
    with WireServer(script=["server_error", "rate_limited", "ok"], retry_after=0.01) as wire:
        lab = open_lab(wire)
        outcome = answer(lab, [make_call(1)])[0]
        assert outcome.ok
        assert outcome.reply.tries == 3
        assert lab.ledger.frame()["tries"].tolist() == [3]
        assert wire.requests.total == 3


def test_content_fault_is_never_tried_again(open_lab):
    """S2-03, F8"""
    with WireServer(script=["malformed", "ok"]) as wire:
        outcome = answer(open_lab(wire), [make_call(1)])[0]
        assert outcome.kind == "invalid_reply"
        assert wire.requests.total == 1


def test_bad_request_is_never_tried_again():
    model = Failing(BadRequest("no"))
    with pytest.raises(BadRequest):
        asyncio.run(Retry(model, tries=5).complete(make_call(1)))
    assert model.asked == 1


def test_tries_are_capped_and_the_last_error_surfaces(open_lab):
    with WireServer(faults={"server_error": 1.0}) as wire:
        lab = open_lab(wire, tries=2)
        outcome = answer(lab, [make_call(1)])[0]
        assert outcome.kind == "provider_down"
        assert outcome.error.tries == 2
        assert wire.requests.total == 2


def test_retry_after_is_waited_for(open_lab):
    """S2-03"""
    with WireServer(script=["rate_limited", "ok"], retry_after=0.4) as wire:
        began = time.monotonic()
        assert answer(open_lab(wire), [make_call(1)])[0].ok
        assert time.monotonic() - began >= 0.4


@pytest.mark.usefixtures("no_waiting")
def test_retry_after_beyond_reason_ends_the_call():
    model = Failing(RateLimited("slow down", retry_after=LONGEST_RETRY_AFTER + 1))
    with pytest.raises(RateLimited):
        asyncio.run(Retry(model, tries=5).complete(make_call(1)))
    assert model.asked == 1


@pytest.mark.usefixtures("no_waiting")
def test_waits_grow_with_full_jitter_and_stay_under_their_cap():
    retry = Retry(Failing(), tries=50, wait_initial=1.0, wait_max=8.0)
    for tries, bound in ((1, 1.0), (2, 2.0), (4, 8.0), (40, 8.0)):
        error = ProviderDown("down")
        error.tries = tries
        waits = [retry._wait(error) for _ in range(300)]
        assert max(waits) <= bound
        assert min(waits) < bound * 0.1
        assert max(waits) > bound * 0.9


def test_many_calls_through_a_bad_line_all_get_their_answer(open_lab):
    with WireServer(seed=3, faults={"server_error": 0.1, "rate_limited": 0.05, "drop": 0.03}, retry_after=0.01) as wire:
        lab = open_lab(wire, tries=10)
        outcomes = answer(lab, make_calls(200))
        assert all(outcome.ok for outcome in outcomes)
        assert max(wire.requests.by_digest.values()) > 1
