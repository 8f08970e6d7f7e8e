"""Transcripts: what was asked and what was said, call by call, scrubbed, in the study's own store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import orjson

from toolkit.memory.entry import Entry
from toolkit.memory.store import SealedStore

__all__ = ["TRANSCRIPTS", "Transcript", "transcripts_of"]

TRANSCRIPTS = "toolkit:transcript"
"""The function id under which transcripts are kept."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """One call as it was made: what was asked, and how it ended. All texts are scrubbed.

    Example:
        >>> print(Transcript("questions", "p0001", "openai:m", 0.0, (("user", "Tea?"),), "Yes."))
        questions p0001, openai:m, 1970-01-01 00:00:00
        user: Tea?
        reply: Yes.
    """

    stage: str
    item: str
    model: str
    """``provider:model`` that answered, or was asked."""
    at: float
    """When it ended, in seconds since the epoch."""
    asked: tuple[tuple[str, str], ...]
    """Role and text of each message; a picture stands as ``[picture …]`` with its digest or description."""
    reply: str = ""
    """What the model said."""
    failure: str = ""
    """What went wrong in one line, where something did."""
    request_id: str = ""
    """The provider's id of the request."""
    key: str = ""
    """The call's key."""

    def __str__(self) -> str:
        """Return the exchange as text."""
        when = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        lines = [f"{self.stage} {self.item}, {self.model}, {when}"]
        lines += [f"{role}: {text}" for role, text in self.asked]
        lines += [f"reply: {self.reply}"] if self.reply else []
        lines += [f"failed: {self.failure}"] if self.failure else []
        return "\n".join(lines)

    def entry(self) -> Entry:
        """Return it as memory keeps it; each call made is an entry of its own, so that none is ever overwritten."""
        held: dict[str, Any] = {"asked": self.asked, "key": self.key}
        held |= {name: value for name in ("reply", "failure", "request_id") if (value := getattr(self, name))}
        return Entry(
            func=TRANSCRIPTS,
            key=f"{self.key}@{self.at:.6f}",
            body=orjson.dumps(held),
            stage=self.stage,
            item=self.item,
            model=self.model,
            created=self.at,
        )

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Return the transcript that memory kept."""
        held: Mapping[str, Any] = entry.json()
        return cls(
            stage=entry.stage,
            item=entry.item,
            model=entry.model,
            at=entry.created,
            asked=tuple((role, text) for role, text in held["asked"]),
            reply=held.get("reply", ""),
            failure=held.get("failure", ""),
            request_id=held.get("request_id", ""),
            key=held["key"],
        )


def transcripts_of(store: SealedStore, item: str, stage: str | None = None) -> list[Transcript]:
    """Return what was asked for an item and what was said, oldest first.

    Args:
        store: The study's memory.
        item: The row: a persona's id, for example.
        stage: One stage only.
    """
    entries = [entry for entry in store.of_item(item, stage) if entry.func == TRANSCRIPTS]
    return [Transcript.of(entry) for entry in entries]
