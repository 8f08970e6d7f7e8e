import pytest

from toolkit.errors import InvalidInput
from toolkit.rounds import SHARES, Rules, allocate
from toolkit.rounds.shares import SECTIONS, check_shares, counter


def present_without(*absent):
    return [name for name in SECTIONS if name not in absent]


def test_default_shares_are_the_contracts_and_sum_to_a_hundred():
    """S4-12."""
    assert list(SHARES.values()) == [30, 10, 15, 20, 10, 5, 10]
    assert sum(SHARES.values()) == 100


@pytest.mark.parametrize(
    ("total", "absent", "caps", "expected", "sum_of_all"),
    [
        (8192, (), {}, [2457, 819, 1228, 1638, 819, 409, 819], 8189),
        (8192, ("lore", "memories"), {}, [3780, 1260, 0, 0, 1260, 630, 1260], 8190),
        (1000, ("memories", "director"), {}, [400, 133, 200, 0, 133, 0, 133], 999),
        (8192, ("lore", "memories"), {"history": 3000}, [3000, 1260, 0, 0, 1260, 630, 1260], 7410),
        (0, (), {}, [0] * 7, 0),
        (8192, SECTIONS, {}, [0] * 7, 0),
        (6, (), {}, [1, 0, 0, 1, 0, 0, 0], 2),
    ],
)
def test_share_tables_of_the_contract(total, absent, caps, expected, sum_of_all):
    """S4-13, S4-14: the three tables of section B to the number; what a cap frees is given to nobody."""
    found = allocate(total, present_without(*absent), caps)
    assert list(found) == list(SECTIONS)
    assert list(found.values()) == expected
    assert sum(found.values()) == sum_of_all <= total


@pytest.mark.parametrize("total", [1, 7, 99, 1000, 8191, 65_537])
def test_shares_never_pass_the_total_whatever_is_present(total):
    """S4-13."""
    for mask in range(1 << len(SECTIONS)):
        present = [name for place, name in enumerate(SECTIONS) if mask >> place & 1]
        found = allocate(total, present, {"history": 50})
        assert sum(found.values()) <= total
        assert found["history"] <= 50
        assert all(isinstance(one, int) for one in found.values())
        assert all(found[name] == 0 for name in SECTIONS if name not in present)


def test_order_of_what_is_present_does_not_matter():
    assert allocate(8192, present_without("lore")[::-1]) == allocate(8192, present_without("lore"))


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"history": 50, "summaries": 10, "lore": 15, "memories": 20, "notes": 10, "director": 5, "character": 10},
         "the shares sum to 120, not to 100"),
        ({"history": 100, "hystory": 0}, "shares names 'hystory', which is no section.*nearest: 'history'"),
        ({"history": 33.3}, "the share of history is 33.3"),
        ({"history": -1}, "the share of history is -1"),
        ({"history": True}, "the share of history is True"),
    ],
)  # fmt: skip
def test_shares_that_do_not_add_up_are_one_clear_line(shares, message):
    """S4-12."""
    for refuse in (lambda: allocate(100, shares=shares), lambda: Rules(shares=shares), lambda: check_shares(shares)):
        with pytest.raises(InvalidInput, match=message) as caught:
            refuse()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"total": -1}, "the total is -1|total is -1"),
        ({"total": 1.5}, "total is 1.5"),
        ({"total": 10, "present": ["notes", "world"]}, "present names 'world'"),
        ({"total": 10, "caps": {"lores": 3}}, "caps names 'lores'.*nearest: 'lore'"),
        ({"total": 10, "caps": {"lore": -3}}, "the cap of lore is -3"),
    ],
)
def test_wrong_amounts_are_one_clear_line(given, message):
    with pytest.raises(InvalidInput, match=message):
        allocate(**given)


def test_own_shares_hold_and_a_missing_section_has_none():
    assert allocate(100, shares={"history": 60, "notes": 40})["notes"] == 40
    assert allocate(100, ["lore"], shares={"history": 100})["lore"] == 0


def test_tokens_are_counted_by_ratio_or_by_a_tokenizer():
    assert counter()("") == 0
    assert counter()("abcde") == 2
    assert counter(2.0)("abcde") == 3
    assert counter(tokenizer=lambda text: [text])("abcde") == 1
    assert counter(tokenizer=len)("abcde") == 5
    with pytest.raises(InvalidInput, match="characters_per_token is 0"):
        counter(0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"histroy_window": 3}, "there is no rule 'histroy_window'.*nearest: 'history_window'"),
        ({"history_window": 0}, "history_window=0 cannot be.*from 1"),
        ({"max_director_passes": 0}, "max_director_passes=0 cannot be"),
        ({"director": "yes"}, "director='yes' is neither True nor False"),
        ({"memory_top_k": 13}, "memory_top_k=13 is more than a prompt takes.*12"),
        ({"completion_tokens": 1.5}, "completion_tokens=1.5 cannot be"),
        ({"caps": {"hstory": 1}}, "caps names 'hstory'"),
        ("strict", "rules='strict' are no rules"),
    ],
)
def test_rule_that_cannot_be_is_one_clear_line(given, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        Rules.of(given)
    assert "\n" not in str(caught.value)


def test_rules_come_back_from_json():
    rules = Rules(history_window=3, caps={"lore": 5}, director=False)
    assert Rules.from_dict(rules.to_dict()) == rules
    assert Rules(tokenizer=len).to_dict()["tokenizer"] == "len"


def test_smaller_context_of_the_model_decides():
    assert Rules().context(None) == 8192
    assert Rules().context(2048) == 2048
    assert Rules(max_context_tokens=1000).context(2048) == 1000
