import asyncio
import logging

import pytest

from tests.engine.calls import make_call
from toolkit.engine.timeout import Timeout
from toolkit.errors import CallTimeout, InvalidInput
from toolkit.models import Call, Reply
from toolkit.redact import Scrubber


class Slow:
    """A model that answers after some seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def complete(self, call: Call) -> Reply:
        await asyncio.sleep(self.seconds)
        return Reply(text="yes", model="slow:1")


class TurnedLoop(asyncio.SelectorEventLoop):
    """A loop on which time passes when there is nothing else to do; it counts the timers that were set."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0
        self.timers = 0

    def time(self) -> float:
        return self.passed

    def call_at(self, when, callback, *args, context=None):
        self.timers += 1
        return super().call_at(when, callback, *args, context=context)

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.passed = max(self.passed, self._scheduled[0].when())
        super()._run_once()


def turned(work) -> tuple[object, TurnedLoop]:
    """Run a coroutine on a turned loop; return what it returned or raised, and the loop."""
    with asyncio.Runner(loop_factory=TurnedLoop) as runner:
        loop = runner.get_loop()
        try:
            return runner.run(work), loop
        except CallTimeout as error:
            return error, loop


def test_slow_try_is_logged_once_at_95_percent_and_cancelled_at_100(caplog):
    """S1-33"""
    timeout = Timeout(Slow(1000.0), 60.0)
    ended, loop = turned(timeout.complete(make_call(3)))
    assert isinstance(ended, CallTimeout)
    assert loop.passed == pytest.approx(60.0)
    assert [record.getMessage() for record in caplog.records] == ["no reply yet after 57 s of 60 s for questions p0003"]
    assert (caplog.records[0].name, caplog.records[0].levelno) == ("toolkit.engine", logging.WARNING)
    assert timeout.slow == 1


def test_try_that_answers_between_95_and_100_percent_is_logged_and_kept(caplog):
    ended, _ = turned(Timeout(Slow(58.0), 60.0).complete(make_call(3)))
    assert ended == Reply(text="yes", model="slow:1")
    assert len(caplog.records) == 1


def test_try_that_answers_in_time_is_not_logged(caplog):
    ended, _ = turned(Timeout(Slow(56.0), 60.0).complete(make_call(3)))
    assert ended == Reply(text="yes", model="slow:1")
    assert not caplog.records


def test_warning_is_scrubbed_and_holds_no_prompt(caplog):
    """S1-21, S1-22"""
    call = make_call(3, item="ada@example.org P-17")
    turned(Timeout(Slow(58.0), 60.0, scrubber=Scrubber([r"P-\d+"])).complete(call))
    line = caplog.records[0].getMessage()
    assert line.endswith("for questions [email] [masked]")
    assert "person 3" not in line


def test_one_timer_serves_a_call():
    """The hot path: a call that answers in time sets one timer for itself."""

    class Instant:
        async def complete(self, call: Call) -> Reply:
            return Reply(text="yes", model="x:m")

    async def many() -> None:
        timeout = Timeout(Instant(), 60.0)
        for number in range(100):
            await timeout.complete(make_call(number))

    _, loop = turned(many())
    assert loop.timers == 100


@pytest.mark.parametrize(
    ("stage", "seconds"),
    [
        ("rounds.director.pass2", 300.0),
        ("rounds.director", 300.0),
        ("rounds.directors", 120.0),
        ("rounds", 120.0),
        ("roundsman", 60.0),
        ("questions", 60.0),
        ("", 60.0),
    ],
)
def test_stages_own_limit_is_that_of_its_longest_name(stage, seconds):
    """S1-32"""
    timeout = Timeout(Slow(1000.0), 60.0, {"rounds": 120.0, "rounds.director": 300.0})
    assert timeout.limit(stage) == seconds
    ended, loop = turned(timeout.complete(make_call(3, stage=stage)))
    assert f"within {seconds:g} s" in str(ended)
    assert loop.passed == pytest.approx(seconds)


def test_cancellation_from_outside_stays_one():
    async def go() -> None:
        task = asyncio.create_task(Timeout(Slow(1000.0), 60.0).complete(make_call(3)))
        await asyncio.sleep(59.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert turned(go())[0] is None


def test_cancellation_from_outside_wins_over_the_limit():
    """Both arrive while the call cleans up: who stopped the run must see it stopped."""

    class Stubborn:
        async def complete(self, call: Call) -> Reply:
            task = asyncio.current_task()
            try:
                await asyncio.sleep(1000.0)
            finally:
                asyncio.get_running_loop().call_soon(task.cancel)
                await asyncio.sleep(1.0)
            return Reply(text="yes", model="x:m")

    async def go() -> None:
        task = asyncio.create_task(Timeout(Stubborn(), 60.0).complete(make_call(3)))
        with pytest.raises(asyncio.CancelledError):
            await task

    assert turned(go())[0] is None


def test_task_is_whole_after_a_timeout():
    """The cancellation was ours: the task that caught the timeout goes on, and can be cancelled and timed again."""

    async def go() -> str:
        with pytest.raises(CallTimeout):
            await Timeout(Slow(1000.0), 60.0).complete(make_call(3))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        return (await Timeout(Slow(1.0), 60.0).complete(make_call(4))).text

    assert turned(go())[0] == "yes"


def test_model_that_swallows_the_cancellation_leaves_the_task_whole():
    class Swallowing:
        async def complete(self, call: Call) -> Reply:
            try:
                await asyncio.sleep(1000.0)
            except asyncio.CancelledError:
                return Reply(text="late", model="x:m")
            return Reply(text="yes", model="x:m")

    async def go() -> str:
        reply = await Timeout(Swallowing(), 60.0).complete(make_call(3))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(1.0)
        return reply.text

    assert turned(go())[0] == "late"


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_limit_that_is_none_is_refused(seconds):
    with pytest.raises(InvalidInput, match="timeout is"):
        Timeout(Slow(1.0), seconds)
    with pytest.raises(InvalidInput, match="the timeout of rounds is"):
        Timeout(Slow(1.0), 60.0, {"rounds": seconds})
