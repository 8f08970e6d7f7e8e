"""TinyTroupe agent files (``*.agent.json``, of TinyTroupe 0.5 and 0.6) in and out, with nothing lost either way.

What TinyTroupe has a place for goes there. A field it has no place for stands in its ``persona`` under its own name, as
TinyTroupe allows; what is no part of the persona (id, every sampled attribute, wording) stands beside it under
``dramatis``. Read back, all of it is where it was. Files that others made keep every key they have.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import Wording
from toolkit.personas.bigfive import TRAITS, levels
from toolkit.personas.persona import Detail, Persona
from toolkit.personas.profile import PROFILE, sources

__all__ = ["from_agent", "read_agents", "to_agent", "write_agents"]

SUFFIX = ".agent.json"
KIND = "TinyPerson"
LARGEST = 5_000_000
"""Bytes of an agent file; TinyTroupe's own have 7,000."""

_OURS = "dramatis"
_PLACES: Mapping[str, tuple[str, ...]] = {
    "goals": ("long_term_goals",),
    "traits": ("personality", "traits"),
    "big_five": ("personality", "big_five"),
    "interests": ("preferences", "interests"),
    "likes": ("preferences", "likes"),
    "dislikes": ("preferences", "dislikes"),
    "routines": ("behaviors", "routines"),
    "facts": ("other_facts",),
}
"""Where in a TinyTroupe persona our fields stand; the others stand under their own name."""
_FACTS = ("age", "gender", "nationality", "education")
"""What a persona has as sampled attributes, under names of its own population."""
_SCORE = re.compile(r"(?:Very low|Low|Average|High|Very high)\. (\S+) of 5\.")
_SAFE = re.compile(r"\w[\w .,()-]{0,120}")
_DAY = "ordinary_day"
_NAME_LENGTH = 60


def to_agent(persona: Persona) -> dict[str, Any]:
    """Return a persona as the content of an agent file.

    One that came from another program's file gives that file back, without anything of ours in it.

    Example:
        >>> ann = Persona("p0001", "Ann Lee", {"age": 34, "sex": "female"}, {"goals": ["A dog"], "health": "Swims."})
        >>> told = to_agent(ann)["persona"]
        >>> told["age"], told["gender"], told["long_term_goals"], told["health"]
        (34, 'female', ['A dog'], 'Swims.')
    """
    told: dict[str, Any] = {"name": persona.name, **_copied(persona)}
    hidden = _hidden(persona)
    for name in sorted(persona.fields, key=lambda name: name in _PLACES):  # what stands inside another goes in last
        if name not in hidden and name not in told:
            value = copy.deepcopy(persona.fields[name])
            as_is = name in persona.extra.get("as_is", ())
            _put(told, _PLACES.get(name, (name,)), value if as_is else _shaped(name, value))
    facts, written = _further_facts(persona), persona.fields.get("facts", [])
    if facts and isinstance(written, list):
        told["other_facts"] = [*facts, *copy.deepcopy(written)]
    odd, beside = (copy.deepcopy(dict(persona.extra.get(part, {}))) for part in ("persona", "file"))
    body = {"type": KIND, "persona": {**told, **odd}, **beside}
    if "file" in persona.extra and from_agent(body, persona.id).to_dict() == persona.to_dict():
        return body
    kept = {key: value for key, value in persona.to_dict().items() if key != "name"}
    kept["fields"] = [*persona.fields]
    kept["hidden"] = {one: persona.fields[one] for one in hidden}
    kept["extra"] = {one: value for one, value in persona.extra.items() if one not in {"persona", "file", "as_is"}}
    kept["foreign"] = "file" in persona.extra
    return {**body, _OURS: kept}


def from_agent(body: Any, id: str, where: str = "the agent") -> Persona:  # noqa: A002  # the field's name
    """Return the persona that an agent file describes.

    Args:
        body: The file's content.
        id: For a persona that brings none.
        where: What errors call it.

    Raises:
        InvalidInput: It describes no TinyPerson.

    Example:
        >>> told = {"name": "Lisa Carter", "age": 28, "pets": ["a cat"]}
        >>> lisa = from_agent({"type": "TinyPerson", "persona": told}, "Lisa")
        >>> lisa.attributes["age"], lisa.fields["pets"]
        (28, ['a cat'])
    """
    told = _checked(body, where)
    beside = {key: value for key, value in body.items() if key not in {"type", "persona", _OURS}}
    own = body.get(_OURS)
    if own is not None:
        return _restored(told, own, beside, where)
    attributes = {name: told.pop(name) for name in _FACTS[:3] if name in told}
    fields, extra = _fields(told)
    wording = {name: Wording(name.capitalize(), "years" if name == "age" else "") for name in attributes}
    detail: Detail = "standard" if fields else "facts"
    whole = {**extra, "file": beside}
    return Persona(id, body["persona"]["name"], attributes, fields, detail, wording=wording, extra=whole)


