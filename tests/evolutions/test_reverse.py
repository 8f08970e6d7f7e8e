"""Reverse fills a memory that a run then hits every time (trap 2 of the earlier program: its entries never hit)."""

import json

import pytest

import toolkit as tk
from tests.evolutions.planner import service
from toolkit.errors import InvalidInput
from toolkit.evolutions import evolve_services
from toolkit.evolutions.reverse import features_of, reverse_evolutions

SERVICES = [service(n) for n in range(3)]


def test_run_on_the_filled_memory_asks_nobody_and_gives_the_same_bytes(open_lab, planner, small):
    made = evolve_services(SERVICES, **small, lab=open_lab(planner, "a"))
    asked = len(planner.asked)
    lab = open_lab(planner, "b")
    assert reverse_evolutions(evolve_services.job(SERVICES, **small, lab=lab), list(made)) == (15, 0)
    again = evolve_services(SERVICES, **small, lab=lab)
    assert len(planner.asked) == asked
    assert again.report.cached == 15
    assert again.to_jsonl() == made.to_jsonl()


def test_what_failed_is_not_in_memory_and_is_asked_for(open_lab, planner, small):
    planner.says |= {"s1/2": "nonsense", "s2/1/apps": "nonsense"}
    made = evolve_services(SERVICES, **small, lab=open_lab(planner, "a"))
    planner.says.clear()
    planner.asked.clear()
    lab = open_lab(planner, "b")
    given, lacking = reverse_evolutions(evolve_services.job(SERVICES, **small, lab=lab), list(made))
    assert (given, lacking) == (12, 2)
    again = evolve_services(SERVICES, **small, lab=lab)
    assert {one.item for one in planner.asked} == {"s1/2", "s1/2/apps", "s2/1/apps"}
    assert len(again.errors) == 0


def test_remembered_replies_stay_and_say_where_the_others_come_from(open_lab, planner, small):
    made = evolve_services(SERVICES, **small, lab=open_lab(planner, "a"))
    lab = open_lab(planner, "b")
    job = evolve_services.job(SERVICES, **small, lab=lab)
    reverse_evolutions(job, list(made))
    calls = list(job.calls())
    assert {lab.engine.cache.lookup([call])[0].notes for call in calls} == {("taken from stored evolutions",)}
    assert reverse_evolutions(job, list(made)) == (15, 0)


def test_services_without_a_record_are_left_to_the_run(open_lab, planner, small):
    made = evolve_services(SERVICES, **small, lab=open_lab(planner, "a"))
    lab = open_lab(planner, "b")
    assert reverse_evolutions(evolve_services.job(SERVICES, **small, lab=lab), [made[0]]) == (5, 0)


def test_lab_without_a_study_and_several_models_are_refused(open_lab, small, tmp_path):
    lab = open_lab()
    made = evolve_services(SERVICES, **small, lab=lab)
    job = evolve_services.job(SERVICES, **small, models={"mapping": "scripted:other"}, lab=lab)
    with pytest.raises(InvalidInput, match="several models"):
        reverse_evolutions(job, list(made))
    with tk.Lab(capsule=lab.freeze(tmp_path / "x.capsule")) as replay:
        with pytest.raises(InvalidInput, match="cannot be filled"):
            reverse_evolutions(evolve_services.job(SERVICES, **small, lab=replay), list(made))
        replay.close()


def test_features_file_has_one_line_a_feature(lab, small):
    made = evolve_services(SERVICES, **small, lab=lab)
    rows = list(features_of(list(made)))
    assert len(rows) == len(made.frame)
    assert json.dumps(rows[0])
    assert {"service_id", "plateau", "role", "feature_id", "name", "score"} <= set(rows[0])
