from __future__ import annotations

import json
import os

import pytest

import toolkit as tk
from toolkit.errors import InvalidInput
from toolkit.personas import Panel, Persona
from toolkit.personas.profile import PROFILE, profile
from toolkit.personas.tinytroupe import from_agent, to_agent

# Written for these tests, with every key that TinyTroupe 0.6 files have, and some that they might.
OTHERS = {
    "whole": {
        "type": "TinyPerson",
        "persona": {
            "name": "Mara Lindqvist",
            "age": 41,
            "gender": "Female",
            "nationality": "Swedish",
            "residence": "Umeå",
            "education": "A master's in forestry.",
            "long_term_goals": ["To plant a mixed wood."],
            "occupation": {"title": "Forester", "organization": "The county", "description": "You count trees."},
            "style": "Dry and exact.",
            "personality": {
                "traits": ["You are patient."],
                "big_five": {"openness": "High. Reads a lot.", "neuroticism": "Low. 2.0 of 5 at most."},
            },
            "preferences": {"interests": ["Skiing"], "likes": ["Snow"], "dislikes": ["Salt roads"]},
            "skills": ["Maps"],
            "beliefs": ["Woods outlive plans."],
            "behaviors": {"general": ["Whistles."], "routines": {"morning": ["Coffee."], "evening": ["Sauna."]}},
            "health": "Well.",
            "relationships": [{"name": "Nils", "description": "Your brother."}],
            "other_facts": ["You own a boat."],
        },
    },
    "more": {
        "type": "TinyPerson",
        "persona": {
            "name": "X",
            "age": None,
            "preferences": {"interests": [], "colour": "green"},
            "personality": {"mood": {"now": "calm"}},
            "politics": {"vote": None, "since": 1.5},
            "goals": ["not where TinyTroupe has them"],
            "traits": "neither",
            "name_at_birth": "Y",
        },
        "mental_faculties": [{"type": "RecallFaculty"}],
        "simulation_id": 3,
    },
    "flat": {
        "type": "TinyPerson",
        "persona": {
            "name": "Z",
            "age": "about forty",
            "occupation": "cook",
            "personality": "calm",
            "preferences": {},
            "behaviors": {"routines": "Early up."},
            "relationships": "many",
            "other_facts": "none",
            "big_five": {"openness": 3},
            "health": ["one", "two"],
        },
    },
    "ours-like": {
        "type": "TinyPerson",
        "persona": {
            "name": "W",
            "occupation": {"title": "Cook"},
            "relationships": [{"description": "Few."}],
            "behaviors": {"routines": {"ordinary_day": ["Up at six."]}},
            "personality": {"big_five": {"openness": "High. 3.9 of 5.", "extraversion": "Low. 3.9 of 5."}},
        },
    },
    "bare": {"type": "TinyPerson", "persona": {"name": "Bare"}},
}


@pytest.fixture(scope="module", params=["us-adults-2012", "us-voters-1996"])
def panel(request, tmp_path_factory):
    with tk.Lab("scripted", study=tmp_path_factory.mktemp("study"), seed=7) as lab:
        made = {
            detail: tk.generate_personas(6, request.param, detail=detail, lab=lab)
            for detail in ("facts", "brief", "standard", "deep")
        }
    lab.close()
    return made


# --- ours out and in ---


@pytest.mark.parametrize("detail", ["facts", "brief", "standard", "deep"])
def test_personas_come_back_equal(panel, detail, tmp_path):
    """Issue 4: every field survives to_tinytroupe, from_tinytroupe; and so does everything else."""
    ours = panel[detail]
    ours.to_tinytroupe(tmp_path / "agents")
    back = Panel.from_tinytroupe(tmp_path / "agents")
    assert list(back) == list(ours)
    assert back.to_jsonl() == ours.to_jsonl()
    assert back.population is not None


def test_every_field_of_the_profile_stands_where_tinytroupe_looks(panel):
    one = panel["standard"][0]
    told, ours = to_agent(one)["persona"], profile(one)
    for name in (
        "name",
        "age",
        "gender",
        "nationality",
        "education",
        "residence",
        "style",
        "skills",
        "beliefs",
        "health",
    ):
        assert told[name] == ours[name]
    assert told["long_term_goals"] == ours["goals"]
    assert told["occupation"] == {"title": ours["occupation"]}
    assert told["personality"]["traits"] == ours["traits"]
    assert set(told["personality"]["big_five"]) == set(ours["big_five"])
    assert [told["preferences"][name] for name in ("interests", "likes", "dislikes")] == [
        ours[name] for name in ("interests", "likes", "dislikes")
    ]
    assert told["behaviors"]["routines"] == {"ordinary_day": [ours["routines"]]}
    assert told["relationships"] == [{"description": ours["relationships"]}]
    assert told["other_facts"][-len(ours["facts"]) :] == ours["facts"]
    assert set(PROFILE) == set(ours)


