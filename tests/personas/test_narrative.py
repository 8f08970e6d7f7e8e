from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from toolkit import prompts
from toolkit.errors import InvalidInput
from toolkit.personas import Persona, Wording
from toolkit.personas.narrative import narrative, portrait

LEVELS = ("brief", "standard", "deep")


@pytest.mark.parametrize("detail", LEVELS)
def test_schema_is_valid_and_closed(detail):
    """Draft 2020-12, and what strict modes ask for: every key required, no further keys."""
    body = narrative(detail).schema.body
    Draft202012Validator.check_schema(body)
    assert body["required"] == list(body["properties"])
    assert body["additionalProperties"] is False


@pytest.mark.parametrize("detail", LEVELS)
def test_prompt_names_every_field_of_the_schema(detail):
    source = prompts.load(narrative(detail).prompt).source
    assert all(name in source for name in narrative(detail).schema.body["properties"])


@pytest.mark.parametrize("detail", LEVELS)
def test_prompt_begins_with_what_is_the_same_for_everyone(detail):
    """Providers cache a prefix: the first word that varies stands in the last section."""
    *fixed, (last, _) = prompts.load(narrative(detail).prompt).render(name="N", facts=["F"], context="C", example=True)
    prompt = prompts.load(narrative(detail).prompt)
    *again, _ = prompt.render(name="Other", facts=["Else"], context="More", example=True)
    assert (fixed[0][0], last) == ("system", "user")
    assert again == fixed


def test_facts_are_written_by_nobody():
    assert narrative("facts") is None


@pytest.mark.parametrize("detail", ["deeper", "", "Brief", None, 3, ["brief"]])
def test_unknown_level_of_detail_is_refused_with_the_known_ones(detail):
    with pytest.raises(InvalidInput, match="facts, brief, standard, deep"):
        narrative(detail)


def test_portrait_tells_name_facts_and_written_fields_in_order():
    ann = Persona(
        "p1",
        "Ann Lee",
        {"age": 34, "birth_year": 1978},
        {"bio": "Ann bakes.", "likes": ["rye", "quiet"], "daily_life": "Early."},
        wording={"age": Wording("Age", "years")},
    )
    assert portrait(ann).split("\n") == [
        "Name: Ann Lee", "Age: 34 years", "Bio: Ann bakes.", "Likes: rye, quiet", "Daily life: Early."
    ]  # fmt: skip


def test_schema_of_several_people_holds_the_fields_once():
    """The reply says who is who by key, and the schema hardly grows with the number of people."""
    told = narrative("standard").of_several(10)
    Draft202012Validator.check_schema(told.body)
    assert told.body["required"] == [f"person_{place}" for place in range(1, 11)]
    assert len(told.json) < 1.6 * len(narrative("standard").schema.json)


def test_what_is_known_is_not_asked_for():
    left = narrative("standard").without(["age", "education", "health"])
    assert set(narrative("standard").fields) - set(left.fields) == {"age", "education", "health"}
    assert narrative("brief").without(["age"]) is narrative("brief")


def test_fields_of_several_parts_are_told_without_brackets():
    told = portrait(Persona("p1", "Ann", {}, {"big_five": {"openness": 3.4}, "pets": [{"name": "Rex", "age": 3}]}))
    assert told.split("\n")[1:] == ["Big five: openness 3.4", "Pets: name Rex, age 3"]
