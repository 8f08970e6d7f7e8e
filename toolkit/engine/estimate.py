"""What calls will take, told as ranges before they are made: tokens in, tokens out, reasoning, and money."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.engine.experience import ENOUGH, Seen, bucket, resolved
from toolkit.engine.prices import Price
from toolkit.engine.tokens import CACHED_FROM, Size, cacheable, call_size
from toolkit.models import Call, Usage

__all__ = ["Expected", "Forecast", "Range", "reasons"]

Range = tuple[float, float]

SAMPLE = 64
"""Calls that a run looks at to foretell all of them."""

# Before anything was seen. These are priors, not measurements: the first replies replace them.
_TEXT_FACTOR: Range = (0.85, 1.2)
"""Tokens for one of characters / 4: English prose is near the low end, numbers and names near the high one."""
_TOKENS_PER_CHARACTER: Range = (1 / 4.6, 1 / 3.2)
_FEW_WORDS, _MOSTLY_FILLED = 20, 0.75
_UNBOUNDED_TEXT = 600
_UNBOUNDED_LIST = 8
_FREE_REPLY: Range = (40.0, 1200.0)
"""Characters of a reply without a schema."""
_REASONING: Mapping[str, Range] = {
    "minimal": (0, 64),
    "low": (0, 320),
    "": (0, 1024),  # asked for nothing, a model that reasons does about as much as at medium
    "medium": (0, 1024),
    "high": (0, 4096),
}
# Model families that reason without being told to, read 2026-11; gpt-5-chat does not.
_REASONERS = ("o1", "o3", "o4", "gpt-5", "deepseek-reasoner", "magistral", "gemini-2.5", "gemini-3", "grok-4")
_TALKERS = ("gpt-5-chat",)
_NUMBER: Range = (1.0, 8.0)
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Expected:
    """What calls will take in all; every range is low to high."""

    calls: int
    input: Range
    """Prompt tokens, images included."""
    about: float
    """Of this range, the likeliest."""
    output: Range
    """Completion tokens, reasoning included."""
    reasoning: Range
    """Of ``output``, hidden reasoning."""
    money: Range | None
    """USD; ``None`` where the price is unknown."""

    def scaled(self, calls: int) -> Expected:
        """Return the same for another number of like calls.

        Example:
            >>> Expected(2, (10, 20), 15, (4, 8), (0, 0), (0.1, 0.2)).scaled(4).money
            (0.2, 0.4)
        """
        by = calls / self.calls if self.calls else 0.0
        money = _times(self.money, by) if self.money is not None else None
        sent, said, thought = (_times(one, by) for one in (self.input, self.output, self.reasoning))
        return Expected(calls, sent, self.about * by, said, thought, money)


class Forecast:
    """Adds up what calls will take. Nothing is called.

    Args:
        seen: What the model has shown so far.
        model: Its name without the provider.
        eyes: Whether it takes images.
        price: Its price, where it is known.
        of: How many calls there will be, where only a sample of them is added.

    Example:
        >>> from toolkit.models import Message
        >>> forecast = Forecast(Seen(), "gpt-5-mini", eyes=True, price=Price("own", input=1e-6, output=1e-6))
        >>> forecast.add(Call((Message("user", ("Tea or coffee? " * 40,)),)))
        >>> low, high = forecast.expected().money
        >>> 0 < low < high < 0.01
        True
    """

    def __init__(self, seen: Seen, model: str, *, eyes: bool, price: Price | None, of: int | None = None) -> None:
        self._seen = seen
        self._model = model
        self._eyes = eyes
        self._price = price
        self._of = of
        self._calls = 0
        self._text = self._schema = self._shared = 0.0
        self._image_low = self._image = self._pictures = 0
        self._shapes: dict[tuple[bytes, int | None, str], tuple[Call, int]] = {}
        self._before = ""

    def add(self, call: Call) -> None:
        """Count one call in."""
        size = call_size(call, self._model, eyes=self._eyes)
        self._calls += 1
        self._text += size.text
        self._schema += size.schema
        self._pictures += size.pictures
        self._image_low += size.image_low
        self._image += size.image
        if self._calls <= SAMPLE:
            self._see_prefix(call, size)
        shape = (call.schema.json if call.schema else b"", call.sampling.max_tokens, call.sampling.reasoning or "")
        first, count = self._shapes.get(shape, (call, 0))
        self._shapes[shape] = (first, count + 1)

    def sampled(self, calls: Iterable[Call]) -> Iterator[Call]:
        """Hand calls on, counting in about every n-th of them, ``SAMPLE`` at most and more at the beginning."""
        step = max(1, (self._of or 0) // SAMPLE)
        for place, call in enumerate(calls):
            if place % step == 0 and self._calls < SAMPLE:
                self.add(call)
            yield call

    def expected(self) -> Expected:
        """Return what the calls counted in will take together."""
        calls = self._calls
        if not calls:
            return Expected(0, (0, 0), 0, (0, 0), (0, 0), (0.0, 0.0) if self._price is not None else None)
        sent = self._input()
        said, thought = self._output()
        low = Usage(input=round(sent[0] / calls), output=round(said[0] / calls), reasoning=round(thought[0] / calls))
        high = Usage(input=round(sent[1] / calls), output=round(said[1] / calls), reasoning=round(thought[1] / calls))
        about = sum(sent) / 2 if self._seen.input_factors() else self._text + self._schema + self._image
        return Expected(calls, sent, about, said, thought, self._money(low, high))

    # --- in ---

    def _see_prefix(self, call: Call, size: Size) -> None:
        if size.text >= CACHED_FROM:
            text = "".join(message.text for message in call.messages)
            self._shared += cacheable(self._before, text)
            self._before = text

    def _input(self) -> Range:
        factors = self._seen.input_factors()
        if factors:
            told = [factor * self._text + share * self._schema for factor, share in factors]
            turns = 4.0 * self._calls  # what a turn costs differs by a few tokens
            text = (min(told) * 0.97 - turns, max(told) * 1.03 + turns)
        else:
            text = (_TEXT_FACTOR[0] * self._text, _TEXT_FACTOR[1] * self._text + self._schema)
        low, high = self._images()
        return max(0.0, text[0]) + low, text[1] + high

    def _images(self) -> Range:
        seen = self._seen
        if not self._pictures or seen.image_each.n < 3:  # noqa: PLR2004  # images are counted by rule, not by chance
            return float(self._image_low), float(self._image)
        by_rule = _times(seen.image_ratio.range(self._pictures, margin=0.05), self._image)
        by_picture = _times(seen.image_each.range(self._pictures, margin=0.05), self._pictures)
        return min(by_rule[0], by_picture[0]), max(by_rule[1], by_picture[1])

    # --- out ---

    def _output(self) -> tuple[Range, Range]:
        said = thought = (0.0, 0.0)
        for (_, cap, effort), (call, count) in self._shapes.items():
            scale = (self._of or self._calls) / self._calls
            text = self._reply(call, count * scale)
            thinks = self._thinks(effort, count * scale)
            whole = text[0] + thinks[0], text[1] + thinks[1]
            if cap is not None:
                whole, thinks = (min(whole[0], cap), min(whole[1], cap)), (min(thinks[0], cap), min(thinks[1], cap))
            said = _plus(said, _times(whole, count))
            thought = _plus(thought, _times(thinks, count))
        return said, thought

    def _reply(self, call: Call, count: float) -> Range:
        """Return the tokens of one reply, in the mean of ``count``, without reasoning."""
        seen = self._seen
        known = seen.replies.get(call.schema.json if call.schema is not None else b"")
        if known is not None and known.n >= ENOUGH:
            characters = known.range(count)
        elif call.schema is None:
            characters = _FREE_REPLY
        else:
            characters = _Shape(seen, call.schema.body, count).characters(call.schema.body, 0)
        each = _TOKENS_PER_CHARACTER
        if seen.tokens_per_character.n >= ENOUGH:
            # A reply is a whole number of tokens: half a token either way beside what was learned.
            each = seen.tokens_per_character.range(count, wide=0.5)
        return max(1.0, characters[0] * each[0] - 0.5), characters[1] * each[1] + 0.5

    def _thinks(self, effort: str, count: float) -> Range:
        known = self._seen.reasoning.get(effort)
        if known is not None and known.n >= ENOUGH:
            return known.range(count)
        if not effort and not reasons(self._model):
            return 0.0, 0.0
        return self._between_efforts(effort, count)

    def _between_efforts(self, effort: str, count: float) -> Range:
        """Return the prior of an effort not met yet, held between what less and more effort took.

        What a provider does where no effort is asked for is its own affair: it bounds nothing, and nothing bounds it.
        """
        low, high = prior = _REASONING.get(effort, _REASONING[""])
        for other, seen in self._seen.reasoning.items() if effort else ():
            if seen.n < ENOUGH or not other:
                continue
            fewest, most = seen.range(count, margin=0.2)
            beside = _REASONING.get(other, prior)
            low = max(low, fewest) if beside[1] < prior[1] else low
            high = min(high, most) if beside[1] > prior[1] else high
        return min(low, high), max(low, high)

    # --- money ---

    def _money(self, low: Usage, high: Usage) -> Range | None:
        price = self._price
        if price is None:
            return None
        fewest, most = (round(one) for one in self._cached())
        usages = [
            Usage(one.input, min(one.input, cached), 0, 0, one.output, one.reasoning)
            for one in (low, high)
            for cached in (fewest, most)
        ]
        if high.input >= CACHED_FROM and price.cache_write > price.input:
            # Where writing to the cache costs extra, what was not read from it may be written.
            read = min(high.input, fewest)
            usages.append(Usage(high.input, read, high.input - read, 0, high.output, high.reasoning))
        known = [cost for cost in map(price.of, usages) if cost is not None]
        return (min(known) * self._calls, max(known) * self._calls) if len(known) == len(usages) else None

    def _cached(self) -> Range:
        """Return how many tokens of a prompt the provider's cache may hold."""
        if not self._shared:
            return 0.0, 0.0
        possible = self._shared / min(self._calls, SAMPLE)
        known = self._seen.cached_share
        if known.n < ENOUGH:
            return 0.0, possible
        low, high = known.range(self._calls, margin=0.1)
        return min(low, 1.0) * possible, min(high, 1.0) * possible


