"""OpenAI's images, and endpoints that speak like it: generate, and edit with or without a mask."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from toolkit import prompts
from toolkit.errors import InvalidInput, KeyMissing
from toolkit.images.errors import BadImage
from toolkit.images.prices import billed
from toolkit.images.renderer import Order, Rendered
from toolkit.models import Abilities, Call, Identity, Message, Usage
from toolkit.models._openai_client import DEFAULT_URL, Endpoint, acquire, checked_url, release

if TYPE_CHECKING:
    from openai.types import ImagesResponse

    from toolkit.media import Image

__all__ = ["DEFAULT_MODEL", "OpenAIImages", "open_renderer", "size_for"]

DEFAULT_MODEL = "gpt-image-2.5-flare"
"""What ``renderer="openai"`` asks; gpt-image-1 was shut down on 2026-10-23, as the SDK's own notes say."""
_FIXED = ("gpt-image-1", "chatgpt-image")
"""Models that draw three sizes only."""
_SIZES = ((1024, 1024), (1024, 1536), (1536, 1024))
_STEP = 16
"""Sides are multiples of it; a picture is at most three times as long as wide."""
_LONGEST_RATIO = 3
_TRANSPORT = "toolkit.models._openai_transport"
"""Imports the SDK."""
_SLACK = 10.0
"""Seconds the client's own limit is longer than the engine's, which is the one that ends a try."""
_AT_ONCE = 8


