"""The brief: all that the prompts of a run are told, and the calls made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from toolkit.evolutions.catalogue import Catalogue, Facet
from toolkit.evolutions.loading import PromptLoader, Reference, ShippedPrompts
from toolkit.evolutions.mapping import label_of
from toolkit.evolutions.record import LABELS
from toolkit.models import Call, Message, Schema
from toolkit.seeds import derive

__all__ = ["STAGES", "Brief", "item_of"]

STAGES = ("descriptions", "features", "mapping")

_INLINE = 400
"""Enum values that a mapping schema may repeat; with more the items are defined once and referred to, and the check of
a reply needs the slower library. Providers allow 1,000 in all."""
_LISTED = 900
"""Items of a catalogue that a schema names at all."""


@dataclass(frozen=True)
class Brief:
    """What the prompts of a run are told.

    Example:
        >>> brief = Brief(Reference.load("town"), seed=7)
        >>> brief.descriptions({"service_id": "s1", "name": "Desk"}).stage
        'evolutions.descriptions'
    """

    reference: Reference
    catalogues: tuple[Catalogue, ...] = ()
    seed: int = 0
    features_per_role: int = 3
    diagnostics: bool = False
    """Whether links come with a rationale."""
    prompts: PromptLoader = field(default_factory=ShippedPrompts)
    models: Mapping[str, str] = field(default_factory=dict)
    """``provider:model`` of stages that have one of their own."""

    # --- calls ---

    def descriptions(self, service: Mapping[str, Any]) -> Call:
        """Return the call that describes a service at every plateau."""
        return self._call("descriptions", item_of(service), self._descriptions_schema, self._told(service))

    def features(self, service: Mapping[str, Any], level: int, description: str) -> Call:
        """Return the call for the features of a service at one plateau."""
        told = self._told(service) | {
            "roles": self.reference.roles,
            "count": self.features_per_role,
            "level": level,
            "plateau": self.reference.plateaus[level - 1],
            "description": description,
            "service_name": service["name"],
        }
        return self._call("features", item_of(service, level), self._features_schema, told)

    def mapping(
        self,
        service: Mapping[str, Any],
        level: int,
        plateau_name: str,
        catalogue: Catalogue,
        features: Sequence[Mapping[str, Any]],
    ) -> Call:
        """Return the call that links the features of a plateau to a catalogue."""
        shown = [
            {"id": label_of(place), **{name: one[name] for name in ("feature_id", "name", "description")}}
            for place, one in enumerate(features)
        ]
        told = {
            "service": _json(service),
            "plateau": plateau_name,
            "features": "\n".join(map(_json, shown)),
            "label": catalogue.label,
            "items": catalogue.shown,
            "facets": catalogue.facets,
            "diagnostics": self.diagnostics,
        }
        schema = self._mapping_schema(catalogue, len(features))
        return self._call("mapping", item_of(service, level, catalogue.field), schema, told, catalogue.field)

    def _call(self, stage: str, item: str, schema: Schema, told: Mapping[str, Any], part: str = "") -> Call:
        prompt = self.prompts.load(f"evolutions.{stage}")
        return Call(
            messages=tuple(
                Message(role, tuple(str(piece) for piece in parts))  # type: ignore[arg-type]  # the prompt's own roles
                for role, parts in prompt.render(**told)
            ),
            schema=schema,
            seed=derive(self.seed, "evolutions", stage, item) >> 32,
            stage=f"evolutions.{stage}",
            item=item,
            family="/".join(one for one in (f"evolutions.{stage}", part) if one),
            template=prompt.version,
            model=self.models.get(stage, ""),
        )

    def _told(self, service: Mapping[str, Any]) -> dict[str, Any]:
        reference = self.reference
        return {
            "service": _json(service),
            "plateaus": reference.plateaus,
            "context": reference.context,
            "definitions": reference.definitions,
            "inspirations": reference.inspirations,
        }

    # --- schemas: the same bytes for all services, so that providers cache what stands before the prompt ---

    @cached_property
    def _descriptions_schema(self) -> Schema:
        levels = [f"plateau_{level}" for level in range(1, len(self.reference.plateaus) + 1)]
        inner = _object({name: {"type": "string"} for name in levels})
        return Schema("descriptions", _object({"descriptions": inner}))

    @cached_property
    def _features_schema(self) -> Schema:
        scores = [
            _object(
                {
                    "level": {"type": "integer", "minimum": level, "maximum": level},
                    "label": {"type": "string", "enum": [label]},
                    "justification": {"type": "string"},
                }
            )
            for level, label in enumerate(LABELS, start=1)
        ]
        feature = _object({"name": {"type": "string"}, "description": {"type": "string"}, "score": {"anyOf": scores}})
        count = self.features_per_role
        rows = {"type": "array", "items": feature, "minItems": count, "maxItems": count}
        inner = _object({role.role_id: rows for role in self.reference.roles})
        return Schema("features", _object({"features": inner}))

    def _mapping_schema(self, catalogue: Catalogue, features: int) -> Schema:
        return _mapping_schema(self._schemas, catalogue, features, diagnostics=self.diagnostics)

    @cached_property
    def _schemas(self) -> dict[tuple[str, int], Schema]:
        return {}


def item_of(service: Mapping[str, Any], level: int | None = None, field_name: str = "") -> str:
    """Return what a call is about, as it stands in ledgers and errors: service, plateau, mapping set.

    Example:
        >>> item_of({"service_id": "s1"}, 2, "data")
        's1/2/data'
    """
    parts = [
        str(service["service_id"]),
        *([str(level)] if level is not None else []),
        *([field_name] * bool(field_name)),
    ]
    return "/".join(parts)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _mapping_schema(
    made: dict[tuple[str, int], Schema], catalogue: Catalogue, features: int, *, diagnostics: bool
) -> Schema:
    known = made.get((catalogue.field, features))
    if known is not None:
        return known
    ids = [item.id for item in catalogue.in_order]
    one: dict[str, Any] = {"type": "string", **({"enum": ids} if len(ids) <= _LISTED else {})}
    inline = len(ids) * features <= _INLINE or len(ids) > _LISTED
    link = {"item": one}
    if catalogue.facets:
        link["facets"] = _object({facet.id: _facet(facet) for facet in catalogue.facets})
    if diagnostics:
        link["rationale"] = {"type": "string"}
    rows = {"type": "array", "items": _object(link) if inline else {"$ref": "#/$defs/link"}}
    body = _object({"features": _object({label_of(place): rows for place in range(features)})})
    if not inline:
        body["$defs"] = {"link": _object(link)}
    return made.setdefault((catalogue.field, features), Schema("mapping", body))


def _facet(facet: Facet) -> dict[str, Any]:
    schema: dict[str, Any] = (
        {"type": "string", "enum": [option.id for option in facet.options or ()]}
        if facet.type == "enum"
        else {"type": facet.type}
    )
    return schema if facet.required else {"anyOf": [schema, {"type": "null"}]}
