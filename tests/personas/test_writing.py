from __future__ import annotations

import re

import orjson
import pytest

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.engine import Price
from toolkit.errors import InvalidReply, ProviderDown
from toolkit.models import Abilities, Reply
from toolkit.models.scripted import ScriptedModel
from toolkit.personas import Population
from toolkit.personas.cast import draw_cast
from toolkit.personas.narrative import narrative
from toolkit.personas.prefix import pays
from toolkit.personas.profile import PROFILE, profile
from toolkit.personas.writing import Writing
from toolkit.testing import WireServer

ADULTS = Population.load("us-adults-2012")
TEEN = "I am a 17-year-old who skips school."


@pytest.fixture
def open_lab(tmp_path):
    labs = []

    def open_(model="scripted", folder="study", **settings):
        labs.append(tk.Lab(model, study=tmp_path / folder, **{"seed": 7, "tries": 1, **settings}))
        return labs[-1]

    yield open_
    for lab in labs:
        lab.close()


def people_in(call):
    """The number of people a call asks about."""
    return len(call.schema.body["properties"]) if "person_1" in call.schema.body["properties"] else 1


def batch_with(*, wrong, bio=TEEN):
    """A model whose batches make the person at one place a teenager."""

    def answer(call):
        if people_in(call) == 1:
            return {"bio": "Keeps to the back of the room."}
        return {f"person_{place}": {"bio": bio if place == wrong else "Mends what breaks."} for place in range(1, 4)}

    return EdgeModel(answer)


# --- what is filled ---


@pytest.mark.parametrize("population", ["us-adults-2012", "us-voters-1996"])
@pytest.mark.parametrize("detail", ["standard", "deep"])
def test_every_field_of_the_profile_is_filled(open_lab, population, detail):
    """Issue 4: name, age, gender, nationality, residence, education, goals … facts."""
    panel = tk.generate_personas(12, population, detail=detail, lab=open_lab())
    for one in panel:
        told = profile(one)
        assert list(told) == list(PROFILE)
        assert all(value not in (None, "", [], {}) for value in told.values())
        assert set(told["big_five"]) == {
            "openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism"
        }  # fmt: skip
        assert all(1 <= score <= 5 for score in told["big_five"].values())


@pytest.mark.parametrize("population", ["us-adults-2012", "us-voters-1996"])
@pytest.mark.parametrize("example", [False, True])
def test_input_of_a_standard_portrait_is_small(open_lab, population, example):
    """Issue 4: at most 5,200 characters a person, schema included, with and without worked examples."""
    cast = draw_cast(Population.load(population), 300, 7)
    job = Writing(
        open_lab(), cast, narrative("standard"), context="", attempts=2, batch=1, seed=7, strict=False, budget=None
    )
    job.__dict__["_example"] = example
    for call in job.calls():
        assert sum(len(message.text) for message in call.messages) + len(call.schema.json) <= 5_200
    shared = sum(len(message.text) for message in call.messages[:-1]) + len(call.schema.json)
    assert not example or shared / 4 >= 1_024  # what providers cache


def test_what_the_population_does_not_say_is_asked_for(open_lab):
    import pandas as pd

    some = Population.from_frame(pd.DataFrame({"vote": ["yes", "no"] * 20}))
    lab = open_lab(model := EdgeModel(lambda call: None))
    panel = tk.generate_personas(3, some, detail="standard", lab=lab)
    asked = model.calls[0].schema.body["required"]
    assert asked[:3] == ["age", "nationality", "education"]
    assert all(profile(one)["gender"] in {"female", "male"} for one in panel)
    assert all(isinstance(profile(one)["age"], int) for one in panel)
    assert all(f"Gender: {one.fields['gender']}" in call.messages[-1].text for one, call in _by_item(panel, model))


