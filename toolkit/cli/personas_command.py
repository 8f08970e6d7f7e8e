"""``toolkit personas``: a panel as a file."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.exit_codes import end

__all__ = ["personas"]


def personas(
    n: Annotated[int, typer.Option("--n", "-n", help="How many personas.")] = 12,
    population: Annotated[str, typer.Option(help="A shipped population, or the path of a population's .toml.")] = (
        "us-adults-2012"
    ),
    detail: Annotated[str, typer.Option(help="facts (no call), brief or standard.")] = "facts",
    out: Annotated[Path | None, typer.Option(help="A .jsonl file; standard output when not given.")] = None,
    model: Annotated[str | None, typer.Option(help="Who writes; only asked when detail is not facts.")] = None,
    study: Annotated[Path, typer.Option(help="Folder of the study.")] = Path("studies/personas"),
    seed: Annotated[int, typer.Option(help="Seed of the panel.")] = 0,
    *,
    trace_ids: Annotated[bool, typer.Option("--trace-ids", help="Show the provider's id of failed requests.")] = False,
) -> None:
    """Make a panel that matches a population and write it as JSON lines."""
    if detail != "facts":
        _write(n, population, detail, out, model, study, seed, trace_ids=trace_ids)
        return
    with tempfile.TemporaryDirectory(prefix="dramatis-") as scratch:  # facts take no call, so they leave no study
        _write(n, population, detail, out, "scripted", Path(scratch), seed, trace_ids=trace_ids)


def _write(
    n: int,
    population: str,
    detail: str,
    out: Path | None,
    model: str | None,
    study: Path,
    seed: int,
    *,
    trace_ids: bool,
) -> None:
    from toolkit.lab import Lab
    from toolkit.personas import generate_personas

    with Lab(model, study=study, seed=seed) as lab:
        panel = generate_personas(n, population, detail=detail)  # type: ignore[arg-type]  # checked by the verb
        if out is None:
            sys.stdout.write(panel.to_jsonl())
        else:
            panel.save(out)
        if len(panel):
            print(panel.describe(), file=sys.stderr)
        lab.close()
        end(trace_ids, personas=panel)
