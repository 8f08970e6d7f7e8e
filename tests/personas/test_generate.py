from __future__ import annotations

import json
import os
import signal
import time

import pytest

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.errors import ContentRefused, Incomplete, Interrupted, InvalidInput, ProviderDown
from toolkit.models.scripted import ScriptedModel
from toolkit.personas import Population
from toolkit.testing import WireServer

ADULTS = Population.load("us-adults-2012")


@pytest.fixture
def open_lab(tmp_path):
    labs = []

    def open_(model="scripted", folder="study", **settings):
        labs.append(tk.Lab(model, study=tmp_path / folder, **{"seed": 7, "tries": 1, **settings}))
        return labs[-1]

    yield open_
    for lab in labs:
        lab.close()


def contradicting(*items):
    """A model that makes these people another age on the first attempt."""
    return EdgeModel(lambda call: a_teenager(call) if call.item in items else None)


def a_teenager(call):
    return {"bio": "I am a 17-year-old who skips school."}


# --- how many, and how many calls ---


@pytest.mark.parametrize("detail", ["facts", "brief", "standard", "deep"])
def test_exactly_n_come_back_in_order(open_lab, detail):
    panel = tk.generate_personas(9, "us-adults-2012", detail=detail, lab=open_lab())
    assert [one.id for one in panel] == [f"p{place:04}" for place in range(1, 10)]
    assert {one.detail for one in panel} == {detail}
    assert panel.complete
    assert panel.errors.empty


def test_facts_make_no_call_at_all(open_lab):
    lab = open_lab(model := EdgeModel(lambda call: None))
    panel = tk.generate_personas(50, ADULTS, detail="facts", lab=lab)
    assert model.calls == []
    assert len(lab.ledger) == 0
    assert panel.report.calls == 0
    assert all(one.facts() and not one.fields for one in panel)


@pytest.mark.parametrize(("detail", "fields"), [("brief", 1), ("standard", 17), ("deep", 26)])
def test_one_call_a_person_writes_every_field(open_lab, detail, fields):
    with WireServer() as wire:
        lab = open_lab("openai:m", base_url=wire.url, api_key=wire.key)
        panel = tk.generate_personas(8, ADULTS, detail=detail, lab=lab)
        lab.close()
    assert wire.requests.total == 8
    assert {len(one.fields) for one in panel} == {fields}


# --- refusals, failures, and going on ---


def test_contradiction_is_refused_and_asked_a_bounded_number_of_times(open_lab):
    """S0-08, S0-10: after `attempts` the person is a row of errors, and the others stand."""
    lab = open_lab(model := contradicting("p0002"))
    panel = tk.generate_personas(3, ADULTS, detail="brief", attempts=2, lab=lab)
    assert model.by_item == {"p0001": 1, "p0002": 2, "p0003": 1}
    assert [one.id for one in panel] == ["p0001", "p0003"]
    row = panel.errors.iloc[0]
    assert (row["item"], row["kind"]) == ("p0002", "invalid_reply")
    assert "17-year-old" in row["message"]
    assert panel.complete


@pytest.mark.parametrize("attempts", [1, 3])
def test_attempts_are_honoured(open_lab, attempts):
    lab = open_lab(model := contradicting("p0001"))
    tk.generate_personas(1, ADULTS, detail="brief", attempts=attempts, lab=lab)
    assert model.by_item["p0001"] == attempts
    assert [call.attempt for call in model.calls] == list(range(attempts))


def test_second_attempt_that_fits_is_the_one_that_counts(open_lab):
    def answer(call):
        return a_teenager(call) if call.attempt == 0 else {"bio": "Lives quietly with a cat."}

    panel = tk.generate_personas(2, ADULTS, detail="brief", lab=open_lab(EdgeModel(answer)))
    assert {one.fields["bio"] for one in panel} == {"Lives quietly with a cat."}


@pytest.mark.parametrize(
    "said", [{}, {"bio": ""}, {"bio": "  "}, {"bio": None}, {"bio": 5}, {"bio": ["x"] * 0}, [], "text", 0]
)
def test_model_that_returns_nothing_leaves_a_row_and_the_others(open_lab, said):
    """S0-08: a model that returns nothing, after `attempts`: a row in `.errors`; no exception."""
    lab = open_lab(model := EdgeModel(lambda call: said if call.item == "p0001" else None))
    panel = tk.generate_personas(2, ADULTS, detail="brief", lab=lab)
    assert model.by_item["p0001"] == 2
    assert [one.id for one in panel] == ["p0002"]
    assert "bio" in panel.errors["message"].iloc[0]


def test_fields_that_nobody_asked_for_do_not_enter_a_persona(open_lab):
    said = {"bio": "Keeps bees behind the house.", "age": 99, "secret": "x"}
    panel = tk.generate_personas(1, ADULTS, detail="brief", lab=open_lab(EdgeModel(lambda call: said)))
    assert dict(panel[0].fields) == {"bio": "Keeps bees behind the house."}


