"""The root command, and how errors become one line and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from toolkit.cli import (
    cache_command,
    capsule_command,
    demo_command,
    doctor_command,
    model_commands,
    personas_command,
    quarantine_command,
)
from toolkit.cli.exit_codes import MEANING, code_of
from toolkit.errors import DramatisError, Interrupted

__all__ = ["app", "main"]

app = typer.Typer(
    name="toolkit",
    help="Panels of LLM personas, asked about images and text. Exit codes: "
    + "; ".join(f"{code:d} {told.partition(';')[0]}" for code, told in MEANING.items())
    + ".",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(model_commands.app, name="model")
app.add_typer(cache_command.app, name="cache")
app.add_typer(capsule_command.app, name="capsule")
app.add_typer(quarantine_command.app, name="quarantine")
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
    except SystemExit as end:
        stop = _interrupted(end)
        if stop is not None:
            print(f"toolkit: {stop.args[0]}. The same command again does only the rest.", file=sys.stderr)
        raise
    except DramatisError as error:
        print(f"toolkit: {error}", file=sys.stderr)
        raise SystemExit(code_of(error)) from None


def _interrupted(end: BaseException | None) -> Interrupted | None:
    """Return the interrupt behind an exit: Typer turns every KeyboardInterrupt into exit code 130 without a word."""
    while end is not None and not isinstance(end, Interrupted):
        end = end.__cause__ or end.__context__
    return end
