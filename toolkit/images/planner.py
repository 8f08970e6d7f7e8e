"""The planners: one call of a model a request, remembered like any other; no file, no renderer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.images.planning import Drawing, Planning, request_of
from toolkit.images.plans import ImagePlans, the_plan
from toolkit.images.single import one_of
from toolkit.lab import current_lab
from toolkit.personas import Persona
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    from toolkit.engine import Budget
    from toolkit.lab import Lab

__all__ = ["plan_image", "plan_images"]


@one_of(the_plan)
def plan_image(
    request: str,
    *,
    type: str = "scene",  # noqa: A002  # the field's word
    style: str = "",
    size: str | int | None = None,
    persona: Persona | None = None,
    n: int = 1,
    negative: str = "",
    model: str = "",
    session: str = "default",
    metadata: Mapping[str, Any] = {},
    tools: bool = False,
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
) -> Job[ImagePlans]:
    """Plan one image: a model writes what is to be drawn. Nothing is drawn, kept as a picture, or paid to a renderer.

    Look at the plan, edit it with ``plan.replace(…)``, then ``render_image(plan)``.

    Args:
        request: What is wanted, in your own words.
        type: ``portrait``, ``scene``, ``scene_background``, ``moment``, ``character``, ``item`` or ``beast``.
        style: How it is to be drawn; the model chooses where it is not given.
        size: ``"1024x768"``, or ``1024`` for a square; what suits the type where it is not given.
        persona: Whom it shows: the facts go into the prompt, and the gallery can filter by it.
        n: How many variations are to be drawn, 1 to 10.
        negative: What must not be in it.
        model: Renderer the plan is made for, ``"openai:gpt-image-2.5-flare"``; by default ``render_image`` says.
        session: What the picture belongs to; names its folder.
        metadata: Whatever else belongs to it, as JSON values.
        tools: Have the plan written by calling a function, the provider's own way; the same kind of plan comes of it.
        seed: For the plan and the model's draws; the lab's when not given.
        lab: Where; the current lab when not given.
        budget: What planning may spend.

    Returns:
        An ``ImagePlan``.

    Raises:
        InvalidInput: An argument that cannot be used, or a model that calls no functions; nothing was billed.
        PlanningError: No plan came of it; ``.result.retry()`` asks again.
        Interrupted: ■ was pressed.

    Example:
        >>> plan = plan_image("a reading room in autumn light", style="gouache", lab=lab)
        >>> plan.original_prompt, plan.style, plan.size
        ('a reading room in autumn light', 'gouache', '1024x768')
    """
    drawing = Drawing(style, size, n, negative, model, session)
    asked = [request_of("the request", request, type, drawing, persona=persona, metadata=metadata)]
    return Planning(current_lab(lab), asked, tools=tools, seed=seed, strict=False, budget=budget, name="plan_image")


@verb
def plan_images(
    requests: Sequence[str],
    *,
    type: str = "scene",  # noqa: A002  # the field's word
    style: str = "",
    size: str | int | None = None,
    n: int = 1,
    negative: str = "",
    model: str = "",
    session: str = "default",
    tools: bool = False,
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
) -> Job[ImagePlans]:
    """Plan several images at once; see ``plan_image``.

    Args:
        requests: What is wanted, one text an image.
        type: Their type.
        style: How they are to be drawn.
        size: Their size.
        n: Variations of each.
        negative: What must not be in them.
        model: Renderer the plans are made for.
        session: What they belong to.
        tools: Have the plans written by calling a function.
        seed: For the plans and the model's draws.
        lab: Where.
        budget: What planning may spend.
        strict: Raise ``Incomplete`` at the end when any request has no plan.

    Returns:
        ``ImagePlans`` in order; a request that no plan came of is a row of ``errors``.

    Raises:
        InvalidInput: An argument that cannot be used, or a model that calls no functions; nothing was billed.
        Interrupted: ■ was pressed; what finished is in ``.result``.

    Example:
        >>> [plan.image_type for plan in plan_images(["a bowl", "a lamp"], type="item", lab=lab)]
        ['item', 'item']
    """
    if isinstance(requests, str) or not isinstance(requests, Sequence) or not requests:
        raise InvalidInput(f"requests={requests!r} is no list of texts", hint="Give one text an image.")
    drawing = Drawing(style, size, n, negative, model, session)
    asked = [request_of(f"request {place}", text, type, drawing) for place, text in enumerate(requests, start=1)]
    return Planning(current_lab(lab), asked, tools=tools, seed=seed, strict=strict, budget=budget)