@pytest.mark.parametrize("error", [ProviderDown("the server is down"), ContentRefused("the model refused")])
def test_failure_of_a_call_is_a_row_and_content_is_not_asked_again(open_lab, error):
    """S0-08: failure is a row; only content that was refused is asked again."""
    lab = open_lab(model := EdgeModel(lambda call: error if call.item == "p0003" else None))
    panel = tk.generate_personas(4, ADULTS, detail="brief", lab=lab)
    assert len(panel) == 3
    assert panel.errors["kind"].tolist() == [error.kind]
    assert model.by_item["p0003"] == 1


def test_name_of_who_failed_is_free_again_and_taken_when_healed(open_lab):
    """S0-09, S0-12: no reservation is leaked by a failure."""
    lab = open_lab(EdgeModel(lambda call: {"bio": ""} if call.item == "p0002" and call.attempt < 2 else None))
    panel = tk.generate_personas(3, ADULTS, detail="brief", lab=lab)
    names = [one.name for one in tk.generate_personas(3, ADULTS, detail="facts", lab=lab)]
    register = panel._again._cast.register
    assert [name in register for name in names] == [True, False, True]
    healed = panel.retry()
    assert [one.name for one in healed] == names
    assert all(name in register for name in names)


def test_retry_asks_only_those_who_failed_and_a_rerun_replays_the_story(open_lab):
    lab = open_lab(model := EdgeModel(lambda call: {"bio": ""} if call.item == "p0002" and call.attempt < 2 else None))
    panel = tk.generate_personas(3, ADULTS, detail="brief", lab=lab)
    before = len(model.calls)
    healed = panel.retry()
    assert [one.id for one in healed] == ["p0001", "p0002", "p0003"]
    assert healed.errors.empty
    assert len(model.calls) == before + 1
    assert len(panel) == 2  # the first result is as it was


def test_stopped_run_resumes_with_only_the_rest(open_lab):
    lab = open_lab(model := EdgeModel(lambda call: None, pause=0.01), concurrency=1)
    run = tk.start(tk.generate_personas, 30, ADULTS, detail="brief", lab=lab)
    while len(model.calls) < 5:
        time.sleep(0.005)
    run.stop()
    first = run.result(timeout=30)
    assert 4 <= len(first) < 30
    assert not first.complete
    assert set(first.errors["kind"]) == {"not_run"}
    rest = first.resume()
    assert [one.id for one in rest] == [f"p{place:04}" for place in range(1, 31)]
    assert rest.complete
    assert rest.report.cached in {len(first), len(first) + 1}  # a reply that was written while the stop came is kept
    assert rest.report.cached + rest.report.live == 30


def test_interrupt_keeps_what_finished_and_resume_does_the_rest(open_lab):
    """DESIGN 5.3: the stop button raises Interrupted, a KeyboardInterrupt, with the result."""

    def answer(call):
        if len(model.calls) == 5:
            os.kill(os.getpid(), signal.SIGINT)

    lab = open_lab(model := EdgeModel(answer, pause=0.01), concurrency=1)
    with pytest.raises(Interrupted) as caught:
        tk.generate_personas(200, ADULTS, detail="brief", lab=lab)
    first = caught.value.result
    assert lab.last is first
    assert 4 <= len(first) < 200
    kept = {one.id: one for one in first}
    rest = first.resume()
    assert len(rest) == 200
    assert rest.report.cached in {len(first), len(first) + 1}
    assert all(kept.get(one.id, one) == one for one in rest)


def test_strict_raises_with_what_came_out(open_lab):
    lab = open_lab(contradicting("p0002"))
    with pytest.raises(Incomplete, match="p0002") as caught:
        tk.generate_personas(3, ADULTS, detail="brief", strict=True, lab=lab)
    assert [one.id for one in caught.value.result] == ["p0001", "p0003"]
    assert lab.last is caught.value.result


# --- the same again, and other people ---


def test_same_seed_gives_the_same_panel_and_asks_nothing_again(open_lab):
    """S0-18: same seed, same personas and keys."""
    lab = open_lab(model := EdgeModel(lambda call: None))
    first = tk.generate_personas(20, ADULTS, detail="brief", lab=lab)
    again = tk.generate_personas(20, ADULTS, detail="brief", lab=lab)
    assert again.to_jsonl() == first.to_jsonl()
    assert len(model.calls) == 20
    assert again.report.cached == 20
    assert again.report.usage.output == 0


def test_another_seed_gives_other_people_other_names_and_other_draws(open_lab):
    lab = open_lab(model := EdgeModel(lambda call: None))
    panels = [tk.generate_personas(50, ADULTS, detail="brief", seed=seed, lab=lab) for seed in (7, 8)]
    rows, names = ([{getattr(one, what) for one in panel} for panel in panels] for what in ("row", "name"))
    assert len(rows[0] & rows[1]) < 20
    assert len(names[0] & names[1]) < 5
    assert len({call.seed for call in model.calls}) == 100


