"""What ``docs/command-line.md`` says of the options, against the options."""

from dataclasses import fields
from pathlib import Path

import typer

from toolkit.cli import options
from toolkit.cli.app import app

TEXT = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")


def test_every_shared_option_is_documented() -> None:
    """S2-15"""
    flags = {flag for command in ("demo", "personas") for flag in flags_of(command)}
    own = {"--people", "--n", "-n", "--population", "--detail", "--context", "--batch", "--attempts", "--out", "--help"}
    shared = flags - own
    assert len(shared) == len(fields(options.Calling))
    assert {flag for flag in shared if f"`{flag}" not in TEXT} == set()


def flags_of(command: str) -> list[str]:
    found = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    return [flag for parameter in found.params for flag in parameter.opts]
