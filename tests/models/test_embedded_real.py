"""The embedded model itself: real weights, the real server, the real adapter."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import PIL.Image
import pytest

from toolkit.errors import ContextTooLong, InvalidReply, ProviderDown
from toolkit.media import Image
from toolkit.models import embedded, weights
from toolkit.models._embedded_server import shared
from toolkit.models.call import Call, Message, Picture, Sampling, Schema

pytestmark = pytest.mark.embedded

QUESTION = "Which tea does Ann, 42, nurse in Ohio, buy: Plain Tea for $2.00 or Hill Tea for $6.50? Say why."
ANSWER = {
    "type": "object",
    "properties": {
        "choice": {"type": "string", "enum": ["Plain Tea", "Hill Tea"]},
        "why": {"type": "string", "maxLength": 60},
    },
    "required": ["choice", "why"],
    "additionalProperties": False,
}
LINUX = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")


@pytest.fixture(autouse=True)
def _needs_weights():
    if weights.weights_path() is None:
        pytest.skip("the embedded model's weights are not installed: run `toolkit model install`")
    pytest.importorskip("xllamacpp")


@pytest.fixture(scope="module")
def one():
    """One model for the tests that only ask: the process starts once for all of them."""
    if weights.weights_path() is None:
        pytest.skip("the embedded model's weights are not installed: run `toolkit model install`")
    model = embedded.open_model()
    yield model
    asyncio.run(model.close())


@pytest.fixture
def two():
    """Two models that no other test shares a process with: their context is another."""
    models = [embedded.open_model(context=1024) for _ in range(2)]
    yield models
    for model in models:
        asyncio.run(model.close())


def ask(text=QUESTION, schema=None, seed=7, **sampling):
    named = Schema("answer", schema) if schema else None
    sampling.setdefault("max_tokens", 100)
    return Call((Message("user", (text,)),), schema=named, seed=seed, sampling=Sampling(**sampling))


def answer(model, *calls):
    async def go():
        return await asyncio.gather(*(model.complete(call) for call in calls))

    return asyncio.run(go())


def server_of(model):
    return shared(model._order, model)


def ended(pid, seconds=20.0):
    """Wait until no process has this id; a zombie counts as ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


# --- answers ---


def test_it_answers_under_a_schema_with_usage_and_its_name(one):
    (reply,) = answer(one, ask(schema=ANSWER))
    assert reply.value["choice"] in ANSWER["properties"]["choice"]["enum"]
    assert len(reply.value["why"]) <= 60
    assert reply.model == "embedded:smollm2-135m"
    assert reply.usage.input > 10
    assert reply.usage.output > 5
    assert (reply.finish, reply.cached) == ("stop", False)


@pytest.mark.parametrize(
    "inner",
    [
        {"type": "integer", "minimum": -3, "maximum": 105},
        {"type": "number", "minimum": 0, "maximum": 10, "multipleOf": 0.5},
        {"type": "boolean"},
        {"type": "string", "enum": ["It is \u201cok\u201d, 5 €", '日本 "q" \\ back']},
        {"type": "string", "minLength": 20, "maxLength": 25},
        {"type": "string", "pattern": "^I [a-z ]{5,20}\\.$"},
        {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "minItems": 2, "maxItems": 3},
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 9}, {"type": "null"}]},
        {"type": "object", "properties": {"x": {"const": 4}}, "required": ["x"], "additionalProperties": False},
    ],
    ids=lambda inner: inner.get("type", "anyOf") + "-" + "-".join(sorted(set(inner) - {"type"})),
)
def test_the_grammar_holds_the_words_our_answer_types_use(one, inner):
    """The adapter checks each reply against its schema and raises; here nothing may raise."""
    schema = {"type": "object", "properties": {"it": inner}, "required": ["it"], "additionalProperties": False}
    replies = answer(one, *(ask(schema=schema, seed=seed, temperature=1.0) for seed in (1, 2)))
    assert all("it" in reply.value for reply in replies)
    assert all("\n" not in reply.text for reply in replies)


