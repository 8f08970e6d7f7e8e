"""From a verb over many to the verb over one: the same job, and the one thing that came of it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from toolkit.verbs.job import Job, run_awaitable, run_blocking

__all__ = ["One", "one_of"]

P = ParamSpec("P")
T_co = TypeVar("T_co", covariant=True)


class One(Protocol[P, T_co]):
    """A verb whose job makes one thing: call it to block, ``await one.aio(…)``, ``one.job(…)`` to look ahead."""

    __name__: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T_co:
        """Run it and wait."""
        ...

    @property
    def aio(self) -> Callable[P, Any]:
        """The awaitable twin."""
        ...

    @property
    def job(self) -> Callable[P, Job[Any]]:
        """Check the arguments and return what would be done."""
        ...


def one_of(take: Callable[[Any], T_co]) -> Callable[[Callable[P, Job[Any]]], One[P, T_co]]:
    """Turn a function that makes a job into a verb that returns one thing of the job's result.

    ``tk.estimate``, ``tk.preview`` and ``tk.start`` work on it as on any verb; ``start(…).result()`` is the whole
    result.

    Args:
        take: Gives the one thing, or raises where there is none.
    """

    def decorate(make: Callable[P, Job[Any]]) -> One[P, T_co]:
        @functools.wraps(make)
        def blocking(*args: P.args, **kwargs: P.kwargs) -> T_co:
            return take(run_blocking(make(*args, **kwargs)))

        @functools.wraps(make)
        async def awaitable(*args: P.args, **kwargs: P.kwargs) -> T_co:
            return take(await run_awaitable(make(*args, **kwargs)))

        returns = inspect.signature(take).return_annotation
        functions: tuple[Any, Any] = (blocking, awaitable)
        for function in functions:
            function.__signature__ = inspect.signature(make).replace(return_annotation=returns)
        function, twin = functions
        function.aio, function.job = twin, make
        return cast("One[P, T_co]", function)

    return decorate
