"""Answers as distributions, from one token."""

from __future__ import annotations

import math

import pandas as pd
import pytest

import toolkit as tk
from tests.models.saying import Saying
from tests.questions.edge import EdgeModel
from toolkit.errors import InvalidInput
from toolkit.models import Abilities, Reply
from toolkit.models.scripted import ScriptedModel
from toolkit.questions import Option
from toolkit.testing import WireServer

TEA = tk.Choice(["tea", "coffee", "neither"])
METHOD = {"method": "logprobs"}


def saying(**shares):
    """Make a reply of one token with these probabilities."""
    top = tuple((token, math.log(share)) for token, share in shares.items())
    return Reply(top[0][0], "edge:edge", logprobs=(top,))


def lines(call):
    return dict(
        line.split(") ", 1) if ") " in line else (line.removesuffix(")"), "")
        for line in call.messages[-1].text.split("\n")
        if line[1:2] == ")"
    )


def test_distribution_is_renormalised_over_the_options(open_lab, people):
    """0.3, 0.2 and 0.1 on the marks become a half, a third and a sixth; spaces around a token do not matter."""
    lab = open_lab(model := EdgeModel(lambda _: saying(A=0.3, I=0.4, **{" B": 0.15, "B)": 0.05, "C": 0.1})))
    frame = tk.ask(people(1), "Tea?", answer=TEA, shuffle=False, lab=lab, **METHOD).frame
    row = frame.iloc[0]
    assert row["answer"] == "tea"
    assert (row["p_tea"], row["p_coffee"], row["p_neither"]) == pytest.approx((1 / 2, 1 / 3, 1 / 6))
    assert row["mass"] == pytest.approx(0.6)
    (call,) = model.calls
    assert call.schema is None
    assert (call.sampling.max_tokens, call.sampling.logprobs) == (1, 20)
    assert lines(call) == {"A": "tea", "B": "coffee", "C": "neither"}
    assert list(frame.columns)[3:8] == ["answer", "p_tea", "p_coffee", "p_neither", "mass"]


def test_marks_follow_the_order_shown_and_are_mapped_back(open_lab, people):
    lab = open_lab(model := EdgeModel(lambda _: saying(A=0.7, B=0.2, C=0.1)))
    frame = tk.ask(people(20), "Tea?", answer=TEA, lab=lab, **METHOD).frame
    for call in model.calls:
        row = frame[frame["persona"] == call.item].iloc[0]
        assert row["answer"] == lines(call)["A"] == row["shown"].split(" | ")[0]
        assert row[f"p_{lines(call)['C']}"] == pytest.approx(0.1)


def test_balance_asks_twice_and_takes_the_mean(open_lab, people):
    """A model that only likes the first place comes out even between first and last."""
    lab = open_lab(model := EdgeModel(lambda _: saying(A=0.8, B=0.1, C=0.1)))
    answers = tk.ask(people(5), "Tea?", answer=TEA, balance=True, lab=lab, **METHOD)
    assert len(model.calls) == 10
    assert len(answers) == 5
    for _, row in answers.frame.iterrows():
        first, middle, last = row["shown"].split(" | ")
        assert row[f"p_{first}"] == pytest.approx(0.45)
        assert row[f"p_{last}"] == pytest.approx(0.45)
        assert row[f"p_{middle}"] == pytest.approx(0.1)
    assert tk.estimate(tk.ask, people(5), "Tea?", answer=TEA, balance=True, lab=lab, **METHOD).remembered == 10


def test_balanced_row_fails_where_either_call_does_and_retry_heals_it(open_lab, people):
    def said(call):
        turned = call.item.endswith("/turned")
        return saying(X=1.0) if turned and call.item.startswith("p0002") and not call.attempt else saying(A=0.6, B=0.4)

    lab = open_lab(model := EdgeModel(said))
    answers = tk.ask(people(3), "Tea?", answer=tk.Choice(["a", "b"]), balance=True, lab=lab, **METHOD)
    assert answers.frame["status"].tolist() == ["ok", "invalid", "ok"]
    assert answers.errors["item"].tolist() == ["p0002"]
    assert answers.retry().frame["status"].tolist() == ["ok"] * 3
    assert len(model.calls) == 7


