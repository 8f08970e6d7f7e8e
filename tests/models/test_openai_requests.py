"""What is sent and what comes back, through the real client against a real server."""

from __future__ import annotations

import asyncio
import math

import orjson
import pytest

from toolkit.errors import BadRequest, InvalidInput, KeyMissing
from toolkit.media import Image
from toolkit.models import Abilities, Call, Identity, Message, Model, Picture, Sampling, Schema, Usage
from toolkit.models.openai import open_model
from toolkit.testing import WireServer

SCHEMA = Schema(
    "answer",
    {
        "type": "object",
        "properties": {"choice": {"enum": ["plain", "bold"]}, "why": {"type": "string", "maxLength": 120}},
        "required": ["choice", "why"],
        "additionalProperties": False,
    },
)
DOT = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde\x00\x00\x00\x0c"
    b"IDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82"
)


def _call(*parts, **rest):
    messages = (Message("system", ("You are Ada.",)), Message("user", parts or ("Which?",)))
    return Call(messages, **{"schema": SCHEMA, **rest})


def _ask(wire, call, **options):
    async def study():
        name = options.pop("model", "m-1")
        model = open_model(name, **{"base_url": wire.url, "api_key": wire.key, **options})
        try:
            return await model.complete(call)
        finally:
            await model.close()

    return asyncio.run(study())


@pytest.fixture
def wire():
    with WireServer(keep_bodies=True) as server:
        yield server


def test_structured_answer_comes_back_parsed_with_its_books(wire):
    reply = _ask(wire, _call(seed=7))
    assert reply.value == orjson.loads(reply.text)
    assert reply.value["choice"] in {"plain", "bold"}
    assert reply.model == "openai:m-1"
    assert reply.finish == "stop"
    assert reply.request_id.startswith("req_")
    assert reply.usage.input == math.ceil(len("You are Ada.\nWhich?") / 4)
    assert reply.usage.output == math.ceil(len(reply.text) / 4)
    assert reply.started > 0
    assert reply.latency > 0
    assert (reply.tries, reply.notes, reply.logprobs) == (1, (), None)


def test_request_says_what_the_call_says(wire):
    _ask(wire, _call(seed=7, sampling=Sampling(temperature=0.5, top_p=0.9, max_tokens=300, reasoning="low")))
    assert wire.bodies == [
        {
            "model": "m-1",
            "messages": [{"role": "system", "content": "You are Ada."}, {"role": "user", "content": "Which?"}],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": SCHEMA.body, "strict": True},
            },
            "temperature": 0.5,
            "top_p": 0.9,
            "max_tokens": 300,
            "reasoning_effort": "low",
            "seed": 7,
        }
    ]


def test_bound_on_output_has_the_name_the_endpoint_wants(wire):
    call = _call(schema=None, sampling=Sampling(max_tokens=3))
    reply = _ask(wire, call, max_tokens_field="max_completion_tokens")
    assert wire.bodies[0]["max_completion_tokens"] == 3
    assert (reply.finish, reply.usage.output) == ("length", 3)


def test_several_texts_become_one(wire):
    _ask(wire, _call("Which ", "one?"))
    assert wire.bodies[0]["messages"][1]["content"] == "Which one?"


def test_equal_calls_get_equal_answers(wire):
    assert _ask(wire, _call(seed=1)).text == _ask(wire, _call(seed=1)).text


def test_repeat_and_attempt_send_another_seed(wire):
    """A provider that keeps its seeds would give a retest or a retry the same answer again."""
    for change in ({}, {"repeat": 1}, {"attempt": 1}, {"repeat": 1}):
        _ask(wire, _call(seed=2**62 + 5, **change))
    seeds = [body["seed"] for body in wire.bodies]
    assert len(set(seeds)) == 3
    assert seeds[1] == seeds[3]
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_logprobs_come_back_by_token(wire):
    reply = _ask(wire, _call(sampling=Sampling(logprobs=5)))
    assert (wire.bodies[0]["logprobs"], wire.bodies[0]["top_logprobs"]) == (True, 5)
    assert "".join(place[0][0] for place in reply.logprobs) == reply.text
    options = dict(next(place for place in reply.logprobs if len(place) == 2))
    assert set(options) == {"plain", "bold"}
    assert math.isclose(sum(math.exp(p) for p in options.values()), 1.0, abs_tol=1e-4)


def test_logprobs_without_alternatives_give_the_tokens_said(wire):
    reply = _ask(wire, _call(sampling=Sampling(logprobs=0)))
    assert "".join(place[0][0] for place in reply.logprobs) == reply.text


