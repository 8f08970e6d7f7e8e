import json
from pathlib import Path

import pytest
import yaml

import toolkit as tk
from toolkit.errors import Incomplete, InvalidInput
from toolkit.personas import Persona
from toolkit.resources import data_file
from toolkit.rounds import Character, Scene
from toolkit.rounds.cast import Cast
from toolkit.rounds.rules import Rules

SHIPPED = ("focus-group", "negotiation", "story")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_scene_loads_and_comes_back_from_json(name):
    scene = Scene.load(name)
    assert scene.id == name
    assert Scene.from_dict(json.loads(json.dumps(scene.to_dict()))).digest == scene.digest
    assert scene.start().present


def test_scene_file_may_be_yaml_or_json(tmp_path):
    body = Scene.load("story").to_dict()
    (tmp_path / "a.json").write_text(json.dumps(body))
    (tmp_path / "b.yaml").write_text(yaml.safe_dump(body))
    assert (
        Scene.load(tmp_path / "a.json").digest
        == Scene.load(str(tmp_path / "b.yaml")).digest
        == Scene.load("story").digest
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tittle": "x"}, r"has an unknown key 'tittle'.*nearest: 'title'"),
        ({"notes": {"campain": "x"}}, r"has an unknown key 'notes.campain'.*nearest: 'campaign'"),
        ({"cast": [{"name": "Ada", "mod": "x"}]}, r"has an unknown key 'cast.0.mod'.*nearest: 'mood'"),
        ({"cast": [{"mood": "x"}]}, r"has no 'cast.0.name'"),
        ({"id": ""}, r"id: string should have at least 1 character"),
        ({"id": 7}, r"id: input should be a valid string"),
        ({"cast": "Ada"}, r"cast: input should be a valid list"),
        ({"cast": [{"name": "Ada"}, {"name": " ada "}]}, r"two people in the cast have the name 'ada'"),
        ({"cast": [{"name": "Ada", "id": "1"}, {"name": "Ben", "id": "1"}]}, r"two people in the cast have the id '1'"),
        ({"cast": [{"name": "Ada"}], "user": {"name": "ADA"}}, r"two people in the cast have the name 'ADA'"),
        ({"cast": [{"name": "Ada"}], "present": ["Bea"]}, r"'Bea' is not in the cast"),
        ({"cast": [{"name": "Ada"}], "states": {"Bea": {}}}, r"'Bea' is not in the cast"),
        ({"states": {"Ada": {"hair": "red"}}}, r"has an unknown key 'states.Ada.hair'"),
        ({"lore": [{"keys": ["x"]}]}, r"has no 'lore.0.text'"),
    ],
)
def test_bad_scene_file_is_one_clear_line(tmp_path, change, message):
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump({"id": "bad", **change}))
    with pytest.raises(InvalidInput, match=message) as caught:
        Scene.load(path)
    assert "\n" not in str(caught.value)
    assert "bad.yaml" in str(caught.value)


@pytest.mark.parametrize("text", ["id: [", "- a", "", "\x00"])
def test_file_that_is_no_scene_is_one_clear_line(tmp_path, text):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=r"bad\.yaml") as caught:
        Scene.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["focusgroup", "../focus-group", "", "/etc/passwd"])
def test_unknown_scene_is_named_with_those_there_are(name):
    with pytest.raises(InvalidInput, match=r"there is no scene.*focus-group, negotiation, story"):
        Scene.load(name)


def test_missing_file_is_one_clear_line():
    with pytest.raises(InvalidInput, match=r"the scene nowhere\.yaml cannot be read: No such file"):
        Scene.load("nowhere.yaml")


def test_panel_of_a_scene_file_stays_in_its_folder(tmp_path, open_lab):
    lab = open_lab()
    panel = tk.generate_personas(2, "us-adults-2012", detail="facts", lab=lab)
    inside = tmp_path / "scenes"
    inside.mkdir()
    panel.save(inside / "people.jsonl")
    panel.save(tmp_path / "people.jsonl")
    path = inside / "s.yaml"
    path.write_text("id: s\npanel: people.jsonl\n")
    assert [one.name for one in Scene.load(path).cast] == [one.name for one in panel]
    (inside / "link.jsonl").symlink_to(tmp_path / "people.jsonl")
    for outside in ("../people.jsonl", str(tmp_path / "people.jsonl"), "link.jsonl"):
        path.write_text(f"id: s\npanel: {outside}\n")
        with pytest.raises(InvalidInput, match="outside the scene's folder"):
            Scene.load(path)


