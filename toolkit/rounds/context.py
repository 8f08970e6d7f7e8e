"""The context builder: one function that makes every agent's envelope and prompt, and fits both to the budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.models import Message
from toolkit.rounds.cast import Character
from toolkit.rounds.envelope import Envelope, Request
from toolkit.rounds.fitting import cut_to, memories_that_fit, newest_that_fit, notes_that_fit, those_that_fit
from toolkit.rounds.production import Production
from toolkit.rounds.retrieval import lore_for, memories_for, query_of
from toolkit.rounds.scene import NOTES, Lore
from toolkit.rounds.shares import SECTIONS, allocate
from toolkit.rounds.state import MOODS, Said, State, Summary, spoken_line

__all__ = ["Context", "Need", "build_context"]

_SEEN = ("location", "position", "activity", "clothing")
"""What others can see of a character."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one turn is for."""

    agent: str
    """``director``, ``character`` or ``world``."""
    round: int
    request: Request
    said: tuple[Said, ...] = ()
    """What was said this round so far."""
    character: Character | None = None
    """Who acts."""
    guidance: Mapping[str, str] = field(default_factory=dict)
    """``openGuidance``, ``directive``, ``entry`` and ``exit``, where there are any."""
    director_pass: int = 1
    acted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """An envelope, the prompt made of it, and where its tokens went."""

    envelope: Envelope
    messages: tuple[Message, ...]
    tokens: Mapping[str, int]
    """By section, with ``fixed`` and ``lastRound`` beside the seven that are shared out."""
    overflow: int = 0
    """Tokens by which fixed text and last round alone pass the budget; the last round is sent whole all the same."""

    @property
    def total(self) -> int:
        """Tokens of the prompt."""
        return sum(self.tokens.values())


@dataclass(frozen=True, slots=True)
class _Material:
    """All that could be told, before anything is cut."""

    last: tuple[Said, ...]
    older: tuple[Said, ...]
    lore: tuple[Lore, ...]
    memories: Mapping[str, tuple[str, ...]]
    notes: Mapping[str, str]
    summary: str
    bullets: tuple[Summary, ...]
    director: str
    character: bool

    @property
    def present(self) -> list[str]:
        """The sections that have something to say."""
        there = {
            "history": self.older,
            "summaries": self.summary or self.bullets,
            "lore": self.lore,
            "memories": any(self.memories.values()),
            "notes": self.notes,
            "director": self.director,
            "character": self.character,
        }
        return [name for name in SECTIONS if there[name]]


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What of it fits."""

    history: tuple[Said, ...]
    summary: str
    bullets: tuple[Summary, ...]
    lore: tuple[Lore, ...]
    memories: Mapping[str, tuple[str, ...]]
    notes: Mapping[str, str]
    guidance: Mapping[str, str]


def build_context(
    production: Production, state: State, need: Need, overrides: Mapping[str, Any] | None = None
) -> Context:
    """Return envelope and prompt of one turn.

    Completion and fixed text are subtracted from the budget first, then the last round, whole; what is left is shared
    out among the sections that have something to say. Two equal calls give equal bytes.

    Args:
        production: Scene, rules and profiles.
        state: Where the play stands.
        need: Whose turn it is.
        overrides: Fields of the envelope to put in place of what is found, by name.

    Raises:
        InvalidInput: An override of a field that there is not.
    """
    material = _material(production, state, need)
    present = material.present
    frame = _values(production, state, need)
    skeleton = {name: "…" for name in _PLACES if _SECTION_OF[name] in present}
    fixed = _fixed_tokens(production, need.agent, {**_EMPTY, **frame, **skeleton, "last_round": ""})
    spoken = sum(production.count(f"{one.line}\n") for one in material.last)
    rules = production.rules
    room = production.context_tokens - rules.completion_tokens - fixed - spoken
    caps = {**rules.caps, "lore": min(rules.lore_tokens, rules.caps.get("lore", rules.lore_tokens))}
    allocations = allocate(max(0, room), present, caps, rules.shares)
    fitted = _fit(production, material, need.guidance, allocations)
    overflow = max(0, -room)
    budget: dict[str, Any] = {
        "maxContextTokens": production.context_tokens,
        "completion": rules.completion_tokens,
        "fixed": fixed,
        "lastRound": spoken,
        "allocations": allocations,
        "caps": caps,
        "overflow": overflow,
    }
    envelope = _envelope(production, state, need, material, fitted, budget)
    if overrides:
        envelope = envelope.replace(overrides)
        frame = _values(production, state, need, envelope)
    lines = _sections(envelope)
    shared = {name: "\n".join(lines[name]) for name in _PLACES}
    spoken_last = _said_lines(envelope.last_round_messages)
    messages = production.render(need.agent, {**_EMPTY, **frame, **shared, "last_round": "\n".join(spoken_last)})
    tokens = {name: production.count(f"{text}\n") if text else 0 for name, text in shared.items()}
    tokens["character"] = tokens.pop("directive")
    return Context(envelope, messages, {"fixed": fixed, "lastRound": spoken, **tokens}, overflow)


_PLACES = ("history", "summaries", "lore", "memories", "notes", "director", "directive")
_SECTION_OF = {**dict.fromkeys(SECTIONS, ""), **{name: name for name in SECTIONS}, "directive": "character"}
_EMPTY: Mapping[str, Any] = dict.fromkeys(_PLACES, "")
_OWN = ("entry", "exit", "directive")
"""What of the guidance is for one character alone."""


def _fixed_tokens(production: Production, agent: str, values: Mapping[str, Any]) -> int:
    """Return the tokens of all that is not shared out: the prompt with empty sections, and the reply's schema."""
    text = sum(production.count(message.text) for message in production.render(agent, values))
    schema = production.schema(agent)
    return text + (production.count(schema.json.decode()) if schema is not None else 0)


