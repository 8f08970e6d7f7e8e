"""What a made-up model says: values that satisfy a JSON schema and plain sentences, the same on every machine."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from toolkit.errors import InvalidInput
from toolkit.seeds import rng

__all__ = ["LogProbs", "distribution", "mark_of", "respond", "tokens"]

LogProbs = tuple[tuple[tuple[str, float], ...], ...]
"""For each token the most likely tokens and their log-probabilities, the said one first."""

_DEEPEST = 6  # a schema that refers to itself ends here
_REDRAWS = 200  # tries for one more distinct element
_SUM = re.compile(r"\bsum to (\d+)\b")  # schemas have no word for a sum, so answer types say it in a description

_SUBJECTS = (
    "The plain one",
    "The second idea",
    "A familiar shape",
    "The price",
    "My neighbour",
    "The first impression",
    "A clear label",
    "The smaller size",
    "The old habit",
    "A quiet colour",
    "The whole family",
    "The promise",
)
_VERBS = (
    "feels honest to",
    "matters more than",
    "reminds me of",
    "seems closer to",
    "looks better beside",
    "takes less time than",
    "says less than",
    "suits",
    "stands out against",
    "costs more than",
)
_OBJECTS = (
    "what I buy on a weekday",
    "the loud one",
    "my morning at home",
    "the shops I know",
    "people like me",
    "a long working day",
    "the rest of the shelf",
    "what friends would say",
    "a small kitchen",
    "the things I already use",
    "a careful choice",
    "an ordinary week",
)
_WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fern", "grove", "harbour",
    "iris", "jade", "kestrel", "linen", "maple", "north", "olive", "pearl",
    "quartz", "river", "sage", "thistle", "umber", "violet", "willow", "yarrow",
)  # fmt: skip
_FORMATS: dict[str, Callable[[Random], str]] = {
    "date": lambda draw: f"{_whole(draw, 1950, 2020)}-{_whole(draw, 1, 12):02}-{_whole(draw, 1, 28):02}",
    "time": lambda draw: f"{_whole(draw, 0, 23):02}:{_whole(draw, 0, 59):02}:00Z",
    "date-time": lambda draw: f"{_FORMATS['date'](draw)}T{_FORMATS['time'](draw)}",
    "email": lambda draw: f"{_pick(draw, _WORDS)}.{_pick(draw, _WORDS)}@example.org",
    "uri": lambda draw: f"https://example.org/{_pick(draw, _WORDS)}",
    "uuid": lambda draw: "-".join("".join(_pick(draw, "0123456789abcdef") for _ in range(n)) for n in (8, 4, 4, 4, 12)),
}


def respond(schema: Mapping[str, Any] | None, seed: int, *path: str | int) -> Any:
    """Return a value that satisfies the schema, or a readable sentence or two where there is none.

    Args:
        schema: A JSON schema: enum, const, types, bounds, lengths, arrays, objects, anyOf, oneOf, ``$ref`` into itself,
            the usual formats; ``pattern`` is not obeyed. Beyond what the schema says, a list of an enum's options that
            is bounded by their number repeats none, groups of them neither, and whole numbers from 0 to 100 of an
            object whose description says ``sum to 100`` do: strict modes have no words for rankings and allocations.
        seed: The responder's seed.
        path: The address of this answer; equal arguments give equal values on every machine.

    Raises:
        InvalidInput: No value can satisfy the schema, or it uses something unknown.

    Example:
        >>> respond({"type": "integer", "minimum": 3, "maximum": 3}, 7, "some call")
        3
    """
    draw = rng(seed, "responder", *path)
    if schema is None:
        return " ".join(_sentence(draw) for _ in range(_whole(draw, 1, 2)))
    return _Maker(schema, draw).value(schema, 0)


class _Maker:
    """Walks one schema with one stream of draws."""

    def __init__(self, root: Mapping[str, Any], draw: Random) -> None:
        self.root = root
        self.draw = draw

    def value(self, schema: Mapping[str, Any], depth: int) -> Any:
        """Return a value for one place of the schema."""
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return _pick(self.draw, schema["enum"])
        for word, step in (("$ref", self._referred), ("anyOf", self._any), ("oneOf", self._any), ("allOf", self._all)):
            if word in schema:
                return step(schema, word, depth)
        return self._typed(schema, depth)

    def _typed(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null") if depth < _DEEPEST else kind[-1]
        make: Callable[[Mapping[str, Any], int], Any] | None = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": lambda _schema, _depth: self.draw.random() < 0.5,  # noqa: PLR2004  # a fair coin
            "null": lambda _schema, _depth: None,
        }.get(kind)
        if make is None:
            raise InvalidInput(f"the schema asks for the type {kind!r}, which JSON does not have")
        return make(schema, depth)

    def _referred(self, schema: Mapping[str, Any], word: str, depth: int) -> Any:
        name = str(schema[word])
        target: Any = self.root
        for part in name.removeprefix("#").strip("/").split("/") if name != "#" else ():
            target = target.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(target, Mapping) else None
        if not isinstance(target, Mapping) or not name.startswith("#") or depth > 4 * _DEEPEST:
            raise InvalidInput(f"the schema's reference {name!r} cannot be followed", hint="Refer to #/$defs/… only.")
        return self.value(target, depth + 1)

    def _any(self, schema: Mapping[str, Any], word: str, depth: int) -> Any:
        choices: Sequence[Mapping[str, Any]] = schema[word]
        if depth >= _DEEPEST:
            return self.value(next((one for one in choices if one.get("type") == "null"), choices[-1]), depth)
        return self.value(_pick(self.draw, choices), depth + 1)

    def _all(self, schema: Mapping[str, Any], word: str, depth: int) -> Any:
        merged = {key: inner for key, inner in schema.items() if key != word}
        for part in schema[word]:
            merged.update(part)
        return self.value(merged, depth + 1)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        total = _SUM.search(schema.get("description", ""))
        if total is not None and _counted_up_to(schema, int(total.group(1))):
            return self._shared(list(schema["properties"]), int(total.group(1)))
        required = schema.get("required", ())
        return {
            name: self.value(inner, depth + 1)
            for name, inner in schema.get("properties", {}).items()
            if name in required or depth < _DEEPEST
        }

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = schema.get("minItems", 0)
        items = schema.get("items", {})
        most = schema.get("maxItems", max(least, 3))
        if _grouped(items, schema.get("maxItems")):
            return self._groups(items["items"]["enum"], most)
        wanted = least if depth >= _DEEPEST else _whole(self.draw, min(least or 1, most), most)
        if schema.get("uniqueItems") or _bounded(items, schema.get("maxItems")):
            return self._distinct(items, least, wanted, depth)
        return [self.value(items, depth + 1) for _ in range(wanted)]

    def _distinct(self, items: Mapping[str, Any], least: int, wanted: int, depth: int) -> list[Any]:
        if "enum" in items and "const" not in items:
            found = _shuffled(self.draw, items["enum"])[:wanted]
        else:
            found = []
            for _ in range(_REDRAWS + wanted):
                if len(found) == wanted:
                    break
                one = self.value(items, depth + 1)
                if one not in found:
                    found.append(one)
        if len(found) < least:
            raise InvalidInput(f"the schema asks for {least} distinct elements and allows {len(found)}")
        return found

    def _groups(self, options: Sequence[Any], wanted: int) -> list[Any]:
        """Return so many of the options, each once, in groups as a ranking with ties has them."""
        groups: list[Any] = []
        for one in _shuffled(self.draw, options)[:wanted]:
            if groups and self.draw.random() < 0.3:  # noqa: PLR2004  # about one tie in three
                groups[-1].append(one)
            else:
                groups.append([one])
        return groups

    def _shared(self, names: Sequence[str], total: int) -> dict[str, int]:
        """Return whole numbers that sum to the total: the gaps between cuts drawn along it."""
        cuts = sorted(_whole(self.draw, 0, total) for _ in names[1:])
        edges = zip([0, *cuts], [*cuts, total], strict=True)
        return {name: high - low for name, (low, high) in zip(names, edges, strict=True)}

    def _integer(self, schema: Mapping[str, Any], _depth: int) -> int:
        step = schema.get("multipleOf", 1)
        low, high = _bounds(schema, least_gap=1, default_span=100)
        first, last = math.ceil(low / step), math.floor(high / step)
        if first > last:
            raise InvalidInput(f"the schema allows no integer between {low} and {high}")
        return int(_whole(self.draw, first, last) * step)

    def _number(self, schema: Mapping[str, Any], _depth: int) -> float:
        low, high = _bounds(schema, least_gap=0, default_span=100)
        exact = low + (high - low) * self.draw.random()
        rounded = round(exact, 2)
        return rounded if low < rounded < high else exact

    def _string(self, schema: Mapping[str, Any], _depth: int) -> str:
        form = _FORMATS.get(schema.get("format", ""))
        if form is not None:
            return form(self.draw)
        most = schema.get("maxLength")
        text = _sentence(self.draw)
        if most is not None and len(text) > most:
            text = " ".join(_pick(self.draw, _WORDS) for _ in range(3))
            text = text if len(text) <= most else _pick(self.draw, _WORDS)[:most]
        while len(text) < schema.get("minLength", 0):
            text = f"{text} {_sentence(self.draw)}"
        return text if most is None else text[:most]


def distribution(
    options: Sequence[str], said: str, top: int, seed: int, *path: str | int
) -> tuple[tuple[str, float], ...]:
    """Return the ``top`` most likely of ``options`` with their log-probabilities; ``said`` is the likeliest.

    The probabilities are a flat Dirichlet draw, the largest one given to what was said.

    Example:
        >>> distribution(["yes", "no"], "no", 1, 7, "some call")[0][0]
        'no'
    """
    draw = rng(seed, "distribution", *path)
    weights = sorted((-math.log(1.0 - draw.random()) for _ in options), reverse=True)
    total = sum(weights)
    others = _shuffled(draw, [one for one in options if one != said])
    pairs = zip([said, *others], weights, strict=False)
    return tuple((one, round(math.log(max(weight / total, 1e-12)), 6)) for one, weight in pairs)[: max(top, 1)]


def mark_of(marks: Sequence[str], top: int, seed: int, *path: str | int) -> tuple[str, LogProbs]:
    """Return one of some marks as a whole reply of one token, and its log-probabilities.

    Example:
        >>> said, found = mark_of(["A", "B"], 20, 7, "some call")
        >>> said == found[0][0][0], len(found[0])
        (True, 2)
    """
    said = _pick(rng(seed, "mark", *path), marks)
    return said, (distribution(marks, said, top, seed, *path),)


def tokens(text: str, value: Any, schema: Mapping[str, Any] | None, top: int, seed: int, *path: str | int) -> LogProbs:
    """Return tokens that make up ``text``, the first enum's option among them as one token with its alternatives.

    Text before and after that option is one sure token each. Without an enum every word is a token that had a rival.

    Example:
        >>> [token[0][0] for token in tokens("B", "B", {"enum": ["A", "B"]}, 2, 7)]
        ['B']
    """
    said, options = _first_enum(value, schema)
    at = text.find(said) if said else -1
    if said and at >= 0:
        before, after = text[:at], text[at + len(said) :]
        chosen = distribution(options, said, top, seed, *path)
        sure = [((part, 0.0),) if part else None for part in (before, after)]
        return tuple(part for part in (sure[0], chosen, sure[1]) if part is not None)
    words = [word if place == 0 else f" {word}" for place, word in enumerate(text.split(" "))]
    return tuple(
        distribution([word, f" {_WORDS[place % len(_WORDS)]}"], word, top, seed, place, *path)
        for place, word in enumerate(words)
    )


def _first_enum(value: Any, schema: Mapping[str, Any] | None) -> tuple[str, list[str]]:
    """Return the text said for the first enum of strings or numbers, and all its options."""
    if schema is None:
        return "", []
    if "enum" in schema:
        return str(value), [str(one) for one in schema["enum"]]
    if isinstance(value, Mapping):
        for name, inner in schema.get("properties", {}).items():
            if "enum" in inner and name in value:
                return str(value[name]), [str(one) for one in inner["enum"]]
    return "", []


def _bounded(items: Mapping[str, Any], most: int | None) -> bool:
    """Say whether a list's bound leaves room for each of an enum's options once."""
    return most is not None and "enum" in items and "const" not in items and most <= len(items["enum"])


def _grouped(items: Mapping[str, Any], most: int | None) -> bool:
    """Say whether a list holds lists of an enum's options, all under the same bound: a ranking with ties."""
    inner = items.get("items", {})
    alone = items.get("minItems", 0) <= 1  # a group may hold one option
    return alone and items.get("maxItems") == most and isinstance(inner, Mapping) and _bounded(inner, most)


