"""From a pydantic model to a JSON schema that strict modes take: closed objects, every key required, no open ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["strict_schema"]

_LEFT_OUT = frozenset(
    {"title", "default", "examples", "discriminator", "uniqueItems", "deprecated", "readOnly", "writeOnly"}
)
"""Words that strict modes refuse or that say nothing to a model; pydantic holds the reply to them all the same."""
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
"""Formats that strict modes know; a text of another one is checked by pydantic alone."""
_TYPED = frozenset({"type", "enum", "const", "anyOf", "$ref"})


def strict_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a pydantic model as providers' strict modes want it.

    Every object is closed and requires all its keys, ``oneOf`` becomes ``anyOf``, a reference that carries words of its
    own is put in place, and the outermost schema is an object.

    Args:
        model: The class.

    Raises:
        InvalidInput: The model has no fields, or a field that no strict schema can say: an open mapping, a tuple,
            ``Any``, a type without a JSON schema.

    Example:
        >>> from pydantic import BaseModel
        >>> class Mood(BaseModel):
        ...     word: str = "calm"
        >>> strict_schema(Mood)["required"]
        ['word']
    """
    from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

    try:
        body = model.model_json_schema()
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        why = str(error).splitlines()[0].rstrip(".")
        raise InvalidInput(f"{model.__name__} has no JSON schema: {why}", hint="Use types that JSON has.") from error
    definitions = body.pop("$defs", {})
    if "$ref" in body:
        body = definitions[_named(body)]
    if not body.get("properties"):
        raise InvalidInput(
            f"{model.__name__} has no named fields to fill in", hint="Give a pydantic model with at least one field."
        )
    closing = _Closing(model.__name__, definitions)
    closed = closing.schema(body, model.__name__, ())
    used = closing.used_definitions()
    return {**closed, "$defs": used} if used else closed


class _Closing:
    """Walks one model's schema."""

    def __init__(self, model: str, definitions: Mapping[str, Any]) -> None:
        self._model = model
        self._definitions = definitions
        self._wanted: list[str] = []

    def used_definitions(self) -> dict[str, Any]:
        """Return the definitions that are still referred to, closed as well."""
        closed: dict[str, Any] = {}
        while left := [name for name in self._wanted if name not in closed]:
            closed[left[0]] = self.schema(self._definitions[left[0]], left[0], ())
        return {name: closed[name] for name in sorted(closed)}

    def schema(self, schema: Mapping[str, Any], where: str, inside: tuple[str, ...]) -> dict[str, Any]:
        """Return one place of the schema, closed."""
        words = {word: inner for word, inner in schema.items() if word not in _LEFT_OUT}
        if "$ref" in words:
            return self._referred(words, where, inside)
        self._refuse_open_ends(words, where)
        if "oneOf" in words:
            words["anyOf"] = words.pop("oneOf")
        if words.get("format") not in _FORMATS:
            words.pop("format", None)
        if "(?" in words.get("pattern", ""):  # looking around is beyond the grammars of strict modes
            del words["pattern"]
        if "anyOf" in words:
            words["anyOf"] = [self.schema(one, where, inside) for one in words["anyOf"]]
        if "items" in words:
            words["items"] = self.schema(words["items"], f"{where}[]", inside)
        if "properties" in words:
            words["properties"] = {
                name: self.schema(inner, f"{where}.{name}", inside) for name, inner in words["properties"].items()
            }
            words["required"] = list(words["properties"])
            words["additionalProperties"] = False
        return words

    def _referred(self, words: dict[str, Any], where: str, inside: tuple[str, ...]) -> dict[str, Any]:
        """Keep a bare reference; put one with words of its own in place, for strict modes take no neighbours."""
        name = _named(words)
        beside = {word: inner for word, inner in words.items() if word != "$ref"}
        if beside and name not in inside:
            return self.schema({**self._definitions[name], **beside}, where, (*inside, name))
        if name not in self._wanted:
            self._wanted.append(name)
        return {"$ref": words["$ref"]}

    def _refuse_open_ends(self, words: Mapping[str, Any], where: str) -> None:
        if words.get("type") == "object" and "properties" not in words:
            what, hint = "a mapping of any keys", "Use a list of small models with a key and a value."
        elif "prefixItems" in words:
            what, hint = "a tuple", "Use a list, or a model with named fields."
        elif not _TYPED & set(words) and "oneOf" not in words:
            what, hint = "a value of any type", "Say the field's type."
        else:
            return
        raise InvalidInput(f"{where} is {what}, which no strict schema can say", hint=hint)


def _named(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]
