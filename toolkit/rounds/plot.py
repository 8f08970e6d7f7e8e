"""The picture of a play: who spoke, when, and how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.display.html import ROWS, bars
from toolkit.display.style import MUTED, PALETTE, WARNING, figure
from toolkit.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from toolkit.rounds.transcript import TranscriptRound

__all__ = ["plot_turns", "words_html"]

_ROWS = 24
"""Speakers with a row of their own; those who said least share one."""
_OTHERS = "others"
_COLOURS = PALETTE[:7]
_INK = "#30343b"
_NAME = 26
"""Characters of a name beside its row."""
_MOST_NUMBERS = 20
"""Rounds that are numbered one by one."""


def words_html(rounds: Sequence[TranscriptRound]) -> str:
    """Return who said how much as bars for a notebook, most first; ten speakers at most.

    Args:
        rounds: What was said.
    """
    said = [one for held in rounds for one in held.turns if one.text is not None]
    turns = Counter(one.speaker for one in said)
    words: Counter[str] = Counter()
    for one in said:
        words[one.speaker] += one.words
    shown = words.most_common(ROWS)
    most = max((number for _, number in shown), default=0) or 1
    return bars(
        [name for name, _ in shown],
        [number / most for _, number in shown],
        [f"{number:,} words in {turns[name]:,} {'turn' if turns[name] == 1 else 'turns'}" for name, number in shown],
    )


@dataclass(slots=True)
class _Row:
    spans: list[tuple[float, float]] = field(default_factory=list)
    """Where a turn begins, and its words."""
    failed: list[float] = field(default_factory=list)
    role: str = "character"

    @property
    def words(self) -> float:
        return sum(width for _, width in self.spans)


def plot_turns(title: str, rounds: Sequence[TranscriptRound], names: Sequence[str]) -> Figure:
    """Draw a play as a score: one row a speaker, one bar a turn, as long as it has words, rounds from left to right.

    Args:
        title: Stands above the picture.
        rounds: What was said.
        names: The cast, in order; those who never spoke have an empty row.

    Raises:
        InvalidInput: No round was played.

    Example:
        >>> from toolkit.rounds import run_rounds
        >>> play = run_rounds("negotiation", rounds=2, lab=lab)
        >>> plot_turns("Rent", play.transcript.rounds, play.production.company.names).axes[0].get_xlabel()
        'words spoken so far'
    """
    if not rounds:
        raise InvalidInput("no round was played, so there is nothing to draw", hint="Play one first.")
    rows, edges = _score(rounds, names)
    rows = _merged(rows)
    fig, axes = figure(8.0, 1.5 + 0.32 * len(rows))
    shown = title if len(title) <= 90 else f"{title[:89]}…"  # noqa: PLR2004  # what fits above the picture
    fig.suptitle(shown, x=0.01, ha="left", fontsize=11, fontweight="bold", color=_INK, parse_math=False)
    _draw(axes, rows, edges[-1])
    _label(axes, rows)
    _number(axes, edges, [one.number for one in rounds])
    axes.set_xlabel("words spoken so far")
    return fig


def _score(rounds: Sequence[TranscriptRound], names: Sequence[str]) -> tuple[dict[str, _Row], list[float]]:
    """Return a row for each speaker, and where rounds begin and end: the words said until then."""
    rows: dict[str, _Row] = {}
    spoke = [one.speaker for held in rounds for one in held.turns if one.role == "user"]
    for name in (*dict.fromkeys(spoke), *names):
        rows[name] = _Row(role="user" if name in spoke else "character")
    place, edges = 0.0, [0.0]
    for held in rounds:
        for one in held.turns:
            row = rows.setdefault(one.speaker, _Row())
            if one.text is None:
                row.failed.append(place)
            else:
                row.spans.append((place, float(one.words)))
                place += one.words
        edges.append(place)
    return rows, edges


def _merged(rows: dict[str, _Row]) -> dict[str, _Row]:
    if len(rows) <= _ROWS:
        return rows
    most = set(sorted(rows, key=lambda name: -rows[name].words)[: _ROWS - 1])
    kept = {name: row for name, row in rows.items() if name in most}
    rest = [row for name, row in rows.items() if name not in most]
    kept[f"{len(rest)} {_OTHERS}"] = _Row(
        [span for row in rest for span in row.spans], [place for row in rest for place in row.failed]
    )
    return kept


def _draw(axes: Axes, rows: dict[str, _Row], end: float) -> None:
    people = [name for name, row in rows.items() if row.role == "character"]
    whole = sum(row.words for row in rows.values())
    for place, (name, row) in enumerate(rows.items()):
        axes.axhline(place, color=MUTED, linewidth=0.6, alpha=0.35, zorder=0.5)
        colour = _COLOURS[people.index(name) % len(_COLOURS)] if row.role == "character" else MUTED
        if row.spans:
            axes.broken_barh(row.spans, (place - 0.36, 0.72), facecolors=colour, edgecolor="white", linewidth=0.6)
        if row.failed:
            axes.plot(row.failed, [place] * len(row.failed), "x", color=WARNING, markersize=6, clip_on=False)
        share = row.words / whole if whole else 0.0
        turns = f"{len(row.spans)} {'turn' if len(row.spans) == 1 else 'turns'}"
        told = f"{row.words:,.0f} words, {share:.0%}, {turns}" if row.spans else "did not speak"
        told += f", {len(row.failed)} failed" if row.failed else ""
        axes.text(max(end, 1.0) * 1.015, place, told, va="center", fontsize=8.5, color=_INK)
    axes.set_xlim(0, max(end, 1.0))


def _label(axes: Axes, rows: dict[str, _Row]) -> None:
    labels = [name if len(name) <= _NAME else f"{name[: _NAME - 1]}…" for name in rows]
    axes.set_yticks(list(range(len(rows))), labels, parse_math=False)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)


def _number(axes: Axes, edges: Sequence[float], numbers: Sequence[int]) -> None:
    """Draw where each round ends, and number it above; of many rounds a few are numbered."""
    every = 1 if len(numbers) <= _MOST_NUMBERS else 10 ** (len(str(numbers[-1])) - 1)
    top = axes.get_xaxis_transform()
    for number, begin, end in zip(numbers, edges, edges[1:], strict=False):
        if number == numbers[0] or number % every == 0 or len(numbers) <= _MOST_NUMBERS:
            axes.axvline(begin, color=MUTED, linewidth=0.8, zorder=0.6)
            if end > begin:
                word = f"round {number}" if len(numbers) <= 6 else str(number)  # noqa: PLR2004  # what fits in a row
                axes.text(
                    (begin + end) / 2, 1.01, word, transform=top, ha="center", va="bottom", fontsize=8.5, color=_INK
                )
