from __future__ import annotations

import numpy as np
import pytest

from toolkit.errors import ImageInvalid, InvalidInput, InvalidReply
from toolkit.media import Image
from toolkit.questions import Allocation, Choice, Matrix, MultiChoice, Option, Ranking
from toolkit.questions.option import id_of_place, keys_of, normal
from toolkit.resources import data_file

PLAIN, BOLD = data_file("images/package-plain.png"), data_file("images/package-bold.png")
LISTED = [Choice, MultiChoice, Ranking, Allocation]


@pytest.mark.parametrize("kind", LISTED)
def test_options_carry_pictures_aligned_with_their_labels(kind):
    """S0-19: each option shows its own images."""
    answer = kind([Option("plain", PLAIN), "neither", Option("both", [PLAIN, Image(BOLD, alt="bold")])])
    assert answer.options == ("plain", "neither", "both")
    assert [[image.name for image in images] for images in answer.pictures] == [
        ["package-plain.png"],
        [],
        ["package-plain.png", "package-bold.png"],
    ]
    assert answer.pictures[2][1].alt == "bold"
    assert answer == kind([Option("plain", PLAIN), Option("neither"), Option("both", (PLAIN, Image(BOLD, alt="bold")))])
    assert answer != kind([Option("plain", BOLD), "neither", "both"])
    assert hash(answer) == hash(kind(list(answer.choices)))


def test_matrix_rows_may_carry_pictures_as_well():
    assert len(Matrix([Option("plain", PLAIN)], ["bad", "good"]).pictures[0]) == 1


def test_ids_default_to_letters_and_stand_for_their_options():
    """REQUIREMENTS D: labels matched by normalised text, ids as aliases."""
    answer = Choice([Option("the plain one"), Option("the bold one", id="loud"), "neither"])
    assert answer.ids == ("A", "loud", "C")
    for said, label in [("a", "the plain one"), (" LOUD ", "the bold one"), ("C", "neither"), ("Neither", "neither")]:
        assert answer.read({"choice": said}) == {"answer": label}
    with pytest.raises(InvalidReply, match="none of the 3 options"):
        answer.read({"choice": "B"})


def test_options_given_as_texts_have_no_ids_for_nobody_is_shown_any():
    """A letter that was never shown would be the first one shown to some and the first one declared to others."""
    answer = Choice(["the plain one", "the bold one"])
    assert answer.ids == ()
    with pytest.raises(InvalidReply):
        answer.read({"choice": "A"})


def test_letter_that_is_another_option_s_label_gives_way_to_a_number():
    answer = Choice([Option("b"), Option("c"), Option("d")])
    assert answer.ids == ("A", "2", "3")
    assert [answer.read({"choice": said})["answer"] for said in ("b", "c", "2", "a")] == ["b", "c", "c", "b"]
    assert Choice([Option("a"), Option("b")]).ids == ("A", "B")
    assert Choice([Option("x"), Option("y", id="A"), Option("1")]).ids == ("A'", "A", "C")


def test_labels_are_matched_whatever_their_case_spaces_and_kind_of_accents():
    answer = Ranking(["Café  au lait", "Thé"])
    said = ["THE\u0301", "cafe\u0301 au\nlait"]
    assert answer.read({"ranking": said})["answer"] == "Thé > Café au lait"
    assert normal("Straße") == normal("STRASSE")


def test_letters_go_on_after_z():
    assert [id_of_place(place) for place in (0, 1, 25, 26, 27, 701, 702)] == ["A", "B", "Z", "AA", "AB", "ZZ", "AAA"]
    many = Choice([Option(f"number {n}") for n in range(30)])
    assert many.ids[25:28] == ("Z", "AA", "AB")


def test_keys_of_labels_are_plain_different_and_stable():
    labels = ["a b", "a_b", "a-b", "A B", "é", "茶", "酒", "option_6", "$5 off!", "x" * 90, "x" * 91, "€ 5", "…"]
    keys = keys_of(labels, "option")
    assert len({key.casefold() for key in keys}) == len(labels)
    assert all(key.isascii() and len(key) <= 64 for key in keys)
    assert keys[0] == "a_b"
    assert keys[4:6] == ("e", "option_6")
    assert keys == keys_of(labels, "option")


@pytest.mark.parametrize("kind", [*LISTED, lambda given: Matrix(given, ["bad", "good"])])
@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ("yes", "given 'yes', not a list"),
        (None, "given None"),
        ({"a", "b"}, "not a list"),
        ([], "0 option"),
        (["a", ""], "option 2 of"),
        (["a", None], "option 2 of"),
        (["a", " A "], "'A' twice"),
        (["a", Option("a")], "'a' twice"),
        (["a | b", "c"], r"holds ' \| '"),
        ([Option("a", id="x"), Option("b", id="X")], "the id 'X' twice"),
        ([Option("a", id="b"), Option("b")], "the id 'b' for 'a', which is the label of another option"),
    ],
)
def test_impossible_options_are_one_clear_line(kind, choices, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        kind(choices)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("kind", LISTED)
def test_one_option_leaves_nothing_to_choose(kind):
    with pytest.raises(InvalidInput, match=r"1 option\(s\): \['only'\]. Give at least two"):
        kind(["only"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("",), "the label ''"),
        ((None,), "the label None"),
        ((True,), "the label True"),
        (("a", (), ""), "the id ''"),
        (("a", (), 5), "the id 5"),
        (("a", (), "x" * 40), "the id 'x"),
    ],
)
def test_impossible_option_is_one_clear_line(arguments, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        Option(*arguments)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_option_with_a_picture_that_is_none_says_so_at_once(tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG no more")
    for given in (tmp_path / "missing.png", broken, 5):
        with pytest.raises(ImageInvalid):
            Option("a", given)


def test_option_keeps_what_an_array_held_when_it_was_made():
    held = np.zeros((8, 8, 3), dtype=np.uint8)
    option = Option("night", held)
    held[:] = 255
    assert option == Option("night", np.zeros((8, 8, 3), dtype=np.uint8))
