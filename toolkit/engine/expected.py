"""How many tokens a call will take in all: counted before it is made, and learned from those that were."""

from __future__ import annotations

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
        stage.learn(usage.input / counted if counted else 1.0, float(usage.output))
