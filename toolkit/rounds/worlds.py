"""Many worlds: the plays of one scene under several conditions, in one frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.display import Result
from toolkit.display.html import table
from toolkit.errors import Incomplete, InvalidInput
from toolkit.personas.attribute import nearest
from toolkit.rounds.conditions import World
from toolkit.rounds.play import Play
from toolkit.rounds.timeline import TURN_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.display.result import Failure
    from toolkit.engine import Budget
    from toolkit.lab import Lab
    from toolkit.rounds.worlds_extract import ExtractedWorlds

__all__ = ["WORLD_COLUMNS", "Worlds"]

WORLD_COLUMNS: Mapping[str, str] = {
    "world": "name of the world",
    "cast": "which cast played in it, from 1",
    "condition": "the condition under which it was played",
    "repeat": "which playing of the same, from 1",
}
"""Columns that say which world a row is of, and what they mean; they come first in every frame."""


class Worlds(Result):
    """The worlds that ``run_worlds`` played, in order. Immutable; index it by place or by a world's name.

    Columns of ``frame``: ``world`` (its name, ``control/1``), ``cast``, ``condition``, ``repeat``, then those of
    ``Play.frame``: one row a turn.

    Attributes:
        worlds: Which worlds they are.
        faults: What ended a world that was not the model's doing, by the world's name.

    Example:
        >>> from toolkit.rounds import run_worlds
        >>> both = run_worlds(
        ...     "negotiation", conditions={"calm": {}, "storm": {"world": {"weather": "storm"}}}, rounds=1
        ... )
        >>> len(both), both["storm/1"].scene.world["weather"]
        (2, 'storm')
        >>> both.frame["condition"].unique().tolist()
        ['calm', 'storm']
    """

    def __init__(
        self, *, worlds: Sequence[World], plays: Sequence[Play], faults: Mapping[str, Exception], **rest: Any
    ) -> None:
        super().__init__(**rest)
        self.worlds = tuple(worlds)
        self.faults = dict(faults)
        self._plays = dict(zip((one.name for one in worlds), plays, strict=True))

    def __len__(self) -> int:
        """Return how many worlds there are."""
        return len(self.worlds)

    def __getitem__(self, which: int | str) -> Play:
        """Return the play of one world.

        Raises:
            InvalidInput: There is no world of that name.
            IndexError: There is none at that place.
        """
        if isinstance(which, int):
            return self._plays[self.worlds[which].name]
        if which not in self._plays:
            raise InvalidInput(
                f"there is no world {which!r}", hint=f"There are {len(self)}{nearest(which, list(self._plays))}."
            )
        return self._plays[which]

    def __iter__(self) -> Iterator[Play]:
        """Yield the plays in order."""
        return iter(self._plays.values())

    @property
    def plays(self) -> dict[str, Play]:
        """The plays by the names of their worlds."""
        return dict(self._plays)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a turn, of all worlds."""
        return self._joined([play.frame for play in self])

    def _meanings(self) -> Mapping[str, str]:
        return {**WORLD_COLUMNS, **TURN_COLUMNS}

    @cached_property
    def events(self) -> pd.DataFrame:
        """One row an event, of all worlds."""
        return self._joined([play.events for play in self])

    def summary(self) -> pd.DataFrame:
        """Return one row a world: rounds, why it ended, turns and words of the cast, turns that failed.

        Example:
            >>> from toolkit.rounds import run_worlds
            >>> run_worlds("negotiation", repeats=3, rounds=1, lab=lab).summary()["ended"].tolist()
            ['rounds', 'rounds', 'rounds']
        """
        import pandas as pd

        rows = []
        for world, play in zip(self.worlds, self, strict=True):
            said = [one for record in play.timeline for one in record["characterResponses"]]
            texts = [one["response"] for one in said if one["response"] is not None]
            rows.append(
                {
                    **world.to_dict(),
                    "rounds": len(play),
                    "ended": play.ended,
                    "turns": len(texts),
                    "words": sum(len(text.split()) for text in texts),
                    "failed": len(said) - len(texts),
                }
            )
        return pd.DataFrame(rows)

    def extract(
        self,
        schema: Any,
        question: str = "",
        *,
        each: str = "play",
        seed: int | None = None,
        lab: Lab | None = None,
        budget: str | Budget | None = None,
        strict: bool = False,
        allow_partial: bool = False,
    ) -> ExtractedWorlds:
        """Read typed results from the transcripts of all worlds, by calls to the model; see ``Play.extract``.

        Args:
            schema: A pydantic model class, or an answer type such as ``Choice``.
            question: What is asked, in words.
            each: ``play`` (one row a world), ``character`` (one for each who spoke) or ``round`` (one a round).
            seed: For the model's draws; each world's own when not given.
            lab: Where; the worlds' when not given.
            budget: What this may spend.
            strict: Raise ``Incomplete`` at the end when anything failed.
            allow_partial: Read what there is of worlds that are incomplete.

        Returns:
            A result whose ``frame`` has the columns of the worlds, then those of ``Extracted``.

        Raises:
            Incomplete: Not every world was played to its end.
            InvalidInput: No round was played at all, or the schema cannot be held to.

        Example:
            >>> from toolkit.rounds import run_worlds
            >>> both = run_worlds("negotiation", conditions={"calm": {}, "tense": {}}, rounds=1, lab=lab)
            >>> found = both.extract(Choice(["agreed", "not agreed"]), "Did they agree?")
            >>> found.frame[["condition", "status"]].to_numpy().tolist()
            [['calm', 'ok'], ['tense', 'ok']]
        """
        from toolkit.rounds.worlds_extract import extract_worlds

        if not self.complete and not allow_partial:
            raise Incomplete(
                "not every world was played to its end",
                hint="resume() plays the rest; allow_partial=True reads what there is.",
                result=self,
            )
        return extract_worlds(
            self, schema, question, each=each, seed=seed, lab=lab or self.lab, budget=budget, strict=strict
        )

    def _joined(self, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Return frames of all worlds, in order, as one, with the columns that say which world a row is of."""
        import pandas as pd

        marked = [
            frame.assign(**world.to_dict())[[*WORLD_COLUMNS, *frame.columns]]
            for world, frame in zip(self.worlds, frames, strict=True)
        ]
        spoken = [frame for frame in marked if len(frame)] or marked[:1]
        joined = pd.concat(spoken, ignore_index=True)
        return joined.astype({"repeat": "Int64"})

    def _failures(self) -> list[Failure]:
        clean = self._clean
        ended: list[Failure] = [
            (name, str(getattr(fault, "kind", "fault")), clean(f"{type(fault).__name__}: {fault}"), 0, "")
            for name, fault in self.faults.items()
        ]
        return [*ended, *super()._failures()]

    # --- how it shows ---

    def _title(self) -> str:
        scene = self[0].scene
        return f"{scene.title or scene.id}: {len(self):,} {'world' if len(self) == 1 else 'worlds'}"

    def _notes(self) -> list[str]:
        told = [f"{len(self.faults):,} worlds were ended by a fault; see errors."] if self.faults else []
        return [*super()._notes(), *told]

    def _body(self) -> str:
        return table(self._by_condition())

    def _by_condition(self) -> pd.DataFrame:
        """Return one row a cast and condition: means over its worlds."""
        worlds = self.summary()
        by = [name for name in ("cast", "condition") if worlds[name].astype(bool).any()]
        rows = []
        for key, part in worlds.groupby(by, sort=False) if by else [((), worlds)]:
            named = dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True))
            turns = int(part["turns"].sum())
            rows.append(
                {
                    **named,
                    "worlds": len(part),
                    "rounds each": round(part["rounds"].mean(), 1),
                    "turns each": round(part["turns"].mean(), 1),
                    "words a turn": round(part["words"].sum() / turns, 1) if turns else 0.0,
                    "turns failed": int(part["failed"].sum()),
                }
            )
        import pandas as pd

        return pd.DataFrame(rows)
