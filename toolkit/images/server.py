"""A small static server on loopback, so that the addresses of pictures resolve: this store's pictures, nothing else."""

from __future__ import annotations

import contextlib
import hmac
import secrets
import threading
import weakref
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

from toolkit.errors import DramatisError, InvalidInput

if TYPE_CHECKING:
    from toolkit.images.store import ImageStore

__all__ = ["ImageServer"]

_SIDES = range(16, 2049)
"""Sizes of thumbnails that may be asked for, in pixels."""
_ROUTE = "/api/images/"
_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif", ".bmp": "image/bmp",
          ".tif": "image/tiff"}  # fmt: skip


class ImageServer:
    """Serves the pictures of one store on ``127.0.0.1``: ``GET /api/images/<storage_path>``, small with ``?side=256``.

    Args:
        store: Whose pictures.
        key: True makes a key that every address must carry as ``key=``; or the key itself; False asks for none.
        port: Where to listen; 0 takes a free port.

    Raises:
        InvalidInput: The port is taken.

    Example:
        >>> from toolkit.images import ImageStore
        >>> with ImageStore(tmp / "images").serve() as server:
        ...     server.address.startswith("http://127.0.0.1:")
        True
    """

    def __init__(self, store: ImageStore, *, key: str | bool = False, port: int = 0) -> None:
        self.key = secrets.token_urlsafe(18) if key is True else key or ""
        self.closed = False
        try:
            self._server = _Server(("127.0.0.1", port), _Answer)
        except (OSError, OverflowError) as error:
            raise InvalidInput(f"port {port} cannot be opened: {error}", hint="Take port=0.") from error
        self._server.store, self._server.key = store, self.key
        self._port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True, name="images")
        self._thread.start()
        self._end = weakref.finalize(self, _stop, self._server)

    @property
    def address(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self._port}"

    def url(self, storage_path: str, *, side: int | None = None) -> str:
        """Return the whole address of a picture, key included.

        Args:
            storage_path: As a result says it.
            side: Longest side of a small form, in pixels.
        """
        given = [f"side={side}" if side else "", f"key={quote(self.key)}" if self.key else ""]
        query = "&".join(one for one in given if one)
        return f"{self.address}{_ROUTE}{quote(storage_path)}{'?' if query else ''}{query}"

    def close(self) -> None:
        """Stop listening; closing twice is harmless."""
        self.closed = True
        self._end()

    def __enter__(self) -> Self:
        """Serve for a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self.close()

    def __repr__(self) -> str:
        """Return the server as one line, without its key."""
        return f"ImageServer({self.address}{', closed' if self.closed else ''}{', with a key' if self.key else ''})"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    store: ImageStore
    key: str

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where a reader went away in the middle."""


class _Answer(BaseHTTPRequestHandler):
    server: _Server
    timeout = 30.0
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # the base class's name
        self._answer(with_body=True)

    def do_HEAD(self) -> None:  # the base class's name
        self._answer(with_body=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Say nothing: addresses hold the key."""

    def version_string(self) -> str:
        """Say nothing about this machine."""
        return "images"

    def _answer(self, *, with_body: bool) -> None:
        parts = urlsplit(self.path)
        asked = parse_qs(parts.query)
        if not self._may(asked.get("key", [""])[-1]):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        try:
            mime, body = self._body(unquote(parts.path), asked.get("side", [""])[-1])
        except (DramatisError, OSError, ValueError):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", mime)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "private, max-age=3600")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _may(self, key: str) -> bool:
        """Tell whether to answer: a page elsewhere that had its name lead to this machine is not let in."""
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        wanted = self.server.key
        return host in {"127.0.0.1", "localhost"} and (
            not wanted or hmac.compare_digest(key.encode(errors="replace"), wanted.encode())
        )

    def _body(self, path: str, side: str) -> tuple[str, bytes]:
        if not path.startswith(_ROUTE):
            raise ValueError(path)
        file = self.server.store.resolve(path)
        if side:
            if int(side) not in _SIDES:
                raise ValueError(side)
            small = self.server.store.thumbnail(file, int(side))
            return small.mime, small.data
        return _TYPES[file.suffix], file.read_bytes()


def _stop(server: _Server) -> None:
    with contextlib.suppress(OSError):
        server.shutdown()
        server.server_close()