def test_cached_written_and_reasoning_tokens_are_counted(wire):
    """S1-17: a second call with the same long prefix reads it from the provider's cache."""
    prefix = "The same long prefix. " * 300

    async def study():
        model = open_model("m-1", base_url=wire.url, api_key=wire.key, prompt_cache=True)
        first = await model.complete(_call(prefix, "One?", family="f", sampling=Sampling(reasoning="low")))
        second = await model.complete(_call(prefix, "Two?", family="f"))
        await model.close()
        return first.usage, second.usage

    first, second = asyncio.run(study())
    assert (first.cached, first.cache_write, first.reasoning) == (0, first.input, 16)
    assert 1024 <= second.cached < second.input
    assert second.cache_write == second.input - second.cached
    assert first + second == Usage(
        input=first.input + second.input,
        cached=second.cached,
        cache_write=first.cache_write + second.cache_write,
        output=first.output + second.output,
        reasoning=16,
    )


@pytest.mark.parametrize(("family", "length"), [("questions.ask", 13), ("f" * 64, 64), ("f" * 65, 64)])
def test_prompt_cache_key_is_the_family_in_at_most_64_characters(wire, family, length):
    """S0-04."""
    for text in ("One?", "Two?"):
        _ask(wire, _call(text, family=family), prompt_cache=True)
    keys = {body["prompt_cache_key"] for body in wire.bodies}
    assert len(keys) == 1
    assert len(keys.pop()) == length


def test_other_endpoints_never_get_a_prompt_cache_key(wire):
    """S0-05."""
    _ask(wire, _call(family="questions.ask"))
    assert "prompt_cache_key" not in wire.bodies[0]


def test_refused_prompt_cache_key_is_sent_once_and_never_again():
    """S0-05: one resend without it, recorded."""
    with WireServer(refused_parameters=["prompt_cache_key"], keep_bodies=True) as wire:

        async def study():
            model = open_model("m-1", base_url=wire.url, api_key=wire.key, prompt_cache=True)
            replies = [await model.complete(_call(text, family="f")) for text in ("One?", "Two?")]
            await model.close()
            return replies

        first, second = asyncio.run(study())
        assert ["prompt_cache_key" in body for body in wire.bodies] == [True, False, False]
    assert "prompt_cache_key" in first.notes[0]
    assert second.notes == ()


@pytest.mark.parametrize(
    ("name", "word", "sent"),
    [
        ("gpt-5.4", "in_memory", {"prompt_cache_retention": "in_memory"}),
        ("gpt-5.4", "24h", {"prompt_cache_retention": "24h"}),
        ("gpt-5.5", "24h", {"prompt_cache_retention": "24h"}),
        ("gpt-5.5", "in_memory", {}),
        ("gpt-5.6-mini", "in_memory", {"prompt_cache_options": {"mode": "implicit", "ttl": "30m"}}),
        ("gpt-5.6-mini", "24h", {"prompt_cache_options": {"mode": "implicit", "ttl": "30m"}}),
        ("gpt-5-mini", "24h", {}),
        ("gpt-5.4", "off", {}),
        ("gpt-5.6", "off", {}),
    ],
)
def test_retention_is_sent_as_each_model_understands_it(wire, name, word, sent):
    """S0-03: captured requests; off leaves the key out, and the cache key stays."""
    _ask(wire, _call(family="questions.ask"), model=name, prompt_cache=True, retention=word)
    told = {name: value for name, value in wire.bodies[0].items() if name.startswith("prompt_cache")}
    assert told == {"prompt_cache_key": "questions.ask", **sent}


def test_other_endpoints_are_never_told_about_retention(wire):
    """S0-05"""
    _ask(wire, _call(family="questions.ask"), model="gpt-5.4", retention="24h")
    assert not any(name.startswith("prompt_cache") for name in wire.bodies[0])


def test_retention_that_is_no_word_is_one_clear_line():
    """S0-03"""
    with pytest.raises(InvalidInput, match=r"retention is 'in-memory'\. Write \"in_memory\", \"24h\" or \"off\"\."):
        open_model("m", api_key="k", retention="in-memory")


@pytest.mark.parametrize("refused", [["prompt_cache_retention"], ["prompt_cache_retention", "prompt_cache_key"]])
def test_refused_retention_is_left_out_from_then_on_and_told(refused):
    """S0-05: one resend for each parameter that is refused, recorded."""
    with WireServer(refused_parameters=refused, keep_bodies=True) as wire:

        async def study():
            model = open_model("gpt-5.4", base_url=wire.url, api_key=wire.key, prompt_cache=True, retention="24h")
            replies = [await model.complete(_call(text, family="f")) for text in ("One?", "Two?")]
            await model.close()
            return replies, model

        (first, second), model = asyncio.run(study())
        assert len(wire.bodies) == 2 + len(refused)
        assert not any(name in body for body in wire.bodies[len(refused) :] for name in refused)
        assert ("prompt_cache_key" in wire.bodies[-1]) is ("prompt_cache_key" not in refused)
    assert [f"refuses {name};" in " ".join(first.notes) for name in refused] == [True] * len(refused)
    assert second.notes == ()
    assert model.prompt_caching == {"retention": "24h", "sent": {}, "refused": sorted(refused)}
    assert all(any(name in line for line in model.warnings) for name in refused)


