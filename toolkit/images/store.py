"""Where pictures are kept: files by their content under one root, a folder a session, a sidecar for each."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson

from toolkit.errors import InvalidInput
from toolkit.images.bucket import Bucket, open_bucket
from toolkit.images.files import HERE, is_alive, leads_to, link, write_whole
from toolkit.images.places import file_name, session_name
from toolkit.images.plan import one_type
from toolkit.redact import scrub

if TYPE_CHECKING:
    from toolkit.images.server import ImageServer
    from toolkit.lab import Lab
    from toolkit.media import Blob

__all__ = ["ROUTE", "SUFFIXES", "ImageStore", "Stored"]

ROUTE = "/api/images/"
"""Before a storage path, it makes the address."""
_PREFIX = "media/images/"
SUFFIXES: Mapping[str, str] = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "image/tiff": ".tif",
}
_CONTENT, _SCRATCH, _GENERATIONS = ".content", ".scratch", ".generations"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """One picture as it is kept."""

    sha256: str
    mime: str
    size_bytes: int
    width: int
    height: int
    path: Path
    """The file."""
    storage_path: str
    """``media/images/<session>/<type>s/<file>``: the same wherever the root lies."""
    created_at: str
    """UTC, ISO 8601."""
    bucket: str = ""
    """Where it was uploaded to; empty where it lies on this machine only."""
    note: str = ""
    """What went wrong beside the picture itself: no upload, no sidecar."""

    @property
    def proxy_url(self) -> str:
        """Its address on any server of this store."""
        return f"{ROUTE}{self.storage_path}"


class ImageStore:
    """Pictures under one root.

    A file is written whole under a temporary name, synced and then renamed, so nobody ever sees half of one. Its bytes
    lie once, by their SHA-256; folders of sessions link to them. Opening a store makes nothing; the first picture does.
    What a killed process left behind goes away the next time a picture is kept.

    Args:
        root: The folder.
        bucket: Where copies go as well: a URL that ``fsspec`` knows (``"s3://bucket/images"``), or a ``Bucket``. An
            upload that fails leaves the picture on this machine, with a note.

    Raises:
        InvalidInput: The bucket cannot be opened.

    Example:
        >>> store = ImageStore(tmp / "images")
        >>> list(store.sidecars()), (tmp / "images").exists()
        ([], False)
    """

    def __init__(self, root: str | Path, *, bucket: str | Bucket | None = None) -> None:
        self.root = Path(root).expanduser().absolute()
        self.bucket = open_bucket(bucket) if bucket is not None else None
        self._server: ImageServer | None = None
        self._swept = False
        self._lock = threading.Lock()

    @classmethod
    def of(cls, lab: Lab) -> ImageStore:
        """Return the store of a lab: ``images`` in its study, or a temporary folder for a lab that replays a capsule.

        Example:
            >>> ImageStore.of(lab).root.name
            'images'
        """
        with _opening:
            found = _STORES.get(lab)
            if found is None:
                if lab.study is not None:
                    found = cls(lab.study / "images")
                else:
                    folder = tempfile.TemporaryDirectory(prefix="dramatis-images-", ignore_cleanup_errors=True)
                    found = cls(folder.name)
                    weakref.finalize(lab, folder.cleanup)
                _STORES[lab] = found
            return found

    def attach(self, lab: Lab) -> Self:
        """Make this the store of a lab, for one with a bucket or another root.

        Example:
            >>> other = Lab("scripted", study=tmp / "other")
            >>> ImageStore(tmp / "elsewhere").attach(other) is ImageStore.of(other)
            True
        """
        with _opening:
            _STORES[lab] = self
        return self

    # --- keeping ---

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder for temporary files, which goes away with all in it, however the block ends."""
        self._sweep()
        folder = self.root / _SCRATCH / f"{HERE}.{os.getpid()}.{secrets.token_hex(8)}"
        folder.mkdir(parents=True, mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, data: bytes, mime: str, scratch: Path) -> str:
        """Write bytes down by their content and return their SHA-256; they are safe when this returns.

        Args:
            data: The file's bytes.
            mime: What they are.
            scratch: A folder given by ``scratch``.

        Raises:
            OSError: They cannot be written; nothing of them stays.
        """
        digest = hashlib.sha256(data).hexdigest()
        place = self.content(digest, mime)
        if not self.holds(digest, mime):
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(place, data, scratch)
        return digest

    def content(self, digest: str, mime: str) -> Path:
        """Return where bytes lie by their content."""
        return self.root / _CONTENT / digest[:2] / f"{digest}{SUFFIXES.get(mime, '.bin')}"

    def holds(self, digest: str, mime: str) -> bool:
        """Tell whether bytes are there, undamaged."""
        try:
            data = self.content(digest, mime).read_bytes()
        except OSError:
            return False
        return hashlib.sha256(data).hexdigest() == digest

    def place(
        self,
        digest: str,
        mime: str,
        *,
        session: str,
        image_type: str,
        size: tuple[int, int],
        name: str,
        about: Mapping[str, Any],
    ) -> Stored:
        """Put a picture that was kept into its session's folder, with a sidecar; doing it again changes nothing.

        Args:
            digest: SHA-256 of its bytes.
            mime: What they are.
            session: What it belongs to; made safe.
            image_type: Its type; the folder is ``<type>s``.
            size: Width and height in pixels.
            name: File name without suffix; its base name counts.
            about: What the sidecar says beside the file's own facts.

        Raises:
            OSError: The file cannot be put there. A sidecar or an upload that fails is a note.
        """
        folder = f"{session_name(session)}/{one_type(image_type)}s"
        base = file_name(f"{name}{SUFFIXES.get(mime, '.bin')}")
        target = self._inside(f"{folder}/{base}")
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = self.content(digest, mime)
        if not leads_to(target, content, digest):
            with self.scratch() as scratch:
                link(content, target, scratch)
        known = self._sidecar(target)
        created = str(known.get("created_at") or datetime.now(UTC).isoformat(timespec="milliseconds"))
        storage = f"{_PREFIX}{folder}/{base}"
        bucket, note = self._upload(storage, content, mime, str(known.get("bucket") or ""))
        stored = Stored(
            digest, mime, content.stat().st_size, *size, path=target, storage_path=storage, created_at=created,
            bucket=bucket, note=note,
        )  # fmt: skip
        return self._tell(stored, known, about)

    def _upload(self, storage: str, content: Path, mime: str, known: str) -> tuple[str, str]:
        """Copy a picture to the bucket; return where it is there, or why it is not."""
        if self.bucket is None or known:
            return known, ""
        try:
            return self.bucket.put(storage, content.read_bytes(), mime), ""
        except Exception as error:  # noqa: BLE001  # clients of buckets raise anything; the picture is safe here
            note = f"it was not uploaded ({type(error).__name__}: {scrub(str(error))[:200]}) and lies on this machine"
            _log.warning("a picture: %s", note)
            return "", note

    def _tell(self, stored: Stored, known: Mapping[str, Any], about: Mapping[str, Any]) -> Stored:
        """Write the sidecar where it is missing; a sidecar that cannot be written does not fail the picture."""
        body = {
            **about,
            "sha256": stored.sha256,
            "mime_type": stored.mime,
            "size_bytes": stored.size_bytes,
            "width": stored.width,
            "height": stored.height,
            "storage_path": stored.storage_path,
            "bucket": stored.bucket,
            "created_at": stored.created_at,
        }
        if known.get("sha256") == stored.sha256 and known.get("bucket") == stored.bucket:
            return stored
        try:
            with self.scratch() as scratch:
                dump = orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
                write_whole(_beside(stored.path), dump, scratch)
        except (OSError, TypeError) as error:
            note = f"its sidecar could not be written ({scrub(str(error))[:200]}), so the gallery of the study lacks it"
            _log.warning("a picture: %s", note)
            return Stored(**{name: getattr(stored, name) for name in Stored.__slots__ if name != "note"}, note=note)
        return stored

    # --- finding ---

    def resolve(self, storage_path: str) -> Path:
        """Return the file of a storage path, or of an address.

        Raises:
            InvalidInput: It leads out of the store, or to nothing.
        """
        inner = storage_path.removeprefix(ROUTE).removeprefix(_PREFIX)
        path = self._inside(inner)
        hidden = any(part.startswith(".") for part in path.relative_to(self.root).parts)
        if hidden or path.suffix not in SUFFIXES.values() or not path.is_file():
            raise InvalidInput(f"there is no picture at {storage_path!r}", hint="Take storage_path from a result.")
        return path

    def sidecars(self) -> Iterator[dict[str, Any]]:
        """Yield what the sidecars say, newest first, each with its file as ``local_path``; no damaged ones."""
        found = []
        for path in self.root.glob("[!.]*/*/*.json"):
            picture = path.with_suffix("")
            body = self._sidecar(picture)
            if body and picture.is_file():
                found.append({**body, "local_path": str(picture)})
        yield from sorted(found, key=lambda one: (str(one.get("created_at")), one["local_path"]), reverse=True)

    def thumbnail(self, path: Path, side: int = 256) -> Blob:
        """Return a small form of a picture: PNG for a drawing, JPEG for a photo.

        Args:
            path: The file.
            side: Its longest side, in pixels.
        """
        from toolkit.media import Image

        return Image(path).normal(side)

    def generation(self, order: str) -> int:
        """Return which rendering of an order is the latest, from 0; ``order`` is a SHA-256."""
        try:
            return int((self.root / _GENERATIONS / order).read_text())
        except (OSError, ValueError):
            return 0

    def begin_generation(self, order: str, number: int) -> None:
        """Note that a later rendering of an order is there; earlier ones stay on disk.

        Raises:
            OSError: It cannot be written.
        """
        if number > self.generation(order):
            with self.scratch() as scratch:
                place = self.root / _GENERATIONS / order
                place.parent.mkdir(exist_ok=True, mode=0o700)
                write_whole(place, str(number).encode(), scratch)

    # --- serving ---

    def serve(self, *, key: str | bool = False, port: int = 0) -> ImageServer:
        """Serve the pictures on this machine's loopback address, so that their URLs resolve; once, until it is closed.

        Args:
            key: True makes a key that every address must carry; or the key itself.
            port: Where to listen; 0 takes a free port.

        Raises:
            InvalidInput: The port is taken.
        """
        from toolkit.images.server import ImageServer

        with self._lock:
            if self._server is None or self._server.closed:
                self._server = ImageServer(self, key=key, port=port)
            return self._server

    def url_of(self, storage_path: str) -> str:
        """Return the address of a picture: on the server while one runs, else the path that any server answers."""
        server = self._server
        return server.url(storage_path) if server is not None and not server.closed else f"{ROUTE}{storage_path}"

    # --- below ---

    def _inside(self, inner: str) -> Path:
        """Return a path under the root, whatever links lie on the way.

        Raises:
            InvalidInput: It leads out of it.
        """
        try:
            path = self.root / inner
            if "\0" not in inner and path.resolve().is_relative_to(self.root.resolve()):
                return path
        except (OSError, ValueError, RuntimeError) as error:
            raise InvalidInput(f"{inner[:80]!r} is no place in the image store", hint="Give a plain name.") from error
        raise InvalidInput(f"{inner[:80]!r} leads out of the image store", hint="Give a plain name.")

    def _sidecar(self, picture: Path) -> dict[str, Any]:
        try:
            body = orjson.loads(_beside(picture).read_bytes())
        except (OSError, ValueError):
            return {}
        return body if isinstance(body, dict) else {}

    def _sweep(self) -> None:
        """Remove what processes that are gone left behind, once for each opening."""
        with self._lock:
            if self._swept:
                return
            self._swept = True
        for folder in (self.root / _SCRATCH).glob("*"):
            if not is_alive(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def __repr__(self) -> str:
        """Return the store as one line."""
        return f"ImageStore({self.root.name!r}{', bucket' if self.bucket is not None else ''})"


_STORES: weakref.WeakKeyDictionary[Lab, ImageStore] = weakref.WeakKeyDictionary()
_opening = threading.Lock()


def _beside(picture: Path) -> Path:
    return picture.with_name(f"{picture.name}.json")
