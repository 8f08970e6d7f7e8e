"""Every way a call can fail, through the real client against a real server."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from email.utils import formatdate

import pytest

from toolkit.errors import (
    AuthFailed,
    BadRequest,
    CallError,
    CallTimeout,
    ContentRefused,
    ContextTooLong,
    InvalidReply,
    ModelUnavailable,
    ProviderDown,
    RateLimited,
)
from toolkit.media import Image
from toolkit.models import Abilities, Call, Message, Picture, Sampling, Tool, Tools
from toolkit.models._openai_errors import retry_after
from toolkit.models.openai import open_model
from toolkit.testing import WIRE_FAULTS, WireServer

from .test_openai_requests import DOT, SCHEMA

PROMPT = "Ada Lovelace told me in confidence that the plain one is better"
KEY = "sk-test-abcdefghijklmnopqrstuvwxyz123456"


OFFERED = Tools((Tool(SCHEMA, "Answer the question."),), choice="answer")


def _call(*parts, **rest):
    return Call((Message("user", parts or (PROMPT,)),), **{"schema": SCHEMA, **rest})


def _fail(wire, call=None, **options):
    async def study():
        model = open_model("m-1", **{"base_url": wire.url, "api_key": wire.key, **options})
        try:
            await model.complete(call or _call())
        finally:
            await model.close()

    with pytest.raises(CallError) as caught:
        asyncio.run(study())
    return caught.value


EXPECTED = {
    "rate_limited": (RateLimited, False),
    "no_quota": (AuthFailed, False),
    "server_error": (ProviderDown, False),
    "unavailable": (ProviderDown, False),
    "drop": (ProviderDown, True),
    "drop_mid": (ProviderDown, True),
    "hang": (CallTimeout, True),
    "garbage": (ProviderDown, True),
    "disguised": (ProviderDown, False),
    "malformed": (InvalidReply, True),
    "truncated": (InvalidReply, True),
    "off_schema": (InvalidReply, True),
    "empty": (InvalidReply, True),
    "no_call": (InvalidReply, True),
    "two_calls": (InvalidReply, True),
    "other_call": (InvalidReply, True),
    "refusal": (ContentRefused, True),
    "content_filter": (ContentRefused, True),
    "filtered_prompt": (ContentRefused, False),
    "context": (ContextTooLong, False),
    "bad_schema": (BadRequest, False),
    "unauthorized": (AuthFailed, False),
    "forbidden": (AuthFailed, False),
    "no_model": (ModelUnavailable, False),
}


def test_every_fault_of_the_wire_is_expected():
    assert set(EXPECTED) == set(WIRE_FAULTS)


@pytest.mark.parametrize("fault", EXPECTED)
def test_each_fault_becomes_its_error(fault):
    """One line that names provider and model, a next step, the request's id; never the key or the prompt."""
    kind, billed = EXPECTED[fault]
    with WireServer(key=KEY, script=[fault]) as wire:
        call = _call(schema=OFFERED) if fault.endswith(("_call", "_calls")) else None
        error = _fail(wire, call, timeout=0.3 if fault == "hang" else 60.0)
        assert wire.requests.total == 1
    assert type(error) is kind
    assert error.billed is billed
    assert "openai:m-1" in error.message
    assert error.hint
    if fault not in {"drop", "drop_mid", "hang"}:
        assert error.request_id.startswith("req_")
    shown = "".join(traceback.format_exception(error))
    assert "\n" not in str(error)
    assert KEY not in shown
    assert PROMPT not in shown


@pytest.mark.parametrize("fault", ["malformed", "truncated", "off_schema", "empty", "refusal", "content_filter"])
def test_refused_reply_is_kept_so_that_its_tokens_can_be_booked(fault):
    with WireServer(script=[fault]) as wire:
        error = _fail(wire)
    assert error.reply.usage.input > 0
    assert error.reply.request_id == error.request_id
    if fault not in {"empty", "content_filter"}:
        assert error.reply.text


