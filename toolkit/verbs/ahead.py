"""Look before you pay: the very prompt, and how many calls and tokens it will be."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import Any

from toolkit.display.html import LARGEST_REPR, card
from toolkit.display.report import usd_text
from toolkit.errors import InvalidInput
from toolkit.models import Call, Message, Model, Picture, Schema, Tools
from toolkit.models.reminder import reminded
from toolkit.verbs.difference import diff_html, difference
from toolkit.verbs.images import ImageCost, ImageCosts
from toolkit.verbs.job import Job, R
from toolkit.verbs.verb import P, Verb, job_of

__all__ = ["Estimate", "Preview", "estimate", "preview"]

_WINDOW = 256
_THUMBNAILS = (320, 160, 80, 0)
"""Longest sides of images in a preview, in pixels: the first that keeps it small enough for a notebook."""
_LONGEST = 16_000
"""Characters of plain text in a notebook."""
_PRE = "white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere;margin:4px 0"
_SCHEMA_SHOWN = 4_000
_DIFF_SHOWN = 8_000


@dataclass(frozen=True)
class Estimate:
    """What a verb would take. Nothing was called."""

    verb: str
    calls: int
    """Calls in all."""
    remembered: int
    """Of these, already in memory and free."""
    input_tokens: int
    """About how many tokens the calls that are not in memory send: characters / 4, images by published rules."""
    output_tokens: tuple[int, int]
    """Fewest and most tokens they will bring back: by what the model has shown, else by the reply's schema."""
    model: str
    input_range: tuple[int, int] = (0, 0)
    """Fewest and most tokens they send, as the provider will count them."""
    reasoning_tokens: tuple[int, int] = (0, 0)
    """Of the output, hidden reasoning."""
    money: tuple[float, float] | None = None
    """USD, low and high; ``None`` where the price is unknown."""
    price_version: str = ""
    """Whose price and of what day."""
    images: tuple[ImageCost, ...] = ()
    """What each image takes, over the calls that memory does not hold; nothing for models without eyes."""
    models: tuple[str, ...] = ()
    """``provider:model`` of all that are asked, where several are."""

    @property
    def to_ask(self) -> int:
        """Calls that memory does not hold."""
        return self.calls - self.remembered

    def __str__(self) -> str:
        """Return the estimate as one line."""
        low, high = self.output_tokens
        return (
            f"{self.verb}: {self.calls:,} calls to {' and '.join(self.models) or self.model}, "
            f"{self.remembered:,} of them in memory; "
            f"the other {self.to_ask:,} send about {self.input_tokens:,} tokens and bring {low:,} to {high:,}"
            f"{self._thinking()}; {self.cost}"
        )

    @property
    def cost(self) -> str:
        """The money, as text."""
        if self.money is None:
            return "the price is unknown"
        low, high = self.money
        return f"about {usd_text(low)} to {usd_text(high)}" if high else "nobody is paid"

    def _thinking(self) -> str:
        low, high = self.reasoning_tokens
        return f", {low:,} to {high:,} of them reasoning" if high else ""

    def __repr__(self) -> str:
        """Return the estimate as one line, and one for each image."""
        return "\n".join([str(self), *(f"  {image}" for image in self.images)])


@dataclass(frozen=True)
class Preview:
    """What would be sent for the first item, word for word. Nothing was called."""

    verb: str
    model: str
    call: Call
    eyes: bool = True
    """Whether the model is sent the images; without eyes it is sent their descriptions."""
    diff: str = ""
    """How what is sent differs from what the shipped prompt would say (unified diff), for a prompt of one's own."""

    def __str__(self) -> str:
        """Return the prompt as plain text, images as their descriptions."""
        blocks = [f"{self.verb} → {self.model}, for {self.call.item or 'one item'}"]
        for message in self.call.messages:
            parts = (part if isinstance(part, str) else self._described(part) for part in message.parts)
            blocks.append(f"--- {message.role} ---\n" + "\n".join(parts))
        if self.call.schema is not None:
            blocks.append("--- reply: {} ---\n{}".format(*_form(self.call.schema)))
        if self.diff:
            blocks.append(f"--- how it differs from the shipped prompt ---\n{self.diff}")
        return "\n".join(blocks)

    def __repr__(self) -> str:
        """Return the prompt as plain text."""
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        text = str(self)
        plain = text if len(text) <= _LONGEST else text[:_LONGEST] + " … cut; print() shows it all"
        for side in _THUMBNAILS:
            full = self._html(side)
            if len(full.encode()) <= LARGEST_REPR:
                return {"text/plain": plain, "text/html": full}
        return {"text/plain": plain, "text/html": card(*self._head(), f'<pre style="{_PRE}">{escape(plain)}</pre>')}

    def _html(self, side: int) -> str:
        """Return the prompt as HTML with images of a size; 0 describes them."""
        pieces = "".join(self._message_html(message, side) for message in self.call.messages)
        if self.call.schema is not None:
            form, told = _form(self.call.schema)
            shown = f'<pre style="{_PRE}">{escape(told[:_SCHEMA_SHOWN])}</pre>'
            pieces += f"<details><summary>the reply is {escape(form)}</summary>{shown}</details>"
        if self.diff:
            pieces += f"<div>how it differs from the shipped prompt</div>{diff_html(self.diff[:_DIFF_SHOWN])}"
        return card(*self._head(), pieces)

    def _head(self) -> tuple[str, list[str]]:
        return f"What {self.verb} would send", [self.model, self.call.item, self.call.template]

    def _message_html(self, message: Message, side: int) -> str:
        shown = "".join(
            self._image_html(part, side)
            if isinstance(part, Picture) and side and self.eyes
            else f'<pre style="{_PRE}">{escape(part if isinstance(part, str) else self._described(part))}</pre>'
            for part in message.parts
        )
        return f'<div style="margin-top:8px;opacity:.7">{escape(message.role)}</div>{shown}'

    def _image_html(self, picture: Picture, side: int) -> str:
        small = picture.image.normal(max_side=min(side, picture.max_side))
        told = escape(picture.image.describe())
        return f'<img style="max-height:220px" alt="{told}" title="{told}" src="{small.data_uri}">'

    def _described(self, picture: Picture) -> str:
        note = "" if self.eyes else "; the picture itself is not sent to this model"
        return f"[image: {picture.image.describe()}{note}]"


