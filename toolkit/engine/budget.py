"""What may be spent: money, tokens or requests, held before each call and settled after it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from toolkit.engine.estimate import Forecast
from toolkit.engine.experience import Experience
from toolkit.engine.prices import NOBODY, PriceBook
from toolkit.engine.run import current_run
from toolkit.engine.tries import Tries, current_tries
from toolkit.errors import BudgetReached, CallError, InvalidInput
from toolkit.events import EventStream
from toolkit.models import Call, Reply, Responder, Usage

__all__ = ["Account", "Amounts", "Budget", "Unit", "WithinBudget", "check_budget"]

Unit = Literal["USD", "tokens", "requests"]
Amounts = dict[str, float]
"""An amount for each unit; without ``USD`` where the price is unknown."""

Expect = Callable[[], tuple[float, float]]
"""Says what a call will likely take and what it will hardly exceed."""

_log = logging.getLogger("toolkit.engine")
_FORM = re.compile(
    r"(?P<dollar>\$)?\s*(?P<number>\d{1,3}(,\d{3})+(\.\d+)?|[\d_]+(\.\d+)?|\.\d+)\s*(?P<unit>[a-z$]*)", re.IGNORECASE
)
_UNITS: dict[str, Unit] = {
    "usd": "USD",
    "$": "USD",
    "dollar": "USD",
    "dollars": "USD",
    "token": "tokens",
    "tokens": "tokens",
    "request": "requests",
    "requests": "requests",
}
_FORMS = 'Write "2 USD", "50_000 tokens" or "100 requests".'


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent.

    Args:
        text: An amount with its unit: ``"2 USD"`` or ``"$2"``, ``"50_000 tokens"`` (in and out), ``"100 requests"``
            (tries included).
        soft: Warn once and go on, instead of starting no new call.

    Raises:
        InvalidInput: No amount, no unit or an unknown one, or an amount that is not above 0.

    Example:
        >>> Budget("$2").unit, Budget("50_000 tokens").amount
        ('USD', 50000.0)
    """

    text: str
    soft: bool = False
    amount: float = field(init=False)
    unit: Unit = field(init=False)

    def __post_init__(self) -> None:
        amount, unit = _parsed(self.text)
        object.__setattr__(self, "amount", amount)
        object.__setattr__(self, "unit", unit)

    def __str__(self) -> str:
        """Return the amount with its unit."""
        return self.told(self.amount)

    def told(self, amount: float) -> str:
        """Return an amount in this budget's unit.

        Example:
            >>> Budget("2 USD").told(0.4), Budget("9 requests").told(1200)
            ('0.40 USD', '1,200 requests')
        """
        if self.unit != "USD":
            return f"{amount:,.0f} {self.unit if round(amount) != 1 else self.unit[:-1]}"
        return f"{amount:,.2f} USD" if amount >= 0.1 or amount == 0 else f"{amount:.2g} USD"  # noqa: PLR2004  # cents

    @staticmethod
    def of(given: str | Budget | None) -> Budget | None:
        """Return the budget that was given in any form.

        Raises:
            InvalidInput: It is none.
        """
        if given is None or isinstance(given, Budget):
            return given
        return Budget(given)


