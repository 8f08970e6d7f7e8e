import threading

import pytest

from tests.engine.calls import answer, make_call, make_calls
from toolkit.bridge import bridge
from toolkit.engine import Run, run_calls
from toolkit.engine.cache import decode, encode, encode_error
from toolkit.errors import ContentRefused, ReplayMiss
from toolkit.models import Identity, Reply, Usage
from toolkit.testing import WireServer


def test_second_run_asks_nothing_and_replies_are_equal(open_lab):
    """S0-14, S0-18, S2-01"""
    with WireServer() as wire:
        lab = open_lab(wire)
        first = answer(lab, make_calls(20))
        again = answer(lab, make_calls(20))
        assert wire.requests.total == 20
        assert [one.value.text for one in first] == [one.value.text for one in again]
        assert all(type(one.reply) is Reply and one.reply.cached for one in again)
        assert [one.value.value for one in first] == [one.value.value for one in again]


def test_memory_outlives_the_lab(open_lab):
    with WireServer() as wire:
        lab = open_lab(wire)
        answer(lab, make_calls(5))
        lab.close()
        answer(open_lab(wire), make_calls(5))
        assert wire.requests.total == 5


def test_memory_is_kept_apart_by_model_and_shared_by_port(open_lab):
    with WireServer() as one, WireServer() as other:
        answer(open_lab(one), make_calls(3))
        lab = open_lab(other)
        answer(lab, make_calls(3))
        assert other.requests.total == 0
        lab = open_lab(None, model="scripted")
        assert not any(outcome.reply.cached for outcome in answer(lab, make_calls(3)))


@pytest.mark.parametrize(
    ("mode", "asked_again", "kept"),
    [("off", 6, 0), ("read", 3, 3), ("refresh", 6, 3), ("write", 6, 3)],
)
def test_modes_read_and_write_as_documented(open_lab, mode, asked_again, kept):
    """F3"""
    with WireServer() as wire:
        answer(open_lab(wire, mode=mode), make_calls(3))
        answer(open_lab(wire, mode=mode), make_calls(3))
        assert wire.requests.total == asked_again
        lab = open_lab(wire, mode="read")
        held = lab.engine.cache.peek([make_call(number) for number in range(3)])
        assert sum(held) == kept


def test_refresh_serves_what_the_same_run_already_asked(open_lab):
    with WireServer() as wire:
        lab = open_lab(wire, mode="refresh")
        run = Run("ask")
        answer(lab, make_calls(4), run)
        answer(lab, make_calls(4), Run("ask", since=run.since))
        assert wire.requests.total == 4
        answer(lab, make_calls(4))
        assert wire.requests.total == 8


def test_equal_calls_in_flight_are_asked_once(open_lab):
    with WireServer(latency=0.1) as wire:
        lab = open_lab(wire)
        outcomes = answer(lab, [make_call(1) for _ in range(30)])
        assert wire.requests.total == 1
        assert len({outcome.value.text for outcome in outcomes}) == 1
        assert sum(not outcome.reply.cached for outcome in outcomes) == 1


def test_equal_calls_from_many_threads_are_asked_once(open_lab):
    """S0-14"""
    with WireServer(latency=0.1) as wire:
        lab = open_lab(wire)
        results = []
        threads = [threading.Thread(target=lambda: results.extend(answer(lab, make_calls(10)))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wire.requests.total == 10
        assert len(results) == 80
        assert all(outcome.ok for outcome in results)


def test_cancelled_flight_is_taken_over_by_who_waits_for_it(open_lab):
    with WireServer(latency=0.2) as wire:
        lab = open_lab(wire)
        first, second = Run("ask"), Run("ask")
        one = bridge().submit(run_calls(lab.engine, [make_call(1)], first))
        while not wire.requests.total:
            pass
        two = bridge().submit(run_calls(lab.engine, [make_call(1)], second))
        bridge().call(first.stop)
        assert one.result()[0].kind == "not_run"
        assert two.result()[0].ok


def test_refused_reply_is_remembered_as_refused(open_lab):
    """S0-21: paid once, and the same row again; nothing is made up in its place."""
    with WireServer(script=["malformed"]) as wire:
        lab = open_lab(wire)
        first = answer(lab, [make_call(1)])[0]
        again = answer(lab, [make_call(1)])[0]
        assert wire.requests.total == 1
        assert (first.kind, again.kind) == ("invalid_reply", "invalid_reply")
        assert lab.ledger.frame()["status"].tolist() == ["failed", "cached"]


def test_transport_failure_is_not_remembered(open_lab):
    with WireServer(script=["server_error"]) as wire:
        lab = open_lab(wire, tries=1)
        assert answer(lab, [make_call(1)])[0].kind == "provider_down"
        assert answer(lab, [make_call(1)])[0].ok


def test_replay_miss_names_stage_and_item(open_lab):
    with WireServer() as wire:
        answer(open_lab(wire), make_calls(2))
        lab = open_lab(wire, mode="replay")
        assert all(outcome.ok for outcome in answer(lab, make_calls(2)))
        with pytest.raises(ReplayMiss, match="no reply for questions p0007"):
            answer(lab, [make_call(7)])
        assert wire.requests.total == 2


def test_replay_miss_names_the_prompt_that_changed(open_lab):
    with WireServer() as wire:
        answer(open_lab(wire), make_calls(1))
        lab = open_lab(wire, mode="replay")
        changed = make_call(0, seed=99, template="questions.test@2")
        with pytest.raises(ReplayMiss, match=r"questions p0000: the prompt questions\.test changed"):
            answer(lab, [changed])
        with pytest.raises(ReplayMiss, match="other input"):
            answer(lab, [make_call(0, seed=99)])


def test_reply_survives_memory_with_every_field():
    reply = Reply(
        text='{"choice": "plain"}',
        model="openai:m",
        value={"choice": "plain"},
        usage=Usage(10, 4, 1, 2, 5, 3),
        finish="length",
        request_id="req-1",
        started=1.25,
        latency=0.5,
        tries=2,
        logprobs=((("a", -0.1), ("b", -2.0)),),
        notes=("described",),
    )
    back = decode(encode(reply), make_call(1))
    assert {name: getattr(back, name) for name in Reply.__slots__ if name != "cached"} == {
        name: getattr(reply, name) for name in Reply.__slots__ if name != "cached"
    }
    assert back.cached


def test_refusal_survives_memory_with_its_reply():
    reply = Reply(text="I cannot", model="openai:m", usage=Usage(input=9, output=2))
    back = decode(encode_error(ContentRefused("refused", hint="Ask otherwise.", reply=reply)), make_call(1))
    assert isinstance(back, ContentRefused)
    assert (back.message, back.hint, back.reply.usage) == ("refused", "Ask otherwise.", Usage(input=9, output=2))


def test_different_calls_never_share_a_key():
    identity = Identity("openai", "m")
    base = make_call(1)
    variants = [
        base,
        make_call(2),
        make_call(1, seed=5),
        make_call(1, repeat=1),
        make_call(1, attempt=1),
        make_call(1, schema=None),
    ]
    assert len({call.key(identity) for call in variants}) == len(variants)
    assert base.key(identity) != base.key(Identity("openai", "m", {"base_url": "http://elsewhere/v1"}))
    bookkeeping = make_call(1, stage="other", item="x", family="f", template="t@9")
    assert bookkeeping.key(identity) == base.key(identity)
