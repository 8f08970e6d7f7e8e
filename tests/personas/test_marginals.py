from __future__ import annotations

import pandas as pd
import pytest

from toolkit.errors import InvalidInput
from toolkit.personas import Population
from toolkit.personas._bands import read_bands
from toolkit.personas.marginals import read_marginals

AGE = {"18-34": 0.3, "35-64": 0.5, "65 and over": 0.2}
SEX = {"female": 0.51, "male": 0.49}
AGE_SEX = {
    ("18-34", "female"): 0.10,
    ("18-34", "male"): 0.20,
    ("35-64", "female"): 0.26,
    ("35-64", "male"): 0.24,
    ("65 and over", "female"): 0.15,
    ("65 and over", "male"): 0.05,
}


def shares(population, name):
    return population.targets().query("attribute == @name").set_index("level")["share"].to_dict()


def test_marginals_alone_become_a_population_that_meets_them():
    people = Population.from_marginals({"age": AGE, "sex": SEX})
    assert len(people) == 2000
    assert shares(people, "age") == pytest.approx(AGE)
    assert shares(people, "sex") == pytest.approx(SEX)
    assert people.name == "marginals"
    assert any("independent" in note for note in people.notes)


def test_attributes_without_a_joint_marginal_are_about_independent():
    people = Population.from_marginals({"age": AGE, "sex": SEX}, n_seed=20_000)
    young = people.where(age=(18, 34))
    assert young.weights.sum() / people.weights.sum() == pytest.approx(0.3)
    assert shares(young, "sex")["female"] == pytest.approx(0.51, abs=0.025)


def test_numbers_are_drawn_within_their_bands():
    people = Population.from_marginals({"age": AGE, "sex": SEX}, attributes={"age": {"unit": "years"}})
    age = people.frame["age"]
    assert people.attributes["age"].kind == "number"
    assert people.attributes["age"].unit == "years"
    assert (age.min(), age.max()) == (18, 94)
    assert age[age < 35].nunique() == 17
    assert any("drawn from 65 to 94" in note for note in people.notes)


def test_bands_with_names_are_declared():
    people = Population.from_marginals(
        {"age": {"young": 0.4, "old": 0.6}}, attributes={"age": {"bands": [18, 40], "unit": "years"}}
    )
    assert shares(people, "age") == pytest.approx({"young": 0.4, "old": 0.6})
    assert (people.frame["age"].min(), people.frame["age"].max()) == (18, 61)


def test_joint_marginals_are_met_as_dict_as_series_and_as_frames():
    series = pd.Series(AGE_SEX)
    frame = series.rename_axis(["age", "sex"]).rename("share").reset_index()
    given = [{("age", "sex"): AGE_SEX}, {("age", "sex"): series}, frame, [frame]]
    made = [Population.from_marginals(one) for one in given]
    assert len({one.digest for one in made}) == 1
    women = made[0].where(sex="female")
    assert shares(women, "age")["65 and over"] == pytest.approx(0.15 / 0.51)


def test_marginals_that_share_attributes_are_fitted_together():
    region = {(age, where): share / 2 for age, share in AGE.items() for where in ("north", "south")}
    people = Population.from_marginals(
        {("age", "sex"): AGE_SEX, ("age", "region"): region, "diet": {"a": 0.9, "b": 0.1}}
    )
    assert shares(people, "region") == pytest.approx({"north": 0.5, "south": 0.5})
    assert shares(people.where(sex="female", age=(65, None)), "age")["65 and over"] == 1
    assert people.where(sex="male", age=(65, None)).weights.sum() / people.weights.sum() == pytest.approx(0.05)
    assert list(people.attributes) == ["age", "sex", "region", "diet"]


def test_seed_table_gives_the_combinations():
    frame = pd.DataFrame({"age": [20, 20, 70, 70], "sex": ["female", "male", "female", "female"], "x": list("abcd")})
    wanted = {"age": {"under 65": 0.6, "65+": 0.4}, "sex": {"female": 0.8, "male": 0.2}}
    for seed in (frame, Population.from_frame(frame, attributes={"age": {"bands": [0, 65]}})):
        people = Population.from_marginals(wanted, seed=seed, name="mine")
        assert list(people.attributes) == ["age", "sex"]
        assert people.weights.tolist() == pytest.approx([1.6, 0.8, 0.8, 0.8])  # no old men there, so none here
        assert people.name == "mine"
        assert any("Combinations" in note for note in people.notes)


