"""The envelope: what every agent of a play is told, in one typed record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import orjson

from toolkit.errors import InvalidInput
from toolkit.personas.attribute import nearest

__all__ = ["ENVELOPE_FIELDS", "Envelope", "EnvelopeField", "Request"]

Request = Literal["user", "continuation"]


@dataclass(frozen=True, slots=True)
class EnvelopeField:
    """What one field of the envelope is."""

    json: str
    """Its key in JSON."""
    default: str
    """What stands there where there is nothing to say."""
    may_be_absent: bool
    """Whether the key itself can be missing."""
    meaning: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an agent is told. Equal calls give equal bytes.

    ``ENVELOPE_FIELDS`` says of each field its JSON key, its default and whether it may be absent.

    Example:
        >>> Envelope("user", "focus-group", 1).to_dict()["historyWindow"]
        200
    """

    request_type: Request
    scene_id: str
    round_number: int
    history_window: int = 200
    summarization_trigger: int = 10
    history: tuple[Mapping[str, Any], ...] = ()
    summarized_history: tuple[str, ...] = ()
    per_round_summaries: tuple[Mapping[str, Any], ...] = ()
    last_round_messages: tuple[Mapping[str, Any], ...] = ()
    lore: tuple[Mapping[str, Any], ...] = ()
    formatted_lore: str = ""
    memories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scenario_notes: Mapping[str, str] = field(default_factory=dict)
    persona: Mapping[str, Any] | None = None
    characters: tuple[Mapping[str, Any], ...] = ()
    character_states: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    world_state: Mapping[str, Any] = field(default_factory=dict)
    trackers: Mapping[str, Any] = field(default_factory=dict)
    director_guidance: Mapping[str, Any] | None = field(default_factory=dict)
    token_budget: Mapping[str, Any] = field(default_factory=dict)
    director_pass: int | None = None
    recent_character_responses: tuple[Mapping[str, str], ...] | None = None
    acted_this_round: tuple[str, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the envelope as JSON, by the names of the contract; what may be absent and is, is left out."""
        return {
            one.json: value
            for name, one in ENVELOPE_FIELDS.items()
            if (value := getattr(self, name)) is not None or not one.may_be_absent
        }

    @property
    def json(self) -> bytes:
        """The same as bytes."""
        return orjson.dumps(self.to_dict(), option=orjson.OPT_SORT_KEYS, default=str)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        """Return the envelope as a table of its fields; long values are cut."""
        import pandas as pd

        from toolkit.display.html import card, table

        body = self.to_dict()
        rows = [{"field": name, "value": orjson.dumps(value, default=str).decode()} for name, value in body.items()]
        facts = [f"round {self.round_number}", self.request_type, f"{len(self.json):,} bytes"]
        shown = table(pd.DataFrame(rows), len(rows))
        return {"text/plain": repr(self)[:4000], "text/html": card(f"Envelope of {self.scene_id}", facts, shown)}

    def replace(self, changed: Mapping[str, Any]) -> Envelope:
        """Return the envelope with fields changed, by their own or their JSON names.

        Raises:
            InvalidInput: There is no such field.

        Example:
            >>> Envelope("user", "focus-group", 1).replace({"worldState": {"rain": True}}).world_state
            {'rain': True}
        """
        by_json = {one.json: name for name, one in ENVELOPE_FIELDS.items()}
        known = [one.name for one in fields(self)]
        values = {by_json.get(name, name): value for name, value in changed.items()}
        for name in values:
            if name not in known:
                raise InvalidInput(
                    f"an envelope has no field {name!r}", hint=f"See ENVELOPE_FIELDS{nearest(name, by_json)}."
                )
        return replace(self, **values)


def _field(json: str, default: str, meaning: str, *, may_be_absent: bool = False) -> EnvelopeField:
    return EnvelopeField(json, default, may_be_absent, meaning)


ENVELOPE_FIELDS: Mapping[str, EnvelopeField] = {
    "request_type": _field(
        "requestType", "none: always given", "user where the user said something this round, else continuation"
    ),
    "scene_id": _field("sceneId", "none: always given", "the scene's id"),
    "round_number": _field("roundNumber", "none: always given", "the round, from 1"),
    "history_window": _field("historyWindow", "200", "the last messages that are kept word for word"),
    "summarization_trigger": _field(
        "summarizationTrigger", "10", "with more messages since the last summary, one is made"
    ),
    "history": _field(
        "history", "[]", "messages before the last round that fit, oldest first, the newest kept, each whole"
    ),
    "summarized_history": _field("summarizedHistory", "[]", "the running summary, where there is one"),
    "per_round_summaries": _field(
        "perRoundSummaries", "[]", "roundNumber and bullets of the rounds that fit, the newest kept"
    ),
    "last_round_messages": _field(
        "lastRoundMessages",
        "[]",
        "the last round and what was said in this one, word for word; reserved before all else",
    ),
    "lore": _field("lore", "[]", "entries that were spoken of and fit, each whole"),
    "formatted_lore": _field("formattedLore", '""', "the same as the prompt tells it"),
    "memories": _field("memories", "{}", "by character: what is most like the last messages, the most alike first"),
    "scenario_notes": _field("scenarioNotes", "{}", "world, campaign, arc and scene, cut to their share"),
    "persona": _field("persona", "null", "whom the user speaks as"),
    "characters": _field(
        "characters",
        "[]",
        "id, name, description, personality, goals, mood, state; what only others know of themselves is left out",
    ),
    "character_states": _field(
        "characterStates", "{}", "by character: location, mood, clothing, activity, position, intentions, flags"
    ),
    "world_state": _field("worldState", "{}", "by name: what is true of the world"),
    "trackers": _field("trackers", "{}", "by name: what is kept count of; director and world only"),
    "director_guidance": _field(
        "directorGuidance",
        "{}",
        "openGuidance for everybody; directive, entry and exit for who acts; absent in directors' prompts",
        may_be_absent=True,
    ),
    "token_budget": _field(
        "tokenBudget",
        "{}",
        "maxContextTokens, completion, fixed and lastRound as subtracted first, then allocations and caps; overflow",
    ),
    "director_pass": _field(
        "directorPass", "absent", "2 and above after the characters have acted", may_be_absent=True
    ),
    "recent_character_responses": _field(
        "recentCharacterResponses", "absent", "character and response of this round, from pass 2 on", may_be_absent=True
    ),
    "acted_this_round": _field("actedThisRound", "absent", "who acted this round, from pass 2 on", may_be_absent=True),
}
"""Every field, by its name in Python."""
