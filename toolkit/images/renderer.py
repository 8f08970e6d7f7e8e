"""What a renderer is, and how one is found: by name through entry points, or as an object."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import orjson

from toolkit.errors import DramatisError, InvalidInput, ModelUnknown
from toolkit.images.plan import ImagePlan
from toolkit.media import Image
from toolkit.models import Abilities, Call, Identity, Message, Picture, Usage

__all__ = [
    "FORMATS",
    "GROUP",
    "QUALITIES",
    "Order",
    "Rendered",
    "Renderer",
    "abilities_of",
    "checked",
    "open_renderer",
    "renderers",
]

GROUP = "toolkit.renderers"
"""The entry-point group; each entry is a factory ``open_renderer(name, **options) -> Renderer``."""
QUALITIES = ("low", "medium", "high")
FORMATS = ("png", "jpeg", "webp")
_OURS = {
    "openai": "toolkit.images.renderers.openai:open_renderer",
    "sketch": "toolkit.images.renderers.sketch:open_renderer",
}
"""Always there, as the package's own metadata say."""


@dataclass(frozen=True, slots=True)
class Order:
    """One picture to draw: a plan, which of its variations, and how.

    Example:
        >>> Order.of(Order(ImagePlan("A red fox"), variation=2).call()).variation
        2
    """

    plan: ImagePlan
    variation: int = 0
    """Which of the plan's ``n`` pictures, from 0."""
    quality: str = "medium"
    """``low``, ``medium`` or ``high``."""
    format: str = "png"
    """``png``, ``jpeg`` or ``webp``."""
    generation: int = 0
    """Which rendering of the same plan this is; ``refresh=True`` begins the next."""
    source: Image | None = None
    """The picture to change, for an edit."""
    mask: Image | None = None
    """Where to change it: where the mask is transparent."""
    scratch: Path | None = field(default=None, compare=False)
    """A folder for temporary files; it and all in it go away when the rendering ends, however it ends."""

    @property
    def text(self) -> str:
        """All but the images as canonical JSON: what the key of its call is made from."""
        body = {
            "plan": self.plan.canonical(),
            "quality": self.quality,
            "format": self.format,
            "generation": self.generation,
            "mask": self.mask is not None,
        }
        return orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()

    def call(self, *, item: str = "", model: str = "") -> Call:
        """Return the call that asks for it: what memory, ledger and budgets go by.

        Args:
            item: The row it serves.
            model: ``provider:model`` of the renderer.
        """
        seen = [Picture(one, max_side=_AS_IT_IS) for one in (self.source, self.mask) if one is not None]
        return Call(
            (Message("user", (self.text, *seen)),),
            seed=self.plan.seed,
            repeat=self.variation,
            stage="images.render",
            item=item,
            family="images.render",
            model=model,
        )

    @classmethod
    def of(cls, call: Call, scratch: Path | None = None) -> Self:
        """Return the order that a call asks for."""
        body = orjson.loads(call.messages[0].text)
        seen = [picture.image for picture in call.pictures]
        return cls(
            plan=ImagePlan.from_dict(body["plan"]),
            variation=call.repeat,
            quality=body["quality"],
            format=body["format"],
            generation=body["generation"],
            source=seen[0] if seen else None,
            mask=seen[1] if body["mask"] else None,
            scratch=scratch,
        )


_AS_IT_IS = 3840
"""Longest side of an image that is edited; larger than any plan."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a renderer brings back: the file's bytes, or the path of a temporary file that holds them."""

    data: bytes | None = field(default=None, repr=False)
    path: Path | None = None
    """Read, and deleted where it lies in the order's ``scratch``; a file elsewhere is the user's and stays."""
    mime: str = ""
    """What the renderer says it is; what counts is what the bytes are."""
    usage: Usage = Usage()  # noqa: RUF009  # frozen, so it is safe to share
    request_id: str | None = None
    latency: float | None = None
    """Seconds the renderer itself took, where it measured them."""
    notes: tuple[str, ...] = ()
    """What the reader should know, for example that another size was drawn."""


@runtime_checkable
class Renderer(Protocol):
    """Draws plans: one method, and who it is.

    Implement this in a package of your own and register a factory ``open_renderer(name, **options)`` under the entry
    point group ``toolkit.renderers``; ``renderer="yours:name"`` then reaches it, with memory, retries, limits, budget
    and ledger around it. Optional: ``price(usage) -> float | None`` in USD, ``abilities`` (its ``concurrency`` is how
    many pictures are drawn at once), ``local = True`` for one that draws on this machine and bills nobody, and
    ``timeless = True`` for one whose seconds tell nothing, so that they are not kept.
    """

    @property
    def identity(self) -> Identity:
        """Who draws; part of what a stored picture is found by. Never a port, a key or a path."""
        ...

    async def render(self, order: Order) -> Rendered:
        """Draw one picture, in one try, or raise a ``CallError`` of the class that fits."""
        ...

    async def close(self) -> None:
        """Give back connections; the renderer may be used again afterwards."""
        ...


def renderers() -> dict[str, EntryPoint]:
    """Return the installed renderers by name.

    Example:
        >>> sorted(set(renderers()) & {"openai", "sketch"})
        ['openai', 'sketch']
    """
    ours = {name: EntryPoint(name, place, GROUP) for name, place in _OURS.items()}
    return {**ours, **{entry.name: entry for entry in entry_points(group=GROUP)}}


def open_renderer(name: str, **options: Any) -> Renderer:
    """Return the renderer that a string names; nothing is sent.

    Args:
        name: ``"sketch"``, ``"openai"`` or ``"openai:gpt-image-2.5-flare"``.
        options: Handed to the renderer's factory.

    Raises:
        ModelUnknown: No renderer of that name is installed; the nearest name is given.
        KeyMissing: It needs a key, and none is set.
        InvalidInput: What was found is no renderer.

    Example:
        >>> str(open_renderer("sketch").identity)
        'sketch:card'
    """
    kind, _, model = name.partition(":")
    found = renderers()
    if kind not in found:
        near = difflib.get_close_matches(kind, found, n=1, cutoff=0.5)
        meant = f"Did you mean {near[0]!r}? " if near else ""
        raise ModelUnknown(f"no renderer answers to {name!r}", hint=f"{meant}Installed: {', '.join(sorted(found))}.")
    try:
        factory = found[kind].load()
    except (ImportError, AttributeError) as error:
        raise DramatisError(f"the renderer {kind!r} cannot be loaded: {error}", hint="Install it again.") from error
    made: Any = factory(model, **options) if model else factory(**options)
    return checked(made)


def checked(given: Any) -> Renderer:
    """Return a renderer object, or refuse it.

    Raises:
        InvalidInput: It is none.
    """
    if isinstance(given, Renderer) and isinstance(given.identity, Identity):
        return given
    raise InvalidInput(
        f"renderer={given!r} is no renderer",
        hint='Write "sketch" or "openai:gpt-image-2.5-flare", or give an object with identity and render(order).',
    )


def abilities_of(renderer: Renderer) -> Abilities:
    """Return what a renderer says it can do; where it says nothing, a few pictures at once."""
    told = getattr(renderer, "abilities", None)
    return told if isinstance(told, Abilities) else Abilities(schema=False, logprobs=False, concurrency=4)
