"""The protocol every model speaks, and every engine layer around one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from toolkit.errors import BadRequest
from toolkit.models.call import Call, Identity, Reply

__all__ = ["Abilities", "Model", "Responder", "toolless"]


class Responder(Protocol):
    """Anything that answers calls: a model, or an engine layer around another responder."""

    async def complete(self, call: Call) -> Reply:
        """Answer one call or raise a ``CallError``."""
        ...


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a model can do, so that callers adapt before they pay."""

    images: bool = True
    """Takes pictures; without it a picture's description is sent in its place."""
    schema: bool = True
    """Takes a JSON schema for its reply."""
    logprobs: bool = True
    """Returns log-probabilities."""
    seed: bool = True
    """Takes a seed."""
    tools: bool = True
    """Calls functions it is offered."""
    context: int | None = None
    """Context window in tokens, where it is known."""
    concurrency: int = 64
    """How many calls at once make sense."""
    small: bool = False
    """A model of few parameters: it gets worked examples and only the first facts about a person, or it recites."""
    stands_for_people: bool = True
    """False for models that only show the machinery; every result says so."""


@runtime_checkable
class Model(Responder, Protocol):
    """A provider's model: one method, and who it is.

    Implement this in a package of your own and register a factory ``open_model(name, **options)`` under the entry
    point group ``toolkit.providers``; ``model="yourprovider:name"`` then reaches it.
    """

    @property
    def identity(self) -> Identity:
        """Who answers; part of every call's key."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What this model can do."""
        ...

    async def close(self) -> None:
        """Give back connections and processes; the model may be used again afterwards."""
        ...


def toolless(who: object) -> BadRequest:
    """Return the error of a model that is offered functions and cannot call any; nothing was sent.

    Example:
        >>> print(toolless("embedded:smollm2-135m"))
        embedded:smollm2-135m calls no functions. Ask without tools=True, or another model.
    """
    return BadRequest(f"{who} calls no functions", hint="Ask without tools=True, or another model.")