def write_agents(people: Iterable[Persona], folder: str | Path) -> list[Path]:
    """Write one agent file a persona.

    Args:
        people: Whom.
        folder: Where; made when it is not there.

    Returns:
        The paths, in order: ``p0001-ann-lee.agent.json``, or the file's own name where another program made it.
        Whatever a name holds, its file stands in the folder.

    Raises:
        InvalidInput: The folder is none, or a file of that name is a link.
    """
    root = Path(folder)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"{root.name} cannot be a folder: {error.strerror}", hint="Give another one.") from error
    paths: dict[str, Path] = {}
    for persona in people:
        body = to_agent(persona)
        stem = _file_name(persona) if _OURS in body else persona.id
        if stem.casefold() in paths or not _SAFE.fullmatch(stem):
            stem = _free(_file_name(persona), paths)
        target = paths[stem.casefold()] = root / f"{stem}{SUFFIX}"
        if target.is_symlink():
            raise InvalidInput(f"{target.name} is a link and is not written", hint="Remove it, or give a new folder.")
        text = json.dumps(body, indent=4, ensure_ascii=False)
        target.write_bytes(text.encode(errors="surrogatepass"))
    return list(paths.values())


def read_agents(source: str | Path | Sequence[str | Path]) -> list[Persona]:
    """Read agent files: one, several, or all of a folder in the order of their names.

    A persona of another program has the file's name as its id.

    Raises:
        InvalidInput: No such file, one that describes no TinyPerson, one that lies outside the folder, or an id twice.
    """
    paths = _paths(source)
    people: dict[str, Persona] = {}
    for path in paths:
        persona = from_agent(_read(path), path.name.removesuffix(SUFFIX) or path.name, path.name)
        if persona.id in people:
            raise InvalidInput(f"{path.name} has the id {persona.id!r} of another file", hint="Remove one of them.")
        people[persona.id] = persona
    return list(people.values())


# --- out ---


def _copied(persona: Persona) -> dict[str, Any]:
    """Return the sampled facts that TinyTroupe has a place for; a written field of the name follows where none is."""
    copied: dict[str, Any] = {}
    for name in _FACTS:
        source = sources(name, persona.attributes)
        if source is not None:
            copied[name] = persona.attributes[source]
        elif name in persona.attributes or name in persona.fields:
            copied[name] = persona.attributes.get(name, persona.fields.get(name))
    return copied


def _further_facts(persona: Persona) -> list[str]:
    """Return the sampled facts that TinyTroupe has no place for, as lines."""
    placed = {sources(name, persona.attributes) or name for name in _FACTS}
    told = ((name, word) for name, word in persona.wording.items() if name in persona.attributes and name not in placed)
    return [word.line(persona.attributes[name]) for name, word in told]


def _hidden(persona: Persona) -> list[str]:
    """Return the fields whose name a TinyTroupe persona needs for something else; they stand in our own part."""
    sampled = {"name", *(name for name in _FACTS if name in persona.attributes or sources(name, persona.attributes))}
    fields = persona.fields
    inner = {place: name for name, place in _PLACES.items() if name in fields}
    hidden = [name for name in fields if name in sampled or (name,) in inner]
    for outer in ("personality", "preferences", "behaviors"):
        taken = {place[1] for place in inner if place[0] == outer}
        if outer in fields and taken and (not isinstance(fields[outer], Mapping) or taken & set(fields[outer])):
            hidden.append(outer)
    return hidden


def _shaped(name: str, value: Any) -> Any:
    """Return a field in the form TinyTroupe gives it."""
    if name == "big_five" and isinstance(value, Mapping):
        return {trait: _score_told(trait, score) for trait, score in value.items()}
    if name == "occupation" and isinstance(value, str):
        return {"title": value}
    if name == "routines" and isinstance(value, str):
        return {_DAY: [value]}
    if name == "relationships" and isinstance(value, str):
        return [{"description": value}]
    return value


def _score_told(trait: str, score: Any) -> Any:
    if isinstance(score, bool) or not isinstance(score, int | float) or trait not in TRAITS:
        return score
    return f"{levels({trait: score})[trait].capitalize()}. {score} of 5."


def _put(told: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    if len(place) == 1:
        told[place[0]] = value
        return
    inner: dict[str, Any] = told.setdefault(place[0], {})
    inner[place[1]] = value


def _file_name(persona: Persona) -> str:
    plain = unicodedata.normalize("NFKD", f"{persona.id}-{persona.name}").encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_NAME_LENGTH].rstrip("-") or "persona"


def _free(stem: str, taken: Mapping[str, Any]) -> str:
    """Return a name that no file has yet, on file systems without capitals either."""
    number, name = 1, stem
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}"
    return name


# --- in ---


