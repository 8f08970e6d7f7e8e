from __future__ import annotations

import subprocess
import sys
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image as Pictures

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.errors import InvalidInput

LONG = "neither of them, for I would go on buying what I have always bought at the corner shop, thank you " * 3


def drawn(answers):
    """Return the plot as an array of pixels."""
    held = BytesIO()
    answers.plot().savefig(held, format="png", dpi=72)
    return np.asarray(Pictures.open(held).convert("L"))


@pytest.mark.parametrize(
    "labels", [["yes", "no"], ["a", "b", "c", "d", "e"], [str(n) for n in range(40)], ["short", LONG], ["x" * 400, "y"]]
)
def test_choice_is_drawn_whatever_its_options(lab, people, labels):
    pixels = drawn(tk.ask(people(20), "Which?", answer=tk.Choice(labels), lab=lab))
    assert pixels.min() < 100
    assert pixels.shape[0] < 72 * 25


@pytest.mark.parametrize(
    "answer", [tk.Scale(1, 2), tk.Scale(1, 7, labels=("bad", LONG)), tk.Scale(0, 100), tk.Scale(-3, 3)]
)
def test_scale_is_drawn_whatever_its_points(lab, people, answer):
    assert drawn(tk.ask(people(20), "How much?", answer=answer, lab=lab)).min() < 100


@pytest.mark.parametrize("answer", [tk.Choice(["a", "b"]), tk.Scale(1, 5)], ids=repr)
def test_plot_without_one_valid_answer_says_so(open_lab, people, answer):
    figure = tk.ask(people(2), "Which?", answer=answer, lab=open_lab(EdgeModel(lambda _: {}))).plot()
    figure.savefig(BytesIO(), format="png")
    axes = figure.axes[0]
    assert "no valid answers" in [text.get_text() for text in axes.texts]
    assert [bar.get_width() for bar in axes.patches if tk.Scale is not type(answer)] == []


def test_bars_are_as_long_as_the_shares_and_in_declared_order(open_lab, people):
    said = ["tea", "tea", "tea", "rum"]
    lab = open_lab(EdgeModel(lambda call: {"choice": said[int(call.item[1:]) - 1]}))
    axes = tk.ask(people(4), "Which?", answer=tk.Choice(["rum", "tea"]), lab=lab).plot().axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.25, 0.75]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["rum", "tea"]
    assert "4 valid answers" in axes.get_xlabel()


def test_long_question_stays_inside_the_figure(lab, people):
    answers = tk.ask(people(5), LONG + LONG, answer=tk.Choice(["short", LONG]), lab=lab)
    figure = answers.plot()
    figure.savefig(BytesIO(), format="png")
    box = figure._suptitle.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_dollars_and_other_signs_of_formulas_are_drawn_as_they_stand(lab, people):
    r"""A price is no formula: matplotlib reads $…$ as mathematics, and \frac{ as an error."""
    labels = ["$5", r"$10 \frac{", "a_b^c$d$"]
    figure = tk.ask(people(5), r"Would you pay $5 or $\frac{?", answer=tk.Choice(labels), lab=lab).plot()
    figure.savefig(BytesIO(), format="png")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == labels
    assert not any(label.get_parse_math() for label in figure.axes[0].get_yticklabels())
    tk.ask(people(5), "?", answer=tk.Scale(1, 5, labels=("$x$", r"$\frac{")), lab=lab).plot().savefig(BytesIO())


def test_plot_is_legible_under_a_dark_style(lab, people):
    answers = tk.ask(people(20), "Which?", answer=tk.Choice(["a", "b"]), lab=lab)
    light = drawn(answers)
    with mpl.rc_context(
        {"text.color": "white", "xtick.color": "white", "axes.labelcolor": "white", "axes.facecolor": "k"}
    ):
        dark = drawn(answers)
    assert np.array_equal(light, dark)


def test_plot_leaves_pyplot_alone(tmp_path):
    """FACTS: pyplot's state is broken off the main thread."""
    code = (
        "import sys, io, toolkit as tk\n"
        "from toolkit.personas import Persona\n"
        f"lab = tk.Lab('scripted', study={str(tmp_path / 's')!r})\n"
        "people = [Persona('p1', 'Ann', {})]\n"
        "for answer in (tk.Choice(['a', 'b']), tk.Scale(1, 5)):\n"
        "    tk.ask(people, 'Well?', answer=answer, lab=lab).plot().savefig(io.BytesIO(), format='png')\n"
        "print('matplotlib.pyplot' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_text_and_models_have_no_plot_and_say_where_to_look(lab, people):
    with pytest.raises(InvalidInput, match=r"Text have no plot.*\.summary"):
        tk.ask(people(2), "Well?", lab=lab).plot()
