"""What each of the answer types that came after Choice, Scale and Text does."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from tests.questions.kinds import framed
from toolkit.errors import InvalidInput, InvalidReply
from toolkit.questions import Allocation, Matrix, MultiChoice, Number, Ranking, Scale
from toolkit.questions.borda import borda_points, borda_totals, borda_winners, ranks
from toolkit.questions.structured import to_answer

DRINKS = ["tea", "coffee", "rum"]


def refused(answer, value, says):
    with pytest.raises(InvalidReply, match=says) as caught:
        answer.read(value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def one_line(make, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
    assert caught.value.hint


# --- several of several ---


def test_several_are_told_in_declared_order_and_none_is_an_answer():
    drinks = MultiChoice(DRINKS)
    assert drinks.read({"choices": ["RUM", "tea"]}) == {"answer": "tea | rum"}
    assert drinks.read({"choices": []}) == {"answer": ""}
    assert "it may be none" in drinks.instruction


def test_bounds_and_doubles_make_an_answer_invalid():
    """S0-20."""
    drinks = MultiChoice(DRINKS, at_least=2, at_most=2)
    assert drinks.read({"choices": ["tea", "rum"]}) == {"answer": "tea | rum"}
    refused(drinks, {"choices": ["tea"]}, "chooses 1 options where 2 to 2 are allowed")
    refused(drinks, {"choices": DRINKS}, "chooses 3 options")
    refused(drinks, {"choices": ["tea", "Tea"]}, "chooses 'tea' twice")
    refused(drinks, {"choices": ["tea", "gin"]}, "'gin', which is none of the 3 options")
    refused(drinks, {"choices": "tea"}, "where a list of options was asked for")


def test_exclusive_option_stands_alone():
    drinks = MultiChoice([*DRINKS, "none"], at_least=2, exclusive="None")
    assert drinks.exclusive == ("none",)
    assert drinks.read({"choices": ["none"]}) == {"answer": "none"}
    refused(drinks, {"choices": ["none", "tea"]}, "chooses 'none' together with other options")
    assert '"none" can only be chosen alone' in drinks.instruction


def test_indicators_tell_no_from_missing():
    drinks = MultiChoice(DRINKS)
    frame = framed(drinks, [{"choices": ["tea", "rum"]}, {"choices": []}, None])
    found = drinks.indicators(frame)
    assert found.columns.tolist() == DRINKS
    assert found.dtypes.tolist() == [pd.BooleanDtype()] * 3
    assert found["tea"].tolist() == [True, False, pd.NA]
    assert found.sum().tolist() == [1, 0, 1]
    assert frame["answer"].tolist()[:2] == ["tea | rum", ""]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"at_least": 4}, "at_least=4"),
        ({"at_least": -1}, "at_least=-1"),
        ({"at_least": True}, "at_least=True"),
        ({"at_most": 0}, "at_most=0"),
        ({"at_most": 4}, "at_most=4"),
        ({"at_least": 2, "at_most": 1}, "at_least=2, at_most=1"),
        ({"at_most": 1.5}, "at_most=1.5"),
        ({"exclusive": ("gin",)}, "exclusive option 'gin' of MultiChoice is none of its 3 options"),
        ({"exclusive": 5}, "exclusive=5"),
        ({"exclusive": DRINKS}, "every option of MultiChoice is exclusive"),
        ({"exclusive": ["tea"], "at_least": 3}, "where 2 options can be chosen together"),
    ],
)
def test_impossible_multi_choice_is_one_clear_line(arguments, says):
    one_line(lambda: MultiChoice(DRINKS, **arguments), says)


# --- amounts ---


def test_number_is_taken_as_it_is_and_typed():
    price = Number(0, 99.5, unit="euros")
    assert price.read({"number": 3}) == {"answer": 3.0}
    assert price.instruction == "Answer with a number from 0 to 99.5, in euros."
    assert price.values("answer") == "from 0 to 99.5, euros"
    assert framed(price, [{"number": 3}, None])["answer"].dtype == "float64"
    cups = Number(low=1, whole=True)
    assert cups.read({"number": 3.0}) == {"answer": 3}
    assert type(cups.read({"number": 3.0})["answer"]) is int
    assert framed(cups, [{"number": 3}, None])["answer"].tolist() == [3, pd.NA]
    assert "of at least 1" in cups.instruction
    assert Number().schema.body["properties"]["number"] == {"type": "number"}
    assert Number(high=1e6).instruction == "Answer with a number of at most 1,000,000."


@pytest.mark.parametrize("said", ["3", None, True, [3], math.nan, math.inf, -math.inf, 10**400, -1, 100])
def test_what_is_no_number_between_the_bounds_is_refused(said):
    """S0-20."""
    refused(Number(0, 99.5), {"number": said}, "number was asked for|which is not from 0 to 99.5")


def test_half_a_cup_is_no_whole_number():
    refused(Number(whole=True), {"number": 2.5}, "2.5, which is no whole number")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"low": 5, "high": 5}, r"Number\(5, 5\) leaves nothing"),
        ({"low": 5, "high": 1}, "leaves nothing"),
        ({"low": "1"}, "low='1'"),
        ({"high": True}, "high=True"),
        ({"low": math.nan}, "low=nan"),
        ({"high": math.inf}, "high=inf"),
        ({"high": 1e300}, "too large"),
        ({"low": 0.5, "whole": True}, "low=0.5 of a whole Number"),
        ({"unit": 5}, "unit of Number is 5"),
        ({"unit": "x" * 100}, "unit of Number"),
    ],
)
def test_impossible_number_is_one_clear_line(arguments, says):
    one_line(lambda: Number(**arguments), says)


# --- rankings ---


def test_ranking_is_text_and_one_rank_an_option():
    answer = Ranking(DRINKS, why=True)
    assert answer.columns == ("answer", "rank_tea", "rank_coffee", "rank_rum", "why")
    read = answer.read({"ranking": ["rum", "tea", "coffee"], "why": "So."})
    assert list(read.values()) == ["rum > tea > coffee", 2, 3, 1, "So."]
    assert framed(Ranking(DRINKS), [None])["rank_tea"].dtype == pd.Int64Dtype()


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (["rum", "tea"], "ranks 2 of the 3 options where 3 were asked for"),
        ([], "ranks 0 of the 3"),
        (["rum", "tea", "tea"], "ranks 'tea' twice"),
        (["rum", "tea", "coffee", "tea"], "'tea' twice"),
        (["rum", "tea", "gin"], "'gin', which is none of the 3 options"),
        (["rum", "tea", None], "None, which is none"),
        ("rum > tea > coffee", "where a ranking was asked for"),
        ({"rum": 1}, "where a ranking was asked for"),
        ([["rum"], ["tea"], ["coffee"]], "none of the 3 options"),
    ],
)
def test_partial_and_doubled_rankings_are_invalid_never_completed(said, says):
    """S0-20."""
    refused(Ranking(DRINKS), {"ranking": said}, says)


def test_options_that_tie_share_the_mean_of_their_places():
    answer = Ranking([*DRINKS, "milk"], ties=True)
    read = answer.read({"ranking": [["rum", "tea"], ["milk"], ["coffee"]]})
    assert read == {"answer": "rum = tea > milk > coffee", "rank_tea": 1.5, "rank_coffee": 4, "rank_rum": 1.5} | {
        "rank_milk": 3
    }
    refused(answer, {"ranking": ["rum", "tea", "milk", "coffee"]}, "no list of groups")
    refused(answer, {"ranking": [["rum", "tea"], [], ["milk", "coffee"]]}, "no list of groups")
    refused(answer, {"ranking": [["rum", "tea"], ["milk", "rum", "coffee"]]}, "'rum' twice")
    refused(answer, {"ranking": [["rum", "tea"]]}, "ranks 2 of the 4")


def test_ranking_of_the_best_leaves_the_others_without_a_rank():
    answer = Ranking(DRINKS, top=1)
    assert answer.read({"ranking": ["rum"]}) == {"answer": "rum", "rank_tea": None, "rank_coffee": None, "rank_rum": 1}
    refused(answer, {"ranking": ["rum", "tea"]}, "ranks 2 of the 3 options where 1 were")
    assert framed(answer, [{"ranking": ["rum"]}])["rank_tea"].tolist() == [pd.NA]
    assert "the 1 best of the options" in answer.instruction


@pytest.mark.parametrize("top", [0, 4, -1, True, "2", 1.5])
def test_impossible_top_is_one_clear_line(top):
    one_line(lambda: Ranking(DRINKS, top=top), "of 3 options cannot be")


@pytest.mark.parametrize("label", ["a > b", "a = b", "a | b"])
def test_label_that_would_read_as_two_options_is_refused(label):
    one_line(lambda: Ranking([label, "c"]), "option 1 of Ranking holds")


# --- Borda ---


def test_borda_gives_n_minus_one_minus_rank():
    """S0-22: three options: 2, 1, 0; ties list the winners."""
    assert borda_points(["b", "a", "c"], ["a", "b", "c"]) == {"a": 1, "b": 2, "c": 0}
    totals = borda_totals([["a", "b", "c"], ["b", "a", "c"]], ["a", "b", "c"])
    assert totals == {"a": 3, "b": 3, "c": 0}
    assert borda_winners(totals) == ("a", "b")


def test_borda_of_a_published_example():
    """S0-22: the capital of Tennessee, as Wikipedia's article on the Borda count has it: 126, 194, 173, 107."""
    votes = [["Memphis", "Nashville", "Chattanooga", "Knoxville"]] * 42
    votes += [["Nashville", "Chattanooga", "Knoxville", "Memphis"]] * 26
    votes += [["Chattanooga", "Knoxville", "Nashville", "Memphis"]] * 15
    votes += [["Knoxville", "Chattanooga", "Nashville", "Memphis"]] * 17
    totals = borda_totals(votes, ["Memphis", "Nashville", "Chattanooga", "Knoxville"])
    assert list(totals.values()) == [126, 194, 173, 107]
    assert borda_winners(totals) == ("Nashville",)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_every_ranking_gives_the_same_points_in_all(n):
    options = [f"o{place}" for place in range(n)]
    for ranking in (options, options[::-1], [options], [options[:2], *options[2:]], options[:1], [options[1:]], []):
        assert sum(borda_points(ranking, options).values()) == n * (n - 1) / 2


