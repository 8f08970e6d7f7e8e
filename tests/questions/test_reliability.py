from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.errors import InvalidInput
from toolkit.questions._agreement import cohen_kappa, exact_agreement, icc_2_1, krippendorff_alpha
from toolkit.questions.reliability import reliability

SHROUT = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)


def long(table):
    rows = [(f"p{n}", place + 1, value) for n, row in enumerate(table) for place, value in enumerate(row)]
    return pd.DataFrame(rows, columns=["persona", "repeat", "answer"])


# --- coefficients ---


def test_icc_is_that_of_the_published_example():
    """P. E. Shrout and J. L. Fleiss (1979), table 4: ICC(2,1) = 0.29."""
    assert float(icc_2_1(SHROUT)) == pytest.approx(0.2898, abs=5e-5)
    assert reliability(long(SHROUT.astype(int))).value("icc") == pytest.approx(0.2898, abs=5e-5)


def test_alpha_is_that_of_the_published_example():
    """K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), example C, nominal: 0.743."""
    units = ["111", "2232", "3333", "3333", "2222", "1234", "4444", "1121", "2222", "555", "11", "3"]
    table = np.array([[float(unit.count(value)) for value in "12345"] for unit in units])
    assert float(krippendorff_alpha(table)) == pytest.approx(0.743, abs=5e-4)
    assert reliability(long(units)).value("alpha") == pytest.approx(0.743, abs=5e-4)


def test_kappa_is_that_of_the_formula():
    first, second = np.repeat([1, 1, 0, 0], [20, 5, 10, 15]), np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert cohen_kappa(first, second) == pytest.approx((0.7 - 0.5) / 0.5)
    assert np.isnan(cohen_kappa(np.ones(4, dtype=int), np.ones(4, dtype=int)))


def test_exact_agreement_counts_pairs():
    assert float(exact_agreement(np.array([[3.0, 0.0], [2.0, 1.0], [1.0, 0.0]]))) == pytest.approx((1 + 1 / 3) / 2)


def test_perfect_and_missing_agreement():
    random = np.random.default_rng(0)
    same = random.integers(1, 6, (80, 1)) * np.ones((1, 2), dtype=int)
    found = reliability(long(same))
    assert (found.value("icc"), found.value("exact_agreement")) == pytest.approx((1, 1))
    noise = reliability(long(random.integers(1, 6, (400, 2))))
    row = noise.frame.iloc[0]
    assert row["low"] < 0 < row["high"]


# --- order of options ---


def shown(first_wins, n=240, seed=3):
    """People who choose what is shown first with a probability, and otherwise anything, tea most of all."""
    random = np.random.default_rng(seed)
    rows = []
    for place in range(n):
        order = random.permutation(["tea", "coffee", "milk"])
        free = random.choice(["tea", "coffee", "milk"], p=[0.6, 0.3, 0.1])
        rows.append((f"p{place}", order[0] if random.random() < first_wins else free, " | ".join(order)))
    return pd.DataFrame(rows, columns=["persona", "answer", "shown"])


def row_of(found, statistic):
    return found.frame.set_index("statistic").loc[statistic]


def test_preference_for_the_first_option_is_found():
    found = reliability(shown(0.3))
    assert row_of(found, "first_shown")["p"] < 0.01
    assert row_of(found, "first_shown")["value"] > row_of(found, "chance")["value"] + 0.1
    assert found.places["n"].sum() == 240
    assert found.places["share"].idxmax() == 0


def test_popular_option_alone_is_no_effect_of_order():
    p = [row_of(reliability(shown(0.0, n=60, seed=seed), resamples=300), "first_shown")["p"] for seed in range(20)]
    assert np.mean(np.array(p) < 0.05) <= 0.2
    assert np.mean(p) > 0.3


def test_last_option_preferred_is_no_preference_for_the_first():
    frame = shown(0.3)
    turned = frame.assign(shown=[" | ".join(reversed(one.split(" | "))) for one in frame["shown"]])
    assert row_of(reliability(turned), "first_shown")["p"] > 0.5


# --- other words ---


def test_shift_between_two_phrasings_is_found_and_the_same_words_have_none():
    random = np.random.default_rng(2)
    base = random.integers(2, 5, 60)
    one = pd.DataFrame({"persona": [f"p{n}" for n in range(60)], "answer": base})
    louder = one.assign(answer=base + (random.random(60) < 0.4))
    found = reliability(one, paraphrase=louder)
    shift = row_of(found, "mean_difference")
    assert shift["value"] == pytest.approx((base - louder["answer"]).mean())
    assert shift["p"] < 0.001
    assert shift["low"] <= shift["value"] <= shift["high"] < 0
    assert row_of(reliability(one, paraphrase=one), "mean_difference")["p"] == 1


