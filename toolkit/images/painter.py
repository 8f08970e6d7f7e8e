"""A renderer as the engine sees it: a model whose reply says which picture was stored, and only once it is safe."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from toolkit.errors import CallError, ImageInvalid, ReplayMiss
from toolkit.images.errors import BadImage, PersistFailed, RendererFailed
from toolkit.images.renderer import Order, Rendered, Renderer, abilities_of
from toolkit.images.store import SUFFIXES, ImageStore
from toolkit.models import Abilities, Call, Identity, Reply, Usage

__all__ = ["Painter", "Picture", "looked_at"]

_HELD = 16
"""Pictures that are kept in this process while the disk refuses them."""


class Picture:
    """What a reply says of a picture: which bytes, and what they are."""

    __slots__ = ("height", "mime", "sha256", "width")

    def __init__(self, text: str) -> None:
        body = orjson.loads(text)
        self.sha256 = str(body["sha256"])
        self.mime = str(body["mime"])
        self.width, self.height = int(body["width"]), int(body["height"])

    @staticmethod
    def told(sha256: str, mime: str, size: tuple[int, int]) -> str:
        """Return what a reply says."""
        body = {"sha256": sha256, "mime": mime, "width": size[0], "height": size[1]}
        return orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()


class Painter:
    """Lets a renderer draw behind the engine's layers: memory, single flight, pace, retries, budget, ledger.

    Args:
        renderer: Who draws; ``None`` where a recording is replayed, which draws nothing.
        store: Gives the store of the pictures.
        identity: Who draws, where there is no renderer.
    """

    def __init__(
        self, renderer: Renderer | None, store: Callable[[], ImageStore], identity: Identity | None = None
    ) -> None:
        self.renderer = renderer
        self._store = store
        self._identity = renderer.identity if renderer is not None else identity
        self._abilities = abilities_of(renderer) if renderer is not None else Abilities()
        self._held: dict[str, tuple[bytes, str, tuple[int, int], Rendered]] = {}

    @property
    def identity(self) -> Identity:
        """Who draws."""
        assert self._identity is not None  # noqa: S101  # one of the two is always given
        return self._identity

    @property
    def abilities(self) -> Abilities:
        """What the renderer says it can do."""
        return self._abilities

    @property
    def local(self) -> bool:
        """True where the same order gives the same bytes on this machine, for nothing."""
        return bool(getattr(self.renderer, "local", False))

    def price(self, usage: Usage) -> float | None:
        """Return what a usage costs, in USD; ``None`` where it is unknown."""
        own = getattr(self.renderer, "price", None)
        return own(usage) if callable(own) else None

    async def complete(self, call: Call) -> Reply:
        """Draw one picture and put it on the disk; the reply comes when its bytes are safe.

        Raises:
            BadImage: What came is no image.
            PersistFailed: The disk refused it; the bytes are held, so that trying again only writes them.
            CallError: The renderer failed.
        """
        if self.renderer is None:
            raise ReplayMiss(f"the recording holds no picture for {call.item}", hint="Record again with a renderer.")
        store, key = self._store(), call.key(self.identity)
        timeless = bool(getattr(self.renderer, "timeless", False))
        started, clock = time.time(), time.perf_counter()
        try:
            with store.scratch() as scratch:
                data, mime, size, rendered = self._held.get(key) or await self._drawn(call, scratch)
                latency = rendered.latency if rendered.latency is not None else time.perf_counter() - clock
                try:
                    digest = await _to_the_end(lambda: store.keep(data, mime, scratch))
                except OSError:
                    self._hold(key, (data, mime, size, rendered))
                    raise
        except CallError:  # some are OSErrors too
            raise
        except OSError as error:
            raise _refused(error, call) from error
        self._held.pop(key, None)
        return Reply(
            text=Picture.told(digest, mime, size),
            model=str(self.identity),
            usage=rendered.usage,
            request_id=rendered.request_id,
            started=None if timeless else started,
            latency=None if timeless else latency,
            notes=rendered.notes,
        )

    async def close(self) -> None:
        """Let the renderer give back its connections."""
        if self.renderer is not None:
            await self.renderer.close()

    async def _drawn(self, call: Call, scratch: Path) -> tuple[bytes, str, tuple[int, int], Rendered]:
        assert self.renderer is not None  # noqa: S101  # asked only where there is one
        order = Order.of(call, scratch)
        try:
            rendered = await self.renderer.render(order)
            data = await asyncio.to_thread(_bytes_of, rendered, scratch)
        except CallError:
            raise
        except Exception as error:
            raise RendererFailed(
                f"the renderer {self.identity} failed: {type(error).__name__}: {error}",
                hint="Try again, or another one.",
            ) from error
        try:
            mime, size = await asyncio.to_thread(looked_at, data)
        except ImageInvalid as error:
            raise BadImage(
                f"what {self.identity} sent for {call.item} is no image: {error.message}",
                hint="retry() asks again; the plan stays as it is.",
                request_id=rendered.request_id,
                billed=True,
            ) from error
        return data, mime, size, rendered

    def _hold(self, key: str, paid: tuple[bytes, str, tuple[int, int], Rendered]) -> None:
        self._held[key] = paid
        while len(self._held) > _HELD:
            self._held.pop(next(iter(self._held)))


def looked_at(data: bytes) -> tuple[str, tuple[int, int]]:
    """Return MIME type and size of an image, after decoding it whole.

    Raises:
        ImageInvalid: It is none, is damaged or cut short, or is of a kind that is refused.

    Example:
        >>> from toolkit.resources import data_file
        >>> looked_at(data_file("images/package-plain.png").read_bytes())
        ('image/png', (640, 800))
    """
    from toolkit.media.content import Content, Source

    source = Source(Content.of_file(data), label="the reply")
    source.open()
    mime = source.header.mime
    if mime is None or mime not in SUFFIXES:
        raise ImageInvalid(f"the reply is {mime}", hint="Ask for png, jpeg or webp.")
    return mime, source.header.size


def _bytes_of(rendered: Rendered, scratch: Path) -> bytes:
    """Return what was drawn; a temporary file goes away with its folder, a file elsewhere is left alone."""
    if rendered.data is not None:
        return rendered.data
    if rendered.path is None:
        return b""
    path = Path(rendered.path)
    return (path if path.is_absolute() else scratch / path).read_bytes()


async def _to_the_end(write: Callable[[], str]) -> str:
    """Write in a thread; a stop waits for it, for the picture is here and paid, and it counts as finished."""
    writing = asyncio.ensure_future(asyncio.to_thread(write))
    while not writing.done():
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            continue
        except OSError:
            break
    return writing.result()


def _refused(error: OSError, call: Call) -> PersistFailed:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    return PersistFailed(
        f"the picture of {call.item} could not be written: {error.strerror or error}",
        hint="Free some space; retry() then writes what came, without drawing again."
        if full
        else "Look at the folder images of the study, then retry().",
        billed=False,
    )
