from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import stats

from tests.questions.kinds import ALL, framed, made_up
from toolkit.questions import Allocation, Choice, Matrix, MultiChoice, Number, Ranking, Scale, Text
from toolkit.questions._intervals import estimated_mean, estimated_median, estimated_share
from toolkit.questions.summary import interval_method, summarise, wilson

DRINKS = ["tea", "coffee", "rum"]
INVALID = None


# --- each kind ---


def test_several_choices_have_shares_of_people_not_of_ticks():
    """S0-20: invalid answers do not count."""
    said = [{"choices": ["tea", "rum"]}, {"choices": ["tea"]}, {"choices": []}, {"choices": ["tea"]}, INVALID]
    summary = summarise(MultiChoice(DRINKS), framed(MultiChoice(DRINKS), said))
    assert summary["option"].tolist() == DRINKS
    assert summary["n"].tolist() == [3, 0, 1]
    assert summary["share"].tolist() == [0.75, 0.0, 0.25]
    assert (summary["low"][0], summary["high"][0]) == wilson(3, 4)


def test_number_has_student_s_interval_and_a_median_with_a_bootstrap_s():
    given = [1.0, 2.0, 2.0, 3.5, 40.0, 7.0, 8.0, 2.5]
    row = summarise(Number(), framed(Number(), [{"number": one} for one in given] + [INVALID])).iloc[0]
    theirs = stats.ttest_1samp(given, 0).confidence_interval(0.95)
    assert row["n"] == 8
    assert (row["mean"], row["sd"]) == pytest.approx((np.mean(given), np.std(given, ddof=1)))
    assert (row["low"], row["high"]) == pytest.approx((theirs.low, theirs.high))
    assert (row["median"], row["least"], row["most"]) == (3.0, 1.0, 40.0)
    assert 2.0 <= row["median_low"] <= 2.5
    assert 7.0 <= row["median_high"] <= 24.0


def test_rankings_are_summed_up_by_borda_s_count():
    """S0-22: n - 1 - rank; ties list the winners."""
    answer = Ranking(DRINKS)
    said = [["tea", "coffee", "rum"], ["coffee", "tea", "rum"], ["tea", "coffee", "rum"], ["coffee", "tea", "rum"]]
    summary = summarise(answer, framed(answer, [{"ranking": one} for one in said] + [INVALID])).set_index("option")
    assert summary["n"].tolist() == [4, 4, 4]
    assert summary["borda"].tolist() == [6, 6, 0]
    assert summary["winner"].tolist() == [True, True, False]
    assert summary["points"].tolist() == [1.5, 1.5, 0]
    assert summary["mean_rank"].tolist() == [1.5, 1.5, 3]
    assert summary["first"].tolist() == [0.5, 0.5, 0]
    theirs = stats.ttest_1samp([2, 1, 2, 1], 0).confidence_interval(0.95)
    assert theirs.high > 2  # which are the most points a ranking gives
    assert (summary.loc["tea", "low"], summary.loc["tea", "high"]) == pytest.approx((theirs.low, 2.0))


def test_interval_of_ratings_ends_where_the_scale_does():
    answer = Scale(1, 7)
    said = [{"score": one} for one in (1, 7, 1)]
    row = summarise(answer, framed(answer, said)).iloc[0]
    theirs = stats.ttest_1samp([1, 7, 1], 0).confidence_interval(0.95)
    assert theirs.low < 1
    assert theirs.high > 7
    assert (row["low"], row["high"]) == (1.0, 7.0)
    rated = Matrix(["taste"], answer)
    summary = summarise(rated, framed(rated, [{"rows": {"taste": one["score"]}} for one in said]))
    assert summary[["low", "high"]].to_numpy().tolist() == [[1.0, 7.0]]


def test_interval_of_one_rating_stays_unknown():
    answer = Scale(1, 7)
    row = summarise(answer, framed(answer, [{"score": 4}])).iloc[0]
    assert np.isnan([row["low"], row["high"]]).all()


@pytest.mark.parametrize("name", [name for name, answer in ALL.items() if isinstance(answer, Ranking)])
def test_borda_s_points_add_up_with_ties_and_for_rankings_of_the_best(name):
    answer = ALL[name]
    summary = summarise(answer, made_up(answer, 25))
    n = len(answer.options)
    assert summary["borda"].sum() == 25 * n * (n - 1) / 2
    assert summary["borda"].tolist() == pytest.approx((summary["points"] * 25).tolist())
    assert summary["winner"].tolist() == (summary["borda"] == summary["borda"].max()).tolist()