def estimate(function: Verb[P, R], *args: P.args, **kwargs: P.kwargs) -> Estimate:
    """Say what a verb would take, without calling anything.

    Args:
        function: A verb, for example ``tk.ask``.
        args: What the verb takes.
        kwargs: What the verb takes.

    Raises:
        InvalidInput: The verb would refuse these arguments.

    Example:
        >>> estimate(generate_personas, 3, "us-adults-2012", detail="brief", lab=lab).calls
        3
    """
    job: Job[R] = job_of(function)(*args, **kwargs)
    engine = job.lab.engine
    calls = remembered = 0
    forecast, images = job.forecast(), ImageCosts(engine)
    models: set[str] = set()
    pending = job.foreseen()
    while window := list(islice(pending, _WINDOW)):
        calls += len(window)
        for call in window:
            models.add(str(engine.of(call).model.identity))
            if engine.of(call).cache.peek([call])[0]:
                remembered += 1
            else:
                forecast.add(call)
                images.add(call)
    told = forecast.expected()
    model = next(iter(models)) if len(models) == 1 else job.lab.model  # a picture is for a renderer, not for the lab's
    price = engine.ledger.prices.price(model)
    return Estimate(
        verb=job.name,
        calls=calls,
        remembered=remembered,
        input_tokens=round(told.about),
        output_tokens=_whole(told.output),
        model=model,
        input_range=_whole(told.input),
        reasoning_tokens=_whole(told.reasoning),
        money=told.money,
        price_version=price.version if price is not None else "",
        images=images.told(),
        models=tuple(sorted(models)) if len(models) > 1 else (),
    )


def preview(function: Verb[P, R], *args: P.args, **kwargs: P.kwargs) -> Preview:
    """Show the very prompt and images that a verb would send for its first item, without calling anything.

    Args:
        function: A verb, for example ``tk.ask``.
        args: What the verb takes.
        kwargs: What the verb takes.

    Raises:
        InvalidInput: The verb would refuse these arguments, or would make no call.

    Example:
        >>> "Age: " in str(preview(generate_personas, 3, "us-adults-2012", detail="brief", lab=lab))
        True
    """
    job: Job[R] = job_of(function)(*args, **kwargs)
    call = next(iter(job.calls()), None)
    if call is None:
        raise InvalidInput(f"{job.name} makes no call with these arguments", hint="There is nothing to preview.")
    model = job.lab.engine.of(call).model
    plain = job.standard()
    own = Preview(job.name, str(model.identity), _as_told(call, model), eyes=model.abilities.images)
    if plain is None:
        return own
    shipped = dataclasses.replace(own, call=_as_told(next(iter(plain.calls())), model))
    return dataclasses.replace(own, diff=difference(str(shipped), str(own)))


def _form(schema: Schema) -> tuple[str, str]:
    """Return what the reply must be, and what the model is told of it."""
    if isinstance(schema, Tools):
        return f"the call of a function, {schema.name}", schema.told.decode()
    return f"JSON of schema {schema.name}", schema.json.decode()


def _as_told(call: Call, model: Model) -> Call:
    """Return a call as the model sees it: one that takes no schema is told it in words."""
    if model.abilities.schema or call.schema is None or isinstance(call.schema, Tools):
        return call
    return dataclasses.replace(call, messages=reminded(call.messages, call.schema))


def _whole(told: tuple[float, float]) -> tuple[int, int]:
    return math.floor(told[0]), math.ceil(told[1])
