"""Conditions: what is varied is filled in, crossed, assigned, recorded and summarised."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.engine import Budget
from toolkit.errors import InvalidInput
from toolkit.models import Abilities
from toolkit.models.scripted import ScriptedModel
from toolkit.questions.design import Assignment
from toolkit.resources import data_file

PACKS = {name: data_file(f"images/package-{name}.png") for name in ("plain", "bold")}
BUY = tk.Choice(["buy it for {price} $", "leave it"])
PRICES = {"price": [3, 4, 5]}


def grey(level):
    return np.full((20, 30), level / 10)


def asked(call):
    return call.messages[-1].text


def test_within_shows_every_condition_to_everyone_and_records_the_order(open_lab, people):
    """Every person meets each price once; the order it met them in is a column."""
    lab = open_lab(model := EdgeModel())
    answers = tk.ask(people(20), "Would you buy it for {price} $?", answer=BUY, vary=PRICES, lab=lab)
    frame = answers.frame
    assert len(frame) == 60
    assert frame.groupby("persona")["order"].apply(sorted).tolist() == [[1, 2, 3]] * 20
    assert list(frame["price"].cat.categories) == [3, 4, 5]
    assert list(frame["condition"].cat.categories) == ["price=3", "price=4", "price=5"]
    assert frame["order"].tolist() != [1, 2, 3] * 20
    for call in model.calls:
        price = call.item[-1]
        assert f"buy it for {price} $?" in asked(call)
        assert f"- buy it for {price} $\n" in asked(call) + "\n"


def test_options_keep_their_declared_words_in_the_frame(open_lab, people):
    lab = open_lab(EdgeModel(lambda call: {"choice": f"buy it for {call.item[-1]} $"}))
    answers = tk.ask(people(2), "Buy?", answer=BUY, vary=PRICES, lab=lab)
    assert set(answers.frame["answer"]) == {"buy it for {price} $"}
    assert answers.frame["shown"].str.contains(r"buy it for [345] \$").all()
    wrong = tk.ask(
        people(2), "Buy!", answer=BUY, vary=PRICES, lab=open_lab(EdgeModel(lambda _: {"choice": "rum"}), "b")
    )
    assert wrong.frame["status"].eq("invalid").all()


@pytest.mark.parametrize(
    "answer",
    [
        tk.questions.MultiChoice(["at {price}", "later", "never"]),
        tk.questions.Ranking(["at {price}", "later", "never"]),
        tk.questions.Allocation(["at {price}", "later"], total=10),
        tk.questions.Matrix(["at {price}", "later"], tk.Scale(1, 5)),
        tk.Scale(1, 5, labels=("not for {price}", "gladly")),
    ],
)
def test_every_kind_of_answer_reads_its_worded_options_back(lab, people, answer):
    frame = tk.ask(people(4), "Well?", answer=answer, vary=PRICES, lab=lab).frame
    assert frame["status"].eq("ok").all()
    assert [name for name in frame.columns if name in answer.columns] == list(answer.columns)


def test_between_shows_one_condition_to_each_and_keeps_the_manifest(lab, people, tmp_path):
    answers = tk.ask(people(30), "Buy at {price}?", answer=BUY, vary=PRICES, design="between", lab=lab)
    assert len(answers) == 30
    assert answers.assignment.counts.tolist() == [10, 10, 10]
    merged = answers.frame.merge(answers.assignment.frame, on="persona")
    assert (merged["condition_x"].astype(str) == merged["condition_y"].astype(str)).all()
    kept = Assignment.load(answers.assignment.save(tmp_path / "who.json"))
    again = tk.ask(people(30), "Buy at {price}?", answer=BUY, vary=PRICES, design=kept, lab=lab)
    pd.testing.assert_frame_equal(again.frame, answers.frame)
    assert again.report.live == 0


def test_assignment_of_other_people_or_factors_is_refused(lab, people):
    kept = tk.ask(people(6), "Buy at {price}?", answer=BUY, vary=PRICES, design="between", lab=lab).assignment
    with pytest.raises(InvalidInput, match=r"does not know 2 of the people, the first 'p0007'"):
        tk.ask(people(8), "Buy at {price}?", answer=BUY, vary=PRICES, design=kept, lab=lab)
    with pytest.raises(InvalidInput, match="made for other factors"):
        tk.ask(people(6), "Buy at {price}?", answer=BUY, vary={"price": [3, 4]}, design=kept, lab=lab)


def test_images_by_label_are_a_factor_with_one_condition_each(open_lab, people):
    lab = open_lab(model := EdgeModel())
    answers = tk.ask(people(8), "Would you take it?", images=PACKS, answer=tk.Scale(1, 5), design="between", lab=lab)
    assert sorted(answers.assignment.counts) == [4, 4]
    level = dict(zip(answers.frame["persona"], answers.frame["image"], strict=True))
    for call in model.calls:
        (picture,) = call.pictures
        assert picture.image.name == f"package-{level[call.item.partition('/')[0]]}.png"
        assert "plain" not in asked(call)
        assert "Image 1:" in asked(call)
    assert "plain" in answers._repr_mimebundle_()["text/html"]


def test_images_drawn_by_a_function_of_factors_are_drawn_once_a_level(open_lab, people):
    lab, drawn = open_lab(model := EdgeModel()), []

    def shelf(price):
        drawn.append(price)
        return tk.Image(grey(price), alt="A shelf with {price} on it")

    answers = tk.ask(people(6), "Take it?", images=shelf, answer=tk.Scale(1, 5), vary=PRICES, lab=lab)
    assert drawn == [3, 4, 5]
    assert len({call.pictures[0].image.digest for call in model.calls}) == 3
    assert {call.pictures[0].image.alt for call in model.calls} == {f"A shelf with {n} on it" for n in (3, 4, 5)}
    assert answers.frame["status"].eq("ok").all()


def test_alt_text_is_filled_in(open_lab, people):
    lab = open_lab(model := EdgeModel())
    tk.ask(people(1), "Take it?", images=tk.Image(grey(5), alt="costs {price}"), vary=PRICES, lab=lab)
    assert {call.pictures[0].image.alt for call in model.calls} == {"costs 3", "costs 4", "costs 5"}


def test_braces_that_are_meant_stay_and_nothing_changes_where_nothing_is_varied(open_lab, people):
    lab = open_lab(model := EdgeModel())
    tk.ask(people(1), "Say {{price}} {{ x }} { } {}.", images=tk.Image(grey(5), alt="a {b}"), lab=lab)
    assert "Say {price} {{ x }} { } {}." in asked(model.calls[0])
    assert model.calls[0].pictures[0].image.alt == "a {b}"


def test_fraction_is_asked_and_recorded(lab, people):
    vary = {"a": [1, 2], "b": [1, 2], "c": [1, 2]}
    answers = tk.ask(people(4), "{a} {b} {c}?", vary=vary, factorial="fraction", lab=lab)
    assert len(answers) == 16
    assert answers.assignment.full == 8
    assert "4 conditions of 8 combinations, D-efficiency 1.000" in repr(answers.assignment)


def test_models_are_a_factor_each_with_its_own_keys_and_rows(open_lab, people):
    """S0-23: who answers is part of the key; a model's calls stay in memory under its own identity."""
    lab = open_lab()
    answers = tk.ask(people(10), "Tea?", answer=tk.Choice(["a", "b"]), models=["scripted", "scripted:other"], lab=lab)
    frame = answers.frame
    assert (frame["asked_model"].astype(str) == frame["model"]).all()
    assert set(frame["model"]) == {"scripted:default", "scripted:other"}
    assert len({row.key for row in lab.ledger.rows()}) == 20
    own = tk.ask(people(10), "Tea?", answer=tk.Choice(["a", "b"]), lab=lab)
    assert own.report.cached == 10
    again = tk.ask(people(10), "Tea?", answer=tk.Choice(["a", "b"]), models=["scripted", "scripted:other"], lab=lab)
    assert again.report.live == 0
    assert any("scripted:other" in note for note in answers._notes())


