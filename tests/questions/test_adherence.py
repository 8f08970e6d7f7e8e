from __future__ import annotations

import asyncio
import os
import signal

import numpy as np
import pytest

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.errors import Incomplete, Interrupted, InvalidInput
from toolkit.personas import Panel, Persona, Wording
from toolkit.questions._kappa import weighted_kappa
from toolkit.questions.adherence import adherence


@pytest.fixture
def panel():
    def person(place):
        return Persona(
            f"p{place:04}",
            f"Person {place}",
            {"age": 30 + place},
            {"bio": f"Lives by the river, number {place}."},
            "brief",
            wording={"age": Wording("Age", "years")},
        )

    return Panel([person(place) for place in range(1, 7)])


def scores(fits, astray):
    """A judge who gives each phrasing its score."""

    def answer(call):
        given = fits if call.item.endswith("/fits") else astray
        score = given[int(call.item[1:5]) - 1] if isinstance(given, list) else given
        return {"reason": "Because.", "score": score}

    return EdgeModel(answer)


def test_each_text_is_judged_twice_with_its_facts(open_lab, panel):
    lab = open_lab(model := scores(5, 1))
    judged = adherence(panel, lab=lab)
    assert len(model.calls) == 12
    for call in model.calls:
        place = int(call.item[1:5])
        assert f"Age: {30 + place} years" in call.messages[-1].text
        assert f"number {place}." in call.messages[-1].text
    assert len({call.messages[0] for call in model.calls}) == 2
    assert judged.frame["persona"].tolist() == [one.id for one in panel]


def test_second_phrasing_runs_the_other_way_round(open_lab, panel):
    frame = adherence(panel, lab=open_lab(scores([5, 4, 3, 2, 1, 5], [1, 2, 3, 4, 5, 5]))).frame
    assert frame["fits"].tolist() == [5, 4, 3, 2, 1, 5]
    assert frame["astray"].tolist() == [5, 4, 3, 2, 1, 1]
    assert frame["keeps"].tolist() == [True, True, False, False, False, False]
    assert frame["agree"].tolist() == [True] * 5 + [False]
    assert frame["score"].tolist() == [5, 4, 3, 2, 1, 3]


def test_judge_who_always_gives_the_same_number_disagrees_with_himself(open_lab, panel):
    judged = adherence(panel, lab=open_lab(scores(5, 5)))
    assert judged.agreement["exact"] == 0.0
    assert judged.agreement["kappa"] == pytest.approx(0.0)
    assert not judged.frame["keeps"].any()


def test_agreement_is_counted_on_those_judged_twice(open_lab, panel):
    model = scores([5, 4, 5, 2, 1, 9], [1, 2, 2, 4, 5, 1])
    judged = adherence(panel, lab=open_lab(model))
    assert judged.agreement["n"] == 5
    assert judged.agreement["exact"] == 0.8
    assert judged.agreement["within_one"] == 1.0
    assert judged.errors["item"].tolist() == ["p0006/fits"]
    assert judged.errors["kind"].tolist() == ["invalid_reply"]
    assert model.by_item["p0006/fits"] == 2  # asked again once
    assert judged.frame["fits"].isna().tolist() == [False] * 5 + [True]


@pytest.mark.parametrize("said", [{}, {"score": "5"}, {"score": True}, {"score": 0}, {"score": 2.5}, [], "five"])
def test_judgement_that_is_none_is_a_row_and_no_default(open_lab, panel, said):
    """S0-20."""
    judged = adherence(panel[:1], attempts=1, lab=open_lab(EdgeModel(lambda call: said)))
    assert judged.frame["score"].isna().all()
    assert judged.agreement == {"n": 0.0, "exact": None, "within_one": None, "kappa": None}
    assert len(judged.errors) == 2
    assert "nobody was judged" in repr(judged)


def test_result_says_what_agreement_is_not(open_lab, panel):
    judged = adherence(panel, lab=open_lab(scores([5, 4, 3, 2, 1, 5], [1, 2, 3, 4, 5, 1])))
    bundle = judged._repr_mimebundle_()
    for text in bundle.values():
        assert "not that it is right" in text
        assert "no person did" in text
        assert "weighted kappa 1.00" in text
    assert sum(len(part.encode()) for part in bundle.values()) < 64_000


