"""The store backend behind ``joblib.Memory``: a researcher's own functions, remembered in the study's sealed store."""

from __future__ import annotations

import datetime as dt
import os
import threading
import warnings
import weakref
from pathlib import Path
from typing import Any, Literal

import joblib
from joblib._store_backends import CacheItemInfo, CacheWarning, StoreBackendBase, StoreBackendMixin
from joblib.disk import memstr_to_bytes
from joblib.memory import _FUNCTION_HASHES, FIRST_LINE_TEXT, _build_func_identifier

from toolkit.errors import InvalidInput, MemoryCorrupt
from toolkit.memory import codec
from toolkit.memory.database import Journal, MemoryUnwritable, MemoryWarning
from toolkit.memory.entry import REPLIES, Entry
from toolkit.memory.legacy import FOLDER, LEGACY, import_once
from toolkit.memory.store import SealedStore
from toolkit.memory.transcripts import TRANSCRIPTS
from toolkit.memory.upkeep import Stats, Validation
from toolkit.memory.writer import Writer

__all__ = ["SealedBackend", "StudyMemory", "open_memory"]

Mode = Literal["off", "read", "refresh", "write", "replay"]

FILE = "memory.sqlite"
"""The store's file in a study's folder."""

PAID = (REPLIES, TRANSCRIPTS, LEGACY)
"""Whose entries ``memory.clear()`` keeps: what was paid for is only removed by name."""

_LOST = f"{FIRST_LINE_TEXT} 1\n# lost\n"
"""A source no function has."""


def open_memory(
    folder: str | Path,
    mode: Mode = "read",
    *,
    writer: Writer | None = None,
    journal: Journal = "auto",
) -> tuple[StudyMemory, SealedStore]:
    """Open a study's memory: the ``joblib.Memory`` for a researcher's own functions, and the store behind it.

    Entries of before that lie in the study's folder ``legacy`` are taken in when it is first opened for writing.

    Args:
        folder: The study's folder; the file in it is ``memory.sqlite``.
        mode: ``replay`` opens for reading only and raises on damage; ``off`` gives a ``joblib.Memory`` that remembers
            nothing. All others read, write and heal; what they mean for replies is the engine's matter.
        writer: The study's writer; without one the store has its own and closes it.
        journal: See ``SealedStore``.

    Returns:
        The memory and the store; close the store when the study is done.

    Raises:
        MemoryCorrupt: The file is damaged, and the mode is ``replay``.
        MemoryUnwritable: The file cannot be opened.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> memory, store = open_memory(folder.name)
        >>> @memory.cache
        ... def square(x):
        ...     return x * x
        >>> square(3), square(3), store.counts.hits
        (9, 9, 1)
        >>> store.close()
        >>> folder.cleanup()
    """
    replay = mode == "replay"
    store = SealedStore(Path(folder) / FILE, heal=not replay, read_only=replay, writer=writer, journal=journal)
    import_once(store, Path(folder) / FOLDER)
    backend = SealedBackend()
    backend.configure(str(folder), verbose=0, backend_options={"store": store})
    return StudyMemory(location=None if mode == "off" else backend, backend="sealed", verbose=0), store


class StudyMemory(joblib.Memory):  # type: ignore[misc]  # joblib ships no types
    """joblib's ``Memory`` over a study's sealed store, with what keeps the store in order.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> memory, store = open_memory(folder.name)
        >>> memory.cache(len)("four"), memory.stats().entries, memory.validate().damaged
        (4, 1, 0)
        >>> memory.purge(fallback=True)
        0
        >>> store.close()
        >>> folder.cleanup()
    """

    @property
    def store(self) -> SealedStore:
        """The store behind it.

        Raises:
            InvalidInput: The memory is off.
        """
        if not isinstance(self.store_backend, SealedBackend):
            raise InvalidInput("memory is off, so there is nothing in it", hint="Open the lab with mode='read'.")
        return self.store_backend.store

    def stats(self) -> Stats:
        """Return how much there is, by function and stage, and how large the file is."""
        return self.store.stats()

    def validate(self) -> Validation:
        """Read and verify every entry, changing nothing, and return exact counts."""
        return self.store.validate()

    def purge(self, **which: Any) -> int:
        """Remove the entries that meet every condition given, and return how many.

        Args:
            which: As for ``SealedStore.purge``: ``damaged``, ``older_than``, ``stage``, ``fallback``.

        Raises:
            InvalidInput: No condition is given, or the age is negative.
        """
        return self.store.purge(**which)


