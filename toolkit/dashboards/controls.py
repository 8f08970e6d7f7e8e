"""What the board's controls do to a running lab. Each only posts to the private loop, so it may be called anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from toolkit.bridge import bridge
from toolkit.engine import Account, Budget
from toolkit.errors import InvalidInput

if TYPE_CHECKING:
    from concurrent.futures import Future

    from toolkit.lab import Lab

__all__ = ["Controls"]


class Controls:
    """Changes a lab while its runs go on.

    Args:
        lab: The lab.

    Example:
        >>> controls = Controls(lab)
        >>> controls.concurrency(8).result(timeout=10)
        'Up to 8 calls are at work at once from now on.'
        >>> lab.engine.concurrency
        8
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def concurrency(self, most: int) -> Future[str]:
        """Let so many calls be at work at once, from now on; those in flight stay.

        Raises:
            InvalidInput: Fewer than one; raised by the future's ``result()``.
        """

        def act() -> str:
            self._lab.engine.resize(most)
            return f"Up to {most:,} calls are at work at once from now on."

        return _posted(act)

    def pause(self) -> Future[str]:
        """Send nothing new; what is in flight ends, and memory goes on answering."""

        def act() -> str:
            self._lab.engine.hold()
            return "Paused: what is in flight ends, and nothing new is sent until you go on."

        return _posted(act)

    def go_on(self) -> Future[str]:
        """Send again."""

        def act() -> str:
            self._lab.engine.let_go()
            return "Calls are sent again."

        return _posted(act)

    def stop(self) -> Future[str]:
        """End every run that goes on: what finished is kept, the rest are rows that ``resume()`` does."""

        def act() -> str:
            runs = self._lab.runs.active
            for run in runs:
                run.stop()
            self._lab.engine.let_go()
            if not runs:
                return "Nothing runs now."
            return f"Stopped {', '.join(run.verb for run in runs)}: what finished is kept, and resume() does the rest."

        return _posted(act)

    def budget(self, text: str) -> Future[str]:
        """Allow another amount: of the lab's own budget where it has one, else of the runs that go on.

        Args:
            text: ``"2 USD"``, ``"50_000 tokens"`` or ``"100 requests"``.

        Raises:
            InvalidInput: No such budget; raised by the future's ``result()``.
        """

        def act() -> str:
            return self._allow(Budget(text))

        return _posted(act)

    def _allow(self, budget: Budget) -> str:
        lab = self._lab
        lab.check_budget(budget)
        runs = lab.runs.active
        if lab.accounts:
            for account in lab.accounts:
                account.change(budget)
        elif not runs:
            raise InvalidInput(
                "this lab has no budget, and nothing runs that could be given one",
                hint='Open it with Lab(budget="2 USD"), or set one while a run goes on.',
            )
        else:
            for run in runs:
                if run.account is None:
                    run.account = Account(budget)
                else:
                    run.account.change(budget)
        for run in runs:
            run.limit_reached = ""  # what is left may fit now
        whose = "this lab" if lab.accounts else "what runs now"
        return f"The budget for {whose} is {budget} from now on."


def _posted(act: Callable[[], str]) -> Future[str]:
    async def run() -> str:
        return act()

    return bridge().submit(run())
