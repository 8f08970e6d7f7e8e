"""Functions that a model is offered: one call of one of them is the reply, by the provider's own way."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from toolkit.errors import BadRequest, InvalidInput, InvalidReply
from toolkit.models import Abilities, Call, Identity, Message, Schema, Tool, Tools
from toolkit.models._openai_body import body_of
from toolkit.models._openai_reply import Sent, reply_of
from toolkit.models._schema_check import check
from toolkit.models.authored import AuthoredModel
from toolkit.models.openai import open_model as open_endpoint
from toolkit.models.recorded import RecordedModel, described
from toolkit.models.scripted import ScriptedModel
from toolkit.testing import WireServer

NUMBER = Schema(
    "guess",
    {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["n"],
        "additionalProperties": False,
    },
)
COLOUR = Schema(
    "paint",
    {
        "type": "object",
        "properties": {"colour": {"enum": ["red", "blue"]}},
        "required": ["colour"],
        "additionalProperties": False,
    },
)
GUESS, PAINT = Tool(NUMBER, "Guess a number."), Tool(COLOUR, "Paint the wall.")
FORCED = Tools((GUESS, PAINT), choice="guess")
CHOSEN = Tools((GUESS, PAINT))
SENT = Sent(Identity("openai", "m"), None, 1.0, 0.5)


def _call(schema=FORCED, text="Which?", **rest):
    return Call((Message("user", (text,)),), schema=schema, **rest)


def _ask(model, call):
    async def study():
        try:
            return await model.complete(call)
        finally:
            await model.close()

    return asyncio.run(study())


def _endpoint(wire, **options):
    return open_endpoint("m-1", base_url=wire.url, api_key=wire.key, **options)


# --- over the wire ---


def test_forced_function_goes_the_apis_own_way_and_its_arguments_are_the_value():
    """S3-03"""
    with WireServer(keep_bodies=True) as wire:
        reply = _ask(_endpoint(wire), _call())
        body = wire.bodies[0]
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": name, "description": told, "parameters": schema.body, "strict": True},
        }
        for name, told, schema in (("guess", "Guess a number.", NUMBER), ("paint", "Paint the wall.", COLOUR))
    ]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "guess"}}
    assert not {"response_format", "parallel_tool_calls"} & set(body)
    assert reply.value == orjson.loads(reply.text)
    assert 1 <= reply.value["n"] <= 9
    assert reply.finish == "stop"  # OpenAI's word for a function that had to be called


def test_function_that_the_model_chose_comes_with_its_name():
    with WireServer(keep_bodies=True) as wire:
        replies = [_ask(_endpoint(wire), _call(CHOSEN, f"Question {n}?")) for n in range(12)]
        assert {body["tool_choice"] for body in wire.bodies} == {"auto"}
        assert {body["parallel_tool_calls"] for body in wire.bodies} == {False}
    assert {reply.finish for reply in replies} == {"tool_calls"}
    assert {reply.value["name"] for reply in replies} == {"guess", "paint"}
    assert all(check(CHOSEN.json)(reply.value) is None for reply in replies)
    assert all(orjson.loads(reply.text) == reply.value for reply in replies)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("no_call", "calls no functions where it is to call one"),
        ("empty", "calls no functions"),
        ("two_calls", "calls 2 functions"),
        ("other_call", "calls the function 'something_else', which is not asked for"),
        ("malformed", "is not JSON"),
        ("off_schema", "does not fit the schema 'guess'"),
        ("truncated", "was cut off at the token limit"),
    ],
)
def test_reply_that_is_not_the_one_call_is_refused_and_kept(fault, why):
    with WireServer(script=[fault]) as wire, pytest.raises(InvalidReply, match=why) as caught:
        _ask(_endpoint(wire), _call())
    assert caught.value.billed
    assert caught.value.reply.usage.input > 0
    assert caught.value.reply.text or fault == "empty"


def test_model_that_calls_no_functions_is_not_asked():
    with WireServer() as wire:
        with pytest.raises(BadRequest, match=r"m-1 calls no functions\. Ask without tools=True"):
            _ask(_endpoint(wire, abilities=Abilities(tools=False)), _call())
        assert wire.requests.total == 0


def test_model_that_takes_no_schema_may_still_call_functions():
    with WireServer(keep_bodies=True) as wire:
        assert _ask(_endpoint(wire, abilities=Abilities(schema=False)), _call()).value["n"]
        assert "tools" in wire.bodies[0]


# --- what is sent, and the key ---


def test_call_without_functions_has_the_key_it_always_had():
    """Recordings are found by their keys."""
    identity = Identity("openai", "m")
    plain = Schema(NUMBER.name, NUMBER.body)
    assert _call(plain).key(identity) == "073be185eba70382ff5ec9a1dc0c05fa0150542bb45620c2ec259fb5a5e7e73d"
    assert _call(None).key(identity) == "3e96f6de25388e34d85659541142b5947ef045a6d3fc07c590196ad1105afcd7"


def test_functions_their_words_and_the_choice_are_part_of_the_key():
    identity = Identity("openai", "m")
    offers = (
        NUMBER,
        Tools((GUESS,), choice="guess"),
        Tools((GUESS,)),
        FORCED,
        CHOSEN,
        Tools((PAINT, GUESS), choice="guess"),
        Tools((Tool(NUMBER, "Guess."),), choice="guess"),
        None,
    )
    assert len({_call(one).key(identity) for one in offers}) == len(offers)
    assert _call(Tools((GUESS, PAINT))).key(identity) == _call(CHOSEN).key(identity)


def test_order_in_which_a_schema_declares_its_fields_is_kept():
    schema = Schema("f", {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "string"}}})
    profile = open_endpoint("m", api_key="k")._profile
    body = body_of(_call(Tools((Tool(schema, "Do it."),), choice="f")), profile, {})
    assert schema.json in body


@pytest.mark.parametrize(
    ("offered", "choice", "why"),
    [
        ((), "auto", "are \\[\\]"),
        ((GUESS, GUESS), "auto", "are \\['guess', 'guess'\\]"),
        ((GUESS,), "paint", "'paint' is not offered. Choose guess, or auto"),
        ((GUESS, Tool(Schema("r", {"$ref": "#/$defs/x"}), "R.")), "auto", "'r' refers to parts of itself"),
    ],
)
def test_offer_that_makes_no_sense_is_refused(offered, choice, why):
    with pytest.raises(InvalidInput, match=why):
        Tools(offered, choice)


# --- what other servers answer ---


def _read(message, schema=FORCED):
    answer = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}
    return reply_of(_call(schema), orjson.dumps(answer), SENT)


def _calling(name, arguments):
    return {"content": None, "tool_calls": [{"id": "c", "function": {"name": name, "arguments": arguments}}]}


def test_arguments_that_are_no_text_but_an_object_are_read():
    assert _read(_calling("guess", {"n": 3})).text == '{"n":3}'


def test_words_beside_the_call_are_left_out():
    assert _read({**_calling("guess", '{"n": 3}'), "content": "Let me see."}).value == {"n": 3}


def test_chosen_function_is_held_to_its_own_schema():
    assert _read(_calling("paint", '{"colour": "red"}'), CHOSEN).value == {
        "name": "paint",
        "arguments": {"colour": "red"},
    }
    with pytest.raises(InvalidReply, match="does not fit the schema 'paint'"):
        _read(_calling("paint", '{"n": 3}'), CHOSEN)


def test_offered_function_that_was_not_asked_for_is_refused():
    with pytest.raises(InvalidReply, match="calls the function 'paint', which is not asked for") as caught:
        _read(_calling("paint", '{"colour": "red"}'))
    assert caught.value.fault == "schema_mismatch"
    assert "paint" in caught.value.reply.text


@pytest.mark.parametrize("calls", [[None], [{}], [{"function": None}], [{"function": {}}], "x", {"a": 1}])
def test_call_in_no_known_form_is_refused(calls):
    with pytest.raises(InvalidReply, match="calls"):
        _read({"content": None, "tool_calls": calls})


# --- the other models ---


@pytest.mark.parametrize("tools", [FORCED, CHOSEN])
def test_scripted_model_calls_functions(tools):
    replies = [_ask(ScriptedModel(), _call(tools, f"Question {n}?")) for n in range(8)]
    assert all(check(tools.json)(reply.value) is None for reply in replies)


def test_scripted_model_without_functions_refuses():
    with pytest.raises(BadRequest, match="calls no functions"):
        _ask(ScriptedModel(abilities=Abilities(tools=False)), _call())


def test_authored_reply_is_held_to_the_function(tmp_path):
    path = tmp_path / "replies.yaml"
    path.write_text("replies: [{stage: s, items: {a: {n: 4}, b: {n: 40}, c: {name: guess, arguments: {n: 4}}}}]")
    model = AuthoredModel(path)
    assert _ask(model, _call(stage="s", item="a")).value == {"n": 4}
    assert _ask(model, _call(CHOSEN, stage="s", item="c")).value["arguments"] == {"n": 4}
    with pytest.raises(InvalidInput, match="does not fit"):
        _ask(model, _call(stage="s", item="b"))


def test_recording_says_so_where_its_model_called_no_functions():
    """A manifest that says nothing of functions was written before there were any, and stays as it was."""
    able, unable = (described(ScriptedModel(abilities=Abilities(tools=one))) for one in (True, False))
    assert "tools" not in able["abilities"]
    assert [RecordedModel([one]).abilities.tools for one in (able, unable)] == [True, False]
