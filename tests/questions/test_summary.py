from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel
from scipy import stats

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.questions.summary import wilson

CHOICE = tk.Choice(["tea", "coffee", "neither"])


def asked(open_lab, people, answer, said):
    """Ask as many people as there are replies, each of whom says one of them."""
    lab = open_lab(EdgeModel(lambda call: said[int(call.item[1:]) - 1]))
    return tk.ask(people(len(said)), "Well?", answer=answer, lab=lab)


@pytest.mark.parametrize(
    ("successes", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (1, 29), (15, 148), (81, 263), (500, 1000)]
)
def test_interval_of_a_share_is_wilson_s(successes, n):
    theirs = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson(successes, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_interval_agrees_with_a_published_example():
    """R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 81 of 263."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_interval_of_nobody_is_everything():
    assert wilson(0, 0) == (0.0, 1.0)


def test_choice_is_counted_by_hand_over_valid_answers(open_lab, people):
    """S0-20: invalid answers do not count; shares are of the valid ones."""
    said = [{"choice": one} for one in ("tea", "tea", "coffee", "rum", "tea")] + [{}]
    summary = asked(open_lab, people, CHOICE, said).summary()
    assert summary["option"].tolist() == ["tea", "coffee", "neither"]
    assert summary["n"].tolist() == [3, 1, 0]
    assert summary["share"].tolist() == [0.75, 0.25, 0.0]
    assert summary["low"].tolist() == pytest.approx([wilson(n, 4)[0] for n in (3, 1, 0)])
    assert summary["high"].tolist() == pytest.approx([wilson(n, 4)[1] for n in (3, 1, 0)])
    assert summary["option"].cat.ordered


def test_scale_has_student_s_interval(open_lab, people):
    scores = [1, 2, 2, 5, 7, 7, 4]
    summary = asked(open_lab, people, tk.Scale(1, 7), [{"score": one} for one in scores] + [{"score": 9}]).summary()
    row = summary.iloc[0]
    theirs = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
    assert row["n"] == 7
    assert row["mean"] == pytest.approx(np.mean(scores))
    assert row["sd"] == pytest.approx(np.std(scores, ddof=1))
    assert (row["low"], row["high"]) == pytest.approx((theirs.low, theirs.high))
    assert row["median"] == 4


@pytest.mark.parametrize("answer", [CHOICE, tk.Scale(1, 7), tk.Text()], ids=repr)
def test_summary_without_one_valid_answer_is_all_there_and_empty(open_lab, people, answer):
    answers = asked(open_lab, people, answer, [{}, {}])
    summary = answers.summary()
    assert (summary["n"] == 0).all()
    assert summary.filter(["share", "mean", "sd", "median", "mean_characters"]).isna().all(axis=None)
    assert "2 invalid" in repr(answers)
    assert "text/html" in answers._repr_mimebundle_()


def test_one_answer_on_a_scale_has_a_mean_and_no_interval(open_lab, people):
    row = asked(open_lab, people, tk.Scale(1, 7), [{"score": 3}]).summary().iloc[0]
    assert (row["n"], row["mean"]) == (1, 3)
    assert np.isnan([row["sd"], row["low"], row["high"]]).all()


def test_texts_are_counted_and_measured(open_lab, people):
    said = [{"answer": one} for one in ("12", "12", "four", " ")]
    summary = asked(open_lab, people, tk.Text(), said).summary()
    assert summary.columns.tolist() == ["n", "different", "mean_characters"]
    assert summary.iloc[0].tolist() == [3, 2, pytest.approx(8 / 3)]


def test_fields_of_a_model_are_summed_up_one_a_row(open_lab, people):
    class Visit(BaseModel):
        minutes: int
        again: bool
        place: str
        tags: list[str]
        spent: float | None

    said = [
        {"minutes": 10, "again": True, "place": "7", "tags": ["a"], "spent": None},
        {"minutes": 20, "again": False, "place": "8", "tags": ["a"], "spent": 4.5},
        {"minutes": "many"},
    ]
    summary = asked(open_lab, people, Visit, said).summary().set_index("field")
    assert summary["n"].tolist() == [2, 2, 2, 2, 1]
    assert summary["different"].tolist() == [2, 2, 2, 1, 1]
    assert summary["mean"].tolist() == pytest.approx([15, 0.5, np.nan, np.nan, 4.5], nan_ok=True)


def test_codebook_says_of_every_column_what_it_holds(open_lab, people):
    answers = asked(open_lab, people, tk.Choice(["tea", "rum"], why=True), [{"choice": "tea", "why": "Warm."}] * 2)
    book = answers.codebook().set_index("column")
    assert book.index.tolist() == answers.frame.columns.tolist()
    assert book["type"].to_dict() == {name: str(dtype) for name, dtype in answers.frame.dtypes.items()}
    assert book.loc["answer", "values"] == "tea, rum"
    assert book.loc["answer", "meaning"] == "Well?"
    assert book.loc["status", "values"] == "ok, invalid, failed, not_run"
    assert book["meaning"].str.len().min() > 0


def test_codebook_of_a_scale_and_of_a_model_s_fields(open_lab, people):
    scale = asked(open_lab, people, tk.Scale(1, 7), [{"score": 3}]).codebook().set_index("column")
    assert scale.loc["answer", "values"] == "1 to 7"

    class Mood(BaseModel):
        word: str

    book = asked(open_lab, people, Mood, [{"word": "calm"}]).codebook().set_index("column")
    assert book.loc["word", "meaning"] == "Well? · word"


def test_columns_are_typed(open_lab, people):
    choice = asked(open_lab, people, tk.Choice(["b", "a"], why=True), [{"choice": "a", "why": "So."}, {}]).frame
    assert choice["answer"].dtype == pd.CategoricalDtype(["b", "a"], ordered=True)
    assert choice["why"].dtype == pd.StringDtype(na_value=np.nan)
    assert choice["why"].isna().tolist() == [False, True]
    scale = asked(open_lab, people, tk.Scale(1, 7, why=True), [{"score": 3, "why": "So."}, {}]).frame
    assert scale["answer"].dtype == pd.Int64Dtype()
    assert scale["answer"].tolist() == [3, pd.NA]
    assert scale["repeat"].dtype == np.int64
