"""Preflight: everything a run needs, looked at before anything is paid."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from toolkit.errors import DramatisError
from toolkit.evolutions.catalogue import catalogues_of
from toolkit.evolutions.loading import Reference
from toolkit.evolutions.service import Services, read_services

__all__ = ["Check", "preflight"]

Check = tuple[str, bool, str]
"""What was looked at, whether it is well, and what was found."""


def preflight(
    services: Any,
    *,
    reference: str | Path = "town",
    context_id: str | None = None,
    inspirations: tuple[str, ...] = (),
    mapping_sets: Any = None,
    out: Path | None = None,
    study: Path | None = None,
    model: Callable[[], str] | None = None,
) -> list[Check]:
    """Look at services, reference data, catalogues, places to write and the model; nothing is asked.

    Args:
        services: As for ``evolve_services``.
        reference: As for ``evolve_services``.
        context_id: Which situation of the reference's folder.
        inspirations: Which texts of the reference's folder.
        mapping_sets: As for ``evolve_services``.
        out: Where records are to go.
        study: The study's folder.
        model: Opens the model and returns its name.

    Returns:
        One row for each thing looked at.

    Example:
        >>> [name for name, well, _ in preflight("town", mapping_sets=["data"]) if well]
        ['services', 'reference', 'catalogues']
    """
    folder: list[Path | None] = [None]

    def of_reference() -> str:
        found = Reference.load(reference, context_id=context_id, inspirations=inspirations)
        folder[0] = found.folder
        return f"{len(found.plateaus)} plateaus, {len(found.roles)} roles, {'a' if found.context else 'no'} situation"

    def of_catalogues() -> str:
        found = catalogues_of(mapping_sets, folder[0])
        return ", ".join(f"{one.field} ({len(one.items)} items)" for one in found) or "none: nothing will be mapped"

    checks = [
        _look("services", lambda: _counted(read_services(services))),
        _look("reference", of_reference),
        _look("catalogues", of_catalogues),
    ]
    for name, path in (("output", out.parent if out is not None else None), ("study", study)):
        if path is not None:
            checks.append(_writable(name, path))
    if model is not None:
        checks.append(_look("model", model))
    return checks


def _counted(found: Services) -> str:
    if found.bad:
        raise DramatisError(
            f"{len(found.bad)} of {len(found.good) + len(found.bad)} cannot be used: {found.bad[0].message}"
        )
    return f"{len(found.good)} services"


def _look(name: str, check: Callable[[], str]) -> Check:
    try:
        return name, True, check()
    except DramatisError as error:
        return name, False, str(error)


def _writable(name: str, folder: Path) -> Check:
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    well = place.is_dir() and os.access(place, os.W_OK)
    return name, well, f"{folder} can be written" if well else f"{folder} cannot be written"
