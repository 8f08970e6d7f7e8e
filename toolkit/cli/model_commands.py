"""``toolkit model``: put the embedded model's weights in place, say where they are, take them away."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from toolkit.errors import WeightsMissing

__all__ = ["app"]

app = typer.Typer(help="The embedded model's weights: install, path, remove.", no_args_is_help=True)


@app.command()
def install(
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="A gguf file to install instead of downloading one."),
    ] = None,
) -> None:
    """Download the embedded model's weights (93 MB, once), check them, and print where they are."""
    from toolkit.models import weights

    print(weights.install(source=source))


@app.command()
def path() -> None:
    """Print where the installed weights are."""
    from toolkit.models import weights

    found = weights.installed()
    if found is None:
        raise WeightsMissing("the embedded model's weights are not installed", hint="Run `toolkit model install`.")
    print(found.path)


@app.command()
def remove() -> None:
    """Delete the installed weights."""
    from toolkit.models import weights

    gone = weights.remove()
    print("The weights are deleted." if gone else "No weights were installed.", file=sys.stderr)
