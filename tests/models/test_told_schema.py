"""Models without structured output: the schema is told in words, and the reply read leniently."""

from __future__ import annotations

import asyncio
import json

import pytest

import toolkit as tk
from tests.models.saying import Saying
from toolkit.engine.fallback import Candidate, Fallback
from toolkit.errors import BadRequest, InvalidReply
from toolkit.models import Abilities, Call, Message, Schema
from toolkit.models.openai import open_model
from toolkit.models.reminder import is_told, reminded, reminder
from toolkit.personas import Persona

SCHEMA = Schema(
    "answer",
    {
        "type": "object",
        "properties": {
            "choice": {"type": "string", "enum": ["tea", "rum"]},
            "rest": {"type": "object", "properties": {"why": {"type": "string"}}, "required": ["why"]},
        },
        "required": ["choice", "rest"],
        "additionalProperties": False,
    },
)
CHOICE = Schema(
    "choice",
    {
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": ["tea", "rum"]}},
        "required": ["choice"],
        "additionalProperties": False,
    },
)
ASKED = (Message("system", ("You are Ada.",)), Message("user", ("Tea or rum?",)))
GOOD = '{"choice": "tea", "rest": {"why": "I like it."}}'
WITHOUT = Abilities(schema=False)


def _ask(server, call=None, **options):
    async def study():
        model = open_model("m", base_url=server.url, **{"abilities": WITHOUT, **options})
        try:
            return await model.complete(call or Call(ASKED, schema=SCHEMA)), model
        finally:
            await model.close()

    return asyncio.run(study())


# --- the reminder ---


def test_reminder_stands_once_at_the_end_of_the_first_system_message():
    """S0-16: applied twice it is one, and the messages given are not changed."""
    before = [Message("system", ("You are Ada.",)), Message("system", ("Be brief.",)), Message("user", ("Tea?",))]
    given = list(before)
    told = reminded(given, SCHEMA)
    assert given == before
    assert told[0].text == f"You are Ada.\n\n{reminder(SCHEMA)}"
    assert told[1:] == tuple(before[1:])
    assert reminded(told, SCHEMA) == told
    assert SCHEMA.json.decode() in told[0].text


def test_without_a_system_message_the_reminder_is_one():
    told = reminded(ASKED[1:], SCHEMA)
    assert [message.role for message in told] == ["system", "user"]
    assert told[0].text == reminder(SCHEMA)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('Reply as JSON: {"choice": "tea", "rest": {"why": "…"}}', True),
        ('Use the keys "choice", "rest" and "why" of a json object.', True),
        ("Reply with the JSON object that is asked for and nothing else.", False),
        ('Reply as JSON: {"choice": "tea", "rest": {}}', False),
        ('Say "choice", "rest" and "why".', False),
        ("", False),
    ],
)
def test_instruction_of_ones_own_suppresses_it_only_where_it_names_all_fields(text, told):
    """S0-16: that JSON is wanted is not yet the form; "the object that is asked for" tells a model nothing."""
    assert is_told([Message("system", ("You are Ada. ", text))], SCHEMA) is told
    assert not is_told([Message("user", (text,))], SCHEMA)


# --- over the wire ---


def test_request_tells_the_schema_and_asks_for_some_json_object():
    with Saying(lambda _: GOOD) as server:
        reply, _ = _ask(server)
    (body,) = server.bodies
    assert body["response_format"] == {"type": "json_object"}
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"][0]["content"].count("JSON schema") == 1
    assert SCHEMA.json.decode() in body["messages"][0]["content"]
    assert reply.value == json.loads(GOOD)


def test_without_a_schema_nothing_is_told():
    with Saying(lambda _: "Tea.") as server:
        _ask(server, Call(ASKED))
    (body,) = server.bodies
    assert "response_format" not in body
    assert body["messages"][0]["content"] == "You are Ada."


def test_model_that_takes_schemas_is_told_nothing():
    with Saying(lambda _: GOOD) as server:
        _ask(server, abilities=Abilities())
    (body,) = server.bodies
    assert body["response_format"]["type"] == "json_schema"
    assert body["messages"][0]["content"] == "You are Ada."


@pytest.mark.parametrize(
    "refusal",
    [
        "Invalid parameter: 'response_format' of type 'json_object' is not supported with this model.",
        "json_object is not supported",
        "JSON mode is not available here",
        "Failed to initialise the grammar",
    ],
)
def test_endpoint_without_json_mode_is_asked_again_without_it_and_never_with_it_after(refusal):
    def says(body):
        return (400, refusal) if "response_format" in body else GOOD

    async def study(server):
        model = open_model("m", base_url=server.url, abilities=WITHOUT)
        replies = [await model.complete(Call(ASKED, schema=SCHEMA, repeat=repeat)) for repeat in range(2)]
        await model.close()
        return replies, model

    with Saying(says) as server:
        replies, model = asyncio.run(study(server))
    assert ["response_format" in body for body in server.bodies] == [True, False, False]
    assert [len(reply.notes) for reply in replies] == [1, 0]
    assert "refuses response_format" in model.warnings[0]
    assert all(SCHEMA.json.decode() in body["messages"][0]["content"] for body in server.bodies)


