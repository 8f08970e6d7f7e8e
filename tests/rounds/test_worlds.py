import asyncio
import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

import toolkit as tk
from tests.rounds.ensemble import Ensemble, plan, says
from toolkit.display.html import LARGEST_REPR
from toolkit.errors import InvalidInput, ProviderDown, ReplayMiss
from toolkit.rounds import Character, Lore, Play, Scene, run_rounds, run_worlds
from toolkit.rounds.timeline import TURN_COLUMNS
from toolkit.testing import WireServer

BOTH = {"control": {}, "storm": {"notes": {"scene": "A storm shakes the room."}}}


class Votes(BaseModel):
    yes: int


class Cast(BaseModel):
    cast: str


# --- what comes out ---


def test_one_frame_holds_a_row_a_turn_of_every_world(lab, trio):
    worlds = run_worlds(trio, conditions=BOTH, repeats=2, rounds=2, lab=lab)
    assert [one.name for one in worlds.worlds] == ["control/1", "storm/1", "control/2", "storm/2"]
    assert list(worlds.frame.columns) == ["world", "cast", "condition", "repeat", *TURN_COLUMNS]
    assert len(worlds.frame) == 4 * 2 * 2
    part = worlds.frame[worlds.frame["world"] == "storm/2"]
    assert part[["condition", "repeat", "round", "speaker"]].to_numpy().tolist() == [
        ["storm", 2, 1, "Ada"],
        ["storm", 2, 1, "Ben"],
        ["storm", 2, 2, "Ada"],
        ["storm", 2, 2, "Ben"],
    ]
    assert worlds.frame["repeat"].dtype == worlds.frame["round"].dtype == "Int64"
    assert worlds.events["world"].unique().tolist() == list(worlds.plays)
    assert worlds.complete
    assert worlds.errors.empty
    assert worlds.report.calls == 4 * 2 * 4


def test_a_world_is_a_play_found_by_place_and_by_name(lab, trio):
    worlds = run_worlds(trio, conditions=BOTH, rounds=1, lab=lab)
    assert len(worlds) == len(list(worlds)) == 2
    assert worlds[1] is worlds["storm/1"]
    assert isinstance(worlds[0], Play)
    assert worlds["storm/1"].branch(0, {"notes": {"scene": "Quiet."}}).state.notes["scene"] == "Quiet."
    with pytest.raises(InvalidInput, match=r"there is no world 'strom/1'.*nearest: 'storm/1'"):
        worlds["strom/1"]


def test_condition_reaches_the_prompts_of_its_own_world_alone(lab, trio, ensemble):
    """S4-06: the notes of one world are never in another's prompt."""
    run_worlds(trio, conditions=BOTH, repeats=3, rounds=2, lab=lab)
    for call in ensemble.calls:
        told = "A storm shakes the room." in "\n".join(message.text for message in call.messages)
        assert told == call.item.startswith("storm/")


def test_no_two_worlds_share_a_reply(open_lab, trio):
    lab = open_lab()
    worlds = run_worlds(trio, conditions={"a": {}, "b": {}}, repeats=3, rounds=1, lab=lab)
    assert worlds.report.cached == 0
    assert len({play.id for play in worlds}) == 6
    assert len({play.production.seed for play in worlds}) == 6
    assert len({play.timeline.to_json() for play in worlds}) > 1


def test_worlds_are_the_same_whatever_else_is_played_and_in_whatever_order(open_lab, trio, tmp_path):
    some = run_worlds(trio, conditions=BOTH, repeats=1, rounds=2, lab=open_lab(study=tmp_path / "one"))
    turned = {**dict(reversed(BOTH.items())), "more": {"title": "Another"}}
    more = run_worlds(trio, conditions=turned, repeats=2, rounds=2, lab=open_lab(study=tmp_path / "two"))
    for name in some.plays:
        assert some[name].frame.equals(more[name].frame)


def test_several_casts_by_name_and_in_a_list(open_lab, trio):
    lab = open_lab()
    panel = tk.generate_personas(4, "us-adults-2012", detail="facts", lab=lab)
    worlds = run_worlds("focus-group", {"first": panel[:2], "last": panel[2:]}, BOTH, rounds=1, director=False, lab=lab)
    assert list(worlds.plays) == ["first/control/1", "first/storm/1", "last/control/1", "last/storm/1"]
    assert worlds["last/storm/1"].production.company.names == tuple(one.name for one in panel[2:])
    listed = run_worlds(trio, [[{"name": "Kim"}], [Character("Lou")]], rounds=1, director=False, lab=lab)
    assert list(listed.plays) == ["cast 1/1", "cast 2/1"]
    one = run_worlds(trio, panel, rounds=1, director=False, lab=lab)
    assert list(one.plays) == ["1"]
    assert len(one[0].production.company) == 4


