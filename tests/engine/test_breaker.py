import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from tests.engine.calls import make_call
from toolkit.engine.breaker import Breaker, BreakerOpen
from toolkit.engine.retry import Retry
from toolkit.errors import BadRequest, CallError, CallTimeout, ProviderDown, RateLimited
from toolkit.models import Call, Reply
from toolkit.testing import FakeClock


class Switch:
    """A model that is up or down, and takes ``latency`` seconds to show it."""

    def __init__(self, clock: FakeClock, *, up: bool = True, latency: float = 0.0) -> None:
        self.up = up
        self.latency = latency
        self.error: Callable[[], CallError] = lambda: ProviderDown("down")
        self.asked: list[float] = []
        self._clock = clock

    async def complete(self, call: Call) -> Reply:
        self.asked.append(self._clock.now())
        if self.latency:
            await self._clock.sleep(self.latency)
        if not self.up:
            raise self.error()
        return Reply(text=call.item, model="x:m")


def on_a_clock(work: Callable[[FakeClock], Awaitable[None]]) -> None:
    async def go() -> None:
        await work(FakeClock())
        await asyncio.sleep(0)
        others = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
        assert not others, "an orphan task"

    asyncio.run(go())


def breaker_around(model: Switch, clock: FakeClock, **given: float) -> Breaker:
    return Breaker(model, "x:m", failures=3, now=clock.now, sleep=clock.sleep, **given)


async def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises((CallError, CallTimeout)):
            await breaker.complete(make_call(0))


def test_failures_in_a_row_open_it_and_calls_then_fail_at_once():
    async def work(clock: FakeClock) -> None:
        model = Switch(clock, up=False)
        breaker = breaker_around(model, clock)
        await fail(breaker, 3)
        with pytest.raises(BreakerOpen, match=r"x:m is down: 3 tries in a row.*fallbacks=") as caught:
            await breaker.complete(make_call(1))
        assert caught.value.tries == 0
        assert caught.value.kind == "provider_down"
        assert len(model.asked) == 3
        assert (breaker.state, breaker.turned_away) == ("open", 1)

    on_a_clock(work)


def test_answer_in_between_starts_the_count_again():
    async def work(clock: FakeClock) -> None:
        model = Switch(clock)
        breaker = breaker_around(model, clock)
        for _ in range(5):
            model.up = False
            await fail(breaker, 2)
            model.up = True
            await breaker.complete(make_call(1))
        assert (breaker.state, breaker.openings) == ("closed", 0)

    on_a_clock(work)


@pytest.mark.parametrize("error", [RateLimited("slow"), BadRequest("no")])
def test_errors_that_show_somebody_is_there_never_open_it(error):
    async def work(clock: FakeClock) -> None:
        model = Switch(clock, up=False)
        model.error = lambda: error
        breaker = breaker_around(model, clock)
        await fail(breaker, 10)
        assert breaker.state == "closed"

    on_a_clock(work)


def test_timeouts_open_it():
    async def work(clock: FakeClock) -> None:
        model = Switch(clock, up=False)
        model.error = lambda: CallTimeout("late")
        breaker = breaker_around(model, clock)
        await fail(breaker, 3)
        assert breaker.state == "open"

    on_a_clock(work)


def test_after_the_pause_one_call_looks_and_the_others_still_fail_at_once():
    async def work(clock: FakeClock) -> None:
        model = Switch(clock, up=False)
        breaker = breaker_around(model, clock)
        await fail(breaker, 3)
        await clock.advance(5.0)
        model.latency = 1.0
        probe = asyncio.create_task(breaker.complete(make_call(1)))
        await clock.advance(0.5)
        assert breaker.state == "half-open"
        with pytest.raises(BreakerOpen):
            await breaker.complete(make_call(2))
        model.up = True
        await clock.advance(1.0)
        assert (await probe).text == "p0001"
        assert breaker.state == "closed"

    on_a_clock(work)


def test_looks_that_fail_come_at_growing_pauses():
    """A dead provider is not hammered: one try at 5, 10, 20, 40 and then every 60 seconds."""

    async def work(clock: FakeClock) -> None:
        model = Switch(clock, up=False)
        breaker = breaker_around(model, clock)
        await fail(breaker, 3)
        for _ in range(200):
            with pytest.raises(ProviderDown):
                await breaker.complete(make_call(1))
            await clock.advance(1.0)
        assert model.asked[3:] == [5.0, 15.0, 35.0, 75.0, 135.0, 195.0]

    on_a_clock(work)


