"""A director's pass: it is asked, its reply is read, and where it cannot be read a fixed order stands in."""

from __future__ import annotations

from typing import Any

from toolkit.engine import Outcome
from toolkit.rounds.acting import Stage
from toolkit.rounds.context import Need, build_context
from toolkit.rounds.director import Plan, normalised, read_plan
from toolkit.rounds.ordering import fixed_order
from toolkit.rounds.steps import Ask, Steps, ask
from toolkit.rounds.templates import failed_validation

__all__ = ["direct", "direction_record", "undirected"]


def direct(stage: Stage, number: int) -> Steps[tuple[Plan, dict[str, Any]]]:
    """Ask the director.

    Args:
        stage: The round.
        number: The pass: 1 before the characters act, 2 and above after they have.
    """
    production, chronicle = stage.production, stage.chronicle
    profile, later = production.profiles["director"], number > 1
    item = f"r{stage.number}/director" if number == 1 else f"r{stage.number}/director-{number}"
    chronicle.event("directorPassStarted", **{"pass": number})
    need = Need(
        "director", stage.number, stage.request, said=stage.said, director_pass=number, acted=tuple(stage.acted)
    )
    context = build_context(production, stage.state, need)
    stage.prompted("director", item, context.tokens, context.overflow)
    state, company = stage.state, production.company
    outcome = yield from ask(
        Ask(
            production.call("director", item, context.messages),
            lambda text: read_plan(text, profile, company, state, later=later),
            profile.attempts,
        )
    )
    stage.heard([outcome])
    chronicle.event("agentStatus", agent="director", status="done" if outcome.ok else "failed")
    plan, record = _taken(stage, outcome, number)
    chronicle.event(
        "directorPassCompleted",
        **{"pass": number},
        orderedActors=record["orderedActors"],
        activations=[one["name"] for one in record["activations"]],
        deactivations=[one["name"] for one in record["deactivations"]],
    )
    return plan, record


def undirected(stage: Stage) -> Plan:
    """Return the plan where there is no director: everyone present acts, those who were named last first."""
    said = stage.said or stage.state.last_round
    return Plan({}, actors=tuple(fixed_order(stage.state.present, (one.text for one in said))))


def direction_record(plan: Plan, *, raw: str | None, fallback: str = "", later: bool = False) -> dict[str, Any]:
    """Return what a pass leaves in the timeline."""
    record: dict[str, Any] = {
        "rawOutput": raw,
        "plan": dict(plan.value) or None,
        "orderedActors": list(plan.remaining) if later else [one.name for one in plan.actors],
        "activations": [{"name": one.name, "guidance": one.guidance} for one in plan.activations],
        "deactivations": [{"name": one.name, "guidance": one.guidance} for one in plan.deactivations],
        "stateUpdates": [one.to_dict() for one in plan.updates],
    }
    if later:
        record["remainingActors"] = list(plan.remaining)
        record["newActivations"] = [{"name": one.name, "guidance": one.guidance} for one in plan.new_activations]
    if plan.dropped:
        record["dropped"] = list(plan.dropped)
    if fallback:
        record["fallback"] = fallback
    return record


def _taken(stage: Stage, outcome: Outcome, number: int) -> tuple[Plan, dict[str, Any]]:
    later = number > 1
    raw = outcome.reply.text if outcome.reply is not None else None
    if outcome.ok:
        plan: Plan = outcome.value
        return plan, direction_record(plan, raw=raw, later=later)
    why = str(outcome.error)
    plan = Plan({}) if later else undirected(stage)
    record = direction_record(plan, raw=raw, fallback=why, later=later)
    if raw is not None:
        fault = failed_validation(raw, stage.production.profiles["director"], normalised)
        record |= fault if fault["errors"] else {"error": outcome.kind, "errors": [why]}
    if not later:
        stage.chronicle.note("fallbackOrder", reason=why, actors=record["orderedActors"])
    return plan, record
