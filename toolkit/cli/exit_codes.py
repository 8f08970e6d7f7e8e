"""How a command ends: the one table of exit codes, and what failed in one line each."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import typer

from toolkit.cli import voice
from toolkit.errors import BudgetReached, Incomplete

if TYPE_CHECKING:
    from toolkit.display import Result

__all__ = ["MEANING", "ExitCode", "code_of", "end"]


class ExitCode(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    FAULT = 1
    INPUT = 2
    PARTIAL = 3
    STRICT = 4
    BUDGET = 5
    INTERRUPTED = 130


MEANING: dict[ExitCode, str] = {
    ExitCode.DONE: "done",
    ExitCode.FAULT: "a fault of ours",
    ExitCode.INPUT: "bad input; nothing was billed",
    ExitCode.PARTIAL: "done in part, or damage was found; what failed is named",
    ExitCode.STRICT: "incomplete, where everything was wanted",
    ExitCode.BUDGET: "a budget or limit was reached; the same command goes on where it stopped",
    ExitCode.INTERRUPTED: "interrupted; the same command does only the rest",
}
"""What each code says; ``docs/exit-codes.md`` and ``toolkit --help`` tell the same."""


def code_of(error: BaseException) -> ExitCode:
    """Return the exit code for an error of ours.

    Example:
        >>> int(code_of(Incomplete("ask: 3 of 9 items failed")))
        4
    """
    if isinstance(error, BudgetReached):
        return ExitCode.BUDGET
    return ExitCode.STRICT if isinstance(error, Incomplete) else ExitCode.INPUT


def end(trace_ids: bool, **results: Result) -> None:  # noqa: FBT001  # the option as it was given
    """Name what failed on standard error, one line an item, and leave with the code for it.

    Args:
        trace_ids: Add the provider's id of each failed request; nothing shows it otherwise.
        results: Results by the stage they came from.
    """
    left = False
    kinds: set[str] = set()
    for stage, result in results.items():
        left = left or not result.complete
        for item, kind, message, _, request_id in result.errors.itertuples(index=False, name=None):
            kinds.add(kind)
            shown = request_id if trace_ids else ""
            asked = f" [request {shown}]" if shown else ""
            told = {"stage": stage, "item": item, "failure": kind} | ({"request_id": shown} if shown else {})
            voice.warn(f"{stage} {item} {kind}: {message}{asked}", **told)
    if "budget" in kinds:
        raise typer.Exit(ExitCode.BUDGET)
    if kinds or left:
        raise typer.Exit(ExitCode.PARTIAL)
