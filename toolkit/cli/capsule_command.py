"""``toolkit capsule``: what a recording holds, and making one anew."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from toolkit.errors import DramatisError, InvalidInput

__all__ = ["app"]

app = typer.Typer(help="Look into a recording, or make it anew.", no_args_is_help=True)


@app.command()
def show(path: Annotated[Path, typer.Argument(help="A .capsule file.")]) -> None:
    """Print the manifest of a capsule after checking every entry."""
    import json

    from toolkit.memory import Capsule

    capsule = Capsule.open(path)
    print(json.dumps(capsule.manifest.line(len(capsule)), indent=2, sort_keys=True))


@app.command()
def rebuild(
    notebook: Annotated[Path, typer.Argument(help="A notebook that replays a capsule.")],
    model: Annotated[
        str, typer.Option(help="Who answers; 'authored' reads the .yaml beside the capsule.")
    ] = "authored",
) -> None:
    """Run a notebook against a model instead of its capsule, write the capsule anew, and refresh its outputs."""
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError as error:
        raise DramatisError(
            "a notebook runs in Jupyter, which is not installed", hint="Install dramatis-toolkit[lab]."
        ) from error
    if not notebook.is_file():
        raise InvalidInput(f"no notebook {notebook}", hint="Give the path of an .ipynb file.")
    for record in (model, ""):
        cells = nbformat.read(notebook, as_version=4)
        os.environ["TOOLKIT_RECORD"] = record
        try:
            place = {"metadata": {"path": str(notebook.parent)}}
            NotebookClient(cells, timeout=600, resources=place).execute()
        except CellExecutionError as error:
            raise DramatisError(f"{notebook.name} failed: {error.ename}: {error.evalue}") from error
        finally:
            del os.environ["TOOLKIT_RECORD"]
    for cell in cells.cells:
        cell.metadata.pop("execution", None)
    nbformat.write(cells, notebook)
    print(f"{notebook.name} and its capsule are made anew.", file=sys.stderr)
