"""Where the tokens of a play's prompts went, section by section; the last 500 prompts are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.display.html import bars, card
from toolkit.rounds.shares import SECTIONS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TokensUsed"]

_PARTS = ("fixed", "lastRound", *SECTIONS)


class TokensUsed:
    """Tokens by section of a play's last prompts, as they were counted before they were sent.

    Columns of ``frame``: ``scene``, ``round``, ``agent``, ``timestamp``, one a section (``fixed`` and ``lastRound`` are
    subtracted first), ``total``, ``overflow`` (tokens by which these two alone passed the budget).

    Args:
        scene: The scene's id.
        records: The timeline's records.
        most: How many prompts are kept; the oldest are dropped.

    Example:
        >>> play = run_rounds("negotiation", rounds=1, lab=lab)
        >>> play.tokens().frame["round"].unique().tolist()
        [1]
    """

    def __init__(self, scene: str, records: Iterable[Mapping[str, Any]], most: int) -> None:
        self._kept: deque[dict[str, Any]] = deque(maxlen=most)
        for record in records:
            times = {one["character"]: one["timestamp"] for one in record["characterResponses"]}
            for one in record["roundMetadata"]["prompts"]:
                self._kept.append(
                    {
                        "sceneId": scene,
                        "roundNumber": record["roundNumber"],
                        "timestamp": times.get(one["agent"], record["auditLog"][-1]["timestamp"]),
                        "agent": one["agent"],
                        "sections": one["sections"],
                        "overflow": one["overflow"],
                    }
                )

    def __len__(self) -> int:
        """Return how many prompts are kept."""
        return len(self._kept)

    def latest(self, n: int = 10) -> list[dict[str, Any]]:
        """Return the last prompts' records, newest last: sceneId, roundNumber, timestamp, agent, sections, overflow."""
        return list(self._kept)[-n:] if n > 0 else []

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a prompt."""
        import pandas as pd

        rows = [
            {
                "scene": one["sceneId"],
                "round": one["roundNumber"],
                "agent": one["agent"],
                "timestamp": one["timestamp"],
                **{name: one["sections"].get(name, 0) for name in _PARTS},
                "total": sum(one["sections"].values()),
                "overflow": one["overflow"],
            }
            for one in self._kept
        ]
        columns = ["scene", "round", "agent", "timestamp", *_PARTS, "total", "overflow"]
        frame = pd.DataFrame(rows, columns=columns)
        frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True, format="ISO8601")
        return frame

    def __repr__(self) -> str:
        """Return the means as lines of plain text."""
        means = self._means()
        lines = [f"Tokens of {len(self):,} prompts, in the mean {sum(means.values()):,.0f}"]
        return "\n".join([*lines, *(f"  {name}: {mean:,.0f}" for name, mean in means.items())])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        means = self._means()
        whole = sum(means.values())
        picture = bars(
            list(means),
            [mean / whole if whole else 0.0 for mean in means.values()],
            [f"{mean:,.0f} tokens" for mean in means.values()],
        )
        facts = [f"{len(self):,} prompts", f"{whole:,.0f} tokens in the mean"]
        over = sum(one["overflow"] > 0 for one in self._kept)
        notes = [f"{over:,} prompts passed the budget: fixed text and last round alone were too long."] if over else []
        return {"text/plain": repr(self), "text/html": card("Where the tokens went", facts, picture, notes=notes)}

    def _means(self) -> dict[str, float]:
        n = max(1, len(self._kept))
        return {name: sum(one["sections"].get(name, 0) for one in self._kept) / n for name in _PARTS}
