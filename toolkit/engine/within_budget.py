"""The layer that keeps budgets: it holds what a call may take before it is sent, and settles what it took."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from toolkit.engine.budget import Account, Budget
from toolkit.engine.estimate import Forecast
from toolkit.engine.experience import Experience
from toolkit.engine.prices import NOBODY, PriceBook
from toolkit.engine.run import current_run
from toolkit.engine.tries import Tries, current_tries
from toolkit.errors import BudgetReached, CallError, InvalidInput
from toolkit.events import EventStream
from toolkit.models import Call, Reply, Responder, Usage

__all__ = ["WithinBudget", "check_budget"]

Amounts = dict[str, float]
"""An amount for each unit; without ``USD`` where the price is unknown."""

_log = logging.getLogger("toolkit.engine")


class WithinBudget:
    """The layer that starts no call that the budgets cannot bear. It stands inside Cache: what is remembered is free.

    Args:
        inner: The responder around which this stands.
        name: ``provider:model`` that is asked.
        prices: What answers cost.
        experience: What the model has shown; expectations follow it.
        eyes: Whether the model takes images.
        accounts: Budgets of the whole lab; a run's own is found at the run.
        events: Told ``budget.reached`` and ``budget.warned``, each once an account.
    """

    def __init__(
        self,
        inner: Responder,
        name: str,
        prices: PriceBook,
        experience: Experience,
        *,
        eyes: bool = True,
        accounts: Sequence[Account] = (),
        events: EventStream | None = None,
    ) -> None:
        self._inner = inner
        self._name = name
        self._prices = prices
        self._experience = experience
        self._eyes = eyes
        self._accounts = tuple(accounts)
        self._events = events or EventStream()

    async def complete(self, call: Call) -> Reply:
        """Answer within the budgets.

        Raises:
            BudgetReached: A hard budget has no room for this call; it was not sent.
        """
        run = current_run.get()
        accounts = self._accounts
        if run is not None and run.account is not None:
            accounts = (*accounts, run.account)
        reply = await (self._within(call, accounts) if accounts else self._inner.complete(call))
        if reply.model.startswith(self._name):  # a fallback's answer teaches nothing about this model
            self._experience.note(self._name, call, reply, eyes=self._eyes)
        return reply

    async def _within(self, call: Call, accounts: Sequence[Account]) -> Reply:
        tries = current_tries.get()
        if tries is not None:
            return await self._counted(call, accounts, tries)
        tries = Tries()
        token = current_tries.set(tries)
        try:
            return await self._counted(call, accounts, tries)
        finally:
            current_tries.reset(token)

    async def _counted(self, call: Call, accounts: Sequence[Account], tries: Tries) -> Reply:
        first = self._expected(call)
        likely, _ = first
        held: list[list[Any]] = []
        try:
            for account in accounts:
                held.append([account, await self._held(account, call, first)])  # noqa: PERF401  # given back one by one
            for entry in held:
                if entry[0].budget.unit == "requests":
                    tries.before_another.append(_another(entry))
        except BaseException:
            for account, amount in held:
                account.settle(amount, 0.0)
            raise
        spent: Amounts = {}
        try:
            reply = await self._inner.complete(call)
            spent = self._took(reply, likely)
        except CallError as error:
            spent = self._took(error.reply, likely) if error.reply is not None else {}
            raise
        finally:
            for unit, amount in likely.items():
                spent[unit] = spent.get(unit, 0.0) + tries.unseen * amount
            spent["requests"] = float(tries.sent)
            self._settle(held, spent)
        return reply

    async def _held(self, account: Account, call: Call, told: tuple[Amounts, Amounts]) -> float:
        unit = account.budget.unit
        if unit not in told[0]:
            raise _unpriced(account.budget, self._name)
        first = not account.refused
        asked = iter([told])

        def expect() -> tuple[float, float]:
            likely, most = next(asked, None) or self._expected(call)
            return likely[unit], most[unit]

        try:
            return await account.hold(expect)
        except BudgetReached:
            if first:
                self._tell("budget.reached", account)
            raise

    def _settle(self, held: list[list[Any]], spent: Amounts) -> None:
        for account, amount in held:
            account.settle(amount, spent.get(account.budget.unit, 0.0))
            if account.budget.soft and account.over and not account.warned:
                account.warned = True
                _log.warning("%s", account.note())
                self._tell("budget.warned", account)

    def _tell(self, kind: str, account: Account) -> None:
        budget = account.budget
        self._events.emit(
            kind, budget=str(budget), scope=account.scope, unit=budget.unit, spent=account.spent, limit=budget.amount
        )

    def _expected(self, call: Call) -> tuple[Amounts, Amounts]:
        """Return what a call will likely take and what it will hardly exceed, by unit."""
        price = self._prices.price(self._name)
        seen = self._experience.of(self._name)
        forecast = Forecast(seen, self._name.partition(":")[2], eyes=self._eyes, price=price, of=1)
        forecast.add(call)
        told = forecast.expected()
        low, high = told.input[0] + told.output[0], told.input[1] + told.output[1]
        likely: Amounts = {"tokens": (low + high) / 2, "requests": 1.0}
        most: Amounts = {"tokens": high, "requests": 1.0}
        if self._name.startswith(f"{NOBODY}:"):
            likely["USD"] = most["USD"] = 0.0
        elif told.money is not None:
            likely["USD"], most["USD"] = (told.money[0] + told.money[1]) / 2, told.money[1]
        return likely, most

    def _took(self, reply: Reply, likely: Amounts) -> Amounts:
        """Return what a reply took; where its price or its tokens are unknown, what was likely."""
        usage: Usage = reply.usage
        cost = self._prices.cost(reply.model, usage)
        took = dict(likely)
        if usage.input or usage.output:
            took["tokens"] = float(usage.input + usage.output)
        if cost is not None:
            took["USD"] = cost.usd
        return took


def check_budget(budget: Budget, name: str, prices: PriceBook, *, calls: bool = True) -> None:
    """Refuse a budget in money where the price is unknown, before anything is billed.

    Args:
        budget: What may be spent.
        name: ``provider:model`` that will be asked.
        prices: What answers cost.
        calls: False where nothing will be called at all.

    Raises:
        InvalidInput: The budget cannot be kept.
    """
    free = name.startswith(f"{NOBODY}:") or not calls
    if budget.unit == "USD" and not free and prices.price(name) is None:
        raise _unpriced(budget, name)


def _unpriced(budget: Budget, name: str) -> InvalidInput:
    return InvalidInput(
        f"the price of {name} is unknown, so a budget of {budget} cannot be kept",
        hint="Give the budget in tokens or requests, or price_as= to say whose price holds.",
    )


def _another(entry: list[Any]) -> Any:
    """Return what holds one more request for a call in flight."""

    def hold() -> None:
        entry[0].hold_more(1.0)
        entry[1] += 1.0

    return hold
