"""What the user says in a play, round by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.errors import InvalidInput

__all__ = ["lines_of"]


def lines_of(user: Any, script: Sequence[str], *, first: int = 1) -> dict[int, str]:
    """Return the user's lines by round.

    Args:
        user: A text for the first round, several for one round after the other, texts by round number, or nothing: then
            the script's lines hold.
        script: The scene's own lines, from round 1.
        first: The first round that is played.

    Raises:
        InvalidInput: It is none of these.

    Example:
        >>> lines_of(["Welcome.", None, "Last words?"], [])
        {1: 'Welcome.', 3: 'Last words?'}
    """
    if user is None:
        given: Mapping[Any, Any] = dict(enumerate(script, start=1))
    elif isinstance(user, str):
        given = {first: user}
    elif isinstance(user, Mapping):
        given = user
    elif isinstance(user, Sequence):
        given = dict(enumerate(user, start=first))
    else:
        raise InvalidInput(f"user is {type(user).__name__}", hint="Give a text, several, or texts by round number.")
    found: dict[int, str] = {}
    for number, text in given.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise InvalidInput(f"user names the round {number!r}", hint="Give whole numbers from 1.")
        if text is not None and not isinstance(text, str):
            raise InvalidInput(f"what the user says in round {number} is {type(text).__name__}", hint="Give a text.")
        if text is not None and text.strip():
            found[number] = " ".join(text.encode(errors="replace").decode().split())
    return found
