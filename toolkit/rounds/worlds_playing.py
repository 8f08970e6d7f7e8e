"""Many worlds at once: the verb that plays one scene under several conditions, with several casts, several times."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.engine import Budget
from toolkit.lab import current_lab
from toolkit.rounds.arguments import checked_rounds, checked_rules, checked_scene, checked_seed, checked_until
from toolkit.rounds.conditions import casts_of, conditions_of, staged, worlds_of
from toolkit.rounds.lines import lines_of
from toolkit.rounds.play_job import PlayJob
from toolkit.rounds.production import Production
from toolkit.rounds.profile import profiles_of
from toolkit.rounds.rules import Rules
from toolkit.rounds.scene import Scene
from toolkit.rounds.worlds import Worlds
from toolkit.rounds.worlds_job import WorldsJob
from toolkit.seeds import derive
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    from toolkit.lab import Lab

__all__ = ["run_worlds"]


@verb
def run_worlds(
    scene: Scene | str | Path | Mapping[str, Any],
    casts: Any = None,
    conditions: Mapping[str, Any] | None = None,
    repeats: int = 1,
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
) -> Job[Worlds]:
    """Play many independent worlds of one scene at once: each cast under each condition, as often as is asked for.

    Each world has a seed, a state and a file of its own, and what fails in one leaves the others alone. No two worlds
    share a reply, so they are independent draws. As many are at work at once as calls may be in flight
    (``Lab(concurrency=…)``); a play that was stopped or killed goes on after the last round that is there.
    A kill costs each world at most the one reply that was on its way to the disk.

    Args:
        scene: As for ``run_rounds``.
        casts: One cast (a panel, personas, mappings with a name); several by name, ``{"young": panel_1, …}``, or in a
            list; the scene's own when not given.
        conditions: What each changes of the scene, by name: ``{"control": {}, "storm": {"world": {"weather":
            "storm"}}}``. ``notes``, ``world``, ``trackers`` and ``states`` keep what is not named; ``title``,
            ``present``, ``user``, ``script`` and ``lore`` are replaced.
        repeats: Worlds of each cast and condition, from 1.
        rounds: How many rounds in each at most, from 1.
        user: What the user says, see ``run_rounds``; each condition's script when not given.
        until: A statement; a world in which it is judged true ends there.
        director: Off, everyone present acts in a fixed order; the rules' own when not given.
        world: Whether an agent of its own keeps world state and trackers; the rules' own when not given.
        rules: ``Rules(…)`` or a mapping of them.
        profiles: Agents' profiles in place of the shipped ones.
        seed: Of all draws; the lab's when not given. Each world's is derived from it and the world's name.
        lab: Where; the current lab when not given.
        budget: What all worlds together may spend; once it is reached, each ends with the round before.
        strict: Raise ``Incomplete`` at the end when any turn failed.
        allow_partial: Accept a panel that is incomplete.

    Returns:
        ``Worlds``: ``frame`` (world, cast, condition, repeat, then one row a turn), ``summary()``, ``extract``; the
        plays by place or by name.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        Interrupted: ■ was pressed; the rounds that are over are in ``.result``.

    Example:
        >>> from toolkit.rounds import run_worlds
        >>> storm = {"control": {}, "storm": {"notes": {"scene": "A storm shakes the house."}}}
        >>> worlds = run_worlds("negotiation", conditions=storm, repeats=2, rounds=1, lab=lab)
        >>> [one.name for one in worlds.worlds]
        ['control/1', 'storm/1', 'control/2', 'storm/2']
    """
    bare = checked_scene(scene)
    people, changes = casts_of(casts), conditions_of(conditions)
    where = current_lab(lab)
    own = checked_seed(seed, where)
    checked_rounds(rounds)
    checked_rounds(repeats, "repeats")
    rules = checked_rules(rules, director=director, world=world)
    agents, ends = profiles_of(profiles), checked_until(until)
    stages: dict[tuple[str, str], Scene] = {}
    for cast_name, cast in people.items():
        with_cast = bare if cast is None else bare.with_cast(cast, allow_partial=allow_partial)
        for condition, change in changes.items():
            stages[cast_name, condition] = staged(with_cast, condition, change)
    plays = []
    for one in worlds_of(people, changes, repeats):
        production = Production(
            scene=stages[one.cast, one.condition],
            rules=rules,
            profiles=agents,
            seed=derive(own, "worlds", one.cast, one.condition, one.repeat),
            until=ends,
            label=f"{one.name}/",
            abilities=where.abilities,
        )
        lines = lines_of(user, production.scene.script)
        plays.append((one, PlayJob(where, production, rounds=rounds, lines=lines)))
    return WorldsJob(where, plays, seed=own, strict=strict, budget=budget)
