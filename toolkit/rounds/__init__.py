"""Rounds: a director, a cast and a world that remember, within a token budget that adds up."""

from toolkit.rounds.cast import Character
from toolkit.rounds.context import Context, Need, build_context
from toolkit.rounds.envelope import ENVELOPE_FIELDS, Envelope
from toolkit.rounds.extract import Extracted
from toolkit.rounds.play import Play
from toolkit.rounds.playing import continue_round, run_rounds
from toolkit.rounds.profile import Profile
from toolkit.rounds.rules import Rules
from toolkit.rounds.scene import Lore, Scene
from toolkit.rounds.shares import SHARES, allocate
from toolkit.rounds.timeline import Timeline
from toolkit.rounds.transcript import Transcript
from toolkit.rounds.worlds import Worlds
from toolkit.rounds.worlds_playing import run_worlds

__all__ = [
    "ENVELOPE_FIELDS",
    "SHARES",
    "Character",
    "Context",
    "Envelope",
    "Extracted",
    "Lore",
    "Need",
    "Play",
    "Profile",
    "Rules",
    "Scene",
    "Timeline",
    "Transcript",
    "Worlds",
    "allocate",
    "build_context",
    "continue_round",
    "run_rounds",
    "run_worlds",
]
