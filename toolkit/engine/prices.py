"""What a call costs: list prices from genai-prices, bundled and offline; an unknown price stays unknown."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from toolkit.errors import InvalidInput
from toolkit.models import Identity, Model, Usage

__all__ = ["FREE", "NOBODY", "Cost", "Price", "PriceBook", "cost_of", "price_of"]

FREE = frozenset({"embedded", "scripted"})
"""Providers that nobody pays: their calls cost 0."""
NOBODY = "authored"
"""The provider of sample replies: no model was asked, so there is no cost, not even 0 (DESIGN 1)."""

_WINDOW = 1800
"""Seconds for which a price holds before it is looked up again: some are lower at night, by the half hour."""
_LADDER = (1_000, 30_000, 100_000, 250_000, 900_000)
"""Token counts at which a price is tried: the first gives the rate, the others show where a tier begins."""
_CLOSE = 1e-9
_OWN = "default"
"""What an identity calls the provider's own endpoint."""
_PARTS = {"cached": "cache_read_tokens", "cache_write": "cache_write_tokens", "image": "input_image_tokens"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cost:
    """Money for one usage."""

    usd: float
    """In US dollars."""
    version: str
    """Whose price and of what day, for example ``genai-prices 0.2.3 2026-11-21``."""


@dataclass(frozen=True, slots=True)
class Price:
    """What one model's tokens cost, in USD a token. The parts of ``Usage`` are priced apart."""

    version: str
    """Whose price and of what day."""
    input: float = 0.0
    """Prompt tokens that are none of the following."""
    cached: float = 0.0
    """Prompt tokens read from the provider's cache."""
    cache_write: float = 0.0
    """Prompt tokens written to the provider's cache."""
    image: float = 0.0
    """Prompt tokens that stand for images."""
    output: float = 0.0
    """Completion tokens that are no reasoning."""
    reasoning: float = 0.0
    """Hidden reasoning."""
    request: float = 0.0
    """USD a request, whatever its tokens."""
    linear_to: float = math.inf
    """Up to this many tokens these rates are the whole rule."""
    rule: Callable[[Usage], float | None] | None = None
    """Prices what lies above, for example tiers by length."""

    def of(self, usage: Usage) -> float | None:
        """Return the USD of a usage; ``None`` where the rule knows no answer.

        Example:
            >>> Price("own", input=2e-6, cached=5e-7, output=8e-6).of(Usage(input=1000, cached=400, output=100))
            0.0022
        """
        if self.rule is not None and usage.input + usage.output > self.linear_to:
            return self.rule(usage)
        plain = usage.input - usage.cached - usage.cache_write
        usd = (
            self.request
            + max(0, plain) * self.input
            + usage.cached * self.cached
            + usage.cache_write * self.cache_write
            + usage.image * (self.image - self.input)
            + (usage.output - usage.reasoning) * self.output
            + usage.reasoning * self.reasoning
        )
        return round(usd, 12)  # a millionth of a millionth: what floats add to sums of decimals is gone


class PriceBook:
    """The prices of the models of one lab, each looked up once and then a sum of products.

    A model that brings a method ``price(usage) -> float | None`` (USD) is believed. Otherwise the library's list price
    at the model's own endpoint holds; an endpoint or model it does not know has no price.

    Args:
        models: Who may answer, the lab's own model first.
        price_as: ``provider:model`` whose list price holds, for gateways and deployments with names of their own:
            always for the lab's own model, and for a fallback that has no known price. Or by model, ``{"openai:bench":
            "openai:gpt-5-mini"}``; who is not listed keeps its own.

    Raises:
        InvalidInput: ``price_as`` names nothing that has a price, or prices something that is no model.

    Example:
        >>> from toolkit.models import open_model
        >>> PriceBook([open_model("scripted")]).price("scripted:default").of(Usage(input=1000))
        0.0
    """

    def __init__(self, models: Sequence[Model] = (), *, price_as: str | Mapping[str, str] | None = None) -> None:
        self._models = tuple(models)
        self._named, self._otherwise = _priced_as(price_as, self._models)
        self._today: dict[str, Price | None] = {}
        self._until = 0.0

    def add(self, model: Model) -> None:
        """Take in a further model of the lab; ``price_as`` holds for it as for a fallback."""
        self._models = (*self._models, model)
        self._today = {}

    def price(self, name: str, at: float | None = None) -> Price | None:
        """Return the price of a model, or ``None`` where it is unknown.

        Args:
            name: ``provider:model`` that answered.
            at: When, in seconds since the epoch; now, where it is not given.
        """
        now = time.time()
        if at is not None and at < self._until - _WINDOW:
            return self._find(name, at)
        if now >= self._until:
            self._today, self._until = {}, (now // _WINDOW + 1) * _WINDOW
        try:
            return self._today[name]
        except KeyError:
            found = self._today[name] = self._find(name, now)
            return found

    def cost(self, name: str, usage: Usage, at: float | None = None) -> Cost | None:
        """Return what a usage costs, or ``None`` where that is unknown.

        Args:
            name: ``provider:model`` that answered.
            usage: Its tokens.
            at: When, in seconds since the epoch; now, where it is not given.
        """
        price = self.price(name, at)
        if price is None or (price.input and not usage.input and not usage.output):
            return None  # a provider that counts nothing still bills
        usd = price.of(usage)
        return Cost(usd, price.version) if usd is not None else None

    def _find(self, name: str, at: float) -> Price | None:
        model = self._answerer(name)
        if model is None:
            return price_of(_identity(name), at)
        own = getattr(model, "price", None)
        if callable(own):
            return Price(f"{model.identity.provider}'s own {_day(at)}", linear_to=-1, rule=_checked(own))
        asked = model.identity
        if str(asked) in self._named:
            return price_of(self._named[str(asked)], at)
        answered = Identity(asked.provider, name.partition(":")[2], asked.detail)
        listed = price_of(answered, at) or price_of(asked, at)
        return price_of(self._otherwise, at) if listed is None and self._otherwise is not None else listed

    def _answerer(self, name: str) -> Model | None:
        """Return the model behind an answer: named exactly, or a version of it (``gpt-5-2026-01-01``)."""
        exact = [model for model in self._models if str(model.identity) == name]
        versions = [model for model in self._models if name.startswith(str(model.identity))]
        provider = [model for model in self._models if model.identity.provider == name.partition(":")[0]]
        return next(iter((*exact, *sorted(versions, key=_length, reverse=True), *provider)), None)


def price_of(identity: Identity, at: float | None = None, *, tier: str = "") -> Price | None:
    """Return the list price of a model, or ``None`` where it is unknown.

    Args:
        identity: Provider and model, and the base URL where the provider is only a protocol.
        at: When, in seconds since the epoch; now, where it is not given.
        tier: How it is processed: ``batch``, ``flex``, ``priority``; by default as usual. Where the library knows no
            price for a tier, the usual one holds.

    Example:
        >>> price_of(Identity("openai", "no-such-model")) is None
        True
        >>> price_of(Identity("embedded", "any")).of(Usage(input=10, output=10))
        0.0
    """
    if identity.provider in FREE:
        return Price("nobody is paid")
    if identity.provider == NOBODY:
        return None
    window = int((time.time() if at is None else at) // _WINDOW)
    return _listed(identity.provider, identity.model, str(identity.detail.get("base_url", "")), window, tier)


def cost_of(identity: Identity, usage: Usage, *, at: float | None = None, tier: str = "") -> Cost | None:
    """Return what a usage costs at list price, or ``None`` where that is unknown; never 0 for want of knowledge.

    Args:
        identity: Who answered.
        usage: The tokens.
        at: When, in seconds since the epoch; now, where it is not given.
        tier: The provider's service tier, as for ``price_of``.

    Example:
        >>> cost_of(Identity("scripted", "default"), Usage(input=10)).usd
        0.0
        >>> cost_of(Identity("openai", "no-such-model"), Usage(input=10)) is None
        True
    """
    price = price_of(identity, at, tier=tier)
    usd = price.of(usage) if price is not None else None
    return Cost(usd, price.version) if price is not None and usd is not None else None


@lru_cache(maxsize=1024)
def _listed(provider: str, model: str, base_url: str, window: int, tier: str) -> Price | None:
    """Return the library's price as rates, with the library itself as the rule where rates are not all of it."""
    counted = _Library.open(provider, model, base_url, datetime.fromtimestamp(window * _WINDOW, UTC), tier)
    if counted is None:
        return None
    base = counted.usd(input_tokens=0, output_tokens=0)
    if base is None:
        return None
    first = _LADDER[0]
    fresh, written = _rate(counted, base, input_tokens=first), _rate(counted, base, output_tokens=first)
    if fresh is None or written is None:
        return None
    # A part the library does not know costs what its whole costs.
    parts = {part: _rate(counted, base, fresh, input_tokens=first, **{name: first}) for part, name in _PARTS.items()}
    plain = Price(
        f"{counted.version} {_day(window * _WINDOW)}",
        input=fresh,
        output=written,
        reasoning=_rate(counted, base, written, output_tokens=first, output_reasoning_tokens=first),
        request=base,
        **parts,
    )
    return replace(plain, linear_to=_linear_to(plain, counted), rule=counted.price)


def _linear_to(price: Price, counted: _Library) -> float:
    """Return up to how many tokens the rates give what the library gives; -1 where they never do."""
    limit = -1.0
    for most in _LADDER:
        # Images stay out of the mix: the library wants to be told which of them were cached, and nobody knows.
        cached, written, thought = most * 3 // 10, most * 2 // 10, most // 10
        for usage in (
            Usage(input=most),
            Usage(input=most, cached=most),
            Usage(input=most, cache_write=most),
            Usage(input=most // 2, cached=cached, cache_write=written, output=most // 2, reasoning=thought),
            Usage(output=most),
        ):
            told, ours = counted.price(usage), price.of(usage)
            if told is None or ours is None or abs(told - ours) > _CLOSE + _CLOSE * abs(told):
                return limit
        limit = float(most)
    return limit if price.image == price.input else -1.0


class _Library:
    """The one place that speaks to genai-prices."""

    def __init__(self, calc: Callable[..., Any], counts: type[Any], version: str, given: Mapping[str, Any]) -> None:
        self._calc = calc
        self._counts = counts
        self._given = given
        self.version = version

    @classmethod
    def open(cls, provider: str, model: str, base_url: str, at: datetime, tier: str) -> _Library | None:
        """Return the library set to one model, or ``None`` where it is not installed."""
        from importlib.metadata import version

        try:
            from genai_prices import Usage as Counts
            from genai_prices import calc_price
        except ImportError:
            _warn_once()
            return None
        given: dict[str, Any] = {"model_ref": model, "genai_request_timestamp": at}
        given |= {"provider_id": provider} if base_url in {"", _OWN} else {"provider_api_url": base_url}
        if tier:
            given["price_context"] = {"processing" if tier == "batch" else "service_tier": tier}
        return cls(calc_price, Counts, f"genai-prices {version('genai-prices')}", given)

    def usd(self, **counts: int) -> float | None:
        """Return the price of counts, or ``None`` where the library knows the model, the endpoint or a count not."""
        try:
            return float(self._calc(self._counts(**counts), **self._given).total_price)
        except (LookupError, ValueError, TypeError):
            return None

    def price(self, usage: Usage) -> float | None:
        """Return the price of a usage."""
        counts = {
            "input_tokens": usage.input,
            "cache_read_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write,
            "output_tokens": usage.output,
        }
        more = {"input_image_tokens": usage.image, "output_reasoning_tokens": usage.reasoning}
        said = {name: count for name, count in more.items() if count}
        usd = self.usd(**counts, **said) if said else None
        return self.usd(**counts) if usd is None else usd


def _rate(counted: _Library, base: float, otherwise: Any = None, **counts: int) -> Any:
    usd = counted.usd(**counts)
    return otherwise if usd is None else round((usd - base) / _LADDER[0], 15)


def _checked(own: Callable[[Usage], float | None]) -> Callable[[Usage], float | None]:
    """Return an adapter's own price function, held to its word."""

    def price(usage: Usage) -> float | None:
        usd = own(usage)
        if usd is None:
            return None
        if not 0 <= usd < math.inf:
            raise InvalidInput(f"a model's own price says {usd!r} USD for {usage}", hint="Give 0 or more, or None.")
        return float(usd)

    return price


def _priced_as(
    given: str | Mapping[str, str] | None, models: Sequence[Model]
) -> tuple[dict[str, Identity], Identity | None]:
    """Return whose price holds by model, and whose for those that have no known one."""
    if isinstance(given, Mapping):
        for name in given:
            if not all(name.partition(":")):
                raise InvalidInput(
                    f"price_as prices {name!r}, which is no model", hint='Write "provider:model", like "openai:bench".'
                )
        return {
            name: _with_price(f"price_as of {name} is {other!r}, which", other) for name, other in given.items()
        }, None
    if not given:
        return {}, None
    held = _with_price(f"price_as={given!r}", given)
    return {str(model.identity): held for model in models[:1]}, held


def _with_price(where: str, name: str) -> Identity:
    if price_of(_identity(name)) is None:
        raise InvalidInput(f"{where} has no known price", hint='Write for example "openai:gpt-5-mini".')
    return _identity(name)


def _identity(name: str) -> Identity:
    provider, _, model = name.partition(":")
    return Identity(provider, model)


def _length(model: Model) -> int:
    return len(str(model.identity))


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


@lru_cache(maxsize=1)
def _warn_once() -> None:
    _log.warning("genai-prices is not installed, so every list price is unknown; install dramatis-toolkit again")
