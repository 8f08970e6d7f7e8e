"""A scene as a notebook shows it: notes, what the user says, and the cast."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from toolkit.display.html import ROWS, card, cut, fit
from toolkit.display.result import shortened
from toolkit.redact import scrub

if TYPE_CHECKING:
    from toolkit.rounds.scene import Scene

__all__ = ["scene_card", "scene_text"]

_TEXT = 700
"""Characters of one note or line."""


def scene_text(scene: Scene) -> str:
    """Return a scene as a few lines of plain text.

    Example:
        >>> from toolkit.rounds import Scene
        >>> scene_text(Scene.load("story")).splitlines()[0]
        'A night at the Grey Pass'
    """
    lines = [_title(scene), f"  {' · '.join(_facts(scene))}"]
    lines += [f"  {name}: {text}" for name, text in scene.notes.items()]
    lines += [f"  {number}. {line}" for number, line in enumerate(scene.script, start=1)]
    lines += [f"  - {one.name}: {one.description}" for one in scene.cast]
    return shortened(scrub("\n".join(lines)))


def scene_card(scene: Scene) -> str:
    """Return a scene as a card for a notebook, small enough for one.

    Example:
        >>> from toolkit.rounds import Scene
        >>> "Grey Pass" in scene_card(Scene.load("story"))
        True
    """
    who = scene.user.name if scene.user is not None else "the user"
    body = "".join(
        [
            *(_line(name, text) for name, text in scene.notes.items()),
            *(_line(f"{who}, round {number}", line) for number, line in enumerate(scene.script[:ROWS], start=1)),
            *(_line(one.name, one.description) for one in scene.cast[: 2 * ROWS]),
        ]
    )
    return fit(card(_title(scene), _facts(scene), body), card(_title(scene), _facts(scene)))


def _title(scene: Scene) -> str:
    return scene.title or scene.id


def _facts(scene: Scene) -> list[str]:
    counted = ((scene.cast, "in the cast"), (scene.lore, "lore entries"), (scene.trackers, "trackers"))
    return [f"scene {scene.id}", *(f"{len(some):,} {what}" for some, what in counted if some)]


def _line(name: str, text: str) -> str:
    return f'<div style="margin:3px 0"><b>{escape(cut(name, 60))}</b>: {escape(cut(text, _TEXT))}</div>'
