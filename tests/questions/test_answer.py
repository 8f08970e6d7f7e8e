from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from toolkit.errors import InvalidInput, InvalidReply
from toolkit.questions import Choice, Scale, Text

ALL = [
    Choice(["a", "b"]),
    Choice(["a", "b"], why=True),
    Scale(1, 7),
    Scale(0, 100, labels=("low", "high"), why=True),
    Scale(-3, 3),
    Text(),
    Text(20),
]


@pytest.mark.parametrize("answer", ALL, ids=repr)
def test_schema_is_valid_closed_and_requires_everything(answer):
    """Draft 2020-12, and what strict modes ask for."""
    body = answer.schema.body
    Draft202012Validator.check_schema(body)
    assert body["type"] == "object"
    assert body["additionalProperties"] is False
    assert body["required"] == list(body["properties"])
    assert answer.schema is answer.schema  # made once


@pytest.mark.parametrize("answer", ALL, ids=repr)
def test_read_takes_what_the_schema_takes_and_names_its_columns(answer):
    said = {"choice": "b", "score": 3, "answer": "Well.", "why": " Because. "}
    value = {name: said[name] for name in answer.schema.body["properties"]}
    assert Draft202012Validator(answer.schema.body).is_valid(value)
    read = answer.read(value)
    assert tuple(read) == answer.columns
    assert read.get("why", "Because.") == "Because."


@pytest.mark.parametrize("answer", ALL, ids=repr)
@pytest.mark.parametrize(
    "value", [None, [], "b", 3, {}, {"choice": None}, {"score": True}, {"answer": ""}, {"answer": 5}]
)
def test_what_is_no_answer_is_refused_never_defaulted(answer, value):
    """S0-20: unparsable answers are invalid."""
    with pytest.raises(InvalidReply) as caught:
        answer.read(value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_choice_is_read_without_regard_to_case_and_spaces():
    assert Choice(["Plain", "Bold"]).read({"choice": "  bold "}) == {"answer": "Bold"}
    for other in ("bol", "Bold.", "Plain or Bold", "", 1, ["Bold"]):
        with pytest.raises(InvalidReply, match="none of the 2 options"):
            Choice(["Plain", "Bold"]).read({"choice": other})


def test_long_reply_never_stands_in_the_message():
    with pytest.raises(InvalidReply) as caught:
        Choice(["a", "b"]).read({"choice": "x" * 10_000})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("score", [1, 7, 4.0])
def test_scale_takes_its_points(score):
    read = Scale(1, 7).read({"score": score})
    assert read == {"answer": int(score)}
    assert type(read["answer"]) is int


@pytest.mark.parametrize("score", [0, 8, 3.5, "4", None, False, float("nan"), float("inf"), [4]])
def test_scale_refuses_all_else(score):
    with pytest.raises(InvalidReply, match="not on the scale 1 to 7"):
        Scale(1, 7).read({"score": score})


def test_text_longer_than_asked_is_invalid_and_not_cut():
    assert Text(5).read({"answer": "12345"}) == {"answer": "12345"}
    with pytest.raises(InvalidReply, match="6 characters where 5"):
        Text(5).read({"answer": "123456"})


@pytest.mark.parametrize("answer", [Choice(["a", "b"], why=True), Scale(1, 5, why=True)], ids=repr)
@pytest.mark.parametrize("why", [{}, {"why": None}, {"why": 3}])
def test_reason_that_was_asked_for_and_is_missing_makes_the_answer_invalid(answer, why):
    """S0-20: a partial answer is flagged, not filled up."""
    with pytest.raises(InvalidReply, match="no reason"):
        answer.read({"choice": "a", "score": 1, **why})


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        (["only"], r"1 option\(s\): \['only'\]"),
        ([], "0 option"),
        ("yes", "given 'yes', not a list"),
        (b"yes", "not a list"),
        (None, "given None"),
        (5, "given 5"),
        ({"a", "b"}, "not a list"),
        ({"a": 1, "b": 2}, "not a list"),
        (["a", ""], "option 2 of Choice is empty"),
        (["a", " \n "], "option 2 of Choice is empty"),
        (["a", None], "option 2 of Choice is None"),
        (["a", ["b"]], "option 2"),
        ([True, False], "option 1 of Choice is True"),
        (["a", "a"], "'a' twice"),
        (["Yes", " yes"], "'yes' twice"),
        (["a | b", "c"], "holds ' | '"),
        (["x" * 500], "1 option"),
    ],
)
def test_impossible_choice_is_one_clear_line(choices, says):
    with pytest.raises(InvalidInput, match=says.replace(" | ", r" \| ")) as caught:
        Choice(choices)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"low": 3, "high": 3}, "1 points"),
        ({"low": 5, "high": 1}, "0 points"),
        ({"low": 0, "high": 101}, "102 points"),
        ({"low": "1"}, "low is no whole number"),
        ({"low": 1.5}, "low is no whole number"),
        ({"high": None}, "high is no whole number"),
        ({"low": False}, "low is no whole number"),
        ({"labels": ("bad",)}, "labels"),
        ({"labels": ("a", "b", "c")}, "labels"),
        ({"labels": "ab"}, "labels"),
        ({"labels": ("bad", "")}, "labels"),
        ({"labels": (1, 5)}, "labels"),
        ({"labels": 5}, "labels"),
    ],
)
def test_impossible_scale_is_one_clear_line(arguments, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        Scale(**arguments)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("longest", [0, -1, "x", 2.5, None, True])
def test_impossible_text_is_one_clear_line(longest):
    with pytest.raises(InvalidInput, match="allows no text"):
        Text(longest)


def test_options_are_texts_on_one_line_in_declared_order():
    assert Choice(["b  c\nd", 2, 0.5, np.int64(3)]).options == ("b c d", "2", "0.5", "3")
    assert Choice(pd.Index(["z", "a"])).options == ("z", "a")


def test_answer_types_are_values():
    """Equal arguments make equal answers, and nothing changes one later: a shared default is safe."""
    given = ["a", "b"]
    choice = Choice(given)
    given.append("c")
    assert choice.options == ("a", "b")
    assert choice == Choice(("a", "b"))
    assert hash(choice) == hash(Choice(("a", "b")))
    assert Scale(labels=["x", "y"]) == Scale(labels=("x", "y"))
    with pytest.raises(FrozenInstanceError):
        choice.why = True


def test_instructions_say_how_to_answer():
    assert "whole number from 1 to 7 (1 = bad, 7 = good)" in Scale(1, 7, labels=("bad", "good")).instruction
    assert "why" not in Choice(["a", "b"]).instruction
    assert "Say why" in Choice(["a", "b"], why=True).instruction
