"""Acting: characters take their turns in order, each knowing what changed, those of a parallel group at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit import prompts
from toolkit.engine import Outcome
from toolkit.rounds.cast import Character
from toolkit.rounds.character import Turn, apply_turn, character_normalised, read_turn
from toolkit.rounds.chronicle import Chronicle
from toolkit.rounds.context import Need, build_context
from toolkit.rounds.envelope import Request
from toolkit.rounds.ordering import Actor, groups
from toolkit.rounds.production import Production
from toolkit.rounds.state import Said, State
from toolkit.rounds.steps import Ask, Steps
from toolkit.rounds.templates import failed_validation

__all__ = ["Guidance", "Stage", "act"]

_PREVIEW = 120
"""Characters of a response in an event."""


@dataclass(frozen=True, slots=True)
class Guidance:
    """What one actor is told by the director."""

    open: str = ""
    directive: str = ""
    entering: str | None = None
    """The director's words on how to enter; ``None`` for one who does not."""
    leaving: str | None = None


@dataclass(slots=True)
class Stage:
    """A round while it is played."""

    production: Production
    chronicle: Chronicle
    state: State
    number: int
    request: Request
    said: tuple[Said, ...] = ()
    """What was said this round so far."""
    acted: list[str] = field(default_factory=list)
    responses: list[dict[str, Any]] = field(default_factory=list)
    prompts: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def user(self) -> str:
        """Who spoke for the researcher."""
        return self.said[0].speaker if self.request == "user" else ""

    def heard(self, outcomes: Iterable[Outcome]) -> None:
        """Keep how calls ended, and when."""
        ended = list(outcomes)
        self.outcomes += ended
        self.chronicle.heard(one.reply for one in ended)

    def prompted(self, agent: str, item: str, tokens: Mapping[str, int], overflow: int = 0) -> None:
        """Keep where the tokens of a prompt went, and by how many it passes the budget."""
        self.prompts.append({"agent": agent, "item": item, "sections": dict(tokens), "overflow": overflow})
        if overflow:
            self.chronicle.note("contextOverflow", agent=agent, tokens=overflow)


def act(stage: Stage, actors: Sequence[Actor], guidance: Mapping[str, Guidance]) -> Steps[None]:
    """Let actors take their turns.

    Args:
        stage: The round.
        actors: Who acts, in order.
        guidance: What each of them is told, by name.
    """
    for group in groups(actors):
        turns = [_Turn(stage, one, guidance.get(one.name, Guidance())) for one in group]
        outcomes = yield tuple(turn.ask() for turn in turns)
        stage.heard(outcomes)
        for turn, outcome in zip(turns, outcomes, strict=True):
            turn.take(outcome)


class _Turn:
    """One character's turn."""

    def __init__(self, stage: Stage, actor: Actor, guidance: Guidance) -> None:
        self._stage = stage
        found = stage.production.company.find(actor.name)
        self._character: Character = found if found is not None else Character(actor.name)
        self._told = _told(self._character, guidance, arriving=actor.name in stage.state.arriving)

    def ask(self) -> Ask:
        """Return what the character is asked."""
        stage, one = self._stage, self._character
        production = stage.production
        need = Need("character", stage.number, stage.request, said=stage.said, character=one, guidance=self._told)
        context = build_context(production, stage.state, need)
        item = f"r{stage.number}/{one.name}"
        stage.chronicle.event("characterRunStarted", character=one.name)
        stage.prompted(one.name, item, context.tokens, context.overflow)
        profile = production.profiles["character"]
        return Ask(
            production.call("character", item, context.messages),
            lambda text: read_turn(text, profile),
            profile.attempts,
        )

    def take(self, outcome: Outcome) -> None:
        """Take the reply into the round; one that failed costs the turn, not the round."""
        name, chronicle = self._character.name, self._stage.chronicle
        chronicle.event("agentStatus", agent=name, status="done" if outcome.ok else "failed")
        if outcome.ok:
            self._act(outcome.value)
            return
        profile = self._stage.production.profiles["character"]
        text = outcome.reply.text if outcome.reply is not None else ""
        fault = (
            failed_validation(text, profile, character_normalised) if text else {"error": outcome.kind, "errors": []}
        )
        if not fault["errors"] and outcome.error is not None:
            fault = {"error": outcome.kind, "errors": [str(outcome.error)]}
        self._stage.responses.append(
            {"character": name, "id": self._character.id, "response": None, **fault, **self._audit()}
        )
        chronicle.event(
            "characterRunCompleted", character=name, responsePreview="", state=self._state(), error=fault["error"]
        )

    def _act(self, turn: Turn) -> None:
        stage, name = self._stage, self._character.name
        stage.state = apply_turn(stage.state, name, turn)
        stage.said = (*stage.said, Said(stage.number, name, turn.response))
        stage.acted.append(name)
        stage.responses.append(
            {
                "character": name,
                "id": self._character.id,
                "response": turn.response,
                "state": dict(turn.stated),
                "inferred": dict(turn.inferred),
                "repaired": turn.repaired,
                **self._audit(),
            }
        )
        chronicle = stage.chronicle
        chronicle.event(
            "characterRunCompleted", character=name, responsePreview=turn.response[:_PREVIEW], state=self._state()
        )
        chronicle.event("characterResponse", character=name, response=turn.response)

    def _state(self) -> dict[str, Any]:
        return self._stage.state.known_of(self._character.name)

    def _audit(self) -> dict[str, Any]:
        """Return what the character was told, for the timeline alone."""
        return {"guidance": dict(self._told), "timestamp": self._stage.chronicle.now}


def _told(one: Character, guidance: Guidance, *, arriving: bool) -> dict[str, str]:
    told = {"openGuidance": guidance.open, "directive": guidance.directive}
    if guidance.entering is not None or arriving:
        told["entry"] = _moving("entry", one.entry, guidance.entering)
    if guidance.leaving is not None:
        told["exit"] = _moving("exit", one.exit, guidance.leaving)
    return {name: text for name, text in told.items() if text}


def _moving(which: str, authored: str, directed: str | None) -> str:
    """Return how to enter or leave: what is written for the character, then the director's words, else a fixed line."""
    words = " ".join(part.strip() for part in (authored, directed or "") if part.strip())
    return words or str(prompts.load(f"rounds.{which}").render()[0][1][0])
