"""From what was read to a record: a plateau with its features, the roles they serve, and the items they need."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from toolkit.evolutions.brief import STAGES, Brief
from toolkit.evolutions.catalogue import Catalogue, catalogue_hash
from toolkit.evolutions.plateau import Role
from toolkit.evolutions.record import DESCRIPTION

__all__ = ["decided", "digest_of", "groups", "meta_of", "plateau_record", "roles_record", "run_id_of", "sets_in_order"]


def plateau_record(
    version: str, level: int, name: str, description: str, features: Sequence[Mapping[str, Any]], roles: Sequence[Role]
) -> dict[str, Any]:
    """Return a plateau of a record, its mappings still empty."""
    return {
        "plateau": level,
        "plateau_name": name,
        DESCRIPTION[version]: description,
        "features": list(features),
        "roles": roles_record(features, {role.role_id: role.name for role in roles}),
        "mappings": {},
    }


def roles_record(features: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return each role with the ids of its features, by role; roles without a feature are there as well.

    Example:
        >>> roles_record([{"feature_id": "AAAAAA", "role": "public"}], {"public": "Everyone"})
        [{'role_id': 'public', 'name': 'Everyone', 'feature_ids': ['AAAAAA']}]
    """
    known = {*names, *(str(one["role"]) for one in features if one.get("role"))}
    return [
        {
            "role_id": role,
            "name": names.get(role, role),
            "feature_ids": sorted(str(one["feature_id"]) for one in features if one.get("role") == role),
        }
        for role in sorted(known)
    ]


def groups(
    catalogue: Catalogue, features: Iterable[Mapping[str, Any]], links: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """Return the items that are used, by id, each with the features it serves."""
    used: dict[str, list[dict[str, str]]] = {}
    for feature in features:
        for link in links.get(feature["feature_id"], ()):
            told = {"feature_id": feature["feature_id"], "description": feature["description"]}
            used.setdefault(link["item"], []).append(told)
    return [{"id": item, "name": catalogue.names[item], "mappings": used[item]} for item in sorted(used)]


def sets_in_order(plateau: dict[str, Any]) -> None:
    """Put the mapping sets of a plateau and its features by name, for they came in whatever order replies came."""
    plateau["mappings"] = dict(sorted(plateau["mappings"].items()))
    for feature in plateau["features"]:
        feature["mappings"] = dict(sorted(feature["mappings"].items()))


def decided(brief: Brief, names: Mapping[str, str], **further: Any) -> dict[str, Any]:
    """Return what decides a run beside its input, in digests where it is long; a sidecar and ``run_id`` hold it.

    Args:
        brief: What the prompts are told.
        names: ``provider:model`` by stage.
        further: What else decides.
    """
    reference = brief.reference
    return {
        "seed": brief.seed,
        "models": {stage: names[stage] for stage in STAGES},
        "plateaus": digest_of([one.model_dump() for one in reference.plateaus]),
        "roles": digest_of([one.model_dump() for one in reference.roles]),
        "definitions": digest_of(reference.definitions.model_dump()) if reference.definitions else None,
        "context": digest_of(reference.context),
        "inspirations": digest_of(reference.inspirations),
        "catalogue_hash": catalogue_hash(brief.catalogues),
        "prompts": {stage: brief.prompts.load(f"evolutions.{stage}").version for stage in STAGES},
        "features_per_role": brief.features_per_role,
        "diagnostics": brief.diagnostics,
        **further,
    }


def meta_of(brief: Brief, settings: Mapping[str, Any], run_id: str, version: str) -> dict[str, Any]:
    """Return the meta that every line of a run holds; of times there are none, so that equal runs are equal bytes."""
    return {
        "schema_version": version,
        "run_id": run_id,
        "seed": brief.seed,
        "models": {**settings["models"], "search": None},
        "web_search": False,
        "mapping_types": sorted(one.field for one in brief.catalogues),
        "context_window": None,
        "diagnostics": brief.diagnostics,
        "catalogue_hash": settings["catalogue_hash"],
        "created": None,
    }


def run_id_of(settings: Mapping[str, Any], digest: str) -> str:
    """Return a run's id, a UUID made of its settings and its input.

    Example:
        >>> run_id_of({"seed": 7}, "ab") == run_id_of({"seed": 7}, "ab") != run_id_of({"seed": 8}, "ab")
        True
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"evolutions|{digest_of(settings)}|{digest}"))


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a JSON value, keys sorted.

    Example:
        >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
        True
    """
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
