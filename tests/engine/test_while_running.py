"""What may be changed while calls are on their way: how many at once, whether any are sent, and the budget."""

import asyncio

import pytest

from toolkit.engine import Account, Budget
from toolkit.engine.inflight import InFlight
from toolkit.engine.limit import Limit
from toolkit.engine.slots import AtWork
from toolkit.errors import BudgetReached, InvalidInput
from toolkit.models import Call, Message, Reply, open_model

CALL = Call((Message("user", ("Tea?",)),))


class Held:
    """Answers when it is let."""

    def __init__(self):
        self.let = asyncio.Event()
        self.began = 0

    async def complete(self, call):
        self.began += 1
        await self.let.wait()
        return Reply("yes", model="scripted:default")


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def test_fewer_at_once_holds_for_the_next_calls():
    async def go():
        inner = Held()
        limit = Limit(inner, open_model("scripted"), most=4)
        tasks = [asyncio.create_task(limit.complete(CALL)) for _ in range(8)]
        await settle()
        assert inner.began == 4
        limit.resize(1)
        inner.let.set()
        await asyncio.gather(*tasks)
        return limit

    limit = asyncio.run(go())
    assert limit.most_in_flight == 1
    assert (limit.in_flight, limit.waiting) == (0, 0)


def test_more_at_once_lets_those_in_line_pass_at_once():
    async def go():
        inner = Held()
        limit = Limit(inner, open_model("scripted"), most=2)
        tasks = [asyncio.create_task(limit.complete(CALL)) for _ in range(8)]
        await settle()
        limit.resize(6)
        await settle()
        began = inner.began
        inner.let.set()
        await asyncio.gather(*tasks)
        return began

    assert asyncio.run(go()) == 6


def test_held_calls_stand_in_line_and_can_be_cancelled():
    async def go():
        inner = Held()
        inner.let.set()
        limit = Limit(inner, open_model("scripted"), most=2)
        limit.hold()
        tasks = [asyncio.create_task(limit.complete(CALL)) for _ in range(3)]
        await settle()
        assert (inner.began, limit.waiting) == (0, 3)
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)
        assert limit.waiting == 2
        limit.let_go()
        await asyncio.gather(*tasks[1:])
        return inner.began, limit.waiting, limit.in_flight

    assert asyncio.run(go()) == (2, 0, 0)


def test_number_that_allows_nothing_is_refused():
    with pytest.raises(InvalidInput, match="most in flight is 0"):
        InFlight(most=4).resize(0)


def test_a_lower_ceiling_cuts_and_a_higher_one_grows_again():
    slots = InFlight(most=64, start=64)
    slots.resize(8)
    assert slots.most == 8
    slots.resize(32)
    assert slots.most == 32


def test_runs_are_told_of_more_until_they_end():
    bound, seen = AtWork(4), []
    forget = bound.watch(seen.append)
    bound.resize(8)
    forget()
    bound.resize(16)
    assert (seen, bound.most) == ([8], 16)


def test_a_larger_budget_lets_those_who_wait_pass():
    async def go():
        account = Account(Budget("10 requests"))
        first = await account.hold(lambda: (1.0, 9.0))
        waiting = asyncio.create_task(account.hold(lambda: (1.0, 9.0)))
        await settle()
        assert not waiting.done()
        account.change(Budget("30 requests"))
        second = await waiting
        account.settle(first, 1.0)
        account.settle(second, 1.0)
        return account

    account = asyncio.run(go())
    assert (account.spent, account.held) == (2.0, 0.0)


def test_a_smaller_budget_refuses_those_who_wait():
    async def go():
        account = Account(Budget("10 requests"))
        await account.hold(lambda: (1.0, 9.0))
        waiting = asyncio.create_task(account.hold(lambda: (2.0, 9.0)))
        await settle()
        account.change(Budget("1 request"))
        with pytest.raises(BudgetReached):
            await waiting

    asyncio.run(go())


def test_a_budget_keeps_its_unit():
    with pytest.raises(InvalidInput, match="cannot become"):
        Account(Budget("10 requests")).change(Budget("10 tokens"))
