from pathlib import Path

import pytest
import yaml

from toolkit.rounds.deltas import MOOD_WORDS, inferred

LABELLED = yaml.safe_load((Path(__file__).parent / "deltas.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("one", LABELLED, ids=[one["text"][:40] for one in LABELLED])
def test_prose_says_what_its_label_says(one):
    """S4-22: labelled fixtures."""
    assert inferred(one["text"]) == {key: text for key, text in one.items() if key != "text"}


def test_labels_cover_everything_that_can_be_inferred():
    """S4-22."""
    keys = {key for one in LABELLED for key in one} - {"text"}
    assert keys == {"mood", "location", "clothing", "activity", "intentions"}
    assert sum(len(one) == 1 for one in LABELLED) >= 8, "prose that says nothing is labelled too"


@pytest.mark.parametrize("text", ["", "…", "***", "*", "()", "\n\n", "I", "*" * 10_000, "I am " * 3000, "(" * 5000])
def test_any_text_is_read_quickly_and_without_error(text):
    assert isinstance(inferred(text), dict)


def test_moods_are_lower_case_and_sorted_in_the_source():
    assert all(word == word.lower() for word in MOOD_WORDS)


def test_long_finds_are_cut():
    assert len(inferred("I will go over the hills" + " of the valley" * 20)["intentions"]) <= 81
