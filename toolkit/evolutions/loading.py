"""Where the reference data and the prompts come from: protocols, so that a test or a program brings its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from toolkit import prompts
from toolkit.errors import InvalidInput
from toolkit.evolutions.catalogue import Catalogue
from toolkit.evolutions.plateau import Definitions, Plateau, Role, definitions_of, plateaus_of, roles_of
from toolkit.prompts import Prompt
from toolkit.resources import data_file

__all__ = ["FolderPrompts", "MappingLoader", "PromptLoader", "Reference", "ShippedPrompts"]

SHIPPED = "town"
"""The reference data that come with the package: a town library and a hospital."""


class PromptLoader(Protocol):
    """Gives prompts by name."""

    def load(self, name: str) -> Prompt:
        """Return the prompt of a name: ``evolutions.descriptions``, ``evolutions.features``, ``evolutions.mapping``."""
        ...


@runtime_checkable
class MappingLoader(Protocol):
    """Gives the catalogues that features are mapped onto."""

    def catalogues(self) -> Sequence[Catalogue]:
        """Return the catalogues, one for each mapping set."""
        ...


class ShippedPrompts:
    """The prompts of the package.

    Example:
        >>> ShippedPrompts().load("evolutions.mapping").name
        'evolutions.mapping'
    """

    def load(self, name: str) -> Prompt:
        """Return the package's prompt of a name."""
        return prompts.load(name)


class FolderPrompts:
    """Prompts of a folder, ``evolutions.features.md.j2`` for example; the package's where the folder has none.

    Args:
        folder: Where.

    Raises:
        InvalidInput: There is no such folder.

    Example:
        >>> FolderPrompts(tmp).load("evolutions.mapping").name
        'evolutions.mapping'
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise InvalidInput(f"there is no folder {self.folder}", hint="Give the folder of your prompts.")

    def load(self, name: str) -> Prompt:
        """Return the folder's prompt of a name, else the package's."""
        path = self.folder / f"{name}.md.j2"
        return prompts.parse(name, path.read_text(encoding="utf-8")) if path.is_file() else prompts.load(name)


@dataclass(frozen=True, slots=True)
class Reference:
    """What all services are evolved by: plateaus, roles, and what the prompts are told of the situation.

    Example:
        >>> reference = Reference.load("town")
        >>> len(reference.plateaus), len(reference.roles), reference.definitions.title
        (5, 4, 'Words used here')
    """

    plateaus: tuple[Plateau, ...]
    roles: tuple[Role, ...]
    definitions: Definitions | None = None
    context: str = ""
    """The situation, as text."""
    inspirations: tuple[str, ...] = ()
    """Texts that may inspire."""
    folder: Path | None = field(default=None, compare=False)

    @classmethod
    def load(
        cls, folder: str | Path = SHIPPED, *, context_id: str | None = None, inspirations: Iterable[str] = ()
    ) -> Reference:
        """Read a folder with ``roles.json``, ``service_feature_plateaus.json`` and, where there are any,
        ``definitions.json``, ``situational_context/<id>.md`` and ``inspirations/<id>.md``.

        Args:
            folder: The folder, or ``town`` for the shipped one.
            context_id: Which situation; without it the only one there is, else none.
            inspirations: Which texts, by id.

        Raises:
            InvalidInput: A file that is missing or cannot be used.
        """  # noqa: D205  # one sentence, and it is long
        path = data_file("services") if folder == SHIPPED else Path(folder)
        if not path.is_dir():
            raise InvalidInput(f"there is no folder {path}", hint="Give the folder of roles.json, or 'town'.")
        told = path / "definitions.json"
        return cls(
            plateaus=plateaus_of(path / "service_feature_plateaus.json"),
            roles=roles_of(path / "roles.json"),
            definitions=definitions_of(told if told.is_file() else None),
            context=_context(path / "situational_context", context_id),
            inspirations=tuple(_text(path / "inspirations", one) for one in inspirations),
            folder=path,
        )


def _context(folder: Path, name: str | None) -> str:
    if name is not None:
        return _text(folder, name)
    found = sorted(folder.glob("*.md"))
    return found[0].read_text(encoding="utf-8").strip() if len(found) == 1 else ""


def _text(folder: Path, name: str) -> str:
    known = sorted(path.stem for path in folder.glob("*.md"))
    if name not in known:
        there = f"There are {', '.join(known)}." if known else f"{folder.name}/ has none."
        raise InvalidInput(f"there is no {folder.name}/{name}.md", hint=there)
    return (folder / f"{name}.md").read_text(encoding="utf-8").strip()


def text_of(given: Any, what: str) -> str:
    """Return a text given as such, or as the ``Path`` of a file.

    Raises:
        InvalidInput: It is neither, or cannot be read.
    """
    if isinstance(given, Path):
        try:
            return given.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{what} {given.name} cannot be read: {error}", hint="Check the path.") from error
    if not isinstance(given, str):
        raise InvalidInput(f"{what} is {type(given).__name__}", hint="Give text, or the Path of a file.")
    return given.strip()