def test_text_of_an_invalid_reply_stands_in_no_message():
    with WireServer(script=["malformed"]) as wire:
        error = _fail(wire)
    assert error.reply.text[:40] not in str(error)


def test_a_reply_cut_at_the_token_limit_says_so():
    with WireServer() as wire:
        error = _fail(wire, _call(sampling=Sampling(max_tokens=2)))
    assert isinstance(error, InvalidReply)
    assert "token limit" in str(error)
    assert "max_tokens" in error.hint


def test_empty_reply_without_a_schema_is_invalid():
    with WireServer(script=["empty"]) as wire:
        assert "is empty" in str(_fail(wire, _call(schema=None)))


def test_schema_the_provider_refuses_is_named():
    with WireServer(script=["bad_schema"]) as wire:
        assert "the schema 'answer'" in str(_fail(wire))


def test_parameter_the_provider_refuses_is_named():
    with WireServer(refused_parameters=["seed"]) as wire:
        error = _fail(wire, _call(seed=3))
    assert isinstance(error, BadRequest)
    assert "'seed'" in str(error)


def test_pictures_refused_with_a_server_error_are_not_retried():
    """llama.cpp answers HTTP 500 to a picture; trying again would never help."""
    with WireServer(images=False) as wire:
        error = _fail(wire, _call(Picture(Image(DOT))))
    assert isinstance(error, BadRequest)
    assert "images=False" in error.hint


def test_pictures_described_in_words_are_not_refused():
    with WireServer(images=False) as wire:

        async def study():
            model = open_model("m", base_url=wire.url, api_key=wire.key, abilities=Abilities(images=False))
            reply = await model.complete(_call(Picture(Image(DOT))))
            await model.close()
            return reply

        assert asyncio.run(study()).value


def test_context_overflow_is_told_apart():
    with WireServer(context=5) as wire:
        assert isinstance(_fail(wire), ContextTooLong)


def test_unknown_model_and_wrong_key():
    with WireServer(models=["other"]) as wire:
        assert isinstance(_fail(wire), ModelUnavailable)
        wrong = "sk-wrong-abcdefghijklmnopqrstuvwxyz1"
        error = _fail(wire, api_key=wrong)
        assert isinstance(error, AuthFailed)
        assert wrong not in "".join(traceback.format_exception(error))


def test_nobody_listening_is_a_provider_that_is_down_and_cost_nothing():
    with WireServer() as wire:
        pass
    error = _fail(wire)
    assert isinstance(error, ProviderDown)
    assert not error.billed


def test_provider_message_that_quotes_the_prompt_is_left_out():
    """The wire server names an unknown model; here the model's name is a piece of the prompt."""
    with WireServer(models=["other"]) as wire:

        async def study():
            model = open_model(PROMPT, base_url=wire.url, api_key=wire.key)
            with pytest.raises(ModelUnavailable) as caught:
                await model.complete(_call())
            await model.close()
            return caught.value

        assert "quotes the prompt" in asyncio.run(study()).message


def test_nothing_of_prompt_or_key_is_logged(caplog):
    with caplog.at_level(logging.DEBUG), WireServer(key=KEY, script=["server_error"]) as wire:
        _fail(wire)
    assert PROMPT not in caplog.text
    assert KEY not in caplog.text


def test_rate_limit_carries_the_wait_the_provider_asks_for():
    with WireServer(script=["rate_limited", "unavailable"], retry_after=1.5) as wire:
        assert _fail(wire).retry_after == 1.5
        assert _fail(wire).retry_after == 1.5


def test_rate_limit_wait_may_be_a_date():
    with WireServer(script=["rate_limited"], retry_after=formatdate(time.time() + 30, usegmt=True)) as wire:
        assert 25 < _fail(wire).retry_after <= 30


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers, seconds):
    assert retry_after(headers) == seconds
