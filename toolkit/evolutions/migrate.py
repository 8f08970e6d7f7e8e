"""From schema 1.0 to 1.1: one record, or a file of any length in flat memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from toolkit.errors import InvalidInput
from toolkit.evolutions.record import VERSIONS, line_of, read_record, version_of
from toolkit.evolutions.strict import each_line

__all__ = ["migrate_file", "migrate_record"]


def migrate_record(record: Mapping[str, Any], *, from_version: str = "1.0", to_version: str = "1.1") -> dict[str, Any]:
    """Return a record in another schema version; its meta stays, but for the version.

    Of 1.0 the top-level ``schema_version`` is dropped, each plateau's ``service_description`` becomes ``description``,
    and ``features`` that are missing become an empty list. To the same version it is a copy.

    Args:
        record: A record; it is not changed.
        from_version: What it is.
        to_version: What it becomes.

    Raises:
        InvalidInput: An unknown step between versions, or a record that is not of ``from_version``.

    Example:
        >>> evolutions = evolve_services("town", max_services=1, lab=lab)
        >>> migrate_record(evolutions[0])["meta"]["schema_version"]
        '1.1'
    """
    check_step(from_version, to_version)
    version = version_of(record)
    if version != from_version:
        raise InvalidInput(f"the record is of version {version!r}, not {from_version!r}", hint="Say what it is.")
    fresh: dict[str, Any] = orjson.loads(orjson.dumps(record))
    if from_version == to_version:
        return fresh
    fresh.pop("schema_version", None)
    fresh["meta"] = {**fresh.get("meta", {}), "schema_version": to_version}
    fresh["plateaus"] = [_plateau(one) for one in fresh.get("plateaus", [])]
    return fresh


def check_step(from_version: str, to_version: str) -> None:
    """Refuse a step between versions that is not known.

    Raises:
        InvalidInput: There is no such step.
    """
    if from_version not in VERSIONS or (from_version, to_version) not in {(one, one) for one in VERSIONS} | {
        ("1.0", "1.1")
    }:
        raise InvalidInput(
            f"there is no migration from {from_version!r} to {to_version!r}", hint='There is from "1.0" to "1.1".'
        )


def migrate_file(source: str | Path, target: str | Path, *, from_version: str = "1.0", to_version: str = "1.1") -> int:
    """Migrate a file of records, line by line, in order; the target appears whole or not at all.

    Args:
        source: JSON lines.
        target: Where the migrated lines go; what was there before is replaced once all is well.
        from_version: What the lines are.
        to_version: What they become.

    Returns:
        How many records there are.

    Raises:
        InvalidInput: An unknown version, or a line that is no record of ``from_version``; nothing was written.
    """
    check_step(from_version, to_version)
    source, target = Path(source), Path(target)
    fresh = target.with_name(f".{target.name}.{os.getpid()}.new")
    count = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as out:
            for line in _migrated(source, from_version, to_version):
                out.write(line + b"\n")
                count += 1
        fresh.replace(target)
    except OSError as error:
        raise InvalidInput(
            f"{target.name} cannot be written: {error.strerror or error}", hint="Choose a folder that can be written."
        ) from error
    finally:
        fresh.unlink(missing_ok=True)
    return count


def _migrated(source: Path, from_version: str, to_version: str) -> Iterator[bytes]:
    for number, line in each_line(source, "the records"):
        place = f"line {number} of {source.name}"
        record = read_record(line, place)
        try:
            fresh = migrate_record(record, from_version=from_version, to_version=to_version)
        except InvalidInput as error:
            raise InvalidInput(f"{place}: {error.message}", hint=error.hint) from error
        yield line_of(read_record(fresh, place))


def _plateau(plateau: dict[str, Any]) -> dict[str, Any]:
    """Return a plateau in 1.1, its keys in the order they had."""
    held = {"description" if name == "service_description" else name: value for name, value in plateau.items()}
    held.setdefault("features", [])
    return held
