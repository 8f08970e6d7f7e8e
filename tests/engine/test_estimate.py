"""What calls will take: ranges by prior, by schema, and by what a model has shown."""

import statistics

import pytest

import toolkit as tk
from tests.engine.calls import answer, make_call, make_calls
from tests.engine.priced import RATES, priced
from tests.perf.estimates import summary, trials
from toolkit.bridge import bridge
from toolkit.engine import Expected, Forecast, PriceBook
from toolkit.engine.estimate import reasons
from toolkit.engine.experience import ENOUGH, Experience, Running, Seen
from toolkit.engine.tokens import call_size, image_tokens
from toolkit.engine.within_budget import WithinBudget
from toolkit.media import Image
from toolkit.models import Message, Picture, Reply, Sampling, Schema, Usage
from toolkit.testing import WireServer

PICK = tk.Choice(["plain", "bold"], why=True)


def forecast(calls, seen=None, model="gpt-4o", of=None) -> Expected:
    adding = Forecast(seen or Seen(), model, eyes=True, price=RATES, of=of)
    for call in calls:
        adding.add(call)
    return adding.expected()


def grey(width: int, height: int) -> Image:
    import numpy as np

    return Image(np.full((height, width, 3), 90, np.uint8), alt="grey")


# --- the aim ---


def test_range_holds_what_runs_cost_and_is_narrow(tmp_path):
    """The small version of ``python -m tests.perf.estimates``, which makes 200 runs."""
    found = trials(40, seed=11, folder=tmp_path)
    assert sum(trial.held for trial in found) >= 38, summary("runs", found)
    assert statistics.median(trial.width for trial in found) <= 2.2, summary("runs", found)


def test_report_shows_the_estimate_beside_what_it_came_to(open_lab):
    with WireServer() as wire:
        lab = open_lab(model=priced(wire))
        panel = tk.generate_personas(30, "us-adults-2012", detail="facts", lab=lab)
        told = tk.estimate(tk.ask, panel, "Tea or coffee?", answer=PICK, lab=lab)
        report = tk.ask(panel, "Tea or coffee?", answer=PICK, lab=lab).report
    assert report.expected.calls == 30
    assert report.expected.money == pytest.approx(told.money, rel=1e-6)
    assert report.expected.money[0] <= report.money.spent <= report.expected.money[1]
    assert "cost $0.0" in str(report)
    assert "expected $0.0" in str(report)


def test_estimate_of_a_priced_model_names_money_and_whose_price(open_lab):
    with WireServer() as wire:
        lab = open_lab(model=priced(wire))
        panel = tk.generate_personas(5, "us-adults-2012", detail="facts", lab=lab)
        told = tk.estimate(tk.ask, panel, "Tea?", answer=PICK, lab=lab)
        assert wire.requests.total == 0
    assert 0 < told.money[0] < told.money[1]
    assert told.price_version.startswith("openai's own ")
    assert "about $0.0" in str(told)


def test_estimate_of_an_unknown_price_says_unknown_and_of_nobody_paid_says_so(open_lab):
    with WireServer() as wire:
        lab = open_lab(wire)
        panel = tk.generate_personas(2, "us-adults-2012", detail="facts", lab=lab)
        told = tk.estimate(tk.ask, panel, "Tea?", answer=PICK, lab=lab)
    assert told.money is None
    assert str(told).endswith("the price is unknown")
    lab = open_lab(model="scripted")
    told = tk.estimate(tk.ask, panel, "Tea?", answer=PICK, lab=lab)
    assert told.money == (0.0, 0.0)
    assert str(told).endswith("nobody is paid")


def test_what_memory_holds_is_not_estimated_again(open_lab):
    with WireServer() as wire:
        lab = open_lab(model=priced(wire))
        panel = tk.generate_personas(6, "us-adults-2012", detail="facts", lab=lab)
        tk.ask(panel, "Tea?", answer=PICK, lab=lab)
        told = tk.estimate(tk.ask, panel, "Tea?", answer=PICK, lab=lab)
        again = tk.ask(panel, "Tea?", answer=PICK, lab=lab).report
    assert told.money == (0.0, 0.0)
    assert again.expected.calls == 0
    assert "expected" not in str(again)
    assert again.money.saved > 0


# --- learning ---