def test_field_that_was_sampled_is_not_written_again(open_lab):
    import pandas as pd

    some = Population.from_frame(pd.DataFrame({"health": ["good", "poor"] * 10, "age": [30, 31] * 10}))
    lab = open_lab(model := EdgeModel(lambda call: None))
    panel = tk.generate_personas(2, some, detail="standard", lab=lab)
    assert "health" not in model.calls[0].schema.body["properties"]
    assert profile(panel[0])["health"] in {"good", "poor"}


def test_nationality_follows_from_citizenship(open_lab):
    panel = tk.generate_personas(200, ADULTS, detail="standard", lab=open_lab())
    told = {one.attributes["citizenship"]: one.fields["nationality"] for one in panel}
    assert told == {"US citizen": "American", "not a US citizen": "not a US citizen"}


def test_names_follow_the_gender_that_code_draws(open_lab):
    """A population without sex: the coin that names a person is the one the portrait tells."""
    panel = tk.generate_personas(200, "us-voters-1996", detail="standard", lab=open_lab())
    women = {one.name.split()[0] for one in panel if one.fields["gender"] == "female"}
    men = {one.name.split()[0] for one in panel if one.fields["gender"] == "male"}
    assert 70 < sum(one.fields["gender"] == "female" for one in panel) < 130
    assert len(women & men) < 0.2 * min(len(women), len(men))


def test_text_that_denies_the_drawn_gender_is_refused(open_lab):
    def answer(call):
        return None if call.attempt else {**_portrait(call), "bio": "I am a man. I am a woman. Nobody knows me."}

    panel = tk.generate_personas(2, "us-voters-1996", detail="standard", lab=open_lab(EdgeModel(answer)))
    assert len(panel) == 2
    assert all("nobody" not in one.fields["bio"].lower() for one in panel)


def test_facts_that_are_not_told_stay_out_of_every_prompt(open_lab):
    """A voter's vote is what she can be asked for, so the model never hears it."""
    lab = open_lab(model := EdgeModel(lambda call: None))
    tk.generate_personas(20, "us-voters-1996", detail="deep", lab=lab)
    texts = "\n".join(message.text for call in model.calls for message in call.messages)
    assert "Clinton" not in texts
    assert "Dole" not in texts


# --- corrections ---


def test_correction_tells_what_was_said_and_what_is_wrong(open_lab):
    """S2-05: one bounded correction, told why, counted."""
    lab = open_lab(model := EdgeModel(lambda call: {"bio": TEEN} if call.attempt == 0 else None))
    panel = tk.generate_personas(1, ADULTS, detail="brief", context="Tea.", lab=lab)
    first, second = model.calls
    assert second.messages[: len(first.messages)] == first.messages
    said, told = (message.text for message in second.messages[len(first.messages) :])
    assert orjson.loads(said) == {"bio": TEEN}
    assert f"'17-year-old', but age was sampled as {panel[0].attributes['age']}" in told
    assert panel[0].name in told
    assert second.seed != first.seed
    assert "1 of them corrected" in repr(panel)
    assert panel.report.calls == 2


@pytest.mark.parametrize("said", ["not JSON at all", "{}", '{"bio": ""}', "x" * 50_000])
def test_reply_that_is_no_portrait_is_corrected_too(open_lab, said):
    refused = InvalidReply("the reply is not of the schema", reply=Reply(said, "edge:edge"))
    lab = open_lab(model := EdgeModel(lambda call: refused if call.attempt == 0 else None))
    panel = tk.generate_personas(1, ADULTS, detail="brief", lab=lab)
    assert len(panel) == 1
    assert len(model.calls) == 2
    assert sum(len(message.text) for message in model.calls[1].messages) < 14_000


def test_small_model_draws_again_instead_of_reading_its_mistake(open_lab):
    lab = open_lab(model := EdgeModel(lambda call: {"bio": TEEN} if call.attempt == 0 else None, small=True))
    tk.generate_personas(1, ADULTS, detail="brief", lab=lab)
    first, second = model.calls
    assert second.messages == first.messages
    assert second.seed != first.seed


