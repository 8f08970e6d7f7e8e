"""What is remembered: the sealed store, its one writer, joblib's door to it, and capsules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.memory.amounts import age_of, size_of, ttl_of
from toolkit.memory.append import AppendFile
from toolkit.memory.capsule import Capsule, Manifest, freeze
from toolkit.memory.database import MemoryUnwritable, MemoryWarning
from toolkit.memory.entry import FALLBACK_NOTE, REPLIES, Counts, Entry, Store
from toolkit.memory.legacy import LEGACY, Imported, import_folder
from toolkit.memory.store import SealedStore
from toolkit.memory.transcripts import TRANSCRIPTS, Transcript, transcripts_of
from toolkit.memory.upkeep import Stats, Validation
from toolkit.memory.writer import Target, Ticket, Writer

if TYPE_CHECKING:
    from toolkit.memory.replies import leaf
    from toolkit.memory.sealed import SealedBackend, StudyMemory, open_memory

__all__ = [
    "FALLBACK_NOTE",
    "LEGACY",
    "REPLIES",
    "TRANSCRIPTS",
    "AppendFile",
    "Capsule",
    "Counts",
    "Entry",
    "Imported",
    "Manifest",
    "MemoryUnwritable",
    "MemoryWarning",
    "SealedBackend",
    "SealedStore",
    "Stats",
    "Store",
    "StudyMemory",
    "Target",
    "Ticket",
    "Transcript",
    "Validation",
    "Writer",
    "age_of",
    "freeze",
    "import_folder",
    "leaf",
    "open_memory",
    "size_of",
    "transcripts_of",
    "ttl_of",
]

_JOBLIB = {"SealedBackend": "sealed", "StudyMemory": "sealed", "leaf": "replies", "open_memory": "sealed"}


def __getattr__(name: str) -> Any:
    """Import joblib's side when one of its names is first used: joblib is slow to import."""
    if name not in _JOBLIB:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_JOBLIB[name]}"), name)
    globals()[name] = value
    return value
