"""The transcript of a play, to be read: folded in a notebook, as Markdown, as plain text, or as a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from toolkit.display.html import LARGEST_REPR, card
from toolkit.display.result import shortened
from toolkit.display.style import PALETTE, WARNING
from toolkit.engine.whole_files import put
from toolkit.errors import InvalidInput
from toolkit.redact import scrub

__all__ = ["Spoken", "Transcript", "TranscriptRound"]

_COLOURS = PALETTE[:7]
"""Of speakers; black would not be seen on a dark page."""
_LENGTHS = (None, 1200, 400, 160)
"""Characters of one turn in a notebook: the first with which all rounds fit."""
_TOLD = {"directive": "", "entry": "on entering: ", "exit": "on leaving: "}
"""What of the guidance is for one character alone, and how it is introduced."""
_ACTION = re.compile(r"\*([^*\n]+)\*")


@dataclass(frozen=True, slots=True)
class Spoken:
    """One turn."""

    speaker: str
    role: str
    """``user`` or ``character``."""
    text: str | None
    """What was said; ``None`` where the turn failed."""
    fault: str = ""
    """Why it failed."""
    entered: bool = False
    exited: bool = False

    @property
    def words(self) -> int:
        """How many words were said."""
        return len(self.text.split()) if self.text is not None else 0

    @property
    def moved(self) -> str:
        """Whether the speaker came or went, in words."""
        return ", ".join(word for word, so in (("enters", self.entered), ("leaves", self.exited)) if so)


@dataclass(frozen=True, slots=True)
class TranscriptRound:
    """One round."""

    number: int
    turns: tuple[Spoken, ...]
    guidance: tuple[tuple[str, str], ...]
    """What the director told whom; ``everybody`` stands for all."""
    notes: tuple[str, ...]
    """What the reader must know: a fixed order, somebody who came or went without a word, a judgement."""

    @property
    def words(self) -> int:
        """How many words were said."""
        return sum(one.words for one in self.turns)

    @property
    def heading(self) -> str:
        """Round, who spoke, and how much."""
        names = list(dict.fromkeys(one.speaker for one in self.turns))
        return f"Round {self.number} · {', '.join(names) or 'nobody spoke'} · {self.words:,} words"


class Transcript(Sequence[TranscriptRound]):
    """What was said in a play, round by round, with the director's guidance apart from it.

    Keys and personal data are masked. In a notebook the rounds are folded and the last one is open; a long play is
    shortened to what a notebook may hold, and ``save`` writes all of it.

    Example:
        >>> from toolkit.rounds import run_rounds
        >>> transcript = run_rounds("negotiation", rounds=2, lab=lab).transcript
        >>> len(transcript), transcript[0].heading.startswith("Round 1 · ")
        (2, True)
    """

    def __init__(
        self,
        title: str,
        records: Iterable[Mapping[str, Any]],
        names: Sequence[str],
        clean: Callable[[str], str] = scrub,
        notes: Sequence[str] = (),
    ) -> None:
        self.title = clean(title)
        self._records = tuple(records)
        self._names = tuple(names)
        self._clean = clean
        self._notes = tuple(notes)

    @cached_property
    def rounds(self) -> tuple[TranscriptRound, ...]:
        """The rounds, in order."""
        return tuple(_round_of(record, self._clean) for record in self._records)

    def __len__(self) -> int:
        """Return how many rounds there are."""
        return len(self._records)

    def __getitem__(self, place: Any) -> Any:
        """Return one round by place, or several by a slice."""
        return self.rounds[place]

    @property
    def text(self) -> str:
        """What was said, as plain text, without guidance."""
        lines = [self.title]
        for one in self.rounds:
            lines += ["", f"Round {one.number}", *(_line(turn) for turn in one.turns)]
            lines += [f"[{note}]" for note in one.notes]
        return "\n".join(lines) + "\n"

    @property
    def markdown(self) -> str:
        """The transcript as Markdown: guidance is quoted below each round."""
        parts = [f"# {_mark(self.title)}", *(f"*{_mark(note)}*" for note in self._notes)]
        for one in self.rounds:
            parts += [f"## Round {one.number}", *(_markdown_turn(turn) for turn in one.turns)]
            parts += [f"*{_mark(note)}*" for note in one.notes]
            if one.guidance:
                told = [f"> - to {_mark(who)}: {_mark(text)}" for who, text in one.guidance]
                parts.append("\n".join(["> The director's guidance, which the others did not hear:", ">", *told]))
        return "\n\n".join(parts) + "\n"

    @property
    def page(self) -> str:
        """The whole transcript as one HTML page that stands by itself, its last round open."""
        body = self._folded(self.rounds, None)
        scheme = '<meta name="color-scheme" content="light dark">'
        head = f'<meta charset="utf-8">{scheme}<title>{escape(self.title)}</title>'
        told = card(self.title, self._facts(), body, notes=self._notes)
        return f'<!doctype html><html lang="en"><head>{head}</head><body style="margin:2em">{told}</body></html>\n'

    def html(self, most: int = LARGEST_REPR) -> str:
        """Return the transcript as a card for a notebook.

        Long turns are shortened, then the oldest rounds left out, until it is small enough.

        Args:
            most: Bytes.

        Example:
            >>> from toolkit.rounds import run_rounds
            >>> len(run_rounds("story", rounds=3, lab=lab).transcript.html(8_000).encode()) <= 8_000
            True
        """
        return card(self.title, self._facts(), self.folded(most - _FRAME), notes=self._notes)

    def folded(self, most: int) -> str:
        """Return the rounds as folded HTML of at most so many bytes.

        Args:
            most: Bytes.
        """
        for length in _LENGTHS:
            html = self._folded(self.rounds, length)
            if _size(html) <= most:
                return html
        kept: list[str] = []
        room = most - _FRAME
        for one in reversed(self.rounds):
            html = self._round(one, _LENGTHS[-1], is_open=not kept)
            room -= _size(html)
            if room < 0:
                break
            kept.insert(0, html)
        left = len(self.rounds) - len(kept)
        told = f"{left:,} of {len(self.rounds):,} rounds are left out; transcript.save(…) writes all of them"
        return f'<div style="opacity:.75">{told}</div>{"".join(kept)}'

    def save(self, path: str | Path) -> Path:
        """Write the whole transcript.

        Args:
            path: Where; the suffix says the form: ``.md``, ``.txt`` or ``.html``. Missing folders are made.

        Returns:
            The path.

        Raises:
            InvalidInput: Another suffix.

        Example:
            >>> from toolkit.rounds import run_rounds
            >>> run_rounds("story", rounds=1, lab=lab).transcript.save(tmp / "night.md").name
            'night.md'
        """
        target = Path(path)
        forms = {".md": "markdown", ".txt": "text", ".html": "page"}
        if target.suffix not in forms:
            raise InvalidInput(
                f"a transcript cannot be written as {target.suffix or target.name!r}", hint="Use .md, .txt or .html."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        put(target, getattr(self, forms[target.suffix]).encode(errors="replace"))
        return target

    def __str__(self) -> str:
        """Return what was said, as plain text."""
        return self.text

    def __repr__(self) -> str:
        """Return what was said, as far as a notebook may hold it."""
        return shortened(self.text)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        return {"text/plain": repr(self), "text/html": self.html()}

    # --- HTML ---

    def _facts(self) -> list[str]:
        words = sum(one.words for one in self.rounds)
        turns = sum(one.text is not None for held in self.rounds for one in held.turns)
        return [f"{len(self):,} rounds", f"{turns:,} turns", f"{words:,} words"]

    def _folded(self, rounds: Sequence[TranscriptRound], length: int | None) -> str:
        return "".join(self._round(one, length, is_open=one is rounds[-1]) for one in rounds)

    def _round(self, one: TranscriptRound, length: int | None, *, is_open: bool) -> str:
        turns = "".join(self._turn(turn, length) for turn in one.turns)
        notes = "".join(
            f'<div style="opacity:.75;margin:4px 0">{escape(_cut(note, length))}</div>' for note in one.notes
        )
        return (
            f'<details{" open" if is_open else ""} style="margin:6px 0">'
            f'<summary style="cursor:pointer;font-weight:600">{escape(_cut(one.heading, length))}</summary>'
            f"{turns}{notes}{self._guidance(one, length)}</details>"
        )

    def _turn(self, one: Spoken, length: int | None) -> str:
        colour = self._colour(one.speaker) if one.role == "character" else "currentColor"
        moved = f' <span style="opacity:.75">({one.moved})</span>' if one.moved else ""
        return (
            f'<div style="margin:6px 4px;padding-left:10px;border-left:3px solid {colour};overflow-wrap:anywhere">'
            f"<b>{escape(one.speaker)}</b>{moved}<br>{_said(one, length)}</div>"
        )

    def _guidance(self, one: TranscriptRound, length: int | None) -> str:
        if not one.guidance:
            return ""
        told = "".join(f"<li>to {escape(who)}: {escape(_cut(text, length))}</li>" for who, text in one.guidance)
        return (
            '<details style="margin:4px 0 4px 17px;opacity:.8;font-size:12px">'
            '<summary style="cursor:pointer">told by the director, unheard by the others</summary>'
            f'<ul style="margin:4px 0;padding-left:20px">{told}</ul></details>'
        )

    def _colour(self, name: str) -> str:
        return _COLOURS[self._names.index(name) % len(_COLOURS)] if name in self._names else "currentColor"


_FRAME = 3_000
"""Bytes that a card needs around the rounds."""


# --- reading a record ---


def _round_of(record: Mapping[str, Any], clean: Callable[[str], str]) -> TranscriptRound:
    about = record["roundMetadata"]
    turns = [_turn_of(one, about, clean) for one in record["characterResponses"]]
    if about["user"] is not None:
        turns.insert(0, Spoken(clean(about["user"]["speaker"]), "user", clean(about["user"]["text"])))
    return TranscriptRound(
        number=record["roundNumber"],
        turns=tuple(turns),
        guidance=tuple((who, clean(text)) for who, text in _told(record)),
        notes=tuple(clean(note) for note in _remarks(record)),
    )


def _turn_of(one: Mapping[str, Any], about: Mapping[str, Any], clean: Callable[[str], str]) -> Spoken:
    name, text = one["character"], one["response"]
    fault = "; ".join([str(one.get("error", "")), *one.get("errors", ())]).strip("; ") if text is None else ""
    return Spoken(
        clean(name),
        "character",
        clean(text) if text is not None else None,
        clean(fault),
        entered=name in about["entered"],
        exited=name in about["exited"],
    )


def _told(record: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield what the director told whom, everybody first."""
    told = [(one["character"], one["guidance"]) for one in record["characterResponses"]]
    everybody = next((held["openGuidance"] for _, held in told if held.get("openGuidance")), "")
    if everybody:
        yield "everybody", everybody
    for name, held in told:
        for key, lead in _TOLD.items():
            if held.get(key):
                yield name, f"{lead}{held[key]}"


