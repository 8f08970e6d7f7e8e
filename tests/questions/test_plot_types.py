from __future__ import annotations

import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Pictures

from tests.questions.kinds import ALL, NEW, framed, made_up
from toolkit.errors import InvalidInput
from toolkit.questions import Allocation, Matrix, MultiChoice, Number, Option, Ranking, Scale, Text
from toolkit.questions._plot_parts import diverging, ink_on, plain, sequential
from toolkit.questions.plot import plot_answers
from toolkit.questions.summary import summarise

ALIKE = {"text", "best with ties", "few points", "ranking of the best", "options", "multi bounded"}
DRAWN = {name: answer for name, answer in ALL.items() if name not in ALIKE}
LONG = "whatever I have always bought at the corner shop, for I would go on buying just that, thank you very much "
AWKWARD = [f"{LONG}{n}" for n in range(3)] + [r"$10 \frac{", "a_b^c$d$"]


def drawn(answer, frame, question="Well?"):
    """Return the figure, which has been drawn once, and its pixels."""
    figure = plot_answers(question, answer, frame, summarise(answer, frame))
    held = BytesIO()
    figure.savefig(held, format="png")
    return figure, np.asarray(Pictures.open(held).convert("L"))


def texts(figure):
    from matplotlib.text import Text as Written

    return [one for one in figure.findobj(Written) if one.get_text() and one.get_visible()]


@pytest.mark.parametrize("answer", DRAWN.values(), ids=DRAWN)
@pytest.mark.parametrize("n", [0, 1, 30])
def test_every_kind_is_drawn_whatever_was_said(answer, n):
    frame = made_up(answer, max(n, 2))
    frame["status"] = ["ok" if place < n else "invalid" for place in range(len(frame))]
    figure, pixels = drawn(answer, frame)
    assert pixels.min() < 100
    assert 100 < pixels.shape[0] < 100 * 12
    assert ("no valid answers" in [one.get_text() for one in texts(figure)]) is (n == 0)


@pytest.mark.parametrize(
    "answer",
    [
        MultiChoice(AWKWARD),
        Ranking(AWKWARD),
        Allocation(AWKWARD, total=1_000_000),
        Matrix(AWKWARD, Scale(1, 5, labels=(LONG, "$x$"))),
        Matrix(AWKWARD, Scale(0, 100, labels=(LONG, "$x$"))),
        Matrix(AWKWARD, AWKWARD),
        Number(unit="$ a month, all in"),
        Scale(1, 7, labels=(LONG, r"$\frac{")),
    ],
    ids=lambda one: type(one).__name__,
)
def test_long_labels_and_signs_of_formulas_stay_words_inside_the_figure(answer):
    figure, _ = drawn(answer, made_up(answer, 20), question=LONG * 4)
    whole = figure.bbox
    figure.draw_without_rendering()
    numbers = re.compile(r"\W*[\d.,]+")  # ticks beyond an axis have labels that nobody sees
    for one in texts(figure):
        if numbers.fullmatch(one.get_text()):
            continue
        if "$" in one.get_text():
            assert not one.get_parse_math()
        box = one.get_window_extent()
        assert box.x0 >= whole.x0 - 2, one.get_text()
        assert box.x1 <= whole.x1 + 2, one.get_text()
        assert box.y0 >= whole.y0 - 2, one.get_text()
        assert box.y1 <= whole.y1 + 2, one.get_text()


@pytest.mark.parametrize("n", [2, 40])
def test_many_options_are_drawn(n):
    labels = [f"option number {place}" for place in range(n)]
    for answer in (MultiChoice(labels), Ranking(labels), Allocation(labels), Matrix(labels, Scale(1, 5))):
        _, pixels = drawn(answer, made_up(answer, 9))
        assert pixels.shape[0] < 100 * 25


def test_borda_bars_are_as_long_as_the_points_and_the_winner_is_in_colour():
    """S0-22."""
    answer = Ranking(["tea", "rum", "milk"])
    figure, _ = drawn(answer, framed(answer, [{"ranking": ["rum", "tea", "milk"]}] * 3))
    bars = figure.axes[0].patches
    assert [bar.get_width() for bar in bars] == [1, 2, 0]
    assert len({bar.get_facecolor() for bar in bars}) == 2
    assert bars[0].get_facecolor() == bars[2].get_facecolor()
    assert "6 in all, mean rank 1.0" in [one.get_text() for one in texts(figure)]


