import pytest

from toolkit.rounds import Lore, Rules
from toolkit.rounds.retrieval import lore_for, memories_for, query_of, similarity
from toolkit.rounds.state import Said


def said(*texts):
    return [Said(number, "Ada", text) for number, text in enumerate(texts, start=1)]


def test_similarity_is_from_zero_to_one_and_symmetric():
    one, other = "We voted on the price of bread", "They vote about bread prices"
    assert 0 < similarity(one, other) < 1
    assert similarity(one, other) == similarity(other, one)
    assert similarity(one, one) == pytest.approx(1)
    assert similarity("", one) == similarity("the of and", one) == 0.0
    assert similarity("Übergröße für Füße", "übergrößen") > 0.4


def test_memories_come_by_similarity_then_by_recency():
    """S4-31."""
    memories = ["The roof leaks.", "The garden is dry.", "The roof leaks.", "The roof leaks when it rains in autumn."]
    found = memories_for("Who pays for the leaking roof?", memories, [], Rules())
    assert found == ["The roof leaks.", "The roof leaks.", "The roof leaks when it rains in autumn."]
    ranked = memories_for("roof", ["The roof (first)."], said("The roof (first).", "The roof (first)."), Rules())
    assert ranked == [
        "(round 2) The roof (first).",
        "(round 1) The roof (first).",
        "The roof (first).",
    ]


@pytest.mark.parametrize(("top", "expected"), [(0, 0), (1, 1), (5, 5), (12, 12)])
def test_no_more_memories_than_asked_for(top, expected):
    """S4-31: top 5, never more than 12."""
    memories = [f"The roof leaks in room {place}." for place in range(40)]
    assert len(memories_for("roof", memories, [], Rules(memory_top_k=top))) == expected
    assert len(memories_for("roof", memories, [], Rules(), top=99)) == 12
    assert len(memories_for("roof", memories, [], Rules())) == 5


def test_memories_stay_within_their_characters_and_are_whole():
    """S4-31."""
    memories = ["roof " * 30, "roof " * 300, "The roof leaks."]
    found = memories_for("roof", memories, [], Rules(memory_chars=180))
    assert sum(map(len, found)) <= 180
    assert all(one in memories for one in found)
    assert "The roof leaks." in found


def test_query_is_cut_from_the_front():
    """S4-31: 2,000 characters, the last ones."""
    assert len(query_of(said("x" * 5000, "end"), Rules())) == 2000
    assert query_of(said("x" * 5000, "end"), Rules()).endswith("end")
    assert len(query_of(said("x" * 5000), Rules(query_chars=99_999))) == 2000
    assert query_of(said("abc"), Rules(query_chars=2)) == "bc"


def test_unlike_memories_stay_out():
    assert memories_for("bread", ["My bicycle is red."], [], Rules()) == []
    assert (
        memories_for(
            "bread roll",
            ["Rolls of paint and bread and a long list of other things."],
            [],
            Rules(memory_min_similarity=0.9),
        )
        == []
    )


def test_lore_is_told_once_one_of_its_keys_was_spoken_of():
    """S4-32."""
    lore = [Lore("A", keys=("tram", "bus")), Lore("B", keys=("oven",)), Lore("C")]
    assert [one.text for one in lore_for(lore, said("The BUS is late."), Rules())] == ["A", "C"]
    assert [one.text for one in lore_for(lore, said("business, trams"), Rules())] == ["C"], "parts of words are no keys"


def test_only_the_last_messages_are_scanned():
    """S4-32: scan depth 4."""
    lore = [Lore("A", keys=("tram",))]
    assert lore_for(lore, said("tram", "b", "c", "d"), Rules())
    assert not lore_for(lore, said("tram", "b", "c", "d", "e"), Rules())
    assert not lore_for(lore, said("tram"), Rules(lore_depth=0))


def test_one_entry_a_group_in_the_scenes_order():
    """S4-32."""
    lore = [Lore("old", ("map",), "road"), Lore("new", ("map",), "road"), Lore("rain", ("map",), "weather")]
    assert [one.text for one in lore_for(lore, said("The map."), Rules())] == ["old", "rain"]