class SealedBackend(StoreBackendBase, StoreBackendMixin):  # type: ignore[misc]  # joblib ships no types
    """joblib's store backend ``"sealed"``: JSON under SHA-256 in one SQLite file, instead of pickles in folders.

    ``joblib.Memory(folder, backend="sealed")`` gets it once this module is imported. Results may be JSON values,
    tuples, DataFrames and numpy arrays; anything else raises a TypeError before anything is stored. What is kept about
    a call is when it was made and the digest of its arguments, never the arguments.

    Options (``backend_options=``): ``heal`` (True) and ``read_only`` (False) as in ``SealedStore``.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> memory = joblib.Memory(folder.name, backend="sealed", verbose=0)
        >>> memory.cache(len)("four")
        4
        >>> memory.store_backend.store.close()
        >>> folder.cleanup()
    """

    def __init__(self) -> None:
        self._here = threading.local()
        self._known: set[str] = set()

    def configure(self, location: str, verbose: int = 0, backend_options: dict[str, Any] | None = None) -> None:
        """Open the store of a folder; the same folder is opened once a process."""
        options = {name: value for name, value in (backend_options or {}).items() if value is not None}
        options.pop("mmap_mode", None)
        if options.pop("compress", False):
            raise InvalidInput("compress is not a choice of the sealed memory", hint="Leave it out.")
        self.location = str(Path(location).absolute())
        self.verbose = verbose
        given = options.pop("store", None)
        self._options = options or ({} if given is None else {"heal": given.heal, "read_only": given.read_only})
        self.store: SealedStore = given or _shared(Path(self.location) / FILE, **options)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to open the same folder."""
        return {"location": self.location, "verbose": self.verbose, "options": self._options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]
        self.configure(state["location"], state["verbose"], state["options"])

    # one call's result; a hit asks contains_item, get_metadata, load_item, in this order

    def contains_item(self, call_id: tuple[str, str]) -> bool:
        """Whether the result is there and verifies; what was read is kept for ``load_item``.

        Raises:
            MemoryCorrupt: It is damaged, and the store may not heal. joblib swallows what ``load_item`` raises and
                calls the function again, so damage has to be met here.
        """
        self._here.item = None
        func, key = call_id
        entry = self.store.get(func, key)
        if entry is None:
            return False
        try:
            value = _decode(entry)
        except codec.Unreadable as error:
            # sealed by somebody, but not by us or by a version to come
            if not self.store.heal:
                raise MemoryCorrupt(
                    f"memory holds a result of {func} that cannot be read: {error}",
                    hint="Make it anew with the mode read, or upgrade dramatis-toolkit.",
                ) from error
            self.clear_item(call_id)
            return False
        self._here.item = (call_id, entry.created, value, self.store.version())
        return True

    def load_item(
        self,
        call_id: tuple[str, str],
        verbose: int = 0,  # noqa: ARG002  # joblib's signature; it would print arguments
        timestamp: float | None = None,  # noqa: ARG002
        metadata: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> Any:
        """Return a result.

        Raises:
            KeyError: There is none.
        """
        item = getattr(self._here, "item", None)
        self._here.item = None
        if item is not None and item[0] == tuple(call_id) and item[3] == self.store.version():
            return item[2]
        entry = self.store.get(*call_id)
        if entry is None:
            raise KeyError(f"no result of {call_id[0]} is remembered for these arguments")
        return _decode(entry)

    def get_metadata(self, call_id: tuple[str, str]) -> dict[str, Any]:
        """Return when the result was made and the digest of its arguments."""
        item = getattr(self._here, "item", None)
        if item is not None and item[0] == tuple(call_id):
            created = item[1]
        else:
            entry = self.store.get(*call_id)
            if entry is None:
                return {}
            created = entry.created
        return {"time": created, "input_digest": call_id[1]}

    def dump_item(self, call_id: tuple[str, str], item: Any, verbose: int = 0) -> None:  # noqa: ARG002
        """Store a result; it is durable when this returns.

        Raises:
            TypeError: The result is of a kind memory does not keep; nothing was stored.
        """
        func, key = call_id
        to_json = codec.packed_json if func == REPLIES else codec.encode
        body = to_json(item, f"the result of {func}")
        self.keep(Entry(func, key, body))

    def keep(self, entry: Entry) -> None:
        """Store an entry; when the disk refuses, the researcher is told and keeps the result all the same."""
        if self.store.read_only:
            return
        try:
            self.store.put(entry).result()
        except MemoryUnwritable as error:
            warnings.warn(f"a result of {entry.func} is not remembered: {error}", CacheWarning, stacklevel=4)

    def store_metadata(self, call_id: tuple[str, str], metadata: dict[str, Any]) -> None:
        """Do nothing: joblib's metadata is the text of every argument; the entry has the time and the digest."""

    def clear_item(self, call_id: tuple[str, str]) -> None:
        """Remove one result."""
        self._here.item = None
        if not self.store.read_only:
            self.store.delete(*call_id).result()

    # a function, and everything

    def contains_path(self, call_id: list[str]) -> bool:
        """Whether a function's source is known."""
        return self.store.code(call_id[0]) is not None

    def clear_path(self, call_id: list[str]) -> None:
        """Remove all results of a function; in replay nothing, since joblib asks this when a source was edited.

        Replies stay: they were paid for. ``store.clear(REPLIES)`` removes them.
        """
        self._known.discard(call_id[0])
        if call_id[0] in PAID:
            self._say_what_stays()
        elif not self.store.read_only:
            self.store.clear(call_id[0])

    def store_cached_func_code(self, call_id: list[str], func_code: str | None = None) -> None:
        """Keep a function's source, which joblib compares at its first call."""
        if func_code is not None and not self.store.read_only:
            self.store.keep_code(call_id[0], func_code)

    def get_cached_func_code(self, call_id: list[str]) -> str:
        """Return a function's source.

        Raises:
            OSError: None is kept and nothing is remembered; joblib expects just this.
        """
        code = self.store.code(call_id[0])
        if code is None and not self.store.holds(call_id[0]):
            raise FileNotFoundError(f"no source of {call_id[0]} is kept")
        # results whose source got lost may be of an older one: joblib sees a difference, and clears them
        return code or _LOST

    def get_cached_func_info(self, call_id: list[str]) -> dict[str, str]:
        """Return where a function's results are, as joblib shows it; each call begins with this question.

        joblib compares a function's source once a process, not once a store. Of a function that this store does not
        know yet it must forget that, or the store would never learn the source its results were made with.
        """
        func = call_id[0]
        if func not in self._known:
            if self.store.code(func) is not None:
                self._known.add(func)
            else:
                for seen in [one for one in list(_FUNCTION_HASHES) if _build_func_identifier(one) == func]:
                    _FUNCTION_HASHES.pop(seen, None)
        return {"location": os.path.join(self.location, *call_id)}  # noqa: PTH118  # joblib's ids are paths

    def clear(self) -> None:
        """Remove the results of all functions; replies stay, for they were paid for, and a warning says how many.

        ``store.clear(REPLIES)`` removes them, and so does ``toolkit cache purge``.

        Raises:
            InvalidInput: The memory is open for reading only.
        """
        self._known.clear()
        self.store.clear(keep=PAID)
        self._say_what_stays()

    def _say_what_stays(self) -> None:
        held = self.store.stats().by_func
        number = sum(held.get(func, 0) for func in PAID)
        if number:
            warnings.warn(
                f"{number:,} replies and transcripts stay in {self.store.path.name}: they were paid for. Remove them "
                'with `toolkit cache purge --older-than "0 s"`.',
                MemoryWarning,
                stacklevel=4,
            )

    def enforce_store_limits(
        self,
        bytes_limit: float | str | None,
        items_limit: int | None = None,
        age_limit: dt.timedelta | None = None,
    ) -> None:
        """Remove what was used longest ago until the limits hold: ``memory.reduce_size``.

        Raises:
            ValueError: A limit is negative, or text that is not like ``"500M"``.
        """
        size = memstr_to_bytes(bytes_limit) if isinstance(bytes_limit, str) else bytes_limit
        self.store.reduce_size(size, items_limit, age_limit)

    def get_items(self) -> list[Any]:
        """Return path, size and time of use of every entry."""
        return [
            CacheItemInfo(f"{entry.func}/{entry.key}", entry.size, dt.datetime.fromtimestamp(entry.used))  # noqa: DTZ006
            for entry in self.store.entries()  # joblib compares local times without a zone
        ]

    # there are no folders and no files an item

    def create_location(self, location: str) -> None:
        """Do nothing: there are no folders."""

    def clear_location(self, location: str) -> None:
        """Remove everything when the whole location is meant."""
        if location == self.location:
            self.clear()

    def _item_exists(self, location: str) -> bool:
        return location == self.location

    def _open_item(self, f: str, mode: str) -> Any:  # noqa: ARG002
        raise FileNotFoundError(f"{f}: a sealed memory has no files of single items")

    def _move_item(self, src: str, dst: str) -> None:  # noqa: ARG002
        raise FileNotFoundError(f"{src}: a sealed memory has no files of single items")


def _decode(entry: Entry) -> Any:
    return entry.json() if entry.func == REPLIES else codec.decode(entry.body)


_SHARED: weakref.WeakValueDictionary[tuple[str, bool, bool], SealedStore] = weakref.WeakValueDictionary()
_SHARED_LOCK = threading.Lock()


def _shared(path: Path, *, heal: bool = True, read_only: bool = False) -> SealedStore:
    """Return the process's one store for a file, so that many ``joblib.Memory`` have one writer."""
    with _SHARED_LOCK:
        place = (str(path.resolve()), heal, read_only)
        store = _SHARED.get(place)
        if store is None or store.closed:
            store = _SHARED[place] = SealedStore(path, heal=heal, read_only=read_only)
        return store


joblib.register_store_backend("sealed", SealedBackend)
