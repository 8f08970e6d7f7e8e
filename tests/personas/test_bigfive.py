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
        ("openness", "extraversion", 0.45),
        ("conscientiousness", "neuroticism", -0.45),
        ("agreeableness", "neuroticism", -0.35),
        ("openness", "neuroticism", -0.15),
    ):
        assert found[places[one], places[other]] == pytest.approx(wanted, abs=0.07)


def test_women_and_men_and_ages_differ_as_published():
    women, men = bigfive.expected({"sex": "female"}), bigfive.expected({"sex": "male"})
    assert women["neuroticism"] - men["neuroticism"] == pytest.approx(0.40 * 0.7)
    assert women["agreeableness"] - men["agreeableness"] == pytest.approx(0.15 * 0.7)
    young, old = bigfive.expected({"age": 25}), bigfive.expected({"age": 65})
    assert old["agreeableness"] > young["agreeableness"]
    assert old["openness"] < young["openness"]
    for age in (55, 80):
        assert bigfive.expected({"age": age})["conscientiousness"] == bigfive.expected({"age": 70})["conscientiousness"]
    man = {"sex": "male"}
    assert bigfive.expected({"age": 25} | man)["neuroticism"] == bigfive.expected({"age": 65} | man)["neuroticism"]


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
    assert means["female"] - means["male"] == pytest.approx(0.28, abs=0.12)


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
