"""Arguments that verbs about questions share, checked before anything is billed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest
from toolkit.questions.asker import Manner, own_prompt

__all__ = ["check_switch", "checked_manner", "checked_number", "one_of", "question_text"]


def question_text(question: Any) -> str:
    """Return a question without the space around it, or refuse what asks nothing."""
    if not isinstance(question, str) or not question.strip():
        raise InvalidInput(f"question={question!r} asks nothing", hint="Give the question as text.")
    return question.strip()


def checked_number(name: str, given: Any, why: str, *, least: int | None = 1) -> int:
    """Return a whole number, or refuse what is none or too small."""
    if isinstance(given, bool) or not isinstance(given, int):
        said = "is no whole number" if least is None else why
        raise InvalidInput(f"{name}={given!r} {said}", hint="Give a whole number.")
    if least is not None and given < least:
        raise InvalidInput(f"{name}={given!r} {why}", hint=f"Give a whole number from {least}.")
    return given


def one_of(name: str, given: Any, valid: Sequence[str]) -> None:
    """Refuse a word that is none of those an argument takes."""
    if given not in valid:
        raise InvalidInput(f"{name}={given!r}", hint=f"Use {' or '.join(map(repr, valid))}{nearest(given, valid)}.")


def check_switch(name: str, given: Any) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(given, bool):
        raise InvalidInput(f"{name}={given!r}", hint="Use True or False.")


def checked_manner(shuffle: Any, shuffle_images: Any, detail: Any, max_side: Any, prompt: str | Path | None) -> Manner:
    """Return how questions are put, or refuse what cannot be."""
    check_switch("shuffle", shuffle)
    check_switch("shuffle_images", shuffle_images)
    one_of("detail", detail, ("auto", "low", "high"))
    checked_number("max_side", max_side, "is no length in pixels")
    return Manner(shuffle, shuffle_images, detail, max_side, own_prompt(prompt))
