"""From a lab and the name of a renderer to a renderer behind the lab's engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.engine import check_budget
from toolkit.engine.experience import ENOUGH
from toolkit.engine.timeout import limit_of
from toolkit.errors import DramatisError, InvalidInput, KeyMissing, ModelUnknown
from toolkit.images.errors import RenderError
from toolkit.images.painter import Painter, Picture
from toolkit.images.prices import guessed_tokens
from toolkit.images.renderer import Order, Renderer, checked, open_renderer
from toolkit.images.renderers.openai import DEFAULT_MODEL
from toolkit.images.store import ImageStore
from toolkit.models import Reply, Usage
from toolkit.models.recorded import RecordedModel

if TYPE_CHECKING:
    from toolkit.engine import Budget
    from toolkit.images.plan import ImagePlan
    from toolkit.lab import Lab

__all__ = ["check_money", "expect", "painter_of"]

STAGE = "images.render"
_REPLY = Picture.told("0" * 64, "image/png", (1024, 1024))


def painter_of(lab: Lab, renderer: str | Renderer | None, plan: ImagePlan) -> str:
    """Put a renderer behind a lab's engine, once, and return its name for ``Call.model``.

    Args:
        lab: Whose memory, ledger, limits and budgets stand around it.
        renderer: By name or as an object; without it the plan's own, else ``sketch``: a key in the environment never
            starts to spend by itself.
        plan: What is to be drawn.

    Raises:
        RenderError: Of kind ``no_provider``: there is none of that name, or no key for it.
        InvalidInput: It is no renderer.
    """
    wanted = renderer if renderer is not None else plan.model or "sketch"
    if isinstance(wanted, str) and isinstance(getattr(lab.engine.others.get(wanted), "model", None), Painter):
        return wanted
    try:
        painter = _painter(lab, wanted)
    except (ModelUnknown, KeyMissing) as error:
        raise RenderError(error.message, kind="no_provider", plan=plan, hint=error.hint) from error
    except InvalidInput:
        raise
    except DramatisError as error:
        raise RenderError(error.message, kind="no_provider", plan=plan, hint=error.hint) from error
    name = str(painter.identity)
    known = lab.engine.others.get(name)
    if known is None:
        lab.engine.add(painter)
    elif not isinstance(known.model, Painter) or known.model.identity != painter.identity:
        raise InvalidInput(
            f"{name} is already at work in this lab in another way", hint="Open another Lab for this renderer."
        )
    elif not isinstance(renderer, str) and renderer is not None and known.model.renderer is not renderer:
        known.model.renderer = renderer  # the same one by its identity, opened anew
    return name


def expect(lab: Lab, name: str, order: Order) -> None:
    """Tell a budget what a picture may take, before a renderer has shown it: replies say little and bill much.

    Args:
        lab: Whose.
        name: The renderer's.
        order: What is to be drawn.
    """
    engine = lab.engine.others[name]
    painter = engine.model
    seen = engine.experience.of(name)
    if not isinstance(painter, Painter) or painter.local or seen.tokens_per_character.n:
        return
    tokens = guessed_tokens(name.partition(":")[2], order.plan.width, order.plan.height, order.quality)
    for _ in range(ENOUGH):
        engine.experience.note(name, order.call(), Reply(_REPLY, name, usage=Usage(output=tokens)), eyes=False)


def check_money(lab: Lab, budget: Budget | None, name: str) -> None:
    """Refuse a budget in money for a renderer whose price is unknown, before anything is billed.

    Raises:
        InvalidInput: The budget cannot be kept.
    """
    held = [account.budget for account in lab.accounts] + ([budget] if budget is not None else [])
    painter = lab.engine.others[name].model
    known = isinstance(painter, Painter) and painter.price(Usage(input=1, output=1)) is not None
    for one in held:
        check_budget(one, name, lab.engine.ledger.prices, calls=lab.mode != "replay")
        if one.unit == "USD" and not known and lab.mode != "replay":
            raise InvalidInput(
                f"the price of {name} is unknown, so a budget of {one} cannot be kept",
                hint="Give the budget in requests.",
            )


def _painter(lab: Lab, wanted: str | Renderer) -> Painter:
    def store() -> ImageStore:
        return ImageStore.of(lab)

    if not isinstance(wanted, str):
        return Painter(checked(wanted), store)
    kind, _, model = wanted.partition(":")
    if kind == "openai":
        recorded = lab.engine.model
        if isinstance(recorded, RecordedModel):  # it replays, which needs no key
            return Painter(None, store, recorded.another(f"openai:{model or DEFAULT_MODEL}").identity)
        return Painter(open_renderer(wanted, **_of_openai(lab)), store)
    return Painter(open_renderer(wanted), store)


def _of_openai(lab: Lab) -> dict[str, Any]:
    settings = lab.settings
    key = settings.openai_api_key
    return {
        "base_url": settings.base_url,
        "api_key": key.get_secret_value() if key is not None else "none" if lab.mode == "replay" else None,
        "organization": settings.organization,
        "timeout": limit_of(STAGE, settings.timeout, settings.stage_timeouts),
    }
