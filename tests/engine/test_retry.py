import asyncio
import time

import pytest
import stamina

from tests.engine.calls import answer, make_call, make_calls
from toolkit.engine.breaker import BreakerOpen
from toolkit.engine.retry import LONGEST_RETRY_AFTER, Retry, RetryBudget
from toolkit.errors import BadRequest, CallError, CallTimeout, InvalidInput, InvalidReply, ProviderDown, RateLimited
from toolkit.models import Call, Reply
from toolkit.testing import FakeClock, WireServer


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


# --- the share of retries ---


def test_retries_of_a_run_are_a_share_of_its_calls_beyond_a_floor():
    """S2-03: a provider in trouble is not given more work than before."""
    clock = FakeClock()
    budget = RetryBudget(share=0.2, floor=10, per_second=0.001, longest=1.0, now=clock)
    granted = 0
    for _ in range(1000):
        budget.calls += 1
        granted += sum(budget.withdraw() is not None for _ in range(5))
    assert 200 <= granted <= 210
    assert budget.refused == 5000 - granted


def test_retry_beyond_the_budget_waits_for_the_token_that_time_brings():
    clock = FakeClock()
    budget = RetryBudget(share=0.0, floor=1, per_second=0.5, longest=5.0, now=clock)
    assert [budget.withdraw() for _ in range(4)] == [0.0, 2.0, 4.0, None]
    asyncio.run(clock.advance(4.0))
    assert budget.withdraw() == 2.0


def test_saved_up_retries_never_exceed_the_floor():
    clock = FakeClock()
    budget = RetryBudget(share=0.2, floor=10, per_second=1.0, longest=0.5, now=clock)
    budget.calls += 10_000
    asyncio.run(clock.advance(10_000.0))
    assert sum(budget.withdraw() is not None for _ in range(100)) == 10


@pytest.mark.usefixtures("no_waiting")
def test_dead_provider_is_not_hammered():
    """Without a breaker, and with six tries allowed: the budget alone holds the retries down."""

    class Dead:
        asked = 0

        async def complete(self, call: Call) -> Reply:
            self.asked += 1
            raise ProviderDown("down")

    model = Dead()
    budget = RetryBudget(floor=20, per_second=1.0, longest=0.5, now=FakeClock())
    retry = Retry(model, tries=6, budget=budget)

    async def go() -> list[object]:
        return await asyncio.gather(*(retry.complete(make_call(n)) for n in range(500)), return_exceptions=True)

    ended = asyncio.run(go())
    assert all(isinstance(one, ProviderDown) for one in ended)
    assert model.asked <= 500 + 20 + 0.2 * 500
    assert model.asked - 500 == retry.retries == sum(error.tries - 1 for error in ended)


@pytest.mark.usefixtures("no_waiting")
def test_slower_pace_asked_for_costs_no_retry_of_the_budget():
    budget = RetryBudget(share=0.0, floor=0, per_second=1e-9, longest=1.0, now=FakeClock())
    model = Failing(RateLimited("slow down"), RateLimited("slow down"))
    assert asyncio.run(Retry(model, tries=5, budget=budget).complete(make_call(1))).tries == 3


@pytest.mark.usefixtures("no_waiting")
def test_last_try_takes_nothing_out_of_the_budget():
    budget = RetryBudget(share=0.0, floor=1, per_second=1e-9, longest=1.0, now=FakeClock())
    with pytest.raises(ProviderDown):
        asyncio.run(
            Retry(Failing(*(ProviderDown("down") for _ in range(9))), tries=2, budget=budget).complete(make_call(1))
        )
    assert budget.refused == 0
    with pytest.raises(ProviderDown):
        asyncio.run(Retry(Failing(ProviderDown("down")), tries=2, budget=budget).complete(make_call(1)))
    assert budget.refused == 1


@pytest.mark.usefixtures("no_waiting")
def test_open_breaker_is_not_tried_again():
    first, later = Failing(BreakerOpen("down")), Failing(ProviderDown("down"), BreakerOpen("down"))
    for model, tries in ((first, 0), (later, 1)):
        with pytest.raises(BreakerOpen) as caught:
            asyncio.run(Retry(model, tries=6).complete(make_call(1)))
        assert caught.value.tries == tries


@pytest.mark.usefixtures("no_waiting")
def test_tries_that_may_be_billed_without_an_answer_are_counted():
    reply = Reply(text="{", model="x:m")
    model = Failing(CallTimeout("late", billed=True), ProviderDown("cut off", billed=True), ProviderDown("no"))
    retry = Retry(model, tries=6)
    asyncio.run(retry.complete(make_call(1)))
    model.errors = [CallTimeout("late", billed=True), InvalidReply("not JSON", billed=True, reply=reply)]
    with pytest.raises(InvalidReply):
        asyncio.run(retry.complete(make_call(2)))
    assert (retry.lost_billed, retry.retries) == (3, 4)


@pytest.mark.parametrize("given", [{"share": -0.1}, {"floor": -1}, {"per_second": 0}, {"longest": 0}])
def test_budget_that_cannot_be_is_refused(given):
    with pytest.raises(InvalidInput, match="a retry budget of"):
        RetryBudget(**given)


def test_first_wait_and_refill_follow_the_time_scale():
    clock = FakeClock()
    budget = RetryBudget(floor=1, per_second=0.5, time_scale=0.1, now=clock.now)
    assert (budget.withdraw(), budget.withdraw()) == (0.0, pytest.approx(0.2))
    retry = Retry(Failing(), tries=5, wait_initial=0.5, time_scale=0.1)
    error = ProviderDown("down")
    assert max(retry._wait(error) for _ in range(200)) <= 0.05


def test_budget_waits_no_longer_than_the_time_scale_allows():
    clock = FakeClock()
    budget = RetryBudget(share=0.0, floor=0, per_second=1.0, longest=30.0, time_scale=0.1, now=clock.now)
    waits = [budget.withdraw() for _ in range(31)]
    assert waits[29] == pytest.approx(3.0)
    assert waits[30] is None


def test_lab_hands_its_time_scale_to_the_layers(open_lab):
    engine = open_lab(model="scripted", time_scale=0.1, limits={"scripted": {"rpm": 60}}).engine
    layer, found = engine.outermost, {}
    while layer is not None:
        found[type(layer).__name__] = layer
        layer = getattr(layer, "_inner", None)
    assert found["Breaker"]._first_pause == pytest.approx(0.5)
    assert found["Retry"]._wait_initial == pytest.approx(0.05)
    assert found["Retry"]._budget._per_second == pytest.approx(10.0)
    assert found["Limit"]._slots._cool_down == pytest.approx(1.5)
    assert found["Limit"].pace.rpm == 60  # what the study sets is wall time