def _counted_up_to(schema: Mapping[str, Any], total: int) -> bool:
    """Say whether an object holds whole numbers only, each from 0 to a total: an allocation."""
    whole = {"type": "integer", "minimum": 0, "maximum": total}
    parts = list(schema.get("properties", {}).values())
    return bool(parts) and all(whole.items() <= one.items() for one in parts)


def _bounds(schema: Mapping[str, Any], *, least_gap: int, default_span: int) -> tuple[float, float]:
    low = schema.get("minimum")
    high = schema.get("maximum")
    if "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + least_gap
    if "exclusiveMaximum" in schema:
        high = schema["exclusiveMaximum"] - least_gap
    if low is None:
        low = 0 if high is None or high >= 0 else high - default_span
    if high is None:
        high = low + default_span
    if low > high:
        raise InvalidInput(f"the schema allows no number between {low} and {high}")
    return low, high


def _sentence(draw: Random) -> str:
    return f"{_pick(draw, _SUBJECTS)} {_pick(draw, _VERBS)} {_pick(draw, _OBJECTS)}."


def _whole(draw: Random, low: int, high: int) -> int:
    """Return an integer from low to high; only ``random()`` is promised to stay the same between Pythons."""
    return low + int(draw.random() * (high - low + 1))


def _pick(draw: Random, options: Sequence[Any]) -> Any:
    return options[int(draw.random() * len(options))]


def _shuffled(draw: Random, options: Sequence[Any]) -> list[Any]:
    keyed = sorted((draw.random(), place) for place in range(len(options)))
    return [options[place] for _, place in keyed]
