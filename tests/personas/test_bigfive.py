from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from toolkit.errors import InvalidInput
from toolkit.personas import Persona, Population, bigfive, draw, fit

ADULTS = Population.load("us-adults-2012")
WITH_TRAITS = ADULTS.derive("big_five")


def many(attributes, n=2000):
    return np.array([list(bigfive.draw(attributes, seed).values()) for seed in range(n)])


def test_scores_have_the_averages_and_correlations_of_the_norms():
    for attributes in ({}, {"age": 25, "sex": "female"}, {"age": 70, "gender": "male"}):
        scores = many(attributes)
        assert scores.mean(axis=0) == pytest.approx(list(bigfive.expected(attributes).values()), abs=0.06)
        assert scores.std(axis=0) == pytest.approx([0.7] * 5, abs=0.05)
    found = np.corrcoef(many({}).T)
    places = {trait: place for place, trait in enumerate(bigfive.TRAITS)}
    for one, other, wanted in (
        ("openness", "extraversion", 0.31),
        ("conscientiousness", "neuroticism", -0.32),
        ("agreeableness", "neuroticism", -0.26),
        ("openness", "neuroticism", -0.12),
    ):
        assert found[places[one], places[other]] == pytest.approx(wanted, abs=0.07)


def test_women_and_men_and_ages_differ_as_published():
    """M. B. Donnellan and R. E. Lucas (2008), Table 3: d in Britain and in Germany."""
    women, men = bigfive.expected({"sex": "female"}), bigfive.expected({"sex": "male"})
    for trait, britain, germany in (
        ("neuroticism", 0.51, 0.39),
        ("agreeableness", 0.31, 0.35),
        ("extraversion", 0.20, 0.16),
        ("conscientiousness", 0.11, 0.11),
        ("openness", -0.15, 0.12),
    ):
        assert women[trait] - men[trait] == pytest.approx((britain + germany) / 2 * 0.7)


@pytest.mark.parametrize(
    ("trait", "age", "britain", "germany"),
    [
        ("openness", 18, 50.45 - 48.64, 51.75 - 50.15),
        ("conscientiousness", 25, 47.88 - 50.82, 47.15 - 51.22),
        ("extraversion", 65, 46.98 - 48.54, 48.27 - 49.84),
        ("agreeableness", 75, 51.43 - 50.91, 52.46 - 50.31),
        ("neuroticism", 55, 48.99 - 49.39, 51.10 - 50.36),
    ],
)
def test_middles_of_the_age_bands_have_the_published_averages(trait, age, britain, germany):
    """Table 1: T scores, so ten points are a standard deviation; told as the distance from 45."""
    assert bigfive.expected({"age": age})[trait] - 3 == pytest.approx((britain + germany) / 2 / 10 * 0.7)


def test_averages_move_in_straight_lines_and_stay_at_the_ends():
    at = {age: bigfive.expected({"age": age})["conscientiousness"] for age in (12, 18, 25, 30, 35, 45, 82.5, 99)}
    assert at[30] == pytest.approx((at[25] + at[35]) / 2)
    assert (at[12], at[99]) == (at[18], at[82.5])
    assert max(at, key=at.__getitem__) == 45


def test_sex_does_not_change_what_age_does():
    for trait in bigfive.TRAITS:
        woman, man = (
            bigfive.expected({"age": 70, "sex": sex})[trait] - bigfive.expected({"age": 30, "sex": sex})[trait]
            for sex in ("female", "male")
        )
        assert woman == pytest.approx(man)


def test_unknown_age_and_sex_give_the_average():
    for attributes in ({}, {"age": None, "sex": "not known"}, {"age": float("nan")}, {"age": "45"}, {"age": 45}):
        assert set(bigfive.expected(attributes).values()) == {3.0}


def test_same_seed_gives_the_same_scores_in_another_process():
    """S0-18"""
    code = "from toolkit.personas import bigfive; print(bigfive.draw({'age': 34, 'sex': 'female'}, 7))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == f"{bigfive.draw({'age': 34, 'sex': 'female'}, 7)}\n"
    assert bigfive.draw({}, 7) != bigfive.draw({}, 8)


def test_scores_stay_on_their_scale_and_have_words():
    for score, level in ((1.0, "very low"), (2.6, "low"), (3.0, "average"), (3.4, "high"), (5.0, "very high")):
        scores = dict.fromkeys(bigfive.TRAITS, score)
        assert set(bigfive.levels(scores).values()) == {level}
        assert all(told.startswith(level) for told in bigfive.words(scores).values())
    drawn = many({})
    assert drawn.min() >= 1
    assert drawn.max() <= 5


def test_derived_traits_change_neither_who_is_drawn_nor_the_fit():
    plain, traits = draw(ADULTS, 200, 7), draw(WITH_TRAITS, 200, 7)
    assert traits[list(plain.columns)].equals(plain)
    assert fit(traits, WITH_TRAITS).equals(fit(plain, ADULTS))
    assert WITH_TRAITS.digest == ADULTS.digest
    assert set(bigfive.TRAITS) <= set(traits.columns)


def test_two_people_of_one_row_have_traits_of_their_own():
    people = draw(WITH_TRAITS.where(age=(88, None)), 200, 7)
    assert people.groupby("row")[list(bigfive.TRAITS)].nunique().max().min() > 1


def test_traits_follow_age_and_sex_in_a_panel():
    people = draw(WITH_TRAITS, 3000, 1)
    means = people.groupby("sex", observed=True)["neuroticism"].mean()
    assert means["female"] - means["male"] == pytest.approx(0.315, abs=0.12)


def test_facts_tell_traits_only_where_the_population_asks_for_it():
    row = draw(WITH_TRAITS, 1, 7).to_dict("records")[0]
    told = Persona.from_row("p0001", "Ann Lee", row, WITH_TRAITS).facts()
    assert f"Openness: {row['openness']:g} of 5" in told
    silent = ADULTS.derive("big_five", told=False)
    person = Persona.from_row("p0001", "Ann Lee", row, silent)
    assert person.attributes["openness"] == pytest.approx(row["openness"])
    assert person.facts() == Persona.from_row("p0001", "Ann Lee", row, ADULTS).facts()


def test_population_describes_traits_it_has_no_column_of():
    table = WITH_TRAITS.describe().set_index("attribute")
    assert (table.loc["openness", "low"], table.loc["openness", "high"]) == (1, 5)
    assert "openness" not in WITH_TRAITS.frame
    assert "openness" in WITH_TRAITS._repr_mimebundle_()["text/html"]
    assert list(WITH_TRAITS.derive("big_five").attributes) == list(WITH_TRAITS.attributes)


def test_what_cannot_be_derived_is_refused():
    with pytest.raises(InvalidInput, match="nearest: 'big_five'"):
        ADULTS.derive("big_fvie")
    frame = ADULTS.frame[["sex"]].assign(openness="high")
    with pytest.raises(InvalidInput, match="'openness' already"):
        Population.from_frame(frame).derive("big_five")
    with pytest.raises(InvalidInput, match=r"drawn for each person.*panel.filter"):
        WITH_TRAITS.where(openness=(4, 5))
