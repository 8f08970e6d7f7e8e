"""Evolving: what is asked, in which order, what comes out, and that equal runs are equal bytes."""

import json

import orjson
import pytest

import toolkit as tk
from tests.evolutions.planner import features, service
from toolkit.errors import InvalidInput
from toolkit.evolutions import Evolutions, evolve_services, map_features, read_record
from toolkit.evolutions.record import canonical
from toolkit.resources import data_file


def test_calls_are_one_a_service_and_one_a_plateau_and_one_a_mapping_set(lab):
    made = evolve_services("town", catalogues=["applications", "technologies", "data"], max_services=2, lab=lab)
    assert made.report.calls == 2 * (1 + 5 + 5 * 3)
    usage = made.usage()
    assert usage.groupby("stage")["calls"].sum().to_dict() == {"descriptions": 2, "features": 10, "mapping": 30}
    assert usage[["live", "from_memory"]].sum().tolist() == [42, 0]


def test_every_line_satisfies_its_schema_in_input_order(lab, tmp_path):
    """S1-26, S1-53"""
    out = tmp_path / "out.jsonl"
    made = evolve_services("town", catalogues=["applications", "data"], out=out, lab=lab)
    lines = out.read_bytes().splitlines()
    assert [read_record(line)["service"]["service_id"] for line in lines] == [
        json.loads(line)["service_id"] for line in data_file("services/town.jsonl").read_text().splitlines()
    ]
    assert made.to_jsonl().encode() == out.read_bytes()
    record = made["lib-loans"]
    assert record["meta"]["mapping_types"] == ["applications", "data"]
    assert len(record["meta"]["catalogue_hash"]) == 64
    plateau = record["plateaus"][2]
    assert (plateau["plateau"], plateau["plateau_name"]) == (3, "Anticipating")
    assert [one["role_id"] for one in plateau["roles"]] == ["frontline", "managers", "public", "specialists"]
    groups = plateau["mappings"]["data"]
    assert [one["id"] for one in groups] == sorted(one["id"] for one in groups)
    linked = {(group["id"], ref["feature_id"]) for group in groups for ref in group["mappings"]}
    assert linked == {
        (link["item"], one["feature_id"]) for one in plateau["features"] for link in one["mappings"]["data"]
    }


def test_lists_stand_in_canonical_order(lab):
    made = evolve_services("town", catalogues=["technologies", "applications"], max_services=2, lab=lab)
    for record in (*made, *map_features(made, ["data", "applications"], lab=lab)):
        assert orjson.dumps(canonical(record)) == orjson.dumps(record)
        for plateau in record["plateaus"]:
            ids = [one["feature_id"] for one in plateau["features"]]
            assert ids == sorted(ids)
            for one in plateau["features"]:
                items = [link["item"] for link in one["mappings"]["applications"]]
                assert items == sorted(set(items))


def test_equal_runs_are_equal_bytes_whatever_the_pace(open_lab, tmp_path):
    """S1-24, S1-40"""
    outs = []
    for place, (plateaus, services, concurrency) in enumerate([(1, 1, 1), (5, 7, 32), (3, 12, 2)]):
        lab = open_lab(folder=f"study{place}", concurrency=concurrency)
        out = tmp_path / f"{place}" / "out.jsonl"
        evolve_services(
            "town", catalogues=["data"], plateaus_at_once=plateaus, services_at_once=services, out=out, lab=lab
        )
        outs.append(out.read_bytes())
    assert outs[0] == outs[1] == outs[2]


def test_run_id_tells_runs_apart_by_seed_settings_and_input(lab, small, services):
    def run_id(given=services, **more):
        return evolve_services(given, **{**small, **more}, lab=lab)[0]["meta"]["run_id"]

    ids = [run_id(), run_id(seed=8), run_id(features_per_role=1), run_id(given=services[:2]), run_id(context="else")]
    assert len(set(ids)) == 5
    assert run_id() == ids[0]


def test_second_run_asks_nobody(open_lab, planner, small, services):
    lab = open_lab(planner)
    first = evolve_services(services, **small, lab=lab)
    asked = len(planner.asked)
    second = evolve_services(services, **small, lab=lab)
    assert (asked, len(planner.asked)) == (3 * (1 + 2 + 2), asked)
    assert second.to_jsonl() == first.to_jsonl()
    assert second.report.cached == asked


