import asyncio
from collections import Counter

import pytest

from tests.engine.calls import make_calls
from toolkit.engine.chaos import CHAOS, Chaos
from toolkit.engine.fallback import Candidate, Fallback
from toolkit.engine.limit import Limit
from toolkit.engine.retry import Retry
from toolkit.engine.timeout import Timeout
from toolkit.errors import CallError, CallTimeout, InvalidInput, ProviderDown, RateLimited
from toolkit.models import Call, Reply, open_model


def outcome(chaos: Chaos, call: Call, seconds: float = 0.005) -> str:
    """Return how one try ends."""

    async def go() -> str:
        try:
            await Timeout(chaos, seconds).complete(call)
        except CallError as error:
            return error.kind
        return "ok"

    return asyncio.run(go())


def chaos_around(p: float, seed: int = 0) -> Chaos:
    model = open_model("scripted")
    return Chaos(model, model.identity, p, seed)


def test_share_of_faults_is_near_what_was_asked():
    """S1-28"""
    chaos = chaos_around(0.05, seed=3)
    calls = list(make_calls(4000))
    drawn = Counter(chaos._draw(call.key(chaos._identity)) for call in calls)
    assert (4000 - drawn[None]) / 4000 == pytest.approx(0.05, abs=0.01)


def test_all_kinds_of_fault_come_in_their_shares():
    chaos = chaos_around(1.0)
    drawn = Counter(chaos._draw(call.key(chaos._identity)) for call in make_calls(2000))
    assert drawn[None] == 0
    for fault, share in CHAOS.items():
        assert drawn[fault] / 2000 == pytest.approx(share, abs=0.04)


def test_each_fault_looks_like_the_real_one():
    chaos = chaos_around(1.0)
    kinds: dict[str, set[str]] = {fault: set() for fault in CHAOS}
    for call in make_calls(30):
        before = dict(chaos.injected)
        kind = outcome(chaos, call)
        fault = next(name for name, count in chaos.injected.items() if count > before[name])
        kinds[fault].add(kind)
    assert kinds == {
        "rate_limited": {"rate_limited"},
        "server_error": {"provider_down"},
        "drop": {"provider_down"},
        "hang": {"timeout"},
    }


def test_same_seed_gives_each_call_the_same_faults_in_whatever_order():
    """S1-28"""
    calls = list(make_calls(60))

    def story(order: list[Call]) -> dict[str, list[str]]:
        chaos = chaos_around(0.4, seed=5)
        return {call.item: [outcome(chaos, call) for _ in range(3)] for call in order}

    first = story(calls)
    assert first == story(calls[::-1])
    assert any(len(set(tries)) > 1 for tries in first.values())


def test_other_seed_gives_other_faults():
    calls = list(make_calls(200))
    one, other = (chaos_around(0.3, seed) for seed in (1, 2))
    assert [one._draw(c.key(one._identity)) for c in calls] != [other._draw(c.key(other._identity)) for c in calls]


def test_try_that_fails_here_is_never_sent():
    class Counted:
        asked = 0

        async def complete(self, call: Call) -> Reply:
            self.asked += 1
            return Reply(text="yes", model="x:m")

    model = Counted()
    chaos = Chaos(model, open_model("scripted").identity, 0.5, seed=1)
    kinds = [outcome(chaos, call) for call in make_calls(40)]
    assert model.asked == kinds.count("ok") < 40
    assert sum(chaos.injected.values()) == 40 - model.asked


def test_run_with_chaos_completes():
    """S1-28: with retries, and with a fallback where they are not enough."""

    async def go() -> list[Reply]:
        first, spare = open_model("scripted:first"), open_model("scripted:spare")
        broken = Timeout(Chaos(first, first.identity, 0.5, seed=2), 0.02)
        retried = Retry(Limit(broken, first), tries=2, wait_initial=0.001)
        both = Fallback([Candidate(first.identity, retried), Candidate(spare.identity, spare)])
        return await asyncio.gather(*(both.complete(call) for call in make_calls(60)))

    replies = asyncio.run(go())
    assert {reply.model for reply in replies} == {"scripted:first", "scripted:spare"}


def test_injected_errors_say_so():
    chaos = chaos_around(1.0)
    told = set()
    for call in make_calls(20):
        with pytest.raises((RateLimited, ProviderDown, CallTimeout)) as caught:
            asyncio.run(Timeout(chaos, 0.005).complete(call))
        told.add(type(caught.value))
        if not isinstance(caught.value, CallTimeout):
            assert "(injected). This is a rehearsal" in str(caught.value)
    assert {RateLimited, ProviderDown} <= told


def test_no_chaos_lets_everything_through():
    chaos = chaos_around(0.0)
    assert {outcome(chaos, call, 5.0) for call in make_calls(50)} == {"ok"}


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_share_that_is_none_is_refused(p):
    with pytest.raises(InvalidInput, match=r"chaos is .* 0 to 1"):
        chaos_around(p)


def test_counted_calls_stay_bounded():
    chaos = chaos_around(0.5)
    for number in range(100_010):
        chaos._draw(str(number))
    assert len(chaos._tries) == 100_000
