"""Prices: list prices from the library, an adapter's own, and unknown where nobody knows."""

import genai_prices
import orjson
import pytest

from tests.engine.calls import answer, make_call, make_calls
from tests.engine.priced import RATES, Priced, priced
from toolkit.engine import Price, PriceBook, cost_of
from toolkit.engine.cache import decode
from toolkit.engine.prices import price_of
from toolkit.errors import InvalidInput
from toolkit.lab import Lab
from toolkit.memory import REPLIES
from toolkit.models import Identity, Message, Sampling, Usage, open_model
from toolkit.testing import WireServer


def listed(model: str) -> Identity:
    return Identity("openai", model, {"base_url": "default"})


# --- the wire server's counts against hand totals ---


def long_call(number: int):
    """4,800 characters (1,200 tokens), of which the first 4,400 (1,100 tokens) are the same in each call."""
    text = ("In this study you answer as one particular person. " * 100)[:4400] + f"Person {number}: ".ljust(400, "x")
    return make_call(number, messages=(Message("user", (text,)),), sampling=Sampling(reasoning="low"))


def test_cost_on_the_wire_equals_the_hand_total_to_the_cent(open_lab):
    """S1-17, S1-20: cached, cache-write and reasoning tokens priced apart.

    By hand, USD a million tokens: input 2, cached 0.50, cache write 2.50, output 8. Each reply is 18 or 17 characters,
    so 5 tokens, and 16 of reasoning: 21 x 8 = 168. First call 1,200 x 2.50 + 168 = 3,168. Each further one reads 1,024
    from the cache (1,100 in steps of 128) and writes 176: 512 + 440 + 168 = 1,120. Three calls: 5,408 millionths.
    """
    with WireServer() as wire:
        lab = open_lab(model=priced(wire), concurrency=1)
        assert all(outcome.ok for outcome in answer(lab, [long_call(n) for n in range(3)]))
        rows = list(lab.ledger.rows())
    assert [row.input for row in rows] == [1200, 1200, 1200]
    assert [row.cached_input for row in rows] == [0, 1024, 1024]
    assert [row.cache_write for row in rows] == [1200, 176, 176]
    assert [row.reasoning for row in rows] == [16, 16, 16]
    assert [row.cost for row in rows] == [0.003168, 0.00112, 0.00112]
    assert lab.ledger.money().spent == pytest.approx(0.005408, abs=1e-12)
    assert lab.ledger.frame()["cost"].sum() == pytest.approx(0.005408, abs=1e-12)
    assert all(row.price_version.startswith("openai's own 2") for row in rows)


def test_what_memory_answers_costs_nothing_today_and_keeps_what_it_had_cost(open_lab):
    """S0-15"""
    with WireServer() as wire:
        lab = open_lab(model=priced(wire))
        answer(lab, make_calls(4))
        spent = lab.ledger.money().spent
        answer(lab, make_calls(4))
        money = lab.ledger.money()
    assert spent > 0
    assert money.spent == spent
    assert money.saved == pytest.approx(spent)
    frame = lab.ledger.frame()
    assert frame["cost"].tolist()[4:] == [0.0] * 4
    assert sum(frame["recorded_cost"][4:]) == pytest.approx(sum(frame["cost"][:4]))


def test_refused_reply_is_paid_and_a_refused_request_is_not(open_lab):
    with WireServer(script=["malformed", "bad_schema"]) as wire:
        lab = open_lab(model=priced(wire), concurrency=1, tries=1)
        answer(lab, make_calls(2))
        paid, refused = lab.ledger.rows()
    assert paid.status == refused.status == "failed"
    assert paid.cost == RATES.of(Usage(input=paid.input, output=paid.output))
    assert refused.cost == 0.0


def test_try_that_may_be_billed_unseen_is_counted_and_its_cost_unknown(open_lab):
    with WireServer(script=["hang"]) as wire:
        lab = open_lab(model=priced(wire), concurrency=1, tries=1, timeout=0.2)
        answer(lab, make_calls(1))
        row = next(lab.ledger.rows())
    assert (row.kind, row.unseen, row.cost) == ("timeout", 1, None)
    assert lab.ledger.money().unseen == 1
    assert "1 tries may be billed" in str(lab.report())