@pytest.mark.parametrize("bound", [1, 2, 3])
def test_no_service_has_more_plateaus_at_work_than_the_bound(open_lab, planner, bound):
    """S1-03"""
    planner.wait = 0.002
    lab = open_lab(planner, concurrency=64)
    evolve_services("town", catalogues=["data"], max_services=4, plateaus_at_once=bound, lab=lab)
    assert max(planner.peak_plateaus.values()) == bound


def test_mapping_of_a_plateau_starts_before_features_of_the_next_unless_sequential(open_lab, planner, small):
    """S1-40: with pipelining one plateau's mapping begins while another's features are outstanding."""
    planner.wait = 0.002
    one = [service(1)]

    def orders(bound, folder):
        planner.log.clear()
        made = evolve_services(one, **small, plateaus_at_once=bound, lab=open_lab(planner, folder))
        return [what for what in planner.log if what[1] != "s1"], made.to_jsonl()

    apart, first = orders(1, "a")
    assert apart.index(("ended", "s1/1/apps")) < apart.index(("begun", "s1/2"))
    beside, second = orders(2, "b")
    assert beside.index(("begun", "s1/2")) < beside.index(("ended", "s1/1"))
    assert first == second


def test_each_line_is_on_disk_when_its_turn_has_come(open_lab, planner, small, tmp_path):
    out = tmp_path / "out.jsonl"
    lab = open_lab(planner)
    seen = []
    lab.events.subscribe(
        lambda event: seen.append((event.data["service"], len(out.read_bytes().splitlines()))), "evolutions.service"
    )
    evolve_services([service(n) for n in range(8)], **small, out=out, lab=lab)
    assert seen == [(f"s{n}", n + 1) for n in range(8)]


def test_service_that_hangs_ends_by_its_timeout_and_the_lines_behind_it_are_written(open_lab, planner, small, tmp_path):
    """S1-32: neither does it block the file for good, nor do results pile up behind it."""
    planner.hangs.add("s2/1")
    lab = open_lab(planner, stage_timeouts={"evolutions.features": 0.3})
    made = evolve_services(
        [service(n) for n in range(40)], **small, services_at_once=2, out=tmp_path / "out.jsonl", lab=lab
    )
    assert made.errors[["item", "kind"]].values.tolist() == [["s2/1", "timeout"]]
    assert [one["service"]["service_id"] for one in made] == [f"s{n}" for n in range(40)]
    assert made["s2"]["plateaus"][0]["features"] == []
    late = planner.log.index(("ended", "s2/1"))
    admitted = {item.partition("/")[0] for what, item in planner.log[:late] if what == "begun"}
    assert len(admitted) <= 2 + 4 * 2


def test_budget_makes_whole_services_first_and_the_next_run_does_the_rest(open_lab, planner, small, tmp_path):
    """S1-18: what finished stays; nothing is asked once the budget is reached."""
    services = [service(n) for n in range(6)]
    lab = open_lab(planner, concurrency=1)
    made = evolve_services(services, **small, budget="12 requests", out=tmp_path / "out.jsonl", lab=lab)
    assert len(planner.asked) == 12
    assert not made.complete
    assert len(made) == 2
    assert set(made.errors["kind"]) == {"budget"}
    more = made.resume()
    assert (len(more), len(planner.asked)) == (4, 24)
    whole = evolve_services(services, **small, out=tmp_path / "out.jsonl", lab=lab)
    assert (len(whole), whole.complete, len(planner.asked)) == (6, True, 30)
    assert whole.to_jsonl().startswith(made.to_jsonl())


def test_stage_may_have_a_model_of_its_own_and_the_meta_names_it(lab, small, services):
    made = evolve_services(services, **small, models={"mapping": "scripted:other"}, lab=lab)
    told = made[0]["meta"]["models"]
    assert told == {
        "descriptions": "scripted:default",
        "features": "scripted:default",
        "mapping": "scripted:other",
        "search": None,
    }
    by = made.report.frame.set_index("stage")["model"].to_dict()
    assert by["evolutions.mapping"] == "scripted:other"
    with pytest.raises(InvalidInput, match="stage 'maping'"):
        evolve_services(services, **small, models={"maping": "scripted"}, lab=lab)


def test_diagnostics_ask_for_a_rationale_with_each_link(lab, small, services):
    made = evolve_services(services, **small, diagnostics=True, lab=lab)
    assert (made.links["rationale"].str.len() > 0).all()
    assert made[0]["meta"]["diagnostics"] is True
    read_record(made[0])