def test_borda_shares_points_among_ties_and_those_left_out():
    assert borda_points([["a", "b"], "c"], list("abc")) == {"a": 1.5, "b": 1.5, "c": 0}
    assert borda_points(["a"], list("abcd")) == {"a": 3, "b": 1, "c": 1, "d": 1}
    assert ranks([["a", "b"]], list("abc")) == {"a": 1.5, "b": 1.5, "c": None}


def test_borda_refuses_what_is_no_ranking_and_nobody_wins_nothing():
    one_line(lambda: borda_points(["a", "x"], ["a", "b"]), "'x', which is none")
    one_line(lambda: borda_points(["a", "a"], ["a", "b"]), "'a' twice")
    assert borda_winners(borda_totals([], ["a", "b"])) == ()
    assert borda_winners({}) == ()


# --- allocations ---


def test_points_are_read_by_key_label_or_id_in_declared_order():
    answer = Allocation(["the price", "the look"], total=10)
    assert list(answer.schema.body["properties"]["points"]["properties"]) == ["the_price", "the_look"]
    for said in ({"the_look": 3, "the_price": 7}, {"the price": 7.0, "The Look": 3}):
        assert answer.read({"points": said}) == {"points_the price": 7, "points_the look": 3}
    assert framed(answer, [None])["points_the look"].dtype == pd.Int64Dtype()
    assert answer.meaning("points_the look") == "points for 'the look'"
    assert answer.values("points_the look") == "0 to 10"


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"tea": 50, "coffee": 30, "rum": 19}, "shares out 99 points where 100 were asked for"),
        ({"tea": 50, "coffee": 30, "rum": 30}, "shares out 110 points"),
        ({"tea": 50, "coffee": 50}, "leaves out 'rum'"),
        ({"tea": 50, "coffee": 50, "rum": 0, "gin": 0}, "'gin', which is none of the 3 options"),
        ({"tea": 50, "coffee": 50, "rum": 0, "Tea": 50}, "answers for 'tea' twice"),
        ({"tea": 33.4, "coffee": 33.3, "rum": 33.3}, "no whole number from 0 to 100"),
        ({"tea": -10, "coffee": 60, "rum": 50}, "no whole number"),
        ({"tea": "100", "coffee": 0, "rum": 0}, "no whole number"),
        ({"tea": True, "coffee": 99, "rum": 0}, "no whole number"),
        ({"tea": None, "coffee": 100, "rum": 0}, "no whole number"),
        ([100, 0, 0], "one answer an option"),
    ],
)
def test_points_that_do_not_sum_to_the_total_are_invalid_never_scaled(said, says):
    """S0-20."""
    refused(Allocation(DRINKS), {"points": said}, says)