def _fields(told: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a persona's fields, and what writing the file again needs.

    That is ``persona``, the keys that one of our names would be mistaken for, and ``as_is``, the fields whose value
    stands in the file as it is and not in the form we would give it.
    """
    rest = {name: value for name, value in copy.deepcopy(dict(told)).items() if name != "name"}
    odd = {name: rest.pop(name) for name in [*rest] if name in _PLACES}
    found: dict[str, Any] = {}
    for name, place in _PLACES.items():
        held = rest if len(place) == 1 else rest.get(place[0])
        if isinstance(held, dict) and place[-1] in held:
            found[name] = held.pop(place[-1])
            if len(place) > 1 and not held:
                del rest[place[0]]
    given = rest | found
    fields = {name: _unshaped(name, value) for name, value in given.items()}
    as_is = [name for name, value in fields.items() if _shaped(name, value) != given[name]]
    order = [*(name for name in PROFILE if name in fields), *(name for name in fields if name not in PROFILE)]
    extra = {key: value for key, value in (("persona", odd), ("as_is", as_is)) if value}
    return {name: fields[name] for name in order}, extra


def _unshaped(name: str, value: Any) -> Any:
    """Return a field as we hold it, where TinyTroupe's form is exactly the one we would give it."""
    for form in _candidates(name, value):
        if _shaped(name, form) == value:
            return form
    return value


def _candidates(name: str, value: Any) -> list[Any]:
    if name == "big_five" and isinstance(value, Mapping):
        return [{trait: _score_read(told) for trait, told in value.items()}]
    if name == "occupation" and isinstance(value, Mapping):
        return [value.get("title")]
    if name == "routines" and isinstance(value, Mapping) and isinstance(value.get(_DAY), list):
        return list(value[_DAY][:1])
    if name == "relationships" and isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [value[0].get("description")]
    return []


def _score_read(told: Any) -> Any:
    match = _SCORE.fullmatch(told) if isinstance(told, str) else None
    if match is None:
        return told
    try:
        return int(match[1]) if match[1].isdecimal() else float(match[1])
    except ValueError:
        return told


def _restored(told: dict[str, Any], own: Any, beside: Mapping[str, Any], where: str) -> Persona:
    """Return one of our own personas: what was changed in the file since counts."""
    try:
        kept = dict(own)
        order, hidden = list(kept.pop("fields")), dict(kept.pop("hidden"))
        foreign, extra = bool(kept.pop("foreign")), dict(kept.pop("extra"))
        plain = Persona.from_dict({**kept, "name": told["name"]})
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"{where} has a damaged part {_OURS!r}: {error}", hint="Write the file anew.") from error
    attributes, before = dict(plain.attributes), _copied(plain)
    for name in [name for name in before if name in told]:
        value = told.pop(name)
        if value != before[name]:
            attributes[sources(name, attributes) or name] = value
    facts, listed = _further_facts(plain), told.get("other_facts")
    if facts and isinstance(listed, list) and listed[: len(facts)] == facts:
        told["other_facts"] = listed[len(facts) :]
        if not told["other_facts"] and "facts" not in order:
            del told["other_facts"]
    found, verbatim = _fields(told)
    found |= hidden
    extra |= verbatim | ({"file": dict(beside)} if foreign or beside else {})
    fields = {name: found[name] for name in order if name in found}
    return dataclasses.replace(plain, attributes=attributes, fields={**fields, **found}, extra=extra)


def _checked(body: Any, where: str) -> dict[str, Any]:
    if not isinstance(body, Mapping) or not isinstance(body.get("persona"), Mapping):
        if isinstance(body, Mapping) and ("_persona" in body or "_configuration" in body or "current_messages" in body):
            raise InvalidInput(f"{where} is of an older TinyTroupe", hint="Save it again with TinyTroupe 0.5 or later.")
        raise InvalidInput(f"{where} is no agent file: it has no 'persona'", hint="Give a TinyTroupe *.agent.json.")
    if body.get("type") != KIND:
        raise InvalidInput(f"{where} is of type {body.get('type')!r}, not {KIND!r}", hint="Give files of persons only.")
    name = body["persona"].get("name")
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput(f"the persona of {where} has the name {name!r}", hint="Give persona.name a text.")
    return copy.deepcopy(dict(body["persona"]))


def _paths(source: str | Path | Sequence[str | Path]) -> list[Path]:
    if not isinstance(source, str | Path):
        return [Path(one) for one in source]
    path = Path(source)
    if not path.is_dir():
        return [path]
    root = path.resolve()
    found = sorted(path.glob(f"*{SUFFIX}"))
    if not found:
        raise InvalidInput(f"the folder {path.name} holds no {SUFFIX} file", hint="Give the folder of the agents.")
    for one in found:
        if not one.resolve().is_relative_to(root):
            raise InvalidInput(f"{one.name} is a link out of the folder", hint="Copy the file itself into the folder.")
    return found


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST:
            raise InvalidInput(f"{path.name} has {path.stat().st_size:,} bytes", hint=f"{LARGEST:,} is the most.")
        text = path.read_bytes().decode("utf-8-sig")
        return json.loads(text, parse_constant=_no_number)
    except OSError as error:
        raise InvalidInput(f"{path.name} cannot be read: {error.strerror}", hint="Give a *.agent.json.") from error
    except RecursionError as error:
        raise InvalidInput(f"{path.name} is nested too deeply", hint="Give a *.agent.json.") from error
    except ValueError as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{path.name} is no JSON: {error}", hint="Give a *.agent.json.") from error


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")