class _Shape:
    """Walks a schema for how long a value of it will be, in characters, in the mean of ``count`` replies."""

    def __init__(self, seen: Seen, root: Mapping[str, Any], count: float) -> None:
        self._seen = seen
        self._root = root
        self._count = count

    def characters(self, schema: Mapping[str, Any], depth: int) -> Range:
        """Return the fewest and most characters of one place."""
        schema = resolved(schema, self._root)
        if depth > _DEEPEST:
            return _NUMBER
        if "const" in schema:
            return _either([len(str(schema["const"])) + 2])
        if "enum" in schema:
            return _either([len(str(option)) + 2 for option in schema["enum"]])
        for word in ("anyOf", "oneOf"):
            if word in schema:
                spans = [self.characters(one, depth + 1) for one in schema[word]]
                return min(low for low, _ in spans), max(high for _, high in spans)
        return self._typed(schema, depth)

    def _typed(self, schema: Mapping[str, Any], depth: int) -> Range:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._list(schema, depth)
        if kind == "string":
            return _plus(self._text(schema), (2, 2))
        return self._plain(kind, schema)

    def _object(self, schema: Mapping[str, Any], depth: int) -> Range:
        total: Range = (2, 2)
        for name, inner in schema.get("properties", {}).items():
            # "name":value, with or without a space after colon and comma
            total = _plus(_plus(total, (len(name) + 4, len(name) + 6)), self.characters(inner, depth + 1))
        return total

    def _list(self, schema: Mapping[str, Any], depth: int) -> Range:
        fewest = int(schema.get("minItems", 0))
        most = int(schema.get("maxItems", max(fewest, _UNBOUNDED_LIST)))
        held: Range = (0.0, 1.0)
        if self._seen.lists.n >= ENOUGH:
            low, high = self._seen.lists.range(self._count, margin=0.1)
            held = min(low, 1.0), min(high, 1.0)
        each = self.characters(schema.get("items", {}), depth + 1)
        low, high = (fewest + share * (most - fewest) for share in held)
        return 2 + low * (each[0] + 1), 2 + high * (each[1] + 2)

    def _text(self, schema: Mapping[str, Any]) -> Range:
        bound = schema.get("maxLength")
        fewest = int(schema.get("minLength", 0))
        low, high = self._known_text(bound) or _guessed_text(bound)
        most = float(bound) if bound is not None else max(high, float(fewest))
        low = min(max(low, fewest), most)
        return low, min(max(high, low), most)

    def _known_text(self, bound: int | None) -> Range | None:
        """Return what texts of this bound came to be, or those of the nearest one: as long, or as full."""
        met = self._seen.bounded.get(bound)
        if met is not None and met.n >= ENOUGH:
            return met.range(self._count, margin=0.05)
        known = {place: one for place, one in self._seen.texts.items() if one.n >= ENOUGH}
        if not known:
            return None
        here = bucket(bound)
        nearest = min(known, key=lambda place: (abs(place - here), place))
        wide = 0.1 if nearest == here else 0.3
        spans = [known[nearest].range(self._count, margin=wide)]
        full = self._seen.fills.get(nearest)
        if bound is not None and full is not None:
            spans.append(_times(full.range(self._count, margin=wide), bound))
        return min(low for low, _ in spans), max(high for _, high in spans)

    def _plain(self, kind: str, schema: Mapping[str, Any]) -> Range:
        if kind == "boolean":
            return 4, 5
        if kind == "null":
            return 4, 4
        if kind == "integer" and "maximum" in schema:
            ends = (schema.get("minimum", 0), schema["maximum"])
            return 1 if ends[0] >= 0 else 2, max(len(str(end)) for end in ends)
        return _NUMBER


def reasons(model: str) -> bool:
    """Tell whether a model reasons before it answers, without being told to; by its name.

    Example:
        >>> reasons("gpt-5-mini"), reasons("gpt-4o-mini")
        (True, False)
    """
    return model.startswith(_REASONERS) and not model.startswith(_TALKERS)


def _guessed_text(bound: int | None) -> Range:
    if bound is None:
        return _FEW_WORDS, _UNBOUNDED_TEXT
    low = float(min(bound, _FEW_WORDS))
    return low * 0.5 if bound <= _FEW_WORDS else low, max(low, min(float(bound), bound * _MOSTLY_FILLED + _FEW_WORDS))


def _either(lengths: list[int]) -> Range:
    return min(lengths), max(lengths)


def _plus(one: Range, other: Range) -> Range:
    return one[0] + other[0], one[1] + other[1]


def _times(one: Range, by: float) -> Range:
    return one[0] * by, one[1] * by
