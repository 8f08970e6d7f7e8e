from __future__ import annotations

import io
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.display.html import LARGEST_REPR
from toolkit.errors import InvalidInput
from toolkit.models import Reply
from toolkit.personas import Persona
from toolkit.questions._equivalence import holm
from toolkit.questions.compare import compare, compare_samples

VOTES = [0, 14, 31, 5, 0]
HUMAN = [11, 9, 13, 10, 7]
LEVELS = np.arange(1, 6)
LONG = [f"o{n}" * 30 for n in range(60)]


def answers_of(counts):
    return np.repeat(LEVELS, counts)


def stat(found, name, column="value"):
    return float(found.frame.set_index("statistic").loc[name, column])


# --- the published failure ---


def test_votes_that_another_library_called_equal_are_far_apart():
    """FACTS, last section; issue 4: a t test gave p = 0.85 and "validated"."""
    found = compare_samples(VOTES, HUMAN, scale=(1, 5))
    assert stats.ttest_ind(answers_of(VOTES), answers_of(HUMAN)).pvalue > 0.8
    assert found.tvd == pytest.approx(0.46)
    assert found.w1 == pytest.approx(0.72)
    assert found.equivalent is False
    assert found.sd_ratio == pytest.approx(np.std(answers_of(VOTES), ddof=1) / np.std(answers_of(HUMAN), ddof=1))
    assert "Not shown to be alike" in found.verdict
    assert "SD ratio is 0.44" in repr(found)


@pytest.mark.parametrize("seeds", [range(8), pytest.param(range(200), marks=pytest.mark.slow)])
def test_no_seed_of_the_bootstrap_calls_those_votes_equivalent(seeds):
    assert not any(compare_samples(VOTES, HUMAN, scale=(1, 5), seed=seed).equivalent for seed in seeds)


# --- how often it says so ---

ALIKE = [[0.1, 0.2, 0.4, 0.2, 0.1], [0.05, 0.1, 0.2, 0.4, 0.25], [0.6, 0.2, 0.1, 0.05, 0.05]]


def share_equivalent(model, human, n, trials, seed=11):
    random = np.random.default_rng(seed)
    drawn = ((random.choice(LEVELS, n, p=model), random.choice(LEVELS, n, p=human)) for _ in range(trials))
    return np.mean([compare_samples(*two, scale=(1, 5), seed=place).equivalent for place, two in enumerate(drawn)])


def moved(shares, by):
    """Move as much of every level one up that the mean rises by so many points."""
    rising = np.append(np.asarray(shares[:-1]) * by / (1 - shares[-1]), 0.0)
    return np.asarray(shares) - rising + np.append(0.0, rising[:-1])


@pytest.mark.parametrize("shares", ALIKE)
@pytest.mark.parametrize("trials", [12, pytest.param(500, marks=pytest.mark.slow)])
def test_two_samples_of_one_distribution_are_equivalent(shares, trials):
    assert share_equivalent(shares, shares, 200, trials) >= 0.9


@pytest.mark.parametrize("shares", ALIKE)
@pytest.mark.parametrize(("trials", "most"), [(12, 0.25), pytest.param(500, 0.06, marks=pytest.mark.slow)])
def test_means_exactly_an_eighth_of_the_scale_apart_are_not_equivalent(shares, trials, most):
    other = moved(shares, 0.5)
    assert other @ LEVELS - np.asarray(shares) @ LEVELS == pytest.approx(0.5)
    assert share_equivalent(other, shares, 200, trials) <= most


@pytest.mark.parametrize(("trials", "most"), [(12, 0.25), pytest.param(500, 0.06, marks=pytest.mark.slow)])
def test_shapes_exactly_an_eighth_of_the_scale_apart_are_not_equivalent(trials, most):
    """Same mean, same standard deviation, W1 at the bound."""
    one, other = [0, 0.5, 0, 0.5, 0], [0.0625, 0.25, 0.375, 0.25, 0.0625]
    assert stats.wasserstein_distance(LEVELS, LEVELS, one, other) == pytest.approx(0.5)
    assert share_equivalent(other, one, 200, trials) <= most


def test_few_answers_show_nothing_even_where_they_are_the_same():
    """Issue 4: "no difference found" never reads as "the same"."""
    found = compare_samples([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], scale=(1, 5))
    assert found.tvd == 0
    assert found.frame.set_index("statistic")["p_holm"].dropna().min() > 0.9
    assert found.equivalent is False


