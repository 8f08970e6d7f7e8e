import asyncio

import pytest

from tests.engine.calls import make_call
from toolkit.engine.breaker import BreakerOpen
from toolkit.engine.fallback import Candidate, Fallback, is_fallback
from toolkit.errors import (
    AuthFailed,
    BadRequest,
    CallError,
    CallTimeout,
    ContentRefused,
    ContextTooLong,
    InvalidInput,
    InvalidReply,
    ModelUnavailable,
    ProviderDown,
    RateLimited,
)
from toolkit.models import Call, Identity, Reply


class Scripted:
    """A model that raises what it is told, then answers."""

    def __init__(self, name: str, *errors: CallError | None) -> None:
        self.identity = Identity("x", name)
        self.errors = list(errors)
        self.asked = 0

    async def complete(self, call: Call) -> Reply:
        self.asked += 1
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return Reply(text="yes", model=f"{self.identity}-2026", notes=("its own",))


def in_order(*models: Scripted) -> Fallback:
    return Fallback([Candidate(model.identity, model) for model in models])


def ask(fallback: Fallback) -> Reply:
    return asyncio.run(fallback.complete(make_call(1)))


def down(tries: int = 1) -> ProviderDown:
    error = ProviderDown("a is down", hint="Try later.")
    error.tries = tries
    return error


@pytest.mark.parametrize(
    "error",
    [ProviderDown("x"), BreakerOpen("x"), CallTimeout("x"), RateLimited("x"), ModelUnavailable("x")],
    ids=lambda error: type(error).__name__,
)
def test_unavailable_model_is_stood_in_for_by_the_next(error):
    """S1-27"""
    first, second = Scripted("a", error), Scripted("b")
    reply = ask(in_order(first, second))
    assert reply.model == "x:b-2026"
    assert (first.asked, second.asked) == (1, 1)


@pytest.mark.parametrize(
    "error",
    [BadRequest("x"), ContentRefused("x"), InvalidReply("x"), ContextTooLong("x")],
    ids=lambda error: type(error).__name__,
)
def test_content_errors_never_reach_the_fallback(error):
    """S1-27: no asking around until one says what was wanted."""
    first, second = Scripted("a", error), Scripted("b")
    with pytest.raises(type(error)):
        ask(in_order(first, second))
    assert second.asked == 0


def test_fallbacks_reply_says_whose_it_is_and_why():
    """S1-27, F9"""
    reply = ask(in_order(Scripted("a", down(3)), Scripted("b", CallTimeout("late")), Scripted("c")))
    assert reply.notes == (
        "its own",
        "answered by the fallback x:c, because x:a failed (provider_down), x:b failed (timeout)",
    )
    assert is_fallback(reply)
    assert reply.tries == 5


def test_first_models_reply_is_no_fallbacks():
    fallback = in_order(Scripted("a"), Scripted("b"))
    reply = ask(fallback)
    assert not is_fallback(reply)
    assert reply.notes == ("its own",)
    assert fallback.answers == [1, 0]


def test_content_error_of_a_fallback_ends_the_call_and_counts_all_tries():
    first, second, third = Scripted("a", down(6)), Scripted("b", BadRequest("no")), Scripted("c")
    with pytest.raises(BadRequest) as caught:
        ask(in_order(first, second, third))
    assert caught.value.tries == 7
    assert third.asked == 0


def test_where_nobody_is_there_the_first_error_surfaces_and_names_the_others():
    late = CallTimeout("late", billed=True)
    with pytest.raises(ProviderDown, match="a is down") as caught:
        ask(in_order(Scripted("a", down(6)), Scripted("b", late)))
    assert str(caught.value) == "a is down. Try later. The fallbacks failed too: x:b (timeout)."
    assert caught.value.tries == 7
    assert caught.value.billed


def test_refused_key_at_the_start_is_told_and_not_papered_over():
    first, second = Scripted("a", AuthFailed("wrong key")), Scripted("b")
    with pytest.raises(AuthFailed):
        ask(in_order(first, second))
    assert second.asked == 0


def test_credit_that_runs_out_in_the_night_is_stood_in_for():
    fallback = in_order(Scripted("a", None, AuthFailed("no credit")), Scripted("b"))
    assert ask(fallback).model == "x:a-2026"
    assert ask(fallback).model == "x:b-2026"


def test_model_that_is_back_is_asked_first_again():
    fallback = in_order(Scripted("a", down()), Scripted("b"))
    assert [ask(fallback).model for _ in range(3)] == ["x:b-2026", "x:a-2026", "x:a-2026"]
    assert fallback.answers == [2, 1]


def test_cancelled_call_does_not_go_to_the_fallback():
    class Hanging(Scripted):
        async def complete(self, call: Call) -> Reply:
            await asyncio.Event().wait()
            return await super().complete(call)

    second = Scripted("b")

    async def go() -> None:
        task = asyncio.create_task(in_order(Hanging("a"), second).complete(make_call(1)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    assert second.asked == 0


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a", "a"), r"fallback 1, x:a, is the model itself\. Name each model once"),
        (("a", "b", "a"), r"fallback 2, x:a, is the model itself"),
        (("a", "b", "b"), r"fallback 2, x:b, is listed twice"),
        ((), "there is no model to ask"),
    ],
)
def test_fallback_that_names_the_model_itself_or_another_twice_is_refused(names, said):
    """Bad input, one clear line, before anything is asked."""
    with pytest.raises(InvalidInput, match=said):
        in_order(*(Scripted(name) for name in names))


def test_same_name_at_another_address_is_another_model():
    here, there = Scripted("a", down()), Scripted("a")
    there.identity = Identity("x", "a", {"base_url": "https://elsewhere/v1"})
    assert is_fallback(ask(in_order(here, there)))


def test_single_model_is_just_asked():
    with pytest.raises(ProviderDown) as caught:
        ask(in_order(Scripted("a", down(2))))
    assert str(caught.value) == "a is down. Try later."
    assert caught.value.tries == 2