def test_permutation_between_phrasings_is_the_exact_sign_test_of_differences():
    """Twelve differences of one sign: 2 of 4,096 swaps give as much (R. A. Fisher, 1935)."""
    one = pd.DataFrame({"persona": range(12), "answer": [1] * 12})
    found = reliability(one, paraphrase=one.assign(answer=2), resamples=40_000)
    assert row_of(found, "mean_difference")["p"] == pytest.approx(2 / 4096, abs=4e-4)


def test_options_in_other_words_are_compared_by_tvd_and_kappa():
    random = np.random.default_rng(2)
    one = pd.DataFrame({"persona": range(90), "answer": random.choice(["tea", "rum"], 90)})
    other = one.assign(answer=one["answer"].where(random.random(90) < 0.7, "tea"))
    found = reliability(one, paraphrase=other)
    assert row_of(found, "tvd")["value"] == pytest.approx(
        abs((one["answer"] == "tea").mean() - (other["answer"] == "tea").mean())
    )
    assert row_of(found, "tvd")["p"] < 0.01
    assert row_of(found, "kappa")["value"] < 1
    assert row_of(found, "exact_agreement")["value"] == pytest.approx((one["answer"] == other["answer"]).mean())


# --- answers of a panel ---


def test_repeats_of_a_panel_are_checked_and_invalid_ones_left_out(open_lab, people):
    def answer(call):
        person, time = call.item.split("/")
        return {"choice": "neither" if person == "p0001" else "ab"[(int(person[1:]) + (time == "2")) % 2]}

    lab = open_lab(EdgeModel(answer))
    said = tk.ask(people(21), "Which?", answer=tk.Choice(["a", "b"]), repeats=2, lab=lab)
    found = said.reliability()
    retest = found.frame[found.frame["check"] == "retest"].set_index("statistic")
    assert retest["n"].tolist() == [20, 20, 20]
    assert retest.loc["exact_agreement", "value"] == 0
    assert retest.loc["kappa", "value"] == pytest.approx(-1)
    assert "order" in set(found.frame["check"])
    assert found.title == "Which? · reliability"


def test_everyone_saying_the_same_has_no_coefficient_and_it_is_said(open_lab, people):
    lab = open_lab(EdgeModel(lambda _: {"choice": "a"}))
    found = tk.ask(people(5), "Which?", answer=tk.Choice(["a", "b"]), shuffle=False, repeats=2, lab=lab).reliability()
    assert np.isnan(found.value("alpha"))
    assert found.value("exact_agreement") == 1
    assert "not defined" in found.notes[0]


def test_same_seed_same_numbers():
    """S0-18."""
    frame = shown(0.2, n=60)
    pd.testing.assert_frame_equal(reliability(frame, seed=4).frame, reliability(frame, seed=4).frame)


@pytest.mark.parametrize(
    ("answers", "paraphrase", "match"),
    [
        ({"persona": [1, 2], "answer": [1, 2]}, None, "nothing can be checked"),
        ({"persona": [1, 2], "answer": [1, 2]}, {"persona": [1, 2], "answer": ["a", "b"]}, "numbers, the other"),
        ({"persona": [1, 2], "answer": [1, 2]}, {"persona": [3, 4], "answer": [1, 2]}, "0 respondents answered both"),
        ({"answer": [1, 2]}, None, "no column 'persona'"),
        ({"persona": [1, 2], "answer": [None, None]}, None, "0 different answers"),
        ({"persona": range(99), "answer": [f"text {n}" for n in range(99)]}, None, "99 different answers"),
    ],
)
def test_what_cannot_be_checked_is_said_in_one_line(answers, paraphrase, match):
    other = None if paraphrase is None else pd.DataFrame(paraphrase)
    with pytest.raises(InvalidInput, match=match) as caught:
        reliability(pd.DataFrame(answers), paraphrase=other)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_statistic_that_is_not_there_is_named():
    with pytest.raises(InvalidInput, match=r"no statistic 'icc'.*first_shown"):
        reliability(shown(0.2, n=30)).value("icc")


def test_repr_says_what_reliability_is_not():
    found = reliability(shown(0.2, n=30))
    assert "perfectly wrong" in repr(found)
    assert "first_shown" in found._repr_mimebundle_()["text/html"]
