import asyncio

import pytest

from tests.engine.calls import answer, make_call
from toolkit.engine.timeout import Timeout
from toolkit.errors import CallTimeout
from toolkit.models import Call, Reply
from toolkit.testing import WireServer


class Slow:
    """A model that never answers, or whose own code times out."""

    def __init__(self, *, own_timeout: bool = False) -> None:
        self.own_timeout = own_timeout
        self.cancelled = False

    async def complete(self, call: Call) -> Reply:
        if self.own_timeout:
            raise TimeoutError("the model's own")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return Reply(text="late", model="slow:1")


def test_hung_call_is_cancelled_and_names_stage_and_item():
    """S1-32"""
    model = Slow()
    with pytest.raises(CallTimeout, match=r"within 0.05 s for questions p0003.*Raise timeout=") as caught:
        asyncio.run(Timeout(model, 0.05).complete(make_call(3)))
    assert model.cancelled
    assert caught.value.billed


@pytest.mark.parametrize(
    ("seconds", "stages", "allowed"),
    [
        (60, {}, 180),
        (300, {}, 300),
        (60, {"questions": 5}, 180),
        (60, {"images": 20}, 20),
        (300, {"images.render": 240}, 240),
    ],
)
def test_picture_has_three_minutes_unless_the_study_says_otherwise(seconds, stages, allowed):
    assert Timeout(Slow(), seconds, stages).limit("images.render") == allowed
    assert Timeout(Slow(), seconds, stages).limit("images.plan") == stages.get("images", seconds)


def test_timeout_of_the_models_own_code_is_not_taken_for_ours():
    with pytest.raises(TimeoutError, match="own") as caught:
        asyncio.run(Timeout(Slow(own_timeout=True), 5).complete(make_call(3)))
    assert not isinstance(caught.value, CallTimeout)


def test_hang_is_a_row_and_the_others_finish(open_lab):
    """S1-32"""
    with WireServer(script=["hang"]) as wire:
        lab = open_lab(wire, timeout=0.3, tries=1, concurrency=4)
        outcomes = answer(lab, [make_call(number) for number in range(8)])
        assert sorted(outcome.kind for outcome in outcomes) == [""] * 7 + ["timeout"]


def test_hang_is_tried_again(open_lab):
    with WireServer(script=["hang", "ok"]) as wire:
        outcome = answer(open_lab(wire, timeout=0.3), [make_call(1)])[0]
        assert outcome.ok
        assert outcome.reply.tries == 2