def _remarks(record: Mapping[str, Any]) -> Iterable[str]:
    about = record["roundMetadata"]
    first = record["directorPass1"]
    if "fallback" in first and record["directorPass2"].get("enabled", True):
        yield f"The director could not be followed, so they spoke in a fixed order: {first['fallback']}"
    spoke = {one["character"] for one in record["characterResponses"]}
    for word, names in (("enter", about["entered"]), ("leave", about["exited"])):
        silent = [name for name in names if name not in spoke]
        if silent:
            yield f"{', '.join(silent)} {word}{'s' if len(silent) == 1 else ''}."
    until = about.get("until")
    if until:
        held = {True: "true", False: "not true yet", None: "not to be judged"}[until["holds"]]
        yield f"“{until['statement']}” was judged {held}: {until['why']}"


# --- forms ---


def _line(one: Spoken) -> str:
    said = one.text if one.text is not None else f"[no turn: {one.fault}]"
    return f"{one.speaker}{f' ({one.moved})' if one.moved else ''}: {said}"


def _markdown_turn(one: Spoken) -> str:
    said = _mark(one.text, keep="*") if one.text is not None else f"*no turn: {_mark(one.fault)}*"
    return f"**{_mark(one.speaker)}**{f' ({one.moved})' if one.moved else ''}: {said}"


def _mark(text: str, keep: str = "") -> str:
    """Return a text as Markdown shows it: on one line, with nothing in it that would format or run."""
    return re.sub(r"([\\`*_\[\]<>#|])", lambda hit: hit[0] if hit[0] in keep else f"\\{hit[0]}", " ".join(text.split()))


def _said(one: Spoken, length: int | None) -> str:
    if one.text is None:
        return f'<span style="color:{WARNING}">no turn: {escape(_cut(one.fault, length))}</span>'
    told = escape(_cut(one.text, length))
    return _ACTION.sub(r'<i style="opacity:.8">\1</i>', told).replace("\n", "<br>")


def _cut(text: str, length: int | None) -> str:
    return text if length is None or len(text) <= length else f"{text[: length - 1]}…"


def _size(html: str) -> int:
    return len(html.encode(errors="replace"))
