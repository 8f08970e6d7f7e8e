"""``toolkit capsule``: what a recording holds, and making one anew."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.exit_codes import ExitCode
from toolkit.errors import CapsuleInvalid, DramatisError, InvalidInput

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
def verify(
    path: Annotated[Path, typer.Argument(help="A .capsule file.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output instead of a line.")] = False,
) -> None:
    """Check every entry and the whole of a capsule. Exit code 3 when it is damaged or was edited."""
    import json

    from toolkit.memory import Capsule

    if not path.is_file():
        raise InvalidInput(f"there is no capsule {path}", hint="Give the path of a .capsule file.")
    try:
        entries, fault = len(Capsule.open(path)), ""
    except CapsuleInvalid as error:
        entries, fault = 0, str(error)
    if as_json:
        print(json.dumps({"capsule": str(path), "entries": entries, "fault": fault, "ok": not fault}, sort_keys=True))
    elif not fault:
        print(f"{path}: {entries:,} entries, all intact")
    if fault:
        print(f"toolkit: {fault}", file=sys.stderr)
        raise typer.Exit(ExitCode.PARTIAL)


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
