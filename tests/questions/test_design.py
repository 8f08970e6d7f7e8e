"""Factors, fractions, and who meets what."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest

from toolkit.errors import InvalidInput
from toolkit.questions.design import Assignment, assign
from toolkit.questions.factors import Factor, cross, to_factors


def factors(*sizes):
    return [Factor(f"f{place}", tuple(range(size))) for place, size in enumerate(sizes)]


def test_full_factorial_is_every_combination_once():
    crossing = cross(factors(2, 3), "full")
    assert [tuple(cell.values()) for cell in crossing.cells] == list(product(range(2), range(3)))
    assert crossing.d_efficiency == 1.0


@pytest.mark.parametrize(("sizes", "runs"), [((2, 2, 2), 4), ((3, 3, 3), 9), ((2,) * 6, 8), ((4, 4, 4), 16)])
def test_fraction_is_an_orthogonal_array_where_there_is_one(sizes, runs):
    """Every pair of levels of two factors occurs equally often: L4, L9, L8 and L16 of Taguchi's tables."""
    crossing = cross(factors(*sizes), "fraction", seed=7)
    assert len(crossing.cells) == runs
    assert crossing.d_efficiency == 1.0
    levels = np.array([list(cell.values()) for cell in crossing.cells])
    for one in range(len(sizes)):
        for other in range(one):
            pairs = Counter(map(tuple, levels[:, [one, other]].tolist()))
            assert set(pairs.values()) == {runs // (sizes[one] * sizes[other])}


def test_fraction_shows_each_level_equally_often_and_says_how_efficient_it_is():
    crossing = cross(factors(3, 4, 2), "fraction", seed=7)
    assert 0.9 < crossing.d_efficiency < 1.0
    for name in ("f0", "f1", "f2"):
        assert len(set(Counter(cell[name] for cell in crossing.cells).values())) == 1


def test_fraction_is_drawn_by_seed():
    assert cross(factors(2, 2, 2), "fraction", seed=7).cells == cross(factors(2, 2, 2), "fraction", seed=7).cells
    drawn = {str(cross(factors(2, 2, 2), "fraction", seed=seed).cells) for seed in range(12)}
    assert len(drawn) == 2


@pytest.mark.parametrize(
    ("sizes", "how", "says"),
    [
        ((2, 3), "fraction", "no balanced fraction"),
        ((2, 2), 2, "factorial=2"),
        ((2, 2), "half", "factorial='half'"),
        ((2, 2), True, "factorial=True"),
        ((20, 20, 20), "full", "8,000 combinations"),
    ],
)
def test_designs_that_cannot_be_are_refused(sizes, how, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        cross(factors(*sizes), how)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("vary", "says"),
    [
        ([3, 4], "names no factor"),
        ({"a price": [3, 4]}, "'a price'"),
        ({"status": [3, 4]}, "'status'"),
        ({"price": [3]}, "1 level"),
        ({"price": []}, "0 level"),
        ({"price": "34"}, "levels '34'"),
        ({"price": [3, 3]}, "3 twice"),
        ({"price": [3, None]}, "level None"),
        ({"price": [True, False]}, "level True"),
    ],
)
def test_bad_factors_are_one_clear_line(vary, says):
    with pytest.raises(InvalidInput) as caught:
        to_factors(vary, ["status"])
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_numpy_levels_become_plain_numbers():
    (factor,) = to_factors({"price": np.array([3, 4])})
    assert [type(level) for level in factor.levels] == [int, int]


def test_between_is_balanced_over_the_panel_and_over_each_block(people):
    panel = people(101)
    met, block = assign(panel, 4, "between", seed=7, blocks=["age"])
    assert max(Counter(cells for cells in met.values()).values()) - 25 <= 1
    for name in set(block.values()):
        counts = Counter(met[one][0] for one, where in block.items() if where == name)
        found = [counts.get(cell, 0) for cell in range(4)]
        assert max(found) - min(found) <= 1


def test_numbers_of_many_values_are_blocked_by_quarters(people):
    _, block = assign(people(60), 2, "between", seed=7, blocks=["age"])
    assert Counter(block.values()) == {f"age quarter {n}": 15 for n in (1, 2, 3, 4)}


def test_assignment_is_seeded_and_does_not_follow_the_panel_s_order(people):
    one, two, other = (assign(people(60), 2, "between", seed=seed)[0] for seed in (7, 7, 8))
    assert one == two
    assert one != other
    assert 15 < sum(one[f"p{n:04}"] == one["p0001"] for n in range(1, 61, 2)) < 30 or one != other


def test_within_everyone_meets_everything_in_an_order_of_its_own(people):
    """Over 600 people each of the six orders of three conditions is about as frequent."""
    met, _ = assign(people(600), 3, "within", seed=7)
    counts = Counter(met.values())
    assert len(counts) == 6
    assert all(sorted(order) == [0, 1, 2] for order in counts)
    assert max(counts.values()) < 2 * min(counts.values())


def test_unknown_attribute_to_block_by_names_the_near_one(people):
    with pytest.raises(InvalidInput, match=r"no attribute 'agee'.*'age'"):
        assign(people(3), 2, "between", seed=7, blocks=["agee"])


def test_manifest_comes_back_from_its_file_equal(tmp_path, people):
    met, block = assign(people(10), 2, "between", seed=7, blocks=["age"])
    made = Assignment(
        "between", 7, (Factor("price", (3, 4)),), ({"price": 3}, {"price": 4}), met, ("age",), block, 2, 1.0
    )
    path = made.save(tmp_path / "deep" / "who.json")
    again = Assignment.load(path)
    assert again.frame.equals(made.frame)
    assert again.save(tmp_path / "again.json").read_bytes() == path.read_bytes()
    assert list(made.frame.columns) == ["persona", "block", "condition", "order", "price"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff"])
def test_file_that_is_no_manifest_is_refused(tmp_path, body):
    path = tmp_path / "who.json"
    path.write_bytes(body)
    with pytest.raises(InvalidInput, match="is no assignment"):
        Assignment.load(path)
    with pytest.raises(InvalidInput, match="cannot be read"):
        Assignment.load(tmp_path / "none.json")
