from __future__ import annotations

import subprocess
import sys

import orjson
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from toolkit.errors import InvalidInput
from toolkit.models._responder import respond
from toolkit.models._schema_check import check

FLAT = orjson.dumps(
    {
        "type": "object",
        "properties": {
            "choice": {"type": "string", "enum": ["plain", "bold"]},
            "why": {"type": "string", "maxLength": 200},
            "sure": {"type": "integer", "minimum": 1, "maximum": 7},
        },
        "required": ["choice", "why", "sure"],
        "additionalProperties": False,
    }
)
GOOD = {"choice": "bold", "why": "It stands out.", "sure": 4}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"choice": "neither"}, "choice: 'neither' is not one of the 2 options"),
        ({"sure": 9}, "sure: 9 is above 7"),
        ({"sure": 2.5}, "sure: 2.5 is not a whole number"),
        ({"sure": True}, "sure: True is not a number"),
        ({"why": "x" * 201}, "why: text of 201 characters where 200 are allowed"),
        ({"extra": 1}, "the field 'extra' is not known"),
    ],
)
def test_fault_names_the_field_and_the_value(change, said):
    assert check(FLAT)(GOOD) is None
    assert check(FLAT)(GOOD | change) == said


def test_missing_field_is_named():
    assert check(FLAT)({"choice": "bold", "why": ""}) == "the field 'sure' is missing"


def test_long_values_are_not_repeated_in_a_fault():
    fault = check(FLAT)(GOOD | {"choice": "a secret answer " * 50})
    assert len(fault) < 100


def test_schema_beyond_the_closures_goes_to_the_library():
    schema = orjson.dumps(
        {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"minimum": 3}}}
    )
    assert check(schema)({"n": 4}) is None
    assert check(schema)({"n": 2}) == "n: 2 fails 'minimum'"


def test_common_schemas_never_import_the_library():
    code = "import sys; from toolkit.models._schema_check import check; "
    code += f"check({FLAT!r})({GOOD!r}); sys.exit('jsonschema' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


TEXT = st.sampled_from(["a", "b", "cc", "ddd"])
SMALL = st.integers(0, 3)


def _leaves():
    low = st.integers(-3, 3)
    return st.one_of(
        st.builds(lambda x: {"type": "string", "enum": x}, st.lists(TEXT, min_size=1, unique=True)),
        st.builds(lambda x: {"const": x}, TEXT),
        st.builds(lambda a, b: {"type": "string", "minLength": a, "maxLength": a + b}, SMALL, SMALL),
        st.builds(lambda a, b: {"type": "integer", "minimum": a, "maximum": a + b}, low, SMALL),
        st.builds(lambda a, b: {"type": "number", "minimum": a, "maximum": a + b}, low, SMALL),
        st.builds(lambda a: {"type": "number", "exclusiveMinimum": a, "exclusiveMaximum": a + 2}, low),
        st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": "string", "pattern": "^c"}]),
    )


def _array(items, low, more, unique):
    return {"type": "array", "items": items, "minItems": low, "maxItems": low + more, "uniqueItems": unique}


def _object(fields, others):
    return {
        "type": "object",
        "properties": fields,
        "required": sorted(fields)[:1],
        "additionalProperties": others,
    }


def _schemas():
    return st.recursive(
        _leaves(),
        lambda inner: st.one_of(
            st.builds(lambda one: {"anyOf": one}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(_array, inner, SMALL, SMALL, st.booleans()),
            st.builds(_object, st.dictionaries(TEXT, inner, max_size=3), st.booleans()),
        ),
        max_leaves=6,
    )


_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-4, 8), st.sampled_from([1.0, 2.5, -1.0]), TEXT, st.just("")),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(schema=_schemas(), value=_values)
def test_closures_and_library_agree(schema, value):
    verdict = check(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS))(value) is None
    assert verdict == Draft202012Validator(schema).is_valid(value)


@settings(max_examples=300, deadline=None)
@given(schema=_schemas().filter(lambda schema: "pattern" not in str(schema)), seed=st.integers(0, 99))
@example(schema=_array(_array({"type": "string", "enum": ["a", "b"]}, 2, 0, False), 0, 2, False), seed=0)
def test_made_up_values_satisfy_their_schema(schema, seed):
    try:
        value = respond(schema, seed, "a call")
    except InvalidInput:  # a list of more distinct elements than there are
        assume(False)
    assert Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": ["string", "null"]},
        {"enum": ["a", 1]},
        {"enum": ["a"], "const": "a"},
        {"enum": ["a"], "type": "integer"},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "properties": {"a": True}},
        {"type": "array", "prefixItems": [{"type": "integer"}]},
        {"type": "integer", "multipleOf": 2},
        {"properties": {"a": {"type": "integer"}}},
    ],
)
@pytest.mark.parametrize("value", [None, "a", "b", 1, 3, {"a": 1}, {"a": "x"}, ["x"], [1]])
def test_less_common_words_are_judged_as_the_library_does(schema, value):
    assert (check(orjson.dumps(schema))(value) is None) == Draft202012Validator(schema).is_valid(value)
