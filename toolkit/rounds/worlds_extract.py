"""Typed results from the transcripts of many worlds, in one frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.lab import current_lab
from toolkit.models import Call, Reply
from toolkit.rounds.conditions import World
from toolkit.rounds.extract import Extracted, Extraction, check_columns
from toolkit.rounds.extract import extract as extract_play
from toolkit.rounds.worlds import WORLD_COLUMNS
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    from toolkit.display import Report
    from toolkit.engine import Budget, Outcome
    from toolkit.lab import Lab
    from toolkit.rounds.worlds import Worlds

__all__ = ["ExtractedWorlds", "extract_worlds"]


class ExtractedWorlds(Extracted):
    """What was read from the transcripts of many worlds: the columns of the worlds, then those of ``Extracted``.

    Example:
        >>> from toolkit.rounds import run_worlds
        >>> both = run_worlds("negotiation", conditions={"calm": {}, "tense": {}}, rounds=1, lab=lab)
        >>> list(both.extract(Choice(["yes", "no"]), "Did they agree?").frame.columns)
        ['world', 'cast', 'condition', 'repeat', 'of', 'answer', 'status', 'model']
    """

    def __init__(self, *, worlds: Sequence[World], **rest: Any) -> None:
        super().__init__(**rest)
        self._marks = [one.to_dict() for one in worlds]

    def _meanings(self) -> Mapping[str, str]:
        return {**WORLD_COLUMNS, **super()._meanings()}


@verb
def extract_worlds(
    worlds: Worlds,
    schema: Any,
    question: str = "",
    *,
    each: str = "play",
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
) -> Job[ExtractedWorlds]:
    """Read typed results from many worlds; see ``Worlds.extract``."""
    where = current_lab(lab)
    parts: list[tuple[World, Extraction]] = []
    for world, play in zip(worlds.worlds, worlds, strict=True):
        if len(play):
            part = extract_play.job(play, schema, question, each=each, seed=seed, lab=where, allow_partial=True)
            assert isinstance(part, Extraction)  # noqa: S101  # the verb's own job
            parts.append((world, part))
    if not parts:
        raise InvalidInput("no round was played, so there is nothing to read", hint="resume() plays them.")
    check_columns(parts[0][1].answer, parts[0][0].to_dict())
    return _ExtractWorlds(where, parts, seed=seed, strict=strict, budget=budget)


class _ExtractWorlds(Job[ExtractedWorlds]):
    name = "extract"

    def __init__(
        self,
        lab: Lab,
        parts: Sequence[tuple[World, Extraction]],
        *,
        seed: int | None,
        strict: bool,
        budget: str | Budget | None,
    ) -> None:
        super().__init__(lab, seed=seed, strict=strict, budget=budget)
        self._parts = tuple(parts)

    def __len__(self) -> int:
        return sum(len(part) for _, part in self._parts)

    def calls(self) -> Iterator[Call]:
        """Make the calls of each world."""
        for _, part in self._parts:
            yield from part.calls()

    def accept(self, call: Call, reply: Reply) -> dict[str, Any]:
        """Read the form, or refuse it."""
        return self._parts[0][1].accept(call, reply)

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> ExtractedWorlds:
        """Put what was read into a result."""
        first = self._parts[0][1]
        return ExtractedWorlds(
            worlds=[world for world, part in self._parts for _ in part.of],
            answer=first.answer,
            of=[of for _, part in self._parts for of in part.of],
            title=first.title,
            outcomes=outcomes,
            report=report,
            lab=self.lab,
            again=self,
        )
