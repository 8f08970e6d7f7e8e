"""A capsule: what a study used, as one text file that replays anywhere, offline, and that git can compare."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from toolkit.errors import CapsuleInvalid, InvalidInput
from toolkit.memory.entry import Counts, Entry, Tally, after_of, newest
from toolkit.memory.rows import row_of
from toolkit.redact import Scrubber

__all__ = ["Capsule", "Manifest", "freeze"]

FORMAT = "dramatis-capsule"
VERSION = 1
"""Of the file's format."""

_DISTRIBUTION = "dramatis-toolkit"
_FIELDS = ("created", "func", "item", "key", "model", "stage", "template")
_FROM_GIT = "Restore the file from git, or freeze the study again."


def _installed() -> str:
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The first line of a capsule: what made it."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """The study's settings, JSON values, without secrets."""
    seed: int | None = None
    """The study's seed."""
    git_sha: str = "unknown"
    """The commit the study was run from."""
    models: Sequence[Mapping[str, Any]] = ()
    """The identities of the models that answered."""
    provider: str = ""
    """A note on where the replies come from; ``authored`` for sample data written for an example."""
    note: str = ""
    """Anything a reader should know."""
    toolkit: str = field(default_factory=_installed)
    """Version of the toolkit that made it."""
    scrubbed: bool = False
    """Whether texts were masked when it was written."""

    def line(self, entries: int) -> dict[str, Any]:
        """Return the manifest as it stands in the file."""
        line: dict[str, Any] = {
            "created_by": f"{_DISTRIBUTION} {self.toolkit}",
            "entries": entries,
            "format": FORMAT,
            "git_sha": self.git_sha,
            "models": [dict(model) for model in self.models],
            "note": self.note,
            "provider": self.provider,
            "seed": self.seed,
            "settings": dict(self.settings),
            "toolkit": self.toolkit,
            "version": VERSION,
        }
        return line | ({"scrubbed": True} if self.scrubbed else {})


def freeze(
    path: str | Path,
    manifest: Manifest,
    entries: Iterable[Entry],
    scrub: Callable[[str], str] | None = None,
) -> Path:
    """Write a capsule: the manifest, one line an entry in the order of keys, a checksum. Equal input, equal bytes.

    The file appears whole or not at all. Capsules are meant for git, so it gets the usual rights of a new file.

    Args:
        path: Where to; ``study.capsule``.
        manifest: What made it.
        entries: What to keep; equal ones are kept once.
        scrub: Masks what should not leave the house, in every text of bodies, items, settings and note; a ``Scrubber``
            also in names, and what stands under a name such as ``password``. An entry it changes is sealed anew and
            keeps its key.

    Returns:
        The path.

    Raises:
        InvalidInput: A setting is no JSON value, or two different entries have one key.

    Example:
        >>> import tempfile
        >>> from toolkit.memory import REPLIES
        >>> folder = tempfile.TemporaryDirectory()
        >>> entry = Entry(REPLIES, "ab12", b'{"text":"yes"}', stage="questions", item="3")
        >>> capsule = Capsule.open(freeze(Path(folder.name) / "study.capsule", Manifest(seed=7), [entry]))
        >>> capsule.manifest.seed, capsule.get(REPLIES, "ab12").json()
        (7, {'text': 'yes'})
        >>> folder.cleanup()
    """
    kept: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        clean = _scrub_entry(entry, scrub) if scrub else entry
        row_of(clean)
        twin = kept.setdefault((clean.key, clean.func), clean)
        if twin != clean:
            raise InvalidInput(f"two different entries have the key {clean.key[:12]!r}", hint="Keep one of them.")
    head = manifest.line(len(kept))
    if scrub:
        head |= {name: _scrub_value(head[name], scrub) for name in ("settings", "note")} | {"scrubbed": True}
    try:
        lines = [orjson.dumps(head, option=orjson.OPT_SORT_KEYS)]
    except TypeError as error:
        raise InvalidInput(
            f"the capsule's manifest is not JSON: {error}", hint="Leave secrets and objects out."
        ) from error
    lines += [_line(kept[place]) for place in sorted(kept)]
    content = b"".join(line + b"\n" for line in lines)
    checksum = orjson.dumps({"sha256": hashlib.sha256(content).hexdigest()})
    _write_whole(Path(path), content + checksum + b"\n")
    return Path(path)


