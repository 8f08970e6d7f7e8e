"""Randomness by address: each draw derives its own seed from the study's seed and a path, so order never matters."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["derive", "generator", "rng"]


def derive(seed: int, *path: str | int) -> int:
    """Return the seed that belongs to one place of a study.

    Args:
        seed: The study's seed.
        path: Names and numbers that say the place, for example ``"questions", persona_id, "order"``.

    Returns:
        An integer of 63 bits; equal arguments give equal seeds on every machine.

    Example:
        >>> derive(7, "names", 3) == derive(7, "names", 3)
        True
        >>> derive(7, "names", 3) == derive(7, "names", "3")
        False
    """
    # A separator within a name is doubled, so that ("a", "b") and one name that holds a separator stay apart.
    names = (f"{type(part).__name__[0]}:{part}".replace("\x1f", "\x1f\x1f") for part in path)
    address = "\x1f".join((str(seed), *names))
    digest = hashlib.sha256(address.encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def rng(seed: int, *path: str | int) -> random.Random:
    """Return a standard-library generator for one place of a study.

    Example:
        >>> rng(7, "shuffle").random() == rng(7, "shuffle").random()
        True
    """
    return random.Random(derive(seed, *path))  # noqa: S311  # reproducible draws, not secrets


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """Return a numpy generator (PCG64) for one place of a study.

    Example:
        >>> generator(7, "sample").integers(10) == generator(7, "sample").integers(10)
        np.True_
    """
    import numpy as np

    return np.random.Generator(np.random.PCG64(derive(seed, *path)))
