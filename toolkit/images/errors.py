"""What can go wrong between a request and a picture on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from toolkit.errors import CallError, DramatisError

if TYPE_CHECKING:
    from toolkit.images.plan import ImagePlan

__all__ = ["KINDS", "BadImage", "Kind", "PersistFailed", "PlanningError", "RenderError", "RendererFailed", "kind_of"]

Kind = Literal["no_provider", "provider_failed", "bad_image", "persist_failed"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What a ``RenderError`` can be about: no renderer to be had, one that failed, a reply that is no image, a disk."""


class PlanningError(DramatisError, RuntimeError):
    """A request that no plan came of; nothing was rendered, so plan again.

    Attributes:
        result: The plans of the run, with what failed as rows of ``errors``; ``result.retry()`` asks again.

    Example:
        >>> str(PlanningError("no plan came of 'a red fox'", hint="Ask again."))
        "no plan came of 'a red fox'. Ask again."
    """

    def __init__(self, message: str, *, hint: str = "", result: Any = None) -> None:
        super().__init__(message, hint=hint)
        self.result = result


class RenderError(DramatisError, RuntimeError):
    """A plan that no picture came of. The plan is whole: ``render_image(error.plan)`` tries again without planning.

    Attributes:
        kind: ``no_provider``, ``provider_failed``, ``bad_image`` or ``persist_failed``.
        plan: What was to be rendered.
        result: The pictures of the run, where there was one.

    Example:
        >>> from toolkit.images import ImagePlan
        >>> error = RenderError("the disk is full", kind="persist_failed", plan=ImagePlan("A red fox in snow"))
        >>> error.kind, error.plan.size
        ('persist_failed', '1024x1024')
    """

    def __init__(self, message: str, *, kind: Kind, plan: ImagePlan, hint: str = "", result: Any = None) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.plan = plan
        self.result = result


class BadImage(CallError):
    """A renderer replied, but not with an image; it may have billed it."""

    kind = "bad_image"


class PersistFailed(CallError):
    """An image came and could not be written down."""

    kind = "persist_failed"


class RendererFailed(CallError):
    """A renderer raised something that is none of the toolkit's errors."""

    kind = "renderer_failed"


def kind_of(error: CallError) -> Kind:
    """Return which of the four kinds a failed call is.

    Example:
        >>> kind_of(PersistFailed("no space left")), kind_of(RendererFailed("it broke"))
        ('persist_failed', 'provider_failed')
    """
    told: dict[str, Kind] = {"persist_failed": "persist_failed", "bad_image": "bad_image", "invalid_reply": "bad_image"}
    return told.get(error.kind, "provider_failed")
