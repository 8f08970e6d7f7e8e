"""Evolution records: one JSON object a service, schema 1.0 and 1.1, in one canonical order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import ConfigDict, Field, ValidationError, model_validator

from toolkit.errors import InvalidInput
from toolkit.evolutions.service import Service
from toolkit.evolutions.strict import Name, Strict, fault_of

__all__ = [
    "DESCRIPTION",
    "LABELS",
    "VERSIONS",
    "Evolution10",
    "Evolution11",
    "Score",
    "canonical",
    "line_of",
    "read_record",
    "version_of",
]

VERSIONS = ("1.0", "1.1")
LABELS = ("Initial", "Managed", "Defined", "Quantitatively Managed", "Optimizing")
"""Names of the maturity levels 1 to 5 (CMMI for Development, version 1.3)."""

DESCRIPTION = {"1.0": "service_description", "1.1": "description"}
"""What the text of a plateau is called."""


class Score(Strict):
    """How mature a feature is.

    Example:
        >>> Score(level=3, label="Defined", justification="Written down and followed.").level
        3
    """

    level: Annotated[int, Field(ge=1, le=5)]
    label: str
    justification: str

    @model_validator(mode="after")
    def _fits(self) -> Score:
        if self.label != LABELS[self.level - 1]:
            raise ValueError(f"level {self.level} is {LABELS[self.level - 1]!r}, not {self.label!r}")
        return self


class Contribution(Strict):
    """A feature's link to an item of a catalogue."""

    item: Name
    facets: dict[str, str | int | float | bool | None] | None = None
    rationale: str | None = None
    """Why, where diagnostics asked for it."""


class Feature(Strict):
    """A feature of a service at a plateau."""

    feature_id: Name
    name: Name
    description: str
    score: Score
    customer_type: str | None = None
    role: str = ""
    mappings: dict[str, list[Contribution]] = Field(default_factory=dict)


class FeatureRef(Strict):
    """A feature that an item of a catalogue serves."""

    feature_id: Name
    description: str


class Group(Strict):
    """An item of a catalogue, and the features it serves."""

    id: Name
    name: str = ""
    mappings: list[FeatureRef] = Field(default_factory=list)


class RoleFeatures(Strict):
    """A role, and its features at a plateau; further keys are kept as they are."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, hide_input_in_errors=True)

    role_id: Name


class Meta(Strict):
    """What produced a record; the same in every line of a run."""

    run_id: Name
    seed: int | None = None
    models: dict[str, str | None] = Field(default_factory=dict)
    web_search: bool = False
    mapping_types: list[str] = Field(default_factory=list)
    context_window: int | None = None
    diagnostics: bool | None = None
    catalogue_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    created: str | None = None
    """When, in records of the earlier program; ours say it in the sidecar, so that equal runs are equal bytes."""


class Meta10(Meta):
    """The meta of schema 1.0."""

    schema_version: Literal["1.0"] = "1.0"


class Meta11(Meta):
    """The meta of schema 1.1."""

    schema_version: Literal["1.1"]


class _Plateau(Strict):
    plateau: Annotated[int, Field(ge=1)]
    plateau_name: Name
    roles: list[RoleFeatures] = Field(default_factory=list)
    mappings: dict[str, list[Group]] = Field(default_factory=dict)


class Plateau10(_Plateau):
    """A plateau of a service in schema 1.0."""

    service_description: str
    features: list[Feature] = Field(default_factory=list)


class Plateau11(_Plateau):
    """A plateau of a service in schema 1.1."""

    description: str
    features: list[Feature]


class Evolution10(Strict):
    """One line of schema 1.0."""

    meta: Meta10
    service: Service
    plateaus: list[Plateau10]
    schema_version: Literal["1.0"] | None = None
    """Early files say the version here as well."""


class Evolution11(Strict):
    """One line of schema 1.1."""

    meta: Meta11
    service: Service
    plateaus: list[Plateau11]


_MODELS: dict[str, type[Evolution10 | Evolution11]] = {"1.0": Evolution10, "1.1": Evolution11}


def version_of(record: Any) -> str:
    """Return the schema version a record says it has; ``1.0`` where it says nothing.

    Example:
        >>> version_of({"meta": {"schema_version": "1.1"}})
        '1.1'
    """
    meta = record.get("meta") if isinstance(record, Mapping) else None
    told = meta.get("schema_version") if isinstance(meta, Mapping) else None
    return str(told or (record.get("schema_version") if isinstance(record, Mapping) else None) or "1.0")


def read_record(line: bytes | str | Mapping[str, Any], place: str = "the record") -> dict[str, Any]:
    """Return a record that satisfies its schema, as it stands.

    Args:
        line: JSON, or what JSON holds.
        place: Where it stands, for messages.

    Raises:
        InvalidInput: It is no JSON, of an unknown version, or does not satisfy its schema.
    """
    try:
        record = dict(line) if isinstance(line, Mapping) else orjson.loads(line)
    except ValueError as error:
        raise InvalidInput(f"{place} is no JSON: {error}", hint="Restore the line, or run again.") from error
    version = version_of(record)
    if version not in _MODELS:
        raise InvalidInput(f"{place} is of the unknown version {version!r}", hint=f"There are {', '.join(VERSIONS)}.")
    try:
        _MODELS[version].model_validate(record)
    except ValidationError as error:
        raise InvalidInput(f"{place}: {fault_of(error)}", hint="Restore the line, or run again.") from error
    return dict(record)


def canonical(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record in canonical order: features by id, roles by id, links by item, groups by id, sets by name.

    Example:
        >>> mixed = {"plateaus": [{"features": [{"feature_id": "B"}, {"feature_id": "A"}]}]}
        >>> [one["feature_id"] for one in canonical(mixed)["plateaus"][0]["features"]]
        ['A', 'B']
    """
    return {**record, "plateaus": [_plateau(one) for one in record.get("plateaus", [])]}


def _plateau(plateau: Mapping[str, Any]) -> dict[str, Any]:
    held = dict(plateau)
    held["features"] = _by((_feature(one) for one in plateau.get("features", [])), "feature_id")
    if "roles" in plateau:
        held["roles"] = _by(plateau["roles"], "role_id")
    if "mappings" in plateau:
        held["mappings"] = {
            name: _by(
                ({**group, "mappings": _by(group.get("mappings", []), "feature_id")} for group in groups),
                "id",
            )
            for name, groups in sorted(plateau["mappings"].items())
        }
    return held


def _feature(feature: Mapping[str, Any]) -> dict[str, Any]:
    if "mappings" not in feature:
        return dict(feature)
    return {**feature, "mappings": {name: _by(links, "item") for name, links in sorted(feature["mappings"].items())}}


def _by(rows: Iterable[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    return sorted(map(dict, rows), key=lambda row: str(row.get(name, "")))


def line_of(record: Mapping[str, Any]) -> bytes:
    """Return a record as its line, without the end of the line."""
    return orjson.dumps(record)