def test_spread_that_is_alike_by_luck_is_said_to_be_unsure():
    random = np.random.default_rng(3)
    found = compare_samples(*(random.choice(LEVELS, 120, p=[0.05, 0.1, 0.7, 0.1, 0.05]) for _ in range(2)))
    low, high = stat(found, "sd_ratio", "low"), stat(found, "sd_ratio", "high")
    assert found.equivalent
    assert low < 0.8 or high > 1.25
    assert any("more answers would tell" in note for note in found.notes)


# --- each statistic against another's ---


@pytest.fixture
def two():
    random = np.random.default_rng(5)
    return random.choice(LEVELS, 170, p=[0.2, 0.2, 0.3, 0.2, 0.1]), random.choice(
        LEVELS, 230, p=[0.1, 0.2, 0.3, 0.3, 0.1]
    )


def test_distances_are_scipy_s(two):
    found = compare_samples(*two)
    shares = [np.bincount(one, minlength=6)[1:] / len(one) for one in two]
    assert found.w1 == pytest.approx(stats.wasserstein_distance(*two))
    assert found.jsd == pytest.approx(jensenshannon(*shares, base=2) ** 2)
    assert found.tvd == pytest.approx(np.abs(shares[0] - shares[1]).sum() / 2)
    ratio = stats.entropy(shares[0]) / stats.entropy(shares[1])
    assert stat(found, "entropy_ratio") == pytest.approx(ratio)
    assert stat(found, "extremes_model") == pytest.approx(np.isin(two[0], [1, 5]).mean())


def test_tests_are_scipy_s(two):
    found = compare_samples(*two)
    table = [np.bincount(one, minlength=6)[1:] for one in two]
    chi2 = stats.chi2_contingency(table, correction=False)
    levene = stats.levene(*two, center="median")
    assert (stat(found, "chi2"), stat(found, "chi2", "p")) == pytest.approx((chi2.statistic, chi2.pvalue))
    assert (stat(found, "levene"), stat(found, "levene", "p")) == pytest.approx((levene.statistic, levene.pvalue))
    assert stat(found, "ks") == pytest.approx(stats.ks_2samp(*two).statistic)
    dealt = stats.permutation_test(
        two, lambda a, b: stats.ks_2samp(a, b, method="asymp").statistic, n_resamples=300, rng=1, alternative="greater"
    )
    assert stat(found, "ks", "p") == pytest.approx(dealt.pvalue, abs=0.08)


def test_large_gap_of_single_numbers_is_scipy_s():
    random = np.random.default_rng(5)
    ours, theirs = random.uniform(0, 100, 80), random.uniform(10, 90, 90)
    found = compare_samples(ours, theirs, scale=(0, 100))
    smirnov = stats.ks_2samp(ours, theirs, method="exact")
    assert (stat(found, "ks"), stat(found, "ks", "p")) == pytest.approx((smirnov.statistic, smirnov.pvalue))
    assert found.w1 == pytest.approx(stats.wasserstein_distance(ours, theirs))
    assert found.levels["level"].tolist()[0] == "0 to 10"
    assert found.levels["n_model"].tolist() == np.histogram(ours, np.linspace(0, 100, 11))[0].tolist()


def test_numbers_between_points_count_with_the_nearest():
    found = compare_samples([1, 1.4, 2.5, 4.6], [1, 2, 3, 5])
    assert found.levels["level"].tolist() == [f"about {point}" for point in LEVELS]
    assert found.levels["n_model"].tolist() == [2, 0, 1, 0, 1]


def test_two_one_sided_tests_are_two_welch_tests(two):
    """D. J. Schuirmann (1987): the larger p of two one-sided t tests, and the 90 % interval."""
    found = compare_samples(*two)
    low = stats.ttest_ind(two[0] + 0.5, two[1], equal_var=False, alternative="greater")
    high = stats.ttest_ind(two[0] - 0.5, two[1], equal_var=False, alternative="less")
    interval = stats.ttest_ind(*two, equal_var=False).confidence_interval(0.9)
    assert stat(found, "mean_difference", "p") == pytest.approx(max(low.pvalue, high.pvalue))
    assert stat(found, "mean_difference", "low") == pytest.approx(interval.low)
    assert stat(found, "mean_difference", "high") == pytest.approx(interval.high)


