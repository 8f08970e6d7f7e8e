"""Agent profiles: how each agent is asked and what its reply must be, in files that are checked at load."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import orjson

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest

__all__ = ["AGENTS", "JsonMode", "Profile", "profiles_of", "sent_schema"]

AGENTS = ("director", "character", "world", "summary")
"""The agents of a play; each has a profile of this name in ``toolkit/rounds/profiles``."""
JsonMode = Literal["", "object", "schema"]
_KEYS: Mapping[str, type] = {
    "name": str,
    "prompt": str,
    "expects_json": bool,
    "json_mode": str,
    "json_schema": Mapping,
    "json_example": object,
    "retries": int,
    "left_out": list,
}
_MOST_RETRIES = 5


@dataclass(frozen=True, slots=True)
class Profile:
    """One agent's manner.

    Raises:
        InvalidInput: What it says about JSON does not fit together; no play begins with such a profile.

    Example:
        >>> Profile("critic", prompt="rounds.character").expects_json
        False
        >>> Profile("critic", prompt="rounds.character", expects_json=True, json_mode="schema")
        Traceback (most recent call last):
        ...
        toolkit.errors.InvalidInput: the profile 'critic' is in schema mode and has no json_schema. Add one, or ...
    """

    name: str
    prompt: str
    """Name of its prompt file."""
    expects_json: bool = False
    """Without it the reply is prose, the prompt says nothing about JSON, and nothing is validated."""
    json_mode: JsonMode = ""
    """``object`` (an instruction, and the example) or ``schema`` (an instruction and the schema)."""
    json_schema: Mapping[str, Any] | None = None
    json_example: Any = None
    retries: int = 1
    """How many further times content may be asked for when it does not validate."""
    left_out: tuple[str, ...] = field(default=())
    """Optional keys that are accepted, but not asked for."""
    schema_json: bytes = field(default=b"", init=False, repr=False, compare=False)
    """``json_schema`` as it is checked; empty where there is none."""

    def __post_init__(self) -> None:
        where = f"the profile {self.name!r}"
        if (
            isinstance(self.retries, bool)
            or not isinstance(self.retries, int)
            or not 0 <= self.retries <= _MOST_RETRIES
        ):
            raise InvalidInput(f"{where} has retries: {self.retries!r}", hint=f"Give 0 to {_MOST_RETRIES}.")
        if self.json_mode not in ("", "object", "schema"):
            raise InvalidInput(
                f"{where} has json_mode: {self.json_mode!r}",
                hint=f"Use object or schema{nearest(self.json_mode, ('object', 'schema'))}.",
            )
        if not self.expects_json:
            said = [
                name for name in ("json_mode", "json_schema", "json_example") if getattr(self, name) not in ("", None)
            ]
            if said:
                raise InvalidInput(
                    f"{where} expects no JSON and has {said[0]}", hint="Set expects_json: true, or remove it."
                )
            return
        if not self.json_mode:
            raise InvalidInput(f"{where} expects JSON and has no json_mode", hint="Use object or schema.")
        if self.json_mode == "schema" and self.json_schema is None:
            raise InvalidInput(f"{where} is in schema mode and has no json_schema", hint="Add one, or use mode object.")
        if self.json_schema is not None and self.json_schema.get("type") != "object":
            raise InvalidInput(f"{where} has a json_schema that is no object", hint="Begin it with 'type: object'.")
        if self.json_schema is not None:
            object.__setattr__(self, "schema_json", orjson.dumps(dict(self.json_schema)))

    @property
    def attempts(self) -> int:
        """How often content may be asked for in all."""
        return 1 + self.retries if self.expects_json else 1

    @property
    def shipped(self) -> bool:
        """Whether it is one of the package's own, as it came."""
        return self.name in AGENTS and self == _shipped(self.name)

    @classmethod
    def load(cls, given: str | Path | Mapping[str, Any]) -> Profile:
        """Return a shipped profile by its name, or one from a YAML file or a mapping.

        Raises:
            InvalidInput: There is none, an unknown key, a value of the wrong kind, or parts that do not fit together.

        Example:
            >>> Profile.load("director").json_mode
            'schema'
        """
        if isinstance(given, Mapping):
            return _checked(_profile_of(given, f"the profile {given.get('name', '')!r}"))
        if str(given) in AGENTS:
            return _shipped(str(given))
        path = Path(given)
        try:
            body = _yaml(path.read_text(encoding="utf-8"), path.name)
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"the profile {path.name} cannot be read", hint=f"Give a YAML file, or one of {', '.join(AGENTS)}."
            ) from error
        return _checked(_profile_of(body, path.name))

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as a file holds it."""
        body = {name: getattr(self, name) for name in _KEYS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in body.items()}


def profiles_of(given: Mapping[str, Any] | None) -> dict[str, Profile]:
    """Return the profile of every agent: those given, else the shipped ones.

    Args:
        given: By agent: a path, a mapping or a ``Profile``.

    Raises:
        InvalidInput: An agent that is none, or a profile that cannot be used.
    """
    given = {} if given is None else given
    for agent in given:
        if agent not in AGENTS:
            raise InvalidInput(
                f"there is no agent {agent!r}", hint=f"There are {', '.join(AGENTS)}{nearest(agent, AGENTS)}."
            )
    found = {}
    for agent in AGENTS:
        one = given.get(agent, agent)
        found[agent] = _checked(one) if isinstance(one, Profile) and not one.shipped else one
        if not isinstance(one, Profile):
            found[agent] = Profile.load(one)
    return found


@cache
def _shipped(name: str) -> Profile:
    text = files(__package__).joinpath("profiles").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return _profile_of(_yaml(text, name), name)


def _yaml(text: str, where: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(f"{where} is not valid YAML: {' '.join(str(error).split())}"[:300]) from error


def _profile_of(body: Any, where: str) -> Profile:
    if not isinstance(body, Mapping):
        raise InvalidInput(f"{where} holds {type(body).__name__}, not a mapping", hint="Begin it with 'name: …'.")
    for key, value in body.items():
        if key not in _KEYS:
            raise InvalidInput(f"{where} has an unknown key {key!r}", hint=f"Remove it{nearest(key, _KEYS)}.")
        if value is not None and not isinstance(value, _KEYS[key]):
            raise InvalidInput(f"{where}: {key} is {type(value).__name__}", hint=f"Give {_KEYS[key].__name__.lower()}.")
    for key in ("name", "prompt"):
        if not body.get(key):
            raise InvalidInput(f"{where} has no {key!r}", hint="Add it.")
    values = dict(body)
    values["left_out"] = tuple(values.get("left_out") or ())
    return Profile(**{name: value for name, value in values.items() if value is not None})


def _checked(profile: Profile) -> Profile:
    """Return a profile whose schema is one, and whose example satisfies it."""
    if profile.json_schema is None:
        return profile
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(dict(profile.json_schema))
    except SchemaError as error:
        place = "/".join(map(str, error.absolute_path)) or "its root"
        raise InvalidInput(
            f"the profile {profile.name!r} has a json_schema that is none: at {place}: {error.message}"[:300]
        ) from error
    if profile.json_example is not None:
        value = _example(profile)
        fault = next(Draft202012Validator(dict(profile.json_schema)).iter_errors(value), None)
        if fault is not None:
            where = f"the json_example of the profile {profile.name!r}"
            raise InvalidInput(f"{where} fails its schema at {fault.json_path}: {fault.message}"[:300])
    return profile


def _example(profile: Profile) -> Any:
    """Return the example as a value; it may be written as JSON text."""
    if not isinstance(profile.json_example, str):
        return profile.json_example
    try:
        return orjson.loads(profile.json_example)
    except ValueError as error:
        raise InvalidInput(f"the json_example of the profile {profile.name!r} is not JSON") from error


def sent_schema(
    schema: Mapping[str, Any], left_out: Collection[str], lists: Mapping[str, Collection[str]]
) -> dict[str, Any]:
    """Return a contract's schema as it is sent: every key asked for, names as lists of options.

    Providers' strict modes want every key required: an optional text may come back empty, any other value as null.

    Args:
        schema: The contract.
        left_out: Optional keys that are not asked for.
        lists: Options by the ``format`` that stands for them: ``cast-name``, ``tracker-name``.

    Example:
        >>> sent_schema({"type": "object", "properties": {"n": {"type": "integer"}}}, (), {})["properties"]["n"]
        {'anyOf': [{'type': 'integer'}, {'type': 'null'}]}
    """
    kind = schema.get("type")
    if kind == "array":
        items = sent_schema(schema.get("items", {}), left_out, lists)
        named = items.get("properties", {}).get("name", items).get("enum")
        # each name once at most: a small model that may go on listing does, until its reply is cut off
        return {**schema, "items": items, **({"maxItems": len(named)} if named else {})}
    if kind != "object":
        options = lists.get(str(schema.get("format")))
        bare = {name: value for name, value in schema.items() if name != "format" or value not in _STANDS_FOR}
        return {"type": "string", "enum": list(options)} if options else bare
    required = schema.get("required", ())
    asked = {
        name: one for name, one in schema.get("properties", {}).items() if name in required or name not in left_out
    }
    properties = {
        name: _asked(sent_schema(one, left_out, lists), needed=name in required) for name, one in asked.items()
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


_STANDS_FOR = ("cast-name", "tracker-name")


def _asked(schema: dict[str, Any], *, needed: bool) -> dict[str, Any]:
    may_be_empty = schema.get("type") in ("string", "array", "object") and "enum" not in schema
    return schema if needed or may_be_empty else {"anyOf": [schema, {"type": "null"}]}
