from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.display.html import LARGEST_REPR
from toolkit.errors import InvalidInput
from toolkit.models import Reply
from toolkit.personas import Persona
from toolkit.questions.crosstab import crosstab


@pytest.fixture
def said():
    random = np.random.default_rng(8)
    n = 160
    frame = pd.DataFrame({"sex": random.choice(["f", "m"], n), "age": random.integers(18, 80, n)})
    frame["school"] = pd.Categorical(random.choice(["low", "mid", "high"], n), ["low", "mid", "high"], ordered=True)
    frame["drink"] = random.choice(["tea", "rum"], n, p=[0.6, 0.4])
    frame["score"] = random.integers(1, 6, n) + (frame["sex"] == "f") * (frame["age"] > 40)
    frame["spent"] = frame["score"] + random.normal(size=n)
    return frame


def parts(frame, column, by):
    return [held.to_numpy() for _, held in frame.groupby(by, observed=True)[column]]


def test_options_by_groups_are_tested_with_pearson_s_chi_square(said):
    found = crosstab(said, "school", column="drink")
    table = pd.crosstab(said["school"], said["drink"])
    theirs = stats.chi2_contingency(table, correction=False)
    assert (found.test, found.effect_name) == ("χ²", "Cramér's V")
    assert (found.statistic, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert found.effect == pytest.approx(stats.contingency.association(table, method="cramer"))
    assert found.low < found.effect < found.high
    assert found.counts.to_numpy().tolist() == table.to_numpy().tolist()
    assert found.counts.index.tolist() == ["low", "mid", "high"]
    assert found.shares.sum(axis=1).tolist() == pytest.approx([1, 1, 1])


def test_small_table_is_tested_with_fisher_s_exact_test():
    """R. A. Fisher (1935): the lady tasting tea, 3 of 4 right; two-sided p = 0.486."""
    cups = pd.DataFrame(
        {"answer": ["milk", "milk", "milk", "tea", "milk", "tea", "tea", "tea"], "first": ["m"] * 4 + ["t"] * 4}
    )
    found = crosstab(cups, "first")
    assert found.test == "Fisher's exact test"
    assert found.p == pytest.approx(0.4857, abs=5e-5)


def test_larger_small_table_is_tested_over_random_tables():
    rows = [("a", "x")] * 5 + [("b", "y")] * 5 + [("c", "z")] * 4 + [("a", "y")]
    found = crosstab(pd.DataFrame(rows, columns=["answer", "group"]), "group")
    assert found.test == "Fisher's exact test (simulated)"
    assert found.p < 0.01
    assert found.p == crosstab(pd.DataFrame(rows, columns=["answer", "group"]), "group").p


def test_ratings_by_groups_are_tested_by_ranks(said):
    found = crosstab(said, "school", column="score")
    theirs = stats.kruskal(*parts(said, "score", "school"))
    assert (found.test, found.effect_name) == ("Kruskal-Wallis", "ε²")
    assert (found.statistic, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert found.effect == pytest.approx(theirs.statistic / (len(said) - 1))
    assert found.groups["mean"].tolist() == pytest.approx([one.mean() for one in parts(said, "score", "school")])


def test_numbers_by_groups_are_tested_by_analysis_of_variance(said):
    found = crosstab(said, "sex", column="spent")
    split = parts(said, "spent", "sex")
    theirs = stats.f_oneway(*split)
    between = sum(len(one) * (one.mean() - said["spent"].mean()) ** 2 for one in split)
    assert (found.test, found.effect_name) == ("F (one-way ANOVA)", "η²")
    assert (found.statistic, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert found.effect == pytest.approx(between / ((said["spent"] - said["spent"].mean()) ** 2).sum())


def test_numbers_by_a_number_are_tested_by_rank_correlation(said):
    found = crosstab(said, "age", column="spent")
    theirs = stats.spearmanr(said["spent"], said["age"])
    assert (found.test, found.effect_name) == ("Spearman", "r")
    assert (found.effect, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    reach = 1.959964 * np.sqrt((1 + found.effect**2 / 2) / (len(said) - 3))
    assert np.arctanh([found.low, found.high]) == pytest.approx(np.arctanh(found.effect) + np.array([-reach, reach]))
    assert len(found.counts) == 4


def test_options_by_a_number_are_tested_by_ranks_of_the_number(said):
    found = crosstab(said, "age", column="drink")
    assert found.p == pytest.approx(stats.kruskal(*parts(said, "age", "drink")).pvalue)


def test_repeated_answers_count_once_a_person(said):
    """Ten times the same answers are no more evidence than one."""
    once = said.assign(persona=range(len(said)))
    tenfold = pd.concat([once] * 10)
    for column in ("drink", "score"):
        one, many = crosstab(once, "sex", column=column), crosstab(tenfold, "sex", column=column)
        assert many.n == one.n == len(said)
        assert (many.p, many.effect) == pytest.approx((one.p, one.effect))
        assert many.counts.to_numpy().tolist() == one.counts.to_numpy().tolist()
        assert "each counts once" in many.notes[0]


def test_of_repeated_options_the_most_frequent_counts_and_of_two_the_first():
    rows = [("p1", "tea"), ("p1", "rum"), ("p2", "rum"), ("p2", "tea"), ("p2", "tea"), ("p3", "rum")]
    frame = pd.DataFrame(rows, columns=["persona", "answer"]).assign(sex=["f", "f", "m", "m", "m", "m"])
    assert crosstab(frame, "sex").counts.loc["f", "tea"] == 1
    assert crosstab(frame, "sex").counts.loc["m"].to_dict() == {"rum": 1, "tea": 1}


def test_panel_is_set_against_its_attributes(open_lab):
    people = [Persona(f"p{n:04}", f"Person {n}", {"sex": "fm"[n % 2], "age": 20 + n}) for n in range(1, 31)]
    lab = open_lab(EdgeModel(lambda call: {"score": 9 if call.item == "p0001" else 1 + 3 * (int(call.item[1:]) % 2)}))
    said = tk.ask(people, "How good?", answer=tk.Scale(1, 5), lab=lab)
    found = said.crosstab("sex")
    assert found.n == 29
    assert found.test == "Kruskal-Wallis"
    assert found.effect == pytest.approx(1)
    assert found.title == "How good? · by sex"
    assert said.crosstab("age").effect_name == "r"
    with pytest.raises(InvalidInput, match=r"no attribute 'sexx'.*nearest: 'sex'"):
        said.crosstab("sexx")


@pytest.mark.parametrize("answers", [["a"] * 6, [3] * 6])
def test_answers_that_are_all_the_same_have_no_effect(answers):
    found = crosstab(pd.DataFrame({"answer": answers, "sex": list("fmfmfm")}), "sex")
    assert (found.p, found.effect) == (1, 0)


@pytest.mark.parametrize(
    ("frame", "match"),
    [
        ({"answer": [1, 2, 3], "sex": ["f"] * 3}, "everyone is 'f'"),
        ({"answer": [1, 2], "sex": ["f", "m"]}, "2 respondents have both"),
        ({"answer": [1, 2, 3]}, "no column 'sex'"),
        ({"other": [1, 2, 3], "sex": list("fmf")}, "no column 'answer'"),
        ({"answer": [f"t{n}" for n in range(60)], "sex": ["f", "m"] * 30}, "60 different texts"),
        ({"answer": [1, 2] * 3, "persona": [1, 1, 2, 2, 3, 3], "sex": list("fmfmfm")}, "varies within respondents"),
    ],
)
def test_what_cannot_be_set_against_each_other_is_said_in_one_line(frame, match):
    with pytest.raises(InvalidInput, match=match) as caught:
        crosstab(pd.DataFrame(frame), "sex")
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_repr_is_small_and_escaped():
    hostile = "<script>alert(1)</script>"
    found = crosstab(pd.DataFrame({"answer": [hostile, "b"] * 9, "sex": [hostile, "m", "m"] * 6}), "sex")
    html = found._repr_mimebundle_()["text/html"]
    assert "<script" not in html
    assert len(html) < LARGEST_REPR
    assert "Cramér's V" in repr(found)
    assert found.frame.loc[0, "n"] == 18


def test_bands_of_whole_numbers_do_not_meet_and_hold_everybody():
    ages = [18, 25, 34, 35, 49, 50, 62, 93]
    frame = pd.DataFrame({"age": ages, "wage": [1_000 * age for age in ages], "answer": [1, 2, 3, 4, 5, 1, 2, 3]})
    found = crosstab(frame, "age")
    assert list(found.counts.index) == ["18 to 31", "32 to 42", "43 to 53", "54 to 93"]
    assert found.counts.to_numpy().sum() == len(ages)
    assert list(crosstab(frame, "wage").counts.index)[-1] == "53,001 to 93,000"
    few = pd.DataFrame({"days": [0, 1, 1, 1, 2, 2, 3, 3], "answer": [1, 2, 3, 4, 5, 1, 2, 3]})
    assert list(crosstab(few, "days").counts.index) == ["0 to 1", "2", "3"]


# --- answers that are distributions ---


def shared(tea, **columns):
    """Make a frame of distributions over tea and rum, as an answer frame has them."""
    frame = pd.DataFrame({"p_tea": tea, **columns})
    frame["answer"] = np.where(frame["p_tea"] >= 0.5, "tea", "rum")
    return frame.assign(p_rum=1 - frame["p_tea"], mass=1.0)


def test_shares_and_not_the_likeliest_options_are_crossed():
    """By hand: f 1.1 and 0.9, m 0.7 and 1.3; χ² = 2 (0.04 / 0.9 + 0.04 / 1.1) = 0.1616, V = √(0.1616 / 4) = 0.2010.

    The likeliest options are tea for both f and rum for both m, so V would be 1. Of the six ways to deal out two groups
    of two only this one and its mirror image are as far apart: p is 1/3.
    """
    found = crosstab(shared([0.6, 0.5, 0.4, 0.3], sex=["f", "f", "m", "m"]), "sex")
    assert found.counts.to_numpy() == pytest.approx(np.array([[1.1, 0.9], [0.7, 1.3]]))
    assert found.counts.columns.tolist() == ["tea", "rum"]
    assert found.shares.loc["f"].tolist() == pytest.approx([0.55, 0.45])
    assert found.statistic == pytest.approx(2 * (0.04 / 0.9 + 0.04 / 1.1))
    assert found.effect == pytest.approx(np.sqrt(found.statistic / 4))
    assert found.p == pytest.approx(1 / 3, abs=0.05)
    assert (found.test, found.effect_name) == ("χ² of expected counts (permutation)", "Cramér's V")
    assert found.low <= found.effect <= found.high
    assert any("is a distribution" in note for note in found.notes)
    assert "1.1" in found._repr_mimebundle_()["text/html"]


def test_certain_distributions_are_crossed_as_options_are(said):
    tea = (said["drink"] == "tea").astype(float)
    plain, sure = crosstab(said, "school", column="drink"), crosstab(shared(tea, school=said["school"]), "school")
    assert (sure.statistic, sure.effect) == pytest.approx((plain.statistic, plain.effect))
    assert sure.p == pytest.approx(plain.p, abs=0.05)
    assert sure.counts[["rum", "tea"]].to_numpy().tolist() == plain.counts[["rum", "tea"]].to_numpy().tolist()
    assert (sure.low, sure.high) == pytest.approx((plain.low, plain.high), abs=0.05)


def test_number_is_set_against_shares_of_options(said):
    """With certain answers it is Kruskal and Wallis' H; by hand with shares: ranks 1 to 4, all of the variance 5.

    Tea holds 0.9, 0.7, 0.3, 0.1 of them: sums of (rank - 2.5) are ∓1.4 on sizes 2 and 2, so 2 · 1.96 / 2 / 5 = 0.392.
    """
    found = crosstab(shared([0.9, 0.7, 0.3, 0.1], age=[20, 30, 40, 50]), "age")
    assert found.effect == pytest.approx(2 * 1.4**2 / 2 / 5)
    assert found.effect_name == "ε²"
    tea = (said["drink"] == "tea").astype(float)
    sure = crosstab(shared(tea, age=said["age"]), "age")
    theirs = stats.kruskal(*parts(said, "age", "drink"))
    assert sure.statistic == pytest.approx(theirs.statistic)
    assert sure.p == pytest.approx(theirs.pvalue, abs=0.05)


def test_scale_s_distributions_are_tested_by_their_means():
    frame = pd.DataFrame(
        {
            "answer": [1, 3, 1, 3, 2, 3],
            "p_1": [0.6, 0.0, 0.5, 0.1, 0.2, 0.0],
            "p_2": [0.4, 0.4, 0.3, 0.2, 0.8, 0.1],
            "p_3": [0.0, 0.6, 0.2, 0.7, 0.0, 0.9],
            "mass": 1.0,
            "sex": ["f", "m"] * 3,
        }
    )
    frame["expected"] = frame["p_1"] + 2 * frame["p_2"] + 3 * frame["p_3"]
    found = crosstab(frame, "sex")
    theirs = stats.kruskal(*parts(frame, "expected", "sex"))
    assert (found.test, found.p) == ("Kruskal-Wallis", pytest.approx(theirs.pvalue))
    assert found.counts.loc["f"].tolist() == pytest.approx([1.3, 1.5, 0.2])
    assert found.groups["mean"].tolist() == pytest.approx([(1.4 + 1.7 + 1.8) / 3, (2.6 + 2.6 + 2.9) / 3])


def test_repeated_distributions_of_a_person_count_once():
    frame = shared([1.0, 0.0, 0.2, 0.2, 0.9, 0.9], sex=list("ffmmff"), persona=list("aabbcc"))
    found = crosstab(frame, "sex")
    assert found.n == 3
    assert found.counts.loc["f"].tolist() == pytest.approx([0.5 + 0.9, 0.5 + 0.1])


def test_options_may_be_named_as_the_frame_names_its_columns():
    frame = shared([0.6, 0.5, 0.4, 0.3], sex=["f", "f", "m", "m"]).rename(
        columns={"p_tea": "p_group", "p_rum": "p_answer"}
    )
    assert crosstab(frame, "sex").counts.columns.tolist() == ["group", "answer"]


def test_panel_s_distributions_are_crossed_with_its_attributes(open_lab):
    reply = Reply("A", "edge:edge", logprobs=((("A", math.log(0.6)), ("B", math.log(0.4))),))
    people = [Persona(f"p{place}", f"P {place}", {"sex": "fm"[place % 2], "age": 20 + place}) for place in range(8)]
    said = tk.ask(
        people,
        "Which?",
        answer=tk.Choice(["tea", "rum"]),
        method="logprobs",
        shuffle=False,
        lab=open_lab(EdgeModel(lambda _: reply)),
    )
    for by in ("sex", "age"):
        found = said.crosstab(by=by)
        assert found.counts.sum().tolist() == pytest.approx([4.8, 3.2])
        assert found.p == pytest.approx(1)
