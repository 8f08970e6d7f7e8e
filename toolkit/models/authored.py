"""Sample replies written by hand for an example, so that its recording is worth reading and says what it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from toolkit.errors import InvalidInput
from toolkit.models._schema_check import check
from toolkit.models.call import Call, Identity, Reply, Usage
from toolkit.models.model import Abilities

__all__ = ["AuthoredModel", "open_model"]

_CHARACTERS_PER_TOKEN = 4


class AuthoredModel:
    """Answers from a source file: stage and item to reply. Usage is counted from the text; latency is not known.

    The file is YAML: a list ``replies``, each with ``stage``, ``items`` (item to the reply's JSON value) and, where one
    stage asks several questions, ``match``: a text that the prompt must contain.
    """

    def __init__(self, path: Path) -> None:
        import yaml

        try:
            source = yaml.safe_load(path.read_text(encoding="utf-8"))
            self._blocks = [(str(one["stage"]), str(one.get("match", "")), one["items"]) for one in source["replies"]]
        except OSError as error:
            raise InvalidInput(f"the sample replies {path.name} cannot be read: {error.strerror}") from error
        except (yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
            raise InvalidInput(
                f"the sample replies {path.name} are not in the expected form: {error}",
                hint="Write a list 'replies' of blocks with stage, items and, if need be, match.",
            ) from error
        self._name = path.name
        self._identity = Identity("authored", path.stem)

    @property
    def identity(self) -> Identity:
        """Provider ``authored`` and the file's name."""
        return self._identity

    @property
    def abilities(self) -> Abilities:
        """Everything but log-probabilities."""
        return Abilities(logprobs=False, concurrency=8, stands_for_people=False)

    async def complete(self, call: Call) -> Reply:
        """Return the reply written for this stage and item.

        Raises:
            InvalidInput: There is none, or it does not fit what the call asks for.
        """
        value = self._find(call)
        if call.schema is not None:
            fault = check(call.schema.json)(value)
            if fault is not None:
                raise InvalidInput(f"{self._name}: the reply for {call.stage} {call.item} does not fit: {fault}")
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        sent = sum(len(message.text) for message in call.messages)
        usage = Usage(input=sent // _CHARACTERS_PER_TOKEN, output=max(1, len(text) // _CHARACTERS_PER_TOKEN))
        return Reply(text, str(self._identity), value if call.schema is not None else None, usage)

    async def close(self) -> None:
        """Nothing to give back."""

    def _find(self, call: Call) -> Any:
        asked = "\n".join(message.text for message in call.messages)
        for stage, match, items in self._blocks:
            if stage == call.stage and match in asked and isinstance(items, Mapping) and call.item in items:
                return items[call.item]
        raise InvalidInput(
            f"{self._name} has no reply for stage {call.stage!r}, item {call.item!r}",
            hint=f"Add it under a block with 'stage: {call.stage}'.",
        )


def open_model(path: str) -> AuthoredModel:
    """Return the model that answers from a file of sample replies.

    Raises:
        InvalidInput: The file is missing or not in the expected form.
    """
    return AuthoredModel(Path(path))
