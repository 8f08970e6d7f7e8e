"""Surveys: questions in turn, with rules, piping and memory, people side by side."""

from __future__ import annotations

import asyncio
import time

import pandas as pd
import pytest

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.errors import InvalidInput, ProviderDown
from toolkit.questions import Question, SurveyAnswers, survey
from toolkit.resources import data_file

DRINKS = Question("drinks", "Do you drink tea?", tk.Choice(["yes", "no"]))
SCORE = Question("score", "How good is tea?", tk.Scale(1, 5), ask_if="drinks == 'yes'")
WHY = Question("why", "You gave {score}. Why?", skip_if="score > 3")
THREE = [DRINKS, SCORE, WHY]


def answering(**said):
    """Answer by question's name: a value, an error, or a function of the call."""

    def answer(call):
        value = said[call.item.split("/")[1]]
        return value(call) if callable(value) else value

    return EdgeModel(answer)


def test_one_row_a_person_and_answers_by_question(open_lab, people):
    lab = open_lab(answering(drinks={"choice": "yes"}, score={"score": 2}, why={"answer": "It is bitter."}))
    said = survey(people(3), THREE, lab=lab)
    assert list(said.frame.columns) == ["persona", "name", "repeat", "drinks", "score", "why", "status"]
    assert said.frame["score"].tolist() == [2, 2, 2]
    assert said["score"].summary()["mean"].tolist() == [2.0]
    assert said["score"].asked.question == "How good is tea?"
    assert said.complete
    assert len(said.long) == 9


def test_rules_skip_and_what_quotes_a_skipped_answer_is_skipped_too(open_lab, people):
    odd = {"choice": "yes"}, {"choice": "no"}
    lab = open_lab(
        model := answering(
            drinks=lambda call: odd[int(call.item[4]) % 2],
            score=lambda call: {"score": 5 if call.item < "p0003" else 1},
            why={"answer": "Because."},
        )
    )
    said = survey(people(4), THREE, lab=lab)
    status = said.long.pivot_table(index="persona", columns="question", values="status", aggfunc="first", observed=True)
    assert status.to_numpy().tolist() == [
        ["ok", "skipped", "skipped"],
        ["ok", "ok", "skipped"],
        ["ok", "skipped", "skipped"],
        ["ok", "ok", "ok"],
    ]
    assert len(model.calls) == 7
    assert said.frame["status"].tolist() == ["ok"] * 4
    assert len(said["why"]) == 1
    assert said.summary().set_index("question").loc["why", ["asked", "skipped"]].tolist() == [1, 3]
    assert lab.runs.frame["complete"].tolist() == [True]


