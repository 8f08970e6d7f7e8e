"""Dramatis: panels of LLM personas in a notebook, asked about images and text, replayable to the same bytes.

    import toolkit as tk

    lab = tk.use(tk.Lab(study="studies/packages", seed=7))
    panel = tk.generate_personas(12, "us-adults-2012", detail="brief")
    tk.ask(panel, "Which package would you pick?", images=["a.png", "b.png"], answer=tk.Choice(["A", "B"], why=True))

Importing it does no work: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit import aio
    from toolkit.dashboards import dashboard
    from toolkit.dashboards.explore import explore
    from toolkit.engine import Budget
    from toolkit.errors import BudgetReached, DramatisError, Incomplete, Interrupted, InvalidInput
    from toolkit.evolutions import evolve_services, map_features
    from toolkit.images import plan_image, render_image
    from toolkit.images.gallery import gallery
    from toolkit.lab import Lab, use
    from toolkit.media import Image
    from toolkit.personas import Panel, Persona, Population, generate_personas
    from toolkit.questions import (
        Allocation,
        Answers,
        Choice,
        Matrix,
        MultiChoice,
        Number,
        Option,
        Question,
        Ranking,
        Scale,
        Text,
    )
    from toolkit.questions.ask import ask
    from toolkit.questions.survey import survey
    from toolkit.rounds import Scene, continue_round, run_rounds
    from toolkit.verbs import estimate, preview, start

_HOMES = {
    "Allocation": "toolkit.questions",
    "Answers": "toolkit.questions",
    "Budget": "toolkit.engine",
    "BudgetReached": "toolkit.errors",
    "Choice": "toolkit.questions",
    "DramatisError": "toolkit.errors",
    "Image": "toolkit.media",
    "Incomplete": "toolkit.errors",
    "Interrupted": "toolkit.errors",
    "InvalidInput": "toolkit.errors",
    "Lab": "toolkit.lab",
    "Matrix": "toolkit.questions",
    "MultiChoice": "toolkit.questions",
    "Number": "toolkit.questions",
    "Option": "toolkit.questions",
    "Panel": "toolkit.personas",
    "Persona": "toolkit.personas",
    "Population": "toolkit.personas",
    "Question": "toolkit.questions",
    "Ranking": "toolkit.questions",
    "Scale": "toolkit.questions",
    "Scene": "toolkit.rounds",
    "Text": "toolkit.questions",
    "aio": "toolkit.aio",
    "ask": "toolkit.questions",
    "continue_round": "toolkit.rounds",
    "dashboard": "toolkit.dashboards",
    "estimate": "toolkit.verbs",
    "evolve_services": "toolkit.evolutions",
    "explore": "toolkit.dashboards",
    "gallery": "toolkit.images",
    "generate_personas": "toolkit.personas",
    "map_features": "toolkit.evolutions",
    "plan_image": "toolkit.images",
    "preview": "toolkit.verbs",
    "render_image": "toolkit.images",
    "run_rounds": "toolkit.rounds",
    "start": "toolkit.verbs",
    "survey": "toolkit.questions",
    "use": "toolkit.lab",
}

__all__ = [
    "Allocation",
    "Answers",
    "Budget",
    "BudgetReached",
    "Choice",
    "DramatisError",
    "Image",
    "Incomplete",
    "Interrupted",
    "InvalidInput",
    "Lab",
    "Matrix",
    "MultiChoice",
    "Number",
    "Option",
    "Panel",
    "Persona",
    "Population",
    "Question",
    "Ranking",
    "Scale",
    "Scene",
    "Text",
    "aio",
    "ask",
    "continue_round",
    "dashboard",
    "estimate",
    "evolve_services",
    "explore",
    "gallery",
    "generate_personas",
    "map_features",
    "plan_image",
    "preview",
    "render_image",
    "run_rounds",
    "start",
    "survey",
    "use",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'toolkit' has no attribute {name!r}")
    module = import_module(home)
    value = module if home == f"toolkit.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
