from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from toolkit.errors import InvalidInput
from toolkit.personas import Population, draw, fit
from toolkit.personas.rake import Target, design_effect, fit_weights

ADULTS = Population.load("us-adults-2012")
NEWER = {"age": {"18-34": 0.28, "35-64": 0.50, "65 and over": 0.22}, "sex": {"female": 0.51, "male": 0.49}}


def test_raked_microdata_meet_newer_marginals():
    raked = ADULTS.rake(NEWER)
    total = raked.weights.sum()
    assert total == pytest.approx(ADULTS.weights.sum())
    assert raked.where(age=(18, 34)).weights.sum() / total == pytest.approx(0.28)
    assert raked.where(age=(65, None)).weights.sum() / total == pytest.approx(0.22)
    assert raked.where(sex="female").weights.sum() / total == pytest.approx(0.51)
    assert len(raked) == len(ADULTS)
    assert (ADULTS.weights == 1).all()


def test_raking_says_how_it_went_and_what_it_costs():
    raked = ADULTS.rake(NEWER)
    assert raked.name == "us-adults-2012 raked to age, sex"
    assert raked.notes[:-1] == ADULTS.notes
    note = raked.notes[-1]
    effect = 1 + (raked.weights.std() / raked.weights.mean()) ** 2
    assert f"design effect {effect:.3f}" in note
    assert "rounds" in note
    assert "Deming & Stephan 1940" in note
    assert f"factors of {raked.weights.min():.3g} to {raked.weights.max():.3g}" in note


def test_panel_from_a_raked_population_meets_the_newer_shares():
    raked = ADULTS.rake(NEWER)
    table = fit(draw(raked, 1000, 7), raked)
    assert (table["tvd"] <= np.maximum(0.005, 1.5 * table["best"]) + 1e-12).all()
    assert (draw(raked, 1000, 7)["age"] >= 65).mean() == pytest.approx(0.22, abs=0.005)


def test_raking_keeps_odds_ratios_and_meets_both_margins():
    """What iterative proportional fitting is known for: interactions of the seed table stay (Mosteller 1968)."""
    rows, columns = np.indices((2, 2)).reshape(2, -1)
    start = np.array([40.0, 30.0, 20.0, 60.0])
    wanted = [
        Target("row", ("a", "b"), np.array([0.3, 0.7]), rows),
        Target("column", ("c", "d"), np.array([0.55, 0.45]), columns),
    ]
    done = fit_weights(start, wanted).weights.reshape(2, 2)
    assert done.sum(axis=1) / done.sum() == pytest.approx([0.3, 0.7])
    assert done.sum(axis=0) / done.sum() == pytest.approx([0.55, 0.45])
    assert done[0, 0] * done[1, 1] / (done[0, 1] * done[1, 0]) == pytest.approx(40 * 60 / (30 * 20))


@pytest.mark.parametrize("seed", range(5))
def test_any_table_without_empty_cells_converges(seed):
    chance = np.random.default_rng(seed)
    codes = chance.integers(0, 4, (3, 600))
    wanted = [
        Target(str(place), tuple("abcd"), shares, column)
        for place, (column, shares) in enumerate(zip(codes, chance.dirichlet([5] * 4, 3), strict=True))
    ]
    done = fit_weights(chance.uniform(0.5, 2, 600), wanted)
    for one in wanted:
        assert np.bincount(one.codes, done.weights) / done.weights.sum() == pytest.approx(one.shares, abs=1e-8)


def test_joint_marginals_rake_the_combinations():
    joint = {(sex, edu): 1 / 6 for sex in ("female", "male") for edu in ADULTS.attributes["education"].levels}
    raked = ADULTS.rake({("sex", "education"): joint})
    part = raked.where(sex="male", education="graduate degree").weights.sum() / raked.weights.sum()
    assert part == pytest.approx(1 / 6)


def test_derived_and_empty_levels_can_be_raked_to():
    raked = ADULTS.rake(
        {
            "age_band": dict.fromkeys(ADULTS.attributes["age"].levels, 1 / 7),
            "commute": {"1-29": 0.4, "30 or more": 0.2, "does not commute": 0.4},
        }
    )
    assert raked.targets().query("attribute == 'age'")["share"].tolist() == pytest.approx([1 / 7] * 7)
    assert raked.where(commute=None).weights.sum() / raked.weights.sum() == pytest.approx(0.4)


def test_share_of_zero_leaves_people_out():
    employed = ADULTS.rake({"employment": {"employed": 1, "unemployed": 0, "not in the labor force": 0}})
    assert set(draw(employed, 50, 1)["employment"]) == {"employed"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sex": {"female": 0.5, "male": 0.4}}, "the marginal of sex sums to 0.9, which is 0.1 too little"),
        ({"sex": {"female": 0.5, "male": 0.4, "divers": 0.1}}, "sex has no level 'divers'"),
        ({"sex": {"femal": 0.5, "male": 0.5}}, "nearest: 'female'"),
        ({"sx": {"female": 0.5, "male": 0.5}}, "no attribute 'sx'"),
        ({"sex": {"female": 1}}, "says nothing of sex 'male', which 787 rows have"),
        ({"age": {"20-34": 0.5, "35+": 0.5}}, "says nothing of age"),
        ({"age": {"18-34": 0.3, "35-64": 0.3, "65-99": 0.3, "100+": 0.1}}, "nobody in the data is '100+'"),
        ({"age": {"young": 0.5, "old": 0.5}}, "age has no level 'young'"),
        ({("sex", "disability"): {("female", "no"): 0.5, ("male", "yes"): 0.5}}, "says nothing of 'female x yes'"),
    ],
)
def test_marginals_the_data_cannot_meet_are_one_clear_line(given, said):
    """Bad input of the issue: a level the data lacks, an empty stratum."""
    with pytest.raises(InvalidInput) as caught:
        ADULTS.rake(given)
    assert said in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_marginals_no_weights_can_meet_together_say_what_is_off():
    frame = pd.DataFrame({"a": ["x", "x", "y"], "b": ["p", "q", "q"]})
    people = Population.from_frame(frame)
    with pytest.raises(InvalidInput, match=r"did not converge in 1000 rounds: .* is off by"):
        people.rake({"a": {"x": 0.2, "y": 0.8}, "b": {"p": 0.5, "q": 0.5}})


def test_drawn_traits_cannot_be_raked_to():
    with pytest.raises(InvalidInput, match="no attribute 'openness'"):
        ADULTS.derive("big_five").rake({"openness": {"low": 0.5, "high": 0.5}})


def test_design_effect_by_hand():
    assert design_effect(np.array([2.0, 2.0, 0.0])) == 1
    assert design_effect(np.array([1.0, 2.0, 3.0])) == pytest.approx(3 * 14 / 36)