def test_models_replay_from_a_capsule(open_lab, people, tmp_path):
    lab = open_lab()
    given = {"answer": tk.Choice(["a", "b"]), "models": ["scripted", "scripted:other"]}
    live = tk.ask(people(5), "Tea?", **given, lab=lab)
    replay = tk.Lab(capsule=lab.freeze(tmp_path / "study.capsule"))
    replayed = tk.ask(people(5), "Tea?", **given, lab=replay)
    pd.testing.assert_frame_equal(live.frame, replayed.frame)
    assert replayed.report.live == 0
    with pytest.raises(InvalidInput, match=r"no replies of a further model 'scripted:third'.*scripted:other"):
        tk.ask(people(5), "Tea?", models=["scripted", "scripted:third"], lab=replay)
    replay.close()


def test_models_share_the_run_s_budget_and_are_closed_with_the_lab(open_lab, people):
    lab = open_lab()
    answers = tk.ask(people(20), "Tea?", models=["scripted", "scripted:other"], budget=Budget("10 requests"), lab=lab)
    assert int(answers.frame["status"].eq("ok").sum()) == 10
    assert not answers.complete


def test_each_model_is_adapted_to_by_its_own_abilities(open_lab, people):
    lab = open_lab(ScriptedModel("seeing"))
    blind = ScriptedModel("blind", abilities=Abilities(images=False))
    guess = tk.estimate(tk.ask, people(3), "Which?", images=PACKS["plain"], models=["scripted:seeing", blind], lab=lab)
    assert {image.model for image in guess.images} == {"scripted:seeing"}
    assert guess.models == ("scripted:blind", "scripted:seeing")
    assert guess.calls == 6