def test_unseen_try_is_counted_beside_the_reply_that_a_retry_brought(open_lab):
    with WireServer(script=["hang", "ok"]) as wire:
        lab = open_lab(model=priced(wire), concurrency=1, tries=3, timeout=0.3)
        assert answer(lab, make_calls(1))[0].ok
        row = next(lab.ledger.rows())
    assert (row.tries, row.unseen) == (2, 1)
    assert row.cost > 0


# --- unknown, free, own ---


def test_unknown_price_is_unknown_and_never_zero(open_lab):
    """S1-17"""
    with WireServer() as wire:
        lab = open_lab(wire)
        answer(lab, make_calls(3))
    frame = lab.ledger.frame()
    assert frame["cost"].isna().all()
    assert lab.ledger.money().unpriced == 3
    assert lab.report().cost == "unknown"
    assert "cost unknown" in str(lab.report())
    assert lab.report().frame["cost_usd"].isna().all()


@pytest.mark.parametrize("provider", ["embedded", "scripted"])
def test_models_that_nobody_pays_cost_nothing(provider):
    assert cost_of(Identity(provider, "any"), Usage(input=1000, output=1000)).usd == 0.0


def test_sample_replies_have_no_cost_at_all():
    assert cost_of(Identity("authored", "any"), Usage(input=1000)) is None


def test_scripted_study_reports_no_money(open_lab):
    lab = open_lab(model="scripted")
    answer(lab, make_calls(2))
    assert lab.ledger.frame()["cost"].tolist() == [0.0, 0.0]
    assert lab.report().cost == ""


def test_provider_that_counts_nothing_has_an_unknown_cost():
    class Book(PriceBook):
        def _find(self, name, at):
            return RATES

    assert Book().cost("any:model", Usage()) is None
    assert Book().cost("any:model", Usage(input=1)).usd == 2e-6


def test_own_price_that_is_no_price_is_refused():
    class Odd(Priced):
        def price(self, usage):
            return -1.0

    book = PriceBook([Odd(open_model("scripted"))])
    with pytest.raises(InvalidInput, match=r"own price says -1\.0"):
        book.cost("scripted:default", Usage(input=1))


def test_own_price_may_be_unknown():
    class Unsure(Priced):
        def price(self, usage):
            return None

    assert PriceBook([Unsure(open_model("scripted"))]).cost("scripted:default", Usage(input=1)) is None


def test_price_as_of_an_unknown_model_is_refused(tmp_path):
    from toolkit.lab import Lab

    with pytest.raises(InvalidInput, match="price_as='openai:no-such-model' has no known price"):
        Lab("scripted", study=tmp_path / "s", price_as="openai:no-such-model")


def test_parts_are_priced_apart():
    rates = Price("t", input=1, cached=2, cache_write=3, image=5, output=7, reasoning=11, request=13)
    usage = Usage(input=100, cached=10, cache_write=20, image=30, output=50, reasoning=15)
    assert rates.of(usage) == 13 + 70 + 20 + 60 + 30 * 4 + 35 * 7 + 15 * 11


def test_price_above_its_linear_part_asks_the_rule():
    price = Price("t", input=1.0, linear_to=100, rule=lambda usage: 42.0)
    assert price.of(Usage(input=100)) == 100.0
    assert price.of(Usage(input=101)) == 42.0


# --- the library ---


def test_list_prices_of_well_known_models():
    """USD a million tokens as published: gpt-4o 2.50, 1.25 cached, 10; gpt-4.1-mini 0.40, 0.10, 1.60."""
    usage = Usage(input=1000, cached=400, output=100, reasoning=40)
    assert cost_of(listed("gpt-4o"), usage).usd == pytest.approx((600 * 2.5 + 400 * 1.25 + 100 * 10) / 1e6)
    assert cost_of(listed("gpt-4.1-mini"), usage).usd == pytest.approx((600 * 0.4 + 400 * 0.1 + 100 * 1.6) / 1e6)
    assert cost_of(listed("gpt-4o"), usage).version.startswith("genai-prices ")