def test_corrections_replay_from_memory(open_lab):
    """S0-18: a story with corrections replays without a call."""
    answer = lambda call: {"bio": TEEN} if call.attempt == 0 and call.item in {"p0002", "p0005"} else None  # noqa: E731
    lab = open_lab(model := EdgeModel(answer))
    first = tk.generate_personas(6, ADULTS, detail="brief", lab=lab)
    asked = len(model.calls)
    again = tk.generate_personas(6, ADULTS, detail="brief", lab=lab)
    assert asked == len(model.calls) == 8
    assert again.to_jsonl() == first.to_jsonl()


def test_stop_between_a_refusal_and_its_correction_resumes(open_lab):
    """A person whose correction was not asked yet is left over, not failed."""
    runs = []

    def answer(call):
        if call.attempt == 0:
            return {"bio": TEEN} if call.item == "p0001" else None
        if len(runs) == 1:
            runs[0].stop()
        return None

    lab = open_lab(EdgeModel(answer, pause=0.02), concurrency=1)
    runs.append(tk.start(tk.generate_personas, 2, ADULTS, detail="brief", lab=lab))
    first = runs[0].result(timeout=30)
    runs.append(None)
    rest = first if first.complete else first.resume()
    assert [one.id for one in rest] == ["p0001", "p0002"]
    assert set(first.errors["kind"]) <= {"not_run"}


# --- batches ---


@pytest.mark.parametrize(("n", "batch", "calls"), [(9, 3, 3), (10, 3, 4), (4, 20, 1)])
def test_batch_makes_n_over_batch_calls(open_lab, n, batch, calls):
    """Issue 4: generation calls = n, or n / batch."""
    with WireServer() as wire:
        lab = open_lab("openai:m", base_url=wire.url, api_key=wire.key)
        panel = tk.generate_personas(n, ADULTS, detail="standard", batch=batch, lab=lab)
        lab.close()
    assert wire.requests.total == calls
    assert [one.id for one in panel] == [f"p{place:04}" for place in range(1, n + 1)]
    assert tk.estimate(tk.generate_personas, n, ADULTS, detail="standard", batch=batch, lab=open_lab()).calls == calls


def test_batch_has_the_people_of_one_call_each(open_lab):
    lab = open_lab()
    alone = tk.generate_personas(6, ADULTS, detail="facts", lab=lab)
    batched = tk.generate_personas(6, ADULTS, detail="brief", batch=3, lab=lab)
    assert [one.with_fields({}, "facts") for one in batched] == list(alone)


def test_batch_prompt_tells_context_and_every_fact_of_everybody(open_lab):
    lab = open_lab(model := EdgeModel(lambda call: None))
    panel = tk.generate_personas(6, ADULTS, detail="brief", batch=3, context="Tea.", lab=lab)
    for group, call in zip((panel[:3], panel[3:]), sorted(model.calls, key=lambda call: call.item), strict=True):
        text = call.messages[-1].text
        assert text.startswith("Context of the study: Tea.")
        for place, one in enumerate(group, start=1):
            assert f"person_{place}: {one.name}\n" in text
            assert all(fact in text for fact in one.facts())
    assert len({call.messages[0] for call in model.calls}) == 1


def test_person_refused_in_a_batch_is_asked_again_alone(open_lab):
    lab = open_lab(model := batch_with(wrong=2))
    panel = tk.generate_personas(6, ADULTS, detail="brief", batch=3, lab=lab)
    assert [one.id for one in panel] == [f"p{place:04}" for place in range(1, 7)]
    assert model.by_item == {"p0001..p0003": 1, "p0004..p0006": 1, "p0002": 1, "p0005": 1}
    assert panel[1].fields["bio"] == "Keeps to the back of the room."
    assert panel[0].fields["bio"] == "Mends what breaks."
    asked = next(call for call in model.calls if call.item == "p0002")
    assert panel[1].name in asked.messages[-1].text
    assert orjson.loads(asked.messages[-2].text) == {"bio": TEEN}
    assert panel.errors.empty
    assert set(lab.quarantine.frame["item"]) == {"p0002", "p0005"}


