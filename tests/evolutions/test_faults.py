"""What goes wrong is set aside with its reason; strict names it; the rest finishes (S1-07, S1-39, S1-41, S1-52)."""

import json

import pytest

from tests.evolutions.planner import features, service
from toolkit.errors import ContentRefused, Incomplete, ProviderDown
from toolkit.evolutions import evolve_services, map_features, read_record
from toolkit.evolutions.reading import feature_id


@pytest.fixture
def planted(planner):
    """One fault of each kind, in a service of its own; s6 is well."""
    one, other = (feature_id(name, "public", "First") for name in ("Lockers", "Benches"))
    good = [{"item": "A1", "facets": {"change": "new"}}]
    planner.says |= {
        "s1": {"descriptions": {"plateau_1": "It is there."}},
        **{f"s{n}/1": features("Lockers", "Benches") for n in (2, 3, 4)},
        "s2/1/apps": {"features": {one: [{"item": "A9", "facets": {"change": "new"}}, *good], other: good}},
        "s3/1/apps": {"features": {one: [{"item": "A1", "facets": {"change": "blue"}}], other: good}},
        "s4/1/apps": {"features": {one: good}},
        "s5/2": "this is not JSON",
    }
    return planner


@pytest.fixture
def listed(tmp_path):
    """The services' file, with a malformed line and a second s6."""
    path = tmp_path / "services.jsonl"
    lines = [json.dumps(service(n)) for n in range(1, 7)]
    path.write_text("\n".join([*lines[:3], "{not json", *lines[3:], lines[5]]) + "\n")
    return path


PLANTED = {
    ("missing_description", "evolutions.descriptions", "s1"),
    ("unknown_ids", "evolutions.mapping", "s2/1/apps"),
    ("facet_validation", "evolutions.mapping", "s3/1/apps"),
    ("missing_mapping", "evolutions.mapping", "s4/1/apps"),
    ("json_parse_error", "evolutions.features", "s5/2"),
    ("json_parse_error", "evolutions.input", "line 4"),
    ("duplicate_id", "evolutions.input", "s6"),
}


def test_each_planted_fault_is_in_quarantine_with_its_reason_and_the_rest_finish(open_lab, planted, listed, small):
    """S1-39: input, replies and parts of replies lie in one place."""
    lab = open_lab(planted)
    made = evolve_services(listed, **small, lab=lab)
    refused = made.quarantined
    assert set(refused[["kind", "stage", "item"]].itertuples(index=False, name=None)) == PLANTED
    assert refused["reason"].str.len().min() > 10
    assert [record["service"]["service_id"] for record in made] == [f"s{n}" for n in range(1, 7)]
    assert all(read_record(record) for record in made)
    assert made.errors["item"].tolist() == ["line 4", "s6", "s5/2"]
    assert made.complete
    assert made["s5"]["plateaus"][1]["features"] == []
    assert made.coverage().query("status == 'unknown'")[["item", "features"]].values.tolist() == [["A9", 1]]
    assert made.mapping()["apps"] == {"links": len(made.links), "unknown_ids": 1, "facet_faults": 1, "missing": 1}


def test_strict_raises_at_the_end_names_it_and_has_the_rest(open_lab, planted, listed, small, tmp_path):
    """S1-41: siblings are not cancelled; strict decides at the end."""
    out = tmp_path / "out.jsonl"
    with pytest.raises(Incomplete, match="line 4") as stop:
        evolve_services(listed, **small, strict=True, out=out, lab=open_lab(planted))
    assert len(stop.value.result) == 6
    assert len(out.read_bytes().splitlines()) == 6
    items = set(stop.value.result.errors["item"])
    assert items == {"line 4", "s1", "s2/1/apps", "s3/1/apps", "s4/1/apps", "s5/2", "s6"}


def test_strict_mapping_raises_for_mappings_alone(open_lab, planner, small):
    """S1-07"""
    planner.says["s1"] = {"descriptions": {"plateau_1": "only this"}}
    assert evolve_services([service(1)], **small, strict_mapping=True, lab=open_lab(planner, "a")).complete
    planner.says["s2/1/apps"] = {"features": {}}
    with pytest.raises(Incomplete, match="s2/1/apps: missing_mapping") as stop:
        evolve_services([service(1), service(2), service(3)], **small, strict_mapping=True, lab=open_lab(planner, "b"))
    assert len(stop.value.result) == 3


def test_service_whose_first_call_fails_is_a_row_and_siblings_go_on(open_lab, planner, small, services):
    """S1-41, S1-05"""
    planner.says["s2"] = ContentRefused("no", request_id="req-9")
    made = evolve_services(services, **small, lab=open_lab(planner))
    assert [record["service"]["service_id"] for record in made] == ["s1", "s3"]
    assert made.errors[["item", "kind", "request_id"]].values.tolist() == [["s2", "content_refused", "req-9"]]
    assert made.complete
    assert [one.item for one in planner.asked if one.item.startswith("s2")] == ["s2"]
    assert made.lab.runs.frame["complete"].all()  # what never could be asked is not left over


