"""How many tokens a call will take in all: counted before it is made, and learned from those that were."""

from __future__ import annotations

import math

from toolkit.engine.tokens import call_tokens
from toolkit.models import Call, Usage

__all__ = ["FIRST_OUTPUT", "Expected"]

FIRST_OUTPUT = 2000.0
"""Output tokens that are reserved while a stage has shown none; what was too much comes back with its first reply."""
_MEMORY = 64.0
"""Replies over which the running means look back."""


class _Stage:
    """Running means of one stage."""

    __slots__ = ("output", "ratio", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.ratio = 1.0
        self.output = FIRST_OUTPUT

    def learn(self, ratio: float, output: float) -> None:
        self.seen += 1
        weight = max(1.0 / self.seen, 1.0 / _MEMORY)
        self.ratio += weight * (ratio - self.ratio)
        self.output += weight * (output - self.output)


class _Sizes:
    """Running mean and variance of what calls took in all."""

    __slots__ = ("_mean", "_seen", "_variance")

    def __init__(self) -> None:
        self._seen = 0
        self._mean = self._variance = 0.0

    @property
    def unevenness(self) -> float:
        return math.sqrt(self._variance) / self._mean if self._mean else 0.0

    def learn(self, size: float) -> None:
        self._seen += 1
        weight = max(1.0 / self._seen, 1.0 / _MEMORY)
        step = size - self._mean
        self._mean += weight * step
        self._variance = (1.0 - weight) * (self._variance + weight * step * step)


class Expected:
    """Expects what ``call_tokens`` counts, corrected by each stage's own replies.

    Args:
        model: The model's name without the provider.
        eyes: Whether it takes images.

    Example:
        >>> from toolkit.models import Message
        >>> call = Call((Message("user", ("Tea or coffee?",)),), stage="questions")
        >>> expected = Expected("gpt-5-mini")
        >>> expected.learn(call, Usage(input=16, output=30))
        >>> expected.tokens(call)
        46.0
    """

    def __init__(self, model: str, *, eyes: bool = True) -> None:
        self._model = model
        self._eyes = eyes
        self._stages: dict[str, _Stage] = {}
        self._sizes = _Sizes()

    @property
    def unevenness(self) -> float:
        """Standard deviation of what calls took over its mean; 0 before there are two."""
        return self._sizes.unevenness

    def tokens(self, call: Call) -> float:
        """Return the tokens, input and output, that a call is likely to take."""
        stage = self._stages.get(call.stage) or self._stages.setdefault(call.stage, _Stage())
        output = stage.output
        if call.sampling.max_tokens is not None:
            output = min(output, call.sampling.max_tokens)
        return stage.ratio * call_tokens(call, self._model, eyes=self._eyes) + output

    def learn(self, call: Call, usage: Usage) -> None:
        """Take in what a call really took."""
        stage = self._stages.get(call.stage) or self._stages.setdefault(call.stage, _Stage())
        counted = call_tokens(call, self._model, eyes=self._eyes)
        self._sizes.learn(float(usage.input + usage.output))
        stage.learn(usage.input / counted if counted else 1.0, float(usage.output))
