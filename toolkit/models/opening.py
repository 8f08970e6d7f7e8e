"""From a study's settings to the model that answers."""

from __future__ import annotations

from typing import Any

from toolkit.errors import InvalidInput
from toolkit.models.model import Model
from toolkit.models.registry import open_model
from toolkit.settings import Settings

__all__ = ["model_of"]

_SLACK = 10.0
"""Seconds the client's own limit is longer than the engine's, which is the one that ends a try."""


def model_of(settings: Settings, model: object = None, **given: Any) -> Model:
    """Return the model of a study, opened with the key and address its settings hold; nothing is sent.

    Args:
        settings: See ``load_settings``; their ``model`` decides unless an object is given.
        model: A model object, used as it is.
        given: Further options for the model's provider.

    Raises:
        ModelUnknown, KeyMissing, WeightsMissing: The model cannot be opened; the message says the next step.
        InvalidInput: The object is no model, or the provider does not take an option.

    Example:
        >>> from toolkit.settings import load_settings
        >>> str(model_of(load_settings(model="scripted")).identity)
        'scripted:default'
    """
    if model is not None and not isinstance(model, str):
        return _checked(model, given)
    options = {**_of_openai(settings), **given} if settings.model.partition(":")[0] == "openai" else given
    try:
        return open_model(settings.model, **options)
    except TypeError as error:
        if not given:
            raise
        raise InvalidInput(
            f"{', '.join(given)}: no argument of Lab, and no option of the model {settings.model!r}",
            hint="Look at the arguments of Lab and at those of the model's provider.",
        ) from error


def _checked(model: object, given: dict[str, Any]) -> Model:
    if not isinstance(model, Model):
        raise InvalidInput(
            f"model={model!r} is neither a model string nor a model",
            hint='Write for example "scripted" or "openai:gpt-5-mini", or give an object with complete(call).',
        )
    if given:
        raise InvalidInput(
            f"{', '.join(given)}: no argument of Lab, and a model object takes no options",
            hint="Set it where the model is made.",
        )
    return model


def _of_openai(settings: Settings) -> dict[str, Any]:
    key = settings.openai_api_key
    return {
        "base_url": settings.base_url,
        "api_key": key.get_secret_value() if key is not None else None,
        "organization": settings.organization,
        "timeout": settings.timeout + _SLACK,
        "retention": settings.retention,
    }