def test_sampled_facts_without_a_place_are_told_as_facts(panel):
    one = panel["facts"][0]
    told = to_agent(one)["persona"]["other_facts"]
    assert told == [line for line in one.facts() if line.split(":")[0] not in {"Age", "Sex", "Education"}]


def test_what_is_not_told_to_models_is_not_told_to_tinytroupe(panel):
    one = panel["standard"][0]
    for name in ("vote", "clinton_ideology"):
        if name in one.attributes:
            assert str(one.attributes[name]) not in json.dumps(to_agent(one)["persona"]).replace("Political views", "")


def test_score_is_told_in_words_and_comes_back_exact():
    one = Persona("p1", "Ann", {}, {"big_five": {"openness": 4.25, "neuroticism": 2, "extraversion": 7.5, "humour": 3}})
    told = to_agent(one)["persona"]["personality"]["big_five"]
    assert told["openness"] == "Very high. 4.25 of 5."
    back = from_agent(to_agent(one), "x")
    assert back == one
    assert json.dumps(dict(back.fields)) == json.dumps(dict(one.fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Annie", "education": "long", "age": 3},
        {"long_term_goals": ["a"], "goals": ["b"]},
        {"other_facts": ["a"], "facts": ["b"]},
        {"personality": "calm", "traits": ["loud"]},
        {"personality": {"traits": ["x"]}, "traits": ["loud"]},
        {"preferences": {"colour": "green"}, "likes": ["tea"]},
        {"facts": "one text"},
        {"facts": []},
        {"occupation": {"title": "Cook"}, "routines": {"ordinary_day": ["x"]}},
        {"relationships": [{"description": "x"}], "big_five": {"openness": "High. 3.9 of 5."}},
        {"dramatis": "x", "type": "y", "persona": {"a": 1}},
    ],
)
def test_fields_with_names_that_tinytroupe_needs_come_back(fields):
    one = Persona("p1", "Ann", {"age": 34, "sex": "female", "education": "college", "pay": 3}, fields, "brief", seed=7)
    back = from_agent(json.loads(json.dumps(to_agent(one))), "x")
    assert back.fields.keys() == one.fields.keys()
    same = {"occupation", "routines", "relationships", "big_five"}
    for name, value in one.fields.items():
        assert back.fields[name] == value or name in same  # our own forms come back as the texts they stand for
    assert dict(back.attributes) == dict(one.attributes)


def test_change_made_in_the_file_counts():
    one = Persona("p1", "Ann", {"age": 34, "sex": "female"}, {"goals": ["a dog"]})
    body = to_agent(one)
    body["persona"] |= {"age": 35, "gender": "male", "long_term_goals": ["a cat"], "pets": ["Rex"], "name": "Ann Ray"}
    back = from_agent(body, "x")
    assert (back.name, dict(back.attributes)) == ("Ann Ray", {"age": 35, "sex": "male"})
    assert dict(back.fields) == {"goals": ["a cat"], "pets": ["Rex"]}
    assert back.id == "p1"


# --- others' in and out ---