def test_condition_changes_fields_of_the_scene(lab, trio):
    change = {
        "title": "Later",
        "notes": {"arc": "Rain."},
        "present": ["Cleo"],
        "user": Character("Ugo"),
        "script": ["Now?"],
        "lore": [Lore("Bread is free.", keys=("bread",))],
        "world": {"hour": 9},
        "trackers": {"votes": 3},
        "states": {"Cleo": {"mood": "glad"}},
    }
    worlds = run_worlds(trio, conditions={"all": change, "none": None, "other": Scene("else")}, rounds=1, lab=lab)
    scene = worlds["all/1"].scene
    assert (scene.title, scene.notes["arc"], scene.notes["scene"]) == ("Later", "Rain.", "A room.")
    assert (scene.present, scene.user.name, scene.script) == (("Cleo",), "Ugo", ("Now?",))
    assert (scene.lore[0].text, scene.world["hour"], scene.trackers["votes"]) == ("Bread is free.", 9, 3)
    assert scene.states["Cleo"]["mood"] == "glad"
    assert worlds["all/1"].frame["text"][0] == "Now?"
    assert worlds["none/1"].scene.digest == trio.digest
    assert worlds["other/1"].production.company.names == trio.company().names


def test_summary_has_one_row_a_world(open_lab, trio):
    lab = open_lab(Ensemble({"storm/1/r1/Ada": "no JSON", "storm/1/r2/until": {"why": "It is.", "holds": True}}))
    worlds = run_worlds(trio, conditions=BOTH, rounds=3, until="They agree.", lab=lab)
    assert worlds.summary().to_numpy().tolist() == [
        ["control/1", "", "control", 1, 3, "rounds", 6, 24, 0],
        ["storm/1", "", "storm", 1, 2, "until", 3, 12, 1],
    ]
    assert worlds.complete
    assert worlds.errors["item"].tolist() == ["storm/1/r1/Ada"]


def test_reprs_are_small_and_tell_what_was_played(open_lab, trio):
    lab = open_lab()
    worlds = run_worlds(trio, conditions={**BOTH, "<img src=x>": {}}, repeats=4, rounds=1, lab=lab)
    bundle = worlds._repr_mimebundle_()
    assert "Three in a room: 12 worlds" in bundle["text/plain"]
    assert "storm" in bundle["text/html"]
    assert "<img" not in bundle["text/html"]
    assert len(bundle["text/html"].encode()) < LARGEST_REPR
    assert "storm/2" in worlds["storm/2"]._repr_mimebundle_()["text/html"]
    assert "say nothing about people" in repr(worlds["storm/2"])


# --- one world's fault touches no other ---


def test_turn_that_never_validates_costs_its_turn_in_its_world_alone(open_lab, trio):
    scripts = {"control/1/r1/Ben": "no JSON at all"}
    worlds = run_worlds(trio, conditions=BOTH, rounds=2, lab=open_lab(Ensemble(scripts)))
    assert worlds["control/1"].frame["status"].tolist().count("failed") == 1
    assert (worlds["storm/1"].frame["status"] == "ok").all()
    assert len(worlds["control/1"]) == 2


def test_world_whose_model_is_gone_stops_alone_and_is_resumed(open_lab, trio):
    ensemble = Ensemble(
        dict.fromkeys(("storm/1/r1/director", "storm/1/r1/Ada", "storm/1/r1/Ben"), ProviderDown("gone"))
    )
    ensemble.script["storm/1/r1/director-2"] = ProviderDown("gone")
    worlds = run_worlds(trio, conditions=BOTH, rounds=2, lab=open_lab(ensemble))
    assert worlds.summary()[["world", "rounds", "ended"]].to_numpy().tolist() == [
        ["control/1", 2, "rounds"],
        ["storm/1", 0, "out_of_reach"],
    ]
    assert not worlds.complete
    with pytest.raises(tk.Incomplete, match="not every world"):
        worlds.extract(Votes)
    ensemble.script.clear()
    asked = len(ensemble.calls)
    whole = worlds.resume()
    assert whole.complete
    assert whole["control/1"].timeline == worlds["control/1"].timeline
    assert all(call.item.startswith("storm/1/") for call in ensemble.calls[asked:])