def test_a_word_the_grammar_does_not_know_leaves_the_rest_in_force(one):
    """llama.cpp would answer in free text; here what comes is JSON, and what breaks the word is refused, S0-20."""
    members = {"type": "array", "items": {"type": "string", "enum": ["a", "b", "c"]}, "minItems": 3, "maxItems": 3}
    members["uniqueItems"] = True
    schema = {"type": "object", "properties": {"it": members}, "required": ["it"], "additionalProperties": False}
    for seed in range(4):
        try:
            (reply,) = answer(one, ask(schema=schema, seed=seed, temperature=1.0))
        except InvalidReply as error:
            reply = error.reply
        assert set(json.loads(reply.text)["it"]) <= {"a", "b", "c"}


@pytest.mark.slow
def test_a_reply_without_bounds_ends(one):
    (reply,) = answer(one, ask("Count to one million, one number a line: 1, 2, 3,", max_tokens=None, temperature=0.0))
    assert reply.usage.output <= 512


def test_the_same_seed_gives_the_same_bytes_whatever_was_asked_before(one):
    """S0-18: also when the prompt's beginning is in the server's prefix cache."""
    (first,) = answer(one, ask(schema=ANSWER, temperature=1.0))
    answer(one, ask("Something else entirely, about the weather in Ohio.", temperature=1.0))
    (second,) = answer(one, ask(schema=ANSWER, temperature=1.0))
    (third,) = answer(one, ask(schema=ANSWER, temperature=1.0))
    assert third.usage.cached > second.usage.cached
    assert first.text == second.text == third.text


def test_another_seed_gives_another_answer(one):
    replies = answer(
        one, *(ask("Tell me about yourself.", seed=seed, max_tokens=30, temperature=1.0) for seed in (1, 2))
    )
    assert replies[0].text != replies[1].text


def test_restart_and_threads_do_not_change_a_byte(two):
    """S0-18."""
    (before,) = answer(two[0], ask(schema=ANSWER, temperature=1.0))
    asyncio.run(two[0].close())
    (after,) = answer(two[0], ask(schema=ANSWER, temperature=1.0))
    more = embedded.open_model(context=1024, threads=2)
    (threaded,) = answer(more, ask(schema=ANSWER, temperature=1.0))
    asyncio.run(more.close())
    assert before.text == after.text == threaded.text
    assert before.model == threaded.model


