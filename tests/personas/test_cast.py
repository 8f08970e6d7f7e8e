from __future__ import annotations

import pytest

from toolkit.errors import InvalidInput
from toolkit.personas import Population
from toolkit.personas.cast import draw_cast

ADULTS = Population.load("us-adults-2012")


def test_cast_has_n_people_in_order_with_ids_that_sort():
    people = draw_cast(ADULTS, 12, seed=7).people
    assert [one.id for one in people] == [f"p{place:04}" for place in range(1, 13)]
    big = [one.id for one in draw_cast(ADULTS, 10_001, seed=7).people]
    assert big == sorted(big)
    assert big[-1] == "p10001"


def test_every_name_is_reserved_in_the_register_of_the_cast():
    """S0-11: a name is one person's."""
    cast = draw_cast(ADULTS, 200, seed=7)
    assert len({one.name.casefold() for one in cast.people}) == 200
    assert all(one.name in cast.register for one in cast.people)


def test_first_names_follow_the_sampled_sex():
    """Names come from the table of the person's sex: the same first name seldom stands for both."""
    people = draw_cast(ADULTS, 600, seed=7).people
    firsts = {
        sex: {one.name.split()[0] for one in people if one.attributes["sex"] == sex} for sex in ("female", "male")
    }
    assert len(firsts["female"] & firsts["male"]) < 0.15 * min(map(len, firsts.values()))


def test_same_seed_same_cast_and_another_seed_another():
    """S0-18: equal seeds, equal people and names."""
    assert draw_cast(ADULTS, 30, seed=7).people == draw_cast(ADULTS, 30, seed=7).people
    names = [{one.name for one in draw_cast(ADULTS, 30, seed=seed).people} for seed in (7, 8)]
    assert len(names[0] & names[1]) < 3


@pytest.mark.parametrize("n", [0, -1, 100_001, 2.5, "3", True, None])
def test_number_of_people_that_cannot_be_is_refused(n):
    with pytest.raises(InvalidInput) as caught:
        draw_cast(ADULTS, n, seed=7)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
