"""Playing: the verbs that play a scene, and how a play goes on from a round."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.engine import Budget
from toolkit.errors import Incomplete, InvalidInput
from toolkit.lab import current_lab
from toolkit.rounds.arguments import checked_rounds, checked_rules, checked_scene, checked_seed, checked_until
from toolkit.rounds.kept import numbered
from toolkit.rounds.lines import lines_of
from toolkit.rounds.play import Play
from toolkit.rounds.play_job import PlayJob
from toolkit.rounds.production import Production
from toolkit.rounds.profile import Profile, profiles_of
from toolkit.rounds.rules import Rules
from toolkit.rounds.scene import Scene
from toolkit.verbs import Job, verb
from toolkit.verbs.job import run_blocking

if TYPE_CHECKING:
    from toolkit.lab import Lab

__all__ = ["branch_of", "continue_round", "production_of", "run_rounds"]


@verb
def run_rounds(
    scene: Scene | str | Path | Mapping[str, Any],
    cast: Any = None,
    *,
    rounds: int = 3,
    user: Any = None,
    until: str = "",
    director: bool | None = None,
    world: bool | None = None,
    rules: Rules | Mapping[str, Any] | None = None,
    profiles: Mapping[str, Any] | None = None,
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
    allow_partial: bool = False,
) -> Job[Play]:
    """Play a scene: in each round a director plans, characters act in order, and the director reconciles.

    Each round is written to the study once, when it is over; a play that was stopped or killed goes on after the last
    round that is there, and what was answered costs nothing.

    Args:
        scene: A ``Scene``, the name of a shipped one (``"focus-group"``, ``"negotiation"``, ``"story"``), the path of a
            YAML or JSON file, or a mapping.
        cast: Who can be on stage: a panel, personas, or mappings with a name; the scene's own cast when not given.
        rounds: How many at most, from 1.
        user: What the user says: a text for the first round, several for one round after the other, or texts by round
            number; the scene's script when not given, ``""`` for nothing at all.
        until: A statement about the play; once the model judges it true after a round, the play ends.
        director: Off, everyone present acts in a fixed order; the rules' own when not given.
        world: Whether an agent of its own keeps world state and trackers; the rules' own when not given.
        rules: ``Rules(…)`` or a mapping of them: token budget and shares, windows, caps, passes.
        profiles: Agents' profiles in place of the shipped ones: by agent a path, a mapping or a ``Profile``.
        seed: For the model's draws; the lab's when not given.
        lab: Where; the current lab when not given.
        budget: What this run may spend: ``"2 USD"``, ``"50_000 tokens"``, ``"100 requests"``; once it is reached the
            play ends with the round before.
        strict: Raise ``Incomplete`` at the end when any turn failed.
        allow_partial: Accept a panel that is incomplete.

    Returns:
        ``Play``: ``frame`` (one row a turn), ``timeline``, ``tokens()``, ``extract``, ``branch``. A turn that failed
        is a row of ``errors``; the round goes on without it.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        Interrupted: ■ was pressed; the rounds that are over are in ``.result``.

    Example:
        >>> play = run_rounds("negotiation", rounds=2, lab=lab)
        >>> list(play.frame.columns[:4])
        ['round', 'turn', 'speaker', 'role']
    """
    found = checked_scene(scene)
    if cast is not None:
        found = found.with_cast(cast, allow_partial=allow_partial)
    where = current_lab(lab)
    checked_rounds(rounds)
    production = Production(
        scene=found,
        rules=checked_rules(rules, director=director, world=world),
        profiles=profiles_of(profiles),
        seed=checked_seed(seed, where),
        until=checked_until(until),
        abilities=where.abilities,
    )
    lines = lines_of(user, found.script)
    return PlayJob(where, production, rounds=rounds, lines=lines, strict=strict, budget=budget)


@verb
def continue_round(
    play: Play,
    user: Any = None,
    *,
    rounds: int = 1,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
    allow_partial: bool = False,
) -> Job[Play]:
    """Play on where a play ended, by the same rules; without ``user`` a continuation, in which the user says nothing.

    Args:
        play: What was played; stays as it is.
        user: What the user says, see ``run_rounds``; the scene's script is not looked at.
        rounds: How many further rounds, from 1.
        lab: Where; the play's own, else the current lab when not given.
        budget: What this run may spend.
        strict: Raise ``Incomplete`` at the end when any turn failed.
        allow_partial: Accept a play that is incomplete.

    Returns:
        A ``Play`` of all rounds.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        Incomplete: The play is incomplete.
        Interrupted: ■ was pressed; the rounds that are over are in ``.result``.

    Example:
        >>> play = run_rounds("negotiation", rounds=1, lab=lab)
        >>> len(continue_round(play, "Please come to numbers.", lab=lab))
        2
    """
    if not isinstance(play, Play):
        raise InvalidInput(f"the play is {type(play).__name__}", hint="Give what run_rounds returned.")
    if not play.complete and not allow_partial:
        raise Incomplete(
            f"the play is incomplete: {len(play):,} rounds were played",
            hint="play.resume() plays the rest; allow_partial=True goes on from the last round.",
            result=play,
        )
    checked_rounds(rounds)
    where = current_lab(lab or play.lab)
    first = len(play) + 1
    return PlayJob(
        where,
        dataclasses.replace(play.production, abilities=where.abilities),
        rounds=rounds,
        lines=lines_of(user, (), first=first),
        origin=play.rounds,
        play_id=play.id,
        strict=strict,
        budget=budget,
        name="continue_round",
    )


# --- going on ---


def branch_of(
    play: Play,
    number: int,
    change: Mapping[str, Any],
    *,
    rounds: int | None,
    user: Any,
    seed: int | None,
    lab: Lab | None,
    budget: str | Budget | None,
    strict: bool,
) -> Play:
    """Play on from a round of a play; see ``Play.branch``."""
    if number != 0:
        numbered(play.rounds, number)
    more = len(play) - number if rounds is None else rounds
    if more < 1:
        raise InvalidInput(f"round {number} is the last one, so nothing is left to play", hint="Say rounds=1, say.")
    checked_rounds(more)
    where = current_lab(lab)
    production = dataclasses.replace(
        play.production,
        seed=play.production.seed if seed is None else checked_seed(seed, where),
        abilities=where.abilities,
    )
    lines = _lines_after(play, number) if user is None else lines_of(user, (), first=number + 1)
    return run_blocking(
        PlayJob(
            where,
            production,
            rounds=more,
            lines=lines,
            origin=play.rounds[:number],
            change=change,
            strict=strict,
            budget=budget,
            name="branch",
        )
    )


def _lines_after(play: Play, number: int) -> dict[int, str]:
    """Return what the user said in the rounds after one, so that only what was changed differs."""
    told = ((one.number, one.record["roundMetadata"]["user"]) for one in play.rounds[number:])
    return {place: said["text"] for place, said in told if said is not None}


def production_of(body: Any, where: str) -> Production:
    """Return the production that a play's file says.

    Raises:
        InvalidInput: It says none.
    """
    try:
        return Production(
            scene=Scene.from_dict(body["scene"]),
            rules=Rules.from_dict(body["rules"]),
            profiles={
                agent: Profile(**{**one, "left_out": tuple(one["left_out"])}) for agent, one in body["profiles"].items()
            },
            seed=int(body["seed"]),
            until=str(body["until"]),
            label=str(body["label"]),
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{where} does not say what was played", hint="Restore the file.") from error
