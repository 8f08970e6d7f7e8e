"""Rendering: all side effects of a picture, behind the lab's engine; a plan that was rendered is not paid for again."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.images.opening import check_money, expect, painter_of
from toolkit.images.plan import ImagePlan
from toolkit.images.renderer import FORMATS, QUALITIES, Order, Renderer
from toolkit.images.rendering import Piece, Rendering
from toolkit.images.results import ImageResults, the_picture
from toolkit.images.single import one_of
from toolkit.images.store import ImageStore
from toolkit.lab import current_lab
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    from toolkit.engine import Budget
    from toolkit.lab import Lab
    from toolkit.media import Image

__all__ = ["render_image", "render_images"]


@one_of(the_picture)
def render_image(
    plan: ImagePlan,
    *,
    renderer: str | Renderer | None = None,
    refresh: bool = False,
    edit_of: Any = None,
    mask: Any = None,
    quality: str = "medium",
    format: str = "png",  # noqa: A002  # Pillow's word
    lab: Lab | None = None,
    budget: str | Budget | None = None,
) -> Job[ImageResults]:
    """Render a plan: draw it, check it, put it on the disk. The same plan again gives the stored picture, for nothing.

    Args:
        plan: What ``plan_image`` made, or an ``ImagePlan`` of your own.
        renderer: ``"sketch"`` (offline, free, a labelled card), ``"openai:gpt-image-2.5-flare"``, or an object of your
            own; without it the plan's ``model``, else ``sketch``.
        refresh: Draw it again; the earlier picture stays on disk, and the new one is what the plan gives from now on.
        edit_of: A picture to change: a result, a path, whatever ``tk.Image`` takes.
        mask: Where to change it: a picture of the same size, transparent where it is to be drawn anew.
        quality: ``low``, ``medium`` or ``high``.
        format: ``png``, ``jpeg`` or ``webp``.
        lab: Where; the current lab when not given.
        budget: What rendering may spend: ``"2 USD"``, ``"10 requests"``.

    Returns:
        An ``ImageResult``; ``reused`` says that it was there already.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        RenderError: No picture came: ``no_provider``, ``provider_failed``, ``bad_image`` or ``persist_failed``. The
            plan is attached; rendering it again costs no planning.
        BudgetReached: The budget has no room for it.
        Interrupted: ■ was pressed.

    Example:
        >>> from toolkit.images import ImagePlan
        >>> plan = ImagePlan("A red fox in snow", image_type="beast", size="256")
        >>> render_image(plan, lab=lab).reused, render_image(plan, lab=lab).reused
        (False, True)
    """
    if isinstance(plan, ImagePlan) and plan.n != 1:
        raise InvalidInput(
            f"the plan asks for {plan.n} pictures and render_image gives one",
            hint="Use toolkit.images.render_images([plan]), or plan.replace(n=1).",
        )
    return _job("render_image", [plan], renderer, refresh, (edit_of, mask), (quality, format), lab, budget)


@verb
def render_images(
    plans: Sequence[ImagePlan],
    *,
    renderer: str | Renderer | None = None,
    refresh: bool = False,
    edit_of: Any = None,
    mask: Any = None,
    quality: str = "medium",
    format: str = "png",  # noqa: A002  # Pillow's word
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
) -> Job[ImageResults]:
    """Render plans at once, equal ones once; see ``render_image``.

    Args:
        plans: What ``plan_images`` made, or plans of your own; each gives its ``n`` pictures.
        renderer: Who draws; without it each plan's ``model``, else ``sketch``.
        refresh: Draw them again.
        edit_of: A picture to change, the same for all.
        mask: Where to change it.
        quality: ``low``, ``medium`` or ``high``.
        format: ``png``, ``jpeg`` or ``webp``.
        lab: Where.
        budget: What rendering may spend; what was not begun for want of it is a row of ``errors``.
        strict: Raise ``Incomplete`` at the end when any picture failed.

    Returns:
        ``ImageResults`` in the order of the plans. Failed ones are there with their plan and are rows of ``errors``;
        ``retry()`` asks for them alone.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        RenderError: Of kind ``no_provider``: there is no such renderer, or no key for it.
        Interrupted: ■ was pressed; what finished is in ``.result``.

    Example:
        >>> from toolkit.images import ImagePlan
        >>> fox = ImagePlan("A red fox in snow", size="256", n=2)
        >>> [picture.variation for picture in render_images([fox], lab=lab)]
        [0, 1]
    """
    given = [plans] if isinstance(plans, ImagePlan) else plans
    return _job(
        "render_images", given, renderer, refresh, (edit_of, mask), (quality, format), lab, budget, strict=strict
    )


def _job(
    name: str,
    plans: Any,
    renderer: str | Renderer | None,
    refresh: bool,  # noqa: FBT001  # handed on from a keyword
    images: tuple[Any, Any],
    manner: tuple[str, str],
    lab: Lab | None,
    budget: str | Budget | None,
    *,
    strict: bool = False,
) -> Rendering:
    """Check everything and return what would be done; nothing is drawn or written."""
    checked = _plans(plans)
    quality = _one("quality", manner[0], QUALITIES)
    kind = _one("format", manner[1], FORMATS)
    source, mask = _images(*images)
    here = current_lab(lab)
    store = ImageStore.of(here)
    rows: list[Piece] = []
    for plan in checked:
        painter = painter_of(here, renderer, plan)
        for variation in range(plan.n):
            order = Order(plan, variation, quality, kind, source=source, mask=mask)
            mark = _mark(painter, order)
            latest = store.generation(mark)
            order = dataclasses.replace(order, generation=latest + refresh)
            rows.append(Piece(order, painter, mark))
    job = Rendering(here, rows, store, name=name, strict=strict, budget=budget)
    for piece in _first_of_each(rows):
        check_money(here, job.budget, piece.painter)
        expect(here, piece.painter, piece.order)
    return job


def _first_of_each(rows: Sequence[Piece]) -> Iterator[Piece]:
    seen: set[str] = set()
    for piece in rows:
        if piece.painter not in seen:
            seen.add(piece.painter)
            yield piece


def _plans(given: Any) -> list[ImagePlan]:
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise InvalidInput(f"{_short(given)} is no list of plans", hint="Give what plan_images returned.")
    for one in given:
        if not isinstance(one, ImagePlan):
            raise InvalidInput(
                f"{_short(one)} is no image plan", hint="Give what plan_image returned, or ImagePlan.from_dict(…)."
            )
    return list(given)


def _images(source: Any, mask: Any) -> tuple[Image | None, Image | None]:
    from toolkit.images.masks import check_mask
    from toolkit.media import to_image

    seen, places = (to_image(one) if one is not None else None for one in (source, mask))
    check_mask(seen, places)
    return seen, places


def _one(name: str, given: Any, among: Sequence[str]) -> str:
    if given not in among:
        raise InvalidInput(f"{name}={given!r} is none", hint=f"Use one of {', '.join(among)}.")
    return str(given)


def _mark(painter: str, order: Order) -> str:
    """Return the SHA-256 of an order whatever its generation: who draws what."""
    images = [one.digest for one in (order.source, order.mask) if one is not None]
    told = "\n".join([painter, order.text, str(order.variation), *images])
    return hashlib.sha256(told.encode()).hexdigest()


def _short(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 80 else f"{text[:79]}…"  # noqa: PLR2004  # characters that an error repeats
