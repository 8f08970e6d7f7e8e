"""What a mapping reply holds: links from features to items of a catalogue, with facets, in any accepted shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.errors import InvalidReply
from toolkit.evolutions.catalogue import Catalogue, Facet
from toolkit.evolutions.reading import Fault, json_of

__all__ = ["Mapped", "label_of", "read_mapping"]


@dataclass(slots=True)
class Mapped:
    """How the features of a plateau are linked to one catalogue."""

    links: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Links by feature id, sorted by item; a feature without any is there too."""
    faults: list[Fault] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Items that the reply named and the catalogue does not have."""


def label_of(place: int) -> str:
    """Return what a feature is called in a mapping prompt and its reply, by its place from 0."""
    return f"f{place + 1}"


def read_mapping(text: str, catalogue: Catalogue, features: Sequence[str]) -> Mapped:
    """Read a mapping reply.

    What is asked for is ``{"features": {"f1": [{"item": …, "facets": {…}}]}}``, one field a feature, so that none is
    missing or twice. Read alike are lists of ``{"feature_id": …, "mappings": {set: […]}}``, flattened ones
    (``{"feature_id": …, set: […]}``) and doubly nested ones (``{set: {set: […]}}``, ``{"mappings": {"mappings": …}}``).

    Args:
        text: The reply.
        catalogue: Which items and facets there are.
        features: Ids of the features asked about, in the order of the prompt.

    Returns:
        The links that can be used; an unknown feature or item and a facet that does not fit are faults and left out.

    Raises:
        InvalidReply: It is no such object, or names a feature twice.
    """
    rows = _rows(json_of(text).get("features"), features)
    mapped = Mapped()
    for name, given in rows:
        if name not in features:
            mapped.faults.append(Fault("unknown_ids", f"there is no feature {name!r}"))
        elif name in mapped.links:
            raise InvalidReply(f"the feature {name!r} stands twice in the reply", hint="retry() asks again.")
        else:
            mapped.links[name] = _links(_listed(given, catalogue.field), catalogue, name, mapped)
    for name in features:
        if name not in mapped.links:
            mapped.faults.append(Fault("missing_mapping", f"the feature {name} is not in the reply"))
    return mapped


def _rows(given: Any, features: Sequence[str]) -> list[tuple[Any, Any]]:
    """Return what is said of each feature, whatever the shape."""
    if isinstance(given, Mapping):
        labels = {label_of(place): name for place, name in enumerate(features)}
        return [(labels.get(name, name) if name not in features else name, said) for name, said in given.items()]
    if isinstance(given, list):
        rows = [one for one in given if isinstance(one, Mapping)]
        return [(one.get("feature_id"), {k: v for k, v in one.items() if k != "feature_id"}) for one in rows]
    raise InvalidReply("the reply has no features", hint="retry() asks again.")


def _listed(given: Any, name: str) -> list[Any]:
    """Return the list of links however deep it lies under ``mappings`` and the set's own name."""
    for _ in range(4):
        if isinstance(given, list):
            return given
        if not isinstance(given, Mapping):
            return []
        given = given.get(name, given.get("mappings"))
    return []


def _links(rows: list[Any], catalogue: Catalogue, feature: str, mapped: Mapped) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        item = row.get("item") if isinstance(row, Mapping) else row
        if not isinstance(item, str) or item not in catalogue.ids:
            mapped.unknown.append(str(item))
            mapped.faults.append(Fault("unknown_ids", f"{feature}: {catalogue.field} has no item {str(item)[:60]!r}"))
            continue
        told = row if isinstance(row, Mapping) else {}
        facets, faults = _facets(told.get("facets"), catalogue, f"{feature} to {item}")
        mapped.faults += faults
        if facets is None or item in found:
            continue
        rationale = told.get("rationale")
        why = {"rationale": rationale} if isinstance(rationale, str) and rationale.strip() else {}
        found[item] = {"item": item, "facets": facets, **why}
    return [found[item] for item in sorted(found)]


def _facets(given: Any, catalogue: Catalogue, place: str) -> tuple[dict[str, Any] | None, list[Fault]]:
    """Return the facets of a link, or nothing where one that is there does not fit or one that must be is not."""
    told = {name: value for name, value in given.items() if value is not None} if isinstance(given, Mapping) else {}
    known = catalogue.facets_by_id
    wrong = [f"there is no facet {name!r}" for name in told if name not in known]
    kept: dict[str, Any] = {}
    fits = True
    for name, (facet, options) in known.items():
        if name not in told:
            if facet.required:
                wrong.append(f"the facet {name!r} is missing")
                fits = False
            continue
        if _fits(told[name], facet, options):
            kept[name] = told[name]
        else:
            wrong.append(f"the facet {name!r} cannot be {str(told[name])[:60]!r}")
            fits = False
    return kept if fits else None, [Fault("facet_validation", f"{place}: {one}") for one in wrong]


def _fits(value: Any, facet: Facet, options: frozenset[str]) -> bool:
    if facet.type == "enum":
        return isinstance(value, str) and value in options
    if facet.type == "boolean":
        return isinstance(value, bool)
    if facet.type == "string":
        return isinstance(value, str) and bool(value.strip() or not facet.required)
    if isinstance(value, bool):
        return False
    return isinstance(value, int) if facet.type == "integer" else isinstance(value, (int, float))
