"""Verbs in the background: the notebook goes on while they work."""

from __future__ import annotations

from concurrent.futures import wait
from typing import TYPE_CHECKING, Generic

from toolkit.bridge import bridge
from toolkit.display import progress_text
from toolkit.engine import Run
from toolkit.verbs.job import Job, R, finish
from toolkit.verbs.verb import P, Verb, job_of

if TYPE_CHECKING:
    import concurrent.futures

__all__ = ["Background", "start"]


class Background(Generic[R]):
    """A verb at work while the notebook goes on.

    Example:
        >>> run = start(generate_personas, 3, "us-adults-2012", detail="brief", lab=lab)
        >>> len(run.result())
        3
    """

    def __init__(self, job: Job[R]) -> None:
        self._job = job
        self._run = Run(job.name)
        self._future: concurrent.futures.Future[R] = bridge().submit(job.run(self._run))

    @property
    def progress(self) -> str:
        """How far it is, in one line."""
        return progress_text(self._run)

    @property
    def done(self) -> bool:
        """True once the result is there."""
        return self._future.done()

    def stop(self) -> None:
        """Start nothing new and cancel what is in flight; ``result()`` then returns what finished, incomplete."""
        bridge().call(self._run.stop)

    def result(self, timeout: float | None = None) -> R:
        """Wait for the result; incomplete after ``stop()``.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: It is not done by then; it goes on.
            Incomplete: The verb was given ``strict=True`` and something failed.
        """
        if not wait([self._future], timeout).done:
            raise TimeoutError(f"{self!r} after {timeout:g} s. It goes on; ask result() again, or stop() it.")
        return finish(self._job, self._run, self._future.result(), stopped=False)

    def __repr__(self) -> str:
        """Return the run as one line."""
        return f"{self._job.name}: {self.progress}"


def start(function: Verb[P, R], *args: P.args, **kwargs: P.kwargs) -> Background[R]:
    """Run a verb in the background.

    Args:
        function: A verb, for example ``tk.ask``.
        args: What the verb takes.
        kwargs: What the verb takes.

    Returns:
        A handle with ``progress``, ``done``, ``stop()`` and ``result()``.

    Raises:
        InvalidInput: The verb would refuse these arguments.

    Example:
        >>> run = start(generate_personas, 3, "us-adults-2012", detail="brief", lab=lab)
        >>> run.stop()
        >>> run.result(timeout=60).lab is lab
        True
    """
    return Background(job_of(function)(*args, **kwargs))
