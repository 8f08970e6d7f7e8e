"""The planners: one call of a model a request, remembered like any other; no file, no renderer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit import prompts
from toolkit.errors import InvalidInput, InvalidReply
from toolkit.images.plan import SIZES, ImagePlan, one_type, pixels_of
from toolkit.images.plans import ImagePlans, the_plan
from toolkit.images.single import one_of
from toolkit.lab import current_lab
from toolkit.models import Call, Message, Reply, Schema
from toolkit.personas import Persona
from toolkit.seeds import derive
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    from toolkit.display import Report
    from toolkit.engine import Budget, Outcome
    from toolkit.lab import Lab

__all__ = ["Planning", "Request", "plan_image", "plan_images"]

_SEED_BITS = 31
_LONGEST_REQUEST = 8_000
_PLAIN, _AS_CALL = "images.plan", "images.plan_call"
_FIELDS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "enhanced_prompt": {"type": "string", "minLength": 1, "maxLength": 1500},
        "style": {"type": "string", "maxLength": 160},
        "negative_prompt": {"type": "string", "maxLength": 300},
    },
    "required": ["enhanced_prompt", "style", "negative_prompt"],
    "additionalProperties": False,
}
_SCHEMA = Schema("image_plan", _FIELDS)
_CALL_SCHEMA = Schema(
    "image_plan_call",
    {
        "type": "object",
        "properties": {"name": {"type": "string", "enum": ["plan_image"]}, "arguments": _FIELDS},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True)
class Request:
    """One picture that somebody asks for."""

    item: str
    text: str
    image_type: str
    style: str
    size: str
    session_id: str
    n: int = 1
    avoid: str = ""
    model: str = ""
    facts: tuple[str, ...] = ()
    """What is known of the person it shows."""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def plan(self, written: Mapping[str, Any], seed: int) -> ImagePlan:
        """Return the plan; what was asked for stands, and the model fills in the rest.

        Raises:
            InvalidInput: What the model wrote cannot be used.
        """
        return ImagePlan(
            str(written["enhanced_prompt"]).strip(),
            image_type=self.image_type,
            style=self.style or str(written["style"]).strip(),
            size=self.size,
            session_id=self.session_id,
            metadata=self.metadata,
            original_prompt=self.text,
            n=self.n,
            seed=seed,
            negative_prompt=self.avoid or str(written["negative_prompt"]).strip(),
            model=self.model,
        )


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
        tools: Ask for the plan as a function call; the same plan comes of it.
        seed: For the plan and the model's draws; the lab's when not given.
        lab: Where; the current lab when not given.
        budget: What planning may spend.

    Returns:
        An ``ImagePlan``.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        PlanningError: No plan came of it; ``.result.retry()`` asks again.
        Interrupted: ■ was pressed.

    Example:
        >>> plan = plan_image("a reading room in autumn light", style="gouache", lab=lab)
        >>> plan.original_prompt, plan.style, plan.size
        ('a reading room in autumn light', 'gouache', '1024x768')
    """
    given: dict[str, Any] = {
        "style": style,
        "size": size,
        "n": n,
        "negative": negative,
        "model": model,
        "session": session,
    }
    asked = [request_of("the request", request, type, persona=persona, metadata=metadata, **given)]
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
        tools: Ask for the plans as function calls.
        seed: For the plans and the model's draws.
        lab: Where.
        budget: What planning may spend.
        strict: Raise ``Incomplete`` at the end when any request has no plan.

    Returns:
        ``ImagePlans`` in order; a request that no plan came of is a row of ``errors``.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        Interrupted: ■ was pressed; what finished is in ``.result``.

    Example:
        >>> [plan.image_type for plan in plan_images(["a bowl", "a lamp"], type="item", lab=lab)]
        ['item', 'item']
    """
    if isinstance(requests, str) or not isinstance(requests, Sequence) or not requests:
        raise InvalidInput(f"requests={requests!r} is no list of texts", hint="Give one text an image.")
    given: dict[str, Any] = {
        "style": style,
        "size": size,
        "n": n,
        "negative": negative,
        "model": model,
        "session": session,
    }
    asked = [request_of(f"request {place}", text, type, **given) for place, text in enumerate(requests, start=1)]
    return Planning(current_lab(lab), asked, tools=tools, seed=seed, strict=strict, budget=budget)


def request_of(
    item: str,
    text: Any,
    image_type: str,
    *,
    style: str,
    size: str | int | None,
    n: int,
    negative: str,
    model: str,
    session: str,
    persona: Persona | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Request:
    """Return a request whose every part can be used.

    Raises:
        InvalidInput: One cannot.
    """
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(f"{item} is {text!r}, which asks for nothing", hint="Say what is to be seen.")
    if len(text) > _LONGEST_REQUEST:
        raise InvalidInput(f"{item} has {len(text):,} characters", hint=f"At most {_LONGEST_REQUEST:,} are taken.")
    if persona is not None and not isinstance(persona, Persona):
        raise InvalidInput(f"persona={persona!r} is no Persona", hint="Take one of a panel: panel[0].")
    about = {"persona": persona.id, "persona_name": persona.name} if persona is not None else {}
    asked = Request(
        item=persona.id if persona is not None else item,
        text=text.strip(),
        image_type=one_type(image_type),
        style=style,
        size="{}x{}".format(*pixels_of(SIZES[image_type] if size is None else size)),
        session_id=session,
        n=n,
        avoid=negative,
        model=model,
        facts=(f"Name: {persona.name}", *persona.facts()) if persona is not None else (),
        metadata={**about, **(metadata or {})},
    )
    asked.plan({"enhanced_prompt": asked.text, "style": "", "negative_prompt": ""}, 0)  # refuses what a plan would
    return asked


class Planning(Job[ImagePlans]):
    """One call a request.

    Args:
        lab: Where.
        asked: What is wanted.
        tools: Whether the plan comes as a function call.
        name: The verb's name.
        rest: What every job takes: seed, strict, budget.
    """

    name = "plan_images"
    attempts = 2

    def __init__(
        self, lab: Lab, asked: Sequence[Request], *, tools: bool, name: str = "plan_images", **rest: Any
    ) -> None:
        super().__init__(lab, **rest)
        self.name = name
        self._asked = tuple(asked)
        self._prompt = prompts.load(_AS_CALL if tools else _PLAIN)
        self._schema = _CALL_SCHEMA if tools else _SCHEMA

    def __len__(self) -> int:
        return len(self._asked)

    def calls(self) -> Iterator[Call]:
        """Make one call a request, in order."""
        for one in self._asked:
            turns = self._prompt.render(
                image_type=one.image_type, size=one.size, style=one.style, avoid=one.avoid, facts=one.facts,
                request=one.text,
            )  # fmt: skip
            yield Call(
                tuple(Message(role, tuple(str(part) for part in parts)) for role, parts in turns),  # type: ignore[arg-type]
                schema=self._schema,
                seed=self._seed_of(one),
                stage="images.plan",
                item=one.item,
                family=self._prompt.name,
                template=self._prompt.version,
            )

    def accept(self, call: Call, reply: Reply) -> Any:  # noqa: ARG002  # every request is answered alike
        """Return what was written, from either form, or refuse it."""
        value = reply.value
        if self._schema is _CALL_SCHEMA:
            value = value.get("arguments") if isinstance(value, Mapping) else None
        if not isinstance(value, Mapping) or not str(value.get("enhanced_prompt") or "").strip():
            raise InvalidReply("the reply holds no enhanced_prompt", hint="retry() asks again.")
        return {name: str(value.get(name) or "") for name in _FIELDS["properties"]}

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> ImagePlans:
        """Put the plans into a result."""
        plans = [
            (one.item, one.plan(outcome.value, self._seed_of(one)))
            for one, outcome in zip(self._asked, outcomes, strict=True)
            if outcome.ok
        ]
        return ImagePlans(plans, outcomes=outcomes, report=report, lab=self.lab, again=self)

    def _seed_of(self, one: Request) -> int:
        """Return the seed of one picture: equal requests of one study are equal plans."""
        return derive(self.seed, "images", one.image_type, one.text, *one.facts) >> (63 - _SEED_BITS)