def test_fault_of_foreign_code_ends_one_world_and_is_a_row(open_lab, trio, caplog):
    def explodes(_: object) -> None:
        raise RuntimeError("my own function, for ada@example.org")

    lab = open_lab(Ensemble({"storm/1/r1/Ada": explodes}))
    worlds = run_worlds(trio, conditions=BOTH, rounds=1, lab=lab)
    assert worlds["storm/1"].ended == "fault"
    assert worlds["control/1"].ended == "rounds"
    assert not worlds.complete
    rows = worlds.errors[["item", "kind", "message"]].to_numpy().tolist()
    assert rows[0] == ["storm/1", "fault", "RuntimeError: my own function, for [email]"]
    assert rows[1][:2] == ["storm/1/round 1", "not_run"]
    assert "ended by a fault" in repr(worlds)
    assert "ada@example.org" not in caplog.text
    assert "the world storm/1 was ended by a fault" in caplog.text


def test_fault_of_every_world_is_raised(open_lab, trio):
    def explodes(_: object) -> None:
        raise RuntimeError("everywhere")

    lab = open_lab(Ensemble({"1/r1/Ada": explodes}))
    with pytest.raises(RuntimeError, match="everywhere"):
        run_worlds(trio, rounds=1, lab=lab)


def test_listener_that_fails_leaves_every_world_alone(lab, trio):
    def fails(_: object) -> None:
        raise ValueError

    lab.events.subscribe(fails, "rounds.")
    heard: list[str] = []
    lab.events.subscribe(lambda event: heard.append(event.data["world"]), "rounds.roundCompleted")
    assert run_worlds(trio, conditions=BOTH, rounds=1, lab=lab).complete
    assert sorted(heard) == ["control/1", "storm/1"]


# --- how it runs ---


def test_a_hundred_worlds_are_asked_at_once(tmp_path, trio):
    with WireServer(latency=0.2) as wire:
        lab = tk.Lab(
            "openai:many", study=tmp_path / "study", seed=7, base_url=wire.url, api_key=wire.key, concurrency=100
        )
        worlds = run_worlds(trio, conditions=BOTH, repeats=50, rounds=1, director=False, lab=lab)
        lab.close()
        assert worlds.complete
        assert len(worlds.frame) == 200
        assert wire.requests.peak >= 64
        assert wire.requests.total == 200


def test_worlds_wait_for_a_place_and_first_ones_end_first(open_lab, trio):
    lab = open_lab(Ensemble(), concurrency=2)
    ended: list[str] = []
    lab.events.subscribe(lambda event: ended.append(event.data["world"]), "rounds.roundCompleted")
    run_worlds(trio, repeats=6, rounds=2, lab=lab)
    assert set(ended[:4]) == {"1", "2"}


def test_budget_is_shared_and_resume_plays_the_rest(open_lab, trio):
    lab = open_lab(Ensemble(), concurrency=1)
    worlds = run_worlds(trio, conditions=BOTH, repeats=2, rounds=1, budget="9 requests", lab=lab)
    assert [play.ended for play in worlds] == ["rounds", "rounds", "budget", "budget"]
    assert worlds.errors["item"].tolist() == ["control/2/round 1", "storm/2/round 1"]
    assert set(worlds.errors["kind"]) == {"budget"}
    rest = run_worlds(trio, conditions=BOTH, repeats=2, rounds=1, lab=lab)
    assert rest.complete
    assert rest["control/1"].timeline == worlds["control/1"].timeline


def test_memory_goes_on_answering_once_a_budget_is_reached(open_lab, trio):
    lab = open_lab(Ensemble(), concurrency=1)
    run_worlds(trio, conditions={"b": {}}, rounds=1, lab=lab)
    worlds = run_worlds(trio, conditions={"a": {}, "b": {}}, rounds=1, budget="1 requests", lab=lab)
    assert {name: play.ended for name, play in worlds.plays.items()} == {"a/1": "budget", "b/1": "rounds"}