def test_points_of_a_scale_are_their_own_marks(open_lab, people):
    lab = open_lab(model := EdgeModel(lambda _: saying(**{"1": 0.5, "5": 0.5})))
    scale = tk.Scale(1, 5, labels=("bad", "good"))
    answers = tk.ask(people(2), "How?", answer=scale, lab=lab, **METHOD)
    assert lines(model.calls[0]) == {"1": "bad", "2": "", "3": "", "4": "", "5": "good"}
    assert answers.frame["expected"].tolist() == pytest.approx([3.0, 3.0])
    assert answers.frame["answer"].tolist() == [1, 1]
    assert answers.frame["shown"].iloc[0] == "bad | 2 | 3 | 4 | good"


def test_points_beyond_nine_get_letters(open_lab, people):
    lab = open_lab(model := EdgeModel())
    frame = tk.ask(people(2), "How?", answer=tk.Scale(0, 10), lab=lab, **METHOD).frame
    assert lines(model.calls[0])["K"] == "10"
    assert frame["status"].eq("ok").all()
    assert frame.filter(like="p_").sum(axis=1).tolist() == pytest.approx([1.0, 1.0])


def test_summary_averages_people_and_counts_each_once(open_lab, people):
    shares = {"p0001": 0.2, "p0002": 0.4, "p0003": 0.9}
    lab = open_lab(EdgeModel(lambda call: saying(A=shares[call.item[:5]], B=1 - shares[call.item[:5]])))
    answers = tk.ask(people(3), "Tea?", answer=tk.Choice(["a", "b"]), shuffle=False, repeats=2, lab=lab, **METHOD)
    summary = answers.summary()
    assert summary["share"].tolist() == pytest.approx([0.5, 0.5])
    assert summary["n"].tolist() == [3, 3]
    assert answers.plot().axes
    assert "50.0%" in answers._repr_mimebundle_()["text/html"]
    assert answers.codebook()["meaning"].str.len().gt(0).all()


def test_reply_beside_the_options_is_invalid_and_never_scaled_up(open_lab, people):
    """S0-20: what is no answer is flagged, not spread over the options."""
    said = {"p0001": saying(I=0.995, A=0.005), "p0002": Reply("A", "edge:edge"), "p0003": saying(A=1.0)}
    lab = open_lab(EdgeModel(lambda call: said[call.item]))
    answers = tk.ask(people(3), "Tea?", answer=TEA, lab=lab, **METHOD)
    assert answers.frame["status"].tolist() == ["invalid", "invalid", "ok"]
    assert answers.frame["p_tea"].isna().tolist() == [True, True, False]
    assert "0.50% of the probability" in answers.errors["message"].iloc[0]
    assert "no log-probabilities" in answers.errors["message"].iloc[1]


def test_model_without_log_probabilities_is_refused_before_it_is_asked(open_lab, people):
    lab = open_lab(ScriptedModel(abilities=Abilities(logprobs=False)))
    with pytest.raises(InvalidInput, match="gives no log-probabilities"):
        tk.ask(people(2), "Tea?", answer=TEA, lab=lab, **METHOD)
    assert len(lab.ledger) == 0


