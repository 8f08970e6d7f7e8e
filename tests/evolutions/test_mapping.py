"""Shapes of mapping replies, facets, and ids nobody knows (S1-52)."""

import json

import pytest

from toolkit.errors import InvalidReply
from toolkit.evolutions import Catalogue
from toolkit.evolutions.mapping import read_mapping

FEATURES = ["AAAAAA", "BBBBBB"]
CATALOGUE = Catalogue.model_validate(
    {
        "field": "apps",
        "items": [{"id": one, "name": one, "description": one} for one in ("X", "Y", "Z")],
        "facets": [
            {"id": "kind", "label": "K", "type": "enum", "required": True, "options": [{"id": "new", "label": "n"}]},
            {"id": "weeks", "label": "W", "type": "integer"},
            {"id": "share", "label": "S", "type": "number"},
            {"id": "ready", "label": "R", "type": "boolean"},
            {"id": "note", "label": "N", "type": "string"},
        ],
    }
)
PLAIN = Catalogue.model_validate(
    {"field": "apps", "items": [{"id": one, "name": one, "description": one} for one in "XYZ"]}
)


def read(features, catalogue=PLAIN):
    return read_mapping(json.dumps({"features": features}), catalogue, FEATURES)


ROWS = {"AAAAAA": [{"item": "Y"}, {"item": "X"}], "BBBBBB": []}
SHAPES = {
    "asked for": {"f1": ROWS["AAAAAA"], "f2": []},
    "by id": ROWS,
    "list": [{"feature_id": one, "mappings": {"apps": rows}} for one, rows in ROWS.items()],
    "flattened": [{"feature_id": one, "apps": rows} for one, rows in ROWS.items()],
    "nested under its name": [{"feature_id": one, "mappings": {"apps": {"apps": rows}}} for one, rows in ROWS.items()],
    "nested under mappings": [
        {"feature_id": one, "mappings": {"mappings": {"apps": rows}}} for one, rows in ROWS.items()
    ],
    "flattened and nested": [{"feature_id": one, "apps": {"mappings": {"apps": rows}}} for one, rows in ROWS.items()],
    "bare ids": {"f1": ["Y", "X"], "f2": []},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_all_accepted_shapes_parse_alike(shape):
    mapped = read(SHAPES[shape])
    assert mapped.links == {"AAAAAA": [{"item": "X", "facets": {}}, {"item": "Y", "facets": {}}], "BBBBBB": []}
    assert mapped.faults == []


def test_feature_that_stands_twice_refuses_the_reply():
    with pytest.raises(InvalidReply, match="'AAAAAA' stands twice"):
        read([{"feature_id": "AAAAAA", "apps": []}, {"feature_id": "AAAAAA", "apps": []}])
    with pytest.raises(InvalidReply, match="stands twice"):
        read({"f1": [], "AAAAAA": []})


def test_unknown_item_and_feature_are_left_out_and_named():
    mapped = read(
        [{"feature_id": "AAAAAA", "apps": [{"item": "Q"}, {"item": "X"}]}, {"feature_id": "CCCCCC", "apps": []}]
    )
    assert mapped.links == {"AAAAAA": [{"item": "X", "facets": {}}]}
    assert mapped.unknown == ["Q"]
    assert [(one.kind, one.message) for one in mapped.faults] == [
        ("unknown_ids", "AAAAAA: apps has no item 'Q'"),
        ("unknown_ids", "there is no feature 'CCCCCC'"),
        ("missing_mapping", "the feature BBBBBB is not in the reply"),
    ]


@pytest.mark.parametrize(
    ("facets", "why"),
    [
        ({}, "'kind' is missing"),
        (None, "'kind' is missing"),
        ({"kind": "old"}, "'kind' cannot be 'old'"),
        ({"kind": "new", "weeks": 1.5}, "'weeks' cannot be '1.5'"),
        ({"kind": "new", "weeks": True}, "'weeks' cannot be"),
        ({"kind": "new", "share": "1"}, "'share' cannot be"),
        ({"kind": "new", "ready": "yes"}, "'ready' cannot be"),
        ({"kind": "new", "note": 3}, "'note' cannot be"),
    ],
)
def test_link_with_a_facet_that_does_not_fit_is_left_out(facets, why):
    """S1-52"""
    mapped = read({"f1": [{"item": "X", "facets": facets}], "f2": []}, CATALOGUE)
    assert mapped.links["AAAAAA"] == []
    assert mapped.faults[0].kind == "facet_validation"
    assert why in mapped.faults[0].message


def test_facets_that_fit_are_kept_and_null_counts_as_absent():
    given = {"kind": "new", "weeks": 3, "share": 0.5, "ready": False, "note": None}
    mapped = read({"f1": [{"item": "X", "facets": given, "rationale": "it must"}], "f2": []}, CATALOGUE)
    told = {name: value for name, value in given.items() if value is not None}
    assert mapped.links["AAAAAA"] == [{"item": "X", "facets": told, "rationale": "it must"}]
    assert mapped.faults == []


def test_unknown_facet_is_left_out_and_its_link_stays():
    mapped = read({"f1": [{"item": "X", "facets": {"kind": "new", "colour": "red"}}], "f2": []}, CATALOGUE)
    assert mapped.links["AAAAAA"] == [{"item": "X", "facets": {"kind": "new"}}]
    assert [one.kind for one in mapped.faults] == ["facet_validation"]


@pytest.mark.parametrize("text", ["", "3", "{}", '{"features": "none"}'])
def test_reply_that_is_no_mapping_is_refused(text):
    with pytest.raises(InvalidReply):
        read_mapping(text, PLAIN, FEATURES)