def test_cast_comes_from_a_panel_from_personas_or_is_written_down(trio, open_lab):
    lab = open_lab()
    panel = tk.generate_personas(3, "us-adults-2012", detail="brief", lab=lab)
    cast = trio.with_cast(panel).cast
    assert [one.id for one in cast] == ["p0001", "p0002", "p0003"]
    assert cast[0].description == panel[0].fields["bio"]
    assert cast[0].told.startswith(f"Name: {panel[0].name}")
    person = Persona("p1", "Dora Quill", {"age": 30})
    assert trio.with_cast([person, {"name": "Eli", "mood": "calm"}, Character("Fay")]).company().names == (
        "Dora Quill",
        "Eli",
        "Fay",
    )
    assert trio.with_cast({"name": "Eli"}).company().names == ("Eli",)


def test_cast_given_keeps_entry_and_exit_written_in_the_scene(trio):
    cast = trio.with_cast([{"name": "cleo", "description": "another one"}, {"name": "Ben"}]).cast
    assert cast[0].entry == "You are out of breath."
    assert cast[0].description == "another one"


def test_incomplete_panel_is_refused_unless_allowed(trio, open_lab):
    lab = open_lab(chaos=0.9)
    panel = tk.generate_personas(4, "us-adults-2012", detail="brief", budget="1 requests", lab=lab)
    assert not panel.complete
    with pytest.raises(Incomplete, match="the panel is incomplete"):
        trio.with_cast(panel)
    if len(panel):
        assert len(trio.with_cast(panel, allow_partial=True).cast) == len(panel)


@pytest.mark.parametrize(
    ("cast", "message"),
    [
        ([], "the cast is empty"),
        (["Ada"], "a member of the cast is of type str"),
        ("Ada", "the cast is str, not people"),
        (7, "the cast is int, not people"),
        ([{"nme": "Ada"}], "unknown key 'nme'.*nearest: 'name'"),
        ([{"mood": "x"}], "a character has no name"),
        ([{"name": " "}], "a character's name is ' '"),
        ([{"name": "Ada"}, Persona("p1", "ada", {})], "two people in the cast have the name 'ada'"),
    ],
)
def test_cast_that_cannot_be_is_one_clear_line(trio, cast, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        trio.with_cast(cast).company()
    assert "\n" not in str(caught.value)


def test_people_are_found_by_name_id_or_a_name_that_only_one_has():
    """S4-19."""
    cast = Cast([Character("Ada Lee", id="p1"), Character("Ben Lee", id="p2")], Character("Uma", id="u1"))
    assert cast.find("ADA  lee").name == cast.find("p1").name == cast.find("ada").name == "Ada Lee"
    assert cast.find("Lee") is None
    assert cast.find("Uma") is None
    assert cast.is_user("uma")
    assert cast.is_user("Uma_implied")
    assert cast.is_user("U1")
    assert not cast.is_user("Ada")


def test_scene_is_immutable_and_replaced():
    scene = Scene.load("story")
    with pytest.raises(AttributeError):
        scene.title = "x"
    with pytest.raises(TypeError):
        scene.notes["scene"] = "x"
    assert scene.replace(title="x").title == "x"
    with pytest.raises(InvalidInput, match="nearest: 'title'"):
        scene.replace(titel="x")


def test_readme_of_scenes_states_defaults_and_how_to_switch_things_on():
    """S4-37."""
    text = data_file("scenes/README.md").read_text(encoding="utf-8")
    defaults = Rules()
    for said in (
        "30, 10, 15, 20, 10, 5, 10",
        f"{defaults.max_context_tokens:,}",
        f"the last {defaults.history_window}",
        "world=True",
        f"{defaults.lore_tokens:,}",
        "log_payloads=True",
        "Licence",
    ):
        assert said in text, said
    for name in (
        "shares",
        "caps",
        "max_context_tokens",
        "completion_tokens",
        "history_window",
        "summarization_trigger",
        "director",
        "max_director_passes",
        "world",
        "memory_top_k",
        "narrator_top_k",
        "memory_chars",
        "lore_tokens",
        "lore_depth",
    ):
        assert f"`{name}" in text, name
        assert hasattr(defaults, name), name


def test_scene_files_are_small_enough_to_read():
    for name in SHIPPED:
        assert len(Path(data_file(f"scenes/{name}.yaml")).read_text().splitlines()) < 100