def test_retry_asks_the_failed_turn_of_its_world_again(open_lab, trio):
    ensemble = Ensemble({"storm/1/r1/Ada": ["?", "??", says("At last.")]})
    worlds = run_worlds(trio, conditions=BOTH, rounds=1, lab=open_lab(ensemble))
    asked = len(ensemble.calls)
    again = worlds.retry()
    assert again.errors.empty
    assert "At last." in again["storm/1"].frame["text"].tolist()
    assert all(call.item.startswith("storm/1/") for call in ensemble.calls[asked:])


def test_strict_raises_with_what_was_played(open_lab, trio):
    lab = open_lab(Ensemble({"storm/1/r1/Ada": "?"}))
    with pytest.raises(tk.Incomplete, match="storm/1/r1/Ada") as caught:
        run_worlds(trio, conditions=BOTH, rounds=1, strict=True, lab=lab)
    assert len(caught.value.result) == 2


def test_each_world_has_a_file_of_its_own_and_playing_again_writes_nothing(open_lab, trio, tmp_path):
    lab = open_lab(Ensemble())
    worlds = run_worlds(trio, conditions=BOTH, rounds=2, lab=lab)
    files = sorted((tmp_path / "study" / "plays").glob("*.jsonl"))
    assert {path.stem for path in files} == {play.id for play in worlds}
    held = [path.read_bytes() for path in files]
    for path, data in zip(files, held, strict=True):
        assert data.count(b"\n") == 3
        assert Play.load(path).timeline == next(play for play in worlds if play.id == path.stem).timeline
    again = run_worlds(trio, conditions=BOTH, rounds=2, lab=lab)
    assert again.report.live == 0
    assert [path.read_bytes() for path in files] == held


def test_capsule_replays_all_worlds_and_a_miss_is_an_error(open_lab, trio, tmp_path):
    lab = open_lab(Ensemble())
    worlds = run_worlds(trio, conditions=BOTH, rounds=1, lab=lab)
    lab.freeze(tmp_path / "both.capsule")
    replay = open_lab(capsule=tmp_path / "both.capsule")
    assert run_worlds(trio, conditions=BOTH, rounds=1, seed=7, lab=replay).frame.equals(worlds.frame)
    with pytest.raises(ReplayMiss):
        run_worlds(trio, conditions={**BOTH, "new": {}}, rounds=1, seed=7, lab=replay)


def test_killed_process_goes_on_where_it_was(tmp_path):
    """A second process plays the rest: no round twice, none lost."""
    code = (
        "import sys, toolkit as tk\n"
        "from toolkit.models.scripted import ScriptedModel\n"
        "from toolkit.rounds import run_worlds\n"
        f"lab = tk.Lab(ScriptedModel(seed=3, latency=0.02), study={str(tmp_path / 'study')!r}, seed=7)\n"
        "lab.events.subscribe(lambda _: print(1, flush=True), 'rounds.roundCompleted')\n"
        "run_worlds('negotiation', repeats=4, rounds=5, director=False, lab=lab)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(tk.__file__).parents[1]
    ) as child:
        for _ in range(6):
            assert child.stdout.readline()
        child.kill()
    from toolkit.models.scripted import ScriptedModel

    lab = tk.Lab(ScriptedModel(seed=3), study=tmp_path / "study", seed=7)
    worlds = run_worlds("negotiation", repeats=4, rounds=5, director=False, lab=lab)
    lab.close()
    assert worlds.complete
    assert worlds.report.cached > 0
    for play in worlds:
        saved = Play.load(tmp_path / "study" / "plays" / f"{play.id}.jsonl")
        assert [one.number for one in saved.rounds] == [1, 2, 3, 4, 5]
        assert saved.timeline == play.timeline


def test_stopped_worlds_keep_the_rounds_that_are_over(open_lab, trio):
    lab = open_lab()
    run = tk.start(run_worlds, trio, repeats=300, rounds=20, lab=lab)
    lab.events.subscribe(lambda _: run.stop(), "rounds.roundCompleted")
    worlds = run.result(timeout=60)
    assert not worlds.complete
    assert {play.ended for play in worlds} >= {"stopped"}
    assert "not_run" in set(worlds.errors["kind"])


def test_estimate_counts_every_world_and_asks_nobody(lab, trio, ensemble):
    told = tk.estimate(run_worlds, trio, None, BOTH, 3, rounds=2, lab=lab)
    assert (told.calls, told.remembered) == (6 * 2 * 4, 0)
    assert ensemble.calls == []


