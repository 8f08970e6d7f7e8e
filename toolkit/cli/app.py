"""The root command, and how errors become one line and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from toolkit.cli import capsule_command, demo_command, doctor_command, model_commands, personas_command
from toolkit.errors import DramatisError, Incomplete, Interrupted

__all__ = ["app", "main"]

app = typer.Typer(
    name="toolkit",
    help="Panels of LLM personas, asked about images and text. Exit codes: 0 done, 2 bad input, 3 done in part, "
    "130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(model_commands.app, name="model")
app.add_typer(capsule_command.app, name="capsule")
app.command("demo")(demo_command.demo)
app.command("doctor")(doctor_command.doctor)
app.command("personas")(personas_command.personas)


def _version(value: bool) -> None:  # noqa: FBT001  # typer calls it with the flag
    if value:
        from importlib.metadata import version

        print(version("dramatis-toolkit"))
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Panels of LLM personas, asked about images and text."""


def main() -> None:
    """Run the command line; one clear line for every error that is ours."""
    try:
        app()
    except Interrupted as stop:
        print(f"\n{stop}", file=sys.stderr)
        raise SystemExit(130) from None
    except Incomplete as error:
        print(f"toolkit: {error}", file=sys.stderr)
        raise SystemExit(3) from None
    except DramatisError as error:
        print(f"toolkit: {error}", file=sys.stderr)
        raise SystemExit(2) from None
