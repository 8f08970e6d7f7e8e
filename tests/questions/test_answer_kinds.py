"""What holds for every kind of answer."""

from __future__ import annotations

import pickle
import re
from dataclasses import FrozenInstanceError

import orjson
import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

import toolkit as tk
from tests.questions.kinds import ALL, NEW, framed, made_up, reasoned
from toolkit.errors import InvalidInput, InvalidReply
from toolkit.models._responder import respond
from toolkit.models._schema_check import check
from toolkit.questions import Choice, Scale, Text
from toolkit.questions.structured import Structured
from toolkit.testing import WireServer

KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
STRICT = {"type", "properties", "required", "additionalProperties", "items", "enum", "anyOf", "description"} | {
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "maxLength",
}

every = pytest.mark.parametrize("answer", ALL.values(), ids=ALL)
each_with_and_without = pytest.mark.parametrize(
    "answer", [*ALL.values(), *map(reasoned, ALL.values())], ids=[*ALL, *(f"{name}, why" for name in ALL)]
)


def parts(schema):
    """Yield every schema inside a schema."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    for one in (*inner, *([schema["items"]] if "items" in schema else [])):
        yield from parts(one)


@each_with_and_without
def test_schema_is_one_that_strict_modes_take(answer):
    """Closed objects with every key required, plain keys, no word that a strict mode refuses (uniqueItems, oneOf …)."""
    body = answer.schema.body
    Draft202012Validator.check_schema(body)
    assert body["type"] == "object"
    for part in parts(body):
        assert set(part) <= STRICT
        if part.get("type") == "object":
            assert part["additionalProperties"] is False
            assert part["required"] == list(part["properties"])
            assert all(KEY.fullmatch(key) for key in part["properties"])
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", answer.schema.name)
    assert answer.schema is answer.schema  # made once


@each_with_and_without
def test_made_up_replies_are_read_and_name_the_columns(answer):
    """The scripted model and the wire server answer every kind: permutations, sums and bounds hold."""
    fits = check(answer.schema.json)
    strictly = Draft202012Validator(answer.schema.body)
    found = set()
    for seed in range(60):
        value = respond(answer.schema.body, seed, "call")
        assert fits(value) is None
        assert strictly.is_valid(value)
        read = answer.read(value)
        assert tuple(read) == answer.columns
        found.add(orjson.dumps(read))
    assert len(found) > 1


@every
@pytest.mark.parametrize(
    "value",
    [
        *(None, [], "b", 3, {}),
        *({"choices": None}, {"choices": ["x"]}, {"number": "3"}, {"ranking": ["the plain one"]}, {"points": {}}),
        *({"points": []}, {"rows": {"x": 1}}, {"choice": 1}, {"score": None}, {"answer": ""}),
    ],
)
def test_what_is_no_answer_is_refused_never_defaulted(answer, value):
    """S0-20: unparsable and partial answers are invalid."""
    with pytest.raises(InvalidReply) as caught:
        answer.read(value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
    assert caught.value.hint


@every
def test_reason_that_was_asked_for_and_is_missing_makes_the_answer_invalid(answer):
    """S0-20: a partial answer is flagged, not filled up."""
    value = respond(answer.schema.body, 1, "call")
    assert reasoned(answer).read({**value, "why": " So. "}) == {**answer.read(value), "why": "So."}
    for missing in ({}, {"why": None}, {"why": 3}):
        with pytest.raises(InvalidReply, match="no reason"):
            reasoned(answer).read({**value, **missing})


@every
def test_answer_types_are_values(answer):
    """Equal ones are equal, also after a trip to another process; nothing changes one later."""
    again = pickle.loads(pickle.dumps(answer))  # noqa: S301  # our own bytes
    assert again == answer
    assert hash(again) == hash(answer)
    assert again.schema.json == answer.schema.json
    assert reasoned(answer) != answer
    with pytest.raises(FrozenInstanceError):
        answer.why = True


@each_with_and_without
def test_instruction_is_one_line_and_asks_for_the_reason_only_where_it_is_wanted(answer):
    assert "\n" not in answer.instruction
    assert ("Say why" in answer.instruction) is answer.why
    assert answer.instruction.endswith(".")


@each_with_and_without
def test_columns_are_typed_and_told_of_also_where_answers_are_missing(answer):
    some = made_up(answer, 8)
    none = framed(answer, [None, None])
    for name in answer.columns:
        assert some[name].dtype == none[name].dtype
        assert some[name].dtype != object
        assert none[name].isna().all()
        assert isinstance(answer.values(name), str)
        assert "\n" not in answer.meaning(name)
    told = [answer.meaning(name) for name in answer.columns]
    assert len(set(told)) == len(told)
    assert not answer.why or told[-1] == "the reason given"


@every
def test_what_the_asker_shows_is_aligned(answer):
    assert len(answer.pictures) == len(answer.options)
    assert len(answer.ids) in {0, len(answer.options)}


@pytest.mark.parametrize(
    ("answer", "schema", "instruction"),
    [
        (Choice(["a", "b c"]), '{"choice":{"type":"string","enum":["a","b c"]}}', "Choose exactly one of the options."),
        (
            Choice(["a", "b"], why=True),
            '{"choice":{"type":"string","enum":["a","b"]},"why":{"type":"string","maxLength":200}}',
            "Choose exactly one of the options. Say why in one short sentence.",
        ),
        (
            Scale(0, 10, ("low", "high")),
            '{"score":{"type":"integer","minimum":0,"maximum":10}}',
            "Answer with a whole number from 0 to 10 (0 = low, 10 = high).",
        ),
        (
            Text(20),
            '{"answer":{"type":"string","maxLength":20}}',
            "Answer in your own words, in one to three sentences.",
        ),
    ],
    ids=repr,
)
def test_what_recordings_replay_has_not_changed_by_a_byte(answer, schema, instruction):
    """DESIGN 4: a capsule's keys hold the schema's bytes."""
    keys = orjson.dumps(list(orjson.loads(schema))).decode()
    whole = f'{{"type":"object","properties":{schema},"required":{keys},"additionalProperties":false}}'
    assert answer.schema.json.decode() == whole
    assert answer.instruction == instruction


def test_model_class_can_be_asked_for_a_reason_too():
    class Mood(BaseModel):
        word: str

    mood = Structured(Mood, why=True)
    assert mood.columns == ("word", "why")
    assert mood.schema.body["required"] == ["word", "why"]
    assert mood.read({"word": "calm", "why": "Rain."}) == {"word": "calm", "why": "Rain."}
    assert mood.typed(pd.Series(["Rain.", None], dtype=object, name="why")).isna().tolist() == [False, True]
    assert (mood.meaning("word"), mood.meaning("why")) == ("word", "the reason given")
    with pytest.raises(InvalidReply, match="no reason"):
        mood.read({"word": "calm"})
    assert "why" not in Structured(Mood).schema.body["properties"]

    class Excuse(BaseModel):
        why: str

    assert Structured(Excuse).read({"why": "Rain."}) == {"why": "Rain."}
    with pytest.raises(InvalidInput, match="field 'why' of its own"):
        Structured(Excuse, why=True)


@pytest.mark.parametrize("answer", NEW.values(), ids=NEW)
def test_every_kind_is_asked_and_answered(lab, people, answer):
    """S0-08, S0-18: one valid row a person, the same ones when asked again, with nothing sent twice."""
    first = tk.ask(people(6), "Well?", answer=answer, lab=lab)
    assert first.frame["status"].eq("ok").all()
    again = tk.ask(people(6), "Well?", answer=answer, lab=lab)
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert first.summary()["n"].max() <= 6
    assert "text/html" in first._repr_mimebundle_()


@pytest.mark.parametrize("kind", ["multi bounded", "price", "best with ties", "allocation", "matrix", "options"])
def test_every_kind_goes_over_the_wire(open_lab, people, kind):
    """The schema is sent as it is, and the server's answer to it is read."""
    with WireServer() as wire:
        lab = open_lab("openai:m", base_url=wire.url, api_key=wire.key)
        answers = tk.ask(people(3), "Well?", answer=reasoned(NEW[kind]), lab=lab)
        assert answers.frame["status"].eq("ok").all()
        lab.close()
