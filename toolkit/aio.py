"""The same verbs, awaitable: futures of the private loop, so locks and sessions live on one loop.

    answers = await tk.aio.ask(panel, "Which package would you pick?", answer=tk.Choice(["A", "B"]))

A cancelled await stops the run, waits for its clean end, and leaves what finished at ``lab.last``.
"""

from __future__ import annotations

from toolkit.evolutions import evolve_services as _evolve_services
from toolkit.evolutions import map_features as _map_features
from toolkit.images import plan_image as _plan_image
from toolkit.images import render_image as _render_image
from toolkit.personas import generate_personas as _generate_personas
from toolkit.questions import ask as _ask
from toolkit.questions import survey as _survey
from toolkit.rounds import continue_round as _continue_round
from toolkit.rounds import run_rounds as _run_rounds

__all__ = [
    "ask",
    "continue_round",
    "evolve_services",
    "generate_personas",
    "map_features",
    "plan_image",
    "render_image",
    "run_rounds",
    "survey",
]

ask = _ask.aio
continue_round = _continue_round.aio
evolve_services = _evolve_services.aio
generate_personas = _generate_personas.aio
map_features = _map_features.aio
plan_image = _plan_image.aio
render_image = _render_image.aio
run_rounds = _run_rounds.aio
survey = _survey.aio
