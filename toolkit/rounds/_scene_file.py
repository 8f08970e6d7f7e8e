"""Scene files: YAML or JSON, held to a schema, every fault one line that names the place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest
from toolkit.resources import data_file, data_names
from toolkit.rounds.cast import Character
from toolkit.rounds.scene import Lore, Scene

__all__ = ["read_scene", "scene_of"]

_SUFFIXES = (".yaml", ".yml", ".json")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Notes(_Strict):
    world: str = ""
    campaign: str = ""
    arc: str = ""
    scene: str = ""


class _Person(_Strict):
    name: str = Field(min_length=1)
    id: str = ""
    description: str = ""
    personality: str = ""
    goals: list[str] = []
    mood: str = ""
    portrait: str = ""
    entry: str = ""
    exit: str = ""
    memories: list[str] = []


class _Lore(_Strict):
    text: str = Field(min_length=1)
    title: str = ""
    keys: list[str] = []
    group: str = ""


class _Known(_Strict):
    location: str = ""
    mood: str = ""
    clothing: str = ""
    activity: str = ""
    position: str = ""
    intentions: str = ""


class _SceneFile(_Strict):
    id: str = Field(min_length=1)
    title: str = ""
    notes: _Notes = _Notes()
    cast: list[_Person] = []
    panel: str = ""
    present: list[str] = []
    user: _Person | None = None
    script: list[str] = []
    lore: list[_Lore] = []
    world: dict[str, Any] = {}
    trackers: dict[str, Any] = {}
    states: dict[str, _Known] = {}


def read_scene(name: str | Path) -> Scene:
    """Return a shipped scene by its name, or one from a file.

    Raises:
        InvalidInput: There is none, it cannot be read, or it does not hold what a scene file holds.
    """
    path = _path(name)
    try:
        body = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidInput(f"the scene {path.name} cannot be read: {why}", hint="Give a YAML or JSON file.") from error
    return scene_of(_parsed(path, body), path.name, path.parent)


def scene_of(body: object, where: str = "the scene", folder: Path | None = None) -> Scene:
    """Return the scene that a mapping describes.

    Args:
        body: What a scene file holds.
        where: The file's name, for messages.
        folder: The file's folder; a panel named in the file has to be in it.

    Raises:
        InvalidInput: An unknown key, or a value of the wrong kind; one line names it.
    """
    if not isinstance(body, Mapping):
        raise InvalidInput(f"{where} holds {type(body).__name__}, not a mapping", hint="Begin it with 'id: …'.")
    try:
        held = _SceneFile.model_validate(body)
    except ValidationError as error:
        raise _one_line(where, error) from error
    people = tuple(Character(**_given(one)) for one in held.cast)
    if held.panel:
        people = (*people, *_panel(held.panel, where, folder))
    try:
        return Scene(
            id=held.id,
            title=held.title,
            notes={name: text.strip() for name, text in held.notes.model_dump().items() if text.strip()},
            cast=people,
            present=tuple(held.present),
            user=Character(**_given(held.user)) if held.user is not None else None,
            script=tuple(held.script),
            lore=tuple(Lore(one.text.strip(), tuple(one.keys), one.group, one.title) for one in held.lore),
            world=held.world,
            trackers=held.trackers,
            states={name: one.model_dump(exclude_unset=True) for name, one in held.states.items()},
        )
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error.message}", hint=error.hint) from error


def _path(name: str | Path) -> Path:
    given = Path(name)
    if given.suffix in _SUFFIXES:
        return given
    shipped = data_names("scenes", ".yaml")
    if str(name) not in shipped:
        raise InvalidInput(
            f"there is no scene {str(name)!r}",
            hint=f"There are {', '.join(shipped)}; or give the path of a YAML file{nearest(name, shipped)}.",
        )
    return data_file(f"scenes/{name}.yaml")


def _parsed(path: Path, body: str) -> object:
    import json

    import yaml

    try:
        return json.loads(body) if path.suffix == ".json" else yaml.safe_load(body)
    except (yaml.YAMLError, ValueError) as error:
        why = " ".join(str(error).split())
        raise InvalidInput(f"{path.name} is not valid {path.suffix[1:].upper()}: {why}"[:300]) from error


def _given(person: _Person) -> dict[str, Any]:
    return {**person.model_dump(), "goals": tuple(person.goals), "memories": tuple(person.memories)}


def _panel(name: str, where: str, folder: Path | None) -> tuple[Character, ...]:
    """Return the people of a panel file beside the scene; a path never leads out of the scene's folder."""
    from toolkit.personas import Panel

    root = (folder or Path()).resolve()
    found = (root / name).resolve()
    if folder is None or not found.is_relative_to(root):
        raise InvalidInput(f"{where}: panel: {name!r} is outside the scene's folder", hint="Put the file beside it.")
    return tuple(Character.of(one) for one in Panel.load(found))


def _one_line(where: str, error: ValidationError) -> InvalidInput:
    """Return the first fault as one line: where, what, and the nearest key that there is."""
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        *above, key = fault["loc"]
        known = _keys(above)
        return InvalidInput(f"{where} has an unknown key {place!r}", hint=f"Remove it{nearest(key, known)}.")
    if fault["type"] == "missing":
        return InvalidInput(f"{where} has no {place!r}", hint="Add it.")
    why = str(fault["msg"])
    return InvalidInput(f"{where}: {place}: {why[:1].lower()}{why[1:]}"[:300])


def _keys(above: list[Any]) -> list[str]:
    """Return the keys that may stand at a place of a scene file."""
    inner: dict[str, type[BaseModel]] = {
        "notes": _Notes,
        "cast": _Person,
        "user": _Person,
        "lore": _Lore,
        "states": _Known,
    }
    model = inner.get(str(above[0]), _SceneFile) if above else _SceneFile
    return list(model.model_fields)