def test_awaitable_twin_plays_the_same(lab, trio):
    worlds = run_worlds(trio, conditions=BOTH, rounds=1, lab=lab)
    twin = asyncio.run(run_worlds.aio(trio, conditions=BOTH, rounds=1, lab=lab))
    assert twin.frame.equals(worlds.frame)


# --- reading from the transcripts ---


def test_typed_results_of_all_worlds_are_one_frame(open_lab, trio):
    ensemble = Ensemble()
    worlds = run_worlds(trio, conditions=BOTH, rounds=1, lab=open_lab(ensemble))
    names = [f"{world}/extract/{who}" for world in worlds.plays for who in ("Ada", "Ben")]
    ensemble.script |= {name: {"yes": place} for place, name in enumerate(names)}
    found = worlds.extract(Votes, "How many?", each="character")
    assert found.frame[["world", "condition", "repeat", "of", "yes", "status"]].to_numpy().tolist() == [
        ["control/1", "control", 1, "Ada", 0, "ok"],
        ["control/1", "control", 1, "Ben", 1, "ok"],
        ["storm/1", "storm", 1, "Ada", 2, "ok"],
        ["storm/1", "storm", 1, "Ben", 3, "ok"],
    ]
    assert "storm" in found._repr_mimebundle_()["text/html"]
    assert worlds["storm/1"].extract(Votes, "How many?", each="character").records == [{"yes": 2}, {"yes": 3}]


def test_field_that_would_hide_a_column_is_refused(lab, trio):
    worlds = run_worlds(trio, rounds=1, lab=lab)
    with pytest.raises(InvalidInput, match="the schema has a field 'cast'"):
        worlds.extract(Cast)


# --- bad input ---


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"conditions": {}}, "conditions is empty"),
        ({"conditions": ["a"]}, "conditions are list, not names and changes"),
        ({"conditions": {"a/b": {}}}, "a condition is named 'a/b'"),
        ({"conditions": {"": {}}}, "a condition is named ''"),
        ({"conditions": {"a": "rain"}}, "the condition 'a' is str"),
        ({"conditions": {"a": {"note": {}}}}, "the condition 'a' changes 'note'.*nearest: 'notes'"),
        ({"conditions": {"a": {"cast": []}}}, "the condition 'a' changes 'cast'"),
        ({"conditions": {"a": {"notes": "rain"}}}, "the condition 'a': notes is 'rain'"),
        ({"conditions": {"a": {"notes": {"sky": "rain"}}}}, "the condition 'a' has an unknown key 'notes.sky'"),
        ({"conditions": {"a": {"present": ["Zoe"]}}}, "the condition 'a': 'Zoe' is not in the cast"),
        ({"casts": {}}, "casts is empty"),
        ({"casts": {"a": []}}, "the cast is empty"),
        ({"casts": {"a/b": [{"name": "Ada"}]}}, "a cast is named 'a/b'"),
        ({"casts": "Ada"}, "the cast is str"),
        ({"repeats": 0}, "repeats=0 plays nothing"),
        ({"repeats": True}, "repeats=True plays nothing"),
        ({"rounds": 0}, "rounds=0 plays nothing"),
        ({"seed": "x"}, "seed='x' is no whole number"),
        ({"rules": {"shares": {"history": 120}}}, "the shares sum to 120"),
        ({"budget": "lots"}, "lots"),
    ],
)
def test_wrong_argument_is_one_clear_line_and_nothing_is_billed(lab, trio, ensemble, given, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        run_worlds(trio, **{"lab": lab, **given})
    assert "\n" not in str(caught.value)
    assert ensemble.calls == []


def test_incomplete_panel_is_refused(open_lab, trio):
    lab = open_lab()
    panel = tk.generate_personas(4, "us-adults-2012", detail="brief", budget="2 requests", lab=lab)
    with pytest.raises(tk.Incomplete, match="the panel is incomplete"):
        run_worlds(trio, panel, lab=lab)
    assert len(run_worlds(trio, panel, rounds=1, allow_partial=True, director=False, lab=lab)) == 1


def test_single_play_has_no_world_in_its_items(lab, trio, ensemble):
    run_rounds(trio, rounds=1, lab=lab)
    assert "r1/Ada" in ensemble.items
    assert dataclasses.replace(run_rounds(trio, rounds=1, lab=lab).production).label == ""
    assert plan()["actingCharacters"] == []
