"""What the calls of a job will take, each model's counted by its own rules, prices and experience."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce

from toolkit.engine import Engine, Expected, Forecast
from toolkit.engine.estimate import SAMPLE
from toolkit.models import Call

__all__ = ["Forecasts"]


class Forecasts:
    """Adds up what calls will take, over all models that are asked. Nothing is called.

    Args:
        engine: The study's.
        of: How many calls there will be, where only a sample of them is added.

    Example:
        >>> from toolkit.models import Message
        >>> forecasts = Forecasts(lab.engine)
        >>> forecasts.add(Call((Message("user", ("Tea or coffee?",)),)))
        >>> forecasts.expected().calls
        1
    """

    def __init__(self, engine: Engine, of: int | None = None) -> None:
        self._engine = engine
        self._of = of
        self._by_model = {"": self._forecast(engine)}
        self._added = 0

    def add(self, call: Call) -> None:
        """Count one call in."""
        forecast = self._by_model.get(call.model)
        if forecast is None:
            forecast = self._by_model[call.model] = self._forecast(self._engine.of(call))
        forecast.add(call)
        self._added += 1

    def sampled(self, calls: Iterable[Call]) -> Iterator[Call]:
        """Hand calls on, counting in about every n-th of them, ``SAMPLE`` at most and more at the beginning."""
        step = max(1, (self._of or 0) // SAMPLE)
        for place, call in enumerate(calls):
            if place % step == 0 and self._added < SAMPLE:
                self.add(call)
            yield call

    def expected(self) -> Expected:
        """Return what the calls counted in will take together; money is unknown where that of any model is."""
        told = [forecast.expected() for forecast in self._by_model.values()]
        asked = [one for one in told if one.calls]
        return reduce(_sum, asked[1:], asked[0]) if asked else told[0]

    def _forecast(self, engine: Engine) -> Forecast:
        identity = engine.model.identity
        seen = engine.experience.copy_of(str(identity))
        price = engine.ledger.prices.price(str(identity))
        return Forecast(seen, identity.model, eyes=engine.model.abilities.images, price=price, of=self._of)


def _sum(one: Expected, other: Expected) -> Expected:
    money = _plus(one.money, other.money) if one.money is not None and other.money is not None else None
    return Expected(
        one.calls + other.calls,
        _plus(one.input, other.input),
        one.about + other.about,
        _plus(one.output, other.output),
        _plus(one.reasoning, other.reasoning),
        money,
    )


def _plus(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return one[0] + other[0], one[1] + other[1]