def test_context_stands_in_every_prompt_and_in_the_key(open_lab):
    lab = open_lab(model := EdgeModel(lambda call: None))
    tk.generate_personas(4, ADULTS, detail="brief", context="  Tea drinkers in winter. ", lab=lab)
    assert all("Context of the study: Tea drinkers in winter.\n" in call.messages[-1].text for call in model.calls)
    tk.generate_personas(4, ADULTS, detail="brief", lab=lab)
    assert len(model.calls) == 8
    assert all("Context" not in call.messages[-1].text for call in model.calls[4:])


def test_prompts_share_one_prefix_and_one_family(open_lab):
    """S0-04: one prompt cache key for all personas, at most 64 characters; what varies stands last."""
    with WireServer(keep_bodies=True) as wire:
        lab = open_lab("openai:m", base_url=wire.url, api_key=wire.key, prompt_cache=True)
        tk.generate_personas(6, ADULTS, detail="standard", context="Tea.", lab=lab)
        tk.generate_personas(6, ADULTS, detail="standard", context="Tea.", seed=9, lab=lab)
        lab.close()
    keys = {body["prompt_cache_key"] for body in wire.bodies}
    assert len(keys) == 1
    assert len(keys.pop()) <= 64
    texts = [[message["content"] for message in body["messages"]] for body in wire.bodies]
    assert len({system for system, _ in texts}) == 1
    assert all(user.startswith("Context of the study: Tea.\n\nFacts about ") for _, user in texts)
    assert len({json.dumps(body["response_format"]) for body in wire.bodies}) == 1


def test_prompt_tells_every_fact_and_the_name(open_lab):
    lab = open_lab(model := EdgeModel(lambda call: None))
    panel = tk.generate_personas(5, ADULTS, detail="brief", lab=lab)
    for one, call in zip(panel, sorted(model.calls, key=lambda call: call.item), strict=True):
        assert call.item == one.id
        assert one.name in call.messages[-1].text
        assert all(fact in call.messages[-1].text for fact in one.facts())


# --- the line ---


def test_thousand_personas_match_their_population_to_about_rounding(open_lab):
    """Issue 2: 1,000 ids and names; TVD <= max(0.005, 1.5 best); age W1 <= 0.2; only combinations the table holds."""
    lab = open_lab()
    panel = tk.generate_personas(1000, "us-adults-2012", detail="brief", lab=lab)
    assert len(panel) == len({one.id for one in panel}) == len({one.name.casefold() for one in panel}) == 1000
    table = panel.describe().frame.set_index("attribute")
    assert (table["tvd"] <= (1.5 * table["best"]).clip(lower=0.005)).all()
    assert table.loc["age", "w1"] <= 0.2
    held = ADULTS.frame
    sampled = [one.name for one in ADULTS.measured]
    facts = panel.frame[sampled].astype(object).where(panel.frame[sampled].notna(), None)
    known = set(held[sampled].astype(object).where(held[sampled].notna(), None).itertuples(index=False, name=None))
    assert set(facts.itertuples(index=False, name=None)) <= known
    bare = tk.generate_personas(1000, "us-adults-2012", detail="facts", lab=lab)
    assert [one.with_fields({}, "facts") for one in panel] == list(bare)
    other = tk.generate_personas(1000, "us-adults-2012", detail="facts", seed=8, lab=lab)
    assert sum(a.row == b.row for a, b in zip(panel, other, strict=True)) < 20
    assert len({one.name for one in panel} & {one.name for one in other}) < 100


def test_same_seed_gives_the_same_bytes_in_a_study_of_its_own(open_lab):
    """S0-18: nothing of a panel hangs on the folder, the order of replies or how many are in flight."""
    labs = [open_lab(folder="a", concurrency=1), open_lab(ScriptedModel(latency=0.001), folder="b", concurrency=50)]
    panels = [tk.generate_personas(60, ADULTS, detail="standard", lab=lab).to_jsonl() for lab in labs]
    assert panels[0] == panels[1]


# --- wrong input ---


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"n": 0}, "n is 0"),
        ({"n": -3}, "n is -3"),
        ({"n": 2.5}, "n is 2.5"),
        ({"n": "12"}, "n is '12'"),
        ({"n": True}, "n is True"),
        ({"n": 100_001}, "n is 100,001"),
        ({"population": "us-adults-2021"}, "us-adults-2021"),
        ({"detail": "deeper"}, "detail='deeper'"),
        ({"batch": 0}, "batch=0"),
        ({"batch": 21}, "batch=21"),
        ({"batch": True}, "batch=True"),
        ({"detail": None}, "detail=None"),
        ({"attempts": 0}, "attempts=0"),
        ({"attempts": "2"}, "attempts='2'"),
        ({"attempts": True}, "attempts=True"),
        ({"context": None}, "context is NoneType"),
        ({"seed": "x"}, "seed is 'x'"),
        ({"seed": 1.5}, "seed is 1.5"),
    ],
)
def test_bad_input_is_one_clear_line_and_bills_nothing(open_lab, arguments, says):
    lab = open_lab(model := EdgeModel(lambda call: None))
    with pytest.raises(InvalidInput) as caught:
        tk.generate_personas(**{"n": 3, "population": ADULTS, "detail": "brief", **arguments}, lab=lab)
    assert says in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert model.calls == []
