"""Budgets: how they are written, and that they hold with many calls in flight."""

import asyncio

import pytest

import toolkit as tk
from tests.engine.calls import answer, make_call, make_calls
from tests.engine.priced import RATES, priced
from toolkit.bridge import bridge
from toolkit.engine import Account, Budget, PriceBook, Run, run_calls
from toolkit.engine.experience import Experience
from toolkit.engine.within_budget import WithinBudget
from toolkit.errors import BudgetReached, Incomplete, InvalidInput
from toolkit.models import Usage
from toolkit.testing import WireServer

COLA = tk.Choice(["plain", "bold"], why=True)


def run_with(budget: str, *, soft: bool = False) -> Run:
    run = Run("test")
    run.account = Account(Budget(budget, soft=soft))
    return run


# --- how a budget is written ---


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("2 USD", 2.0, "USD"),
        ("$2", 2.0, "USD"),
        ("$0.50", 0.5, "USD"),
        (".5 usd", 0.5, "USD"),
        ("2.50 dollars", 2.5, "USD"),
        ("50_000 tokens", 50_000.0, "tokens"),
        ("50,000 tokens", 50_000.0, "tokens"),
        ("100 requests", 100.0, "requests"),
        ("1 request", 1.0, "requests"),
    ],
)
def test_budgets_are_read_as_people_write_them(text, amount, unit):
    assert (Budget(text).amount, Budget(text).unit) == (amount, unit)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("2", "'2' has no unit"),
        (2, "2 has no unit"),
        (0.5, "0.5 has no unit"),
        ("two dollars", "'two dollars' is no amount"),
        ("", "'' is no amount"),
        ("-1 USD", "'-1 USD' is no amount"),
        ("1,5 USD", "'1,5 USD' is no amount"),
        ("inf USD", "'inf USD' is no amount"),
        ("2 EUR", "'EUR', which is no unit"),
        ("$5 tokens", "'tokens', which is no unit"),
        ("0 USD", "'0 USD' allows nothing"),
        ("_ USD", "'_ USD' allows nothing"),
        ("1.5 requests", "no whole number of requests"),
    ],
)
def test_budget_that_is_none_is_one_clear_line(given, says, tmp_path):
    """Bad input: a budget without a unit."""
    with pytest.raises(InvalidInput) as caught:
        tk.Lab("scripted", study=tmp_path / "s", budget=given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert 'Write "2 USD"' in str(caught.value) or "more than 0" in str(caught.value)


def test_lab_takes_its_budget_from_the_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_BUDGET", "70 requests")
    with tk.Lab("scripted", study=tmp_path / "s") as lab:
        assert str(lab.accounts[0]) == "0 of 70 requests"
        lab.close()


# --- that it holds ---


@pytest.mark.parametrize("at_once", [1, 64])
def test_money_is_not_overshot_by_many_in_flight(open_lab, at_once):
    """S1-18, S2-04: ≤ 10 % over, and what is there is used."""
    with WireServer(latency=(0.002, 0.02)) as wire:
        lab = open_lab(model=priced(wire), concurrency=at_once, mode="off")
        one = answer(lab, [make_call(9999)]) and lab.ledger.money().spent
        run = run_with(f"{one * 80:.6f} USD")
        outcomes = answer(lab, make_calls(400), run)
        spent = lab.ledger.money(run.id).spent
    limit = run.account.budget.amount
    assert limit * 0.85 <= spent <= limit * 1.1
    assert run.account.spent == pytest.approx(spent)
    assert run.account.held == pytest.approx(0, abs=1e-9)
    done = sum(outcome.ok for outcome in outcomes)
    assert {outcome.kind for outcome in outcomes} == {"", "budget"}
    assert done == run.done == wire.requests.total - 1


def test_cold_start_with_long_replies_does_not_overshoot(open_lab):
    """Nothing is known of the model yet, and 64 calls want to start at once."""
    texts = tk.Text(2000).schema
    with WireServer(latency=0.01) as wire:
        lab = open_lab(model=priced(wire), concurrency=64)
        run = run_with("0.004 USD")
        answer(lab, [make_call(n, schema=texts) for n in range(200)], run)
        spent = lab.ledger.money(run.id).spent
    assert 0.0034 <= spent <= 0.0044


def test_tokens_are_capped(open_lab):
    with WireServer(latency=0.005) as wire:
        lab = open_lab(wire, concurrency=32)
        run = run_with("3_000 tokens")
        answer(lab, make_calls(500), run)
        used = lab.ledger.usage(run.id)[0]
    assert 2600 <= used.input + used.output <= 3300


def test_requests_are_capped_tries_included(open_lab, monkeypatch):
    """A further try is a request too; it is not sent once the last request is spent."""
    monkeypatch.setenv("TOOLKIT_RETRY_WAIT_MAX", "0.01")
    with WireServer(latency=0.002, faults={"server_error": 0.3}, seed=5) as wire:
        lab = open_lab(wire, concurrency=32, tries=20)
        run = run_with("100 requests")
        outcomes = answer(lab, make_calls(300), run)
        assert wire.requests.total <= 100
        assert run.account.spent == wire.requests.total
        assert sum(outcome.ok for outcome in outcomes) >= 40


def test_replies_that_memory_gives_are_free(open_lab):
    with WireServer() as wire:
        lab = open_lab(wire)
        answer(lab, make_calls(30))
        run = run_with("5 requests")
        outcomes = answer(lab, [make_call(n) for n in (*range(100, 110), *range(30))], run)
    assert [outcome.kind for outcome in outcomes].count("budget") == 5
    assert all(outcome.ok for outcome in outcomes[10:])


def test_thousands_of_calls_are_left_without_thousands_of_exceptions(open_lab):
    lab = open_lab(model="scripted", concurrency=8)
    run = run_with("10 requests")
    outcomes = answer(lab, make_calls(5000), run)
    assert [outcome.kind for outcome in outcomes].count("budget") == 4990
    assert run.account.refused <= 8
    assert len(lab.ledger) == 10


def test_in_flight_calls_finish_when_the_budget_is_reached(open_lab):
    with WireServer(latency=0.1) as wire:
        lab = open_lab(wire, concurrency=10)
        run = run_with("10 requests")
        outcomes = answer(lab, make_calls(40), run)
    assert sum(outcome.ok for outcome in outcomes) == 10
    assert not lab.ledger.frame()["status"].eq("cancelled").any()


def test_tries_that_may_be_billed_unseen_count(open_lab):
    with WireServer(script=["hang"] * 3) as wire:
        lab = open_lab(model=priced(wire), tries=1, timeout=0.15, concurrency=1)
        run = run_with("1 USD")
        answer(lab, make_calls(3), run)
    assert lab.ledger.money().unseen == 3
    assert run.account.spent > 0


def test_refused_replies_are_counted_as_spent(open_lab):
    with WireServer(script=["malformed"] * 3) as wire:
        lab = open_lab(model=priced(wire), concurrency=1)
        run = run_with("1 USD")
        answer(lab, make_calls(3), run)
    assert run.account.spent == pytest.approx(lab.ledger.money().spent)
    assert run.account.spent > 0


def test_lab_and_run_budget_both_hold(open_lab):
    lab = open_lab(model="scripted", budget="25 requests", concurrency=4)
    first, second = run_with("10 requests"), run_with("100 requests")
    assert sum(one.ok for one in answer(lab, make_calls(50), first)) == 10
    rest = answer(lab, (make_call(n) for n in range(100, 150)), second)
    assert sum(one.ok for one in rest) == 15
    assert "this lab" in second.limit_reached
    assert lab.accounts[0].spent == 25


def test_soft_budget_warns_once_and_goes_on(open_lab, caplog):
    """S1-19"""
    heard = []
    lab = open_lab(model="scripted")
    lab.events.subscribe(heard.append, "budget.")
    run = run_with("5 requests", soft=True)
    assert all(one.ok for one in answer(lab, make_calls(50), run))
    assert [event.kind for event in heard] == ["budget.warned"]
    assert heard[0].data["limit"] == 5.0
    assert sum("soft budget" in record.message for record in caplog.records) == 1
    assert "soft budget" in run.account.note()


def test_hard_budget_tells_the_event_stream_once(open_lab):
    heard = []
    lab = open_lab(model="scripted", concurrency=16)
    lab.events.subscribe(heard.append, "budget.")
    answer(lab, make_calls(50), run_with("5 requests"))
    assert [(event.kind, event.data["unit"], event.data["spent"]) for event in heard] == [
        ("budget.reached", "requests", 5.0)
    ]


def test_stop_gives_back_what_was_held(open_lab):
    with WireServer(latency=0.3) as wire:
        lab = open_lab(wire, concurrency=8)
        run = run_with("4 requests")
        future = bridge().submit(run_calls(lab.engine, make_calls(40), run))
        while wire.requests.total < 4:
            pass
        bridge().call(run.stop)
        future.result(timeout=5)
    assert run.account.held == 0
    assert run.account.spent == 4
    assert not run.account._waiting


# --- the account itself ---


def test_those_who_wait_are_let_through_in_order():
    async def story():
        account = Account(Budget("100 tokens"))
        held = await account.hold(lambda: (50, 90))
        order = []

        async def want(name):
            mine = await account.hold(lambda: (20, 60))
            order.append(name)
            await asyncio.sleep(0)
            account.settle(mine, 10)

        waiting = [asyncio.create_task(want(name)) for name in "abc"]
        await asyncio.sleep(0)
        account.settle(held, 40)
        await asyncio.gather(*waiting)
        return order, account

    order, account = asyncio.run(story())
    assert order == ["a", "b", "c"]
    assert (account.spent, account.held) == (70, 0)


def test_cancelled_waiter_leaves_its_place_to_the_next():
    async def story():
        account = Account(Budget("100 tokens"))
        held = await account.hold(lambda: (80, 100))
        first = asyncio.create_task(account.hold(lambda: (5, 50)))
        second = asyncio.create_task(account.hold(lambda: (5, 50)))
        await asyncio.sleep(0)
        account.settle(held, 10)  # both are let through in the same moment; the first is cancelled at once
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert await second > 0
        return account

    account = asyncio.run(story())
    assert account.held <= 50


def test_waiters_hear_at_once_when_nothing_is_left():
    async def story():
        account = Account(Budget("100 tokens"))
        held = await account.hold(lambda: (80, 100))
        waiters = [asyncio.create_task(account.hold(lambda: (20, 50))) for _ in range(3)]
        await asyncio.sleep(0)
        account.settle(held, 100)
        return await asyncio.gather(*waiters, return_exceptions=True)

    assert all(isinstance(one, BudgetReached) for one in asyncio.run(story()))


# --- money that cannot be counted ---


def test_money_budget_for_an_unknown_price_is_refused_before_anything_is_billed(open_lab):
    with WireServer() as wire:
        with pytest.raises(InvalidInput, match="price of openai:wire-model is unknown"):
            open_lab(wire, budget="2 USD")
        lab = open_lab(wire)
        panel = tk.generate_personas(3, "us-adults-2012", detail="facts", lab=lab)
        with pytest.raises(InvalidInput, match=r"unknown, so a budget of 2\.00 USD cannot be kept"):
            tk.ask(panel, "Tea?", answer=COLA, budget="2 USD", lab=lab)
        assert wire.requests.total == 0


def test_money_budget_is_fine_where_nobody_is_paid_or_nothing_is_called(open_lab):
    lab = open_lab(model="scripted", budget="1 USD")
    assert all(one.ok for one in answer(lab, make_calls(5)))
    with WireServer() as wire:
        answer(open_lab(wire), make_calls(2))
        replay = open_lab(wire, mode="replay", budget="1 USD")
        assert all(one.ok for one in answer(replay, make_calls(2)))


def test_layer_without_budgets_is_only_a_hop(open_lab):
    async def ask_through():
        lab_model = priced_model
        layer = WithinBudget(lab_model, str(lab_model.identity), PriceBook([lab_model]), Experience())
        return await layer.complete(make_call(1))

    with WireServer() as wire:
        priced_model = priced(wire)
        assert bridge().submit(ask_through()).result(timeout=10).usage.output > 0
        bridge().submit(priced_model.close()).result(timeout=10)


# --- through the verbs ---


def test_ask_with_a_reached_budget_is_incomplete_and_says_so(open_lab):
    """S1-18: results kept, structured."""
    lab = open_lab(model="scripted", concurrency=4)
    panel = tk.generate_personas(20, "us-adults-2012", detail="facts", lab=lab)
    answers = tk.ask(panel, "Tea or coffee?", answer=COLA, budget="8 requests", lab=lab)
    assert not answers.complete
    assert len(answers.errors) == 12
    assert set(answers.errors["kind"]) == {"budget"}
    assert answers.report.budgets == ("8 of 8 requests for this run",)
    assert "budget for this run was reached" in repr(answers)
    again = tk.ask(panel, "Tea or coffee?", answer=COLA, budget="12 requests", lab=lab)
    assert again.complete
    assert again.report.cached == 8


def test_strict_raises_what_is_an_incomplete_with_the_result(open_lab):
    lab = open_lab(model="scripted")
    panel = tk.generate_personas(20, "us-adults-2012", detail="facts", lab=lab)
    with pytest.raises(BudgetReached, match="8 of 20 are done") as caught:
        tk.ask(panel, "Tea?", answer=COLA, budget="8 requests", strict=True, lab=lab)
    assert isinstance(caught.value, Incomplete)
    assert caught.value.result.report.live == 8
    assert lab.last is caught.value.result


def test_panel_that_a_budget_left_incomplete_is_refused_by_ask(open_lab):
    lab = open_lab(model="scripted")
    panel = tk.generate_personas(10, "us-adults-2012", detail="brief", budget="4 requests", lab=lab)
    assert (len(panel), panel.complete) == (4, False)
    with pytest.raises(Incomplete, match="4 personas are there, 6 are not"):
        tk.ask(panel, "Tea?", answer=COLA, lab=lab)


def test_estimate_and_preview_spend_nothing_of_a_budget(open_lab):
    lab = open_lab(model="scripted", budget="3 requests")
    panel = tk.generate_personas(3, "us-adults-2012", detail="facts", lab=lab)
    tk.estimate(tk.ask, panel, "Tea?", answer=COLA, lab=lab)
    tk.preview(tk.ask, panel, "Tea?", answer=COLA, lab=lab)
    assert lab.accounts[0].spent == 0


def test_progress_shows_what_was_spent_of_what():
    from toolkit.display import progress_text

    run = run_with("2 USD")
    run.account.spent = 0.41
    assert "0.41 of 2.00 USD" in progress_text(run)


def test_costs_are_what_the_ledger_says(open_lab):
    with WireServer() as wire:
        lab = open_lab(model=priced(wire))
        run = run_with("1 USD")
        answer(lab, make_calls(10), run)
        rows = list(lab.ledger.rows(run.id))
    by_hand = sum(RATES.of(Usage(input=row.input, output=row.output)) for row in rows)
    assert run.account.spent == pytest.approx(by_hand)
