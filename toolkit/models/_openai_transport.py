"""The SDK itself: importing this module imports it, so nothing does before the first call."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import httpx2
from aiohttp import ClientError
from openai import APIError, APIStatusError, AsyncOpenAI, DefaultAioHttpClient, NotGiven, Omit

from toolkit.models._openai_client import Endpoint
from toolkit.models._openai_errors import error_of, lost
from toolkit.models.call import Call, Identity

__all__ = ["new_client", "post"]

_CONNECT_SECONDS = 10.0
_CONNECTIONS = 1024
_KEEPALIVE_SECONDS = 15.0

# What the SDK says of this machine is nobody's business, and each header is parsed three times on its way.
_UNSAID = (
    "Lang",
    "Package-Version",
    "OS",
    "Arch",
    "Runtime",
    "Runtime-Version",
    "Async",
    "Retry-Count",
    "Read-Timeout",
)
# Options left out are deep-copied from the SDK's defaults for every call.
_OPTIONS: Any = {
    "headers": {f"X-Stainless-{name}": Omit() for name in _UNSAID},
    "max_retries": 0,
    "params": {},
    "security": {"bearer_auth": True},
    "post_parser": NotGiven(),
}


def new_client(endpoint: Endpoint) -> AsyncOpenAI:
    """Return an SDK client that neither retries nor looks into the environment for another provider's settings."""
    parts = urlsplit(endpoint.url)
    timeout = httpx2.Timeout(endpoint.timeout, connect=_CONNECT_SECONDS)
    client = AsyncOpenAI(
        api_key=endpoint.key,
        organization=endpoint.organization,
        base_url=urlunsplit(parts._replace(query="", fragment="")),
        default_query=dict(parse_qsl(parts.query)),
        max_retries=0,
        timeout=timeout,
        http_client=DefaultAioHttpClient(
            timeout=timeout,
            limits=httpx2.Limits(
                max_connections=_CONNECTIONS,
                max_keepalive_connections=_CONNECTIONS,
                keepalive_expiry=_KEEPALIVE_SECONDS,
            ),
            # A proxy set for the outside world does not know this machine's own servers.
            trust_env=not endpoint.loopback,
        ),
    )
    if not endpoint.own:
        # The SDK fills these from the environment; another provider has no business with them.
        client.organization = endpoint.organization
        client.project = None
    return client


async def post(client: AsyncOpenAI, url: str, body: bytes, call: Call, identity: Identity, key: str) -> httpx2.Response:
    """Send a chat-completions body and return the answer as it came.

    ``client.post`` is the SDK's door for any endpoint: its address, headers and error classes, none of its pydantic
    models (FACTS: half the CPU of ``chat.completions.create``).

    Raises:
        CallError: In its classes.
    """
    try:
        options: Any = {**_OPTIONS, "timeout": client.timeout}
        return await client.post(url, cast_to=httpx2.Response, content=body, options=options)
    except APIStatusError as error:
        # Not chained: the SDK's message may repeat the prompt, and tracebacks print it.
        raise error_of(call, error, identity, key) from None
    except (APIError, httpx2.HTTPError, ClientError) as error:
        raise lost(error, identity) from error
