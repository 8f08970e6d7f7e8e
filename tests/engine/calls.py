"""Calls and runs for engine tests."""

from collections.abc import Iterable, Iterator
from typing import Any

from toolkit.bridge import bridge
from toolkit.engine import Outcome, Run, run_calls
from toolkit.lab import Lab
from toolkit.models import Call, Message, Schema

SCHEMA = Schema(
    "choice",
    {
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": ["plain", "bold"]}},
        "required": ["choice"],
        "additionalProperties": False,
    },
)


def make_call(number: int, **given: Any) -> Call:
    """Make one call, different for each number."""
    values: dict[str, Any] = {
        "messages": (Message("system", ("You answer.",)), Message("user", (f"Plain or bold, person {number}?",))),
        "schema": SCHEMA,
        "seed": number,
        "stage": "questions",
        "item": f"p{number:04}",
        "template": "questions.test@1",
    }
    return Call(**{**values, **given})


def make_calls(n: int) -> Iterator[Call]:
    """Make n different calls."""
    return (make_call(number) for number in range(n))


def answer(lab: Lab, calls: Iterable[Call], run: Run | None = None, **given: Any) -> list[Outcome]:
    """Run calls on the private loop and wait."""
    return bridge().submit(run_calls(lab.engine, calls, run or Run("test"), **given)).result(timeout=60)