class Capsule:
    """The entries of a capsule file, verified, read-only, in memory; a ``Store``.

    Attributes:
        path: The file.
        manifest: What made it.
    """

    def __init__(self, path: Path, manifest: Manifest, entries: Iterable[Entry]) -> None:
        self.path = path
        self.manifest = manifest
        self._entries = {(entry.func, entry.key): entry for entry in entries}
        self._items: dict[tuple[str, str], list[Entry]] = {}
        for entry in self._entries.values():
            self._items.setdefault((entry.stage, entry.item), []).append(entry)
        self._tally = Tally()

    @classmethod
    def open(cls, path: str | Path) -> Capsule:
        """Read and verify a capsule.

        Raises:
            CapsuleInvalid: It is no capsule, is damaged or was edited; the message names the line and the reason.
        """
        path = Path(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CapsuleInvalid(f"capsule {path} cannot be read: {error.strerror}", hint="Check the path.") from error
        lines = content.split(b"\n")
        manifest, count = _read_manifest(path, lines[0])
        if lines[0].endswith(b"\r"):
            raise _invalid(path, 1, "its line ends were converted", 'Put "*.capsule -text" into .gitattributes.')
        complete = lines[-1] == b"" and _is_checksum(lines[-2])
        body = lines[1:-2] if complete else lines[1:]
        if not complete:
            _read_entries(path, body)  # says which line is torn, if one is
            raise _invalid(path, len(lines), "the checksum line is missing, the end of the file is cut off")
        entries = _read_entries(path, body)
        if count != len(body):
            raise _invalid(path, 1, f"it announces {count} entries, and there are {len(body)}")
        if orjson.loads(lines[-2])["sha256"] != hashlib.sha256(b"\n".join(lines[:-2]) + b"\n").hexdigest():
            raise _invalid(path, len(lines) - 1, "the checksum does not fit: the file was edited")
        return cls(path, manifest, entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Capsule({str(self.path)!r}, {len(self)} entries)"

    @property
    def counts(self) -> Counts:
        """What happened since it was opened."""
        return self._tally.counts()

    def get(self, func: str, key: str) -> Entry | None:
        """Return one entry, or None."""
        entry = self._entries.get((func, key))
        self._tally.add(**({"misses": 1} if entry is None else {"hits": 1}))
        return entry

    def get_many(self, func: str, keys: Iterable[str]) -> dict[str, Entry]:
        """Return the entries there are, by key."""
        wanted = dict.fromkeys(keys)
        found = {key: entry for key in wanted if (entry := self._entries.get((func, key))) is not None}
        self._tally.add(hits=len(found), misses=len(wanted) - len(found))
        return found

    def contains(self, func: str, key: str) -> bool:
        """Whether there is such an entry."""
        return (func, key) in self._entries

    def entries(self, func: str | None = None, after: tuple[str, str] | str | None = None) -> Iterator[Entry]:
        """Yield entries in the order of function and key, as ``SealedStore.entries`` does."""
        last = after_of(func, after)
        for place in sorted(self._entries):
            if place > last and func in (None, place[0]):
                yield self._entries[place]

    def latest(self, stage: str, item: str) -> Entry | None:
        """Return the newest entry made for one item of a stage."""
        return newest(self._items.get((stage, item), ()))


def _line(entry: Entry) -> bytes:
    line: dict[str, Any] = {"body": entry.json()}
    if orjson.dumps(line["body"]) != entry.body:  # spaces, or numbers written another way: keep the very bytes
        line = {"body_text": entry.body.decode()}
    line |= {name: getattr(entry, name) for name in _FIELDS[:-2]}
    line |= {"sha256": entry.seal().hex(), "stage": entry.stage, "template": entry.template}
    return orjson.dumps(line)


def _read_manifest(path: Path, line: bytes) -> tuple[Manifest, int]:
    try:
        head = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _invalid(path, 1, f"not the manifest of a capsule ({error.msg})") from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise _invalid(path, 1, "not the manifest of a capsule", "Give a file that freeze() wrote.")
    if head.get("version") != VERSION:
        raise _invalid(
            path,
            1,
            f"its version is {head.get('version')!r}, this toolkit reads {VERSION}",
            "Upgrade dramatis-toolkit.",
        )
    try:
        names = ("settings", "seed", "git_sha", "models", "provider", "note", "toolkit")
        manifest = Manifest(**{name: head[name] for name in names}, scrubbed=bool(head.get("scrubbed")))
        return manifest, int(head["entries"])
    except (KeyError, TypeError, ValueError) as error:
        raise _invalid(path, 1, f"the manifest lacks {error}") from error


def _read_entries(path: Path, lines: Sequence[bytes]) -> list[Entry]:
    entries: dict[tuple[str, str], Entry] = {}
    for number, line in enumerate(lines, start=2):
        try:
            fields = orjson.loads(line)
            body = fields["body_text"].encode() if "body_text" in fields else orjson.dumps(fields["body"])
            entry = Entry(body=body, **{name: fields[name] for name in _FIELDS})
            row_of(entry)
            sealed = fields["sha256"]
        except orjson.JSONDecodeError as error:
            raise _invalid(path, number, f"not JSON: {error.msg}") from error
        except (AttributeError, InvalidInput, KeyError, TypeError, ValueError) as error:
            raise _invalid(path, number, f"not an entry ({type(error).__name__}: {error})") from error
        place = f"stage {entry.stage!r}, item {entry.item!r}, key {entry.key[:12]!r}"
        if entry.seal().hex() != sealed:
            raise _invalid(path, number, f"the entry of {place} does not fit its SHA-256: it was edited")
        if (entry.func, entry.key) in entries:
            raise _invalid(path, number, f"the entry of {place} stands there twice")
        entries[entry.func, entry.key] = entry
    return list(entries.values())


def _is_checksum(line: bytes) -> bool:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and list(value) == ["sha256"]


def _invalid(path: Path, line: int, reason: str, hint: str = _FROM_GIT) -> CapsuleInvalid:
    return CapsuleInvalid(f"capsule {path}, line {line}: {reason}", hint=hint)


def _scrub_entry(entry: Entry, scrub: Callable[[str], str]) -> Entry:
    value = entry.json()
    clean = _scrub_value(value, scrub)
    body = entry.body if clean == value else orjson.dumps(clean)
    names = {name: getattr(entry, name) for name in _FIELDS} | {"item": scrub(entry.item)}
    return Entry(body=body, **names)


def _scrub_value(value: Any, scrub: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return _scrub_text(value, scrub)
    if isinstance(value, list | tuple):
        return [_scrub_value(one, scrub) for one in value]
    if not isinstance(value, Mapping):
        return value
    if not isinstance(scrub, Scrubber):
        return {name: _scrub_value(one, scrub) for name, one in value.items()}
    # names as a whole, for two that are masked alike stay two; plain texts with them, for a name can give them away
    names = scrub.data({name: one if _is_plain(one) else None for name, one in value.items()})
    return {
        name: masked if _is_plain(one) else _scrub_value(one, scrub)
        for (name, masked), one in zip(names.items(), value.values(), strict=True)
    }


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and _json_in(value) is None


def _scrub_text(text: str, scrub: Callable[[str], str]) -> str:
    """Scrub a text; one that is itself JSON, a model's structured answer, is scrubbed inside and stays JSON."""
    value = _json_in(text)
    if value is None:
        return scrub(text)
    clean = _scrub_value(value, scrub)
    return text if clean == value else orjson.dumps(clean).decode()


def _json_in(text: str) -> Any:
    """Return the object or list that a text is, or None."""
    if text[:1] in ("{", "["):
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(text)
    return None


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            draft.unlink()
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name is durable too
        finally:
            os.close(folder)