def test_conditions_met_in_conversation_know_what_came_before(open_lab, people):
    lab = open_lab(model := EdgeModel())
    answers = tk.ask(people(3), "At {price}?", answer=tk.Scale(1, 5), vary=PRICES, memory="full", lab=lab)
    assert len(answers) == 9
    first = answers.frame[answers.frame["persona"] == "p0001"].sort_values("order")
    calls = sorted((call for call in model.calls if call.item.startswith("p0001")), key=lambda call: len(call.messages))
    assert [call.item for call in calls] == [f"p0001/price={price}" for price in first["price"]]
    assert [len(call.messages) for call in calls] == [2, 4, 6]
    assert calls[2].messages[:4] == calls[1].messages
    assert calls[1].messages[2].text == f'{{"score":{first["answer"].iloc[0]}}}'


def test_summary_and_plot_by_factor_and_by_attribute(lab, people):
    answers = tk.ask(people(12), "At {price}?", answer=tk.Choice(["yes", "no"]), vary=PRICES, lab=lab)
    by = answers.summary(by="price")
    assert list(by.columns) == ["price", "option", "n", "share", "low", "high"]
    assert by.groupby("price", observed=True)["n"].sum().tolist() == [12, 12, 12]
    assert len(answers.summary(by=["price", "order"])["order"].unique()) == 3
    assert answers.summary(by="age")["age"].nunique() == 12
    assert answers.plot(by="price").axes
    assert "price" in repr(answers)
    with pytest.raises(InvalidInput, match="'prise'"):
        answers.summary(by="prise")


def test_ratings_by_factor_are_drawn_on_the_whole_scale(lab, people):
    scale = tk.Scale(1, 7, labels=("never", "always"))
    axes = tk.ask(people(12), "At {price}?", answer=scale, vary=PRICES, lab=lab).plot(by="price").axes[0]
    assert axes.get_xlim() == pytest.approx((0.88, 7.12))
    assert axes.get_xlabel().endswith("1 = never … 7 = always")


def test_codebook_explains_the_columns_of_a_design(lab, people):
    book = tk.ask(people(2), "At {price}?", vary=PRICES, lab=lab).codebook().set_index("column")
    assert book.loc["price", "values"] == "3, 4, 5"
    assert book["meaning"].ne("").all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"vary": PRICES}, "nothing uses the factor 'price'"),
        ({"question": "At {price}?"}, "the question has the place {price}"),
        ({"question": "At {prise}?", "vary": PRICES}, "{prise}"),
        ({"answer": tk.Choice(["{cost}", "no"])}, "{cost}"),
        ({"images": lambda cost: grey(3), "vary": PRICES, "question": "{price}?"}, "needs 'cost'"),
        ({"images": lambda: grey(3)}, "without arguments"),
        ({"images": lambda price: "none.png", "vary": PRICES}, "none.png"),
        ({"images": lambda price: 1 / 0, "vary": PRICES}, "ZeroDivisionError"),
        ({"images": {"A": PACKS["plain"]}}, "1 label"),
        ({"design": "between"}, "needs something that differs"),
        ({"design": "betwen"}, "design='betwen'"),
        ({"blocks": ["age"]}, "blocks="),
        ({"models": ["scripted"]}, "names one model"),
        ({"models": ["scripted", "scripted"]}, "twice"),
        ({"models": "scripted"}, "is no list"),
        ({"models": ["scripted", "nobody"]}, "nobody"),
        ({"memory": "full"}, "several conditions"),
        ({"memory": "some"}, "memory='some'"),
        ({"balance": True}, "balance=True"),
        ({"detail": "max"}, "detail='max'"),
        ({"shuffle": "no"}, "shuffle='no'"),
        ({"vary": {"image": [1, 2]}, "images": PACKS, "question": "{image}"}, "'image'"),
        ({"vary": {"answer": [1, 2]}, "question": "{answer}"}, "'answer'"),
    ],
)
def test_bad_design_is_one_clear_line_and_bills_nothing(open_lab, people, arguments, says):
    lab = open_lab(model := EdgeModel())
    with pytest.raises(InvalidInput) as caught:
        tk.ask(**{"panel": people(2), "question": "Tea?", **arguments}, lab=lab)
    assert says in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert model.calls == []
