"""The same verbs, awaitable: futures of the private loop, so locks and sessions live on one loop.

    answers = await tk.aio.ask(panel, "Which package would you pick?", answer=tk.Choice(["A", "B"]))

A cancelled await stops the run, waits for its clean end, and leaves what finished at ``lab.last``.
"""

from __future__ import annotations

from toolkit.personas import generate_personas as _generate_personas
from toolkit.questions import ask as _ask
from toolkit.questions import survey as _survey

__all__ = ["ask", "generate_personas", "survey"]

ask = _ask.aio
generate_personas = _generate_personas.aio
survey = _survey.aio