def test_refusal_of_something_else_is_not_sent_again():
    with WireServer(refused_parameters=["seed"], keep_bodies=True) as wire:
        with pytest.raises(BadRequest, match="seed"):
            _ask(wire, _call(seed=1, family="f"), model="gpt-5.4", prompt_cache=True, retention="24h")
        assert len(wire.bodies) == 1


def test_pictures_are_sent_as_data_uris_in_their_place(wire):
    """S0-06, S0-19."""
    picture = Picture(Image(DOT, alt="a red dot"), detail="low")
    reply = _ask(wire, _call("Look at ", picture, "and choose."))
    first, image, last = wire.bodies[0]["messages"][1]["content"]
    assert (first["text"], last["text"]) == ("Look at ", "and choose.")
    assert image["image_url"]["url"] == picture.image.normal(1024).data_uri
    assert image["image_url"]["detail"] == "low"
    assert reply.usage.image == 85
    assert reply.notes == ()


def test_model_without_eyes_gets_the_description_and_the_reply_says_so(wire):
    """S0-07."""
    picture = Picture(Image(DOT, alt="a red dot"))
    reply = _ask(wire, _call("Look at ", picture), abilities=Abilities(images=False))
    content = wire.bodies[0]["messages"][1]["content"]
    assert content == f"Look at [image: {picture.image.describe()}; the picture itself was not sent to this model]"
    assert "a red dot" in content
    assert any("picture" in note for note in reply.notes)


def test_what_a_model_cannot_do_is_not_asked_of_it(wire):
    call = _call(seed=1, sampling=Sampling(logprobs=3), schema=None)
    _ask(wire, call, abilities=Abilities(schema=False, logprobs=False, seed=False))
    assert set(wire.bodies[0]) == {"model", "messages"}


def test_identity_holds_no_port_login_or_query():
    def url(base_url):
        return open_model("m", base_url=base_url, api_key="k").identity.detail["base_url"]

    assert url("http://127.0.0.1:8123/v1/") == "http://127.0.0.1/v1"
    assert url("http://[::1]:8123/v1") == "http://[::1]/v1"
    assert url("https://ada:secret@Host.example:8443/v1?version=2") == "https://host.example:8443/v1"
    assert url("https://api.openai.com/v1") == "default"
    assert url(None) == "default"


def test_identity_given_by_a_caller_is_kept():
    mine = Identity("embedded", "smollm2", {"weights": "ab"})
    model = open_model("m", base_url="http://localhost:1/v1", identity=mine)
    assert model.identity is mine
    assert isinstance(model, Model)


def test_default_endpoint_is_spoken_to_in_its_own_words():
    model = open_model("m", api_key="k")
    assert (model._profile.max_tokens_field, model._profile.prompt_cache) == ("max_completion_tokens", True)


def test_missing_key_says_what_to_set_or_use_instead(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("TOOLKIT_OPENAI_API_KEY", raising=False)
    with pytest.raises(KeyMissing) as caught:
        open_model("m")
    for words in ("OPENAI_API_KEY", "TOOLKIT_OPENAI_API_KEY", 'model="embedded"'):
        assert words in str(caught.value)


def test_server_on_this_machine_needs_no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("TOOLKIT_OPENAI_API_KEY", raising=False)
    with WireServer(key=None) as wire:
        assert _ask(wire, _call(), api_key=None).value


def test_toolkits_own_key_comes_before_the_general_one(monkeypatch, wire):
    monkeypatch.setenv("OPENAI_API_KEY", "wrong-key-of-another")
    monkeypatch.setenv("TOOLKIT_OPENAI_API_KEY", wire.key)
    assert _ask(wire, _call(), api_key=None).value


def test_base_url_may_come_from_the_sdks_own_variable(monkeypatch, wire):
    monkeypatch.setenv("OPENAI_BASE_URL", wire.url)
    model = open_model("m", api_key="k")
    assert model.identity.detail["base_url"] == "http://127.0.0.1/v1"


@pytest.mark.parametrize("url", ["127.0.0.1:8000/v1", "ftp://host/v1", "https://", "http://host:99999/v1"])
def test_base_url_that_is_no_web_address_is_refused(url):
    with pytest.raises(InvalidInput, match="is not a web address"):
        open_model("m", base_url=url, api_key="k")


def test_login_in_a_bad_base_url_is_not_repeated():
    with pytest.raises(InvalidInput) as caught:
        open_model("m", base_url="htps://ada:secret@host/v1", api_key="k")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("options", [{"name": " "}, {"name": "m", "timeout": 0}, {"name": "m", "timeout": math.nan}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(InvalidInput):
        open_model(**options, api_key="k")


@pytest.mark.parametrize("key", ["sk-one two-abcdef", "sk-one\ntwo-abcdef", "sk-schlüssel"])
def test_key_that_cannot_be_sent_is_refused_without_showing_it(key):
    with pytest.raises(InvalidInput) as caught:
        open_model("m", api_key=key)
    assert key[3:] not in str(caught.value)


def test_line_break_after_a_key_is_forgiven(wire):
    assert _ask(wire, _call(), api_key=f"{wire.key}\n").value