def test_correction_for_several_tests_is_holm_s():
    """S. Holm (1979); the values are those of p.adjust(c(.01, .04, .03, .005), "holm") in R."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([float("nan"), 0.6, 0.9])[1:] == [1.0, 1.0]
    found = compare_samples(VOTES, HUMAN, scale=(1, 5)).frame.dropna(subset=["p_holm"])
    assert found["p_holm"].tolist() == pytest.approx(holm(found["p"].tolist()))


@pytest.mark.parametrize(("n", "m"), [(2, 3), (50, 50), (400, 30)])
def test_noise_of_chance_is_what_simulation_gives(n, m):
    random = np.random.default_rng(2)
    shares = np.array([0.1, 0.25, 0.4, 0.2, 0.05])
    ours, theirs = random.multinomial(n, shares, 40_000) / n, random.multinomial(m, shares, 40_000) / m
    simulated = np.abs(ours - theirs).sum(axis=1) / 2
    from toolkit.questions._distances import total_variation_noise

    assert total_variation_noise(shares, n, m) == pytest.approx(simulated.mean(), abs=4 * simulated.std() / 200)


def test_small_expected_counts_are_not_left_to_the_formula():
    found = compare_samples(["a"] * 9 + ["b"], ["a"] * 6 + ["b"] * 4)
    assert stat(found, "chi2", "p") == pytest.approx(stats.fisher_exact([[9, 1], [6, 4]]).pvalue, abs=0.02)


# --- what can be given ---


def test_lists_counts_frames_and_files_are_the_same_answers(tmp_path):
    said = answers_of(HUMAN)
    path = tmp_path / "human.csv"
    pd.DataFrame({"id": range(50), "vote": said}).to_csv(path, index=False)
    given = [
        said.tolist(),
        HUMAN,
        dict(zip(LEVELS.tolist(), HUMAN, strict=True)),
        {str(level): n for level, n in zip(LEVELS, HUMAN, strict=True)},
        pd.Series(said),
        pd.Series(said).value_counts(),
        pd.DataFrame({"answer": said, "other": 1}),
        pd.DataFrame({"level": LEVELS, "count": HUMAN}),
    ]
    first, *others = (compare_samples(VOTES, one, scale=(1, 5)) for one in given)
    for other in others:
        pd.testing.assert_frame_equal(first.frame, other.frame)
    read = compare(pd.DataFrame({"answer": answers_of(VOTES)}), str(path), column="vote", scale=(1, 5))
    pd.testing.assert_frame_equal(first.frame, read.frame)


def test_equal_seeds_give_equal_numbers_and_others_other_bounds():
    """S0-18: determinism."""
    first, again, other = (compare_samples(VOTES, HUMAN, scale=(1, 5), seed=seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert not first.frame["low"].equals(other.frame["low"])
    assert first.frame["value"].equals(other.frame["value"])


def test_options_have_no_order_and_it_says_so():
    found = compare_samples(["Tea"] * 30 + ["rum"] * 10, ["tea"] * 20 + ["rum"] * 15 + ["milk"])
    assert found.equivalent is None
    assert np.isnan([found.w1, found.sd_ratio]).all()
    assert found.levels["level"].tolist() == ["Tea", "milk", "rum"]
    assert found.levels["n_human"].tolist() == [20, 1, 15]
    assert "no order" in repr(found)
    assert set(found.frame["statistic"]) == {"tvd", "tvd_noise", "jsd", "entropy_ratio", "chi2"}


def test_missing_answers_do_not_count_and_are_told():
    found = compare_samples([1, 2, None, 3], [1, float("nan"), 3, 4])
    assert (found.n_model, found.n_human) == (3, 3)
    assert any("1 model rows hold no answer" in note for note in found.notes)


def test_weights_move_shares_and_cost_certainty():
    said = [1, 1, 5, 5]
    even = compare_samples([1, 5] * 20, said * 10)
    heavy = compare_samples([1, 5] * 20, said * 10, weights=[3, 3, 1, 1] * 10)
    assert heavy.levels["share_human"].tolist() == pytest.approx([0.75, 0, 0, 0, 0.25])
    assert heavy.n_human == 40
    assert heavy.tvd_noise > even.tvd_noise
    assert any("as much as 32 unweighted" in note for note in heavy.notes)


def test_weights_of_one_are_no_weights():
    random = np.random.default_rng(1)
    ours, theirs = random.choice(LEVELS, 60), random.choice(LEVELS, 50)
    pd.testing.assert_frame_equal(
        compare_samples(ours, theirs).frame, compare_samples(ours, theirs, weights=np.full(50, 2.5)).frame
    )


def test_answers_of_one_person_stay_together():
    """A person asked ten times is one respondent: nothing becomes surer by asking the same people again."""
    random = np.random.default_rng(4)
    once = random.choice(LEVELS, 60)
    human = random.choice(LEVELS, 60)
    single = compare(pd.DataFrame({"persona": range(60), "answer": once}), human, scale=(1, 5))
    tenfold = pd.DataFrame({"persona": np.repeat(range(60), 10), "answer": np.repeat(once, 10)})
    many = compare(tenfold, human, scale=(1, 5))
    assert many.n_model == single.n_model == 60
    assert many.tvd_noise == pytest.approx(single.tvd_noise)
    for column in ("low", "high"):
        assert stat(many, "w1", column) == pytest.approx(stat(single, "w1", column), abs=0.08)
        assert stat(many, "mean_difference", column) == pytest.approx(stat(single, "mean_difference", column))
    assert stat(many, "chi2", "p") == pytest.approx(stat(single, "chi2", "p"), abs=0.05)


# --- answers of a panel ---


def panel(n):
    return [Persona(f"p{place:04}", f"Person {place}", {"sex": "mf"[place % 2]}) for place in range(1, n + 1)]


def test_scale_is_compared_on_its_own_ends(open_lab):
    lab = open_lab(EdgeModel(lambda call: {"score": int(call.item[1:]) % 7 + 1}))
    said = tk.ask(panel(30), "How good?", answer=tk.Scale(1, 7), lab=lab)
    found = said.compare([4, 5, 6, 7] * 10)
    assert found.scale == (1, 7)
    assert found.title == "How good?"
    assert len(found.levels) == 7


def test_choice_keeps_its_declared_order_and_tells_of_other_options(open_lab):
    lab = open_lab(EdgeModel(lambda _: {"choice": "tea"}))
    said = tk.ask(panel(10), "Which?", answer=tk.Choice(["tea", "coffee"]), lab=lab)
    found = said.compare({"Coffee": 5, "TEA": 5, "rum": 1})
    assert found.levels["level"].tolist() == ["tea", "coffee", "rum"]
    assert any("'rum'" in note and "could not choose" in note for note in found.notes)


def test_numbers_as_options_stay_options(open_lab):
    lab = open_lab(EdgeModel(lambda _: {"choice": "1"}))
    said = tk.ask(panel(10), "Which?", answer=tk.Choice(["1", "2"]), lab=lab)
    assert said.compare([1.0, 2.0, 2.0]).equivalent is None


def test_answers_that_are_distributions_count_option_by_option(lab):
    said = tk.ask(panel(20), "How good?", answer=tk.Scale(1, 5), method="logprobs", lab=lab)
    found = said.compare([1, 2, 3, 4, 5] * 4)
    assert found.n_model == 20
    assert found.levels["share_model"].tolist() == pytest.approx(said.summary()["share"].tolist())
    assert any("is a distribution" in note for note in found.notes)


def test_shares_and_not_the_likeliest_option_are_compared(open_lab):
    """Four times 0.6 to 0.4 is 2.4 to 1.6 and not 4 to 0: TVD against 2 to 2 is 0.1."""
    reply = Reply("A", "edge:edge", logprobs=((("A", math.log(0.6)), ("B", math.log(0.4))),))
    lab = open_lab(EdgeModel(lambda _: reply))
    tea = tk.Choice(["tea", "rum"])
    said = tk.ask(panel(4), "Which?", answer=tea, method="logprobs", shuffle=False, lab=lab)
    assert said.frame["answer"].tolist() == ["tea"] * 4
    human = {"tea": 2, "rum": 2}
    for given in (said, said.frame, said.frame.drop(columns="status"), pd.concat([said.frame.iloc[:2]] * 2)):
        found = compare(given, human)
        assert found.tvd == pytest.approx(0.1)
        assert found.levels["n_model"].tolist() == pytest.approx([0.6 * found.n_model, 0.4 * found.n_model])
        assert any("not the likeliest alone" in note for note in found.notes)


def test_scale_s_distributions_are_compared_by_their_shares(open_lab):
    """0.5 on 2 and 0.5 on 4 against everyone on 3: W1 is 1, though the mean is 3 on both sides."""
    reply = Reply("2", "edge:edge", logprobs=((("2", math.log(0.5)), ("4", math.log(0.5))),))
    said = tk.ask(
        panel(4), "How good?", answer=tk.Scale(1, 5), method="logprobs", lab=open_lab(EdgeModel(lambda _: reply))
    )
    for given in (said, said.frame):
        found = compare(given, [3] * 4, scale=(1, 5))
        assert found.w1 == pytest.approx(1)
        assert found.levels["share_model"].tolist() == pytest.approx([0, 0.5, 0, 0.5, 0])


def test_distributions_take_no_weights(open_lab):
    reply = Reply("A", "edge:edge", logprobs=((("A", math.log(0.6)), ("B", math.log(0.4))),))
    lab = open_lab(EdgeModel(lambda _: reply))
    said = tk.ask(panel(4), "Which?", answer=tk.Choice(["tea", "rum"]), method="logprobs", lab=lab).frame
    with pytest.raises(InvalidInput, match="human answers are distributions, which take no weights"):
        compare({"tea": 3, "rum": 1}, said, weights=[1, 2, 1, 1])


def test_conditions_of_a_factor_are_strata(lab):
    said = tk.ask(panel(10), "For {price}?", answer=tk.Scale(1, 5), vary={"price": [3, 4]}, lab=lab)
    human = pd.DataFrame({"price": [3, 4] * 6, "vote": [1, 2, 3, 4] * 3})
    found = said.compare(human, by="price", column="vote")
    assert found.strata["n_model"].tolist() == [10, 10]
    assert found.n_model == 10


def test_invalid_answers_do_not_count(open_lab):
    """S0-20."""
    lab = open_lab(EdgeModel(lambda call: {"score": 9 if call.item == "p0001" else 3}))
    found = tk.ask(panel(5), "How good?", answer=tk.Scale(1, 5), lab=lab).compare([3, 4])
    assert found.n_model == 4
    assert found.notes[0].startswith("1 model rows hold no answer")


def test_strata_are_compared_each_and_p_is_corrected_for_all(open_lab):
    lab = open_lab(EdgeModel(lambda call: {"score": 5 if int(call.item[1:]) % 2 else 3}))
    said = tk.ask(panel(40), "How good?", answer=tk.Scale(1, 5), lab=lab)
    human = pd.DataFrame({"sex": ["f", "m", "x"] * 20, "vote": [5, 1, 3] * 20, "w": [1, 2, 1] * 20})
    found = said.compare(human, by="sex", column="vote", weights="w")
    assert found.strata["stratum"].tolist() == ["f", "m"]
    assert found.parts["f"].tvd == 0
    assert found.parts["f"].equivalent
    assert found.parts["m"].w1 == pytest.approx(2)
    assert found.strata["p"].iloc[0] == 1
    assert found.strata["p_holm"].iloc[1] < 0.001
    assert (found.strata["p_holm"] >= found.strata["p"]).all()
    assert any("'x'" in note for note in found.notes)
    assert "stratum" in repr(found)


def test_attribute_that_is_not_there_is_named(open_lab):
    said = tk.ask(panel(4), "How good?", answer=tk.Scale(1, 5), lab=open_lab())
    with pytest.raises(InvalidInput, match=r"no attribute 'sax'.*nearest: 'sex'"):
        said.compare(pd.DataFrame({"sax": ["m"], "answer": [1]}), by="sax")


def test_text_is_no_distribution(open_lab):
    with pytest.raises(InvalidInput, match="Text are not one distribution"):
        tk.ask(panel(4), "Why?", lab=open_lab()).compare(["a"])


# --- bad input ---


@pytest.mark.parametrize(
    ("model", "human", "scale", "match"),
    [
        ([1, 2, 3], [1, 2, 9], (1, 5), r"1 human answers are off the scale 1 to 5, the first is 9"),
        ([1, 2, 3], ["a", "b"], None, r"human answers hold 'a' where the model answers are numbers"),
        (["a", "b"], ["c", "d"], None, r"share no option: \['a', 'b'\] against \['c', 'd'\]"),
        ([1], [1, 2], None, r"model answers come from 1 respondent"),
        ([], [1, 2], None, r"model answers come from 0 respondent"),
        ([1, 2], None, None, r"human answers are None, not answers"),
        ([1, 2], {1: 2.5}, None, r"a count of the human answers is 2.5"),
        ([1, 2], {1: -1}, None, r"a count of the human answers is -1"),
        ([1, 2], [1, 2], (5, 1), r"scale=\(5, 1\) does not rise"),
        ([1, 2], [1, 2], "ab", r"scale='ab' is no pair of numbers"),
        ([1, 2], "nowhere.csv", None, r"'nowhere.csv' cannot be read: No such file"),
        ([1, 2], pd.Series([0.5, 0.5], name="proportion"), None, r"given as shares"),
        ([1, 2], pd.DataFrame({"a": [1], "b": [2]}), None, r"has 2 columns that could hold the answers: \['a', 'b'\]"),
        ([1, 2], {1, 2}, None, r"human answers are \{1, 2\}, not answers"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(model, human, scale, match):
    with pytest.raises(InvalidInput, match=match) as caught:
        compare_samples(model, human, scale)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("weights", "match"),
    [([1, 2], "2 weights for 3"), ([1, -1, 1], "a weight of the human answers is"), (["a", 1, 1], "no numbers")],
)
def test_weights_that_are_none_are_refused(weights, match):
    with pytest.raises(InvalidInput, match=match):
        compare_samples([1, 2, 3], [1, 2, 3], weights=weights)


@pytest.mark.parametrize("content", [b"", b'a,b\n1,2,3\n1\n"', b"\xff\xfe\x00x"])
def test_damaged_file_is_one_clear_line(tmp_path, content):
    path = tmp_path / "human.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"human\.csv") as caught:
        compare_samples([1, 2], path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options", [{"seed": "x"}, {"seed": True}, {"resamples": 5}, {"resamples": "many"}])
def test_bad_options_are_refused(options):
    with pytest.raises(InvalidInput, match=next(iter(options))):
        compare_samples([1, 2], [1, 2], **options)


@pytest.mark.parametrize("same", [[3, 3, 3], [1, 5]])
def test_answers_without_spread_break_nothing(same):
    found = compare_samples([3, 3, 3], same)
    assert found.frame["value"].notna().all()
    assert found.equivalent is (same == [3, 3, 3])


# --- how it shows ---


def test_repr_is_small_and_escaped():
    hostile = "<script>alert(1)</script>"
    found = compare_samples([hostile, hostile, "b"], [hostile, "b", "b"])
    html = found._repr_mimebundle_()["text/html"]
    assert "<script" not in html
    assert len(html) < LARGEST_REPR
    many = [f"option {n} {'x' * 500}" for n in range(400)]
    assert len(compare_samples(many, many)._repr_mimebundle_()["text/html"].encode()) <= LARGEST_REPR


@pytest.mark.parametrize(
    ("model", "human"),
    [
        (VOTES, HUMAN),
        (["$5", r"\frac{"] * 5, ["$5"] * 9),
        (LONG, LONG),
        ([1.5, 2, 3], [4, 5]),
    ],
)
def test_picture_is_drawn_whatever_is_compared(model, human):
    found = compare_samples(model, human, scale=(1, 5))
    held = io.BytesIO()
    found.plot().savefig(held, format="png")
    assert held.getvalue().startswith(b"\x89PNG")
    assert "TVD" in found.plot().axes[0].get_xlabel()


def test_title_and_legend_of_a_picture_stand_apart():
    figure = replace(compare_samples([1, 2, 2], [2, 3]), title="As long as a question is, up to the right end").plot()
    figure.draw_without_rendering()
    title = figure._suptitle.get_window_extent()
    (legend,) = figure.legends
    assert not legend.get_window_extent().overlaps(title)
    assert not legend.get_window_extent().overlaps(figure.axes[0].xaxis.label.get_window_extent())


def test_comparing_leaves_pyplot_alone_and_import_stays_light():
    code = (
        "import sys, io, toolkit.questions\n"
        "light = 'scipy' not in sys.modules\n"
        "from toolkit.questions.compare import compare_samples\n"
        "compare_samples([1, 2, 2], [2, 3]).plot().savefig(io.BytesIO())\n"
        "print(light, 'matplotlib.pyplot' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
