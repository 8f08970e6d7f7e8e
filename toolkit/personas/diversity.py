"""How much a panel's names and texts vary: distinct words and word pairs, duplicates and near-duplicates."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from toolkit.personas.persona import Persona, in_words

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Diversity", "distinct", "diversity", "near_duplicates"]

NEAR = 0.6
"""From this share of common word triples on two texts count as near-duplicates."""
_SHINGLE = 3
_BANDS, _ROWS = 24, 4
"""Two texts that share 60 % of their triples meet in a band with probability 1 - (1 - 0.6^4)^24 = 96 %."""
_COMPARED = 8
"""Texts of one band that a newcomer is compared with; what is alike is alike to one of the first."""
_PRIME = (1 << 61) - 1
_SEED = 20_000_131
_WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")


@dataclass(frozen=True)
class Diversity:
    """How much the names and texts of a panel vary."""

    people: int
    names: int
    """Different names."""
    first_names: int
    """Different first names."""
    texts: int
    """People with a text: a bio, or else whatever was written."""
    distinct_1: float | None
    """Different words over all words (distinct-1 of Li et al., 2016); longer panels have lower values."""
    distinct_2: float | None
    """Different pairs of neighbouring words over all pairs."""
    duplicates: int
    """Texts that are, but for the person's own name, the text of somebody before."""
    near_duplicates: int
    """Further texts that share 60 % of their word triples with one before."""
    pairs: tuple[tuple[str, str, float], ...] = ()
    """The most alike: two ids, and the share of word triples they have in common."""

    def __str__(self) -> str:
        """Return one line."""
        said = f"{self.names:,} different names of {self.people:,}"
        if not self.texts:
            return said
        return (
            f"{said}; {self.texts:,} texts: distinct-1 {self.distinct_1 or 0:.2f}, distinct-2 "
            f"{self.distinct_2 or 0:.2f}, {self.duplicates:,} duplicates, {self.near_duplicates:,} near-duplicates"
        )


def diversity(people: Sequence[Persona]) -> Diversity:
    """Return how much names and texts vary; the person's own name is left out of the text.

    Args:
        people: Whom.

    Example:
        >>> told = [("Ann Lee", "Ann bakes rye bread at night."), ("Bo Ray", "Bo bakes rye bread at night.")]
        >>> panel = [Persona(name, name, {}, {"bio": bio}) for name, bio in told]
        >>> diversity(panel).duplicates, diversity(panel).names
        (1, 2)
    """
    texts = [(one.id, _words(one)) for one in people]
    texts = [(person, words) for person, words in texts if words]
    seen: dict[tuple[str, ...], str] = {}
    first: list[tuple[str, tuple[str, ...]]] = []
    twins: list[tuple[str, str, float]] = []
    for person, words in texts:
        if words in seen:
            twins.append((seen[words], person, 1.0))
        else:
            seen[words] = person
            first.append((person, words))
    near = near_duplicates(first)
    return Diversity(
        people=len(people),
        names=len({one.name.casefold() for one in people}),
        first_names=len({one.name.casefold().split()[0] for one in people}),
        texts=len(texts),
        distinct_1=distinct((words for _, words in texts), 1),
        distinct_2=distinct((words for _, words in texts), 2),
        duplicates=len(twins),
        near_duplicates=len(near),
        pairs=tuple(sorted((*twins, *near), key=lambda pair: -pair[2])[:10]),
    )


def distinct(texts: Iterable[Sequence[str]], size: int) -> float | None:
    """Return distinct-n: different runs of ``size`` words over all of them (J. Li et al., 2016, NAACL).

    Args:
        texts: Each as its words.
        size: Words of a run, 1 or 2.

    Returns:
        0 to 1; ``None`` where no text is long enough.

    Example:
        >>> distinct([["a", "b"], ["a", "c"]], 1)
        0.75
    """
    counts: Counter[Any] = Counter()
    for words in texts:
        counts.update(words if size == 1 else pairwise(words))
    return len(counts) / counts.total() if counts else None


def near_duplicates(texts: Sequence[tuple[str, Sequence[str]]]) -> list[tuple[str, str, float]]:
    """Return the texts that are nearly one before: id of that one, own id, share of common word triples.

    MinHash signatures in bands (A. Broder, 1997; Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, ch. 3)
    propose who may be alike, and the triples themselves decide. A text is compared with at most 8 others a band, so
    time grows about linearly: 5,000 bios of 40 words take 1.3 s (``python -m tests.perf.tokens --diversity``).

    Args:
        texts: Id and words of each.

    Example:
        >>> one = "she sells bread in a small shop near the river and reads at night".split()
        >>> near_duplicates([("a", one), ("b", [*one, "too"]), ("c", list(reversed(one)))])[0][:2]
        ('a', 'b')
    """
    import numpy as np

    draw = np.random.Generator(np.random.PCG64(_SEED))
    factors = draw.integers(1, 1 << 31, size=(_BANDS * _ROWS, 1), dtype=np.uint64)
    shifts = draw.integers(0, 1 << 61, size=(_BANDS * _ROWS, 1), dtype=np.uint64)
    places: dict[tuple[int, bytes], list[int]] = {}
    shingles = [_shingles(words) for _, words in texts]
    found: list[tuple[str, str, float]] = []
    for number, ours in enumerate(shingles):
        if not ours:
            continue
        signature = _signature(ours, factors, shifts)
        bands = [(band, signature[band * _ROWS : (band + 1) * _ROWS].tobytes()) for band in range(_BANDS)]
        rivals = sorted({other for band in bands for other in places.get(band, ())})
        alike = max(((_overlap(ours, shingles[other]), -other) for other in rivals), default=(0.0, 0))
        if alike[0] >= NEAR:
            found.append((texts[-alike[1]][0], texts[number][0], round(alike[0], 3)))
        for band in bands:
            held = places.setdefault(band, [])
            if len(held) < _COMPARED:
                held.append(number)
    return found


def _words(persona: Persona) -> tuple[str, ...]:
    """Return the words of a person's text in lower case, without the person's own name."""
    text = persona.fields.get("bio") or " ".join(in_words(value) for value in persona.fields.values())
    own = {part.casefold() for part in persona.name.split()}
    own |= {f"{part}'s" for part in own} | {f"{part}\u2019s" for part in own}
    return tuple(word for word in _WORD.findall(str(text).casefold()) if word not in own)


def _shingles(words: Sequence[str]) -> frozenset[int]:
    """Return the word triples as numbers; a text of fewer words is one shingle."""
    runs = [words[place : place + _SHINGLE] for place in range(max(1, len(words) - _SHINGLE + 1))] if words else []
    return frozenset(zlib.crc32(" ".join(run).encode(errors="surrogatepass")) for run in runs)


def _signature(
    ours: frozenset[int], factors: np.ndarray[Any, Any], shifts: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    import numpy as np

    numbers = np.fromiter(ours, dtype=np.uint64, count=len(ours))
    hashed = (factors * numbers + shifts) % np.uint64(_PRIME)  # below 2^63 + 2^61, so nothing wraps around
    smallest: np.ndarray[Any, Any] = hashed.min(axis=1)
    return smallest


def _overlap(ours: frozenset[int], theirs: frozenset[int]) -> float:
    both = len(ours & theirs)
    return both / (len(ours) + len(theirs) - both)
