import itertools

from toolkit.rounds.ordering import Actor, fixed_order, groups, ordered


def names(actors):
    return [one.name for one in actors]


def test_the_contracts_example():
    """S4-18."""
    named = [
        Actor("Charlie", priority=1),
        Actor("Bravo", priority=3),
        Actor("Alpha", priority=3, order=2),
        Actor("Delta", order=1),
    ]
    assert names(ordered(named)) == ["Delta", "Alpha", "Bravo", "Charlie"]


def test_any_permutation_of_ties_gives_the_same_order():
    """S4-18."""
    named = [
        Actor("bea", priority=2),
        Actor("Abe", priority=2),
        Actor("Cid"),
        Actor("dot", priority=0),
        Actor("Eve", order=5),
    ]
    found = {tuple(names(ordered(some))) for some in itertools.permutations(named)}
    assert found == {("Eve", "Abe", "bea", "Cid", "dot")}


def test_place_of_naming_decides_last():
    """S4-18."""
    first, second = Actor("Ada", guidance="first"), Actor("ada", guidance="second")
    assert ordered([first, second]) == [first, second]
    assert ordered([second, first]) == [second, first]


def test_order_zero_and_negative_priority_count():
    named = [Actor("A", priority=-1), Actor("B"), Actor("C", order=0), Actor("D", order=-3)]
    assert names(ordered(named)) == ["D", "C", "B", "A"]


def test_without_a_director_the_named_act_first_then_the_others_as_listed():
    """S4-36: nothing is drawn."""
    cast = ["Ada Lee", "Ben Roy", "Cleo Fox"]
    assert names(fixed_order(cast, [])) == cast
    assert names(fixed_order(cast, ["What do you say, cleo? Ada?"])) == ["Cleo Fox", "Ada Lee", "Ben Roy"]
    assert names(fixed_order(cast, ["Adamant, benevolent."])) == cast, "parts of words name nobody"
    assert len({tuple(names(fixed_order(cast, ["Ben!"]))) for _ in range(20)}) == 1


def test_neighbours_of_one_parallel_group_act_at_once():
    some = [
        Actor("A", parallel="x"),
        Actor("B", parallel="x"),
        Actor("C"),
        Actor("D", parallel="x"),
        Actor("E"),
        Actor("F"),
    ]
    assert [names(group) for group in groups(some)] == [["A", "B"], ["C"], ["D"], ["E"], ["F"]]