def test_everybody_of_a_batch_that_is_no_json_is_asked_again_alone(open_lab):
    refused = InvalidReply("the reply is not JSON", reply=Reply("Sorry!", "edge:edge"))
    lab = open_lab(model := EdgeModel(lambda call: refused if people_in(call) > 1 else None))
    panel = tk.generate_personas(4, ADULTS, detail="brief", batch=4, lab=lab)
    assert len(panel) == 4
    assert len(model.calls) == 5


def test_one_person_who_misses_the_schema_costs_nobody_else(open_lab):
    """The adapter refuses the whole reply; the others' parts are good and kept."""
    text = orjson.dumps({"person_1": {"bio": "Mends what breaks, slowly."}, "person_2": {"bio": 3}}).decode()
    refused = InvalidReply("not of the schema", reply=Reply(text, "edge:edge"))
    lab = open_lab(model := EdgeModel(lambda call: refused if people_in(call) > 1 else None))
    panel = tk.generate_personas(2, ADULTS, detail="brief", batch=2, lab=lab)
    assert model.by_item == {"p0001..p0002": 1, "p0002": 1}
    assert panel[0].fields["bio"] == "Mends what breaks, slowly."


def test_person_who_stays_refused_is_one_row_and_one_free_name(open_lab):
    """S0-08, S0-09: bounded, then a failed row; the name is free again."""

    def answer(call):
        if people_in(call) > 1:
            return {f"person_{place}": {"bio": TEEN if place == 2 else "Mends what breaks."} for place in range(1, 4)}
        return {"bio": TEEN}

    lab = open_lab(model := EdgeModel(answer))
    panel = tk.generate_personas(3, ADULTS, detail="brief", batch=3, attempts=3, lab=lab)
    assert [one.id for one in panel] == ["p0001", "p0003"]
    assert panel.errors["item"].tolist() == ["p0002"]
    assert panel.errors["kind"].tolist() == ["invalid_reply"]
    assert model.by_item["p0002"] == 2
    names = [one.name for one in tk.generate_personas(3, ADULTS, detail="facts", lab=lab)]
    assert [name in panel._again._cast.register for name in names] == [True, False, True]


def test_without_further_attempts_a_batch_corrects_nobody(open_lab):
    lab = open_lab(model := batch_with(wrong=1))
    panel = tk.generate_personas(3, ADULTS, detail="brief", batch=3, attempts=1, lab=lab)
    assert panel.errors["item"].tolist() == ["p0001"]
    assert len(model.calls) == 1


def test_batch_that_got_no_answer_is_a_row_for_each_and_retry_heals_it(open_lab):
    down = [True]
    lab = open_lab(model := EdgeModel(lambda call: ProviderDown("down") if down[0] and "p0001" in call.item else None))
    panel = tk.generate_personas(6, ADULTS, detail="brief", batch=3, lab=lab)
    assert panel.errors["item"].tolist() == ["p0001", "p0002", "p0003"]
    down[0] = False
    healed = panel.retry()
    assert len(healed) == 6
    assert len(model.calls) == 3


def test_retry_of_a_batch_goes_on_with_who_was_refused(open_lab):
    def answer(call):
        if people_in(call) > 1:
            return {"person_1": {"bio": TEEN}, "person_2": {"bio": TEEN}}
        return {"bio": TEEN} if call.attempt < 2 else {"bio": "Keeps bees behind the house."}

    lab = open_lab(model := EdgeModel(answer))
    panel = tk.generate_personas(2, ADULTS, detail="brief", batch=2, lab=lab)
    assert len(panel) == 0
    assert model.by_item == {"p0001..p0002": 1, "p0001": 1, "p0002": 1}
    healed = panel.retry()
    assert len(healed) == 2
    assert model.by_item == {"p0001..p0002": 1, "p0001": 2, "p0002": 2}


