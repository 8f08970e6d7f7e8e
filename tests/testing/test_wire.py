from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from openai import AsyncOpenAI, BadRequestError, DefaultAioHttpClient, OpenAI

from toolkit.errors import CallError, InvalidInput
from toolkit.models import Call, Message, Schema
from toolkit.models.openai import open_model
from toolkit.testing import WIRE_FAULTS, FakeClock, WireProcess, WireServer

SCHEMA = Schema("answer", {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})


def _call(text="Which?", **rest):
    return Call((Message("user", (text,)),), **{"schema": SCHEMA, **rest})


def _kinds(wire, calls, *, at_once=1, tries=1, model="m-1"):
    """Return text or kind of failure for each try of each call."""

    async def study():
        opened = open_model(model, base_url=wire.url, api_key=wire.key)
        gate = asyncio.Semaphore(at_once)

        async def once(call):
            try:
                return (await opened.complete(call)).text
            except CallError as error:
                return error.kind

        async def one(call):
            async with gate:
                return [await once(call) for _ in range(tries)]

        found = await asyncio.gather(*map(one, calls))
        await opened.close()
        return found

    return asyncio.run(study())


def _raw(wire, data, *, pieces=1):
    """Send bytes, in pieces, and return everything that comes back until the server closes or pauses."""
    port = int(wire.url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
        step = math.ceil(len(data) / pieces)
        for at in range(0, len(data), step):
            link.sendall(data[at : at + step])
        link.shutdown(socket.SHUT_WR)
        found = b""
        while piece := link.recv(65536):
            found += piece
        return found


def _request(body, *, key="wire-key", path="/v1/chat/completions", extra=""):
    head = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n{extra}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Which?"}]}).encode()


def test_plain_openai_clients_work_with_it():
    with WireServer() as wire:
        with OpenAI(base_url=wire.url, api_key=wire.key, max_retries=0) as client:
            answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Which?"}])
            assert answer.choices[0].message.content.endswith(".")
            assert answer._request_id.startswith("req_")
            assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
            assert [one.id for one in client.models.list()] == ["wire"]

        async def study():
            async with AsyncOpenAI(
                base_url=wire.url, api_key=wire.key, max_retries=0, http_client=DefaultAioHttpClient()
            ) as client:
                return await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Which?"}])

        assert asyncio.run(study()).choices[0].message.content == answer.choices[0].message.content


@pytest.mark.parametrize(
    ("choice", "finish"),
    [
        ({"type": "function", "function": {"name": "guess"}}, "stop"),
        ("auto", "tool_calls"),
        ("required", "tool_calls"),
        ("none", "stop"),
    ],
)
def test_plain_openai_client_has_its_function_called(choice, finish):
    """What OpenAI says at the end: ``stop`` of a function that was named, else ``tool_calls``."""
    function = {"name": "guess", "description": "Guess.", "parameters": dict(SCHEMA.body), "strict": True}
    with WireServer() as wire, OpenAI(base_url=wire.url, api_key=wire.key, max_retries=0) as client:
        answer = client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "Which?"}],
            tools=[{"type": "function", "function": function}],
            tool_choice=choice,
        )
    said = answer.choices[0]
    assert said.finish_reason == finish
    if choice == "none":
        assert (said.message.tool_calls, bool(said.message.content)) == (None, True)
        return
    (call,) = said.message.tool_calls
    assert (call.type, call.function.name, said.message.content) == ("function", "guess", None)
    assert isinstance(json.loads(call.function.arguments)["n"], int)


def test_function_that_is_not_offered_cannot_be_asked_for():
    function = {"name": "guess", "parameters": dict(SCHEMA.body)}
    with (
        WireServer() as wire,
        OpenAI(base_url=wire.url, api_key=wire.key, max_retries=0) as client,
        pytest.raises(BadRequestError, match="'paint' not found in 'tools'"),
    ):
        client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "Which?"}],
            tools=[{"type": "function", "function": function}],
            tool_choice={"type": "function", "function": {"name": "paint"}},
        )


def test_every_request_is_counted_by_its_canonical_body():
    with WireServer() as wire:
        _kinds(wire, [_call(), _call(), _call(seed=1)])
        assert wire.requests.total == 3
        assert sorted(wire.requests.by_digest.values()) == [1, 2]
        assert wire.requests.delivered == 3
        assert wire.requests.by_status == {200: 3}