def test_kappa_of_nearly_equal_scores_is_explained(open_lab, panel):
    """The known paradox: high agreement, low kappa, where almost all have one score."""
    assert "Almost all texts have one score" in repr(adherence(panel, lab=open_lab(scores(5, 1))))
    assert "undefined" in repr(adherence(panel, lab=open_lab(scores(5, 1))))


def test_hostile_text_is_escaped(open_lab):
    one = Persona("p1", "<b>x</b>", {"age": 3}, {"bio": "<script>"}, wording={"age": Wording("Age")})
    html = adherence(
        [one], lab=open_lab(EdgeModel(lambda call: {"reason": "<script>", "score": 3}))
    )._repr_mimebundle_()
    assert "<script>" not in html["text/html"]


def test_same_seed_judges_the_same_and_from_memory(open_lab, panel):
    """S0-18."""
    lab = open_lab(model := EdgeModel(lambda call: None))
    first, again = adherence(panel, lab=lab), adherence(panel, lab=lab)
    assert first.frame.equals(again.frame)
    assert len(model.calls) == 12
    assert again.report.cached == 12


def test_awaited_and_estimated_like_every_verb(open_lab, panel):
    lab = open_lab()
    assert tk.estimate(adherence, panel, lab=lab).calls == 12
    assert len(asyncio.run(adherence.aio(panel, lab=lab)).frame) == 6
    assert "Lives by the river" in str(tk.preview(adherence, panel, lab=lab))


def test_interrupt_keeps_what_was_judged(open_lab, panel):
    def answer(call):
        if len(model.calls) == 4:
            os.kill(os.getpid(), signal.SIGINT)

    model = EdgeModel(answer, pause=0.02)
    lab = open_lab(model, concurrency=1)
    with pytest.raises(Interrupted) as caught:
        adherence(panel, lab=lab)
    assert not caught.value.result.complete
    assert len(caught.value.result.resume().frame.dropna()) == 6


def test_strict_raises_with_the_rest(open_lab, panel):
    with pytest.raises(Incomplete, match="p0002/fits"):
        adherence(panel, strict=True, lab=open_lab(scores([5, 9, 5, 5, 5, 5], 1)))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "nobody|empty"),
        ("panel", "holds str"),
        (3, "int, not personas"),
        ([Persona("p1", "Ann", {}, {"bio": "x"})], "p1 has no sampled facts"),
        ([Persona("p1", "Ann", {"age": 3}, wording={"age": Wording("Age")})], "p1 has no text to judge"),
    ],
)
def test_nothing_to_judge_is_one_clear_line(lab, given, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        adherence(given, lab=lab)
    assert caught.value.hint


def test_what_code_drew_is_a_fact_and_no_text(open_lab):
    drawn = {"nationality": "American", "big_five": {"openness": 3.0}}
    one = Persona("p1", "Ann", {"age": 3}, drawn, wording={"age": Wording("Age")})
    with pytest.raises(InvalidInput, match="no text to judge"):
        adherence([one], lab=open_lab())
    lab = open_lab(model := EdgeModel(lambda call: None))
    adherence([one.with_fields({**drawn, "bio": "Swims.", "likes": ["tea"]})], lab=lab)
    facts, text = model.calls[0].messages[-1].text.split("Text:\n")
    assert "Nationality: American" in facts
    assert text == "Bio: Swims.\nLikes: tea"


# --- kappa ---


def test_kappa_is_cohens_with_quadratic_weights():
    """J. Cohen (1968): 1 - sum(w o) / sum(w e) with w = (i - j)^2, here written out with arrays."""
    draw = np.random.default_rng(7)
    for _ in range(20):
        pairs = [(int(one), int(min(5, max(1, one + draw.integers(-1, 2))))) for one in draw.integers(1, 6, size=40)]
        seen = np.zeros((5, 5))
        for one, other in pairs:
            seen[one - 1, other - 1] += 1 / 40
        weights = np.subtract.outer(np.arange(5), np.arange(5)) ** 2
        chance = np.outer(seen.sum(axis=1), seen.sum(axis=0))
        assert weighted_kappa(pairs, 1, 5) == pytest.approx(1 - (weights * seen).sum() / (weights * chance).sum())
    assert weighted_kappa([(1, 5), (5, 1)], 1, 5) == -1.0
    assert weighted_kappa([], 1, 5) is None