def test_same_seed_makes_the_same_people():
    """S0-18"""
    one = Population.from_marginals({"age": AGE, "sex": SEX}).digest
    assert one == Population.from_marginals({"age": AGE, "sex": SEX}).digest
    assert one != Population.from_marginals({"age": AGE, "sex": SEX}, draw_seed=1).digest


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"age": AGE, "sex": {"female": 0.51, "male": 0.5}},
            "the marginal of sex sums to 1.01, which is 0.01 too much",
        ),
        ({"sex": {"female": 0.5}}, "the marginal of sex sums to 0.5, which is 0.5 too little"),
        ({"sex": {"female": 1.5, "male": -0.5}}, "the share of 'male' in the marginal of sex is -0.5"),
        ({"sex": {"female": "half", "male": 0.5}}, "is 'half'"),
        ({"sex": {"female": float("nan"), "male": 0.5}}, "is nan"),
        ({"sex": [0.5, 0.5]}, "the marginal of sex is list"),
        ({("age", "sex"): SEX}, "has the cell 'female'"),
        ({("sex", "sex"): AGE_SEX}, "names an attribute twice"),
        ({"sex": {1: 0.5, "1": 0.5}}, "names '1' twice"),
        ({("age", "sex"): AGE_SEX, "age": {"18-34": 0.4, "35-64": 0.4, "65 and over": 0.2}}, "contradict each other"),
        ({}, "no marginals"),
        ("sex", "given as str"),
        (pd.DataFrame({"sex": ["f"], "part": [1.0]}), "columns sex, part"),
        ({"age": {"18-34": 0.5, "40-64": 0.5}}, "'18-34' and '40-64' of 'age' do not follow each other"),
        ({"age": {"18+": 0.5, "40-64": 0.5}}, "do not follow each other"),
    ],
)
def test_marginals_that_cannot_be_used_say_which_and_by_how_much(given, said):
    """Bad input of the issue: marginals that do not sum to 1 (which)."""
    with pytest.raises(InvalidInput) as caught:
        Population.from_marginals(given)
    assert said in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_seed": 0}, "n_seed is 0"),
        ({"n_seed": True}, "n_seed is True"),
        ({"draw_seed": "x"}, "draw_seed is 'x'"),
        ({"attributes": {"aeg": {"unit": "years"}}}, "no marginal has 'aeg'"),
        ({"seed": [1]}, "the seed table is [1]"),
        ({"seed": pd.DataFrame({"age": [20]})}, "the seed table has no attribute 'sex'"),
        ({"seed": Population.load("us-voters-1996")}, "the seed table has no attribute 'sex'"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options, said):
    with pytest.raises(InvalidInput) as caught:
        Population.from_marginals({"age": AGE, "sex": SEX}, **options)
    assert said in str(caught.value)


def test_level_too_rare_for_the_rows_asks_for_more_of_them():
    """Bad input of the issue: an empty stratum."""
    rare = {"blood": {"common": 0.9999, "rare": 0.0001}}
    with pytest.raises(InvalidInput, match=r"nobody in the data is 'rare'.*n_seed="):
        Population.from_marginals(rare, n_seed=100)
    assert shares(Population.from_marginals(rare, n_seed=20_000), "blood")["rare"] == pytest.approx(0.0001)


def test_too_many_linked_combinations_are_refused():
    wide = {(f"a{i}", f"a{i + 1}"): {(str(x), str(y)): 1 / 900 for x in range(30) for y in range(30)} for i in range(5)}
    with pytest.raises(InvalidInput, match="combinations"):
        Population.from_marginals(wide)


def test_levels_that_differ_between_marginals_are_refused():
    joint = {("a", "young"): 0.5, ("b", "old"): 0.5}
    with pytest.raises(InvalidInput, match="'c'"):
        Population.from_marginals({"x": {"a": 0.5, "b": 0.5, "c": 0.0}, ("x", "age"): joint})


def test_bands_are_read_as_people_write_them():
    assert read_bands("age", ["under 18", "18 to 34", "35\u201364", "65+"]) == ((0, 17), (18, 34), (35, 64), (65, None))
    assert read_bands("income", ["0-999", "1,000-1,999", "2,000 or more"]) == ((0, 999), (1000, 1999), (2000, None))
    assert read_bands("size", ["1", "2", "3 or more"]) == ((1, 1), (2, 2), (3, None))
    assert read_bands("size", ["1", "2", "3"]) is None  # single numbers may be codes
    assert read_bands("size", ["34-18", "35+"]) is None


def test_levels_are_texts_whatever_they_were():
    marginal = read_marginals({"member": {True: 0.4, False: 0.6}, "rooms": {1: 0.5, 2.0: 0.5}})
    assert marginal[0].levels("member") == ("yes", "no")
    assert marginal[1].levels("rooms") == ("1", "2")
