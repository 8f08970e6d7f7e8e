"""S1-05: a failure says in one line which stage and item it was, what kind, and why."""

from collections.abc import Callable

import pytest

import toolkit as tk
from tests.engine.calls import answer, make_call, make_calls
from toolkit.errors import CallError, DramatisError, Interrupted, InvalidReply
from toolkit.models import Call, Reply

OpenLab = Callable[..., tk.Lab]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\u2028", "\x0b"])
def test_text_of_an_error_is_one_line_whatever_the_provider_said(newline: str) -> None:
    said = f"openai:m failed:{newline}{newline}  <h1>Bad{newline}gateway</h1>"
    for error in (DramatisError(said, hint=f"Try{newline}later."), CallError(said), Interrupted(said)):
        assert len(str(error).splitlines()) == 1
        assert "failed: <h1>Bad gateway</h1>" in str(error)


@pytest.mark.parametrize("faults", [{"refused": 1.0}, {"provider_down": 1.0}, {"hang": 1.0}, {"malformed": 1.0}])
def test_failures_of_the_engine_carry_stage_and_item(faults: dict[str, float], open_lab: OpenLab) -> None:
    lab = open_lab(model="scripted", faults=faults, tries=1, timeout=0.05)
    for _ in range(2):  # the second time refused replies come from memory
        for outcome in answer(lab, make_calls(3)):
            assert outcome.error is not None
            assert (outcome.error.stage, outcome.error.item) == ("questions", outcome.item)
            assert outcome.error.line().startswith(f"questions {outcome.item} {outcome.kind}: ")
            assert "\n" not in outcome.error.line(trace_ids=True)


def test_reply_that_a_verb_refuses_carries_them_too(open_lab: OpenLab) -> None:
    def refuse(call: Call, reply: Reply) -> None:
        raise InvalidReply(f"{call.item} says nothing", fault="contradiction")

    (outcome,) = answer(open_lab(model="scripted"), [make_call(7)], accept=refuse)
    assert outcome.error is not None
    assert outcome.error.line(trace_ids=True) == (
        f"questions p0007 invalid_reply: p0007 says nothing [request {outcome.error.request_id}]"
    )


def test_request_id_shows_only_where_it_is_asked_for_and_known() -> None:
    """S1-08"""
    error = CallError("no")
    assert error.line(trace_ids=True) == "call_error: no"
    error.request_id = "req_1"
    assert error.line() == "call_error: no"
    assert error.line(trace_ids=True) == "call_error: no [request req_1]"
