"""A command's settings file: every option of the command by its name, below options and ``TOOLKIT_*`` variables."""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from toolkit.errors import InvalidInput

__all__ = ["Config"]


def _taken(context: typer.Context, path: Path | None) -> Path | None:
    """Put a file's values under the options that were not given."""
    if path is None:
        return None
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{path.name} cannot be read: {error.strerror or error}", hint="Check --config.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name} is no TOML: {error}", hint="Correct it there.") from error
    known = _known(context)
    for name in told:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            meant = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(sorted(known))}."
            raise InvalidInput(f"{path.name} has the unknown key {name!r}", hint=meant)
    # Variables win over the file also where the library's settings read them, not the command line.
    own = {str(one.name) for one in context.command.params}
    held = {name: told[name] for name in told if name in own and not os.environ.get(f"TOOLKIT_{name.upper()}")}
    context.default_map = {**(context.default_map or {}), **held}
    return path


def _known(context: typer.Context) -> set[str]:
    """Return the options of all commands that take such a file, for one file serves them all."""
    parent = context.parent.command if context.parent is not None else None
    commands = [context.command, *getattr(parent, "commands", {}).values()]
    names = [{str(one.name) for one in command.params} for command in commands]
    return set().union(*(one for one in names if "config" in one)) - {"config", "help", "json_logs"}


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="A TOML file of settings, see data/services/evolutions.toml; options and TOOLKIT_* variables win over it.",
        callback=_taken,
        is_eager=True,
        envvar="TOOLKIT_CONFIG",
    ),
]
