"""The picture of answers in a repr."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from tests.questions.kinds import ALL, framed, made_up
from toolkit.questions import Allocation, Choice, Matrix, MultiChoice, Number, Ranking, Scale, Text
from toolkit.questions.picture import html_picture
from toolkit.questions.structured import Structured
from toolkit.questions.summary import summarise

ROOM = 32_000
"""Characters: half of what a whole repr may have."""


def pictured(answer, frame):
    html = html_picture(answer, frame, summarise(answer, frame))
    for tag in ("div", "table", "tr", "td"):
        assert html.count(f"<{tag}") == html.count(f"</{tag}>")
    return html


@pytest.mark.parametrize("answer", ALL.values(), ids=ALL)
@pytest.mark.parametrize("n", [0, 1, 2, 30])
def test_every_kind_has_a_small_picture_whatever_was_said(answer, n):
    """DESIGN 5.1."""
    frame = made_up(answer, max(n, 2))
    frame["status"] = ["ok" if place < n else "invalid" for place in range(len(frame))]
    html = pictured(answer, frame)
    assert (html == "") is isinstance(answer, Text)
    assert len(html) < ROOM
    assert "nan" not in html
    if n == 0 and html:
        assert "no valid answers" in html or "n = 0" in html


@pytest.mark.parametrize("kind", [Choice, MultiChoice, Ranking, Allocation, lambda rows: Matrix(rows, rows[:40])])
def test_many_long_and_hostile_labels_stay_small_and_escaped(kind):
    answer = kind([f"<script>{n}</script>" + "x" * 300 for n in range(60)])
    html = pictured(answer, made_up(answer, 5))
    assert "<script" not in html
    assert "more" in html
    assert len(html) < ROOM


def test_ranking_tells_the_winners_and_their_points():
    """S0-22."""
    answer = Ranking(["tea", "rum", "milk"])
    html = pictured(answer, framed(answer, [{"ranking": ["rum", "tea", "milk"]}, {"ranking": ["tea", "rum", "milk"]}]))
    assert "most Borda points: tea, rum" in html
    assert html.count("Borda 3, mean rank 1.50") == 2


def test_amounts_tell_middle_spread_and_unit():
    cups = Number(0, 9, unit="cups a day", whole=True)
    html = pictured(cups, framed(cups, [{"number": one} for one in (1, 2, 2, 4)]))
    assert "mean 2.25 (95 % interval 0.25 to 4.25), median 2.00" in html
    assert "from 1 to 4, in cups a day" in html
    for amount in (">1<", ">2<", ">3<", ">4<"):
        assert amount in html
    price = Number(unit="<b>")
    assert "<b>" not in pictured(price, made_up(price, 9))


def test_matrix_of_levels_is_a_small_table():
    answer = Matrix(["tea", "rum"], ["never", "often"])
    html = pictured(answer, framed(answer, [{"rows": {"tea": "often", "rum": "never"}}]))
    assert html.count("<tr>") == 3
    assert html.index(">0%<") < html.index(">100%<")


def test_scale_tells_its_ends_and_one_of_many_points_its_mean_alone():
    few, many = Scale(1, 3, labels=("bad", "good")), Scale(0, 100)
    assert "bad 1" in pictured(few, made_up(few, 4))
    html = pictured(many, made_up(many, 4))
    assert "mean" in html
    assert "<table" not in html


def test_fields_of_a_model_have_no_picture():
    class Mood(BaseModel):
        word: str

    assert pictured(Structured(Mood), framed(Structured(Mood), [{"word": "calm"}])) == ""
