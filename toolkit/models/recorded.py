"""The model of a recording: it is known by name, and never asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.errors import CapsuleInvalid, InvalidInput, ReplayMiss
from toolkit.models.call import Call, Identity, Reply
from toolkit.models.model import Abilities, Model

__all__ = ["RecordedModel", "described"]


class RecordedModel:
    """Who answered when a capsule was made, so that a replay builds the same calls and the same keys.

    Args:
        models: A manifest's ``models``, as ``described`` wrote them; the first is the one that was asked.

    Raises:
        CapsuleInvalid: The manifest does not say who answered.
    """

    def __init__(self, models: Sequence[Mapping[str, Any]]) -> None:
        try:
            recorded = models[0]
            self.identity = Identity(**recorded["identity"])
            self.abilities = Abilities(**recorded["abilities"])
        except (LookupError, TypeError) as error:
            raise CapsuleInvalid("the capsule does not say which model answered", hint="Freeze it again.") from error
        self._further = tuple(models[1:])

    def another(self, name: str) -> RecordedModel:
        """Return a further model that answered when the capsule was made.

        Args:
            name: ``provider:model``, or the provider alone.

        Raises:
            InvalidInput: The capsule knows no such model.
        """
        for recorded in self._further:
            found = RecordedModel([recorded])
            if name in {str(found.identity), found.identity.provider}:
                return found
        known = ", ".join(str(RecordedModel([one]).identity) for one in self._further) or "none"
        raise InvalidInput(f"the capsule holds no replies of a further model {name!r}", hint=f"It holds: {known}.")

    async def complete(self, call: Call) -> Reply:
        """Refuse: a recording answers from memory only.

        Raises:
            ReplayMiss: Always.
        """
        raise ReplayMiss(
            f"the recording holds no reply for {call.stage} {call.item}", hint="Record again with a model."
        )

    async def close(self) -> None:
        """Nothing to give back."""


def described(model: Model) -> dict[str, Any]:
    """Return who a model is and what it can do, as a capsule's manifest holds it.

    Example:
        >>> from toolkit.models import open_model
        >>> described(open_model("scripted"))["identity"]
        {'provider': 'scripted', 'model': 'default', 'detail': {'seed': 0}}
    """
    return {"identity": _fields(model.identity), "abilities": _fields(model.abilities)}


def _fields(record: Identity | Abilities) -> dict[str, Any]:
    made_from = (name for name in record.__slots__ if name != "json")
    told = {name: dict(value) if isinstance(value := getattr(record, name), Mapping) else value for name in made_from}
    if told.get("tools"):  # as it is where nothing is said: recordings were made before there were tools
        del told["tools"]
    return told
