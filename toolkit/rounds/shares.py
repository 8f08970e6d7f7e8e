"""Token shares: how much of a prompt each section may take, in whole tokens that add up."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from toolkit.engine.tokens import CHARACTERS_PER_TOKEN
from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest

__all__ = ["SECTIONS", "SHARES", "Counter", "allocate", "check_shares", "counter"]

SECTIONS = ("history", "summaries", "lore", "memories", "notes", "director", "character")
"""The sections of a prompt that share out what the fixed text leaves."""
SHARES: Mapping[str, int] = MappingProxyType(dict(zip(SECTIONS, (30, 10, 15, 20, 10, 5, 10), strict=True)))
"""Percent of each section where all are present (REQUIREMENTS B)."""
_WHOLE = 100
_NO_CAPS: Mapping[str, int] = MappingProxyType({})

Counter = Callable[[str], int]
"""Says how many tokens a text takes."""


def allocate(
    total: int,
    present: Collection[str] = SECTIONS,
    caps: Mapping[str, int] = _NO_CAPS,
    shares: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Share tokens out among the sections that are present.

    An absent section gets 0 and its share goes to the others in proportion: ``total * weight // sum of the present
    weights``, in whole numbers, so the sum never passes the total. Caps are applied after that, and what a cap frees is
    given to nobody.

    Args:
        total: Tokens to share out; what the reply and the fixed text take is subtracted before.
        present: The sections that have something to say.
        caps: The most tokens of a section, whatever its share.
        shares: Percent by section, 100 in all; ``SHARES`` when not given.

    Returns:
        Tokens by section, all seven of them.

    Raises:
        InvalidInput: A section that is none, a total or a cap below 0, or shares that are not 100 in all.

    Example:
        >>> list(allocate(8192).values())
        [2457, 819, 1228, 1638, 819, 409, 819]
        >>> allocate(1000, [one for one in SECTIONS if one not in ("memories", "director")])["history"]
        400
    """
    weights = check_shares(SHARES if shares is None else shares)
    _known(present, "present")
    _known(caps, "caps")
    _whole("total", total)
    for name, cap in caps.items():
        _whole(f"the cap of {name}", cap)
    sum_present = sum(weights[name] for name in SECTIONS if name in present)
    given = {
        name: total * weights[name] // sum_present if name in present and weights[name] else 0 for name in SECTIONS
    }
    return {name: min(tokens, caps.get(name, tokens)) for name, tokens in given.items()}


def check_shares(shares: Mapping[str, int]) -> dict[str, int]:
    """Return the percent of every section, or refuse shares that do not add up.

    Raises:
        InvalidInput: A section that is none, a share that is no whole number from 0, or a sum other than 100.

    Example:
        >>> sum(check_shares(SHARES).values())
        100
    """
    _known(shares, "shares")
    for name, share in shares.items():
        _whole(f"the share of {name}", share)
    total = sum(shares.values())
    if total != _WHOLE:
        listed = ", ".join(f"{name} {share}" for name, share in shares.items())
        raise InvalidInput(
            f"the shares sum to {total}, not to 100: {listed}", hint="Give whole percent that sum to 100."
        )
    return {name: shares.get(name, 0) for name in SECTIONS}


def counter(
    characters_per_token: float = CHARACTERS_PER_TOKEN, tokenizer: Callable[[str], object] | None = None
) -> Counter:
    """Return what counts the tokens of a text before it is sent.

    The ratio stays what it was set to: one that learned from replies would cut prompts at other places the next time,
    and a play could not be replayed.

    Args:
        characters_per_token: The ratio where there is no tokenizer; 4 suits English prose.
        tokenizer: A function of a tokenizer that is already on disk; it returns the tokens or their number.

    Raises:
        InvalidInput: A ratio that is not above 0.

    Example:
        >>> counter()("twelve chars"), counter(tokenizer=str.split)("two words")
        (3, 2)
    """
    if tokenizer is not None:
        return _by(tokenizer)
    if not characters_per_token > 0:
        raise InvalidInput(f"characters_per_token is {characters_per_token!r}", hint="4 suits English prose.")
    return lambda text: math.ceil(len(text) / characters_per_token)


def _by(tokenizer: Callable[[str], object]) -> Counter:
    def count(text: str) -> int:
        found = tokenizer(text)
        return found if isinstance(found, int) else len(found)  # type: ignore[arg-type]  # tokens, in a list or so

    return count


def _known(names: Collection[str], what: str) -> None:
    for name in names:
        if name not in SECTIONS:
            raise InvalidInput(
                f"{what} names {name!r}, which is no section", hint=f"There are {', '.join(SECTIONS)}{_near(name)}."
            )


def _near(name: str) -> str:
    return nearest(name, SECTIONS)


def _whole(what: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidInput(f"{what} is {value!r}", hint="Give a whole number from 0.")