def test_log_probabilities_start_with_the_answer_itself(one):
    schema = {"type": "object", "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}}}
    schema |= {"required": ["score"], "additionalProperties": False}
    (reply,) = answer(one, ask(schema=schema, logprobs=5))
    assert all(len(place) == 5 for place in reply.logprobs)
    assert all(value <= 0 for place in reply.logprobs for _, value in place)
    assert reply.text.startswith("{")  # no code fence before it
    assert len(reply.logprobs) <= reply.usage.output


def test_a_picture_is_described_and_the_reply_says_so(one):
    picture = Picture(Image(PIL.Image.new("RGB", (40, 20), "red"), alt="A red tin of tea"))
    call = Call((Message("user", (picture, "What is it?")),), seed=1, sampling=Sampling(max_tokens=5))
    (reply,) = answer(one, call)
    assert any("described in words" in note for note in reply.notes)


def test_a_prompt_beyond_the_context_is_named(one):
    with pytest.raises(ContextTooLong):
        answer(one, ask("word " * 3000))


def test_four_calls_at_once_all_come_back(one):
    replies = answer(one, *(ask(f"{QUESTION} ({number})", schema=ANSWER) for number in range(4)))
    assert [reply.value["choice"] in ANSWER["properties"]["choice"]["enum"] for reply in replies] == [True] * 4


def test_a_cancelled_call_frees_the_model_for_the_next(one):
    async def go():
        long = asyncio.create_task(one.complete(ask("Tell a long story.", max_tokens=1900, temperature=1.0)))
        await asyncio.sleep(1.0)
        long.cancel()
        # Alone the story would take half a minute.
        return await asyncio.wait_for(one.complete(ask("Hello", max_tokens=5)), 15)

    assert asyncio.run(go()).usage.output <= 5


def test_one_model_serves_one_loop_after_another(one):
    assert answer(one, ask(max_tokens=5))[0].text == answer(one, ask(max_tokens=5))[0].text


# --- the door ---


def test_the_server_answers_nobody_without_the_key_and_tells_no_path(one):
    answer(one, ask(max_tokens=1))
    server = server_of(one)
    address = asyncio.run(server.address())
    assert address.startswith("http://127.0.0.1:")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address}/v1/chat/completions", data=b"{}", timeout=10)  # noqa: S310  # loopback
    assert refused.value.code == 401
    refused.value.close()
    request = urllib.request.Request(  # noqa: S310  # loopback
        f"{address}/v1/models", headers={"Authorization": f"Bearer {server.key}", "Origin": "http://127.0.0.1:8888"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  # loopback
        assert response.headers["Access-Control-Allow-Origin"] == "https://closed.invalid"
        assert str(weights.weights_path().parent).encode() not in response.read()


# --- one process, its life and its end ---


@LINUX
def test_two_models_share_one_process_until_the_last_closes(two):
    answer(two[0], ask(max_tokens=3))
    answer(two[1], ask(max_tokens=3))
    server = server_of(two[0])
    assert server_of(two[1]) is server
    asyncio.run(two[0].close())
    assert answer(two[1], ask(max_tokens=3))[0].usage.output == 3
    assert server_of(two[1]) is server
    asyncio.run(two[1].close())
    assert ended(server.pid)


@LINUX
def test_a_process_that_was_killed_is_started_again_by_the_next_call(two):
    (before,) = answer(two[0], ask(max_tokens=10))
    server = server_of(two[0])
    os.kill(server.pid, signal.SIGKILL)
    assert asyncio.run(server.gone(20))
    (after,) = answer(two[0], ask(max_tokens=10))
    assert server_of(two[0]) is not server
    assert before.text == after.text


@LINUX
def test_a_call_whose_process_dies_says_so_and_may_be_retried(two):
    async def go():
        await two[0].complete(ask(max_tokens=1))
        call = asyncio.create_task(two[0].complete(ask("Tell a long story.", max_tokens=900, temperature=1.0)))
        await asyncio.sleep(0.5)
        os.kill(server_of(two[0]).pid, signal.SIGKILL)
        with pytest.raises(ProviderDown, match=r"process ended during the call \(exit code -9\)"):
            await call
        return await two[0].complete(ask(max_tokens=1))

    assert asyncio.run(go()).usage.output == 1


PARENT = """
import asyncio, os, sys, time, warnings
from toolkit.models import embedded
from toolkit.models._embedded_server import shared
from toolkit.models.call import Call, Message, Sampling
model = embedded.open_model()
call = Call((Message("user", ("Hello",)),), seed=1, sampling=Sampling(max_tokens=3))
def ask():
    return asyncio.run(model.complete(call)).text
def pid():
    return shared(model._order, model).pid
ask()
"""


@LINUX
@pytest.mark.parametrize("fork", [False, True], ids=["alone", "with-a-fork-that-holds-the-pipes"])
def test_the_child_is_gone_after_kill_9_of_its_parent(fork):
    code = PARENT + (
        """
warnings.simplefilter("ignore")
forked = os.fork()
if forked == 0:
    time.sleep(600)
print(pid(), forked, flush=True)
time.sleep(600)
"""
        if fork
        else "print(pid(), 0, flush=True)\ntime.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child, forked = (int(one) for one in parent.stdout.readline().split())
    try:
        assert Path(f"/proc/{child}").exists()
        parent.kill()
        parent.wait()
        assert ended(child)
    finally:
        if forked:
            os.kill(forked, signal.SIGKILL)
        parent.stdout.close()


@LINUX
def test_an_interrupt_of_the_whole_group_leaves_the_model_running():
    """A notebook's stop button signals the kernel's process group."""
    code = f"""
import signal
{PARENT}
before = pid()
def caught(*_): pass
signal.signal(signal.SIGINT, caught)
os.killpg(0, signal.SIGINT)
time.sleep(0.3)
ask()
print(before == pid())
"""
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, capture_output=True, text=True, check=False, start_new_session=True, timeout=120)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_nothing_is_printed_and_a_proxy_does_not_matter():
    """A proxy set for the outside world does not stand between this process and its child."""
    environment = {**os.environ, "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    line = [sys.executable, "-W", "error", "-c", PARENT]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
