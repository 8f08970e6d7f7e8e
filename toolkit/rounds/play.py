"""A play: the rounds of a scene, what was said in them, and how to go on from any of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.display import Result
from toolkit.engine.whole_files import put
from toolkit.errors import InvalidInput
from toolkit.rounds.kept import FORMAT, KeptRound, numbered, read_play, state_after, written
from toolkit.rounds.production import Production
from toolkit.rounds.timeline import TURN_COLUMNS, Timeline, turns_frame
from toolkit.rounds.tokens_used import TokensUsed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from toolkit.engine import Budget
    from toolkit.lab import Lab
    from toolkit.rounds.extract import Extracted
    from toolkit.rounds.scene import Scene
    from toolkit.rounds.state import State
    from toolkit.rounds.transcript import Transcript

__all__ = ["Ended", "Moment", "Play"]

Ended = str
"""Why a play ended: ``rounds`` (all were played), ``until``, ``budget``, ``stopped`` or ``out_of_reach``."""
_ENDS = {
    "until": "It ended when the statement was judged true: {until}",
    "out_of_reach": "No call of the last round got through; resume() goes on once the model is there again.",
}


_TRANSCRIPT = 48_000
"""Bytes of the transcript in a play's own repr."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, as ``replay`` tells it."""

    round: int
    type: str
    """The event's name."""
    who: str
    text: str

    def __str__(self) -> str:
        """Return the moment as one line."""
        return f"{self.round} · {self.who}: {self.text}" if self.who else f"{self.round} · {self.text}"