@pytest.mark.parametrize("total", [0, -5, 2.5, "100", None, True, 10**9])
def test_impossible_total_is_one_clear_line(total):
    one_line(lambda: Allocation(DRINKS, total=total), "leaves nothing to share out")


# --- matrices ---


def test_matrix_has_one_column_a_row_of_the_kind_of_its_levels():
    rated = Matrix(DRINKS, Scale(1, 5))
    frame = framed(rated, [{"rows": {"tea": 1, "coffee": 5, "rum": 3}}, None])
    assert rated.columns == ("answer_tea", "answer_coffee", "answer_rum")
    assert frame["answer_coffee"].tolist() == [5, pd.NA]
    assert (rated.meaning("answer_rum"), rated.values("answer_rum")) == ("rum", "1 to 5")
    put = Matrix(DRINKS, ["never", "often"])
    column = framed(put, [{"rows": {"tea": "Often", "coffee": "never", "rum": "never"}}])["answer_tea"]
    assert column.dtype == pd.CategoricalDtype(["never", "often"], ordered=True)
    assert column.tolist() == ["often"]
    assert put.values("answer_tea") == "never, often"


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"tea": 1, "coffee": 5}, "leaves out 'rum'"),
        ({"tea": 1, "coffee": 5, "rum": 6}, "rates 6, which is not on the scale 1 to 5"),
        ({"tea": 1, "coffee": 5, "rum": None}, "rates None"),
        ({"tea": 1, "coffee": 5, "rum": 3, "gin": 2}, "'gin'"),
        (None, "one answer an option"),
    ],
)
def test_partial_matrix_is_invalid(said, says):
    """S0-20."""
    refused(Matrix(DRINKS, Scale(1, 5)), {"rows": said}, says)


def test_level_that_is_none_is_refused():
    refused(Matrix(["tea"], ["never", "often"]), {"rows": {"tea": "daily"}}, "'daily', which is none of the 2 levels")
    refused(Matrix(["tea"], ["never", "often"]), {"rows": {"tea": 1}}, "answers 1, which is none")


@pytest.mark.parametrize(
    ("rows", "levels", "says"),
    [
        ([], Scale(1, 5), "Matrix has 0 option"),
        (DRINKS, ["never"], "levels of Matrix has 1 option"),
        (DRINKS, "never", "levels of Matrix was given 'never'"),
        (DRINKS, ["never", "Never"], "levels of Matrix has the option 'Never' twice"),
        (DRINKS, Scale(1, 5, why=True), "asks why for each row"),
    ],
)
def test_impossible_matrix_is_one_clear_line(rows, levels, says):
    one_line(lambda: Matrix(rows, levels), says)


def test_door_of_answer_types_takes_them_all():
    assert to_answer(Ranking(DRINKS)) == Ranking(DRINKS)
    one_line(lambda: to_answer(["a", "b"]), "no answer type")
