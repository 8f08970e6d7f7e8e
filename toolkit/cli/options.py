"""The options that commands share, each declared once, and groups of them: a parameter of a group is all of them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from toolkit.cli import voice

__all__ = [
    "BaseUrl",
    "Budget",
    "Calling",
    "Concurrency",
    "DryRun",
    "InjectFailures",
    "JsonLogs",
    "Model",
    "Place",
    "Retention",
    "Seed",
    "Study",
    "TraceIds",
    "spread",
]

Model = Annotated[
    str | None,
    typer.Option(help="Who answers: embedded, scripted or openai:NAME; TOOLKIT_MODEL's when not given."),
]
Study = Annotated[Path, typer.Option(help="Folder of the study; a second run answers from its memory.")]
Seed = Annotated[int | None, typer.Option(help="Seed of every draw; TOOLKIT_SEED's when not given.")]
Budget = Annotated[
    str | None, typer.Option(help='What may be spent: "2 USD", "50_000 tokens" or "100 requests".', metavar="AMOUNT")
]
Retention = Annotated[
    str | None, typer.Option(help="How long OpenAI is asked to keep prompt prefixes: in_memory, 24h or off.")
]
InjectFailures = Annotated[
    float | None,
    typer.Option(
        "--inject-failures",
        metavar="P",
        help="Let this share of all tries fail, drawn by seed: a rehearsal, for example 0.05.",
    ),
]
TraceIds = Annotated[bool, typer.Option("--trace-ids", help="Show the provider's id of failed requests.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would take and cost, and ask nobody.")]
JsonLogs = Annotated[
    bool,
    typer.Option(
        "--json-logs",
        help="One JSON object a line on standard error, events included.",
        callback=voice.as_json,
        is_eager=True,
    ),
]
BaseUrl = Annotated[str | None, typer.Option(help="An OpenAI-compatible endpoint for openai: models.")]
Concurrency = Annotated[int | None, typer.Option(help="Calls in flight at once; TOOLKIT_CONCURRENCY's when not given.")]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a command works."""

    model: Model = None
    study: Study = Path("studies")
    seed: Seed = None
    json_logs: JsonLogs = False


@dataclass(frozen=True, kw_only=True)
class Calling(Place):
    """What every command that makes calls takes."""

    budget: Budget = None
    retention: Retention = None
    inject_failures: InjectFailures = None
    trace_ids: TraceIds = False
    dry_run: DryRun = False


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take the options of a group one by one, and hand it the group.

    A parameter whose default is a group becomes the group's fields, with the default's values as theirs; the command
    line shows them as if each were declared.

    Example:
        >>> def ask(*, calling: Calling = Calling(study=Path("studies/ask"))) -> None:
        ...     print(calling.study, calling.seed)
        >>> spread(ask)(seed=7)
        studies/ask 7
        >>> list(inspect.signature(spread(ask)).parameters)[:3]
        ['model', 'study', 'seed']
    """
    own = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {name: one.default for name, one in own.parameters.items() if is_dataclass(one.default)}
    parameters: list[inspect.Parameter] = []
    for name, one in own.parameters.items():
        parameters += _options_of(groups[name]) if name in groups else [one]

    @functools.wraps(command)
    def with_groups(**given: Any) -> None:
        for name, group in groups.items():
            told = {one.name: given.pop(one.name, getattr(group, one.name)) for one in fields(group)}
            given[name] = type(group)(**told)
        command(**given)

    shown: Any = with_groups
    shown.__signature__ = own.replace(parameters=parameters)
    shown.__annotations__ = {one.name: one.annotation for one in parameters}
    return with_groups


def _options_of(group: Any) -> list[inspect.Parameter]:
    declared = get_type_hints(type(group), include_extras=True)
    return [
        inspect.Parameter(
            one.name, inspect.Parameter.KEYWORD_ONLY, default=getattr(group, one.name), annotation=declared[one.name]
        )
        for one in fields(group)
    ]