def test_earlier_answers_are_quoted_and_earlier_turns_are_kept(open_lab, people):
    lab = open_lab(model := answering(drinks={"choice": "yes"}, score={"score": 2}, why={"answer": "Hm."}))
    survey(people(1), THREE, lab=lab)
    first, second, third = model.calls
    assert third.messages[: len(second.messages)] == second.messages
    assert [message.role for message in third.messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert third.messages[2].text == '{"choice":"yes"}'
    assert "You gave 2. Why?" in third.messages[-1].text
    assert "Person 1" in first.messages[-1].text
    assert "Person 1" not in second.messages[-1].text


def test_without_memory_every_question_is_alone_and_shares_its_reply_with_ask(open_lab, people):
    lab = open_lab(model := EdgeModel())
    survey(people(3), [DRINKS, Question("mood", "How are you?")], memory="none", lab=lab)
    assert {len(call.messages) for call in model.calls} == {2}
    assert tk.ask(people(3), "How are you?", lab=lab).report.live == 0
    assert tk.ask(people(3), "Do you drink tea?", answer=tk.Choice(["yes", "no"]), lab=lab).report.live == 0


class Crowd(EdgeModel):
    """Counts who is being asked at the same time."""

    def __init__(self):
        super().__init__(pause=0.02)
        self.now: list[str] = []
        self.most = 0

    async def complete(self, call):
        person = call.item.split("/")[0]
        assert person not in self.now
        self.now.append(person)
        self.most = max(self.most, len(self.now))
        try:
            return await super().complete(call)
        finally:
            self.now.remove(person)


def test_people_are_asked_side_by_side_and_each_one_question_at_a_time(open_lab, people):
    """No serial stage over people: all twenty conversations go on at once."""
    lab = open_lab(crowd := Crowd(), concurrency=20)
    said = survey(people(20), [Question(name, f"{name}?", tk.Scale(1, 5)) for name in ("a", "b", "c")], lab=lab)
    assert crowd.most == 20
    assert said.frame["status"].eq("ok").all()


def test_order_is_shuffled_by_person_recorded_and_keeps_what_hangs_together(lab, people):
    items = [*THREE, Question("a", "A?", block="ab"), Question("b", "B?", block="ab"), Question("c", "C?")]
    said = survey(people(60), items, shuffle_questions=True, lab=lab)
    places = said.long.pivot_table(index="persona", columns="question", values="place", observed=True)
    assert (places["drinks"] < places["score"]).all()
    assert (places["score"] < places["why"]).all()
    assert (places["b"] == places["a"] + 1).all()
    assert places["c"].nunique() > 2
    again = survey(people(60), items, shuffle_questions=True, lab=lab)
    pd.testing.assert_frame_equal(said.long, again.long)
    assert again.report.live == 0


def test_failed_answer_leaves_those_that_need_it_unasked_and_the_others_go_on(open_lab, people):
    lab = open_lab(model := answering(drinks=ProviderDown("down"), a={"answer": "Fine."}))
    said = survey(people(2), [DRINKS, SCORE, WHY, Question("a", "How are you?")], lab=lab)
    status = said.long.pivot_table(index="persona", columns="question", values="status", aggfunc="first", observed=True)
    assert status.to_numpy().tolist() == [["failed", "failed", "failed", "ok"]] * 2
    assert {call.item.split("/")[1] for call in model.calls} == {"drinks", "a"}
    told = said.errors.set_index("item")["message"]
    assert "score was not asked: it needs drinks" in told["p0001/score"]
    assert said.frame["status"].tolist() == ["failed"] * 2


def test_retry_asks_what_failed_and_what_hung_on_it(open_lab, people):
    lab = open_lab(
        answering(
            drinks=lambda call: {"choice": "rum" if call.item < "p0002" and not call.attempt else "yes"},
            score={"score": 5},
            why={"answer": "x"},
        )
    )
    said = survey(people(2), THREE, lab=lab)
    assert said.frame["drinks"].isna().tolist() == [True, False]
    healed = said.retry()
    assert healed.frame["drinks"].tolist() == ["yes", "yes"]
    assert healed.frame["score"].tolist() == [5, 5]
    assert said.frame["drinks"].isna().tolist() == [True, False]


def test_stopped_survey_resumes_with_the_rest(open_lab, people):
    lab = open_lab(model := EdgeModel(pause=0.02), concurrency=2)
    alike = [Question(name, f"{name}?", tk.Scale(1, 5)) for name in ("a", "b", "c")]
    run = tk.start(survey, people(10), alike, lab=lab)
    while len(model.calls) < 8:
        time.sleep(0.002)
    run.stop()
    said = run.result(timeout=30)
    assert not said.complete
    assert "not_run" in set(said.long["status"])
    rest = said.resume()
    assert rest.complete
    assert rest.frame["status"].tolist() == ["ok"] * 10
    assert len({call.item for call in model.calls}) == 30


def test_budget_leaves_the_rest_as_rows_and_memory_goes_on(open_lab, people):
    lab = open_lab()
    alike = [Question(name, f"{name}?", tk.Scale(1, 5)) for name in ("a", "b", "c")]
    first = survey(people(10), alike, budget="12 requests", lab=lab)
    assert int(first.long["status"].eq("ok").sum()) == 12
    assert set(first.errors["kind"]) == {"budget"}
    second = survey(people(10), alike, budget="30 requests", lab=lab)
    assert second.complete
    assert second.report.cached == 12


def test_survey_replays_from_a_capsule(open_lab, people, tmp_path):
    lab = open_lab()
    live = survey(people(12), THREE, repeats=2, lab=lab)
    replay = tk.Lab(capsule=lab.freeze(tmp_path / "study.capsule"))
    replayed = survey(people(12), THREE, repeats=2, lab=replay)
    pd.testing.assert_frame_equal(live.frame, replayed.frame)
    pd.testing.assert_frame_equal(live.long, replayed.long)
    assert replayed.report.live == 0
    replay.close()


def test_estimate_follows_the_conversations_that_memory_knows(open_lab, people):
    lab = open_lab()
    assert tk.estimate(survey, people(10), THREE, lab=lab).to_ask > 10
    said = survey(people(10), THREE, lab=lab)
    guess = tk.estimate(survey, people(10), THREE, lab=lab)
    assert (guess.calls, guess.to_ask) == (said.report.calls, 0)


def test_preview_shows_the_first_question_and_own_template_as_a_diff(lab, people):
    own = "=== user ===\nYou are {{ persona }}.\n{{ question }}\n{{ instruction }}"
    shown = tk.preview(survey, people(1), THREE, prompt=own, lab=lab)
    assert "You are Name: Person 1" in str(shown)
    assert "+You are Name: Person 1" in shown.diff


def test_survey_can_be_awaited(open_lab, people):
    lab = open_lab()

    async def both():
        return await asyncio.gather(*(survey.aio(people(3), THREE, seed=seed, lab=lab) for seed in (1, 2)))

    assert [type(one) for one in asyncio.run(both())] == [SurveyAnswers, SurveyAnswers]


def test_images_and_several_columns_of_a_question(open_lab, people):
    lab = open_lab()
    pack = data_file("images/package-plain.png")
    items = [
        Question("pick", "Which of {image:plain}?", tk.Choice(["a", "b"], why=True), images={"plain": pack}),
        Question("rank", "Rank.", tk.questions.Ranking(["x", "y", "z"])),
    ]
    said = survey(people(3), items, lab=lab)
    assert {"pick", "pick_why", "rank", "rank_rank_x"} <= set(said.frame.columns)
    assert said["pick"].asked.images[0].name == "package-plain.png"
    book = said.codebook()
    assert book["column"].tolist() == list(said.frame.columns)
    html = said._repr_mimebundle_()["text/html"]
    assert len(html) < 64_000
    assert "Survey of 2 questions (3 asked)" in html


def test_attributes_of_the_persona_decide(open_lab, people):
    lab = open_lab(model := EdgeModel())
    survey(people(30), [Question("a", "A?", ask_if="persona.age >= 40")], lab=lab)
    assert {call.item for call in model.calls} == {f"p{n:04}/a" for n in range(20, 31)}


@pytest.mark.parametrize(
    ("questions", "says"),
    [
        ([], "no list of questions"),
        ("why?", "no list of questions"),
        (["why?"], "question 1 is str"),
        ([DRINKS, DRINKS], "'drinks' twice"),
        ([Question("status", "?")], "'status'"),
        ([SCORE, DRINKS], "'score' looks at 'drinks', which comes later"),
        ([Question("a", "{nobody}?")], "'nobody', which is no question"),
        ([DRINKS, Question("a", "?", ask_if="drinks == 'maybe'")], "'maybe', which is none of its options"),
        ([DRINKS, Question("a", "?", ask_if="drinks == 'yes'", skip_if="drinks == 'yes'")], "'a' can never be asked"),
        ([DRINKS, Question("a", "?", ask_if="drinks == 'yes' and drinks == 'no'")], "'a' can never be asked"),
        ([DRINKS, SCORE, Question("a", "?", ask_if="score > 5")], "'a' can never be asked"),
        ([DRINKS, SCORE, Question("a", "?", ask_if="score == 'high'")], "a number, with 'high'"),
        ([Question("a", "?", ask_if="persona.agee > 3")], "persona.agee"),
        ([Question("a", "?", images={"x": data_file("images/package-plain.png"), "y": b""})], "bytes"),
    ],
)
def test_bad_survey_is_one_clear_line_and_bills_nothing(open_lab, people, questions, says):
    """Contradictory skip rules, rules that look forward, values that cannot be."""
    lab = open_lab(model := EdgeModel())
    with pytest.raises(InvalidInput) as caught:
        survey(people(2), questions, lab=lab)
    assert says in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert model.calls == []


@pytest.mark.parametrize("name", ["", "a b", 5, None])
def test_question_s_name_is_a_word(name):
    with pytest.raises(InvalidInput, match="has the name"):
        Question(name, "?")
