"""What replies hold: descriptions and features, each part read on its own, so that one bad part costs only itself."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from toolkit.errors import InvalidReply
from toolkit.evolutions.plateau import Plateau, Role
from toolkit.evolutions.record import Score
from toolkit.evolutions.strict import Name, Strict, fault_of

__all__ = ["Fault", "feature_id", "json_of", "read_descriptions", "read_features"]

_PREAMBLE = re.compile(
    r"\A\s*(?:(?:sure|certainly|of course|okay|ok)[,.!:]?\s+)?"
    r"(?:(?:here (?:is|are)|here's|below is|prepared)\b[^\n:]{0,90}"
    r"\b(?:descriptions?|plateau|service)\b[^\n:]{0,60}:\s*)?"
    r"(?:(?:plateau\s+\d+(?:\s*\([^)]*\))?|(?:service\s+)?description)\s*:\s*)?",
    re.IGNORECASE,
)
"""What models put before a description: "Sure! Here is the description of plateau 2:"."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One part of a reply that could not be used."""

    kind: str
    """As quarantine sorts it: ``missing_description``, ``unknown_ids``, ``facet_validation`` …"""
    message: str


def feature_id(name: str, role: str, plateau_name: str) -> str:
    """Return a feature's stable id: six base32 characters of a UUID over name, role and plateau.

    Example:
        >>> feature_id("Night return box", "readers", "Enhanced")
        'Y6VMGW'
    """
    told = uuid.uuid5(uuid.NAMESPACE_URL, f"{name}|{role}|{plateau_name}")
    return base64.b32encode(told.bytes).decode()[:6]


def json_of(text: str) -> Mapping[str, Any]:
    """Return the object that a reply's text is.

    Raises:
        InvalidReply: It is no JSON object.
    """
    try:
        value = orjson.loads(text)
    except ValueError as error:
        raise InvalidReply(
            f"the reply is no JSON: {error}", fault="json_parse_error", hint="retry() asks again."
        ) from error
    if not isinstance(value, Mapping):
        raise InvalidReply(f"the reply is {type(value).__name__}, not an object", hint="retry() asks again.")
    return value


# --- descriptions ---


def read_descriptions(text: str, plateaus: Sequence[Plateau]) -> tuple[list[str], list[Fault]]:
    """Return a service's description at each plateau; one that is missing or blank is empty, and a fault.

    Args:
        text: The reply: ``{"descriptions": {"plateau_1": …}}``, or a list of ``{plateau, plateau_name, description}``.
        plateaus: In their order.

    Raises:
        InvalidReply: It is no such object.
    """
    given = json_of(text).get("descriptions")
    if not isinstance(given, (Mapping, list)):
        raise InvalidReply("the reply has no descriptions", hint="retry() asks again.")
    faults: list[Fault] = []
    found: dict[int, str] = {}
    levels = {one.name.casefold(): level for level, one in enumerate(plateaus, start=1)}
    for name, said in _told(given):
        level = _level(name, levels)
        if level is None:
            faults.append(Fault("unknown_ids", f"there is no plateau {name!r}"))
        elif level in found:
            faults.append(Fault("duplicate_id", f"plateau {level} is described twice"))
        else:
            found[level] = _PREAMBLE.sub("", said, count=1).strip()
    texts = [found.get(level, "") for level in range(1, len(plateaus) + 1)]
    for level, (one, said) in enumerate(zip(plateaus, texts, strict=True), start=1):
        if not said:
            what = "blank" if level in found else "missing"
            faults.append(Fault("missing_description", f"plateau {level} ({one.name}): its description is {what}"))
    return texts, faults


def _told(given: Mapping[str, Any] | list[Any]) -> Iterator[tuple[Any, str]]:
    if isinstance(given, Mapping):
        yield from ((name, said if isinstance(said, str) else "") for name, said in given.items())
        return
    for one in given:
        if isinstance(one, Mapping):
            said = one.get("description")
            yield one.get("plateau", one.get("plateau_name")), said if isinstance(said, str) else ""


def _level(name: Any, levels: Mapping[str, int]) -> int | None:
    if isinstance(name, int) and not isinstance(name, bool):
        return name if 1 <= name <= len(levels) else None
    told = str(name).strip().casefold()
    number = told.removeprefix("plateau_").removeprefix("plateau ").strip()
    if number.isascii() and number.isdigit() and 1 <= int(number) <= len(levels):
        return int(number)
    return levels.get(told)


# --- features ---


class _Feature(Strict):
    name: Name
    description: Name
    score: Score


def read_features(
    text: str, roles: Sequence[Role], plateau_name: str, customer_type: str | None
) -> tuple[list[dict[str, Any]], list[Fault]]:
    """Return the features of a plateau by id, mappings still empty; a bad one is left out, and a fault.

    Args:
        text: The reply: ``{"features": {role_id: [{name, description, score}]}}``.
        roles: Who they may be for.
        plateau_name: Part of each feature's id.
        customer_type: The service's, copied to each feature.

    Raises:
        InvalidReply: It is no such object, or holds no feature that can be used.
    """
    given = json_of(text).get("features")
    if not isinstance(given, Mapping):
        raise InvalidReply("the reply has no features by role", hint="retry() asks again.")
    known = {one.role_id for one in roles}
    faults = [Fault("unknown_ids", f"there is no role {name!r}") for name in given if name not in known]
    found: dict[str, dict[str, Any]] = {}
    for role in roles:
        rows = given.get(role.role_id)
        if not isinstance(rows, list) or not rows:
            faults.append(Fault("missing_features", f"the role {role.role_id!r} has no features"))
            continue
        for number, row in enumerate(rows, start=1):
            place = f"feature {number} of {role.role_id}"
            made = _made(row, role.role_id, plateau_name, customer_type, place)
            if isinstance(made, Fault):
                faults.append(made)
            elif made["feature_id"] in found:
                faults.append(Fault("duplicate_id", f"{place}: {made['feature_id']} is there already"))
            else:
                found[made["feature_id"]] = made
    if not found:
        why = f": {faults[0].message}" if faults else ""
        raise InvalidReply(f"the reply holds no feature that can be used{why}", hint="retry() asks again.")
    return [found[one] for one in sorted(found)], faults


def _made(row: Any, role: str, plateau_name: str, customer_type: str | None, place: str) -> dict[str, Any] | Fault:
    try:
        read = _Feature.model_validate(row)
    except ValidationError as error:
        return Fault("schema_mismatch", f"{place}: {fault_of(error)}")
    return {
        "feature_id": feature_id(read.name, role, plateau_name),
        "name": read.name,
        "description": read.description,
        "score": read.score.model_dump(),
        "customer_type": customer_type,
        "role": role,
        "mappings": {},
    }
