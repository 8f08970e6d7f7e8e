"""What replies have shown so far, by model: how long texts get, how the provider counts. Estimates learn from it."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

from toolkit.engine.tokens import CACHED_FROM, Size, cacheable, call_size
from toolkit.models import Call, Reply

__all__ = ["ENOUGH", "Experience", "Running", "Seen", "bucket"]

ENOUGH = 6
"""Replies after which a mean is used instead of a guess."""
_EVERY, _ALL_OF_THE_FIRST = 32, 200
"""After the first replies to a schema only each 32nd is looked at: this stands on the hot path."""
_DEEPEST = 6
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of a schema's tokens that a provider may count as prompt."""
_FREE_TEXT = -1


class Running:
    """Mean and spread of what came, in one pass (B. P. Welford, Technometrics 4, 1962).

    Example:
        >>> seen = Running()
        >>> for length in (10, 12, 14):
        ...     seen.add(length)
        >>> seen.mean, seen.sd
        (12.0, 2.0)
    """

    __slots__ = ("_squares", "mean", "n")

    def __init__(self) -> None:
        self.n = 0
        self.mean = 0.0
        self._squares = 0.0

    def add(self, value: float) -> None:
        """Take one value in."""
        self.n += 1
        step = value - self.mean
        self.mean += step / self.n
        self._squares += step * (value - self.mean)

    @property
    def sd(self) -> float:
        """Standard deviation (n - 1); of fewer than two values 0."""
        return math.sqrt(self._squares / (self.n - 1)) if self.n > 1 else 0.0

    def range(self, of: float, *, wide: float = 2.5, margin: float = 0.03) -> tuple[float, float]:
        """Return where the mean of ``of`` further values will lie: ``wide`` standard errors and a margin either way."""
        give = wide * self.sd * math.sqrt(1 / self.n + 1 / max(of, 1.0)) + margin * abs(self.mean)
        return max(0.0, self.mean - give), self.mean + give