def test_prompt_cache_key_changes_neither_digest_nor_answer():
    with WireServer() as wire:

        async def study():
            texts = []
            for cache in (True, False):
                model = open_model("m", base_url=wire.url, api_key=wire.key, prompt_cache=cache)
                texts.append((await model.complete(_call(family="f"))).text)
                await model.close()
            return texts

        assert len(set(asyncio.run(study()))) == 1
        assert len(wire.requests.by_digest) == 1


def test_faults_depend_on_request_and_occurrence_only():
    """The same study meets the same faults whatever the order and however many calls run at once."""
    options = {"faults": {"rate_limited": 0.2, "server_error": 0.1, "malformed": 0.1, "drop": 0.05}, "seed": 5}
    calls = [_call(f"Question {n}") for n in range(60)]
    with WireServer(**options) as wire:
        first = _kinds(wire, calls, tries=3)
        assert wire.requests.faults["rate_limited"] > 0
    with WireServer(**options) as wire:
        again = _kinds(wire, calls[::-1], at_once=16, tries=3)
    assert first == again[::-1]
    assert any("rate_limited" in one and "provider_down" in one for one in zip(*first, strict=True))


def test_another_seed_meets_other_faults_and_gives_other_answers():
    calls = [_call(f"Question {n}") for n in range(40)]
    found = []
    for seed in (1, 2):
        with WireServer(seed=seed, faults={"rate_limited": 0.3}) as wire:
            found.append(_kinds(wire, calls))
    assert found[0] != found[1]


def test_script_comes_first_and_in_order():
    with WireServer(script=["rate_limited", "ok", "server_error"]) as wire:
        kinds = [one[0] for one in _kinds(wire, [_call()] * 4)]
    assert kinds[0::2] == ["rate_limited", "provider_down"]
    assert kinds[1] == kinds[3]


def test_request_ceiling_counts_a_sliding_window_and_says_when_to_come_back():
    clock = FakeClock()
    with WireServer(rpm=3, window=60.0, clock=clock) as wire:
        assert [one[0] for one in _kinds(wire, [_call()] * 5)].count("rate_limited") == 2
        asyncio.run(clock.advance(59))
        assert _kinds(wire, [_call()]) == [["rate_limited"]]
        found = _raw(wire, _request(BODY)).decode()
        assert "HTTP/1.1 429" in found
        assert "retry-after: 1.000" in found
        assert "x-ratelimit-limit-requests: 3" in found
        assert "x-ratelimit-remaining-requests: 0" in found
        asyncio.run(clock.advance(1))
        assert _kinds(wire, [_call()]) != [["rate_limited"]]


def test_outage_is_by_model_and_ends():
    clock = FakeClock()
    with WireServer(outages={"m-1": [(10, 20)]}, clock=clock) as wire:
        assert _kinds(wire, [_call()]) != [["provider_down"]]
        asyncio.run(clock.advance(10))
        assert _kinds(wire, [_call()]) == [["provider_down"]]
        assert _kinds(wire, [_call()], model="m-2") != [["provider_down"]]
        asyncio.run(clock.advance(10))
        assert _kinds(wire, [_call()]) != [["provider_down"]]


def test_latency_is_waited_for_and_drawn_by_seed():
    with WireServer(latency=0.3) as wire:
        _kinds(wire, [_call(f"{n}") for n in range(8)], at_once=8)
        assert 2 <= wire.requests.peak <= 8
    with WireServer(latency=(0.2, 0.8), seed=3) as wire:
        drawn = sorted(wire._weather.delay(f"{n}", 1) for n in range(2001))
        assert 0.18 < drawn[1000] < 0.22
        assert 0.7 < drawn[1900] < 0.9
        assert wire._weather.delay("a", 1) == wire._weather.delay("a", 1) != wire._weather.delay("a", 2)


@pytest.mark.parametrize("body", [b"not json", b"[]", b"{}", b'{"messages": [{}]}', b'{"messages": 3}'])
def test_body_that_is_no_chat_request_is_refused(body):
    with WireServer() as wire:
        assert b"HTTP/1.1 400" in _raw(wire, _request(body))


def test_wrong_key_and_unknown_path_are_refused():
    with WireServer() as wire:
        assert b"HTTP/1.1 401" in _raw(wire, _request(BODY, key="other"))
        assert b"HTTP/1.1 404" in _raw(wire, _request(BODY, path="/v1/other"))
        assert wire.requests.total == 0