@pytest.mark.parametrize("name", OTHERS)
def test_files_of_others_come_back_word_for_word(name, tmp_path):
    """Issue 4: nothing lost either way, unknown keys kept verbatim."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / f"{name}.agent.json").write_text(json.dumps(OTHERS[name]), encoding="utf-8")
    panel = Panel.from_tinytroupe(tmp_path / "a")
    assert [one.id for one in panel] == [name]
    kept = Panel.load(panel.save(tmp_path / "p.jsonl"))
    for one in (panel, kept):
        (path,) = one.to_tinytroupe(tmp_path / "b")
        assert path.name == f"{name}.agent.json"
        assert json.loads(path.read_text(encoding="utf-8")) == OTHERS[name]


def test_persona_of_others_has_its_fields_where_ours_are():
    mara = from_agent(OTHERS["whole"], "mara")
    told = profile(mara)
    assert all(value is not None for value in told.values())
    assert told["goals"] == ["To plant a mixed wood."]
    assert told["big_five"]["openness"] == "High. Reads a lot."
    assert mara.fields["behaviors"] == {"general": ["Whistles."]}
    assert mara.contradictions("Mara is a 17-year-old.")
    assert mara.facts() == ["Age: 41 years", "Gender: Female", "Nationality: Swedish"]


def test_persona_of_others_that_was_changed_keeps_both(tmp_path):
    changed = from_agent(OTHERS["more"], "more").with_fields({"bio": "New."}, "brief")
    back = from_agent(to_agent(changed), "other")
    assert back == changed
    assert to_agent(back)["mental_faculties"] == OTHERS["more"]["mental_faculties"]


def test_panel_of_others_can_be_asked(tmp_path):
    people = Panel([from_agent(body, name) for name, body in OTHERS.items()])
    with tk.Lab("scripted", study=tmp_path, seed=7) as lab:
        assert len(tk.ask(people, "Tea or coffee?", lab=lab)) == len(OTHERS)
    lab.close()
    assert "text/html" in people._repr_mimebundle_()
    assert "Forester" in people[0]._repr_mimebundle_()["text/html"]


# --- files ---


def test_names_make_safe_files_that_stay_in_the_folder(tmp_path):
    names = ["../../etc/passwd", "Ann Lee", "ann lee", "Ümit Şahin", "日本", "a" * 500, "con\x00trol", ".hidden"]
    panel = Panel([Persona(f"p/{place}", name, {"age": 30}) for place, name in enumerate(names)])
    paths = panel.to_tinytroupe(tmp_path / "agents")
    assert len({path.name.casefold() for path in paths}) == len(names)
    assert all(path.parent == tmp_path / "agents" and path.is_file() for path in paths)
    assert all(path.name.isascii() and len(path.name) < 100 for path in paths)
    assert {one.name for one in Panel.from_tinytroupe(tmp_path / "agents")} == set(names)


def test_one_file_and_several_files_are_read_too(tmp_path):
    paths = Panel([Persona(f"p{place}", f"N{place}", {}) for place in range(3)]).to_tinytroupe(tmp_path)
    assert [one.id for one in Panel.from_tinytroupe(paths[1])] == ["p1"]
    assert [one.id for one in Panel.from_tinytroupe(str(paths[1]))] == ["p1"]
    assert [one.id for one in Panel.from_tinytroupe([paths[2], paths[0]])] == ["p2", "p0"]


def test_links_are_not_followed_out_of_the_folder(tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(OTHERS["bare"]), encoding="utf-8")
    folder = tmp_path / "agents"
    folder.mkdir()
    (folder / "x.agent.json").symlink_to(secret)
    with pytest.raises(InvalidInput, match=r"x\.agent\.json is a link out of the folder"):
        Panel.from_tinytroupe(folder)
    (folder / "x.agent.json").rename(folder / "p1-ann.agent.json")
    with pytest.raises(InvalidInput, match="is a link and is not written"):
        Panel([Persona("p1", "Ann", {"a": 1})]).to_tinytroupe(folder)
    assert json.loads(secret.read_text(encoding="utf-8")) == OTHERS["bare"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"not json", "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b'{"type": "TinyPerson", "persona": {"name": "A", "age": NaN}}', "NaN is no number"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[1]", "no agent file"),
        (b'{"name": "Oscar"}', "no agent file"),
        (b'{"type": "TinyPerson"}', "has no 'persona'"),
        (b'{"type": "TinyPerson", "persona": []}', "has no 'persona'"),
        (b'{"type": "TinyWorld", "persona": {"name": "A"}}', "of type 'TinyWorld', not 'TinyPerson'"),
        (b'{"persona": {"name": "A"}}', "of type None"),
        (b'{"type": "TinyPerson", "persona": {"age": 3}}', "has the name None"),
        (b'{"type": "TinyPerson", "persona": {"name": " "}}', "has the name ' '"),
        (b'{"json_serializable_class_name": "TinyPerson", "_persona": {"name": "A"}}', "older TinyTroupe"),
        (b'{"type": "TinyPerson", "persona": {"name": "A"}, "dramatis": {}}', "damaged part 'dramatis'"),
        (b'{"type": "TinyPerson", "persona": {"name": "A"}, "dramatis": 3}', "damaged part 'dramatis'"),
    ],
)
def test_file_of_another_kind_is_one_clear_line(tmp_path, body, says):
    """Issue 4: an agent file of another program."""
    path = tmp_path / "x.agent.json"
    path.write_bytes(body)
    with pytest.raises(InvalidInput, match=r"x\.agent\.json") as caught:
        Panel.from_tinytroupe(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert str(tmp_path) not in str(caught.value)


def test_folder_and_file_that_are_not_there(tmp_path):
    with pytest.raises(InvalidInput, match=r"holds no \.agent\.json file"):
        Panel.from_tinytroupe(tmp_path)
    with pytest.raises(InvalidInput, match="gone cannot be read"):
        Panel.from_tinytroupe(tmp_path / "gone")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InvalidInput, match="file cannot be a folder"):
        Panel([Persona("p1", "Ann", {})]).to_tinytroupe(tmp_path / "file")


def test_one_id_in_two_files_is_refused(tmp_path):
    (path,) = Panel([Persona("p1", "Ann", {"a": 1})]).to_tinytroupe(tmp_path)
    path.with_name("second.agent.json").write_bytes(path.read_bytes())
    with pytest.raises(InvalidInput, match=r"second\.agent\.json has the id 'p1' of another file"):
        Panel.from_tinytroupe(tmp_path)


def test_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "big.agent.json"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 6_000_000)
    with pytest.raises(InvalidInput, match="6,000,000 bytes"):
        Panel.from_tinytroupe(path)
