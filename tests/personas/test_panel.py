from __future__ import annotations

import copy

import numpy as np
import orjson
import pandas as pd
import pytest

import toolkit as tk
from toolkit.errors import InvalidInput
from toolkit.personas import Panel, Persona, Population

HOSTILE = ("<script>alert(1)</script>", "</td></table><b>x", '"onload="x', "a\u2028b", "z̷a̷l̷g̷o", "&amp;", "Ann 😀")


@pytest.fixture
def lab(tmp_path):
    with tk.Lab("scripted", study=tmp_path / "study", seed=7) as lab:
        yield lab
    lab.close()


@pytest.fixture
def panel(lab):
    return tk.generate_personas(40, "us-adults-2012", detail="brief", lab=lab)


def person(place, name="Ann Lee", **fields):
    return Persona(f"p{place:04}", name, {"age": 34, "sex": "female"}, fields)


# --- a sequence ---


def test_panel_is_a_sequence_of_personas(panel):
    assert len(panel) == 40
    assert panel[0].id == "p0001"
    assert panel[-1].id == "p0040"
    assert [one.id for one in panel] == list(panel.frame["id"])
    assert panel[3] in panel
    assert panel.index(panel[3]) == 3
    with pytest.raises(IndexError):
        panel[40]


def test_slice_is_a_panel_that_keeps_population_and_lab(panel):
    part = panel[5:15:2]
    assert isinstance(part, Panel)
    assert [one.id for one in part] == ["p0006", "p0008", "p0010", "p0012", "p0014"]
    assert part.population is panel.population
    assert part.lab is panel.lab
    assert part.complete
    assert len(panel) == 40


def test_empty_slice_is_an_empty_panel_with_a_frame_and_a_repr():
    empty = Panel([person(1)])[1:]
    assert len(empty) == 0
    assert list(empty.frame.columns) == ["id", "name"]
    assert "0" in repr(empty)
    assert "text/html" in empty._repr_mimebundle_()


def test_filter_keeps_those_for_whom_the_function_is_true(panel):
    women = panel.filter(lambda one: one.attributes["sex"] == "female")
    assert {one.attributes["sex"] for one in women} == {"female"}
    assert 15 < len(women) < 25


def test_filter_that_leaves_nobody_is_refused(panel):
    with pytest.raises(InvalidInput, match="leaves none of 40 personas"):
        panel.filter(lambda one: one.attributes["age"] > 200)
    with pytest.raises(InvalidInput, match="str, not a function"):
        panel.filter("age < 30")


def test_sample_is_seeded_without_repetition_and_in_order(panel):
    """S0-18: same seed, same sample."""
    ids = [one.id for one in panel.sample(10, seed=3)]
    assert ids == [one.id for one in panel.sample(10, seed=3)]
    assert ids == sorted(set(ids))
    assert ids != [one.id for one in panel.sample(10, seed=4)]
    assert len(panel.sample(40)) == 40


@pytest.mark.parametrize("n", [0, -1, 41, 2.5, "3", True, None])
def test_sample_of_an_impossible_size_is_refused(panel, n):
    with pytest.raises(InvalidInput, match="cannot be sampled"):
        panel.sample(n)


# --- the frame ---


def test_frame_is_typed_with_ordered_categories(panel):
    frame = panel.frame
    assert frame["age"].dtype == np.int64
    assert isinstance(frame["education"].dtype, pd.CategoricalDtype)
    assert frame["education"].cat.ordered
    assert list(frame["education"].cat.categories) == list(panel.population.attributes["education"].all_levels)
    assert frame["bio"].str.len().min() >= 20


def test_categories_do_not_depend_on_who_is_in_the_panel(panel):
    assert panel[:1].frame["race"].dtype == panel.frame["race"].dtype


def test_written_field_never_hides_the_fact_of_the_same_name():
    one = Persona("p1", "Ann", {"health": "good"}, {"health": "Swims daily.", "name": "Annie", "bio": "Bakes."})
    row = Panel([one]).frame.iloc[0]
    assert (row["health"], row["written_health"], row["name"], row["written_name"]) == (
        "good", "Swims daily.", "Ann", "Annie"
    )  # fmt: skip


def test_value_that_is_no_level_stays_visible_instead_of_becoming_missing():
    odd = Persona("p1", "Ann", {"education": "night school"})
    frame = Panel([odd], population=Population.load("us-adults-2012")).frame
    assert frame["education"].tolist() == ["night school"]


# --- describe ---


def test_describe_compares_every_attribute_with_the_population(panel):
    fit = panel.describe()
    assert set(fit.frame["attribute"]) == {one.name for one in panel.population.measured}
    assert (fit.frame["tvd"] >= fit.frame["best"] - 1e-12).all()
    assert fit.names == fit.diversity.people == fit.diversity.texts == 40
    assert "worst TVD" in str(fit)
    assert set(fit._repr_mimebundle_()) == {"text/plain", "text/html"}
    assert fit != copy.copy(fit)  # compared by identity: frames have no single truth


def test_describe_sees_a_part_that_does_not_match(panel):
    women = panel.filter(lambda one: one.attributes["sex"] == "female")
    table = women.describe().frame.set_index("attribute")
    assert table.loc["sex", "tvd"] > 0.45


def test_describe_without_a_population_says_what_to_do():
    with pytest.raises(InvalidInput, match=r"Panel\.load\(path, population="):
        Panel([person(1)]).describe()