def test_allocations_have_mean_shares_that_sum_to_one_and_intervals_within_bounds():
    answer = Allocation(DRINKS, total=10)
    said = [{"tea": 10, "coffee": 0, "rum": 0}, {"tea": 9, "coffee": 1, "rum": 0}, {"tea": 2, "coffee": 8, "rum": 0}]
    summary = summarise(answer, framed(answer, [{"points": one} for one in said]))
    assert summary["mean"].tolist() == [7, 3, 0]
    assert summary["share"].tolist() == pytest.approx([0.7, 0.3, 0.0])
    assert summary["median"].tolist() == [9, 1, 0]
    theirs = stats.ttest_1samp([1.0, 0.9, 0.2], 0).confidence_interval(0.95)
    assert (summary["low"][0], summary["high"][0]) == pytest.approx((max(0, theirs.low), min(1, theirs.high)))
    assert summary["low"].ge(0).all()
    assert summary["high"].le(1).all()


def test_matrix_has_one_row_a_row_or_one_a_row_and_level():
    rated = Matrix(["taste", "look"], Scale(1, 5))
    said = [{"rows": {"taste": 1, "look": 5}}, {"rows": {"taste": 3, "look": 5}}]
    summary = summarise(rated, framed(rated, said))
    assert summary["row"].tolist() == ["taste", "look"]
    assert summary["mean"].tolist() == [2, 5]
    put = Matrix(["tea", "rum"], ["never", "often"])
    said = [{"rows": {"tea": "often", "rum": "never"}}] * 2 + [{"rows": {"tea": "never", "rum": "never"}}]
    summary = summarise(put, framed(put, said))
    assert summary[["row", "level", "n"]].to_numpy().tolist() == [
        ["tea", "never", 1],
        ["tea", "often", 2],
        ["rum", "never", 3],
        ["rum", "often", 0],
    ]
    assert (summary["low"][1], summary["high"][1]) == wilson(2, 3)
    assert summary.groupby("row", observed=True)["share"].sum().tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize("answer", ALL.values(), ids=ALL)
@pytest.mark.parametrize("n", [0, 1, 2])
def test_summary_of_hardly_anybody_is_all_there_and_silent(answer, n):
    """Warnings are errors here: no mean of nothing, no division by nobody."""
    frame = made_up(answer, 2)
    frame["status"] = ["ok"] * n + ["invalid"] * (2 - n)
    summary = summarise(answer, frame)
    full = summarise(answer, made_up(answer, 9))
    assert summary.columns.tolist() == full.columns.tolist()
    assert len(summary) == len(full)
    assert summary["n"].max() <= n
    again = summarise(answer, frame)
    assert summary.equals(again)


# --- people who answered several times ---


@pytest.mark.parametrize("answer", [one for one in ALL.values() if not isinstance(one, Text)], ids=repr)
def test_repeating_oneself_tells_nothing_new(answer):
    """Three times the same answer is worth one: the intervals stay as they were."""
    once = made_up(answer, 20)
    thrice = once.loc[once.index.repeat(3)].reset_index(drop=True)
    narrow, repeated = summarise(answer, once), summarise(answer, thrice)
    for name in ("share", "mean", "points", "low", "high", "median"):
        if name in narrow:
            assert repeated[name].tolist() == pytest.approx(narrow[name].tolist(), abs=1e-12)
    assert (repeated["n"] == 3 * narrow["n"]).all()


def test_answers_of_one_person_that_differ_as_those_of_many_are_worth_as_many():
    rng = np.random.default_rng(3)
    said = rng.random(600) < 0.4
    people = np.repeat(np.arange(200), 3)
    share, low, high = estimated_share(said, people)
    alone = wilson(int(said.sum()), 600)
    assert share == pytest.approx(said.mean())
    assert (low, high) == pytest.approx(alone, abs=0.012)
    assert high - low <= wilson(int(said.sum()) / 3, 200)[1] - wilson(int(said.sum()) / 3, 200)[0]


