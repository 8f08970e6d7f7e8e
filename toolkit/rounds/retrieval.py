"""What a prompt is reminded of: memories like the last messages, and lore that was spoken of."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from toolkit.rounds.rules import MOST_MEMORIES, Rules
from toolkit.rounds.scene import Lore
from toolkit.rounds.state import Said

__all__ = ["lore_for", "memories_for", "query_of", "similarity"]

_WORD = re.compile(r"[^\W_]+")
_GRAM = 3
"""Letters of a gram: pieces of words bring "vote" and "voted" together, in any language with an alphabet."""
_LONGEST_QUERY = 2000
_COMMON = frozenset({
    "a", "about", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "could", "did", "do", "does", "for", "from", "had", "has", "have", "he", "her", "him", "his", "how", "i", "if",
    "in", "into", "is", "it", "its", "just", "like", "me", "more", "my", "no", "not", "of", "on", "one", "or", "our",
    "out", "she", "so", "some", "than", "that", "the", "their", "them", "then", "there", "they", "this", "to", "too",
    "up", "us", "was", "we", "were", "what", "when", "which", "who", "will", "with", "would", "you", "your",
})  # fmt: skip
"""English words that tell nothing about a subject."""


def similarity(one: str, other: str) -> float:
    """Return how alike two texts are, from 0 to 1: the cosine of the sets of their letter trigrams.

    Common English words are left out; the order of words does not matter.

    Args:
        one: A text.
        other: Another one.

    Example:
        >>> similarity("the oven of the bakery", "a bakery with an oven")
        1.0
        >>> similarity("the oven", "my bicycle")
        0.0
    """
    return _cosine(_grams(one), _grams(other))


def _cosine(one: frozenset[str], other: frozenset[str]) -> float:
    both = len(one & other)
    return both / math.sqrt(len(one) * len(other)) if both else 0.0


def query_of(messages: Iterable[Said], rules: Rules) -> str:
    """Return what memories are compared with: the last messages, cut from the front.

    Args:
        messages: The last ones, oldest first.
        rules: How long it may be, 2,000 characters at most.
    """
    most = min(rules.query_chars, _LONGEST_QUERY)
    text = "\n".join(one.text for one in messages)
    return text[len(text) - most :] if len(text) > most else text


def memories_for(
    query: str, written: Sequence[str], said: Sequence[Said], rules: Rules, *, top: int | None = None
) -> list[str]:
    """Return the memories that are most like the query, the most alike first, and of equals the latest.

    Args:
        query: The last messages.
        written: Memories from before the play, oldest first.
        said: What the character said earlier, oldest first.
        rules: How many, how long in all, and how alike they must be.
        top: How many, in place of ``memory_top_k``; 12 at most.

    Example:
        >>> memories_for("Who pays for the roof?", ["The roof leaks.", "I like rye."], [], Rules())
        ['The roof leaks.']
    """
    known = [*written, *(f"(round {one.round}) {one.text}" for one in said)]
    compared = [*written, *(one.text for one in said)]
    asked = frozenset().union(*map(_grams, query.split("\n")))
    scored = [(round(_cosine(asked, _grams(text)), 6), place) for place, text in enumerate(compared)]
    likely = sorted((one for one in scored if one[0] >= rules.memory_min_similarity and one[0] > 0), reverse=True)
    most = min(rules.memory_top_k if top is None else top, MOST_MEMORIES)
    found: list[str] = []
    left = rules.memory_chars
    for _, place in likely[:most]:
        if len(known[place]) <= left:  # whole memories only
            found.append(known[place])
            left -= len(known[place])
    return found


def lore_for(lore: Sequence[Lore], messages: Sequence[Said], rules: Rules) -> list[Lore]:
    """Return the lore that was spoken of in the last messages, in the order of the scene, one entry a group.

    Args:
        lore: All of it.
        messages: The last ones, oldest first.
        rules: How many of them are scanned.

    Example:
        >>> [one.text for one in lore_for([Lore("It is late.", ("clock",))], [Said(1, "Ada", "That clock!")], Rules())]
        ['It is late.']
    """
    scanned = "\n".join(one.text for one in messages[-rules.lore_depth :]) if rules.lore_depth else ""
    found: list[Lore] = []
    groups: set[str] = set()
    for one in lore:
        if one.keys and not any(_spoken(key, scanned) for key in one.keys):
            continue
        if one.group and one.group in groups:
            continue
        groups.add(one.group)
        found.append(one)
    return found


def _spoken(key: str, text: str) -> bool:
    return _pattern(key).search(text) is not None


@lru_cache(maxsize=1024)
def _pattern(key: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(key)}\b", re.IGNORECASE)


@lru_cache(maxsize=1024)  # the memories of a cast and its last messages are compared again every turn
def _grams(text: str) -> frozenset[str]:
    framed = (f" {word} " for word in _WORD.findall(text.casefold()) if word not in _COMMON)
    return frozenset(word[start : start + _GRAM] for word in framed for start in range(len(word) - _GRAM + 1))