def test_schema_1_1_calls_the_text_description(lab, small, services):
    new = evolve_services(services, **small, schema_version="1.1", lab=lab)[0]
    old = evolve_services(services, **small, lab=lab)[0]
    assert read_record(new)["meta"]["schema_version"] == "1.1"
    assert [one["description"] for one in new["plateaus"]] == [one["service_description"] for one in old["plateaus"]]


def test_estimate_and_preview_call_nobody_and_tell_the_number_of_calls(open_lab, planner):
    lab = open_lab(planner)
    told = tk.estimate(evolve_services, "town", catalogues=["applications", "technologies", "data"], lab=lab)
    assert told.calls == 12 * 21
    shown = str(tk.preview(evolve_services, "town", lab=lab))
    assert "Marlow Ford" in shown
    assert shown.index("Marlow Ford") < shown.index("SERVICE_CONTEXT")
    assert planner.asked == []


def test_estimate_knows_what_memory_holds(lab, small, services):
    evolve_services(services, **small, lab=lab)
    assert tk.estimate(evolve_services, services, **small, lab=lab).to_ask == 0


def test_prompts_of_one_stage_share_all_but_what_varies(open_lab, planner, small, services):
    """What is fixed stands first: the system prompt and the schema are the same bytes for every service."""
    evolve_services(services, **small, lab=open_lab(planner))
    for stage in ("descriptions", "features", "mapping"):
        calls = [one for one in planner.asked if one.stage == f"evolutions.{stage}"]
        assert len({one.messages[0].text for one in calls}) == 1
        assert len({one.schema.json for one in calls}) == 1
        assert all(one.messages[1].text.startswith("SERVICE_CONTEXT:\n{") for one in calls)
        context = orjson.loads(calls[0].messages[1].text.split("\n", 2)[1])
        assert context["service_id"] == "s1"


def test_blank_description_goes_on_without_it(open_lab, planner, small):
    planner.says["s1"] = {"descriptions": {"plateau_1": "", "plateau_2": "Good."}}
    made = evolve_services([service(1)], **small, lab=open_lab(planner))
    assert [one["service_description"] for one in made[0]["plateaus"]] == ["", "Good."]
    assert made.quarantined[["kind", "item"]].values.tolist() == [["missing_description", "s1"]]
    assert len(made.errors) == 0


def test_feature_ids_do_not_depend_on_service_or_seed(open_lab, planner, small):
    planner.says |= {f"s{n}/1": features("Lockers") for n in (1, 2)}
    made = evolve_services([service(1), service(2)], **small, lab=open_lab(planner))
    first, second = (record["plateaus"][0]["features"][0]["feature_id"] for record in made)
    assert first == second


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"features_per_role": 0}, "features_per_role=0"),
        ({"plateaus_at_once": True}, "plateaus_at_once=True"),
        ({"services_at_once": -1}, "services_at_once=-1"),
        ({"attempts": 0}, "attempts=0"),
        ({"schema_version": "2.0"}, "schema_version='2.0'"),
        ({"resume": True}, "needs out="),
        ({"reference": "no-such-folder"}, "there is no folder"),
        ({"mapping_sets": ["data"]}, "both given"),
        ({"roles": []}, "there are no roles"),
        ({"context": 3}, "context is int"),
        ({"budget": "2 EUR"}, "EUR"),
        ({"max_services": 0}, "max_services=0"),
    ],
)
def test_argument_that_cannot_be_used_is_refused_before_anything_is_asked(
    open_lab, planner, small, services, wrong, why
):
    with pytest.raises(InvalidInput, match=why):
        evolve_services(services, **{**small, **wrong}, lab=open_lab(planner))
    assert planner.asked == []


def test_capsule_replays_a_run_to_the_same_bytes(open_lab, small, services, tmp_path):
    lab = open_lab()
    made = evolve_services(services, **small, lab=lab)
    capsule = lab.freeze(tmp_path / "evolutions.capsule")
    with tk.Lab(capsule=capsule) as replay:
        again = evolve_services(services, **small, lab=replay)
        replay.close()
    assert again.to_jsonl() == made.to_jsonl()
    assert again.report.live == 0


def test_awaitable_twin_and_background_do_the_same(lab, small, services):
    import asyncio

    blocking = evolve_services(services, **small, lab=lab)
    assert asyncio.run(evolve_services.aio(services, **small, lab=lab)).to_jsonl() == blocking.to_jsonl()
    assert tk.start(evolve_services, services, **small, lab=lab).result(60).to_jsonl() == blocking.to_jsonl()
    assert isinstance(lab.last, Evolutions)