class Play(Result):
    """The rounds of a scene, as they were played. Immutable; index the timeline, look at the frame, branch, go on.

    Columns of ``frame``: ``round``, ``turn``, ``speaker``, ``role`` (``user`` or ``character``), ``text``, ``status``
    (``ok``, ``failed``), ``directive`` (the director's words to this one), ``entered``, ``exited``, and what is known
    of the speaker after the round: ``location``, ``mood``, ``clothing``, ``activity``, ``position``, ``intentions``.

    Example:
        >>> play = run_rounds("negotiation", rounds=2, lab=lab)
        >>> len(play), play.scene.id, int(play.frame["round"].max())
        (2, 'negotiation', 2)
    """

    def __init__(
        self,
        *,
        production: Production,
        play_id: str,
        rounds: Sequence[KeptRound],
        ended: Ended = "rounds",
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        self.production = production
        self.id = play_id
        self.ended = ended
        self.rounds = tuple(rounds)

    def __len__(self) -> int:
        """Return how many rounds were played."""
        return len(self.rounds)

    @property
    def scene(self) -> Scene:
        """The scene, its cast included."""
        return self.production.scene

    @cached_property
    def timeline(self) -> Timeline:
        """What was planned, said, reconciled and written, by round; ``.frame`` has one row an event."""
        return Timeline(self.rounds)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a turn."""
        return turns_frame(self.timeline)

    def _meanings(self) -> Mapping[str, str]:
        return TURN_COLUMNS

    @property
    def events(self) -> pd.DataFrame:
        """One row an event, in order; the same as ``timeline.frame``."""
        return self.timeline.frame

    @cached_property
    def state(self) -> State:
        """Where the play stands."""
        return self.at(len(self))

    def at(self, round: int) -> State:  # noqa: A002  # the word users say
        """Return the state after a round; 0 for before the first.

        Raises:
            InvalidInput: It was not played.

        Example:
            >>> run_rounds("negotiation", rounds=1, lab=lab).at(0).round
            0
        """
        if round != 0:
            numbered(self.rounds, round)
        return state_after(self.production, self.rounds[:round])

    @cached_property
    def transcript(self) -> Transcript:
        """What was said, to be read: folded in a notebook, as ``.text``, ``.markdown``, or written by ``.save(path)``.

        Example:
            >>> from toolkit.rounds import run_rounds
            >>> print(run_rounds("negotiation", rounds=1, lab=lab).transcript.text.splitlines()[0])
            The rent of the bakery in Lime Street
        """
        from toolkit.rounds.transcript import Transcript

        return Transcript(self._called(), self.timeline, self.production.company.names, self._clean, self._answerers())

    def plot(self) -> Figure:
        """Draw who spoke, when and how much: one row a speaker, one bar a turn, as long as it has words.

        Raises:
            InvalidInput: No round was played.

        Example:
            >>> from toolkit.rounds import run_rounds
            >>> len(run_rounds("negotiation", rounds=1, lab=lab).plot().axes)
            1
        """
        from toolkit.rounds.plot import plot_turns

        return plot_turns(self._clean(self._called()), self.transcript.rounds, self.production.company.names)

    def tokens(self) -> TokensUsed:
        """Return where the tokens of the last prompts went, section by section."""
        return TokensUsed(self.scene.id, self.timeline, self.production.rules.telemetry)

    def replay(self, round: int | None = None) -> Iterator[Moment]:  # noqa: A002
        """Yield what happened, moment by moment, without asking anybody.

        Args:
            round: One round only.

        Raises:
            InvalidInput: It was not played.

        Example:
            >>> str(next(run_rounds("negotiation", rounds=1, lab=lab).replay()))
            '1 · round 1 begins'
        """
        rounds = self.rounds if round is None else (numbered(self.rounds, round),)
        for one in rounds:
            for event in one.record["auditLog"]:
                moment = _moment(event)
                if moment is not None:
                    yield moment

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
    ) -> Extracted:
        """Read typed results from the transcript, by a call to the model.

        Args:
            schema: A pydantic model class, or an answer type such as ``Choice``.
            question: What is asked, in words.
            each: ``play`` (one row), ``character`` (one row for each who spoke) or ``round`` (one row a round).
            seed: For the model's draws; the play's when not given.
            lab: Where; the play's when not given.
            budget: What this may spend.
            strict: Raise ``Incomplete`` at the end when anything failed.
            allow_partial: Read what there is of a play that is incomplete.

        Raises:
            Incomplete: The play is incomplete.
            InvalidInput: No round was played, or the schema cannot be held to.

        Example:
            >>> play = run_rounds("negotiation", rounds=1, lab=lab)
            >>> list(play.extract(Choice(["agreed", "not agreed"]), "Did they agree?", lab=lab).frame.columns)
            ['of', 'answer', 'status', 'model']
        """
        from toolkit.rounds.extract import extract

        return extract(
            self,
            schema,
            question,
            each=each,
            seed=seed,
            lab=lab or self.lab,
            budget=budget,
            strict=strict,
            allow_partial=allow_partial,
        )

    def branch(
        self,
        round: int,  # noqa: A002
        change: Mapping[str, Any] | None = None,
        *,
        rounds: int | None = None,
        user: Any = None,
        seed: int | None = None,
        lab: Lab | None = None,
        budget: str | Budget | None = None,
        strict: bool = False,
    ) -> Play:
        """Play on from any round, with something changed; this play stays as it is.

        Args:
            round: The last round that stays; 0 begins anew.
            change: ``present`` (names), ``states`` (by name), ``world``, ``trackers``, ``notes``, ``summary``.
            rounds: How many to play from there; as many as this play had after it when not given.
            user: What the user says in them, see ``run_rounds``.
            seed: The play's own when not given; another one tells another story from there.
            lab: Where; the play's when not given.
            budget: What this may spend.
            strict: Raise at the end when anything failed.

        Raises:
            InvalidInput: The round was not played, or something is changed that cannot be.

        Example:
            >>> play = run_rounds("negotiation", rounds=2, lab=lab)
            >>> other = play.branch(1, {"states": {"Mara Voss": {"mood": "furious"}}})
            >>> other.timeline[0] == play.timeline[0], len(other)
            (True, 2)
        """
        from toolkit.rounds.playing import branch_of

        return branch_of(
            self,
            round,
            change or {},
            rounds=rounds,
            user=user,
            seed=seed,
            lab=lab or self.lab,
            budget=budget,
            strict=strict,
        )

    def head(self) -> dict[str, Any]:
        """Return what a file of this play says first."""
        return head_of(self.production, self.id)

    def save(self, path: str | Path) -> Path:
        """Write the play: one line that says what was played, then one line a round.

        Args:
            path: Where; missing folders are made.

        Returns:
            The path.
        """
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        put(target, written(self.head(), self.rounds))
        return target

    @classmethod
    def load(cls, path: str | Path, *, lab: Lab | None = None) -> Play:
        """Read a play that ``save`` or a study's checkpoint wrote; equal to what was played.

        Args:
            path: The file.
            lab: Where it is to go on.

        Raises:
            InvalidInput: No such file, or it holds no play; the line is named.

        Example:
            >>> play = run_rounds("negotiation", rounds=1, lab=lab)
            >>> Play.load(play.save(tmp / "talk.jsonl")).timeline == play.timeline
            True
        """
        from toolkit.rounds.playing import production_of

        source = Path(path)
        try:
            data = source.read_bytes()
        except OSError as error:
            raise InvalidInput(
                f"the play {source.name} cannot be read: {error.strerror}", hint="Give a file that play.save wrote."
            ) from error
        head, rounds = read_play(data, source.name)
        return cls(
            production=production_of(head["production"], source.name), play_id=str(head["play"]), rounds=rounds, lab=lab
        )

    # --- how it shows ---

    def _title(self) -> str:
        return f"{self._called()}: {len(self):,} rounds, {len(self.production.company)} in the cast"

    def _notes(self) -> list[str]:
        told = _ENDS.get(self.ended)
        whose = self._answerers() if self.report is None else ()
        return [*whose, *super()._notes(), *([told.format(until=self.production.until)] if told else [])]

    def _called(self) -> str:
        """Return the scene's title, and which world this is where there are several."""
        world = self.production.label.rstrip("/")
        return f"{self.scene.title or self.scene.id}{f' · {world}' if world else ''}"

    def _answerers(self) -> tuple[str, ...]:
        """Return what must be said of who answered, where the play was played here and not loaded from a file."""
        return self.lab.notes if self.lab is not None and self._again is not None else ()

    def _body(self) -> str:
        if not self.rounds:
            return ""
        from toolkit.rounds.plot import words_html

        return f"{words_html(self.transcript.rounds)}{self.transcript.folded(_TRANSCRIPT)}"


def head_of(production: Production, play_id: str) -> dict[str, Any]:
    """Return what a file of a play says first."""
    return {"format": FORMAT, "play": play_id, "production": production.to_dict()}


def _moment(event: Mapping[str, Any]) -> Moment | None:
    """Return an event as a moment; those that only say that an agent is at work are passed over."""
    tell = _TOLD.get(event["type"])
    if tell is None:
        return None
    who, text = tell(event)
    if not text:
        return None
    return Moment(event["roundNumber"], event["type"], who, text)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nobody"


_TOLD: Mapping[str, Any] = {
    "branched": lambda one: ("", f"changed: {_listed(sorted(one['change']))}"),
    "roundStarted": lambda one: (
        (one["speaker"], one["user"]) if one["user"] else ("", f"round {one['roundNumber']} begins")
    ),
    "directorPassCompleted": lambda one: ("Director", f"pass {one['pass']}: {_listed(one['orderedActors'])}"),
    "fallbackOrder": lambda one: ("", f"in fixed order, for {one['reason']}: {_listed(one['actors'])}"),
    "activeCharactersUpdated": lambda one: (
        "",
        f"in: {_listed(one['entered'])}; out: {_listed(one['exited'])}",
    ),
    "characterResponse": lambda one: (one["character"], one["response"]),
    "characterRunCompleted": lambda one: (one["character"], f"no turn: {one['error']}") if "error" in one else ("", ""),
    "guardrail": lambda one: ("", f"would still act, but passes are used up: {_listed(one['actors'])}"),
    "worldUpdateCompleted": lambda one: ("World", "unchanged" if "error" in one else "brought up to date"),
    "untilJudged": lambda one: ("Judge", f"{one['statement']}: {one['holds']}"),
    "roundCompleted": lambda one: ("", f"present: {_listed(one['activeCharacters'])}"),
}
