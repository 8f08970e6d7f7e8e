from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from toolkit import prompts
from toolkit.errors import InvalidInput
from toolkit.personas import Persona, Wording
from toolkit.personas.narrative import narrative, portrait

LEVELS = ("brief", "standard")


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
    *fixed, (last, _) = prompts.load(narrative(detail).prompt).render(name="N", facts=["F"], context="C")
    *again, _ = prompts.load(narrative(detail).prompt).render(name="Other", facts=["Else"], context="More")
    assert (fixed[0][0], last) == ("system", "user")
    assert again == fixed


def test_facts_are_written_by_nobody():
    assert narrative("facts") is None


@pytest.mark.parametrize("detail", ["deep", "", "Brief", None, 3, ["brief"]])
def test_unknown_level_of_detail_is_refused_with_the_known_ones(detail):
    with pytest.raises(InvalidInput, match="facts, brief, standard"):
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
