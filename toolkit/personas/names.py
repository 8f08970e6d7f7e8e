"""Names, unique within a panel: drawn by seed from name tables, checked and reserved in one locked step."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from toolkit.errors import InvalidInput
from toolkit.personas._name_tables import NameTables, Weighted, tables
from toolkit.seeds import derive

__all__ = ["NameRegister"]

TRIES = 64  # proposals by frequency before the tables are walked through in order


class NameRegister:
    """The names a panel has given out.

    No lock is ever held while something is awaited: each method takes it for one look-up and gives it back. Two names
    are the same when they are equal after Unicode NFKC, case folding and single spaces.

    Args:
        taken: Names that may not be given out.

    Example:
        >>> register = NameRegister(taken=["Mary Smith"])
        >>> register.reserve("  mary SMITH "), register.reserve("Mary Jones"), register.reserve("Mary Jones")
        (False, True, False)
        >>> register.release("Mary Jones")
        True
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._taken = {_normal(name) for name in taken}

    def __len__(self) -> int:
        """Return how many names are reserved."""
        with self._lock:
            return len(self._taken)

    def __contains__(self, name: str) -> bool:
        """Return whether a name is reserved."""
        with self._lock:
            return _normal(name) in self._taken

    def reserve(self, name: str) -> bool:
        """Reserve a name if it is free.

        Returns:
            True for the one caller who got it.

        Raises:
            InvalidInput: The name is empty.
        """
        key = _normal(name)
        if not key:
            raise InvalidInput(f"{name!r} is no name", hint="Give at least one letter.")
        with self._lock:
            if key in self._taken:
                return False
            self._taken.add(key)
            return True

    def release(self, name: str) -> bool:
        """Give a name back.

        Returns:
            True if it was reserved; releasing twice is harmless.
        """
        key = _normal(name)
        with self._lock:
            if key not in self._taken:
                return False
            self._taken.remove(key)
            return True

    @contextmanager
    def holding(self, name: str) -> Iterator[str]:
        """Reserve a name for a block; it stays reserved if the block succeeds, and is free again if it does not.

        Any way out by exception releases it: a failure, a cancelled task, an interrupt.

        Raises:
            InvalidInput: The name is taken or empty.

        Example:
            >>> register = NameRegister()
            >>> with register.holding("Mary Jones") as name:
            ...     persona = {"name": name}
            >>> "mary jones" in register
            True
        """
        if not self.reserve(name):
            raise InvalidInput(f"the name {name!r} is taken", hint="Propose another index or attempt.")
        try:
            yield name
        except BaseException:
            self.release(name)
            raise

    def propose(
        self,
        sex: str | None = None,
        birth_year: int | None = None,
        locale: str = "en-US",
        *,
        seed: int,
        index: int,
        attempt: int = 0,
    ) -> str:
        """Return the name that belongs to a place of a panel; nothing is reserved.

        Args:
            sex: A sex the tables know; any other value, or ``None``, draws from all of them.
            birth_year: Chooses the decade of the first name; ``None`` draws from all.
            locale: ``en-US``.
            seed: The panel's seed.
            index: The person's place in the panel, from 0.
            attempt: Which proposal for this place.

        Raises:
            InvalidInput: No tables for the locale.

        Example:
            >>> NameRegister().propose("female", 1948, seed=7, index=0)
            'Irene Gardner'
        """
        known = tables(locale)
        first = _firsts(known, sex, birth_year, derive(seed, "names", index, attempt, "sex"))
        return _full(
            first.at(derive(seed, "names", index, attempt, "first")),
            known.surnames.at(derive(seed, "names", index, attempt, "surname")),
        )

    def take(
        self,
        sex: str | None = None,
        birth_year: int | None = None,
        locale: str = "en-US",
        *,
        seed: int,
        index: int,
    ) -> str:
        """Reserve and return the first free name proposed for a place.

        Raises:
            InvalidInput: No tables for the locale, or every name they hold is taken.
        """
        for attempt in range(TRIES):
            name = self.propose(sex, birth_year, locale, seed=seed, index=index, attempt=attempt)
            if self.reserve(name):
                return name
        return self._walk(sex, birth_year, locale, derive(seed, "names", index, "walk"))

    def assign(self, people: Iterable[tuple[str | None, int | None]], locale: str = "en-US", *, seed: int) -> list[str]:
        """Reserve a name for each person, in order, so that who finishes first later on changes nothing.

        Args:
            people: Sex and year of birth of each.
            locale: ``en-US``.
            seed: The panel's seed.

        Raises:
            InvalidInput: Names run out; what this call had reserved is free again.

        Example:
            >>> names = NameRegister().assign([("female", 1948), ("male", 1990)], seed=7)
            >>> names == NameRegister().assign([("female", 1948), ("male", 1990)], seed=7)
            True
        """
        names: list[str] = []
        try:
            for index, (sex, birth_year) in enumerate(people):
                names.append(self.take(sex, birth_year, locale, seed=seed, index=index))
        except BaseException:
            for name in names:
                self.release(name)
            raise
        return names

    def _walk(self, sex: str | None, birth_year: int | None, locale: str, start: int) -> str:
        """Reserve the first free pair from a seeded place of the tables on; meets every pair once."""
        known = tables(locale)
        firsts, surnames = _firsts(known, sex, birth_year, start).names, known.surnames.names
        pairs = len(firsts) * len(surnames)
        for step in range(pairs):
            place = (start + step) % pairs
            name = _full(firsts[place % len(firsts)], surnames[place // len(firsts)])
            if self.reserve(name):
                return name
        raise InvalidInput(
            f"all {pairs:,} names of {locale} for sex {sex!r}, year of birth {birth_year} are taken",
            hint="Use a second register, or a smaller panel.",
        )


def _firsts(known: NameTables, sex: str | None, birth_year: int | None, draw: int) -> Weighted:
    return known.firsts(sex if sex in known.sexes else known.sexes[draw % len(known.sexes)], birth_year)


def _full(first: str, surname: str) -> str:
    return f"{first} {surname}"


def _normal(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