class Seen:
    """What one model has shown."""

    def __init__(self) -> None:
        self.replies: dict[bytes, Running] = {}
        """Characters of a reply, by its schema's bytes."""
        self.bounded: dict[int | None, Running] = {}
        """Characters of a text field, by its bound."""
        self.texts: dict[int, Running] = {}
        """The same by ``bucket`` of its bound, for bounds not met yet."""
        self.fills: dict[int, Running] = {}
        """The same as a share of the bound."""
        self.lists = Running()
        """How far lists go between their fewest and most elements, 0 to 1."""
        self.tokens_per_character = Running()
        self.reasoning: dict[str, Running] = {}
        """Reasoning tokens of a reply, by effort asked for."""
        self.image_ratio = Running()
        """Tokens of images over those of the published rule."""
        self.image_each = Running()
        self.cached_share = Running()
        """Share of what the provider's cache could hold that was read from it."""
        self._before = ""
        self._counted: dict[bytes, int] = {}
        self._sums = [0.0] * 6

    def wanted(self, call: Call) -> bool:
        """Tell whether this reply is to be looked at, and count it."""
        shape = call.schema.json if call.schema is not None else b""
        count = self._counted[shape] = self._counted.get(shape, 0) + 1
        return count <= _ALL_OF_THE_FIRST or count % _EVERY == 0

    def note(self, call: Call, size: Size, reply: Reply) -> None:
        """Learn from one reply."""
        usage = reply.usage
        if usage.input:
            self._note_input(size, usage.input, usage.image)
            if size.text >= CACHED_FROM:
                self._note_cache(call, usage.cached)
        if usage.output and reply.text:
            effort = call.sampling.reasoning or ""
            self.reasoning.setdefault(effort, Running()).add(usage.reasoning)
            self.tokens_per_character.add((usage.output - usage.reasoning) / len(reply.text))
            shape = call.schema.json if call.schema is not None else b""
            self.replies.setdefault(shape, Running()).add(len(reply.text))
            if call.schema is not None:
                self._note_fields(call.schema.body, reply.value, call.schema.body, 0)

    def input_factors(self) -> list[tuple[float, float]]:
        """Return the pairs (tokens for each text token estimated, for each schema token) that fit what was counted.

        Providers differ in how much of a schema they count, and one study may never show it: each share that fits is
        kept, and the estimate spans them all. Empty until enough was seen.
        """
        n, tt, ts, ss, ty, sy = self._sums
        if n < ENOUGH or not tt:
            return []
        fits = []
        for share in _SHARES:
            factor = (ty - share * ts) / tt
            # The square of y is the same for each share, so it is left out of the squared error.
            error = factor * (factor * tt + 2 * share * ts - 2 * ty) + share * (share * ss - 2 * sy)
            fits.append((error, factor, share))
        best = min(error for error, _, _ in fits)
        slack = 0.02**2 * n  # less than 2 % of a prompt tells no share from another
        return [(factor, share) for error, factor, share in fits if error <= best + slack and factor > 0]

    def _note_input(self, size: Size, counted: int, image: int) -> None:
        if not size.text or (size.pictures and not image):
            return  # counted together: what is text and what image cannot be told
        if size.pictures and size.image:
            self.image_ratio.add(image / size.image)
            self.image_each.add(image / size.pictures)
        # Each prompt counts alike, long or short: what matters is by what share an estimate is wrong.
        text, schema, y = 1.0, size.schema / size.text, (counted - image) / size.text
        for place, value in enumerate((1.0, text * text, text * schema, schema * schema, text * y, schema * y)):
            self._sums[place] += value

    def _note_cache(self, call: Call, cached: int) -> None:
        text = "".join(message.text for message in call.messages)
        possible = cacheable(self._before, text)
        self._before = text
        if possible:
            self.cached_share.add(min(1.0, cached / possible))

    def _note_fields(self, schema: Mapping[str, Any], value: Any, root: Mapping[str, Any], depth: int) -> None:
        schema = resolved(schema, root)
        if depth > _DEEPEST:
            return
        if isinstance(value, dict):
            for name, inner in schema.get("properties", {}).items():
                if name in value:
                    self._note_fields(inner, value[name], root, depth + 1)
        elif isinstance(value, list):
            self._note_list(schema, len(value))
            for one in value[:8]:
                self._note_fields(schema.get("items", {}), one, root, depth + 1)
        elif isinstance(value, str) and "enum" not in schema and "const" not in schema:
            bound = schema.get("maxLength")
            self.bounded.setdefault(bound, Running()).add(len(value))
            self.texts.setdefault(bucket(bound), Running()).add(len(value))
            if bound:
                self.fills.setdefault(bucket(bound), Running()).add(len(value) / bound)

    def _note_list(self, schema: Mapping[str, Any], length: int) -> None:
        fewest, most = schema.get("minItems", 0), schema.get("maxItems")
        if most is not None and most > fewest:
            self.lists.add((length - fewest) / (most - fewest))


class Experience:
    """What every model of a lab has shown; written where replies are booked, on the private loop."""

    def __init__(self) -> None:
        self._models: dict[str, Seen] = {}

    def of(self, model: str) -> Seen:
        """Return what a model has shown; ``model`` is ``provider:model`` as asked."""
        return self._models.setdefault(model, Seen())

    def note(self, model: str, call: Call, reply: Reply, *, eyes: bool) -> None:
        """Learn from one live reply."""
        seen = self.of(model)
        if seen.wanted(call):
            seen.note(call, call_size(call, model.partition(":")[2], eyes=eyes), reply)

    def copy_of(self, model: str) -> Seen:
        """Return what a model has shown up to now, so that an estimate does not learn from the run it foretells."""
        return copy.deepcopy(self.of(model))


def bucket(bound: int | None) -> int:
    """Return which texts are alike: those whose bounds have as many binary digits; -1 where there is no bound.

    Example:
        >>> bucket(200), bucket(240), bucket(None)
        (8, 8, -1)
    """
    return _FREE_TEXT if bound is None else int(bound).bit_length()


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a ``$ref`` within a schema stands for."""
    found: Any = schema
    for _ in range(_DEEPEST):
        name = found.get("$ref")
        if name is None:
            break
        target: Any = root
        for part in str(name).removeprefix("#").strip("/").split("/"):
            target = target.get(part, {}) if part and isinstance(target, Mapping) else target
        found = target if isinstance(target, Mapping) else {}
    one: Mapping[str, Any] = found
    return one