def test_service_without_one_good_plateau_is_not_written(open_lab, planner, small):
    planner.says |= {"s1/1": ProviderDown("gone"), "s1/2": ProviderDown("gone")}
    made = evolve_services([service(1), service(2)], **small, lab=open_lab(planner, patience=0))
    assert [record["service"]["service_id"] for record in made] == ["s2"]
    assert {"s1", "s1/1", "s1/2"} == set(made.errors["item"])


def test_retry_asks_again_only_what_failed(open_lab, planner, small, services):
    planner.says["s2/1"] = lambda call: None if call.attempt else "nonsense"
    lab = open_lab(planner)
    made = evolve_services(services, **small, lab=lab)
    assert made.errors["item"].tolist() == ["s2/1"]
    before = len(planner.asked)
    again = made.retry()
    assert len(again.errors) == 0
    assert [one.item for one in planner.asked[before:]] == ["s2/1", "s2/1/apps"]
    assert again["s2"]["plateaus"][0]["features"]
    assert again["s1"] == made["s1"]


def test_content_is_asked_for_once_by_policy_and_as_often_as_attempts_say(open_lab, planner, small):
    """S2-05"""
    planner.says["s1/1"] = lambda call: None if call.attempt == 2 else "nonsense"
    evolve_services([service(1)], **small, lab=open_lab(planner, "a"))
    assert [one.item for one in planner.asked].count("s1/1") == 1
    made = evolve_services([service(1)], **small, attempts=3, lab=open_lab(planner, "b"))
    assert [one.item for one in planner.asked].count("s1/1") == 1 + 3
    assert len(made.errors) == 0


def test_fail_fast_stops_at_the_first_failure_and_keeps_what_is_done(open_lab, planner, small):
    planner.says["s3/1"] = "nonsense"
    services = [service(n) for n in range(1, 30)]
    made = evolve_services(services, **small, fail_fast=True, services_at_once=2, lab=open_lab(planner, concurrency=2))
    assert not made.complete
    assert made.errors["item"].tolist()[0] == "s3/1"
    assert [record["service"]["service_id"] for record in made][:3] == ["s1", "s2", "s3"]
    assert len(made) < 12


def test_reply_of_an_accepted_shape_that_the_schema_check_refused_is_read(open_lab, small):
    """The provider's own check knows only the shape that is asked for."""
    from tests.evolutions.planner import Planner
    from toolkit.errors import InvalidReply
    from toolkit.models import Reply

    ids = [feature_id(name, "public", "First") for name in ("Lockers", "Benches")]
    rows = [{"feature_id": one, "apps": [{"item": "A1", "facets": {"change": "new"}}]} for one in ids]
    text = json.dumps({"features": rows})

    def refused(call):
        return InvalidReply("not the schema", reply=Reply(text, "mine:planner"))

    planner = Planner(**{"s1/1": features("Lockers", "Benches"), "s1/1/apps": refused})
    lab = open_lab(planner)
    for _ in range(2):  # live, then from memory
        made = evolve_services([service(1)], **small, lab=lab)
        assert len(made.errors) == 0
        links = made.links.query("plateau == 'First'")
        assert links["item"].tolist() == ["A1", "A1"]
    assert [one.item for one in planner.asked].count("s1/1/apps") == 1


def test_secrets_in_a_bad_line_are_scrubbed_in_quarantine_and_errors(open_lab, planner, small, tmp_path):
    """S1-21"""
    key = "sk-proj-planted0123456789abcdefghij"
    path = tmp_path / "services.jsonl"
    path.write_text(json.dumps(service(1)) + "\n" + json.dumps(service(2, colour=key)) + "\n" + f'{{"x": "{key}",\n')
    lab = open_lab(planner)
    made = evolve_services(path, **small, lab=lab)
    assert len(made.errors) == 2
    everything = made.errors.to_csv() + "".join(str(lab.quarantine.show(one)) for one in made.quarantined["id"])
    assert key not in everything


def test_strict_map_raises_for_a_link_that_was_refused(open_lab, planner, small, services):
    """S1-07"""
    lab = open_lab(planner)
    made = evolve_services(services, **{**small, "catalogues": None}, lab=lab)
    planner.says["s2/2/apps"] = {"features": {"f1": [{"item": "A77"}], "f2": []}}
    with pytest.raises(Incomplete, match="s2/2/apps: unknown_ids") as stop:
        map_features(made, small["catalogues"], strict_mapping=True, lab=lab)
    assert len(stop.value.result) == 3
