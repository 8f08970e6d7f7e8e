"""Make a panel: code samples the facts, the model only writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.engine import Budget
from toolkit.errors import InvalidInput
from toolkit.lab import current_lab
from toolkit.personas.cast import draw_cast
from toolkit.personas.narrative import narrative
from toolkit.personas.panel import Panel
from toolkit.personas.population import Population
from toolkit.personas.writing import Writing
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    from toolkit.lab import Lab
    from toolkit.personas.persona import Detail

__all__ = ["generate_personas"]

MOST_A_CALL = 20
"""People a call; with more, models begin to mix them up and one lost reply costs too much."""


@verb
def generate_personas(
    n: int,
    population: Population | str | Path,
    *,
    detail: Detail = "standard",
    context: str = "",
    batch: int = 1,
    attempts: int = 2,
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
) -> Job[Panel]:
    """Make ``n`` personas whose make-up matches a population.

    Whole rows of the population are drawn so that every level of every attribute comes out as in the population; names
    come from name tables. The model is asked once a person, or once for a few, to write the narrative fields. Each
    portrait is checked on its own: one that contradicts the person's facts is refused, and the model is asked again for
    that person alone and told what was wrong.

    Args:
        n: How many, from 1.
        population: A ``Population``, the name of a shipped one, or the path of one's TOML.
        detail: ``facts`` (no call at all), ``brief`` (a bio), ``standard`` (a portrait: with what was sampled, twenty
            fields) or ``deep`` (a longer one with nine more: life story, work, money, media …).
        context: What the study is about; goes into every prompt.
        batch: How many people one call writes about, 1 to 20. More a call is cheaper and less varied.
        attempts: How often a person may be written when the reply is refused; all but the first are corrections.
        seed: For the sample, the names and the model's draws; the lab's when not given.
        lab: Where; the current lab when not given.
        budget: What this run may spend: ``"2 USD"``, ``"50_000 tokens"``, ``"100 requests"`` or
            ``Budget("2 USD", soft=True)``; what was not asked for want of it is a row of ``errors``.
        strict: Raise ``Incomplete`` at the end when anyone is missing.

    Returns:
        A ``Panel`` of exactly ``n``, in order, or those that came out, with the others as rows of ``errors``.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        Interrupted: ■ was pressed; what finished is in ``.result``.

    Example:
        >>> panel = generate_personas(5, "us-adults-2012", detail="facts", lab=lab)
        >>> len(panel), panel[0].id
        (5, 'p0001')
    """
    _whole("attempts", attempts, "asks nobody")
    _whole("batch", batch, "is no number of people a call", MOST_A_CALL)
    if not isinstance(context, str):
        raise InvalidInput(
            f"context is {type(context).__name__}, not text", hint="Say in words what the study is about."
        )
    source = population if isinstance(population, Population) else Population.load(population)
    written = narrative(detail)
    where = current_lab(lab)
    cast = draw_cast(source, n, where.seed if seed is None else seed)
    return Writing(
        where,
        cast,
        written,
        context=context.strip(),
        attempts=attempts,
        batch=batch,
        seed=seed,
        strict=strict,
        budget=budget,
    )


def _whole(name: str, value: Any, wrong: str, most: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1 or (most is not None and value > most):
        to = "" if most is None else f" to {most}"
        raise InvalidInput(f"{name}={value!r} {wrong}", hint=f"Give a whole number from 1{to}.")
