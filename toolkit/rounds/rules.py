"""The rules of a play: budgets, windows and switches, each with its default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Self

from toolkit.engine.tokens import CHARACTERS_PER_TOKEN
from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest
from toolkit.rounds.shares import SHARES, Counter, allocate, check_shares, counter

__all__ = ["MOST_MEMORIES", "Rules"]

MOST_MEMORIES = 12
"""No setting brings more memories into one prompt."""
_LEAST = {
    "max_context_tokens": 1,
    "max_director_passes": 1,
    "history_window": 1,
    "telemetry": 1,
}
"""The least of whole numbers that may not be 0."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a play is played.

    Raises:
        InvalidInput: A value that cannot be, shares that do not sum to 100, a cap of an unknown section.

    Example:
        >>> Rules(history_window=40).max_director_passes
        2
        >>> Rules.of({"world": True}).world
        True
    """

    max_context_tokens: int = 8192
    """Tokens of prompt and reply together; a model that is known to take fewer decides."""
    completion_tokens: int = 800
    """Tokens kept free for the reply."""
    shares: Mapping[str, int] = field(default_factory=lambda: SHARES)
    """Percent by section, 100 in all."""
    caps: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """The most tokens of a section, after sharing out; what a cap frees is given to nobody."""
    history_window: int = 200
    """The last messages that are kept word for word."""
    summarization_trigger: int = 10
    """With more messages than this since the last summary, a summary is made."""
    director: bool = True
    """Off, everyone present acts, those who were named first, then the others in the order of the cast."""
    max_director_passes: int = 2
    """Each pass above two brings one more pass of characters."""
    world: bool = False
    """Whether an agent of its own keeps world state and trackers."""
    memory_top_k: int = 5
    """Memories in a character's prompt, 12 at most."""
    narrator_top_k: int = 3
    """Memories in the prompt of director and world."""
    memory_min_similarity: float = 0.1
    """From 0 to 1; a memory less like the last messages stays out."""
    memory_chars: int = 2000
    """Characters of all memories in one prompt."""
    query_chars: int = 2000
    """Characters of the last messages that memories are compared with, 2,000 at most."""
    kept_memories: int = 30
    """Sayings of one's own, older than the history, that a character can remember."""
    lore_depth: int = 4
    """The last messages that are scanned for the keys of lore."""
    lore_tokens: int = 2048
    """Tokens of lore in one prompt, in whole entries."""
    telemetry: int = 500
    """Prompts whose tokens by section are kept."""
    log_payloads: bool = False
    """Whether each prompt is logged, scrubbed, at level DEBUG of ``toolkit.rounds``."""
    characters_per_token: float = CHARACTERS_PER_TOKEN
    """By which tokens are counted before a call."""
    tokenizer: Callable[[str], object] | None = None
    """Counts them in its place: a function of a tokenizer that is already on disk."""

    def __post_init__(self) -> None:
        for one in fields(self):
            value, default = getattr(self, one.name), one.default
            if isinstance(default, bool):
                _bool(one.name, value)
            elif isinstance(default, int):
                _whole(one.name, value, _LEAST.get(one.name, 0))
        check_shares(self.shares)
        allocate(0, (), self.caps, self.shares)
        self.counter()
        if self.memory_top_k > MOST_MEMORIES or self.narrator_top_k > MOST_MEMORIES:
            raise InvalidInput(
                f"memory_top_k={max(self.memory_top_k, self.narrator_top_k)} is more than a prompt takes",
                hint=f"Give {MOST_MEMORIES} at most.",
            )
        if not 0 <= self.memory_min_similarity <= 1:
            raise InvalidInput(f"memory_min_similarity={self.memory_min_similarity!r} cannot be", hint="Give 0 to 1.")
        for name in ("shares", "caps"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @classmethod
    def of(cls, given: Rules | Mapping[str, Any] | None) -> Rules:
        """Return the rules that were given in any form.

        Raises:
            InvalidInput: An unknown rule, or a value that cannot be.
        """
        if given is None:
            return cls()
        if isinstance(given, cls):
            return given
        if not isinstance(given, Mapping):
            raise InvalidInput(f"rules={given!r} are no rules", hint="Give Rules(…) or a mapping of them.")
        known = [one.name for one in fields(cls)]
        for name in given:
            if name not in known:
                raise InvalidInput(f"there is no rule {name!r}", hint=f"See Rules{nearest(name, known)}.")
        return cls(**given)

    def counter(self) -> Counter:
        """Return what counts tokens."""
        return counter(self.characters_per_token, self.tokenizer)

    def context(self, model: int | None) -> int:
        """Return the tokens of prompt and reply together.

        Args:
            model: What the model is known to take.
        """
        return self.max_context_tokens if model is None else min(self.max_context_tokens, model)

    def to_dict(self) -> dict[str, Any]:
        """Return the rules as JSON; a tokenizer by its name."""
        body = {one.name: getattr(self, one.name) for one in fields(self)}
        tokenizer = self.tokenizer
        named = None if tokenizer is None else getattr(tokenizer, "__qualname__", type(tokenizer).__name__)
        return {**body, "shares": dict(self.shares), "caps": dict(self.caps), "tokenizer": named}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Self:
        """Return the rules that ``to_dict`` wrote; a tokenizer has to be given anew.

        Raises:
            InvalidInput: An unknown rule, or a value that cannot be.
        """
        return cls(**{name: value for name, value in body.items() if name != "tokenizer"})


def _bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidInput(f"{name}={value!r} is neither True nor False", hint="Give one of the two.")


def _whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidInput(f"{name}={value!r} cannot be", hint=f"Give a whole number from {least}.")
