"""Return templates, and the way from a reply's text to a value that its profile allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from toolkit import prompts
from toolkit.errors import InvalidReply
from toolkit.models import repair
from toolkit.models._schema_check import check
from toolkit.rounds.profile import Profile

__all__ = ["Read", "failed_validation", "read_json", "reply_form"]

_MOST = 5
"""Faults that one message names."""
_LONGEST = 160

Normaliser = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Read:
    """A reply's value."""

    value: dict[str, Any]
    repaired: bool = False
    """Whether its JSON had to be put right first."""


def reply_form(profile: Profile) -> str:
    """Return what a profile's prompt says about the form of the reply; nothing for agents that reply in prose.

    Object mode gives an instruction, and the example where there is one; schema mode an instruction and the schema.

    Example:
        >>> reply_form(Profile("critic", prompt="rounds.character"))
        ''
    """
    if not profile.expects_json:
        return ""
    example = profile.json_example
    turns = prompts.load("rounds.return").render(
        mode=profile.json_mode,
        example=example if isinstance(example, str) or example is None else orjson.dumps(example).decode(),
        schema=profile.schema_json.decode(),
    )
    return str(turns[0][1][0])


def read_json(text: str, profile: Profile, normalise: Normaliser | None = None) -> Read:
    """Return the value of a reply: parsed, put right where it is not quite JSON, normalised, validated.

    Args:
        text: The reply.
        profile: What it must be.
        normalise: Brings a value to the contract's keys before it is validated.

    Raises:
        InvalidReply: It holds no JSON object, or one that the schema does not allow; the message gives JSON paths.

    Example:
        >>> read_json('{"response": "Hello.",}', Profile.load("character")).value
        {'response': 'Hello.'}
    """
    value, repaired = _parsed(text)
    if not isinstance(value, Mapping):
        raise InvalidReply(f"the {profile.name}'s reply holds no JSON object", hint="A further attempt may bring one.")
    found = dict(value if normalise is None else normalise(value))
    faults = _faults(found, profile)
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InvalidReply(
            f"the {profile.name}'s reply fails its schema at {faults[0]}{more}", hint="A further attempt may fit."
        )
    return Read(found, repaired)


def failed_validation(text: str, profile: Profile, normalise: Normaliser | None = None) -> dict[str, Any]:
    """Return what stands in the timeline for a reply that did not validate: the error and its JSON paths.

    Args:
        text: The reply.
        profile: What it had to be.
        normalise: As for ``read_json``.

    Example:
        >>> failed_validation("{}", Profile.load("character"))["error"]
        'failed_json_validation'
    """
    value, _ = _parsed(text)
    if not isinstance(value, Mapping):
        faults = ["$: no JSON object"]
    else:
        try:
            faults = _faults(dict(value if normalise is None else normalise(value)), profile)
        except InvalidReply as error:
            faults = [error.message]
    return {"error": "failed_json_validation", "errors": faults[:_MOST]}


def _parsed(text: str) -> tuple[Any, bool]:
    try:
        return repair.loads(text), False
    except ValueError:
        return repair.repaired(text), True


def _faults(value: dict[str, Any], profile: Profile) -> list[str]:
    """Return every fault with its JSON path; the quick check decides whether the library is asked at all."""
    schema = profile.json_schema
    if schema is None or check(profile.schema_json)(value) is None:
        return []
    from jsonschema import Draft202012Validator

    found = sorted(Draft202012Validator(dict(schema)).iter_errors(value), key=lambda fault: fault.json_path)
    return [f"{fault.json_path}: {_cut(fault.message)}" for fault in found]


def _cut(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"
