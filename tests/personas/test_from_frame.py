from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from toolkit.errors import InvalidInput
from toolkit.personas import Panel, Population

PEOPLE = pd.DataFrame({
    "who": ["Ann Lee", "Bo Ray"],
    "code": [11, 12],
    "age": [34, np.nan],
    "size": pd.Categorical(["big", "small"], ["small", "big"], ordered=True),
    "story": ["Bakes.", None],
    "since": pd.to_datetime(["2001-02-03", None]),
})  # fmt: skip


def test_rows_become_personas_with_everything_in_place():
    panel = Panel.from_frame(PEOPLE, id="code", name="who", fields=["story"])
    ann, bo = panel
    assert (ann.id, ann.name, dict(ann.fields), ann.detail) == ("11", "Ann Lee", {"story": "Bakes."}, "brief")
    assert dict(ann.attributes) == {"age": 34, "size": "big", "since": "2001-02-03 00:00:00"}
    assert dict(bo.attributes) == {"age": None, "size": "small", "since": None}
    assert dict(bo.fields) == {}
    assert ann.facts()[0] == "Age: 34"
    assert panel.frame["size"].max() == "big"


def test_panel_of_a_frame_survives_its_file(tmp_path):
    panel = Panel.from_frame(PEOPLE, id="code", name="who")
    assert list(Panel.load(panel.save(tmp_path / "p.jsonl"))) == list(panel)


def test_names_and_ids_are_made_where_there_are_none():
    people = pd.DataFrame({"sex": ["female", "male"] * 20, "birth_year": [1950, 1990] * 20})
    panel = Panel.from_frame(people, seed=7)
    assert [one.id for one in panel][:2] == ["p0001", "p0002"]
    assert len({one.name for one in panel}) == 40
    assert [one.name for one in panel] == [one.name for one in Panel.from_frame(people, seed=7)]
    assert [one.name for one in panel] != [one.name for one in Panel.from_frame(people, seed=8)]


def test_population_lends_labels_and_is_what_it_compares_with():
    adults = Population.load("us-adults-2012")
    panel = Panel.from_frame(adults.frame.sample(200, random_state=7), population=adults)
    assert "Age: " in panel[0].facts()[0]
    assert panel[0].facts()[0].endswith("years")
    assert len(panel.describe().frame) == len(adults.measured)


@pytest.mark.parametrize(
    ("frame", "given", "says"),
    [
        (pd.DataFrame(), {}, "holds nobody"),
        (None, {}, "holds nobody"),
        (PEOPLE, {"name": "whoo"}, "no column 'whoo'"),
        (PEOPLE, {"id": "cod"}, "no column 'cod'"),
        (PEOPLE, {"fields": ["storey"]}, "no column 'storey'"),
        (PEOPLE, {"fields": "story"}, "fields='story' is a text"),
        (PEOPLE, {"name": "code"}, "the name of p0001 in column 'code' is 11"),
        (PEOPLE, {"id": "since"}, "row 2 has no id"),
        (pd.DataFrame({"id": ["a", "a"]}), {"id": "id"}, "row 2 has the id 'a' of another row"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {}, "columns of the frame repeat"),
    ],
)
def test_frame_that_holds_no_people_is_one_clear_line(frame, given, says):
    with pytest.raises(InvalidInput) as caught:
        Panel.from_frame(frame, **given)
    assert says in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