def test_what_was_seen_makes_the_range_narrower(open_lab):
    with WireServer() as wire:
        lab = open_lab(model=priced(wire))
        panel = tk.generate_personas(40, "us-adults-2012", detail="facts", lab=lab)
        cold = tk.estimate(tk.ask, panel, "Tea?", answer=PICK, lab=lab).money
        tk.ask(panel, "Coffee?", answer=PICK, lab=lab)
        warm = tk.estimate(tk.ask, panel, "Tea?", answer=PICK, lab=lab).money
        spent = tk.ask(panel, "Tea?", answer=PICK, lab=lab).report.money.spent
    assert warm[1] / warm[0] < 1.3 < cold[1] / cold[0]
    assert warm[0] <= spent <= warm[1]


def test_run_does_not_learn_from_itself_what_it_foretells(open_lab):
    with WireServer() as wire:
        lab = open_lab(model=priced(wire), concurrency=2)
        panel = tk.generate_personas(60, "us-adults-2012", detail="facts", lab=lab)
        told = tk.estimate(tk.ask, panel, "Tea?", answer=PICK, lab=lab).money
        report = tk.ask(panel, "Tea?", answer=PICK, lab=lab).report
    assert report.expected.money == pytest.approx(told, rel=0.02)


def test_providers_share_of_the_schema_is_found_out():
    """One counts the schema as prompt, another does not."""
    for counted in (0.0, 1.0):
        seen = Seen()
        for n, size in enumerate((100, 900, 300, 2000, 500, 100, 700, 1500)):
            body = {"type": "object", "properties": {f"f{k}" * 10: {"type": "boolean"} for k in range(1 + n % 4)}}
            call = make_call(n, messages=(Message("user", ("word " * size,)),), schema=Schema("s", body))
            took = call_size(call, "m", eyes=True)
            usage = Usage(input=round(took.text * 1.1 + counted * took.schema), output=5)
            seen.note(call, took, Reply("{}", "p:m", value={}, usage=usage))
        found = {share for _, share in seen.input_factors()}
        assert counted in found
        assert all(abs(share - counted) <= 0.25 for share in found)


def test_images_follow_what_the_provider_counts():
    call = make_call(1, messages=(Message("user", (Picture(grey(1024, 1024)), "Which?")),))
    cold = forecast([call] * 3)
    assert cold.input[0] < 3 * 85 + 100
    assert cold.input[1] > 3 * 765
    seen = Seen()
    for n in range(ENOUGH):
        reply = Reply("{}", "openai:gpt-4o", value={}, usage=Usage(input=400 + 20, image=400, output=3))
        seen.note(make_call(n, messages=call.messages), call_size(call, "gpt-4o", eyes=True), reply)
    warm = forecast([call] * 3, seen)
    assert 3 * 350 < warm.input[0] < 3 * 420 < warm.input[1] < 3 * 500


def test_reasoning_is_a_range_for_models_that_reason():
    calls = [make_call(1)]
    assert forecast(calls, model="gpt-4o").reasoning == (0, 0)
    assert forecast(calls, model="gpt-5-mini").reasoning[1] > 500
    asked = [make_call(1, sampling=Sampling(reasoning="low"))]
    assert 0 < forecast(asked, model="gpt-5-mini").reasoning[1] < 500
    assert reasons("o4-mini")
    assert not reasons("gpt-5-chat-latest")


def test_reasoning_of_an_effort_not_met_lies_between_those_met():
    seen = Seen()
    for effort, took in (("minimal", 50), ("medium", 100)):
        seen.reasoning[effort] = Running()
        for _ in range(ENOUGH):
            seen.reasoning[effort].add(took)
    low, high = forecast([make_call(1, sampling=Sampling(reasoning="low"))], seen, "gpt-5-mini").reasoning
    assert 30 <= low <= high <= 130


def test_bound_on_output_bounds_the_range():
    body = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5000}}}
    call = make_call(1, schema=Schema("s", body), sampling=Sampling(max_tokens=50))
    assert forecast([call]).output[1] <= 50


def test_nested_and_referring_schemas_have_a_range():
    body = {
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": {"$ref": "#/$defs/pair"}, "minItems": 2, "maxItems": 4},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 30}]},
            "fixed": {"const": "x" * 40},
            "kind": {"type": ["integer", "null"], "minimum": 1, "maximum": 9},
        },
        "$defs": {"pair": {"type": "object", "properties": {"yes": {"type": "boolean"}, "n": {"type": "number"}}}},
    }
    low, high = forecast([make_call(1, schema=Schema("s", body))]).output
    assert 20 < low < high < 200
    endless = {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}}}
    assert forecast([make_call(1, schema=Schema("s", endless))]).output[1] < 500


