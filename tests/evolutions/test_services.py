import json

import pytest

from tests.evolutions.planner import service
from toolkit.errors import InvalidInput
from toolkit.evolutions import Service, read_services
from toolkit.evolutions.plateau import plateaus_of, roles_of
from toolkit.resources import data_file


def test_plain_string_is_a_job_of_that_name_and_job_objects_keep_their_keys():
    found = read_services([service(1, jobs_to_be_done=["read", {"name": "borrow", "how_often": "weekly"}])]).good[0]
    assert found.data["jobs_to_be_done"] == [{"name": "read"}, {"name": "borrow", "how_often": "weekly"}]


def test_features_are_read_and_dropped():
    today = [{"feature_id": "F1", "name": "Desk", "description": "A desk."}]
    assert "features" not in read_services([service(1, features=today)]).good[0].data


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"service_id": ""}, "service_id"),
        ({"name": 7}, "name"),
        ({"jobs_to_be_done": None}, "jobs_to_be_done"),
        ({"jobs_to_be_done": [{"title": "x"}]}, "jobs_to_be_done.0.name"),
        ({"colour": "red"}, "colour"),
        ({"features": [{"name": "x"}]}, "features.0"),
    ],
)
def test_line_that_does_not_fit_is_set_aside_with_its_field(tmp_path, wrong, field):
    path = tmp_path / "services.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in (service(1), service(2) | wrong, service(3))))
    found = read_services(path)
    assert [one.service_id for one in found.good] == ["s1", "s3"]
    assert found.bad[0].kind == "schema_mismatch"
    assert field in found.bad[0].message
    assert "line 2 of services.jsonl" in found.bad[0].message


def test_blank_lines_are_skipped_and_malformed_ones_and_second_ids_set_aside(tmp_path):
    path = tmp_path / "services.jsonl"
    path.write_text(f"{json.dumps(service(1))}\n\n{{broken\n{json.dumps(service(1))}\n[1]\n{json.dumps(service(2))}\n")
    found = read_services(path)
    assert [one.service_id for one in found.good] == ["s1", "s2"]
    assert [(one.item, one.kind) for one in found.bad] == [
        ("line 3", "json_parse_error"),
        ("s1", "duplicate_id"),
        ("line 5", "schema_mismatch"),
    ]


def test_list_without_a_service_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "services.jsonl"
    path.write_text("{broken\n")
    with pytest.raises(InvalidInput, match=r"line 1 of services\.jsonl is no JSON"):
        read_services(path)
    with pytest.raises(InvalidInput, match="services is int"):
        read_services(7)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_services(tmp_path / "absent.jsonl")


def test_shipped_data_hold_twelve_services_four_roles_and_five_plateaus():
    found = read_services("town")
    assert len(found.good) == 12
    assert found.bad == ()
    assert {one.parent_id for one in found.good} == {"library", "hospital"}
    assert len(roles_of(data_file("services/roles.json"))) == 4
    assert len(plateaus_of(data_file("services/service_feature_plateaus.json"))) == 5


def test_types_are_taken_as_they_are():
    with pytest.raises(ValueError, match="valid string"):
        Service.model_validate(service(1, description=5))


def test_two_plateaus_of_one_name_are_refused():
    text = {"core_idea": "x", "key_characteristics": [], "what_it_feels_like": "y"}
    with pytest.raises(InvalidInput, match="stands twice"):
        plateaus_of([{"id": "a", "name": "One", "description": text}, {"id": "b", "name": "one", "description": text}])