def test_person_who_answered_more_often_does_not_count_more():
    answer = Scale(1, 7)
    frame = framed(answer, [{"score": one} for one in (1, 1, 1, 7)], ["p1", "p1", "p1", "p2"])
    row = summarise(answer, frame).iloc[0]
    assert (row["n"], row["mean"], row["median"]) == (4, 4.0, 1.0)
    choice = Choice(["a", "b"])
    frame = framed(choice, [{"choice": one} for one in "aaab"], ["p1", "p1", "p1", "p2"])
    assert summarise(choice, frame)["share"].tolist() == [0.5, 0.5]


def test_interval_of_clustered_means_is_student_s_of_people_s_own():
    rng = np.random.default_rng(5)
    own = rng.normal(4, 1, 12)
    values = (own[:, None] + rng.normal(0, 0.5, (12, 4))).ravel()
    mean, low, high = estimated_mean(values, np.repeat(np.arange(12), 4))
    theirs = stats.ttest_1samp(values.reshape(12, 4).mean(axis=1), 0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((values.mean(), theirs.low, theirs.high))


def test_one_person_asked_often_has_no_interval_of_a_mean_and_the_widest_of_a_share():
    one = np.zeros(5, dtype=int)
    assert np.isnan(estimated_mean(np.arange(5.0), one)[1:]).all()
    assert np.isnan(estimated_median(np.arange(5.0), one)[1:]).all()
    assert estimated_share(np.array([True] * 5), one)[1:] == wilson(1, 1)


@pytest.mark.parametrize("between", [0.0, 0.6, 3.0])
def test_clustered_intervals_hold_the_truth_about_as_often_as_they_say(between):
    """400 seeded studies of 40 people asked 5 times, with people alike, different, very different."""
    people = np.repeat(np.arange(40), 5)
    rng = np.random.default_rng(11)
    truth = float(stats.logistic.cdf(-0.5 + between * rng.normal(size=400_000)).mean())
    held = plain = 0
    for _ in range(400):
        p = stats.logistic.cdf(-0.5 + between * rng.normal(size=40))
        said = rng.random(200) < p[people]
        _, low, high = estimated_share(said, people)
        held += low <= truth <= high
        low, high = wilson(int(said.sum()), 200)
        plain += low <= truth <= high
    assert held >= 0.92 * 400
    assert between < 1 or plain < 0.85 * 400  # what the intervals were before


def test_summary_says_how_its_intervals_were_made():
    once = framed(Choice(DRINKS), [{"choice": "tea"}, {"choice": "rum"}])
    assert summarise(Choice(DRINKS), once).attrs["method"] == "95 % intervals are Wilson's, of shares."
    twice = framed(Choice(DRINKS), [{"choice": "tea"}] * 4 + [INVALID], ["p1", "p1", "p2", "p2", "p3"])
    told = summarise(Choice(DRINKS), twice).attrs["method"]
    assert "2 people gave 4 answers: each counts once" in told
    assert "effective number of answers" in told
    assert "bootstrap (1,999 samples)" in interval_method(Number(), made_up(Number(), 3))
    assert interval_method(Text(), made_up(Text(), 3)) == ""


# --- the bootstrap ---


def test_median_s_interval_is_the_same_every_time_and_agrees_with_order_statistics():
    """The exact interval of a median runs between order statistics (binomial); the bootstrap's is near it."""
    values = np.random.default_rng(2).lognormal(2, 0.6, 101)
    median, low, high = estimated_median(values, None)
    assert (median, low, high) == estimated_median(values, None)
    exact = np.sort(values)[[int(stats.binom.ppf(end, 101, 0.5)) - (end < 0.5) for end in (0.025, 0.975)]]
    assert (low, high) == pytest.approx(exact, rel=0.06)
    assert low < median < high


def test_person_drawn_brings_all_answers_along_however_many():
    values = np.array([1.0, 1.0, 1.0, 1.0, 9.0, 9.0])
    people = np.array([0, 0, 0, 0, 1, 2])
    assert estimated_median(values, people) == (1.0, 1.0, 9.0)
    shuffled = [5, 0, 3, 4, 1, 2]
    assert estimated_median(values[shuffled], people[shuffled])[0] == 1.0


def test_five_thousand_amounts_are_summed_up_in_bounded_memory():
    values = np.random.default_rng(1).normal(size=5_000)
    estimated_median(values[:50], None)  # scipy's own imports are not counted
    tracemalloc.start()
    estimated_median(values, None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150e6
