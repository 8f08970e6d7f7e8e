"""One shared SDK client per endpoint, key and event loop, closed with its last user or with its loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from weakref import WeakSet

from toolkit.errors import InvalidInput
from toolkit.models.call import Call, Identity

if TYPE_CHECKING:
    import httpx2

__all__ = ["DEFAULT_URL", "Endpoint", "Shared", "acquire", "checked_url", "release"]

DEFAULT_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where calls go and as whom; equal endpoints share their connections."""

    url: str
    """Base URL, with what the user wrote in it."""
    key: str = field(repr=False)
    organization: str | None
    timeout: float
    """Longest silence on an open connection, in seconds."""

    @property
    def loopback(self) -> bool:
        """True where the server runs on this machine."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def own(self) -> bool:
        """True for the provider's own address."""
        return self.public == "default"

    @property
    def public(self) -> str:
        """The address as it stands in an identity: no login, no query, no port on loopback."""
        parts = urlsplit(self.url)
        host = (parts.hostname or "").lower()
        host = f"[{host}]" if ":" in host else host
        port = "" if parts.port is None or self.loopback else f":{parts.port}"
        plain = urlunsplit((parts.scheme.lower(), f"{host}{port}", parts.path.rstrip("/"), "", ""))
        return "default" if plain == DEFAULT_URL else plain


def checked_url(url: str) -> str:
    """Return a base URL that can be used.

    Raises:
        InvalidInput: It is not an http or https address; a login in it is not repeated.
    """
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        shown = url.rpartition("@")[2][:80]
        raise InvalidInput(
            f"the base URL {shown!r} is not a web address", hint='Write it like "https://host/v1", with its scheme.'
        )
    return url.strip()


class Shared:
    """A client on one loop and who uses it."""

    def __init__(self, endpoint: Endpoint, loop: asyncio.AbstractEventLoop) -> None:
        from toolkit.models import _openai_transport  # imports the SDK, which takes a second

        self.client = _openai_transport.new_client(endpoint)
        self.loop = loop
        self._url = f"{self.client.base_url}chat/completions"  # whole, so that the SDK need not join it each time
        self._key = endpoint.key
        self._post = _openai_transport.post
        self.closed = False
        self.users: WeakSet[Any] = WeakSet()
        self.lifeline: AsyncGenerator[None, None] = self._live()

    async def _live(self) -> AsyncGenerator[None, None]:
        """End with the loop: ``asyncio.run`` closes the asynchronous generators that were begun on it."""
        try:
            yield
        finally:
            self.closed = True
            _forget(self)
            await self.client.close()

    async def post(self, call: Call, body: bytes, identity: Identity) -> httpx2.Response:
        """Send a body and return the answer; see ``_openai_transport.post``."""
        return await self._post(self.client, self._url, body, call, identity, self._key)

    async def close(self) -> None:
        """Close the connections, on the loop they belong to; a loop that is gone has closed them itself."""
        if self.loop is asyncio.get_running_loop():
            await self.lifeline.aclose()
        elif self.loop.is_running():
            ended = asyncio.run_coroutine_threadsafe(self.lifeline.aclose(), self.loop)
            await asyncio.wrap_future(ended)


_lock = threading.Lock()
_open: dict[asyncio.AbstractEventLoop, dict[Endpoint, Shared]] = {}  # emptied by the lifelines


def _forget(ended: Shared) -> None:
    with _lock:
        here = _open.get(ended.loop, {})
        for endpoint in [one for one, shared in here.items() if shared is ended]:
            del here[endpoint]
        if not here:
            _open.pop(ended.loop, None)


async def acquire(endpoint: Endpoint, user: object) -> Shared:
    """Return the client for this endpoint on the running loop, and note who uses it."""
    loop = asyncio.get_running_loop()
    with _lock:
        here = _open.setdefault(loop, {})
        shared = here.get(endpoint)
        if shared is None:
            shared = here[endpoint] = Shared(endpoint, loop)
            begin = True
        else:
            begin = False
        shared.users.add(user)
    if begin:
        await anext(shared.lifeline)
    return shared


async def release(user: object) -> None:
    """Give back every client this user holds; those that nobody else uses are closed."""
    idle: list[Shared] = []
    with _lock:
        for here in list(_open.values()):
            for endpoint, shared in list(here.items()):
                if user in shared.users:
                    shared.users.discard(user)
                    if not shared.users:
                        idle.append(here.pop(endpoint))
    for shared in idle:
        await shared.close()
