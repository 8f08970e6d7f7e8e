"""Verbs: plain functions that block, with an awaitable twin and a look ahead."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from toolkit.display import Result
from toolkit.errors import InvalidInput
from toolkit.verbs.job import Job, R, run_awaitable, run_blocking

__all__ = ["Verb", "job_of", "verb"]

P = ParamSpec("P")
R_co = TypeVar("R_co", bound=Result, covariant=True)


class Verb(Protocol[P, R_co]):
    """A verb: call it to block, ``await verb.aio(…)`` elsewhere, ``verb.job(…)`` to look before paying."""

    __name__: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run it and wait."""
        ...

    @property
    def aio(self) -> Callable[P, Awaitable[R_co]]:
        """The awaitable twin."""
        ...

    @property
    def job(self) -> Callable[P, Job[Any]]:
        """Check the arguments and return what would be done."""
        ...


def verb(make: Callable[P, Job[R]]) -> Verb[P, R]:
    """Turn a function that makes a job into a verb with the same signature."""

    @functools.wraps(make)
    def blocking(*args: P.args, **kwargs: P.kwargs) -> R:
        return run_blocking(make(*args, **kwargs))

    @functools.wraps(make)
    async def awaitable(*args: P.args, **kwargs: P.kwargs) -> R:
        return await run_awaitable(make(*args, **kwargs))

    signature = inspect.signature(make)
    returns = str(signature.return_annotation).removeprefix("Job[").removesuffix("]")
    functions: tuple[Any, Any] = (blocking, awaitable)
    for function in functions:
        function.__signature__ = signature.replace(return_annotation=returns)
    function, twin = functions
    function.aio, function.job = twin, make
    return cast("Verb[P, R]", function)


def job_of(function: Verb[P, R]) -> Callable[P, Job[R]]:
    """Return what makes the job of a verb.

    Raises:
        InvalidInput: The function is no verb.
    """
    make = getattr(function, "job", None)
    if make is None:
        raise InvalidInput(
            f"{getattr(function, '__name__', function)!r} is not a verb of the toolkit",
            hint="Give a verb and its arguments, for example tk.start(tk.ask, panel, question).",
        )
    return cast("Callable[P, Job[R]]", make)
