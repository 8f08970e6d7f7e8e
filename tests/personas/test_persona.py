from __future__ import annotations

import copy
import dataclasses
import json
import pickle

import pytest

from toolkit.errors import InvalidInput
from toolkit.personas import Persona, Population, Wording, draw

ADULTS = Population.load("us-adults-2012")


def drawn(seed=7):
    return Persona.from_row("p0001", "Ann Lee", draw(ADULTS, 1, seed).to_dict("records")[0], ADULTS, seed=seed)


def test_facts_are_told_in_the_populations_order_with_labels_and_units():
    row = {"row": 1, **ADULTS.frame.loc[1].to_dict()}
    assert Persona.from_row("p0001", "Ann Lee", row, ADULTS).facts() == [
        "Age: 68 years",
        "Sex: female",
        "Race: white",
        "Citizenship: US citizen",
        "Language spoken at home: English",
        "Marital status: not married",
        "Education: college degree",
        "Disability: no",
        "Employment: not in the labor force",
        "Yearly wages or salary: 60,000 US dollars",
        "Usual hours of work: 40 hours a week",
        "Way to work: does not commute",
    ]


def test_attributes_hold_the_row_with_what_is_derived():
    one = drawn()
    assert list(one.attributes) == list(ADULTS.attributes)
    assert one.row in ADULTS.frame.index
    assert one.attributes["birth_year"] == 2012 - one.attributes["age"]
    assert all(isinstance(value, int | str | None) for value in one.attributes.values())


def test_round_trip_through_json_gives_an_equal_persona():
    """S0-14: what was stored comes back as the same type with the same attributes."""
    one = drawn().with_fields({"bio": "A nurse.", "likes": ["tea"]}, "brief")
    back = Persona.from_dict(json.loads(json.dumps(one.to_dict())))
    assert back == one
    assert hash(back) == hash(one)
    assert back.facts() == one.facts()
    assert back.contradictions({"sex": "x"})
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301  # our own bytes
    assert copy.deepcopy(one) == one


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "version 2"),
        ({"nmae": "x"}, "nearest: 'name'"),
        ({"name": ""}, "name is ''"),
        ({"id": 3}, "id is 3"),
        ({"detail": "long"}, "detail is 'long'"),
        ({"attributes": [1]}, "attributes of p0001 is [1]"),
        ({"wording": {"age": [1, 2, 3, 4]}}, "damaged"),
    ],
)
def test_damaged_persona_is_refused(change, said):
    with pytest.raises(InvalidInput) as caught:
        Persona.from_dict({**drawn().to_dict(), **change})
    assert said in str(caught.value)


def test_persona_without_what_it_needs_is_refused():
    body = drawn().to_dict()
    del body["attributes"]
    with pytest.raises(InvalidInput, match="no attributes"):
        Persona.from_dict(body)
    with pytest.raises(InvalidInput, match="a persona is"):
        Persona.from_dict([])


def test_persona_cannot_be_changed():
    one = drawn()
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "Bo"
    with pytest.raises(TypeError):
        one.attributes["age"] = 1
    given = {"age": 34}
    kept = Persona("p0002", "Bo Lee", given)
    given["age"] = 99
    assert kept.attributes["age"] == 34


def test_card_is_small_and_escapes_what_was_written():
    one = drawn().with_fields({"bio": "<script>" + "x" * 100_000})
    bundle = one._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"]
    assert len(bundle["text/html"]) < 8_000
    assert bundle["text/plain"].startswith("Ann Lee (p0001)\n  Age: ")


def test_str_is_one_line():
    assert str(Persona("p0001", "Ann Lee", {"age": 34}, wording={"age": Wording("Age", "years")})) == (
        "p0001 Ann Lee: 34 years"
    )
    assert str(Persona("p0001", "Ann Lee", {})) == "p0001 Ann Lee"
    assert "\n" not in str(drawn())