# --- what could be told ---


def _material(production: Production, state: State, need: Need) -> _Material:
    last_round = state.last_round
    older = state.history[: len(state.history) - len(last_round)]
    last = (*last_round, *need.said)
    return _Material(
        last=last,
        older=older,
        lore=tuple(
            lore_for(production.scene.lore, (*older, *last)[-max(1, production.rules.lore_depth) :], production.rules)
        ),
        memories=_memories(production, state, need, last),
        notes={name: state.notes[name] for name in NOTES if state.notes.get(name)},
        summary=state.summary,
        bullets=state.bullets,
        director=need.guidance.get("openGuidance", ""),
        character=any(need.guidance.get(name) for name in _OWN),
    )


def _memories(production: Production, state: State, need: Need, last: Sequence[Said]) -> Mapping[str, tuple[str, ...]]:
    rules = production.rules
    query = query_of(last or need.said, rules)
    if not query:
        return {}
    if need.character is not None:
        one = need.character
        found = memories_for(query, one.memories, state.memories.get(one.name, ()), rules)
        return {one.name: tuple(found)} if found else {}
    left = rules.narrator_top_k
    told: dict[str, tuple[str, ...]] = {}
    for name in state.present:
        known = production.company.find(name)
        if known is not None and left > 0:
            own = memories_for(query, known.memories, state.memories.get(name, ()), rules, top=1)
            if own:
                told[name] = tuple(own)
                left -= 1
    return told


# --- what fits ---


def _fit(
    production: Production, material: _Material, guidance: Mapping[str, str], allocations: Mapping[str, int]
) -> _Fitted:
    count = production.count
    left = allocations["summaries"]
    summary = material.summary if material.summary and count(f"{material.summary}\n") <= left else ""
    left -= count(f"{summary}\n") if summary else 0
    told = {"openGuidance": cut_to(guidance.get("openGuidance", ""), allocations["director"], count)}
    room = allocations["character"]
    for name in _OWN:
        told[name] = cut_to(guidance.get(name, ""), room, count)
        room -= count(f"{told[name]}\n") if told[name] else 0
    return _Fitted(
        history=newest_that_fit(material.older, allocations["history"], lambda one: count(f"{one.line}\n")),
        summary=summary,
        bullets=newest_that_fit(
            material.bullets, left, lambda one: sum(count(f"{line}\n") for line in _bullets(one.to_dict()))
        ),
        lore=those_that_fit(material.lore, allocations["lore"], lambda one: count(f"{one.text}\n")),
        memories=memories_that_fit(material.memories, allocations["memories"], count),
        notes=notes_that_fit(material.notes, allocations["notes"], count),
        guidance={name: text for name, text in told.items() if text},
    )


# --- envelope and prompt ---


