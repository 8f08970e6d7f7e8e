"""What may be spent: money, tokens or requests, and the account of what was."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from toolkit.errors import BudgetReached, InvalidInput

__all__ = ["Account", "Budget", "Expect", "Unit"]

Unit = Literal["USD", "tokens", "requests"]
Expect = Callable[[], tuple[float, float]]
"""Says what a call will likely take and what it will hardly exceed."""

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
        likely, most = expect()
        if self.budget.soft:
            return self._grant(likely)
        if not self._waiting:
            fits = self._try(likely, most)
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
        self._ask_again()

    def _ask_again(self) -> None:
        """Let those who wait pass, or refuse them, as far as it is plain."""
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

    def change(self, budget: Budget) -> None:
        """Allow another amount from now on; those who wait are asked again. Call it on the private loop.

        Args:
            budget: In the same unit, for what was spent is counted in it.

        Raises:
            InvalidInput: Another unit.
        """
        if budget.unit != self.budget.unit:
            raise InvalidInput(
                f"the budget for {self.scope} is in {self.budget.unit}, so it cannot become {budget}",
                hint=f"Give an amount in {self.budget.unit}.",
            )
        self.budget = budget
        self._ask_again()

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