def test_cancelled_look_leaves_the_look_to_the_next():
    async def work(clock: FakeClock) -> None:
        model = Switch(clock, up=False)
        breaker = breaker_around(model, clock)
        await fail(breaker, 3)
        await clock.advance(5.0)
        model.latency, model.up = 10.0, True
        probe = asyncio.create_task(breaker.complete(make_call(1)))
        await clock.advance(1.0)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        model.latency = 0.0
        assert (await breaker.complete(make_call(2))).text == "p0002"
        assert breaker.state == "closed"

    on_a_clock(work)


def test_late_answer_of_an_old_call_closes_it_and_the_look_under_way_does_no_harm():
    async def work(clock: FakeClock) -> None:
        model = Switch(clock, latency=20.0)
        breaker = breaker_around(model, clock)
        old = asyncio.create_task(breaker.complete(make_call(1)))
        await clock.advance(10.0)
        model.latency, model.up = 0.0, False
        await fail(breaker, 3)
        await clock.advance(5.0)
        model.latency = 30.0
        probe = asyncio.create_task(breaker.complete(make_call(2)))
        await clock.advance(1.0)
        model.up = True
        await clock.advance(5.0)
        assert (await old).text == "p0001"
        assert breaker.state == "closed"
        model.up = False
        await clock.advance(30.0)
        with pytest.raises(ProviderDown):
            await probe
        assert (breaker.state, breaker.in_a_row) == ("closed", 1)

    on_a_clock(work)


# --- patience ---


def test_outage_of_the_only_model_is_waited_out():
    """No call of a night's run is lost because its model was down for ten minutes."""

    async def work(clock: FakeClock) -> None:
        model = Switch(clock)
        breaker = breaker_around(model, clock, patience=900.0)
        await breaker.complete(make_call(0))
        model.up = False
        await fail(breaker, 3)
        tasks = [asyncio.create_task(breaker.complete(make_call(number))) for number in range(1, 51)]
        await clock.advance(600.0)
        looked = len(model.asked) - 4
        assert looked == 12
        assert breaker.waiting == 50 - looked
        model.up = True
        await clock.advance(60.0)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [one.text for one in ended if isinstance(one, Reply)] == [f"p{n:04}" for n in range(1 + looked, 51)]
        assert all(isinstance(one, ProviderDown) for one in ended[:looked])  # these looked; Retry sends them again

    on_a_clock(work)


def test_with_retries_around_it_an_outage_loses_nothing():
    async def work(clock: FakeClock) -> None:
        model = Switch(clock)
        breaker = breaker_around(model, clock, patience=900.0)
        retry = Retry(breaker, tries=6, wait_initial=1e-9)
        await retry.complete(make_call(0))
        model.up = False
        tasks = [asyncio.create_task(retry.complete(make_call(number))) for number in range(1, 51)]
        for _ in range(600):
            await clock.advance(1.0)
        model.up = True
        await clock.advance(120.0)
        replies = await asyncio.gather(*tasks)
        assert [reply.text for reply in replies] == [f"p{n:04}" for n in range(1, 51)]
        assert len(model.asked) <= 1 + 50 + 50 + 13

    on_a_clock(work)


def test_patience_ends_and_everyone_is_told():
    async def work(clock: FakeClock) -> None:
        model = Switch(clock)
        breaker = breaker_around(model, clock, patience=100.0)
        await breaker.complete(make_call(0))
        model.up = False
        await fail(breaker, 3)
        tasks = [asyncio.create_task(breaker.complete(make_call(number))) for number in range(20)]
        await clock.advance(100.0)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(one, BreakerOpen) for one in ended) == 20 - 4
        assert breaker.waiting == 0

    on_a_clock(work)


def test_nobody_waits_for_a_model_that_never_answered():
    async def work(clock: FakeClock) -> None:
        breaker = breaker_around(Switch(clock, up=False), clock, patience=900.0)
        await fail(breaker, 3)
        with pytest.raises(BreakerOpen):
            await breaker.complete(make_call(1))

    on_a_clock(work)