def test_shared_prefix_lowers_what_it_may_cost_and_not_what_it_may_cost_at_most():
    shared = "The same for everyone. " * 300
    alike = [make_call(n, messages=(Message("user", (f"{shared}{n}",)),)) for n in range(20)]
    apart = [make_call(n, messages=(Message("user", (f"{n}{shared}",)),)) for n in range(20)]
    assert forecast(alike).money[0] < 0.7 * forecast(apart).money[0]
    assert forecast(alike).money[1] == pytest.approx(forecast(apart).money[1], rel=0.01)


def test_sample_foretells_the_whole(open_lab):
    calls = list(make_calls(3000))
    sampling = Forecast(Seen(), "gpt-4o", eyes=True, price=RATES, of=len(calls))
    assert list(sampling.sampled(calls)) == calls
    assert sampling.expected().calls == 64
    whole, sampled = forecast(calls), sampling.expected().scaled(3000)
    assert sampled.input == pytest.approx(whole.input, rel=0.02)
    assert sampled.money == pytest.approx(whole.money, rel=0.05)


def test_nothing_to_ask_is_nothing():
    assert forecast([]).money == (0.0, 0.0)
    assert Expected(0, (0, 0), 0, (0, 0), (0, 0), None).scaled(5).money is None


def test_another_models_answer_teaches_nothing_about_this_one():
    async def ask(layer: WithinBudget) -> None:
        await layer.complete(make_call(1))

    with WireServer() as wire:
        model, experience = priced(wire, "stand-in"), Experience()
        for name in ("openai:wire-model", "openai:stand-in"):
            layer = WithinBudget(model, name, PriceBook([model]), experience)
            bridge().submit(ask(layer)).result(timeout=10)
        bridge().submit(model.close()).result(timeout=10)
    assert experience.of("openai:wire-model").tokens_per_character.n == 0
    assert experience.of("openai:stand-in").tokens_per_character.n == 1


def test_only_live_replies_teach(open_lab):
    with WireServer() as wire:
        lab = open_lab(wire)
        answer(lab, make_calls(3))
        answer(lab, make_calls(3))
    assert lab.engine.experience.of(str(lab.identity)).tokens_per_character.n == 3


def test_hot_path_looks_at_few_replies_once_enough_were_seen():
    seen, call = Seen(), make_call(1)
    assert sum(seen.wanted(call) for _ in range(10_000)) < 600


# --- FACTS, Tokens of an image: every value of the table ---


@pytest.mark.parametrize(
    ("width", "height", "patches"),
    [(1024, 1024, 1024), (1800, 2400, 1452), (2048, 4096, 1458)],
)
@pytest.mark.parametrize(
    ("model", "multiplier"),
    [("gpt-4.1-mini", 1.62), ("gpt-5-mini", 1.62), ("gpt-4.1-nano", 2.46), ("gpt-5-nano", 2.46), ("o4-mini", 1.72)],
)
def test_patch_family(width, height, patches, model, multiplier):
    assert image_tokens(width, height, model) == pytest.approx(patches * multiplier, abs=1)


@pytest.mark.parametrize(
    ("model", "low", "square", "tall"),
    [
        ("gpt-4o", 85, 765, 1105),
        ("gpt-4.1", 85, 765, 1105),
        ("gpt-5", 70, 630, 910),
        ("gpt-4o-mini", 2833, 2833 + 4 * 5667, 2833 + 6 * 5667),
    ],
)
def test_tile_family(model, low, square, tall):
    assert image_tokens(1024, 1024, model, "low") == low
    assert image_tokens(1024, 1024, model, "high") == square
    assert image_tokens(2048, 4096, model, "high") == tall


def test_share_that_is_read_from_the_cache_narrows_the_money_once_it_is_known():
    """Until then nothing is promised: the range spans all of it being read and none."""
    calls = [make_call(n, messages=(Message("user", ("The same beginning. " * 300 + str(n),)),)) for n in range(20)]
    seen = Seen()
    open_range = forecast(calls, seen).money
    for _ in range(ENOUGH):
        seen.cached_share.add(1.0)
    low, high = forecast(calls, seen).money
    assert open_range[0] <= low
    assert high < 0.6 * open_range[1]
