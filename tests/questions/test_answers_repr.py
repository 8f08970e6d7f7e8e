from __future__ import annotations

import re

import numpy as np
import pytest
from pydantic import create_model

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.personas import Persona
from toolkit.resources import data_file

PACKS = [data_file("images/package-plain.png"), data_file("images/package-bold.png")]
LIMIT = 64_000


def bundle(answers):
    made = answers._repr_mimebundle_()
    assert set(made) == {"text/plain", "text/html"}
    assert sum(len(part.encode()) for part in made.values()) <= LIMIT
    assert made["text/html"].count("<div") == made["text/html"].count("</div>")
    return made


def test_repr_says_what_was_asked_who_answered_and_how_it_came_out(lab, people):
    """DESIGN 5.1: the question, counts, model, seed, the picture of the result, at most ten rows."""
    answers = tk.ask(people(40), "Which one?", images=PACKS, answer=tk.Choice(["plain", "bold"], why=True), lab=lab)
    made = bundle(answers)
    for part in made.values():
        assert "Which one? (40 asked)" in part
        assert "40 ok" in part
        assert "scripted:default" in part
        assert "seed 7" in part
        assert "narrower, not truer" in part
        assert "say nothing about people" in part
    html = made["text/html"]
    assert html.count("<img src=") == 2
    assert "Image 2" in html
    assert len(re.findall(r">p00\d\d<", html)) == 10
    assert "30 more rows" in html
    first = answers.summary().iloc[0]
    assert f"{first['share']:.0%}" in html


def test_repr_of_a_scale_tells_mean_interval_and_what_the_ends_mean(open_lab, people):
    lab = open_lab(EdgeModel(lambda call: {"score": 1 + int(call.item[1:]) % 2}))
    html = bundle(tk.ask(people(4), "How?", answer=tk.Scale(1, 5, labels=("bad", "good")), lab=lab))["text/html"]
    assert "mean 1.50 (95 % interval 1.00 to 2.42), median 1.5" in html
    assert "bad 1" in html
    assert "good 5" in html


def test_repeats_show_and_how_they_count_is_told(lab, people):
    made = bundle(tk.ask(people(4), "Which?", answer=tk.Choice(["a", "b"]), repeats=3, lab=lab))
    assert "(4 asked, 3 times each)" in made["text/plain"]
    assert "each counts once" in made["text/plain"]
    assert ">repeat<" in made["text/html"]


def test_text_answers_have_no_interval_to_warn_of(lab, people):
    assert "narrower" not in bundle(tk.ask(people(3), "Why?", lab=lab))["text/html"]


def test_many_noisy_images_fit(lab, people):
    """DESIGN 5.1: under 64 KB, whatever is shown."""
    noise = [np.random.default_rng(seed).integers(0, 255, (300, 300, 3), dtype=np.uint8) for seed in range(12)]
    html = bundle(tk.ask(people(2), "Which?", images=noise, answer=tk.Choice(["a", "b"]), lab=lab))["text/html"]
    assert "<img" in html
    assert "more images" in html


def test_long_texts_fit_and_end_in_an_ellipsis(open_lab):
    people = [Persona(f"p{n}", "N" * 3_000 + str(n), {}) for n in range(30)]
    long = ["o" * 2_000 + str(n) for n in range(200)]
    lab = open_lab(EdgeModel(lambda _: {"choice": long[3], "why": "w" * 100_000}))
    made = bundle(tk.ask(people, "q" * 100_000, answer=tk.Choice(long, why=True), lab=lab))
    assert "…" in made["text/html"]
    assert "more options" in made["text/html"]


def test_model_of_many_long_fields_fits(open_lab, people):
    wide = create_model("Wide", **{f"field_{n}": (str, ...) for n in range(80)})
    lab = open_lab(EdgeModel(lambda _: {f"field_{n}": "x" * 5_000 for n in range(80)}))
    assert "field_<wbr>3<" in bundle(tk.ask(people(15), "What?", answer=wide, lab=lab))["text/html"]


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "</table><b>x", '"onload="x', "<img src=x onerror=y>"])
def test_hostile_text_is_escaped_everywhere(open_lab, text):
    lab = open_lab(EdgeModel(lambda _: {"choice": text, "why": text}))
    shown = tk.Image(PACKS[0], alt=text)
    answers = tk.ask([Persona("p1", text, {})], text, images=shown, answer=tk.Choice([text, "b"], why=True), lab=lab)
    html = bundle(answers)["text/html"]
    assert "<script" not in html
    assert "<b>" not in html
    assert "onerror=y>" not in html
    assert 'alt=""onload' not in html


def test_same_answers_have_the_same_repr_when_replayed_except_for_what_was_paid(lab, people):
    """DESIGN 5.9: re-running is free and the same."""
    first, second, third = (
        bundle(tk.ask(people(9), "Which?", answer=tk.Choice(["a", "b"]), lab=lab)) for _ in range(3)
    )
    assert second == third
    assert first["text/plain"].split("\n")[2:] == second["text/plain"].split("\n")[2:]


def test_thousand_answers_have_a_small_repr(lab, people):
    answers = tk.ask(people(1000), "Which?", answer=tk.Choice(["a", "b", "c"]), lab=lab)
    assert len(bundle(answers)["text/html"]) < 10_000
    assert len(answers.frame) == 1000
