"""Several images a question: labelled, placed in the text, shuffled, beside options; looked at once."""

from __future__ import annotations

import sys
from io import BytesIO

import pytest
from PIL import Image as Pictures

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.errors import InvalidInput
from toolkit.media.normal import BLOBS
from toolkit.models import Picture
from toolkit.prompts import load
from toolkit.questions import Option
from toolkit.resources import data_file

PACKS = {name: data_file(f"images/package-{name}.png") for name in ("plain", "bold")}
PICK = tk.Choice(["1", "2"])


def shape(call):
    """Return the last turn with each image as its name."""
    return "".join(
        f"<{part.image.name.removesuffix('.png')}>" if isinstance(part, Picture) else part
        for part in call.messages[-1].parts
    )


def test_labelled_images_are_named_for_the_respondent(open_lab, people):
    lab = open_lab(model := EdgeModel())
    answers = tk.ask(people(1), "Which?", images=list(PACKS.items()), answer=PICK, lab=lab)
    assert shape(model.calls[0]).startswith(
        "Image 1 (plain):\n<package-plain>\nImage 2 (bold):\n<package-bold>\nQuestion: Which?"
    )
    assert "Image 2 (bold)" in answers._repr_mimebundle_()["text/html"]


def test_images_stand_where_the_text_places_them(open_lab, people):
    lab = open_lab(model := EdgeModel())
    answers = tk.ask(people(1), "Is {image:bold} nicer than {image:plain} here?", images=PACKS, answer=PICK, lab=lab)
    assert len(answers) == 1
    assert (
        "Question: Is \nImage 2 (bold):\n<package-bold>\n nicer than \nImage 1 (plain):\n<package-plain>\n here?"
        in shape(model.calls[0])
    )


def test_factor_s_image_stands_where_the_text_says_image(open_lab, people):
    lab = open_lab(model := EdgeModel())
    tk.ask(people(1), "Look: {image} Nice?", images=PACKS, answer=PICK, lab=lab)
    assert {shape(call).partition("\n\nThe person")[0] for call in model.calls} == {
        f"Question: Look: \nImage 1:\n<package-{name}>\n Nice?\nChoose exactly one of the options." for name in PACKS
    }


def test_options_carry_their_pictures_in_the_order_shown(open_lab, people):
    lab = open_lab(model := EdgeModel())
    packs = tk.Choice([Option(f"the {name} one", images=path) for name, path in PACKS.items()])
    answers = tk.ask(people(20), "Which would you take?", answer=packs, lab=lab)
    seen = set()
    for call in model.calls:
        told = shape(call).partition("The options:\n")[2]
        (row,) = answers.frame[answers.frame["persona"] == call.item].itertuples()
        lines = [f"- {mark}: the {name} one\n<package-{name}>" for mark, name in (("A", "plain"), ("B", "bold"))]
        lines = lines if row.shown.startswith("the plain") else lines[::-1]
        assert told.split() == "\n".join(lines).split()
        seen.add(row.shown)
    assert len(seen) == 2
    assert answers.frame["status"].eq("ok").all()


def test_image_order_is_shuffled_and_recorded(open_lab, people):
    lab = open_lab(model := EdgeModel())
    answers = tk.ask(people(30), "Which?", images=list(PACKS.values()), answer=PICK, shuffle_images=True, lab=lab)
    assert set(answers.frame["images"]) == {"1 | 2", "2 | 1"}
    first = dict(zip(answers.frame["persona"], answers.frame["images"].str[0], strict=True))
    for call in model.calls:
        assert call.pictures[0].image.name == f"package-{'plain' if first[call.item] == '1' else 'bold'}.png"
    labelled = tk.ask(people(3), "Which?", images=list(PACKS.items()), answer=PICK, shuffle_images=True, lab=lab)
    assert set(labelled.frame["images"]) <= {"plain | bold", "bold | plain"}


def test_detail_and_size_are_the_question_s_own(open_lab, people):
    """S0-23: both are part of the key."""
    lab = open_lab(model := EdgeModel())
    for more in ({}, {"detail": "low"}, {"detail": "high"}, {"max_side": 300}):
        tk.ask(people(1), "Which?", images=PACKS["plain"], answer=PICK, lab=lab, **more)
    assert [(call.pictures[0].detail, call.pictures[0].max_side) for call in model.calls] == [
        ("auto", 768),
        ("low", 768),
        ("high", 768),
        ("auto", 300),
    ]


def test_prompt_with_names_says_the_same_as_the_shipped_one_where_there_are_none():
    """questions.show exists beside questions.ask only because recordings hold that one's digest."""

    class Plain(int):
        number = 1
        label = ""

    class Bare(str):
        __slots__ = ()
        id = ""
        pictures = ()

    for example in ("", "choice"):
        for options in ([], [Bare("a"), Bare("b")]):
            values = {"question": "Q?", "instruction": "I.", "persona": "P", "example": example, "options": options}
            shown = load("questions.show").render(pictures=[Plain(0)], **values)
            assert shown == load("questions.ask").render(pictures=[Plain(0)], **values)


_opened: list[str] = []
_watching: list[str] = []


def _watch(event, arguments):
    if event == "open" and _watching and str(arguments[0]) == _watching[-1]:
        _opened.append(event)


sys.addaudithook(_watch)


def test_image_of_a_thousand_people_is_read_and_normalised_once(open_lab, people, tmp_path):
    """S0-19: the file is opened once and its normal form made once, however many look at it."""
    path = tmp_path / "shown.png"
    held = BytesIO()
    Pictures.effect_noise((300, 200), 60).save(held, "PNG")
    path.write_bytes(held.getvalue())
    lab = open_lab()
    _watching.append(str(path))
    before = BLOBS.info().misses
    answers = tk.ask(people(1000), "Which?", images=path, answer=PICK, lab=lab)
    _watching.pop()
    assert answers.frame["status"].eq("ok").all()
    assert len(_opened) == 1
    assert BLOBS.info().misses - before == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"question": "{image:red}?", "images": {**PACKS}}, "the image 'red'"),
        ({"question": "{image:plain}?", "images": PACKS}, "does not place the image 'bold'"),
        ({"question": "{image:plain} {image:plain}?", "images": PACKS}, "'plain' twice"),
        ({"question": "{image}?", "images": list(PACKS.values())}, "{image}"),
        ({"question": "{image}?"}, "{image}"),
        ({"question": "?", "images": {1: PACKS["plain"], 2: PACKS["bold"]}}, "label 1"),
    ],
)
def test_image_that_cannot_be_placed_is_one_clear_line(open_lab, people, arguments, says):
    lab = open_lab(model := EdgeModel())
    with pytest.raises(InvalidInput) as caught:
        tk.ask(people(1), lab=lab, **arguments)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert model.calls == []
