"""What of a section fits its tokens: whole items, the newest or the first of them, and notes cut at a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from toolkit.rounds.scene import NOTES
from toolkit.rounds.shares import Counter

__all__ = ["cut_to", "memories_that_fit", "newest_that_fit", "notes_that_fit", "those_that_fit"]

_SHORTEST_CUT = 8
"""Tokens; a text that would be cut to fewer is left out."""


def newest_that_fit(items: Sequence[Any], budget: int, size: Callable[[Any], int]) -> tuple[Any, ...]:
    """Return the newest items that fit, each whole, oldest first."""
    kept = 0
    for one in reversed(items):
        budget -= size(one)
        if budget < 0:
            break
        kept += 1
    return tuple(items[len(items) - kept :])


def those_that_fit(items: Sequence[Any], budget: int, size: Callable[[Any], int]) -> tuple[Any, ...]:
    """Return the items that fit, each whole, in order; one that does not fit is passed over."""
    found = []
    for one in items:
        if size(one) <= budget:
            budget -= size(one)
            found.append(one)
    return tuple(found)


def memories_that_fit(
    memories: Mapping[str, tuple[str, ...]], budget: int, count: Counter
) -> Mapping[str, tuple[str, ...]]:
    """Return the memories that fit, whole, by whose they are."""
    found: dict[str, tuple[str, ...]] = {}
    for name, texts in memories.items():
        head = f"- {name}: "
        kept = those_that_fit(texts, budget, lambda text, head=head: count(f"{head}{text}\n"))  # type: ignore[misc]  # mypy cannot infer a lambda's default
        budget -= sum(count(f"{head}{text}\n") for text in kept)
        if kept:
            found[name] = kept
    return found


def notes_that_fit(notes: Mapping[str, str], budget: int, count: Counter) -> Mapping[str, str]:
    """Return the notes cut to their share, the nearest to the scene kept first."""
    found: dict[str, str] = {}
    for name in reversed(NOTES):
        if name not in notes:
            continue
        head = count(f"{name}: \n")
        text = cut_to(notes[name], budget - head, count)
        if text:
            found[name] = text
            budget -= count(f"{name}: {text}\n")
    return found


def cut_to(text: str, budget: int, count: Counter) -> str:
    """Return a text that fits, cut at a word and with an ellipsis where it has to be."""
    if count(f"{text}\n") <= budget:
        return text
    if budget < _SHORTEST_CUT:
        return ""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if count(f"{text[:middle]}…\n") <= budget:
            low = middle
        else:
            high = middle - 1
    head = text[:low].rstrip()
    return f"{head[: head.rfind(' ')] if ' ' in head else head}…" if head else ""