def _sections(envelope: Envelope) -> dict[str, tuple[str, ...]]:
    """Return the lines of each section as the envelope has them."""
    notes, memories = envelope.scenario_notes, envelope.memories
    guidance = envelope.director_guidance or {}
    several = len(memories) > 1
    found = {
        "history": _said_lines(envelope.history),
        "summaries": [
            *envelope.summarized_history,
            *(line for one in envelope.per_round_summaries for line in _bullets(one)),
        ],
        "lore": [envelope.formatted_lore],
        "memories": [
            f"- {name}: {text}" if several else f"- {text}" for name, some in memories.items() for text in some
        ],
        "notes": [f"{name.capitalize()}: {notes[name]}" for name in NOTES if name in notes],
        "director": [guidance.get("openGuidance", "")],
        "directive": [guidance.get(name, "") for name in _OWN],
    }
    return {name: tuple(line for line in lines if line) for name, lines in found.items()}


def _said_lines(messages: Iterable[Mapping[str, Any]]) -> list[str]:
    return [spoken_line(one["speaker"], one["text"]) for one in messages]


def _bullets(one: Mapping[str, Any]) -> list[str]:
    return [f"- round {one['roundNumber']}: {bullet}" for bullet in one["bullets"]]


def _envelope(
    production: Production, state: State, need: Need, material: _Material, fitted: _Fitted, budget: Mapping[str, Any]
) -> Envelope:
    rules, scene = production.rules, production.scene
    directing = need.agent == "director"
    later = directing and need.director_pass > 1
    own = need.character.name if need.character is not None else None
    return Envelope(
        request_type=need.request,
        scene_id=scene.id,
        round_number=need.round,
        history_window=rules.history_window,
        summarization_trigger=rules.summarization_trigger,
        history=tuple(one.to_dict() for one in fitted.history),
        summarized_history=(fitted.summary,) if fitted.summary else (),
        per_round_summaries=tuple(one.to_dict() for one in fitted.bullets),
        last_round_messages=tuple(one.to_dict() for one in material.last),
        lore=tuple(one.to_dict() for one in fitted.lore),
        formatted_lore="\n".join(one.text for one in fitted.lore),
        memories=fitted.memories,
        scenario_notes=fitted.notes,
        persona=_person(scene.user, state, whole=True) if scene.user is not None else None,
        characters=tuple(
            _person(one, state, whole=own is None or one.name == own)
            for one in production.company
            if directing or one.name in state.present or one.name == own
        ),
        character_states={
            name: dict(held) for name, held in state.characters.items() if own is None or name in state.present
        },
        world_state=dict(state.world),
        trackers={} if own is not None else dict(state.trackers),
        director_guidance=None if directing else fitted.guidance,
        token_budget=budget,
        director_pass=need.director_pass if later else None,
        recent_character_responses=tuple(
            {"character": one.speaker, "response": one.text} for one in need.said if one.speaker in need.acted
        )
        if later
        else None,
        acted_this_round=need.acted if later else None,
    )


def _person(one: Character, state: State, *, whole: bool) -> dict[str, Any]:
    """Return a character as the envelope tells it; others are told what everybody knows."""
    told: dict[str, Any] = {"id": one.id, "name": one.name, "description": one.description}
    if whole:
        told |= {
            "personality": one.personality,
            "goals": list(one.goals),
            "mood": state.known_of(one.name).get("mood", one.mood),
        }
    return {**told, "state": {key: text for key, text in state.known_of(one.name).items() if whole or key in _SEEN}}


def _values(production: Production, state: State, need: Need, envelope: Envelope | None = None) -> dict[str, Any]:
    """Return what the prompt is told outside the shared sections."""
    states = state.characters if envelope is None else envelope.character_states
    world = state.world if envelope is None else envelope.world_state
    trackers = state.trackers if envelope is None else envelope.trackers
    one = need.character
    values: dict[str, Any] = {
        "world": _pairs(world),
        "states": _states(states, state.present, one.name if one is not None else None),
        "round": need.round,
    }
    if one is not None:
        return {**values, "you": one.name, "portrait": one.told}
    names = production.company.names
    return {
        **values,
        "trackers": _pairs(trackers),
        "present": [name for name in names if name in state.present],
        "absent": [name for name in names if name not in state.present],
        "acted": list(need.acted) if need.director_pass > 1 else None,
    }


def _pairs(values: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in values.items())


def _states(states: Mapping[str, Mapping[str, Any]], present: Sequence[str], own: str | None) -> str:
    lines = []
    for name in present:
        keys = MOODS if own in (None, name) else _SEEN
        known = [f"{key} {text}" for key in keys if (text := states.get(name, {}).get(key))]
        if known:
            lines.append(f"- {name}{' (you)' if own == name else ''}: {'; '.join(known)}")
    return "\n".join(lines)