def test_rows_of_a_matrix_diverge_from_the_middle_of_the_scale():
    answer = Matrix(["a", "b"], Scale(1, 3))
    said = [{"rows": {"a": 1, "b": 3}}, {"rows": {"a": 2, "b": 3}}]
    figure, _ = drawn(answer, framed(answer, said))
    spans = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in figure.axes[0].patches if bar.get_width()]
    assert spans == [(-0.75, -0.25), (-0.25, 0.25), (0, 1)]
    told = [one.get_text() for one in texts(figure)]
    assert "3.00 (3.00 to 3.00)" in told
    assert "mean (95 % interval)" in told


def test_scale_of_few_points_has_a_bar_about_its_middle_and_one_of_many_has_not():
    few, many = Scale(1, 5), Scale(0, 100)
    figure, _ = drawn(few, framed(few, [{"score": one} for one in (1, 5, 5, 5)]))
    strip = figure.axes[0].child_axes[0]
    assert [bar.get_width() for bar in strip.patches] == [0.25, 0, 0, 0, 0.75]
    assert [one.get_text() for one in strip.texts] == ["25%", "75%"]
    assert [bar.get_height() for bar in figure.axes[0].patches[:5]] == [1, 0, 0, 0, 3]
    assert any("mean 4.00 (1.00 to 5.00)" in one.get_text() for one in texts(figure))
    figure, _ = drawn(many, made_up(many, 9))
    assert figure.axes[0].child_axes == []


def test_whole_numbers_stand_in_the_middle_of_their_bars():
    answer = Number(0, 10, whole=True)
    figure, _ = drawn(answer, framed(answer, [{"number": one} for one in (1, 1, 3)]))
    bars = figure.axes[0].patches
    assert [bar.get_x() + bar.get_width() / 2 for bar in bars] == pytest.approx([1, 2, 3])
    assert [bar.get_height() for bar in bars] == [2, 0, 1]


def test_amounts_that_lie_far_apart_are_still_drawn():
    answer = Number()
    for given in ([1e-9, 1.0, 1e15], [5.0] * 20, [-3.5, -3.4]):
        _, pixels = drawn(answer, framed(answer, [{"number": one} for one in given]))
        assert pixels.min() < 100


def test_shares_of_levels_fill_their_row():
    answer = NEW["matrix of levels"]
    figure, _ = drawn(answer, made_up(answer, 30))
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert sum(widths) == pytest.approx(len(answer.options))


def test_colours_run_from_end_to_end_and_words_on_them_can_be_read():
    assert diverging(2) == [diverging(5)[0], diverging(5)[-1]]
    assert len(set(diverging(11))) == 11
    assert len(set(sequential(6))) == 6
    assert [ink_on(one) for one in ("#000000", "#ffffff")] == ["white", "#30343b"]


def test_numbers_are_told_in_three_digits_and_never_in_powers_of_ten():
    assert [plain(one) for one in (0, 0.123, 12.34, 123.4, 1_234.5, -45.67)] == [
        *("0.00", "0.12", "12.3", "123", "1,234", "-45.7")
    ]
    assert [plain(one) for one in (1_234_567.8, -3e9, 2.0**53)] == ["1.23 million", "-3.00 billion", "9,007 trillion"]


def test_options_with_ids_are_drawn_by_their_labels():
    answer = Ranking([Option("tea", id="T"), Option("rum", id="R")])
    figure, _ = drawn(answer, framed(answer, [{"ranking": ["R", "T"]}]))
    assert [one.get_text() for one in figure.axes[0].get_yticklabels()] == ["tea", "rum"]


def test_texts_have_no_plot_and_say_where_to_look():
    with pytest.raises(InvalidInput, match=r"Text have no plot.*\.summary"):
        drawn(Text(), made_up(Text(), 2))
