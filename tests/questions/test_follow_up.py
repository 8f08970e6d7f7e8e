"""Follow-ups: those who were chosen, with their history."""

from __future__ import annotations

import pytest

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.errors import InvalidInput
from toolkit.questions import Question, survey
from toolkit.questions.follow_up import follow_up

TEA = tk.Choice(["tea", "coffee"])


@pytest.fixture
def first(open_lab, people):
    """Answers of six people, every other one tea, and the model that gave them."""

    def answer(call):
        if call.schema.name != "choice":
            return None
        return {"choice": "tea" if int(call.item[4]) % 2 else "coffee"}

    lab = open_lab(model := EdgeModel(answer))
    return tk.ask(people(6), "Tea or coffee?", answer=TEA, lab=lab), model


def test_chosen_are_asked_with_their_history(first):
    answers, model = first
    before = {call.item: call.messages for call in model.calls}
    model.calls.clear()
    why = answers.follow_up("Why {answer}?", who=lambda row: row["answer"] == "tea")
    assert why.frame["persona"].tolist() == ["p0001", "p0003", "p0005"]
    assert why.frame["status"].eq("ok").all()
    for call in model.calls:
        assert call.messages[: len(before[call.item])] == before[call.item]
        assert call.messages[-2].text == '{"choice":"tea"}'
        assert "Why tea?" in call.messages[-1].text


@pytest.mark.parametrize(
    "who",
    [
        lambda answers: answers.frame["answer"] == "tea",
        lambda answers: answers.frame[answers.frame["answer"] == "tea"],
        lambda _: ["p0001", "p0003", "p0005"],
        lambda answers: [one for one in answers.people if one.id in {"p0001", "p0003", "p0005"}],
    ],
)
def test_whom_can_be_said_in_several_ways(first, who):
    answers, _ = first
    again = answers.follow_up("Why?", who=who(answers))
    assert again.frame["persona"].tolist() == ["p0001", "p0003", "p0005"]


def test_everyone_with_a_valid_answer_is_asked_by_default(open_lab, people):
    lab = open_lab(EdgeModel(lambda call: {"choice": "rum"} if call.item == "p0002" else None))
    answers = tk.ask(people(3), "Tea or coffee?", answer=TEA, lab=lab)
    assert "p0002" not in answers.follow_up("Why?").frame["persona"].tolist()


def test_follow_up_of_a_follow_up_knows_the_whole_conversation(first):
    answers, model = first
    second = answers.follow_up("Why?", who="p0001")
    third = second.follow_up("Would you change?", answer=tk.Scale(1, 5))
    assert len(model.calls[-1].messages) == 6
    assert third.frame["answer"].notna().all()


def test_factors_repeats_and_models_go_along(open_lab, people):
    lab = open_lab()
    answers = tk.ask(
        people(2),
        "At {price}?",
        answer=TEA,
        vary={"price": [3, 4]},
        models=["scripted", "scripted:b"],
        repeats=2,
        lab=lab,
    )
    again = answers.follow_up("Why {answer}?")
    assert len(again) == 16
    assert again.frame[["persona", "price", "repeat", "asked_model"]].equals(
        answers.frame[["persona", "price", "repeat", "asked_model"]]
    )
    assert again.frame["model"].equals(answers.frame["model"])
    assert again.errors.empty
    assert answers.follow_up("Why {answer}?").report.live == 0


def test_question_of_a_survey_is_followed_up_in_its_conversation(open_lab, people):
    lab = open_lab(model := EdgeModel())
    said = survey(people(2), [Question("a", "A?"), Question("b", "B?", TEA)], lab=lab)
    said["b"].follow_up("Why {answer}?")
    assert len(model.calls[-1].messages) == 6


def test_follow_up_is_a_verb(first):
    answers, model = first
    model.calls.clear()
    assert tk.estimate(follow_up, answers, "Why?").calls == 6
    assert "Why tea?" in str(tk.preview(follow_up, answers, "Why {answer}?"))
    assert model.calls == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"question": ""}, "asks nothing"),
        ({"who": lambda _: False}, "chooses nobody"),
        ({"who": ["p9999"]}, "'p9999', who was not asked"),
        ({"who": 5}, "who=5"),
        ({"who": []}, "chooses nobody"),
        ({"question": "Why {reason}?"}, "{reason}"),
        ({"answer": "yes"}, "is no answer type"),
    ],
)
def test_bad_follow_up_is_one_clear_line_and_bills_nothing(first, arguments, says):
    answers, model = first
    model.calls.clear()
    with pytest.raises(InvalidInput) as caught:
        answers.follow_up(**{"question": "Why?", **arguments})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert model.calls == []


def test_column_that_is_no_truth_is_refused(first):
    answers, _ = first
    with pytest.raises(InvalidInput, match="not one truth value"):
        answers.follow_up("Why?", who=answers.frame["repeat"])
    with pytest.raises(InvalidInput, match="no answers with a lab"):
        follow_up(None, "Why?")