def test_budget_that_ends_in_a_batch_leaves_the_refused_as_not_asked(open_lab):
    lab = open_lab(batch_with(wrong=1))
    panel = tk.generate_personas(3, ADULTS, detail="brief", batch=3, budget="1 requests", lab=lab)
    assert [one.id for one in panel] == ["p0002", "p0003"]
    assert panel.errors["kind"].tolist() == ["budget"]
    assert not panel.complete


def test_all_people_are_asked_at_once(open_lab):
    """Issue 4: no serial stage: as many requests are in flight as the lab allows."""
    with WireServer(latency=0.05) as wire:
        lab = open_lab("openai:m", base_url=wire.url, api_key=wire.key, concurrency=32)
        tk.generate_personas(96, ADULTS, detail="standard", lab=lab)
        lab.close()
    assert wire.requests.peak == 32


# --- worked examples and prices ---


class Priced(EdgeModel):
    """A model that says its own prices, cached tokens at a share of fresh ones."""

    def __init__(self, cached, **more):
        super().__init__(lambda call: None, **more)
        self._cached = cached

    def price(self, usage):
        return 1e-6 * (usage.input - usage.cached) + 1e-6 * self._cached * usage.cached + 4e-6 * usage.output


def test_examples_are_shown_only_where_the_cached_price_pays():
    mini, dear = Price("x", input=1e-6, cached=1e-7), Price("x", input=1e-6, cached=5e-7)
    assert pays(mini, short=621, long=1137, calls=320)
    assert not pays(mini, short=621, long=1137, calls=64)  # nobody finds it cached
    assert not pays(dear, short=621, long=1137, calls=100_000)
    assert not pays(None, short=621, long=1137, calls=320)
    assert not pays(Price("free"), short=621, long=1137, calls=320)
    assert not pays(mini, short=500, long=900, calls=320)  # no provider caches so little


@pytest.mark.parametrize(("model", "turns"), [("openai:gpt-5-mini", 6), ("openai:gpt-4o", 2), ("openai:unknown", 2)])
def test_list_price_decides_about_examples(open_lab, monkeypatch, model, turns):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    lab = open_lab(model)
    told = tk.preview(tk.generate_personas, 500, ADULTS, detail="standard", lab=lab)
    assert len(told.call.messages) == turns


def test_price_that_changes_does_not_lose_what_was_paid(open_lab):
    """What memory holds decides before any price, so a panel replays whatever prices say by then."""
    with WireServer() as wire:
        lab = open_lab("openai:m", base_url=wire.url, api_key=wire.key, price_as="openai:gpt-5-mini")
        first = tk.generate_personas(200, ADULTS, detail="standard", lab=lab)
        lab.close()
        lab = open_lab("openai:m", base_url=wire.url, api_key=wire.key)  # now nobody knows the price
        again = tk.generate_personas(200, ADULTS, detail="standard", lab=lab)
        lab.close()
    assert wire.requests.total == 200
    assert again.to_jsonl() == first.to_jsonl()


def _by_item(panel, model):
    calls = {call.item: call for call in model.calls}
    return [(one, calls[one.id]) for one in panel]


def _portrait(call):
    """A portrait that fits the schema, made by the scripted model's rules."""
    from toolkit.models._responder import respond

    return respond(call.schema.body, 7, call.item)


def test_system_text_names_the_fields_of_each_level():
    from toolkit import prompts

    for detail in ("standard", "deep"):
        system = prompts.load(narrative(detail).prompt).sections[0].fill({})
        assert all(re.search(rf"\b{name}\b", system) for name in narrative(detail).fields)


def test_scripted_model_fills_batches(open_lab):
    lab = open_lab(ScriptedModel(abilities=Abilities(concurrency=4)))
    panel = tk.generate_personas(20, "us-voters-1996", detail="deep", batch=7, lab=lab)
    assert len(panel) == 20
    assert panel.errors.empty
