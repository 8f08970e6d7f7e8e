"""Planning: what is asked of a planner, checked before anything is paid, and the job that every planner is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from toolkit import prompts
from toolkit.errors import InvalidInput, InvalidReply
from toolkit.images.plan import SIZES, ImagePlan, one_type, pixels_of
from toolkit.images.plans import ImagePlans
from toolkit.models import Call, Message, Reply, Schema, Tool, Tools
from toolkit.personas import Persona
from toolkit.seeds import derive
from toolkit.verbs import Job

if TYPE_CHECKING:
    from toolkit.display import Report
    from toolkit.engine import Outcome
    from toolkit.lab import Lab

__all__ = ["Drawing", "Planning", "Request", "request_of"]

_SEED_BITS = 31
_LONGEST_REQUEST = 8_000
_PLAIN, _AS_CALL, _FUNCTION = "images.plan", "images.plan_call", "images.plan_function"
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
_CALLED = Schema("plan_image", _FIELDS)


@dataclass(frozen=True, slots=True)
class Drawing:
    """How pictures are to be drawn: what every planner is told, and passes on as it stands."""

    style: str = ""
    size: str | int | None = None
    """None leaves it to the type of image."""
    n: int = 1
    """Variations of each."""
    negative: str = ""
    """What must not be in them."""
    model: str = ""
    """The renderer that the plan is made for."""
    session: str = "default"


@dataclass(frozen=True, slots=True)
class Request:
    """One picture that somebody asks for."""

    item: str
    text: str
    image_type: str
    drawing: Drawing
    facts: tuple[str, ...] = ()
    """What is known of the person it shows."""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def plan(self, written: Mapping[str, Any], seed: int) -> ImagePlan:
        """Return the plan; what was asked for stands, and the model fills in the rest.

        Raises:
            InvalidInput: What the model wrote cannot be used.
        """
        drawing = self.drawing
        return ImagePlan(
            str(written["enhanced_prompt"]).strip(),
            image_type=self.image_type,
            style=drawing.style or str(written["style"]).strip(),
            size=str(drawing.size),
            session_id=drawing.session,
            metadata=self.metadata,
            original_prompt=self.text,
            n=drawing.n,
            seed=seed,
            negative_prompt=drawing.negative or str(written["negative_prompt"]).strip(),
            model=drawing.model,
        )


def request_of(
    item: str,
    text: Any,
    image_type: str,
    drawing: Drawing,
    *,
    persona: Persona | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Request:
    """Return a request whose every part can be used.

    Args:
        item: Its row.
        text: What is wanted.
        image_type: What it is of.
        drawing: How it is to be drawn.
        persona: Whom it shows.
        metadata: Whatever else belongs to it.

    Raises:
        InvalidInput: A part cannot be used.
    """
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(f"{item} is {text!r}, which asks for nothing", hint="Say what is to be seen.")
    if len(text) > _LONGEST_REQUEST:
        raise InvalidInput(f"{item} has {len(text):,} characters", hint=f"At most {_LONGEST_REQUEST:,} are taken.")
    if persona is not None and not isinstance(persona, Persona):
        raise InvalidInput(f"persona={persona!r} is no Persona", hint="Take one of a panel: panel[0].")
    about = {"persona": persona.id, "persona_name": persona.name} if persona is not None else {}
    size = "{}x{}".format(*pixels_of(SIZES[one_type(image_type)] if drawing.size is None else drawing.size))
    asked = Request(
        item=persona.id if persona is not None else item,
        text=text.strip(),
        image_type=one_type(image_type),
        drawing=replace(drawing, size=size),
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
        tools: Whether the plan comes as the call of a function.
        name: The verb's name.
        rest: What every job takes: seed, strict, budget.

    Raises:
        InvalidInput: The model calls no functions.
    """

    name = "plan_images"
    attempts = 2

    def __init__(
        self, lab: Lab, asked: Sequence[Request], *, tools: bool, name: str = "plan_images", **rest: Any
    ) -> None:
        super().__init__(lab, **rest)
        if tools and not lab.abilities.tools:
            raise InvalidInput(f"{lab.model} calls no functions", hint="Leave tools=True out, or take another model.")
        self.name = name
        self._asked = tuple(asked)
        self._prompt = prompts.load(_AS_CALL if tools else _PLAIN)
        self._schema = _function() if tools else _SCHEMA

    def __len__(self) -> int:
        return len(self._asked)

    def calls(self) -> Iterator[Call]:
        """Make one call a request, in order."""
        for one in self._asked:
            turns = self._prompt.render(
                image_type=one.image_type, size=one.drawing.size, style=one.drawing.style, avoid=one.drawing.negative,
                facts=one.facts, request=one.text,
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
        """Return what was written, or refuse it."""
        value = reply.value
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


@cache
def _function() -> Tools:
    """Return the function that must be called, and what the model is told of it."""
    turns = prompts.load(_FUNCTION).render()
    told = "".join(str(part) for _, parts in turns for part in parts)
    return Tools((Tool(_CALLED, told),), choice=_CALLED.name)
