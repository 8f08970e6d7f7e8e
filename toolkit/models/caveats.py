"""What every result must say about who answers, and about how it was asked."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.models.model import Model

__all__ = ["caveats"]

MACHINERY = "{model} shows the machinery with a real model; it does not stand in for people."
MADE_UP = "{model} makes replies up from a seed: they say nothing about people, products or models."
AUTHORED = "Sample replies written for this example: no model was asked, and nobody was."


def caveats(models: Sequence[Model]) -> tuple[str, ...]:
    """Return what results of a lab must say, as things stand.

    Args:
        models: The lab's own model first, then its fallbacks; each may bring ``warnings`` of its own.

    Example:
        >>> from toolkit.models import open_model
        >>> caveats([open_model("scripted")])
        ('scripted:default makes replies up from a seed: they say nothing about people, products or models.',)
    """
    warned = (line for model in models for line in getattr(model, "warnings", ()))
    return (*_standing(models[0]), *dict.fromkeys(warned))


def _standing(model: Model) -> tuple[str, ...]:
    identity = model.identity
    if identity.provider == "authored":
        return (AUTHORED,)
    if identity.provider == "scripted":
        return (MADE_UP.format(model=identity),)
    return () if model.abilities.stands_for_people else (MACHINERY.format(model=identity),)
