from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from toolkit.personas import Persona, Population, draw
from toolkit.personas.description import divergence, pair_fit
from toolkit.personas.diversity import NEAR, distinct, diversity, near_duplicates
from toolkit.seeds import rng

ADULTS = Population.load("us-adults-2012")
WORDS = [f"word{place}" for place in range(400)]


def person(place, name, bio):
    return Persona(f"p{place:04}", name, {}, {"bio": bio})


def text(seed, words=40):
    draw = rng(7, "text", seed)
    return [draw.choice(WORDS) for _ in range(words)]


def triples(words):
    return {tuple(words[place : place + 3]) for place in range(len(words) - 2)}


# --- names and texts ---


def test_distinct_n_is_different_runs_over_all_runs():
    """J. Li et al. (2016): the number of distinct unigrams and bigrams over all of them."""
    texts = [["a", "b", "a"], ["a", "b"]]
    assert distinct(texts, 1) == 2 / 5
    assert distinct(texts, 2) == 2 / 3
    assert distinct([], 1) is None
    assert distinct([["a"]], 2) is None


def test_own_name_does_not_make_two_texts_differ():
    told = [
        person(1, "Ann Lee", "Ann Lee bakes. Ann's bread is dark."),
        person(2, "Bo Ray", "Bo Ray bakes. Bo's bread is dark."),
    ]
    found = diversity(told)
    assert (found.duplicates, found.near_duplicates, found.names, found.first_names) == (1, 0, 2, 2)
    assert found.pairs == (("p0001", "p0002", 1.0),)


def test_names_count_without_regard_to_case():
    people = [person(1, "Ann Lee", "x"), person(2, "ANN LEE", "y"), person(3, "Ann Ray", "z")]
    assert (diversity(people).names, diversity(people).first_names) == (2, 1)


def test_people_without_texts_have_no_diversity_of_texts():
    found = diversity([Persona("p1", "Ann Lee", {})])
    assert (found.texts, found.distinct_1, found.near_duplicates) == (0, None, 0)
    assert "texts" not in str(found)


def test_other_fields_stand_in_where_there_is_no_bio():
    people = [Persona(f"p{place}", f"N{place}", {}, {"likes": ["rye bread", "quiet"]}) for place in range(2)]
    assert diversity(people).duplicates == 1


def test_near_duplicates_are_found_and_others_are_not():
    texts = [(str(seed), text(seed)) for seed in range(60)]
    changed = [*text(3)[:35], *text(99)[:5]]  # 33 of 43 triples in common
    found = near_duplicates([*texts, ("copy", changed)])
    assert [(one, other) for one, other, _ in found] == [("3", "copy")]
    expected = len(triples(text(3)) & triples(changed)) / len(triples(text(3)) | triples(changed))
    assert found[0][2] == pytest.approx(expected, abs=0.001)


def test_hardly_any_pair_above_the_bound_is_missed():
    """Against all pairs compared one by one."""
    originals = [text(seed) for seed in range(150)]
    kept = [rng(7, "kept", place).randint(26, 40) for place in range(150)]
    copies = [
        [*one[:many], *text(1000 + place)[: 40 - many]]
        for place, (one, many) in enumerate(zip(originals, kept, strict=True))
    ]
    found = {
        other
        for _, other, _ in near_duplicates(
            [*(("o", one) for one in originals), *((str(i), c) for i, c in enumerate(copies))]
        )
    }
    true = set()
    for place, (one, copy) in enumerate(zip(originals, copies, strict=True)):
        share = len(triples(one) & triples(copy)) / len(triples(one) | triples(copy))
        if share >= NEAR:
            true.add(str(place))
    assert found <= true
    assert len(found) >= 0.9 * len(true)
    assert len(true) > 50


def test_five_thousand_equal_texts_are_no_five_thousand_squared():
    """Equal texts are counted before any is compared, and alike ones meet at most eight of their kind a band."""
    people = [
        person(place, f"N{place} X{place}", f"N{place} sells bread in a small shop by the river and reads at night")
        for place in range(3_000)
    ]
    assert diversity(people).duplicates == 2_999
    same = text(1)
    alike = [(str(place), [*same, f"end{place}"]) for place in range(1_500)]
    assert len(near_duplicates(alike)) == 1_499


def test_texts_of_few_words_and_odd_letters_are_taken():
    assert near_duplicates([("a", []), ("b", ["x"]), ("c", ["x"]), ("d", ["\ud800"])]) == [("b", "c", 1.0)]


# --- fit ---


def test_divergence_is_that_of_scipy_in_bits():
    """scipy returns the distance, its square root."""
    draw = np.random.default_rng(7)
    for _ in range(20):
        one, other = draw.dirichlet(np.ones(6)), draw.dirichlet(np.ones(6))
        assert divergence(one, other) == pytest.approx(jensenshannon(one, other, base=2) ** 2)
    assert divergence(one, one) == 0.0


def test_pairs_are_measured_cell_by_cell_and_the_worst_leads():
    people = draw(ADULTS, 500, seed=7)
    pairs = pair_fit(people, ADULTS)
    measured = [one.name for one in ADULTS.measured]
    assert len(pairs) == math.comb(len(measured), 2)
    assert pairs["tvd"].is_monotonic_decreasing
    assert (pairs["tvd"] >= pairs["best"] - 1e-12).all()
    row = pairs.set_index(["attribute", "other"]).loc["sex", "race"]
    held, wanted = (
        Counter(zip(frame["sex"], frame["race"], strict=True)) for frame in (people, ADULTS.frame)
    )  # the population counts every row alike
    tvd = sum(abs(held[cell] / 500 - wanted[cell] / len(ADULTS)) for cell in held | wanted) / 2
    assert row["tvd"] == pytest.approx(tvd)
    assert row["cells"] == len(wanted)


def test_sampled_pairs_fit_better_than_a_simple_random_sample():
    """Whole rows, balanced: pairs come out closer than chance would bring them."""
    pairs = pair_fit(draw(ADULTS, 1000, seed=7), ADULTS)
    assert (pairs["tvd"] <= pairs["random"]).mean() > 0.9


def test_mean_of_random_samples_is_what_the_column_says():
    """Over all pairs; cells that hardly anybody is in are where the normal approximation says a little too much."""
    chance = np.random.default_rng(7)
    found = [pair_fit(ADULTS.frame.iloc[chance.integers(len(ADULTS), size=400)], ADULTS) for _ in range(40)]
    mean = sum(one["tvd"].mean() for one in found) / len(found)
    assert 0.9 < mean / found[0]["random"].mean() < 1.05
