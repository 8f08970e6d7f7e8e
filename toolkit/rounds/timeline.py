"""The timeline of a play: per round what was planned, said, reconciled and written, as JSON and as frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import orjson

from toolkit.display.html import card, table
from toolkit.errors import InvalidInput
from toolkit.rounds.kept import KeptRound
from toolkit.rounds.state import MOODS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TURN_COLUMNS", "Timeline", "turns_frame"]

TURN_COLUMNS: Mapping[str, str] = {
    "round": "the round, from 1",
    "turn": "which turn of the round, from 1",
    "speaker": "who had the turn",
    "role": "user, or character",
    "text": "what was said; missing where the turn failed",
    "status": "ok, or failed",
    "directive": "the director's words to this one",
    "entered": "whether the speaker came on stage in this round",
    "exited": "whether the speaker left in this round",
    **{name: f"the speaker's {name} after the round" for name in MOODS},
}
"""Columns of a play's frame, and what they mean."""


class Timeline(Sequence[dict[str, Any]]):
    """The rounds of a play as records, by the names of the contract.

    Each has ``roundNumber``, ``auditLog``, ``directorPass1``, ``characterResponses``, ``worldAgent``,
    ``directorPass2`` (and further passes), ``followupCharacterPass``, ``roundMetadata``.

    Example:
        >>> play = run_rounds("negotiation", rounds=1, lab=lab)
        >>> play.timeline[0]["roundNumber"]
        1
    """

    def __init__(self, rounds: Sequence[KeptRound | Mapping[str, Any]]) -> None:
        self._rounds = tuple(rounds)

    def __len__(self) -> int:
        """Return how many rounds there are."""
        return len(self._rounds)

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, place: slice) -> Timeline: ...

    def __getitem__(self, place: int | slice) -> dict[str, Any] | Timeline:
        """Return one round's record, or a timeline of several."""
        if isinstance(place, slice):
            return Timeline(self._rounds[place])
        return _record(self._rounds[place])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the records in order."""
        return (_record(one) for one in self._rounds)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeline) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # records are mutable once they are taken out

    def to_json(self) -> str:
        """Return all records as one JSON list, indented."""
        return orjson.dumps(list(self), option=orjson.OPT_INDENT_2).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Timeline:
        """Return the timeline that ``to_json`` wrote.

        Raises:
            InvalidInput: It is none.

        Example:
            >>> Timeline.from_json(Timeline([]).to_json()) == Timeline([])
            True
        """
        try:
            records = orjson.loads(text)
            return cls([{**one, "roundNumber": int(one["roundNumber"])} for one in records])
        except (ValueError, LookupError, TypeError) as error:
            raise InvalidInput("this is no timeline", hint="Give what Timeline.to_json wrote.") from error

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row an event: round, place, type, timestamp (UTC), who, and what belongs to it."""
        import pandas as pd

        rows = [
            {
                "round": one["roundNumber"],
                "place": place,
                "type": one["type"],
                "timestamp": one["timestamp"],
                "who": one.get("character") or one.get("agent") or ("director" if "pass" in one else ""),
                "detail": {key: value for key, value in one.items() if key not in _COMMON},
            }
            for record in self
            for place, one in enumerate(record["auditLog"], start=1)
        ]
        frame = pd.DataFrame(rows, columns=["round", "place", "type", "timestamp", "who", "detail"])
        frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True, format="ISO8601")
        return frame

    def __repr__(self) -> str:
        """Return how much there is, in one line."""
        return f"Timeline of {len(self)} rounds, {len(self.frame)} events"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        shown = self.frame.drop(columns="timestamp")
        return {"text/plain": repr(self), "text/html": card("Timeline", [f"{len(self)} rounds"], table(shown))}


_COMMON = frozenset({"roundNumber", "timestamp", "type"})


def _record(one: KeptRound | Mapping[str, Any]) -> dict[str, Any]:
    return one.record if isinstance(one, KeptRound) else dict(one)


def turns_frame(timeline: Timeline) -> pd.DataFrame:
    """Return one row a turn: who spoke or failed to, what was said, and what is known of the speaker after the round.

    Args:
        timeline: The rounds.
    """
    import pandas as pd

    rows = [row for record in timeline for row in _turns(record)]
    frame = pd.DataFrame(rows, columns=list(TURN_COLUMNS))
    return frame.astype({"round": "Int64", "turn": "Int64", "entered": "boolean", "exited": "boolean"})


def _turns(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    about, number = record["roundMetadata"], record["roundNumber"]
    turn = 0
    if about["user"] is not None:
        turn += 1
        yield {
            "round": number,
            "turn": turn,
            "speaker": about["user"]["speaker"],
            "role": "user",
            "text": about["user"]["text"],
            "status": "ok",
        }
    for one in record["characterResponses"]:
        turn += 1
        name = one["character"]
        known = about["characterStates"].get(name, {})
        yield {
            "round": number,
            "turn": turn,
            "speaker": name,
            "role": "character",
            "text": one["response"],
            "status": "ok" if one["response"] is not None else "failed",
            "directive": one["guidance"].get("directive", ""),
            "entered": name in about["entered"],
            "exited": name in about["exited"],
            **{key: known.get(key, "") for key in MOODS},
        }