def test_another_refusal_is_an_error_at_once():
    with Saying(lambda _: (400, "The temperature is too high")) as server, pytest.raises(BadRequest):
        _ask(server)
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    "text", [f"Sure!\n```json\n{GOOD}\n```\nAnything else?", GOOD.replace('"}}', '",}}'), GOOD.replace('"', "'")]
)
def test_reply_that_is_not_quite_json_is_put_right(text):
    with Saying(lambda _: text) as server:
        reply, _ = _ask(server)
    assert reply.value == json.loads(GOOD)
    assert json.loads(reply.text) == reply.value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"choice": "gin", "rest": {"why": "x"},}', "does not fit the schema 'answer'"),
        ('{"choice": "tea",}', "does not fit the schema 'answer': the field 'rest' is missing"),
        ("I would say tea.", "is not JSON"),
    ],
)
def test_reply_put_right_is_held_to_the_schema_as_any_other(text, said):
    with Saying(lambda _: text) as server, pytest.raises(InvalidReply, match=said):
        _ask(server)


def test_reply_that_was_cut_off_is_never_put_right():
    """Half an answer is no answer."""
    text = '{"choice": "tea", "rest": {"why": "because I'
    with Saying(lambda _: text, finish="length") as server, pytest.raises(InvalidReply, match="cut off"):
        _ask(server)
    with Saying(lambda _: text) as server:
        assert _ask(server)[0].value["rest"] == {"why": "because I"}


def test_model_that_takes_schemas_is_read_strictly():
    with Saying(lambda _: GOOD.replace('"', "'")) as server, pytest.raises(InvalidReply, match="is not JSON"):
        _ask(server, abilities=Abilities())


def test_what_is_told_is_part_of_who_answers():
    """The same call to the same model with another prompt must not have the same key."""
    told, held = (
        open_model("m", base_url="http://127.0.0.1:9/v1", abilities=one).identity for one in (WITHOUT, Abilities())
    )
    assert told != held
    assert held.detail == {"base_url": "http://127.0.0.1/v1"}
    call = Call(ASKED, schema=SCHEMA)
    assert call.key(told) != call.key(held)


# --- in a study ---


def _said(body):
    """Answer a question with its first option, by the schema where it is held to one, else by what it was told."""
    held = body.get("response_format", {}).get("json_schema")
    text = "" if held else body["messages"][0]["content"]
    schema = held["schema"] if held else json.loads(text[text.index("\n{") :])
    return "Of course: " * (not held) + json.dumps({"choice": schema["properties"]["choice"]["enum"][0]})


def test_study_with_such_a_model_answers_and_replays(tmp_path):
    people = [Persona(f"p{place}", f"Person {place}", {"age": 30 + place}) for place in range(4)]
    question = {"question": "Tea or rum?", "answer": tk.Choice(["tea", "rum"])}
    with Saying(_said) as server:
        settings = {"base_url": server.url, "study": tmp_path / "s", "abilities": WITHOUT, "seed": 7}
        with tk.Lab("openai:m", **settings) as lab:
            first = tk.ask(people, **question, lab=lab)
        with tk.Lab("openai:m", **settings) as lab:
            again = tk.ask(people, **question, lab=lab)
    assert first.complete
    assert set(first.frame["answer"]) == {"tea"}
    assert first.frame.equals(again.frame)
    assert len(server.bodies) == len(people)


@pytest.mark.parametrize("first", [WITHOUT, Abilities()])
def test_fallback_of_another_ability_gets_the_same_call_in_the_way_it_takes(first):
    second = Abilities(schema=not first.schema)

    async def study(here, there):
        models = [
            open_model(name, base_url=server.url, abilities=can)
            for name, server, can in (("m", here, first), ("spare", there, second))
        ]
        both = Fallback([Candidate(one.identity, one) for one in models])
        try:
            return await both.complete(Call(ASKED, schema=CHOICE))
        finally:
            for one in models:
                await one.close()

    with Saying(lambda _: (503, "away")) as here, Saying(_said) as there:
        reply = asyncio.run(study(here, there))
    assert (reply.model, reply.value) == ("openai:spare", {"choice": "tea"})
    for server, can in ((here, first), (there, second)):
        assert server.bodies[0]["response_format"]["type"] == ("json_schema" if can.schema else "json_object")


def test_study_falls_back_to_a_model_of_another_ability(tmp_path):
    def says(body):
        return (503, "away") if body["model"] == "m" else _said(body)

    with Saying(says) as server:
        lab = tk.Lab(
            "openai:m",
            base_url=server.url,
            study=tmp_path / "s",
            tries=1,
            fallbacks=["openai:spare"],
            seed=7,
            abilities=WITHOUT,
        )
        with lab:
            said = tk.ask([Persona("p1", "Ada", {})], "Tea?", answer=tk.Choice(["tea", "rum"]), lab=lab)
    assert said.frame["answer"].tolist() == ["tea"]
    assert said.frame["model"].tolist() == ["openai:spare"]
    assert [body["response_format"]["type"] for body in server.bodies] == ["json_object", "json_schema"]


def test_persona_request_has_one_reminder(tmp_path):
    """S0-17."""
    with Saying(lambda _: "no") as server:
        lab = tk.Lab("openai:m", base_url=server.url, study=tmp_path / "s", abilities=WITHOUT, seed=7, tries=1)
        with lab:
            for detail in ("brief", "standard"):
                tk.generate_personas(1, "us-adults-2012", detail=detail, lab=lab)
    assert server.bodies
    for body in server.bodies:
        assert json.dumps(body["messages"]).count("JSON schema") == 1
