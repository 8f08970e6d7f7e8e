"""Entries of before: the earlier program's folder of JSON files, and loose entries of our own, taken in once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from toolkit.errors import InvalidInput
from toolkit.memory.entry import Entry
from toolkit.memory.rows import LARGEST
from toolkit.memory.store import SealedStore

__all__ = ["FOLDER", "LEGACY", "Imported", "import_folder", "import_once"]

_log = logging.getLogger(__name__)

LEGACY = "toolkit:legacy"
"""The function id of the earlier program's entries; their keys are its own, 32 hex digits."""
FOLDER = "legacy"
"""The folder in a study that is taken in when the study is first opened."""

_KEY_DIGITS = 32
_FIELDS = ("created", "func", "item", "key", "model", "stage", "template")
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import found in a folder."""

    imported: int = 0
    """Entries that are new in the memory."""
    known: int = 0
    """Entries that the memory has already; they are left as they are."""
    damaged: int = 0
    """Files that are no JSON, or whose seal does not fit; they are left where they lie."""

    def __str__(self) -> str:
        """Return the counts in one line."""
        return f"{self.imported:,} imported, {self.known:,} there already, {self.damaged:,} damaged"


def import_folder(store: SealedStore, folder: str | Path) -> Imported:
    """Take in every entry under a folder; doing it again finds all of them known.

    Two kinds of files are known, in any mixture:

    - the earlier program's, ``<context>/<service>/<key>.json`` (descriptions), ``…/<plateau>/<key>.json`` (features)
      and ``…/<plateau>/mappings/<set>/<key>.json`` (mappings), with keys of 32 hex digits. They come under the
      function id ``LEGACY`` with their own keys; a file that lies elsewhere is taken all the same, without a stage;
    - our own, one entry a file, as a line of a capsule has it: they come back as what they were, if the seal fits.

    Args:
        store: The memory.
        folder: Where the files are. Nothing in it is changed; links are not followed.

    Raises:
        InvalidInput: There is no such folder, or the store is read-only.

    Example:
        >>> import tempfile
        >>> place = tempfile.TemporaryDirectory()
        >>> old = Path(place.name) / "cache" / "unknown" / "svc-1"
        >>> old.mkdir(parents=True)
        >>> written = (old / f"{'0' * 32}.json").write_text('{"descriptions": []}')
        >>> with SealedStore(Path(place.name) / "memory.sqlite", heal=True) as store:
        ...     print(import_folder(store, Path(place.name) / "cache"))
        ...     print(import_folder(store, Path(place.name) / "cache"))
        1 imported, 0 there already, 0 damaged
        0 imported, 1 there already, 0 damaged
        >>> place.cleanup()
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidInput(f"there is no folder {folder}", hint="Give the earlier program's cache folder.")
    new = known = damaged = 0
    tickets = []
    for entry in _entries(folder):
        if entry is None:
            damaged += 1
            continue
        tickets.append(store.put(entry, overwrite=False))
        if len(tickets) == _BATCH:
            new, known, tickets = *_settled(tickets, new, known), []
    new, known = _settled(tickets, new, known)
    return Imported(new, known, damaged)


def import_once(store: SealedStore, folder: Path) -> Imported | None:
    """Take in a study's folder of old entries, unless that was done before; say in the log how many came.

    Returns:
        What was found, or None where there is nothing to do: no such folder, or the memory has taken it in before.
    """
    if store.read_only or not folder.is_dir() or store.imported(folder.name):
        return None
    found = import_folder(store, folder)
    store.keep_import(folder.name)
    _log.info("%s of the entries in %s", found, folder)
    return found


def _settled(tickets: list[Any], new: int, known: int) -> tuple[int, int]:
    written = sum(ticket.result() for ticket in tickets)
    return new + written, known + len(tickets) - written


def _entries(folder: Path) -> Iterator[Entry | None]:
    """Yield an entry for each file that is one, None for each that should be and is damaged."""
    for path in sorted(folder.rglob("*.json")):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            value = orjson.loads(path.read_bytes()) if path.stat().st_size <= LARGEST else None
        except (OSError, ValueError):
            yield None
            continue
        if isinstance(value, dict) and "sha256" in value and ("body" in value or "body_text" in value):
            yield _own(value)
        elif _is_key(path.stem):
            yield _earlier(path, folder, value)


def _own(value: dict[str, Any]) -> Entry | None:
    try:
        body = value["body_text"].encode() if "body_text" in value else orjson.dumps(value["body"])
        entry = Entry(body=body, **{name: value[name] for name in _FIELDS})
        return entry if entry.seal().hex() == value["sha256"] else None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _is_key(name: str) -> bool:
    return len(name) == _KEY_DIGITS and all(one in "0123456789abcdef" for one in name)


def _earlier(path: Path, folder: Path, value: Any) -> Entry | None:
    if value is None:
        return None
    match path.relative_to(folder).parts[:-1]:
        case (context, service):
            stage, item = "descriptions", service
        case (context, service, plateau):
            stage, item = "features", f"{service}/{plateau}"
        case (context, service, plateau, "mappings", kind):
            stage, item = f"mappings.{kind}", f"{service}/{plateau}"
        case parts:
            context, stage, item = "", "", "/".join(parts)
    made = path.stat().st_mtime
    return Entry(LEGACY, path.stem, orjson.dumps(value), stage, item, context, created=made, used=time.time())
