"""The files of a quarantine: one JSON file an entry, a manifest, and whatever else was moved aside there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from toolkit.engine.quarantine_beyond import Beyond
from toolkit.engine.whole_files import locked, put
from toolkit.memory import MemoryUnwritable

__all__ = ["MOST", "Kept", "QuarantineFolder", "counted"]

MEMORY_FILE = "memory_file"
"""The kind of a damaged memory file that was moved aside."""
UNREADABLE = "an entry that cannot be read any more"

MOST = 2000
"""Entries of a kind and stage that are kept; those beyond are only counted."""
_NOTE = f"The first {MOST:,} of a stage are kept; those beyond are only counted."
_EXAMPLES = 3
_MANIFEST = "manifest.json"
_OURS = re.compile(r"(?P<kind>[a-z][a-z0-9_]*)-(?P<id>[0-9a-f]{12})\.json")
_NUMBERED = re.compile(r"(?P<kind>.+?)_\d+")
_TAILS = ("-wal", "-shm", "-journal")
_INDENTED = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS


@dataclass(frozen=True, slots=True)
class Kept:
    """One entry of a quarantine. Everything in it was scrubbed."""

    id: str
    """Twelve hex digits; equal refusals have equal ids."""
    kind: str
    """What is wrong."""
    stage: str = ""
    item: str = ""
    reason: str = ""
    """Why, in one line."""
    content: str = ""
    """The reply or input that was refused."""
    model: str = ""
    """``provider:model`` that answered."""
    run: str = ""
    """Which execution of a verb asked, for example ``ask-3``."""
    request_id: str = ""
    """The provider's id of the request."""
    key: str = ""
    """The call's key in memory and ledger."""
    attempt: int = 0
    """Which content attempt it was."""
    at: float = 0.0
    """When it was put here first, in seconds since the epoch."""

    def row(self) -> dict[str, Any]:
        """Return the entry without its content."""
        return {name: value for name, value in asdict(self).items() if name not in {"content", "key"}}

    def __str__(self) -> str:
        """Return the entry as a few lines: where, why, and what was refused."""
        where = " · ".join(part for part in (self.kind, self.stage, self.item, self.model, self.run) if part)
        return "\n".join(part for part in (f"{self.id}  {where}", f"  {self.reason}", self.content) if part.strip())


