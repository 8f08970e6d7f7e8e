"""Fetching an image from the web: only when asked to, with a limit on time, size and on where it may lead."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Collection
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import PurePosixPath
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
)

from toolkit.errors import ImageInvalid
from toolkit.media.content import Content, Source

__all__ = ["FETCH_BYTES", "FETCH_SECONDS", "web_source"]

FETCH_BYTES = 20_000_000
"""Most bytes fetched for one image."""
FETCH_SECONDS = 20.0
"""Seconds one fetch may take from its first byte; also the longest silence of the server."""

_CHUNK = 65_536
_DOWNLOAD = "Download it and give the file."

Hosts = bool | Collection[str]


def web_source(url: str, allowed: Hosts) -> Source:
    """Return a source that fetches ``url`` when its bytes are first needed.

    Args:
        url: An http or https address.
        allowed: True for any public host; or the names of the hosts that may be asked, which may then be private ones
            such as ``localhost``. The same holds for each redirect. Proxies set in the environment are not used.

    Raises:
        ImageInvalid: Addresses are not allowed, or not this one.

    Example:
        >>> web_source("https://example.org/ads/ad.png?key=1", allowed=True).name
        'ad.png'
    """
    parts = _parts(url)
    host = parts.hostname or ""
    name = PurePosixPath(unquote(parts.path)).name
    label = f"the image {name!r} at {host}"  # without user, query and fragment, which may hold a secret
    if not allowed:
        raise ImageInvalid(f"{label} is a web address", hint="Download it and give the file, or say allow_url=True.")
    if isinstance(allowed, str):
        allowed = (allowed,)
    hosts = None if isinstance(allowed, bool) else frozenset(one.lower() for one in allowed)
    if hosts is not None and host not in hosts:
        raise _refused(label, host)
    return Source(lambda: Content.of_file(_fetch(url, hosts, label)), label=label, name=name)


def _parts(url: str) -> Any:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # reading it checks it
    except ValueError as error:
        raise ImageInvalid("the web address given is not a valid one", hint="Copy it again.") from error
    if not parts.hostname:
        raise ImageInvalid("the web address given names no host", hint="Copy it again.")
    return parts


def _refused(label: str, host: str) -> ImageInvalid:
    return ImageInvalid(
        f"{label} leads to {host}, which may not be asked",
        hint=f"Name each host that may be asked: allow_url=[{host!r}]. {_DOWNLOAD}",
    )


def _fetch(url: str, hosts: frozenset[str] | None, label: str) -> bytes:
    opener = OpenerDirector()
    for handler in (
        _Http(hosts, label),
        _Https(hosts, label),
        HTTPRedirectHandler(),
        HTTPErrorProcessor(),
        HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    request = Request(url, headers={"User-Agent": "dramatis-toolkit", "Accept": "image/*"})  # noqa: S310  # http(s) only
    try:
        with opener.open(request, timeout=FETCH_SECONDS) as response:
            return _read(response, label)
    except ImageInvalid:
        raise  # it is a ValueError too
    except HTTPError as error:
        error.close()
        raise ImageInvalid(
            f"{label} cannot be had: HTTP {error.code}", hint="Open it in a browser to check."
        ) from error
    except TimeoutError as error:
        raise ImageInvalid(f"{label} did not come within {FETCH_SECONDS:g} seconds", hint=_DOWNLOAD) from error
    except (URLError, HTTPException, OSError, ValueError) as error:
        raise ImageInvalid(f"{label} cannot be fetched", hint=_DOWNLOAD) from error


def _read(response: Any, label: str) -> bytes:
    deadline = time.monotonic() + FETCH_SECONDS
    data = bytearray()
    while chunk := response.read1(_CHUNK):
        data += chunk
        if len(data) > FETCH_BYTES:
            raise ImageInvalid(f"{label} has more than {FETCH_BYTES // 1_000_000} MB", hint=_DOWNLOAD)
        if time.monotonic() > deadline:
            raise TimeoutError
    return bytes(data)


class _Checked:
    """A connection that is dropped before anything is asked when its other end may not be asked."""

    hosts: frozenset[str] | None
    label: str
    host: str
    sock: Any

    def check(self) -> None:
        """Look at the address that was really reached, so that no name can lead elsewhere between look-up and use."""
        if self.hosts is not None:
            reached = self.host.lower() in self.hosts
        else:
            reached = ipaddress.ip_address(self.sock.getpeername()[0].partition("%")[0]).is_global
        if not reached:
            self.sock.close()
            raise _refused(self.label, self.host)


class _HttpConnection(_Checked, HTTPConnection):
    def __init__(self, host: str, *, hosts: frozenset[str] | None, label: str, **rest: Any) -> None:
        super().__init__(host, **rest)
        self.hosts, self.label = hosts, label

    def connect(self) -> None:
        super().connect()
        self.check()


class _HttpsConnection(_Checked, HTTPSConnection):
    def __init__(self, host: str, *, hosts: frozenset[str] | None, label: str, **rest: Any) -> None:
        super().__init__(host, **rest)
        self.hosts, self.label = hosts, label

    def connect(self) -> None:
        super().connect()
        self.check()


class _Http(HTTPHandler):
    def __init__(self, hosts: frozenset[str] | None, label: str) -> None:
        super().__init__()
        self._make = partial(_HttpConnection, hosts=hosts, label=label)

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(self._make, req)


class _Https(HTTPSHandler):
    def __init__(self, hosts: frozenset[str] | None, label: str) -> None:
        super().__init__()
        self._make = partial(_HttpsConnection, hosts=hosts, label=label)

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(self._make, req)
