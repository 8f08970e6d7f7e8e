from __future__ import annotations

import hashlib
import json
import math

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from toolkit.errors import InvalidInput
from toolkit.models._responder import distribution, respond, tokens


class Part(BaseModel):
    name: str
    score: float | None
    inside: list[Part]


class Person(BaseModel):
    age: int
    parts: list[Part]
    kind: str = "x"


def test_ranking_is_a_permutation_of_its_options():
    options = ["a", "b", "c", "d"]
    schema = {"type": "array", "items": {"enum": options}, "minItems": 4, "maxItems": 4, "uniqueItems": True}
    found = {tuple(respond(schema, seed, "call")) for seed in range(40)}
    assert all(sorted(one) == options for one in found)
    assert len(found) > 10


def test_list_bounded_by_its_enum_repeats_no_option():
    """Strict modes know no uniqueItems, so answer types bound the list instead."""
    options = ["a", "b", "c", "d"]
    for least, most in ((4, 4), (2, 2), (0, 4), (1, 3)):
        schema = {"type": "array", "items": {"enum": options}, "minItems": least, "maxItems": most}
        found = [respond(schema, seed, "call") for seed in range(60)]
        assert all(len(set(one)) == len(one) and least <= len(one) <= most for one in found)
        assert {len(one) for one in found} == set(range(max(least, 1), most + 1))
    longer = {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 5, "maxItems": 5}
    assert len(respond(longer, 7, "call")) == 5


def test_groups_of_one_enum_hold_each_option_once():
    options = ["a", "b", "c", "d"]
    for wanted in (1, 3, 4):
        group = {"type": "array", "items": {"enum": options}, "minItems": 1, "maxItems": wanted}
        schema = {"type": "array", "items": group, "minItems": 1, "maxItems": wanted}
        found = [respond(schema, seed, "call") for seed in range(60)]
        said = [[option for group in one for option in group] for one in found]
        assert all(len(one) == len(set(one)) == wanted for one in said)
        assert all(Draft202012Validator(schema).is_valid(one) for one in found)
    assert len({len(one) for one in found}) > 1  # some tie, some do not


def test_whole_numbers_sum_to_what_their_description_says():
    """JSON schemas have no word for a sum."""
    part = {"type": "integer", "minimum": 0, "maximum": 100}
    schema = {"type": "object", "properties": dict.fromkeys("abc", part), "required": list("abc")}
    told = {**schema, "description": "whole points that sum to 100"}
    found = [respond(told, seed, "call") for seed in range(60)]
    assert all(sum(one.values()) == 100 and min(one.values()) >= 0 for one in found)
    assert len({one["a"] for one in found}) > 20
    assert any(sum(respond(schema, seed, "call").values()) != 100 for seed in range(9))
    small = {**told, "properties": {key: {**part, "maximum": 5} for key in "abc"}}
    assert all(max(respond(small, seed, "call").values()) <= 5 for seed in range(9))


def test_recursive_pydantic_schema_ends_and_is_valid():
    schema = Person.model_json_schema()
    for seed in range(20):
        assert Draft202012Validator(schema).is_valid(respond(schema, seed, "call"))


@pytest.mark.parametrize("limits", [(0, 1), (0, 5), (10, 12), (0, 40), (150, 300), (3, 3)])
def test_text_keeps_its_length_limits(limits):
    low, high = limits
    for seed in range(30):
        text = respond({"type": "string", "minLength": low, "maxLength": high}, seed, "call")
        assert low <= len(text) <= high


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"enum": ["a"]}, "minItems": 2, "uniqueItems": True},
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"type": "nothing"},
        {"$ref": "https://example.org/schema"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#"},
    ],
)
def test_schema_that_nothing_satisfies_is_refused(schema):
    with pytest.raises(InvalidInput, match="schema"):
        respond(schema, 0, "call")


def test_same_address_same_bytes_on_every_machine():
    """S0-18: the digest was written down once; it changes only when the responder is meant to change."""
    schema = Person.model_json_schema() | {"title": ""}
    made = [respond(schema, 7, "call", n) for n in range(50)] + [respond(None, 7, n) for n in range(50)]
    again = [respond(schema, 7, "call", n) for n in range(50)] + [respond(None, 7, n) for n in range(50)]
    assert made == again
    digest = hashlib.sha256(json.dumps(made).encode()).hexdigest()[:16]
    assert digest == "192341d35bba6968"


def test_distribution_is_one_and_its_first_is_what_was_said():
    given = distribution(["a", "b", "c"], "b", 3, 7, "call")
    assert given[0][0] == "b"
    assert given[0][1] == max(p for _, p in given)
    assert math.isclose(sum(math.exp(p) for _, p in given), 1.0, abs_tol=1e-4)


def test_tokens_make_up_the_text_and_hold_the_enum_as_one_token():
    schema = {"type": "object", "properties": {"why": {"type": "string"}, "choice": {"enum": ["left", "right"]}}}
    value = {"why": "so", "choice": "right"}
    text = json.dumps(value)
    places = tokens(text, value, schema, 2, 7, "call")
    assert "".join(place[0][0] for place in places) == text
    assert {token for token, _ in places[1]} == {"left", "right"}


def test_tokens_of_a_plain_sentence_make_up_the_sentence():
    text = respond(None, 3, "call")
    assert "".join(place[0][0] for place in tokens(text, text, None, 2, 7)) == text
