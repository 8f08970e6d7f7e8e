import json

import pytest

from toolkit.errors import InvalidInput
from toolkit.evolutions import Catalogue, catalogue_hash, catalogues_of

ITEMS = [
    {"id": "B", "name": "Bee", "description": "one\ttwo\nthree"},
    {"id": "A", "name": "Ay", "description": "four"},
]


def catalogue(**more):
    return Catalogue.model_validate({"field": "apps", "items": ITEMS, **more})


def test_bare_list_takes_its_field_from_the_mapping_set(tmp_path):
    (tmp_path / "information.json").write_text(json.dumps(ITEMS))
    found = catalogues_of([{"name": "Information", "file": "information.json", "field": "data"}], tmp_path)
    assert (found[0].field, found[0].label) == ("data", "Information")


def test_hash_is_64_digits_and_does_not_depend_on_order_or_white_space():
    flat = [{**ITEMS[1]}, {**ITEMS[0], "description": "one two three"}]
    one, other = catalogue_hash([catalogue()]), catalogue_hash([catalogue(items=flat)])
    assert one == other
    assert len(one) == 64
    more = Catalogue.model_validate({"field": "data", "items": ITEMS})
    assert catalogue_hash([catalogue(), more]) == catalogue_hash([more, catalogue()])


@pytest.mark.parametrize(
    "change",
    [
        {"items": [ITEMS[0]]},
        {"items": [ITEMS[0], {**ITEMS[1], "name": "Eh"}]},
        {"label": "Applications"},
        {"facets": [{"id": "f", "label": "F", "type": "string"}]},
        {"facets": [{"id": "f", "label": "F", "type": "string", "required": True}]},
        {"field": "data"},
    ],
)
def test_hash_changes_with_every_edit_facets_included(change):
    assert catalogue_hash([catalogue(**change)]) not in {catalogue_hash([catalogue()]), None}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"items": [ITEMS[0], ITEMS[0]]}, "'B' stands twice"),
        ({"items": []}, "has no item"),
        ({"facets": [{"id": "f", "label": "F", "type": "enum"}]}, "enum without options"),
        ({"facets": [{"id": "f", "label": "F", "type": "colour"}]}, "facets.0.type"),
        ({"more": 1}, "more"),
        ({"field": "a/b"}, "field"),
        ({"field": ""}, "field"),
    ],
)
def test_catalogue_no_reply_could_satisfy_is_refused(wrong, why):
    with pytest.raises(InvalidInput, match=why):
        catalogues_of([{"field": "apps", "items": ITEMS, **wrong}])


def test_shipped_catalogues_are_found_by_field_and_have_facets():
    found = catalogues_of(["applications", "technologies", "data"])
    assert [one.field for one in found] == ["applications", "technologies", "data"]
    assert all(one.facets for one in found)
    with pytest.raises(InvalidInput, match="there is no catalogue 'aplications'"):
        catalogues_of("aplications")
    with pytest.raises(InvalidInput, match="two catalogues have the field 'data'"):
        catalogues_of(["data", "data"])
