"""What stays the same through a play: scene, rules, profiles, prompts, seed, and who answers."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import orjson

from toolkit import prompts
from toolkit.models import Abilities, Call, Message, Schema
from toolkit.rounds.cast import Cast
from toolkit.rounds.profile import Profile, sent_schema
from toolkit.rounds.rules import Rules
from toolkit.rounds.scene import Scene
from toolkit.rounds.shares import Counter
from toolkit.rounds.templates import reply_form
from toolkit.seeds import derive

__all__ = ["Production"]

_SEED_BITS = 31
"""Providers take seeds of 32 bits, some with a sign."""


@dataclass(frozen=True)
class Production:
    """A scene as it is played. Checked once; every round and every agent reads it."""

    scene: Scene
    rules: Rules
    profiles: Mapping[str, Profile]
    seed: int
    until: str = ""
    """A statement; once it is judged true, the play ends."""
    label: str = ""
    """Which world this is, where several are played; stands before the items of its calls."""
    abilities: Abilities = field(default=Abilities(), compare=False)

    def __post_init__(self) -> None:
        self.schema("director")  # a profile whose prompt is not there is refused before anything is asked

    @cached_property
    def company(self) -> Cast:
        """The cast, to find people in."""
        return self.scene.company()

    @cached_property
    def context_tokens(self) -> int:
        """Tokens of prompt and reply together."""
        return self.rules.context(self.abilities.context)

    @cached_property
    def count(self) -> Counter:
        """What counts the tokens of a text."""
        return self.rules.counter()

    @cached_property
    def fixed(self) -> dict[str, Any]:
        """What the system message of every agent is told, the same in every round."""
        return {
            "title": self.scene.title or self.scene.id,
            "cast": [one.to_dict() for one in self.company],
            "user": self.scene.user.to_dict() if self.scene.user is not None else None,
        }

    @cached_property
    def _asked(self) -> dict[str, tuple[prompts.Prompt, Schema | None]]:
        lists = {"cast-name": self.company.names, "tracker-name": tuple(self.scene.trackers)}
        told = orjson.dumps(self.fixed)
        found = {}
        for agent, profile in self.profiles.items():
            schema = None
            if profile.json_mode == "schema" and profile.json_schema is not None:
                schema = Schema(agent, sent_schema(profile.json_schema, profile.left_out, lists))
            found[agent] = _begun(profile.prompt, reply_form(profile), told), schema
        return found

    def schema(self, agent: str) -> Schema | None:
        """Return what the provider is to hold an agent's reply to."""
        return self._asked[agent][1]

    def render(self, agent: str, values: Mapping[str, Any]) -> tuple[Message, ...]:
        """Return an agent's prompt: what stays the same first, what varies last, the last round at the very end."""
        turns = self._asked[agent][0].render(**values)
        return tuple(Message(role, tuple(str(part) for part in parts)) for role, parts in turns)  # type: ignore[arg-type]

    def call(self, agent: str, item: str, messages: tuple[Message, ...]) -> Call:
        """Return the call of an agent's turn.

        Args:
            agent: Whose profile holds.
            item: The turn, for example ``r3/Ada Lee``.
            messages: The prompt.
        """
        return Call(
            messages=messages,
            schema=self._asked[agent][1],
            seed=self.draw(item),
            stage=f"rounds.{agent}",
            item=f"{self.label}{item}",
            family=self.family(agent),
            template=self._asked[agent][0].version,
        )

    def draw(self, item: str) -> int:
        """Return the seed of a turn."""
        return derive(self.seed, "rounds", self.scene.id, item) >> (63 - _SEED_BITS)

    def family(self, agent: str) -> str:
        """Return the name of the prompts that share a beginning."""
        return f"rounds.{agent}/{self.scene.digest}"

    def with_scene(self, scene: Scene) -> Production:
        """Return the same production of a scene that was changed."""
        return dataclasses.replace(self, scene=scene)

    def to_dict(self) -> dict[str, Any]:
        """Return all that decides what is asked, as JSON."""
        return {
            "scene": self.scene.to_dict(),
            "rules": self.rules.to_dict(),
            "profiles": {agent: profile.to_dict() for agent, profile in self.profiles.items()},
            "seed": self.seed,
            "until": self.until,
            "label": self.label,
        }

    def digest(self, *more: str) -> str:
        """Return sixteen hex digits that differ where anything that decides the play does.

        Args:
            more: What decides it beside the production.
        """
        dump = orjson.dumps([self.to_dict(), *more], option=orjson.OPT_SORT_KEYS, default=str)
        return hashlib.sha256(dump).hexdigest()[:16]


@lru_cache(maxsize=256)
def _begun(prompt: str, form: str, told: bytes) -> prompts.Prompt:
    """Return a prompt with what stays the same filled in; many worlds of one scene share it."""
    return prompts.load(prompt).begun(**orjson.loads(told), reply_form=form)