def test_rates_say_what_the_library_says():
    for model in ("gpt-4o", "gpt-4.1-mini", "gpt-5-mini", "gpt-5", "o4-mini"):
        for size in (10, 999, 80_000, 200_001, 500_000):
            usage = Usage(input=size, cached=size // 3, output=size // 7, reasoning=size // 20)
            counts = genai_prices.Usage(input_tokens=size, cache_read_tokens=size // 3, output_tokens=size // 7)
            told = genai_prices.calc_price(counts, model_ref=model, provider_id="openai").total_price
            assert cost_of(listed(model), usage).usd == pytest.approx(float(told), rel=1e-9), (model, size)


def test_dated_version_of_a_model_costs_what_the_model_costs():
    book = PriceBook([open_model("openai:gpt-4o", api_key="k", base_url="https://api.openai.com/v1")])
    usage = Usage(input=1000, output=10)
    assert book.cost("openai:gpt-4o-2024-08-06", usage).usd == book.cost("openai:gpt-4o", usage).usd


def test_model_at_an_endpoint_nobody_knows_has_no_price():
    assert price_of(Identity("openai", "gpt-4o", {"base_url": "http://127.0.0.1/v1"})) is None


def test_price_as_prices_a_gateway(open_lab):
    with WireServer() as wire:
        lab = open_lab(wire, price_as="openai:gpt-4o")
        answer(lab, make_calls(1))
    row = next(lab.ledger.rows())
    assert row.cost == pytest.approx((row.input * 2.5 + row.output * 10) / 1e6)


def unpriced(wire, name: str):
    """Return a model whose name nobody lists, on a server of this machine."""
    return open_model(f"openai:{name}", base_url=wire.url, api_key=wire.key)


def test_price_as_prices_fallbacks_that_have_no_price_of_their_own(open_lab):
    with WireServer(faults={"unavailable": 1.0}) as down, WireServer() as wire:
        lab = open_lab(
            down,
            price_as="openai:gpt-4o",
            fallbacks=["scripted"],
            tries=1,
        )
        assert lab.ledger.prices.price("openai:wire-model").output == pytest.approx(10e-6)
        assert lab.ledger.prices.price("scripted:default").output == 0.0
        book = PriceBook([unpriced(wire, "a"), unpriced(wire, "b"), listed_model("gpt-4.1")], price_as="openai:gpt-4o")
    assert book.price("openai:b").output == pytest.approx(10e-6)
    assert book.price("openai:gpt-4.1").output == pytest.approx(8e-6)


def listed_model(name: str):
    return open_model(f"openai:{name}", api_key="k", base_url="https://api.openai.com/v1")


def test_price_as_by_model_prices_those_it_lists_and_no_others():
    with WireServer() as wire:
        models = [unpriced(wire, "a"), unpriced(wire, "b"), unpriced(wire, "c")]
        book = PriceBook(models, price_as={"openai:a": "openai:gpt-4o", "openai:b": "openai:gpt-4.1"})
    assert book.price("openai:a").output == pytest.approx(10e-6)
    assert book.price("openai:b").output == pytest.approx(8e-6)
    assert book.price("openai:c") is None


def test_further_model_of_a_lab_is_priced_like_a_fallback():
    with WireServer() as wire:
        book = PriceBook([unpriced(wire, "a")], price_as="openai:gpt-4o")
        book.add(unpriced(wire, "b"))
    assert book.price("openai:b").output == pytest.approx(10e-6)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"openai:a": "openai:nobody"}, r"price_as of openai:a is 'openai:nobody', which has no known price\. Write"),
        ({"bench": "openai:gpt-4o"}, r"price_as prices 'bench', which is no model\. Write \"provider:model\""),
        ("nobody", r"price_as='nobody' has no known price"),
        ({"openai:a": 5}, r"price_as"),
    ],
)
def test_price_as_that_prices_nothing_is_one_clear_line(open_lab, given, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        open_lab(model="scripted", price_as=given)
    assert "\n" not in str(caught.value)


def test_live_replies_know_what_they_cost_and_by_whose_price(open_lab):
    with WireServer(script=["ok", "malformed", "ok"]) as wire:
        lab = open_lab(model=priced(wire), concurrency=1)
        outcomes = answer(lab, make_calls(3))
        rows = {row.item: row for row in lab.ledger.rows()}
    replies = [outcome.reply or outcome.error.reply for outcome in outcomes]
    assert [outcome.ok for outcome in outcomes].count(False) == 1  # it was paid all the same
    for outcome, reply in zip(outcomes, replies, strict=True):
        row = rows[outcome.item]
        assert (reply.cost, reply.price_version) == (row.cost, row.price_version)
        assert reply.cost > 0


def test_reply_that_nobody_bills_or_prices_says_nothing_of_cost(open_lab):
    with WireServer() as wire:
        for lab in (open_lab(model="scripted"), open_lab(wire, study=None)):
            (outcome,) = answer(lab, make_calls(1))
            assert (outcome.reply.cost, outcome.reply.price_version) == (None, "")


def test_price_is_looked_up_once():
    book = PriceBook([open_model("openai:gpt-4o", api_key="k", base_url="https://api.openai.com/v1")])
    assert book.price("openai:gpt-4o") is book.price("openai:gpt-4o")


def test_long_prompts_of_a_tiered_model_cost_what_the_library_says():
    price = price_of(listed("gpt-5.4"))
    for size in (200_000, 271_000, 273_000, 600_000):
        counts = genai_prices.Usage(input_tokens=size, output_tokens=100)
        told = genai_prices.calc_price(counts, model_ref="gpt-5.4", provider_id="openai").total_price
        assert price.of(Usage(input=size, output=100)) == pytest.approx(float(told), rel=1e-9)
    assert price.of(Usage(input=600_000)) > 2 * price.of(Usage(input=250_000)) * 600 / 500


@pytest.mark.parametrize("tier", ["batch", "flex"])
def test_batch_and_flex_are_priced_apart(tier):
    """As published: half the usual price."""
    usage = Usage(input=1000, output=100)
    assert cost_of(listed("gpt-5"), usage, tier=tier).usd == pytest.approx(cost_of(listed("gpt-5"), usage).usd / 2)


def test_remembered_reply_keeps_the_cost_and_price_of_its_time(open_lab, tmp_path):
    """A later price list changes nothing of what was paid."""
    with WireServer(script=["ok", "malformed", "ok"]) as wire:
        first = open_lab(model=priced(wire), concurrency=1)
        answer(first, make_calls(3))
        paid = {row.item: (row.recorded_cost, row.price_version) for row in first.ledger.rows()}
        capsule = first.freeze(tmp_path / "ads.capsule")
        first.close()
        dearer = Price("later", input=2e-3, output=8e-3)
        again = open_lab(model=priced(wire, rates=dearer))
        for lab in (again, Lab(capsule=capsule)):
            answer(lab, make_calls(3))
            assert {row.item: (row.recorded_cost, row.price_version) for row in lab.ledger.rows()} == paid
            assert lab.ledger.money().spent == 0.0
            lab.close()


def test_reply_of_before_has_its_price_looked_up(open_lab):
    """Capsules and memories without the cost of the time stay readable."""
    with WireServer() as wire:
        lab = open_lab(model=priced(wire))
        answer(lab, make_calls(1))
        (row,) = lab.ledger.rows()
        entry = lab._store.get(REPLIES, row.key)
        bare = {name: value for name, value in orjson.loads(entry.body).items() if name != "price"}
        reply = decode(orjson.dumps(bare), make_call(0))
    assert (reply.cost, reply.price_version) == (None, "")
    assert lab.ledger.prices.cost(reply.model, reply.usage, reply.started).usd == row.cost
