"""Mapping stored evolutions (S2-01, S2-02: a real session with a client of the test's, no patched mapper)."""

import pytest

import toolkit as tk
from tests.evolutions.planner import service
from toolkit.errors import Incomplete, InvalidInput
from toolkit.evolutions import Evolutions, evolve_services, map_features, migrate_record, read_record

SERVICES = [service(n) for n in range(3)]


@pytest.fixture
def bare(small):
    return {name: value for name, value in small.items() if name != "catalogues"}


def without_meta(evolutions):
    return [{name: value for name, value in record.items() if name != "meta"} for record in evolutions]


def test_miss_calls_the_model_and_the_second_run_calls_nobody(open_lab, planner, small, bare):
    """S2-01"""
    lab = open_lab(planner)
    made = evolve_services(SERVICES, **bare, lab=lab)
    asked = len(planner.asked)
    first = map_features(made, small["catalogues"], lab=lab)
    assert len(planner.asked) - asked == 3 * 2
    second = map_features(made, small["catalogues"], lab=lab)
    assert len(planner.asked) - asked == 3 * 2
    assert second.to_jsonl() == first.to_jsonl()


def test_refresh_calls_again(open_lab, planner, small, bare):
    """S2-01"""
    made = evolve_services(SERVICES, **bare, lab=open_lab(planner))
    map_features(made, small["catalogues"], lab=open_lab(planner))
    asked = len(planner.asked)
    map_features(made, small["catalogues"], lab=open_lab(planner, mode="refresh"))
    assert len(planner.asked) - asked == 6


def test_what_a_run_mapped_costs_nothing_and_gives_the_same(open_lab, planner, small, bare, tmp_path):
    lab = open_lab(planner)
    whole = evolve_services(SERVICES, **small, out=tmp_path / "out.jsonl", lab=lab)
    asked = len(planner.asked)
    assert without_meta(map_features(tmp_path / "out.jsonl", small["catalogues"], lab=lab)) == without_meta(whole)
    other = open_lab(planner, seed=99)  # the seed they were evolved with holds, not the lab's
    assert without_meta(map_features(whole, small["catalogues"], lab=other)) == without_meta(whole)
    stripped = evolve_services(SERVICES, **bare, lab=lab)
    assert without_meta(map_features(stripped, small["catalogues"], lab=lab)) == without_meta(whole)
    assert len(planner.asked) == asked


def test_output_loads_again_and_can_be_mapped_onto_another_set(lab, small, bare, tmp_path):
    """S1-53, and trap 1 of the earlier program: its map output could not be read again."""
    made = evolve_services(SERVICES, **bare, lab=lab)
    assert made[0]["meta"]["catalogue_hash"] is None
    first = Evolutions.load(map_features(made, small["catalogues"], lab=lab).save(tmp_path / "first.jsonl"))
    second = map_features(first, ["data"], lab=lab)
    assert second[0]["meta"]["mapping_types"] == ["apps", "data"]
    assert set(second[0]["plateaus"][0]["mappings"]) == {"apps", "data"}
    assert all(read_record(one) for one in second)
    again = Evolutions.load(second.save(tmp_path / "second.jsonl"), catalogues=["data"])
    assert again.links["set"].value_counts().to_dict() == second.links["set"].value_counts().to_dict()


def test_records_of_1_1_stay_1_1(lab, small, bare):
    new = [migrate_record(one) for one in evolve_services(SERVICES, **bare, lab=lab)]
    mapped = map_features(new, small["catalogues"], lab=lab)
    assert mapped[0]["meta"]["schema_version"] == "1.1"
    assert mapped.descriptions["description"].str.len().min() > 0
    assert all(read_record(one) for one in mapped)


def test_features_without_roles_and_mappings_are_filled_in(lab, small, bare):
    """As ``run`` of the earlier program left them: only plateau.mappings was filled."""
    records = list(evolve_services(SERVICES, **bare, lab=lab))
    for record in records:
        for plateau in record["plateaus"]:
            plateau["roles"] = []
    mapped = map_features(records, small["catalogues"], lab=lab)
    plateau = mapped[0]["plateaus"][0]
    assert plateau["roles"]
    assert plateau["features"][0]["mappings"]["apps"]
    assert plateau["mappings"]["apps"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (7, "evolutions is int"),
        ([], "no evolutions"),
        ([{"meta": {}}], "record 1: meta.run_id"),
        ("absent.jsonl", "cannot be read"),
        ([{"meta": {"schema_version": "3.0"}}], "unknown version '3.0'"),
    ],
)
def test_what_are_no_evolutions_are_refused(lab, small, given, why):
    with pytest.raises(InvalidInput, match=why):
        map_features(given, small["catalogues"], lab=lab)


def test_two_records_of_one_service_and_no_catalogue_are_refused(lab, small, bare):
    records = list(evolve_services(SERVICES, **bare, lab=lab))
    with pytest.raises(InvalidInput, match="'s0' has two records"):
        map_features([*records, records[0]], small["catalogues"], lab=lab)
    with pytest.raises(InvalidInput, match="no catalogue"):
        map_features(records, [], lab=lab)


def test_incomplete_evolutions_are_refused_unless_allowed(open_lab, planner, small, bare):
    lab = open_lab(planner, concurrency=1)
    made = evolve_services(SERVICES, **bare, budget="4 requests", lab=lab)
    assert not made.complete
    with pytest.raises(Incomplete, match="incomplete"):
        map_features(made, small["catalogues"], lab=lab)
    assert len(map_features(made, small["catalogues"], allow_partial=True, lab=lab)) == 1


def test_estimate_counts_the_calls_of_plateaus_with_features(lab, small, bare):
    made = evolve_services(SERVICES, **bare, lab=lab)
    assert tk.estimate(map_features, made, small["catalogues"], lab=lab).calls == 6


def test_map_resumes_its_file(open_lab, planner, small, bare, tmp_path):
    """S1-48"""
    made = evolve_services(SERVICES, **bare, lab=open_lab(planner, "a"))
    out = tmp_path / "mapped.jsonl"
    map_features(made, small["catalogues"], out=out, lab=open_lab(planner, "b"))
    lines = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(lines[0] + lines[2])
    planner.asked.clear()
    map_features(made, small["catalogues"], out=out, resume=True, lab=open_lab(planner, "c"))
    assert {one.item.partition("/")[0] for one in planner.asked} == {"s1"}
    assert out.read_bytes() == b"".join(lines)
