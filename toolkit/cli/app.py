"""The root command, and how errors become one line and an exit code."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli import (
    ask_command,
    bench_command,
    board_command,
    cache_command,
    capsule_command,
    demo_command,
    doctor_command,
    evolution_checks,
    evolution_commands,
    model_commands,
    personas_command,
    populations_command,
    quarantine_command,
    voice,
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
app.command("ask")(ask_command.ask)
app.command("bench")(bench_command.bench)
app.command("board")(board_command.board)
app.command("demo")(demo_command.demo)
app.command("doctor")(doctor_command.doctor)
app.command("run")(evolution_commands.run)
app.command("map")(evolution_commands.map_)
app.command("reverse")(evolution_commands.reverse)
app.command("validate")(evolution_checks.validate)
app.command("preflight")(evolution_checks.preflight)
app.command("migrate")(evolution_checks.migrate)
app.command("personas")(personas_command.personas)
app.command("populations")(populations_command.populations)


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
    voice.begin()
    try:
        app()
    except SystemExit as end:
        stop = _interrupted(end)
        if stop is not None:
            voice.warn(f"{stop.args[0]}. The same command again does only the rest.")
        raise
    except DramatisError as error:
        voice.warn(str(error))
        raise SystemExit(code_of(error)) from None


def _interrupted(end: BaseException | None) -> Interrupted | None:
    """Return the interrupt behind an exit: Typer turns every KeyboardInterrupt into exit code 130 without a word."""
    while end is not None and not isinstance(end, Interrupted):
        end = end.__cause__ or end.__context__
    return end
