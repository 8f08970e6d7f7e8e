from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.display.html import LARGEST_REPR
from toolkit.errors import InvalidInput
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
