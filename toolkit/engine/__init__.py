"""How a call is made dependable: one layer a file, all with ``complete(call)``."""

from toolkit.engine.budget import Account, Budget
from toolkit.engine.cache import Cache, Mode
from toolkit.engine.collector import collecting_seldom
from toolkit.engine.estimate import Expected, Forecast
from toolkit.engine.ledger import Ledger, Money, Row
from toolkit.engine.pool import BUDGET, NOT_RUN, Outcome, run_calls
from toolkit.engine.prices import Cost, Price, PriceBook, cost_of
from toolkit.engine.proof import Proof
from toolkit.engine.quarantine import Kept, Quarantine
from toolkit.engine.recording import replayable
from toolkit.engine.run import Run, current_run
from toolkit.engine.runs import Recording, Runs, git_sha
from toolkit.engine.stack import Engine, Limits, build
from toolkit.engine.trace import Tracing
from toolkit.engine.within_budget import check_budget

__all__ = [
    "BUDGET",
    "NOT_RUN",
    "Account",
    "Budget",
    "Cache",
    "Cost",
    "Engine",
    "Expected",
    "Forecast",
    "Kept",
    "Ledger",
    "Limits",
    "Mode",
    "Money",
    "Outcome",
    "Price",
    "PriceBook",
    "Proof",
    "Quarantine",
    "Recording",
    "Row",
    "Run",
    "Runs",
    "Tracing",
    "build",
    "check_budget",
    "collecting_seldom",
    "cost_of",
    "current_run",
    "git_sha",
    "replayable",
    "run_calls",
]
