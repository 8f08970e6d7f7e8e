import dataclasses
import json
import threading

import pytest

from tests.engine.calls import answer, make_call, make_calls
from toolkit.bridge import bridge
from toolkit.engine import Run, run_calls
from toolkit.engine.cache import decode, encode, encode_error
from toolkit.engine.fallback import is_fallback
from toolkit.engine.run import current_run
from toolkit.errors import ContentRefused, InvalidInput, ReplayMiss
from toolkit.memory import REPLIES
from toolkit.models import Identity, Reply, Usage, open_model
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


def test_equal_call_that_comes_before_a_reply_is_stored_is_not_asked_again(open_lab):
    """S1-43: where turns do not wait for commits, still nothing is paid twice."""

    async def turns(lab, run):
        token = current_run.set(run)
        cache, call = lab.engine.cache, make_call(1)
        replies = [await cache.complete(call) for _ in range(3)]
        current_run.reset(token)
        await run.written()
        return replies, cache.peek([call])[0]

    with WireServer() as wire:
        lab = open_lab(wire)
        replies, stored = bridge().submit(turns(lab, Run("play", behind=True))).result(30)
        assert wire.requests.total == 1
        assert [one.cached for one in replies] == [False, True, True]
        assert stored


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
        cost=0.00125,
        price_version="genai-prices 0.2.3 2026-11-21",
    )
    back = decode(encode(reply), make_call(1))
    assert {name: getattr(back, name) for name in Reply.__slots__ if name != "cached"} == {
        name: getattr(reply, name) for name in Reply.__slots__ if name != "cached"
    }
    assert back.cached


def test_reply_says_nothing_of_what_is_usual_and_recordings_that_did_are_read_the_same():
    reply = Reply(text='{"choice": "plain"}', model="openai:m", value={"choice": "plain"})
    assert json.loads(encode(reply)) == {"text": reply.text, "model": "openai:m", "usage": {}}
    before = {"text": reply.text, "model": "openai:m", "usage": {}, "finish": "stop"}
    assert decode(json.dumps(before).encode(), make_call(1)) == dataclasses.replace(reply, cached=True)


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


def aged(lab, days, stage="questions"):
    """Make every reply of a stage older."""
    store = lab.memory.store_backend.store
    for entry in list(store.entries(REPLIES)):
        if entry.stage == stage:
            store.put(dataclasses.replace(entry, created=entry.created - days * 86_400)).result()


def test_expired_reply_is_asked_anew_and_a_fresh_one_kept(open_lab):
    """S1-30"""
    with WireServer() as wire:
        lab = open_lab(wire, ttl={"questions": "30 days", "rounds": "1 day"})
        calls = [make_call(1), make_call(2, stage="rounds.director"), make_call(3, stage="personas")]
        answer(lab, calls)
        for stage in ("questions", "rounds.director", "personas"):
            aged(lab, 7, stage)
        assert lab.engine.cache.peek(calls) == [True, False, True]
        answer(lab, calls)
        assert wire.requests.total == 4
        assert lab.engine.cache.peek(calls) == [True, True, True]
        answer(lab, calls)
        assert wire.requests.total == 4


def test_replay_serves_what_has_expired(open_lab):
    with WireServer() as wire:
        lab = open_lab(wire)
        answer(lab, make_calls(2))
        aged(lab, 7)
        lab.close()
        replayed = answer(open_lab(wire, mode="replay", ttl={"questions": "1 day"}), make_calls(2))
        assert all(outcome.ok for outcome in replayed)
        assert wire.requests.total == 2


def test_write_replaces_only_what_has_expired(open_lab):
    with WireServer() as wire:
        lab = open_lab(wire, mode="write", ttl={"questions": "1 day"})
        answer(lab, make_calls(2))
        store = lab.memory.store_backend.store
        before = {entry.key: entry.created for entry in store.entries(REPLIES)}
        answer(lab, make_calls(2))
        assert {entry.key: entry.created for entry in store.entries(REPLIES)} == before
        aged(lab, 7)
        answer(lab, make_calls(2))
        assert wire.requests.total == 6
        assert all(entry.created >= before[entry.key] for entry in store.entries(REPLIES))


@pytest.mark.parametrize("ttl", [{"questions": "soon"}, {"questions": "0 s"}, {"questions": -1}])
def test_ttl_that_is_none_is_one_clear_line_and_makes_no_folder(open_lab, tmp_path, ttl):
    with pytest.raises(InvalidInput, match="the ttl of stage 'questions'") as caught:
        open_lab(None, model="scripted", ttl=ttl)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "study").exists()


def test_ttl_and_limits_come_from_the_environment(open_lab, monkeypatch):
    monkeypatch.setenv("TOOLKIT_TTL", '{"questions": "soon"}')
    with pytest.raises(InvalidInput, match="soon"):
        open_lab(None, model="scripted")
    monkeypatch.setenv("TOOLKIT_TTL", '{"questions": "2 days"}')
    monkeypatch.setenv("TOOLKIT_MEMORY_LIMIT", "lots")
    with pytest.raises(InvalidInput, match="memory_limit is 'lots'"):
        open_lab(None, model="scripted")


def test_memory_limit_of_a_lab_is_kept_to(open_lab, tmp_path):
    """S1-29"""
    with WireServer() as wire:
        lab = open_lab(wire, memory_limit="60 kB", memory_items=5000)
        outcomes = answer(lab, make_calls(400))
        lab.close()
    assert all(outcome.ok for outcome in outcomes)
    assert (tmp_path / "study" / "memory.sqlite").stat().st_size <= 60_000


def test_purge_of_fallbacks_removes_exactly_what_carries_the_mark(open_lab):
    """The issue: ``purge(fallback=True)``; the mark is the note by which ``is_fallback`` knows a reply."""
    busy, spare = open_model("scripted:busy", faults={"provider_down": 0.5}), "scripted:spare"
    lab = open_lab(model=busy, fallbacks=[spare], tries=1)
    outcomes = answer(lab, make_calls(40))
    by_fallback = {outcome.item for outcome in outcomes if is_fallback(outcome.reply)}
    assert 5 < len(by_fallback) < 35
    assert lab.memory.purge(fallback=True, stage="personas") == 0
    assert lab.memory.purge(fallback=True) == len(by_fallback)
    left = {entry.item for entry in lab.memory.store.entries(REPLIES)}
    assert left == {outcome.item for outcome in outcomes} - by_fallback
    assert lab.memory.validate().ok == len(left) == lab.memory.stats().entries


def test_memory_that_is_off_has_nothing_to_purge(open_lab):
    lab = open_lab(model="scripted", mode="off")
    with pytest.raises(InvalidInput, match="memory is off"):
        lab.memory.purge(fallback=True)


def test_capsule_of_sample_replies_is_made_anew_to_the_same_bytes(open_lab, tmp_path):
    """Nothing was asked, so there is no time to keep."""
    replies = {
        "replies": [{"stage": "questions", "items": {f"p{number:04}": {"choice": "bold"} for number in range(5)}}]
    }
    (tmp_path / "sample.yaml").write_text(json.dumps(replies))
    made = []
    for turn in range(2):
        lab = open_lab(model=f"authored:{tmp_path / 'sample.yaml'}", study=tmp_path / f"study{turn}")
        assert all(outcome.ok for outcome in answer(lab, make_calls(5)))
        made.append(lab.freeze(tmp_path / f"{turn}.capsule").read_bytes())
    assert made[0] == made[1]