def test_over_the_wire_one_token_comes_back_and_replays(open_lab, people, tmp_path):
    with WireServer(keep_bodies=True) as wire:
        lab = open_lab("openai:m", base_url=wire.url, api_key=wire.key)
        answers = tk.ask(people(4), "Tea?", answer=TEA, balance=True, lab=lab, **METHOD)
    assert answers.frame["status"].eq("ok").all()
    for body in wire.bodies:
        assert body["logprobs"] is True
        assert body["top_logprobs"] == 20
        assert body["max_tokens"] == 1
        assert "response_format" not in body
    assert answers.report.usage.output == 8
    replay = tk.Lab(capsule=lab.freeze(tmp_path / "study.capsule"))
    again = tk.ask(people(4), "Tea?", answer=TEA, balance=True, lab=replay, **METHOD)
    pd.testing.assert_frame_equal(again.frame, answers.frame)
    replay.close()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (tk.Text(), "cannot answer Text"),
        (tk.Choice(["a", "b"], why=True), "why=True"),
        (tk.Choice([str(n) for n in range(21)]), "21 options"),
        (tk.Scale(0, 30), "31 options"),
    ],
)
def test_answers_that_one_token_cannot_give_are_refused(lab, people, answer, says):
    with pytest.raises(InvalidInput, match=says):
        tk.ask(people(1), "Tea?", answer=answer, lab=lab, **METHOD)
    with pytest.raises(InvalidInput, match="method='guess'"):
        tk.ask(people(1), "Tea?", answer=answer, method="guess", lab=lab)


def test_options_with_ids_and_factors_are_weighed_too(lab, people):
    answer = tk.Choice([Option("at {price}", id="x"), Option("never")])
    answers = tk.ask(people(3), "Buy?", answer=answer, vary={"price": [3, 4]}, balance=True, lab=lab, **METHOD)
    assert answers.frame["status"].eq("ok").all()
    assert "p_at {price}" in answers.frame
    assert answers.summary(by="price")["price"].tolist() == [3, 3, 4, 4]
    with pytest.raises(InvalidInput, match="distribution"):
        answers.follow_up("Why?")


@pytest.mark.parametrize("name", ["gpt-5-mini", "gpt-5", "gpt-5-2025-08-07", "o4-mini", "openai/o3"])
def test_model_that_reasons_is_refused_before_anything_is_billed(open_lab, people, name):
    with WireServer() as wire:
        lab = open_lab(f"openai:{name}", base_url=wire.url, api_key=wire.key)
        assert not lab.abilities.logprobs
        with pytest.raises(InvalidInput, match=f"openai:{name} gives no log-probabilities.*method='reply'"):
            tk.ask(people(2), "Tea?", answer=TEA, lab=lab, **METHOD)
        assert tk.ask(people(1), "Tea?", answer=TEA, lab=lab).complete
    assert wire.requests.total == 1


@pytest.mark.parametrize("name", ["gpt-4.1-mini", "gpt-4o", "gpt-5-chat-latest", "gpt-5.2", "o", "some-o1-tuned"])
def test_other_models_are_asked(open_lab, people, name):
    with WireServer() as wire:
        lab = open_lab(f"openai:{name}", base_url=wire.url, api_key=wire.key)
        assert tk.ask(people(2), "Tea?", answer=TEA, lab=lab, **METHOD).complete


def test_own_abilities_go_before_what_a_name_says(open_lab, people):
    with WireServer() as wire:
        lab = open_lab("openai:gpt-5-mini", base_url=wire.url, api_key=wire.key, abilities=Abilities())
        assert tk.ask(people(2), "Tea?", answer=TEA, lab=lab, **METHOD).complete


@pytest.mark.parametrize(
    "said", ["You are not allowed to request logprobs from this model", "'logprobs' is not supported for this model."]
)
def test_endpoint_that_refuses_them_is_told_of_with_the_next_step(open_lab, people, said):
    with Saying(lambda _: (400, said)) as server:
        lab = open_lab("openai:m", base_url=server.url)
        failed = tk.ask(people(1), "Tea?", answer=TEA, lab=lab, **METHOD).errors
    assert failed["kind"].tolist() == ["bad_request"]
    assert failed["message"].str.contains("openai:m gives no log-probabilities").all()
    assert failed["message"].str.contains("method='reply'").all() or "hint" in failed.columns
