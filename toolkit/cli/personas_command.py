"""``toolkit personas``: a panel as a file."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli import options, voice
from toolkit.cli.exit_codes import end
from toolkit.cli.session import opened

if TYPE_CHECKING:
    from toolkit.personas import Panel

__all__ = ["personas"]


_HERE = options.Calling(study=Path("studies/personas"))


@options.spread
def personas(
    *,
    n: Annotated[int, typer.Option("--n", "-n", help="How many personas.")] = 12,
    population: Annotated[str, typer.Option(help="A shipped population, or the path of a population's .toml.")] = (
        "us-adults-2012"
    ),
    detail: Annotated[str, typer.Option(help="facts (no call), brief, standard or deep.")] = "facts",
    out: Annotated[Path | None, typer.Option(help="A .jsonl file; standard output when not given.")] = None,
    context: Annotated[str, typer.Option(help="What the study is about; goes into every prompt.")] = "",
    batch: Annotated[int, typer.Option(help="People a call writes, up to 20.")] = 1,
    attempts: Annotated[int, typer.Option(help="How often a person may be written when refused.")] = 2,
    calling: options.Calling = _HERE,
) -> None:
    """Make a panel that matches a population and write it as JSON lines."""
    from toolkit.personas import generate_personas
    from toolkit.verbs import estimate

    manner: Any = {"detail": detail, "context": context, "batch": batch, "attempts": attempts}  # the verb checks
    with tempfile.TemporaryDirectory(prefix="dramatis-") as scratch:
        if detail == "facts":  # they take no call, so they leave no study and ask no model
            calling = replace(calling, study=Path(scratch), model="scripted")
        with opened(calling) as lab:
            if calling.dry_run:
                told = estimate(generate_personas, n, population, **manner, lab=lab)
                voice.say(str(told))
                return
            panel = generate_personas(n, population, **manner, lab=lab)
            _write(panel, out)
            end(calling.trace_ids, personas=panel)


def _write(panel: Panel, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(panel.to_jsonl())
    else:
        panel.save(out)
    if len(panel):
        voice.say(str(panel.describe()))