def test_schema_that_nothing_satisfies_is_refused_by_name():
    with WireServer() as wire:
        assert _kinds(wire, [_call(schema=Schema("odd", {"type": "nothing"}))]) == [["bad_request"]]


def test_requests_in_pieces_or_piled_up_are_read_right():
    with WireServer() as wire:
        assert _raw(wire, _request(BODY), pieces=20).count(b"HTTP/1.1 200 OK") == 1
        assert _raw(wire, _request(BODY) * 3).count(b"HTTP/1.1 200 OK") == 3
        assert wire.requests.total == 4


def test_expectation_and_closing_are_honoured():
    with WireServer() as wire:
        port = int(wire.url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
            head, body = _request(BODY, extra="expect: 100-continue\r\nconnection: close\r\n").split(b"\r\n\r\n")
            link.sendall(head + b"\r\n\r\n")
            assert link.recv(100).startswith(b"HTTP/1.1 100")
            link.sendall(body)
            found = b""
            while piece := link.recv(65536):
                found += piece
        assert b"200 OK" in found


@pytest.mark.parametrize("head", ["transfer-encoding: chunked", "content-length: many"])
def test_bodies_without_a_plain_length_are_refused(head):
    with WireServer() as wire:
        assert b"411" in _raw(wire, f"POST /v1/chat/completions HTTP/1.1\r\n{head}\r\n\r\n".encode())


def test_endless_head_is_cut_off():
    with WireServer() as wire:
        try:
            found = _raw(wire, b"x" * 200_000)
        except OSError:  # reset, or gone before the end was said
            found = b""
        assert found == b""
        assert wire.requests.total == 0
        assert b"200 OK" in _raw(wire, _request(BODY))


def test_stats_are_served_without_a_key():
    with WireServer() as wire:
        _kinds(wire, [_call()])
        port = int(wire.url.split(":")[2].split("/")[0])
        link = HTTPConnection("127.0.0.1", port)
        link.request("GET", "/stats")
        stats = json.load(link.getresponse())
        link.close()
    assert (stats["total"], stats["delivered"], stats["peak"]) == (1, 1, 1)


def test_taken_port_is_said_plainly():
    with WireServer() as wire:
        port = int(wire.url.split(":")[2].split("/")[0])
        with pytest.raises(InvalidInput, match=f"port {port}"):
            WireServer(port=port).start()


@pytest.mark.parametrize("options", [{"faults": {"flood": 1}}, {"script": ["flood"]}, {"faults": {"drop": 2}}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(InvalidInput):
        WireServer(**options)


def test_server_stops_with_calls_in_flight():
    with WireServer(script=["hang"]) as wire:

        async def study():
            model = open_model("m", base_url=wire.url, api_key=wire.key)
            task = asyncio.create_task(model.complete(_call()))
            while wire.requests.in_flight < 1:  # noqa: ASYNC110  # the server counts on a thread of its own
                await asyncio.sleep(0.005)
            await asyncio.to_thread(wire.stop)
            with pytest.raises(CallError) as caught:
                await task
            await model.close()
            return caught.value.kind

        assert asyncio.run(study()) == "provider_down"
        assert wire.requests.delivered == 0
    wire.stop()


def test_process_serves_the_same_bytes_and_counts():
    call = _call()
    with WireServer(seed=3) as wire:
        here = _kinds(wire, [call])
    with WireProcess(seed=3, faults={"drop": 0.0}, latency=[0.001, 0.002]) as wire:
        assert _kinds(wire, [call]) == here
        assert wire.stats()["total"] == 1
    wire.stop()


@pytest.mark.parametrize("options", [{"faults": {"flood": 1}}, {"flood": True}])
def test_process_that_cannot_start_says_why(options):
    with pytest.raises(InvalidInput, match="flood"):
        WireProcess(**options).start()


def test_program_refuses_options_that_are_not_json():
    for options in ("{", "[1]"):
        command = [sys.executable, "-m", "toolkit.testing.wire", "--options", options]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == 2
        assert ended.stdout == ""
        assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="orphans keep their parent's id there")
def test_process_goes_when_its_parent_is_killed():
    code = "import sys, time; from toolkit.testing import WireProcess; w = WireProcess().start(); "
    code += "print(w._process.pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    for _ in range(500):
        if not _alive(child):
            break
        time.sleep(0.02)
    assert not _alive(child)


def _alive(pid):
    """Tell whether a process runs; a zombie nobody has waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_every_fault_says_what_it_looks_like():
    assert all(WIRE_FAULTS.values())
