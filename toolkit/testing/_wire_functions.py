"""The function a wire server calls where a request offers some, in the chat API's own form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from toolkit.errors import InvalidInput
from toolkit.models._responder import respond

__all__ = ["Functions"]


@dataclass(frozen=True, slots=True)
class Functions:
    """The function that is called, and what it is called with."""

    name: str
    schema: Mapping[str, Any]
    forced: bool
    """True where the request says which one."""

    @classmethod
    def of(cls, body: Mapping[str, Any], seed: int, digest: str) -> Self | None:
        """Return the function of a request that offers some: the one that must be called, or one drawn by seed.

        Raises:
            InvalidInput: The one that must be called is not offered.
        """
        offered = {one["function"]["name"]: one["function"] for one in body.get("tools") or ()}
        choice = body.get("tool_choice", "auto")
        if not offered or choice == "none":
            return None
        forced = isinstance(choice, Mapping)
        name = choice["function"]["name"] if forced else respond({"enum": list(offered)}, seed, "function", digest)
        if name not in offered:
            raise InvalidInput(f"Tool choice '{name}' not found in 'tools' parameter.")
        return cls(name, offered[name].get("parameters", {"type": "object", "properties": {}}), forced)

    @property
    def finish(self) -> str:
        """What OpenAI says of it: ``stop`` where the function had to be called, ``tool_calls`` where it was chosen."""
        return "stop" if self.forced else "tool_calls"

    def calls(self, arguments: str, digest: str, fault: str | None) -> list[dict[str, Any]]:
        """Return the message's ``tool_calls``.

        Args:
            arguments: What the function is called with, as JSON text.
            digest: What addresses the answer.
            fault: ``two_calls`` calls it twice, ``other_call`` one that was not offered.
        """
        name = "something_else" if fault == "other_call" else self.name
        return [
            {
                "id": f"call_{number}{digest[:23]}",
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            }
            for number in range(2 if fault == "two_calls" else 1)
        ]
