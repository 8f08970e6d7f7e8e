"""The options that commands share, each declared once: a parameter with one of these types is that option."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import voice

__all__ = ["Budget", "DryRun", "InjectFailures", "JsonLogs", "Model", "Retention", "Seed", "Study", "TraceIds"]

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