def test_all_who_wait_can_be_cancelled_and_nothing_is_left():
    """S1-47"""

    async def work(clock: FakeClock) -> None:
        model = Switch(clock)
        breaker = breaker_around(model, clock, patience=900.0)
        await breaker.complete(make_call(0))
        model.up = False
        await fail(breaker, 3)
        tasks = [asyncio.create_task(breaker.complete(make_call(number))) for number in range(20)]
        await clock.advance(1.0)
        for task in reversed(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert breaker.waiting == 0

    on_a_clock(work)


def test_look_that_is_cancelled_as_its_turn_comes_goes_to_the_next():
    async def work(clock: FakeClock) -> None:
        model = Switch(clock)
        tasks: list[asyncio.Task[Reply]] = []

        async def sleep(seconds: float) -> None:
            await clock.sleep(seconds)
            asyncio.get_running_loop().call_soon(tasks[0].cancel)  # runs before the one that is woken now

        breaker = Breaker(model, "x:m", failures=3, patience=900.0, now=clock.now, sleep=sleep)
        await breaker.complete(make_call(0))
        model.up = False
        await fail(breaker, 3)
        tasks += [asyncio.create_task(breaker.complete(make_call(number))) for number in (1, 2)]
        await clock.advance(4.9)
        model.up = True
        await clock.advance(1.0)
        assert (await tasks[1]).text == "p0002"
        assert tasks[0].cancelled()

    on_a_clock(work)


def test_look_that_is_cancelled_under_way_goes_to_the_next_in_line():
    async def work(clock: FakeClock) -> None:
        model = Switch(clock)
        breaker = breaker_around(model, clock, patience=900.0)
        await breaker.complete(make_call(0))
        model.up = False
        await fail(breaker, 3)
        model.up, model.latency = True, 1000.0
        first, second = (asyncio.create_task(breaker.complete(make_call(number))) for number in (1, 2))
        await clock.advance(6.0)
        assert breaker.state == "half-open"
        model.latency = 0.0
        first.cancel()
        await clock.advance(0.0)
        assert (await second).text == "p0002"

    on_a_clock(work)


def test_look_of_an_earlier_outage_says_nothing_of_a_later_one():
    async def work(clock: FakeClock) -> None:
        model = Switch(clock, latency=20.0)
        breaker = breaker_around(model, clock)
        old = asyncio.create_task(breaker.complete(make_call(1)))
        await clock.advance(10.0)
        model.latency, model.up = 0.0, False
        await fail(breaker, 3)
        await clock.advance(5.0)
        model.latency = 30.0
        early = asyncio.create_task(breaker.complete(make_call(2)))  # looks from 15 to 45
        await clock.advance(1.0)
        model.up = True
        await clock.advance(5.0)
        await old  # closed at 20
        model.latency, model.up = 0.0, False
        await fail(breaker, 3)  # open again at 21
        await clock.advance(5.0)
        model.latency = 100.0
        late = asyncio.create_task(breaker.complete(make_call(3)))  # looks from 26 on
        await clock.advance(25.0)
        assert isinstance(early.exception(), ProviderDown)
        assert breaker.state == "half-open"
        late.cancel()
        await asyncio.gather(late, return_exceptions=True)

    on_a_clock(work)


def test_opening_and_closing_are_logged_once_each(caplog):
    async def work(clock: FakeClock) -> None:
        model = Switch(clock, up=False)
        breaker = breaker_around(model, clock)
        await fail(breaker, 8)
        model.up = True
        await clock.advance(5.0)
        await breaker.complete(make_call(1))

    with caplog.at_level(logging.INFO, logger="toolkit.engine"):
        on_a_clock(work)
    assert [record.message for record in caplog.records] == [
        "x:m is down: 3 tries in a row found nobody there",
        "x:m answers again",
    ]


def test_pauses_follow_the_time_scale():
    """A rehearsal at a tenth of the time looks again after 0.5 s, 1 s, …, and never waits longer than 6 s."""

    async def work(clock: FakeClock) -> None:
        model = Switch(clock)
        breaker = breaker_around(model, clock, patience=40.0, time_scale=0.1)
        await breaker.complete(make_call(0))
        model.up = False
        await fail(breaker, 3)
        since = clock.now()
        waiting = [asyncio.create_task(breaker.complete(make_call(number))) for number in range(6)]
        await clock.advance(30.0)
        await asyncio.gather(*waiting, return_exceptions=True)
        assert [round(at - since, 6) for at in model.asked[4:]] == [0.5, 1.5, 3.5, 7.5, 13.5, 19.5]

    on_a_clock(work)
