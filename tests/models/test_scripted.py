from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from toolkit.errors import BadRequest, CallError, ContentRefused, InvalidInput, InvalidReply, ProviderDown, RateLimited
from toolkit.models import Call, Message, Model, Sampling, Schema, open_model
from toolkit.models.scripted import FAULTS

SCHEMA = Schema(
    "answer",
    {
        "type": "object",
        "properties": {"choice": {"enum": ["plain", "bold"]}, "why": {"type": "string", "maxLength": 120}},
        "required": ["choice", "why"],
        "additionalProperties": False,
    },
)


def _call(text="Which?", **rest):
    return Call((Message("user", (text,)),), **{"schema": SCHEMA, **rest})


def _answer(model, call):
    return asyncio.run(model.complete(call))


def test_it_is_a_model_that_does_not_stand_in_for_people():
    model = open_model("scripted:quick", seed=7)
    assert isinstance(model, Model)
    assert (model.identity.provider, model.identity.model, dict(model.identity.detail)) == (
        "scripted",
        "quick",
        {"seed": 7},
    )
    assert not model.abilities.stands_for_people


def test_same_call_same_bytes_in_another_process():
    """S0-18."""
    code = (
        "import asyncio; from toolkit.models import *; from tests.models.test_scripted import _call; "
        "print(asyncio.run(open_model('scripted', seed=7).complete(_call())).text)"
    )
    there = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    assert there == _answer(open_model("scripted", seed=7), _call()).text


@pytest.mark.parametrize("change", [{"text": "Which one?"}, {"seed": 1}, {"repeat": 1}, {"attempt": 1}])
def test_any_change_of_the_call_may_change_the_answer(change):
    model = open_model("scripted")
    assert _answer(model, _call(**change)).request_id != _answer(model, _call()).request_id


def test_another_seed_gives_other_answers():
    def answers(seed):
        return [_answer(open_model("scripted", seed=seed), _call(f"Question {n}")).text for n in range(8)]

    assert answers(1) != answers(2)


def test_usage_is_a_quarter_of_the_characters():
    reply = _answer(open_model("scripted"), _call("x" * 40, schema=None))
    assert reply.usage.input == 10
    assert reply.usage.output == -(-len(reply.text) // 4)
    assert reply.value is None


def test_max_tokens_cuts_the_text():
    model = open_model("scripted")
    assert _answer(model, _call(schema=None, sampling=Sampling(max_tokens=2))).finish == "length"
    with pytest.raises(InvalidReply, match="cut off") as caught:
        _answer(model, _call(sampling=Sampling(max_tokens=2)))
    assert caught.value.reply.usage.output == 2


def test_logprobs_give_a_distribution_over_the_options():
    reply = _answer(open_model("scripted"), _call(sampling=Sampling(logprobs=5)))
    place = reply.logprobs[1]
    assert {token for token, _ in place} == {"plain", "bold"}
    assert place[0][0] == reply.value["choice"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("rate_limited", RateLimited),
        ("provider_down", ProviderDown),
        ("malformed", InvalidReply),
        ("refused", ContentRefused),
    ],
)
def test_each_fault_raises_its_error(fault, error):
    with pytest.raises(error) as caught:
        _answer(open_model("scripted", faults={fault: 1.0}), _call())
    assert "\n" not in str(caught.value)


def test_a_hang_ends_only_by_cancelling():
    async def study():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(open_model("scripted", faults={"hang": 1.0}).complete(_call()), 0.05)

    asyncio.run(study())


def _kinds(model, calls):
    async def study():
        found = []
        for call in calls:
            for _ in range(3):
                try:
                    found.append((await model.complete(call)).text)
                except CallError as error:
                    found.append(error.kind)
        return found

    return asyncio.run(study())


def test_faults_are_drawn_by_call_and_try_whatever_the_order():
    faults = {"rate_limited": 0.3, "provider_down": 0.2}
    calls = [_call(f"Question {n}") for n in range(100)]
    first = _kinds(open_model("scripted", faults=faults), calls)
    turned = _kinds(open_model("scripted", faults=faults), calls[::-1])
    by_call = [first[at : at + 3] for at in range(0, 300, 3)]
    assert by_call == [turned[at : at + 3] for at in range(0, 300, 3)][::-1]
    assert 60 <= first.count("rate_limited") <= 120
    assert any(tries[0] == "rate_limited" and tries[1].startswith("{") for tries in by_call)


@pytest.mark.parametrize(
    "options",
    [{"faults": {"hangs": 0.1}}, {"faults": {"hang": 1.1}}, {"faults": dict.fromkeys(FAULTS, 0.3)}, {"latency": -1}],
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(InvalidInput):
        open_model("scripted", **options)


def test_schema_that_nothing_satisfies_is_a_bad_request():
    with pytest.raises(BadRequest, match="refused the schema"):
        _answer(open_model("scripted"), _call(schema=Schema("odd", {"type": "integer", "minimum": 2, "maximum": 1})))