class Account:
    """What was spent of one budget, and what is held for calls in flight. Lives on the private loop.

    Args:
        budget: What may be spent.
        scope: Whose it is, for messages: ``this run`` or ``this lab``.

    Example:
        >>> account = Account(Budget("100 tokens"))
        >>> held = asyncio.run(account.hold(lambda: (40, 60)))
        >>> account.settle(held, 45)
        >>> account.spent, account.held
        (45.0, 0.0)
    """

    def __init__(self, budget: Budget, scope: str = "this run") -> None:
        self.budget = budget
        self.scope = scope
        self.spent = 0.0
        self.held = 0.0
        """Held for calls in flight."""
        self.flights = 0
        """Calls in flight."""
        self.refused = 0
        """Calls that were not started for want of it."""
        self.warned = False
        """Whether a soft budget was passed."""
        self._waiting: deque[tuple[asyncio.Future[float], Expect]] = deque()

    @property
    def left(self) -> float:
        """What is neither spent nor held; below 0 once more was spent."""
        return self.budget.amount - self.spent - self.held

    def __str__(self) -> str:
        """Return what was spent of what."""
        return f"{self.budget.told(self.spent).rpartition(' ')[0]} of {self.budget}"

    async def hold(self, expect: Expect) -> float:
        """Hold what a call may take, and wait for calls in flight where it is not sure to fit.

        Args:
            expect: Says what it will likely take, and what it will hardly exceed: this is held, so that many in
                flight cannot overshoot together. Asked again while the call waits, for others teach meanwhile.

        Returns:
            What is held; give it to ``settle``.

        Raises:
            BudgetReached: What is left is less than the call will likely take.
        """
        if self.budget.soft:
            return self._grant(expect()[0])
        if not self._waiting:
            fits = self._try(*expect())
            if fits is not None:
                return fits
        waiter: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        place = (waiter, expect)
        self._waiting.append(place)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.settle(waiter.result(), 0.0)  # it was let through and cancelled at once
            elif place in self._waiting:
                self._waiting.remove(place)
            raise

    def hold_more(self, amount: float) -> None:
        """Hold more for a call in flight, at once or not at all.

        Raises:
            BudgetReached: It does not fit.
        """
        if not self.budget.soft and self.spent + self.held + amount > self.budget.amount:
            raise self._refusal(amount)
        self.held += amount

    def settle(self, held: float, spent: float) -> None:
        """Give back what was held for a call and count what it took; those who wait are asked again."""
        self.flights -= 1
        self.held = max(0.0, self.held - held) if self.flights else 0.0  # sums of floats leave crumbs
        self.spent += spent
        while self._waiting:
            waiter, expect = self._waiting[0]
            if not waiter.done():
                try:
                    fits = self._try(*expect())
                except (BudgetReached, InvalidInput) as refusal:
                    waiter.set_exception(refusal)
                else:
                    if fits is None:
                        return
                    waiter.set_result(fits)
            self._waiting.popleft()

    @property
    def over(self) -> bool:
        """True once the whole amount was spent."""
        return self.spent >= self.budget.amount

    def note(self) -> str:
        """Return what the reader of a result must know; empty where nothing was refused or passed."""
        if self.refused:
            return f"The budget for {self.scope} was reached, {self} spent, so further calls were not started."
        if self.warned:
            return f"The soft budget of {self.budget} for {self.scope} was passed: {self} spent."
        return ""

    def _try(self, likely: float, most: float) -> float | None:
        """Hold, or return ``None`` where it may fit once others have settled."""
        if self.spent + likely > self.budget.amount:
            raise self._refusal(likely)
        if self.spent + self.held + most <= self.budget.amount:
            return self._grant(most)
        return None if self.flights else self._grant(likely)

    def _grant(self, amount: float) -> float:
        self.flights += 1
        self.held += amount
        return amount

    def _refusal(self, likely: float) -> BudgetReached:
        self.refused += 1
        return BudgetReached(
            f"the budget for {self.scope} is reached: {self} spent, and the next call takes about"
            f" {self.budget.told(likely)}",
            hint="Raise budget=, and resume() to do the rest.",
        )


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


def _parsed(text: Any) -> tuple[float, Unit]:
    if not isinstance(text, str):
        raise InvalidInput(f"budget={text!r} has no unit", hint=_FORMS)
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise InvalidInput(f"budget={text!r} is no amount with a unit", hint=_FORMS)
    unit = "$" if found["dollar"] and not found["unit"] else found["unit"].lower()
    if not unit:
        raise InvalidInput(f"budget={text!r} has no unit", hint=_FORMS)
    if unit not in _UNITS or (found["dollar"] and _UNITS[unit] != "USD"):
        raise InvalidInput(f"budget={text!r} is in {found['unit']!r}, which is no unit of a budget", hint=_FORMS)
    digits = found["number"].replace(",", "").replace("_", "")
    amount = float(digits) if digits else 0.0
    if amount <= 0:
        raise InvalidInput(f"budget={text!r} allows nothing", hint="Give more than 0.")
    if _UNITS[unit] != "USD" and amount != int(amount):
        raise InvalidInput(f"budget={text!r} is no whole number of {_UNITS[unit]}", hint=_FORMS)
    return amount, _UNITS[unit]
