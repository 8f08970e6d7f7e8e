"""What a machine can tell of an image, and how models without eyes get it."""

from __future__ import annotations

import asyncio

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

import toolkit as tk
from toolkit.errors import BadRequest
from toolkit.media import Image
from toolkit.media.description import Description, describe_image, reader_name
from toolkit.models import Abilities, Call, Message, Picture
from toolkit.models.reader import ReaderModel
from toolkit.models.scripted import ScriptedModel
from toolkit.personas import Persona
from toolkit.resources import data_file

PLAIN = data_file("images/package-plain.png")
ANN = Persona("p0001", "Ann Lee", {"age": 34})
reading = pytest.mark.skipif(not reader_name(), reason="the extra 'embedded' is not installed")


def sign(text, colour="white"):
    picture = Pictures.new("RGB", (420, 120), colour)
    ImageDraw.Draw(picture).text((20, 30), text, fill="black", font=ImageFont.load_default(48))
    return picture


@reading
def test_text_in_an_image_is_read():
    """FACTS: rapidocr reads all of an ad's text."""
    said = describe_image(Image(sign("FRESH TEA")))
    assert "".join(said.text).replace(" ", "") == "FRESHTEA"
    assert said.reader.startswith("rapidocr-")
    assert str(said).startswith('read by a machine: text "FRESH')


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((255, 255, 255), "white"),
        ((0, 0, 0), "black"),
        ((128, 128, 128), "grey"),
        ((220, 20, 20), "red"),
        ((20, 160, 40), "green"),
        ((20, 60, 220), "blue"),
        ((10, 20, 90), "dark blue"),
        ((200, 215, 255), "pale blue"),
        ((250, 220, 30), "yellow"),
        ((110, 60, 20), "brown"),
    ],
)
def test_main_colour_has_the_name_people_give_it(rgb, name):
    picture = Pictures.new("RGB", (40, 30), rgb)
    assert describe_image(Image(picture)).colours == ((name, 1.0),)


def test_colours_come_by_share_and_small_ones_are_left_out():
    pixels = np.full((100, 100, 3), 255, np.uint8)
    pixels[:30] = (220, 20, 20)
    pixels[0, :20] = 0
    assert [name for name, _ in describe_image(Image(pixels)).colours] == ["white", "red"]


def test_description_says_what_it_cannot_tell():
    assert str(Description((), (("white", 1.0),), "")) == (
        "read by a machine: its text was not read; main colours white 100 %"
    )
    assert "no text found" in str(Description((), (("white", 1.0),), "rapidocr"))


def test_endless_text_is_cut():
    told = str(Description(tuple("x" * 90 for _ in range(60)), (("white", 1.0),), "rapidocr"))
    assert len(told) < 1_000
    assert ", …;" in told


def test_reader_takes_one_image():
    two = Call((Message("user", (Picture(Image(PLAIN)), Picture(Image(PLAIN)))),))
    with pytest.raises(BadRequest, match="given 2 images"):
        asyncio.run(ReaderModel().complete(two))


@pytest.fixture
def blind(tmp_path):
    """Give a lab whose model has no eyes."""
    lab = tk.Lab(ScriptedModel(abilities=Abilities(images=False)), study=tmp_path / "blind", seed=7)
    yield lab
    lab.close()


def test_image_without_words_is_read_once_a_study_and_replays_anywhere(blind, tmp_path):
    """S0-07: a model without eyes is told what a machine reads; the description is kept like a reply."""
    answers = tk.ask(ANN, "Would you take it?", images=PLAIN, answer=tk.Scale(1, 5), lab=blind)
    assert any("read by a machine" in note or "size and colours only" in note for note in answers._notes())
    tk.ask(ANN, "Do you like it?", images=PLAIN, lab=blind)
    stages = [(row.stage, row.status) for row in blind.ledger.rows()]
    assert stages.count(("images.description", "ok")) == 1
    assert stages.count(("images.description", "cached")) == 1
    shown = str(tk.preview(tk.ask, ANN, "Would you take it?", images=PLAIN, lab=blind))
    assert "read by a machine" in shown
    replay = tk.Lab(capsule=blind.freeze(tmp_path / "study.capsule"))
    replayed = tk.ask(ANN, "Would you take it?", images=PLAIN, answer=tk.Scale(1, 5), lab=replay)
    pd.testing.assert_frame_equal(replayed.frame, answers.frame)
    replay.close()


def test_alt_text_goes_before_what_a_machine_reads(blind):
    shown = str(tk.preview(tk.ask, ANN, "Take it?", images=tk.Image(PLAIN, alt="A pale box"), lab=blind))
    assert "A pale box" in shown
    assert "read by a machine" not in shown
    assert len(blind.ledger) == 0


def test_model_with_eyes_gets_the_image_itself(tmp_path):
    with tk.Lab("scripted", study=tmp_path / "seeing") as lab:
        tk.ask(ANN, "Take it?", images=PLAIN, lab=lab)
        assert {row.stage for row in lab.ledger.rows()} == {"questions"}
    lab.close()
