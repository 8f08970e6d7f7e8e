import orjson
import pytest
from jsonschema import Draft202012Validator

from tests.rounds.ensemble import plan, says
from toolkit.errors import InvalidInput, InvalidReply
from toolkit.models._schema_check import _compile
from toolkit.rounds import Profile
from toolkit.rounds.character import character_normalised, read_turn
from toolkit.rounds.director import normalised
from toolkit.rounds.profile import AGENTS, profiles_of, sent_schema
from toolkit.rounds.templates import failed_validation, read_json, reply_form

SCHEMA = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}


@pytest.mark.parametrize("agent", AGENTS)
def test_shipped_profiles_are_sound(agent):
    """S4-02."""
    profile = Profile.load(agent)
    Draft202012Validator.check_schema(profile.json_schema)
    _compile(profile.json_schema)  # checked in microseconds, without the library
    assert profile.attempts == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expects_json": True, "json_mode": "schema"}, "is in schema mode and has no json_schema"),
        ({"expects_json": True}, "expects JSON and has no json_mode"),
        ({"expects_json": True, "json_mode": "shcema"}, "json_mode: 'shcema'.*nearest: 'schema'"),
        ({"json_mode": "object"}, "expects no JSON and has json_mode"),
        ({"json_schema": SCHEMA}, "expects no JSON and has json_schema"),
        (
            {"expects_json": True, "json_mode": "schema", "json_schema": {"type": "objekt"}},
            "json_schema that is no object",
        ),
        (
            {"expects_json": True, "json_mode": "schema", "json_schema": {"type": "object", "required": 7}},
            "json_schema that is none: at required",
        ),
        (
            {"expects_json": True, "json_mode": "object", "json_schema": SCHEMA, "json_example": {"word": 7}},
            r"json_example .* fails its schema at \$\.word",
        ),
        (
            {"expects_json": True, "json_mode": "object", "json_schema": SCHEMA, "json_example": "{"},
            "json_example .* is not JSON",
        ),
        ({"retries": -1}, "has retries: -1"),
        ({"retries": 99}, "has retries: 99"),
        ({"expects_json": "yes"}, "expects_json is str"),
        ({"promt": "x"}, "unknown key 'promt'.*nearest: 'prompt'"),
        ({"prompt": ""}, "has no 'prompt'"),
    ],
)
def test_inconsistent_profile_is_refused_at_load(tmp_path, change, message):
    """S4-02: by a mapping and by a file alike."""
    body = {"name": "critic", "prompt": "rounds.character", **change}
    path = tmp_path / "critic.yaml"
    path.write_bytes(orjson.dumps(body))
    for given in (body, path):
        with pytest.raises(InvalidInput, match=message) as caught:
            Profile.load(given)
        assert "\n" not in str(caught.value)


def test_unknown_agent_and_missing_profile_are_named():
    with pytest.raises(InvalidInput, match=r"there is no agent 'directr'.*nearest: 'director'"):
        profiles_of({"directr": {}})
    with pytest.raises(InvalidInput, match=r"nowhere.yaml cannot be read"):
        profiles_of({"director": "nowhere.yaml"})


def test_return_template_of_object_mode_is_instruction_and_example():
    """S4-03."""
    with_example = reply_form(Profile("c", "p", expects_json=True, json_mode="object", json_example={"word": "x"}))
    assert with_example.startswith("Reply with one JSON object and nothing else")
    assert with_example.endswith('For example:\n{"word":"x"}')
    assert "example" not in reply_form(Profile("c", "p", expects_json=True, json_mode="object"))


def test_return_template_of_schema_mode_is_instruction_and_schema_without_example():
    """S4-03."""
    text = reply_form(
        Profile("c", "p", expects_json=True, json_mode="schema", json_schema=SCHEMA, json_example={"word": "zebra"})
    )
    assert "satisfies this JSON schema" in text
    assert text.endswith(orjson.dumps(SCHEMA).decode())
    assert "zebra" not in text


def test_agent_that_replies_in_prose_gets_no_template_and_is_not_validated():
    """S4-03, S4-04."""
    prose = Profile("character", "rounds.character")
    assert reply_form(prose) == ""
    assert read_turn('  {"not": "read"} ', prose).response == '{"not": "read"}'


@pytest.mark.parametrize(
    "text",
    [
        '{"response": "Hello."}',
        '```json\n{"response": "Hello."}\n```',
        'Here it is: {"response": "Hello.",}',
        "{'response': 'Hello.'}",
        '{"response": "Hello."',
    ],
)
def test_reply_that_is_nearly_json_is_put_right(text):
    """S4-10."""
    assert read_json(text, Profile.load("character")).value == {"response": "Hello."}


@pytest.mark.parametrize("text", ["", "Hello.", "[1, 2]", "7", "null", '"x"'])
def test_reply_without_an_object_is_refused(text):
    """S4-10."""
    with pytest.raises(InvalidReply, match="holds no JSON object"):
        read_json(text, Profile.load("character"))


def test_faults_are_named_with_json_paths():
    """S4-10."""
    text = orjson.dumps(
        {"openGuidance": 7, "actingCharacters": [{"guidance": "x"}], "activations": [], "deactivations": []}
    ).decode()
    with pytest.raises(
        InvalidReply, match=r"fails its schema at \$: 'stateUpdates' is a required property \(and 2 more\)"
    ):
        read_json(text, Profile.load("director"), normalised)
    fault = failed_validation(text, Profile.load("director"), normalised)
    assert fault["error"] == "failed_json_validation"
    assert [one.partition(":")[0] for one in fault["errors"]] == ["$", "$.actingCharacters[0]", "$.openGuidance"]


def test_long_instance_is_cut_in_the_message():
    text = orjson.dumps({"response": ["x" * 5000]}).decode()
    with pytest.raises(InvalidReply) as caught:
        read_json(text, Profile.load("character"))
    assert len(str(caught.value)) < 400


def test_sent_schema_asks_for_every_key_and_names_as_options():
    profile = Profile.load("director")
    sent = sent_schema(profile.json_schema, profile.left_out, {"cast-name": ["Ada", "Ben"]})
    actor = sent["properties"]["actingCharacters"]["items"]
    assert actor["properties"]["name"] == {"type": "string", "enum": ["Ada", "Ben"]}
    assert sent["properties"]["actingCharacters"]["maxItems"] == sent["properties"]["remainingActors"]["maxItems"] == 2
    assert "error" not in sent["properties"]
    assert "id" not in actor["properties"]
    assert actor["required"] == list(actor["properties"])
    assert actor["properties"]["order"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    _compile(sent)


@pytest.mark.parametrize("value", [plan("Ada", {"name": "Ben", "priority": 3}, remainingActors=["Ada"]), plan()])
def test_what_satisfies_the_sent_schema_satisfies_the_contract(value):
    """S4-15."""
    profile = Profile.load("director")
    Draft202012Validator(sent_schema(profile.json_schema, profile.left_out, {"cast-name": ["Ada", "Ben"]})).validate(
        value
    )
    assert read_json(orjson.dumps(value).decode(), profile, normalised).value


def test_state_of_a_reply_is_brought_to_the_contracts_keys():
    value = {"content": "Hello.", "state": {"mood": "calm", "hair": "red", "location": None}}
    assert character_normalised(value) == {"response": "Hello.", "characterState": {"mood": "calm"}}
    assert read_turn(
        orjson.dumps(says("Hi.", mood="default", location="here")).decode(), Profile.load("character")
    ).stated == {"location": "here"}
