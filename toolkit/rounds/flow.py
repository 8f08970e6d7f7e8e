"""One round: the director plans, characters act in order, the director reconciles, all of it is written once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.engine import Outcome
from toolkit.errors import AuthFailed, CallTimeout, ModelUnavailable, ProviderDown, RateLimited
from toolkit.rounds.acting import Guidance, Stage, act
from toolkit.rounds.chronicle import Chronicle, Tell
from toolkit.rounds.context import Need, build_context
from toolkit.rounds.direction import direct, direction_record, undirected
from toolkit.rounds.director import Plan, apply_moves, apply_updates
from toolkit.rounds.judge import judge
from toolkit.rounds.ordering import Actor
from toolkit.rounds.production import Production
from toolkit.rounds.state import FLAGS, Said, State, after_of
from toolkit.rounds.steps import Ask, Steps, ask
from toolkit.rounds.summary import minutes
from toolkit.rounds.templates import failed_validation
from toolkit.rounds.world import apply_world, read_world, world_normalised

__all__ = ["Played", "play_round"]

_OUT_OF_REACH = (AuthFailed, CallTimeout, ModelUnavailable, ProviderDown, RateLimited)
"""Failures that say nothing about the play: the model was not to be had."""
USER = "User"
"""Who speaks for the researcher where the scene has no user."""


@dataclass(frozen=True, slots=True)
class Played:
    """A round that was played."""

    record: Mapping[str, Any]
    """The timeline of the round."""
    after: Mapping[str, Any]
    """What it leaves behind, see ``State.advance``."""
    outcomes: tuple[Outcome, ...]
    """How each of its calls ended."""
    reached: bool
    """Whether the statement that ends the play was judged true."""
    completed: Callable[[], None]
    """Says to listeners that the round is over; called once it is written."""

    @property
    def out_of_reach(self) -> bool:
        """Whether no call of it got through: such a round is not written, and the play stops there."""
        return bool(self.outcomes) and all(isinstance(one.error, _OUT_OF_REACH) for one in self.outcomes)


def play_round(
    production: Production,
    state: State,
    number: int,
    user: str,
    tell: Tell | None = None,
    branched: Mapping[str, Any] | None = None,
) -> Steps[Played]:
    """Play one round.

    Args:
        production: Scene, rules and profiles.
        state: Where the play stands.
        number: The round, from 1.
        user: What the user says in it; empty for a continuation.
        tell: Where events go.
        branched: What was changed before it, where another play goes on from here.
    """
    played = _Round(production, state, number, user, tell)
    if branched is not None:
        played.changed(branched)
    return (yield from played.go())


class _Round:
    def __init__(self, production: Production, state: State, number: int, user: str, tell: Tell | None) -> None:
        self._production = production
        self._number = number
        self._chronicle = Chronicle(production.scene.id, number, tell, world=production.label.rstrip("/"))
        self._before = state
        spoken = (Said(number, production.scene.user.name if production.scene.user else USER, user),) if user else ()
        self._user = user
        self._stage = Stage(
            production=production,
            chronicle=self._chronicle,
            state=_begun(state),
            number=number,
            request="user" if user else "continuation",
            said=spoken,
        )
        self._record: dict[str, Any] = {}
        self._changed: dict[str, Any] = {}

    def changed(self, change: Mapping[str, Any]) -> None:
        """Write down what was changed before the round."""
        self._chronicle.note("branched", **{"from": self._number - 1}, change=dict(change))
        self._changed = {"notes": dict(self._before.notes)}

    def go(self) -> Steps[Played]:
        stage, chronicle = self._stage, self._chronicle
        chronicle.event("roundStarted", requestType=stage.request, user=self._user, speaker=stage.user)
        plan = yield from self._first_pass()
        yield from act(stage, plan.actors, _guidance(plan))
        follow_up = yield from self._later_passes()
        world = yield from self._world()
        made = yield from minutes(
            self._production, self._number, stage.state.summary, (*self._before.pending, *stage.said)
        )
        stage.heard(made.outcomes)
        for item, tokens in made.prompts:
            stage.prompted("summary", item, tokens)
        until = yield from judge(stage)
        state = dataclasses.replace(stage.state, round=self._number)
        chronicle.event(
            "sceneUpdated",
            activeCharacters=list(state.present),
            worldState=dict(state.world),
            trackers=dict(state.trackers),
        )
        ending = {"nextRoundNumber": self._number + 1, "activeCharacters": list(state.present)}
        chronicle.note("roundCompleted", **ending)
        record = {
            "roundNumber": self._number,
            "auditLog": chronicle.log,
            "directorPass1": self._record["directorPass1"],
            "characterResponses": stage.responses,
            "worldAgent": world,
            **{name: one for name, one in self._record.items() if name != "directorPass1"},
            "followupCharacterPass": follow_up,
            "roundMetadata": {
                **self._metadata(state),
                "summary": made.summary if made.summarised else None,
                "perRoundSummaries": [one.to_dict() for one in made.bullets],
                "until": until,
                "prompts": stage.prompts,
            },
        }
        after = after_of(
            state, messages=stage.said, summary=made.summary, bullets=made.bullets, summarised=made.summarised
        )
        return Played(
            record,
            {**after, **self._changed},
            tuple(stage.outcomes),
            reached=bool(until and until["holds"]),
            completed=lambda: chronicle.announce("roundCompleted", **ending),
        )

    # --- the director ---

    def _first_pass(self) -> Steps[Plan]:
        stage = self._stage
        if not self._production.rules.director:
            plan, why = undirected(stage), "the director is off"
            self._record["directorPass1"] = direction_record(plan, raw=None, fallback=why)
            stage.chronicle.note("fallbackOrder", reason=why, actors=[one.name for one in plan.actors])
            return plan
        plan, record = yield from direct(stage, 1)
        self._record["directorPass1"] = record
        leaving = plan.deactivations
        stage.state = apply_updates(stage.state, plan.updates)
        stage.state = apply_moves(stage.state, self._production.company, plan.activations, leaving)
        self._told(plan, entered=plan.activations, left=leaving)
        return plan

    def _later_passes(self) -> Steps[dict[str, Any]]:
        """Let the director reconcile, and queue who should still act as far as passes are allowed."""
        rules, stage = self._production.rules, self._stage
        if not rules.director or rules.max_director_passes == 1:
            why = "one pass is allowed" if rules.director else "the director is off"
            self._record["directorPass2"] = {"enabled": False, "reason": why}
            return {"queued": False, "actors": [], "reason": why}
        queued: list[str] = []
        for number in range(2, rules.max_director_passes + 1):
            plan, record = yield from direct(stage, number)
            self._record[f"directorPass{number}"] = record
            stage.state = apply_updates(stage.state, plan.updates)
            stage.state = apply_moves(stage.state, self._production.company, plan.new_activations, plan.deactivations)
            arriving = (*stage.state.arriving, *(one.name for one in plan.new_activations))
            stage.state = dataclasses.replace(stage.state, arriving=tuple(dict.fromkeys(arriving)))
            self._told(plan, entered=plan.new_activations, left=plan.deactivations)
            left = [name for name in plan.remaining if name not in stage.acted and name in stage.state.present]
            if not left:
                return {"queued": bool(queued), "actors": queued, "reason": "" if queued else "nobody remains"}
            if number == rules.max_director_passes:
                stage.chronicle.note("guardrail", actors=left, maxDirectorPasses=rules.max_director_passes)
                return {"queued": bool(queued), "actors": queued, "reason": "guardrail", "left": left}
            stage.chronicle.event("remainingActorsQueued", actors=left)
            queued += left
            yield from act(stage, [Actor(name) for name in left], {})
        return {"queued": bool(queued), "actors": queued, "reason": ""}

    def _told(self, plan: Plan, *, entered: Sequence[Any], left: Sequence[Any]) -> None:
        if entered or left:
            self._chronicle.event(
                "activeCharactersUpdated",
                activeCharacters=list(self._stage.state.present),
                entered=[one.name for one in entered],
                exited=[one.name for one in left],
            )
        if plan.updates:
            self._chronicle.event("stateUpdated", by="director", updates=[one.to_dict() for one in plan.updates])

    # --- the world ---

    def _world(self) -> Steps[dict[str, Any]]:
        stage, production = self._stage, self._production
        if not production.rules.world:
            return {"enabled": False, "reason": "off"}
        profile = production.profiles["world"]
        self._chronicle.event("worldUpdateStarted")
        need = Need("world", self._number, stage.request, said=stage.said, acted=tuple(stage.acted))
        context = build_context(production, stage.state, need)
        item = f"r{self._number}/world"
        stage.prompted("world", item, context.tokens, context.overflow)
        call = production.call("world", item, context.messages)
        outcome = yield from ask(Ask(call, lambda text: read_world(text, profile), profile.attempts))
        stage.heard([outcome])
        if not outcome.ok:
            text = outcome.reply.text if outcome.reply is not None else ""
            parsed = failed_validation(text, profile, world_normalised) if text else {"error": outcome.kind}
            self._chronicle.event("worldUpdateCompleted", error=str(outcome.error))
            return {"enabled": True, "parsed": parsed}
        stage.state = apply_world(stage.state, outcome.value.value, production.scene.trackers)
        self._chronicle.event(
            "worldUpdateCompleted", worldState=dict(stage.state.world), trackers=dict(stage.state.trackers)
        )
        return {"enabled": True, "parsed": outcome.value.value}

    def _metadata(self, state: State) -> dict[str, Any]:
        def flagged(flag: str) -> list[str]:
            return [name for name, held in state.characters.items() if held.get(flag)]

        return {
            "requestType": self._stage.request,
            "user": {"speaker": self._stage.user, "text": self._user} if self._user else None,
            "activeCharacters": list(state.present),
            "actedThisRound": list(self._stage.acted),
            "entered": flagged("enteredThisRound"),
            "exited": flagged("exitedThisRound"),
            "characterStates": {name: dict(held) for name, held in state.characters.items()},
            "worldState": dict(state.world),
            "trackers": dict(state.trackers),
        }


def _begun(state: State) -> State:
    """Return the state with the flags of the round before taken off."""
    down = dict.fromkeys(FLAGS, False)
    return dataclasses.replace(
        state,
        characters={name: {**held, **down} for name, held in state.characters.items()},
        arriving=tuple(name for name in state.arriving if name in state.present),
    )


def _guidance(plan: Plan) -> Mapping[str, Guidance]:
    """Return what each actor of a plan is told, its own guidance only."""
    entering = {one.name: one.guidance for one in plan.activations}
    leaving = {one.name: one.guidance for one in plan.deactivations}
    return {
        one.name: Guidance(
            open=plan.open_guidance,
            directive=one.guidance,
            entering=entering.get(one.name),
            leaving=leaving.get(one.name),
        )
        for one in plan.actors
    }