class OpenAIImages:
    """Draws with a model behind OpenAI's images endpoint; made by ``open_renderer``. One request a picture."""

    local = False
    abilities = Abilities(schema=False, logprobs=False, seed=False, concurrency=_AT_ONCE)

    def __init__(self, model: str, endpoint: Endpoint) -> None:
        self._model = model
        self._endpoint = endpoint
        self.identity = Identity("openai", model, {"base_url": endpoint.public})

    def __repr__(self) -> str:
        """Return the renderer's name, never its key."""
        return f"<{type(self).__name__} {self.identity}>"

    def price(self, usage: Usage) -> float | None:
        """Return OpenAI's list price, at its own address; ``None`` where it is unknown."""
        return billed(self._model, usage) if self._endpoint.own else None

    async def render(self, order: Order) -> Rendered:
        """Ask for one picture, once.

        Raises:
            CallError: In its classes; a reply without a picture is ``BadImage``.
        """
        import httpx2
        from aiohttp import ClientError
        from openai import APIError, APIStatusError

        from toolkit.models._openai_errors import error_in_answer, error_of, lost

        shared = await acquire(self._endpoint, self)
        told, notes = self._told(order)
        asked = Call((Message("user", (told["prompt"],)),), stage="images.render")
        clock = time.perf_counter()
        try:
            answer = await self._ask(shared.client.images.with_raw_response, order, told)
        except APIStatusError as error:
            # Not chained: the SDK's message may repeat the prompt, and tracebacks print it.
            raise error_of(asked, error, self.identity, self._endpoint.key) from None
        except (APIError, httpx2.HTTPError, ClientError) as error:
            raise lost(error, self.identity) from error
        latency = time.perf_counter() - clock
        request_id = answer.headers.get("x-request-id")
        disguised = error_in_answer(asked, answer.http_response.content, self.identity, request_id)
        if disguised is not None:
            raise disguised
        try:
            parsed: ImagesResponse = answer.parse()
            data = await self._data(parsed)
        except (ValueError, TypeError, AttributeError, APIError) as error:
            raise BadImage(
                f"the reply of {self.identity} holds no picture",
                hint="retry() asks again; the plan stays as it is.",
                request_id=request_id,
                billed=True,
            ) from error
        return Rendered(data, usage=_usage(parsed), request_id=request_id, latency=latency, notes=notes)

    async def close(self) -> None:
        """Give back the connections; the renderer may be used again afterwards."""
        await release(self)

    def _told(self, order: Order) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return what is sent, and what the reader should know of it."""
        plan = order.plan
        turns = prompts.load("images.openai").render(plan=plan)
        prompt = "".join(str(part) for _, parts in turns for part in parts)
        wanted = f"{plan.width}x{plan.height}"
        size = size_for(self._model, plan.width, plan.height) if self._endpoint.own else wanted
        body = {
            "model": self._model, "prompt": prompt, "size": size, "quality": order.quality, "n": 1,
            "output_format": order.format,
        }  # fmt: skip
        return body, (f"drawn in {size}, for {self.identity} does not draw {wanted}",) if size != wanted else ()

    async def _ask(self, images: Any, order: Order, told: dict[str, Any]) -> Any:
        if order.source is None:
            return await images.generate(**told)
        given = {"image": ("image.png", await asyncio.to_thread(_png, order.source), "image/png")}
        if order.mask is not None:
            given["mask"] = ("mask.png", await asyncio.to_thread(_mask, order.mask), "image/png")
        return await images.edit(**told, **given)

    async def _data(self, answer: ImagesResponse) -> bytes:
        """Return the picture's bytes; some endpoints answer with an address instead.

        Raises:
            ValueError: There is no picture.
        """
        if not answer.data:
            raise ValueError("no picture")
        first = answer.data[0]
        if first.b64_json:
            try:
                return base64.b64decode(first.b64_json, validate=True)
            except binascii.Error as error:
                raise ValueError("not base64") from error
        if not first.url:
            raise ValueError("no picture")
        return await asyncio.to_thread(_fetched, first.url, self._endpoint)


def open_renderer(
    name: str = DEFAULT_MODEL,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    organization: str | None = None,
    timeout: float = 180.0,
) -> OpenAIImages:
    """Return a renderer behind an OpenAI-compatible images endpoint; nothing is sent yet.

    Args:
        name: The model's name.
        base_url: The endpoint; without it ``OPENAI_BASE_URL``, else OpenAI's own.
        api_key: Its key; without it ``TOOLKIT_OPENAI_API_KEY`` or ``OPENAI_API_KEY``.
        organization: The provider's organisation id.
        timeout: Longest silence on an open connection, in seconds.

    Raises:
        KeyMissing: No key is set, and the endpoint is not on this machine.
        InvalidInput: The base URL is none.

    Example:
        >>> str(open_renderer("gpt-image-2.5-flare", api_key="test").identity)
        'openai:gpt-image-2.5-flare'
    """
    url = checked_url(base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL)
    bare = Endpoint(url, "", organization, timeout + _SLACK)
    key = api_key or os.environ.get("TOOLKIT_OPENAI_API_KEY") or os.environ.get("OPENAI_API_KEY") or ""
    key = key.strip() or ("none" if bare.loopback else "")
    if not key:
        raise KeyMissing(
            f"no key is set for {'OpenAI' if bare.own else bare.public}",
            hint='Set OPENAI_API_KEY or TOOLKIT_OPENAI_API_KEY, or use renderer="sketch", which needs none.',
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidInput("the API key holds a character that no key holds", hint="Copy the key again.")
    import_module(_TRANSPORT)  # now, not in the first call: it takes a second, and that would hold up all runs

    return OpenAIImages(name, Endpoint(url, key, organization, timeout + _SLACK))


def size_for(model: str, width: int, height: int) -> str:
    """Return the size to ask a model of OpenAI for: the nearest that it draws.

    Rules of the SDK's own notes: gpt-image-1 and its kin draw three sizes, later ones any whose sides are multiples of
    16 and whose longer side is at most three times the shorter.

    Example:
        >>> size_for("gpt-image-1.5", 768, 1024), size_for("gpt-image-2.5-flare", 1000, 700)
        ('1024x1536', '1008x704')
    """
    if model.startswith(_FIXED):
        near = min(_SIZES, key=lambda size: abs(size[0] / size[1] - width / height))
        return "{}x{}".format(*near)
    longest = _LONGEST_RATIO * min(width, height)
    return "x".join(str(max(_STEP, (min(side, longest) + _STEP // 2) // _STEP * _STEP)) for side in (width, height))


def _usage(answer: ImagesResponse) -> Usage:
    told = answer.usage
    if told is None:
        return Usage()
    seen = told.input_tokens_details.image_tokens if told.input_tokens_details else 0
    return Usage(input=told.input_tokens or 0, image=seen or 0, output=told.output_tokens or 0)


def _png(image: Image) -> bytes:
    return image.normal(max(image.size), format="png").data


def _mask(image: Image) -> bytes:
    """Return a mask with its transparent places, which the normal form would fill with white."""
    from toolkit.images.masks import mask_png

    return mask_png(image)


def _fetched(url: str, endpoint: Endpoint) -> bytes:
    from toolkit.media.fetch import web_source

    host = urlsplit(url).hostname or ""
    same = host == urlsplit(endpoint.url).hostname
    return web_source(url, {host} if same else True).content.data