def test_plot_shows_the_panel_beside_its_population(panel):
    assert panel.plot().axes
    with pytest.raises(InvalidInput, match="does not know its population"):
        Panel([person(1)]).plot()


def test_parts_of_a_field_are_columns_of_their_own():
    one = Persona("p1", "Ann", {"mood_word": "calm"}, {"big_five": {"openness": 3.4}, "mood": {"word": "glad"}})
    row = Panel([one]).frame.iloc[0]
    assert (row["big_five_openness"], row["mood_word"], row["written_mood_word"]) == (3.4, "calm", "glad")


# --- the file ---


def test_saved_panel_loads_equal_and_to_the_same_bytes(panel, tmp_path):
    path = panel.save(tmp_path / "deep" / "panel.jsonl")
    again = Panel.load(path)
    assert list(again) == list(panel)
    assert again.population is not None
    assert again.to_jsonl() == panel.to_jsonl() == path.read_text(encoding="utf-8")
    pd.testing.assert_frame_equal(again.frame, panel.frame)
    pd.testing.assert_frame_equal(again.describe().frame, panel.describe().frame)


def test_texts_with_any_line_separator_survive_the_file(tmp_path):
    """Only a line feed ends a line of JSON lines; str.splitlines knows eight more."""
    odd = "one\u2028two\u2029three\x85four\x0bfive\x0csix\x1cseven\r\neight"
    panel = Panel([person(1, bio=odd), person(2, name="Bo Lee", bio=odd)])
    assert list(Panel.load(panel.save(tmp_path / "p.jsonl"))) == list(panel)


def test_panel_of_unknown_origin_keeps_its_categories(tmp_path):
    levels = {"size": ("small", "big")}
    people = [
        Persona("p1", "Ann", {"size": "big"}, levels=levels),
        Persona("p2", "Bo", {"size": "small"}, levels=levels),
    ]
    loaded = Panel.load(Panel(people).save(tmp_path / "p.jsonl"))
    assert loaded.population is None
    assert loaded.frame["size"].max() == "big"


def test_blank_lines_and_a_byte_order_mark_are_no_personas(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\n" + Panel([person(1)]).to_jsonl().encode() + b"\n \n")
    assert len(Panel.load(path)) == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{not json", "line 2"),
        (b"[1, 2]", "line 2"),
        (b"\xff\xfe\x00", "line 2"),
        (b'{"version": 99}', "version 99"),
        (b'{"version": 1, "id": "p1", "name": "A", "attributes": {}, "colour": 3}', "colour"),
        (b'{"version": 1, "id": "p1", "attributes": {}}', "no name"),
        (b'{"version": 1, "id": "", "name": "A", "attributes": {}}', "id"),
        (b'{"version": 1, "id": "p1", "name": "A", "attributes": 5}', "attributes"),
        (b'{"version": 1, "id": "p1", "name": "A", "attributes": {}, "wording": 5}', "wording"),
        (b'{"version": 1, "id": "p1", "name": "A", "attributes": {}, "detail": []}', "detail"),
    ],
)
def test_damaged_line_is_named(tmp_path, line, says):
    path = tmp_path / "p.jsonl"
    path.write_bytes(Panel([person(1)]).to_jsonl().encode() + line + b"\n")
    with pytest.raises(InvalidInput, match=r"line 2 of p\.jsonl") as caught:
        Panel.load(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_file_with_one_id_twice_or_cut_short_is_refused(tmp_path):
    path = tmp_path / "p.jsonl"
    line = Panel([person(1)]).to_jsonl().encode()
    path.write_bytes(line + line)
    with pytest.raises(InvalidInput, match=r"line 2 of p\.jsonl has the id 'p0001' again"):
        Panel.load(path)
    path.write_bytes(line[: len(line) // 2])
    with pytest.raises(InvalidInput, match="line 1"):
        Panel.load(path)


def test_missing_file_is_one_clear_line_without_the_folder(tmp_path):
    with pytest.raises(InvalidInput, match=r"the panel gone\.jsonl cannot be read") as caught:
        Panel.load(tmp_path / "gone.jsonl")
    assert str(tmp_path) not in str(caught.value)


# --- how it shows ---


def test_repr_of_five_thousand_personas_is_small(lab):
    """DESIGN 5.1: no repr above 64 KB."""
    panel = tk.generate_personas(5_000, "us-adults-2012", detail="facts", lab=lab)
    bundle = panel._repr_mimebundle_()
    assert sum(len(part.encode()) for part in bundle.values()) < 64_000
    assert "Panel of 5,000 from us-adults-2012" in bundle["text/html"]
    assert "4,990 more rows" in bundle["text/html"]


def test_repr_with_endless_texts_is_small():
    people = [person(place, name=f"N{place} " + "x" * 5_000, bio="y" * 200_000) for place in range(20)]
    bundle = Panel(people)._repr_mimebundle_()
    assert sum(len(part.encode()) for part in bundle.values()) < 64_000


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_escaped_in_the_repr(text):
    people = [Persona("p1", text, {text: text}, {"bio": text})]
    html = Panel(people)._repr_mimebundle_()["text/html"]
    assert "<script" not in html
    assert "<b>x" not in html
    assert '"onload="' not in html
    assert html.count("<table") == html.count("</table>") == 1


def test_panel_line_of_json_is_one_persona(panel):
    lines = panel.to_jsonl().splitlines()
    assert [orjson.loads(line)["id"] for line in lines] == [one.id for one in panel]
