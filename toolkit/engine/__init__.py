"""How a call is made dependable: one layer a file, all with ``complete(call)``."""

from toolkit.engine.cache import Cache, Mode
from toolkit.engine.ledger import Ledger, Row
from toolkit.engine.pool import NOT_RUN, Outcome, run_calls
from toolkit.engine.recording import replayable
from toolkit.engine.run import Run, current_run
from toolkit.engine.stack import Engine, Limits, build

__all__ = [
    "NOT_RUN",
    "Cache",
    "Engine",
    "Ledger",
    "Limits",
    "Mode",
    "Outcome",
    "Row",
    "Run",
    "build",
    "current_run",
    "replayable",
    "run_calls",
]
