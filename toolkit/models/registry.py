"""From a model string to a model: providers are found by entry point."""

from __future__ import annotations

import difflib
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from toolkit.errors import DramatisError, ModelUnknown
from toolkit.models.model import Model

__all__ = ["GROUP", "open_model", "providers"]

GROUP = "toolkit.providers"
"""The entry-point group; each entry is a factory ``open_model(name, **options) -> Model``."""


def providers() -> dict[str, EntryPoint]:
    """Return the installed providers by name.

    Example:
        >>> sorted(set(providers()) & {"embedded", "openai", "scripted"})
        ['embedded', 'openai', 'scripted']
    """
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def open_model(model: str, **options: Any) -> Model:
    """Return the model that a string names.

    Args:
        model: ``"provider"`` or ``"provider:name"``, for example ``"openai:gpt-5-mini"`` or ``"scripted"``.
        options: Handed to the provider's factory.

    Raises:
        ModelUnknown: No provider of that name is installed; the nearest names are given.

    Example:
        >>> str(open_model("scripted").identity)
        'scripted:default'
    """
    provider, _, name = model.partition(":")
    found = providers()
    entry = found.get(provider)
    if entry is None:
        near = difflib.get_close_matches(provider, found, n=1, cutoff=0.5)
        named = ":".join(part for part in (near[0] if near else "", name) if part)
        meant = f"Did you mean {named!r}?" if near else f'Write "openai:{model}" if it is a name at OpenAI.'
        raise ModelUnknown(
            f"no provider answers to the model {model!r}",
            hint=f"{meant} Installed: {', '.join(sorted(found))}.",
        )
    if provider == "openai" and not name:
        raise ModelUnknown(f"the model {model!r} names no model", hint='Write for example "openai:gpt-5-mini".')
    try:
        factory = entry.load()
    except ImportError as error:
        raise DramatisError(
            f"the provider {provider!r} cannot be loaded: {error}", hint=f"Install dramatis-toolkit[{provider}]."
        ) from error
    opened: Model = factory(name, **options) if name else factory(**options)
    return opened