class QuarantineFolder:
    """A folder of entries; a target of the study's ``Writer``, safe beside other processes.

    The files are the truth: counts are taken from them, and the manifest is written anew whenever it is asked for.

    Args:
        path: The folder; made with mode 0700 once something is put into it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._beyond = Beyond(self.path)
        self._kept: dict[tuple[str, str], int] | None = None

    def commit(self, jobs: Sequence[Kept]) -> list[str]:
        """Write the entries that are not there yet, bring the manifest up to date, and return the ids.

        Raises:
            MemoryUnwritable: The folder cannot be written.
        """
        try:
            with locked(self.path):
                manifest = self._manifest()
                told = [entry for entry in jobs if self._take(entry, manifest)]
                if told:
                    self._write_manifest(manifest)
        except OSError as error:
            raise MemoryUnwritable(
                f"the quarantine {self.path} cannot be written: {error.strerror or error}",
                hint="Free space or choose a folder that can be written; no answer is lost.",
            ) from error
        return [entry.id for entry in jobs]

    def entries(self) -> tuple[Kept, ...]:
        """Return what lies here, oldest first."""
        found = [self._read(path) for path in self._files()]
        return tuple(sorted(found, key=lambda entry: (entry.at, entry.id)))

    def remove(self, entries: Iterable[Kept], whole: tuple[str | None, str | None] | None = None) -> int:
        """Delete entries, count the rest anew, and return how many are gone.

        Args:
            entries: Which.
            whole: The kind and the stage, or None for any, of which those that were only counted go too.
        """
        wanted = {entry.id for entry in entries}
        self._kept = None
        with locked(self.path):
            gone = self._beyond.forget(*whole) if whole is not None else 0
            for path in self._files():
                if _id_of(path, self.path) in wanted:
                    with contextlib.suppress(FileNotFoundError):
                        path.unlink()
                        gone += 1
                    for tail in _TAILS:
                        Path(f"{path}{tail}").unlink(missing_ok=True)
        self.recount()
        return gone

    def recount(self) -> dict[str, Any]:
        """Count what is here, write that as the manifest, and return it."""
        if not self.path.is_dir():
            return {}
        with contextlib.suppress(OSError), locked(self.path):  # a folder that may only be read can still be counted
            counts = self._counted()
            if counts != self._manifest():
                self._write_manifest(counts)
            return counts
        return self._counted()

    def only_counted(self, kind: str | None = None, stage: str | None = None) -> Counter[str]:
        """Return how many of each kind went beyond what is kept; of one kind or stage only where it is named."""
        return self._beyond.numbers(kind, stage)

    # --- files ---

    def _take(self, entry: Kept, manifest: dict[str, Any]) -> bool:
        """Write an entry, or only count it where there are enough like it; False where it is known already."""
        if (self.path / f"{entry.kind}-{entry.id}.json").exists() or self._beyond.holds(entry.id):
            return False
        if self._is_full(entry, manifest):
            self._beyond.add(entry.kind, entry.stage, entry.id)
            _grow(manifest, entry, beyond=True)
        else:
            self._write(entry)
            _grow(manifest, entry)
        return True

    def _is_full(self, entry: Kept, manifest: dict[str, Any]) -> bool:
        """Whether the kind and stage have all the files they may; their files are counted when that may be so."""
        if manifest.get(entry.kind, {"count": 0})["count"] < MOST:
            return False
        if self._kept is None:
            self._kept = Counter((one.kind, one.stage) for one in self.entries())
        return self._kept.get((entry.kind, entry.stage), 0) >= MOST

    def _counted(self) -> dict[str, Any]:
        return counted(self.entries(), self._beyond.numbers())

    def _files(self) -> Iterator[Path]:
        """Yield one path an entry: no manifest, no lock, no side files of a database, no link to elsewhere."""
        for root, folders, names in os.walk(self.path):
            folders.sort()
            for name in sorted(names):
                path = Path(root, name)
                beside = name == _MANIFEST or name.startswith(".") or name.endswith(_TAILS)
                if not beside and not path.is_symlink():
                    yield path

    def _read(self, path: Path) -> Kept:
        id_, kind = _id_of(path, self.path), _kind_of(path)
        try:
            held = path.stat()
            if _OURS.fullmatch(path.name) is None:
                told = f"{path.relative_to(self.path)}, {held.st_size:,} bytes"
                why = f"a damaged memory file, moved aside: {told}" if kind == MEMORY_FILE else told
                return Kept(id=id_, kind=kind, item=path.name, reason=why, at=held.st_mtime)
            data = orjson.loads(path.read_bytes())
            known = {field.name for field in fields(Kept)}
            entry = Kept(**{**{name: value for name, value in data.items() if name in known}, "id": id_, "kind": kind})
        except (OSError, ValueError, TypeError, AttributeError):
            return Kept(id=id_, kind=kind, item=path.name, reason=UNREADABLE)
        sound = all(isinstance(getattr(entry, name), str) for name in ("stage", "item", "reason", "content", "model"))
        sound = sound and isinstance(entry.at, (int, float))
        return entry if sound else Kept(id=id_, kind=kind, item=path.name, reason=UNREADABLE)

    def _write(self, entry: Kept) -> None:
        put(self.path / f"{entry.kind}-{entry.id}.json", orjson.dumps(entry, option=_INDENTED))
        if self._kept is not None:
            place = (entry.kind, entry.stage)
            self._kept[place] = self._kept.get(place, 0) + 1

    def _manifest(self) -> dict[str, Any]:
        """Return the manifest as it stands; counted from the files where it is not one."""
        try:
            held = orjson.loads((self.path / _MANIFEST).read_bytes())
            whole = all(isinstance(one["count"], int) and isinstance(one["examples"], list) for one in held.values())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            whole = False
        return held if whole else self._counted()

    def _write_manifest(self, manifest: dict[str, Any]) -> None:
        put(self.path / _MANIFEST, orjson.dumps(manifest, option=_INDENTED))


def counted(entries: Iterable[Kept], beyond: Mapping[str, int] = MappingProxyType({})) -> dict[str, Any]:
    """Return a manifest: for each kind its count and up to three examples, and how many were only counted.

    Example:
        >>> counted([Kept("0" * 12, "timeout", item="p0001")])["timeout"]["count"]
        1
    """
    manifest: dict[str, Any] = {}
    for entry in entries:
        _grow(manifest, entry)
    for kind, number in beyond.items():
        _grow(manifest, Kept("", kind), beyond=True, number=number)
    return dict(sorted(manifest.items()))


def _grow(manifest: dict[str, Any], entry: Kept, *, beyond: bool = False, number: int = 1) -> None:
    one = manifest.setdefault(entry.kind, {"count": 0, "examples": []})
    one["count"] += number
    if beyond:
        one["only_counted"] = one.get("only_counted", 0) + number
        one["note"] = _NOTE
    elif len(one["examples"]) < _EXAMPLES:
        shown = {"id": entry.id, "stage": entry.stage, "item": entry.item, "reason": entry.reason}
        one["examples"].append(shown)


def _id_of(path: Path, folder: Path) -> str:
    ours = _OURS.fullmatch(path.name)
    if ours is not None:
        return ours["id"]
    return hashlib.sha256(path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _kind_of(path: Path) -> str:
    ours = _OURS.fullmatch(path.name)
    if ours is not None:
        return ours["kind"]
    if path.suffix in {".sqlite", ".db"}:
        return MEMORY_FILE
    numbered = _NUMBERED.fullmatch(path.stem)
    return numbered["kind"] if numbered is not None else "file"
