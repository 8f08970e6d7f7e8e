"""Catalogues: what features are mapped onto, with facets, and the hash that tells one state of them from another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

from toolkit.errors import InvalidInput
from toolkit.evolutions.strict import Name, Strict, checked, read_json
from toolkit.resources import data_file, data_names

__all__ = ["Catalogue", "Facet", "FacetOption", "Item", "catalogue_hash", "catalogues_of"]


class Item(Strict):
    """One entry of a catalogue: an application, a technology, a kind of data."""

    id: Name
    name: Name
    description: str


class FacetOption(Strict):
    """One value that a facet of type ``enum`` may have."""

    id: Name
    label: Name


class Facet(Strict):
    """What else is said of a feature's link to an item."""

    id: Name
    label: Name
    type: Literal["string", "integer", "number", "boolean", "enum"]
    required: bool = False
    description: str = ""
    options: list[FacetOption] | None = None


class Catalogue(Strict):
    """A mapping set: a field of the output, and the items it may name.

    Example:
        >>> kinds = Catalogue(field="data", items=[Item(id="D1", name="Loans", description="Who has what.")])
        >>> kinds.label, len(kinds.digest)
        ('data', 64)
    """

    field: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")]
    """The key under which mappings stand in the output: ``applications``, ``technologies``, ``data``."""
    items: list[Item]
    label: str = ""
    facets: list[Facet] = Field(default_factory=list)

    def model_post_init(self, _: Any) -> None:
        """Refuse what no reply could satisfy."""
        for what, ids in (("item", [one.id for one in self.items]), ("facet", [one.id for one in self.facets])):
            twice = [one for one in ids if ids.count(one) > 1] if len(set(ids)) < len(ids) else []
            if twice:
                raise ValueError(f"the {what} {twice[0]!r} stands twice in {self.field!r}")
        if not self.items:
            raise ValueError(f"{self.field!r} has no item")
        for facet in self.facets:
            if facet.type == "enum" and not facet.options:
                raise ValueError(f"the facet {facet.id!r} of {self.field!r} is an enum without options")
        if not self.label:
            object.__setattr__(self, "label", self.field)

    @cached_property
    def ids(self) -> frozenset[str]:
        """The items' ids."""
        return frozenset(one.id for one in self.items)

    @cached_property
    def names(self) -> dict[str, str]:
        """The items' names by id."""
        return {one.id: one.name for one in self.items}

    @cached_property
    def in_order(self) -> list[Item]:
        """The items by id, as prompts show them."""
        return sorted(self.items, key=lambda item: item.id)

    @cached_property
    def shown(self) -> str:
        """The items by id, as JSON lines."""
        return "\n".join(orjson.dumps(one.model_dump()).decode() for one in self.in_order)

    @cached_property
    def facets_by_id(self) -> dict[str, tuple[Facet, frozenset[str]]]:
        """The facets by id, each with the options it allows."""
        return {one.id: (one, frozenset(option.id for option in one.options or ())) for one in self.facets}

    @cached_property
    def digest(self) -> str:
        """SHA-256 over items sorted by id, tabs and line ends flattened, and over label and facets."""
        flat = [[_flat(one.id), _flat(one.name), _flat(one.description)] for one in self.in_order]
        facets = [one.model_dump() for one in sorted(self.facets, key=lambda facet: facet.id)]
        told = {"field": self.field, "label": self.label, "facets": facets, "items": flat}
        return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _flat(text: str) -> str:
    return " ".join(text.replace("\t", " ").replace("\r", " ").replace("\n", " ").split())


def catalogue_hash(catalogues: Sequence[Catalogue]) -> str | None:
    """Return the SHA-256 over ``field:digest`` of each catalogue in sorted order; nothing where there is none.

    Example:
        >>> catalogue_hash(()) is None
        True
    """
    if not catalogues:
        return None
    told = "\n".join(sorted(f"{one.field}:{one.digest}" for one in catalogues))
    return hashlib.sha256(told.encode()).hexdigest()


def catalogues_of(given: Any, folder: Path | None = None) -> tuple[Catalogue, ...]:
    """Return catalogues.

    Args:
        given: Catalogues, objects like them, paths of JSON files, names of shipped ones (``applications``), or mapping
            sets ``{"name": …, "file": …, "field": …}`` as the earlier program's settings hold them.
        folder: Where the files of mapping sets and plain names are looked for first.

    Raises:
        InvalidInput: Something is no catalogue, or two have one field.

    Example:
        >>> [one.field for one in catalogues_of(["applications", "technologies", "data"])]
        ['applications', 'technologies', 'data']
    """
    if given is None:
        return ()
    if isinstance(given, (str, Path, Catalogue, Mapping)):
        given = [given]
    if not isinstance(given, Iterable):
        raise InvalidInput(f"catalogues is {type(given).__name__}", hint="Give catalogues, their files or names.")
    found = tuple(_one(one, number, folder) for number, one in enumerate(given, start=1))
    fields = [one.field for one in found]
    twice = [one for one in fields if fields.count(one) > 1]
    if twice:
        raise InvalidInput(f"two catalogues have the field {twice[0]!r}", hint="Give each a field of its own.")
    return found


def _one(given: Any, number: int, folder: Path | None) -> Catalogue:
    if isinstance(given, Catalogue):
        return given
    if isinstance(given, Mapping) and "file" in given:
        unknown = sorted(set(given) - {"name", "file", "field"})
        if unknown:
            raise InvalidInput(
                f"mapping set {number} has the key {unknown[0]!r}", hint="There are name, file and field."
            )
        label, field = str(given.get("name") or ""), given.get("field")
        return _from_file(_found(str(given["file"]), folder), field, label)
    if isinstance(given, Mapping):
        return checked(Catalogue, given, f"catalogue {number}")
    return _from_file(_found(given, folder), None, "")


def _from_file(path: Path, field: str | None, label: str) -> Catalogue:
    """Return the catalogue of a file: a bare list of items, or an object with field, label, facets and items."""
    value = read_json(path, "the catalogue")
    if isinstance(value, list):
        value = {"field": field or path.stem, "label": label, "items": value}
    elif isinstance(value, dict):
        value = {**value, **({"field": field} if field else {}), **({"label": label} if label else {})}
    return checked(Catalogue, value, f"the catalogue {path.name}")


def _found(given: Any, folder: Path | None) -> Path:
    if not isinstance(given, (str, Path)):
        raise InvalidInput(f"a catalogue is {type(given).__name__}", hint="Give a Catalogue, a file or a name.")
    path = Path(given)
    places = [folder / path, folder / f"{path}.json"] if folder is not None else []
    for place in (*places, path):
        if place.is_file():
            return place
    shipped = {"data": "information"}.get(str(given), str(given))
    if shipped in data_names("catalogues", ".json"):
        return data_file(f"catalogues/{shipped}.json")
    raise InvalidInput(
        f"there is no catalogue {str(given)!r}",
        hint=f"Give a file, or one of {', '.join(data_names('catalogues', '.json'))}.",
    )
