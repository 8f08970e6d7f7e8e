"""The options that ``run``, ``map``, ``reverse`` and ``preflight`` share; each is also a ``TOOLKIT_*`` variable."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AllowPromptLogging",
    "Concurrency",
    "ContextId",
    "Diagnostics",
    "FeaturesPerRole",
    "InputFile",
    "Inspirations",
    "MappingSets",
    "MaxServices",
    "Mode",
    "OutputFile",
    "ReferenceFolder",
    "Resume",
    "ServicesAtOnce",
    "Strict",
    "StrictMapping",
    "file_of",
]

InputFile = Annotated[
    str,
    typer.Option("--input-file", envvar="TOOLKIT_INPUT_FILE", help="JSON lines; - reads standard input."),
]
OutputFile = Annotated[
    str,
    typer.Option("--output-file", envvar="TOOLKIT_OUTPUT_FILE", help="JSON lines; - writes standard output."),
]
ReferenceFolder = Annotated[
    str,
    typer.Option(
        envvar="TOOLKIT_REFERENCE", help="Folder of roles.json and its neighbours, or town for the shipped one."
    ),
]
ContextId = Annotated[
    str | None,
    typer.Option(envvar="TOOLKIT_CONTEXT_ID", help="Which situation: a name in the folder's situational_context."),
]
Inspirations = Annotated[
    list[str] | None,
    typer.Option(
        "--inspirations", envvar="TOOLKIT_INSPIRATIONS", help="A name in the folder's inspirations; repeatable."
    ),
]
MappingSets = Annotated[
    list[str] | None,
    typer.Option(
        "--mapping-sets",
        envvar="TOOLKIT_MAPPING_SETS",
        help="A catalogue: applications, technologies, data, or a file; repeatable.",
    ),
]
FeaturesPerRole = Annotated[
    int, typer.Option(envvar="TOOLKIT_FEATURES_PER_ROLE", help="Features for each role at each plateau.")
]
Diagnostics = Annotated[
    bool, typer.Option("--diagnostics", envvar="TOOLKIT_DIAGNOSTICS", help="Ask for a rationale with each link.")
]
ServicesAtOnce = Annotated[
    int | None, typer.Option(envvar="TOOLKIT_SERVICES_AT_ONCE", help="Services at work at once.")
]
MaxServices = Annotated[
    int | None, typer.Option(envvar="TOOLKIT_MAX_SERVICES", help="How many to take from the top of the list.")
]
Concurrency = Annotated[int | None, typer.Option(help="Calls in flight at once; TOOLKIT_CONCURRENCY's when not given.")]
Mode = Annotated[
    str | None,
    typer.Option("--mode", "--cache-mode", help="How memory is used: read, refresh, write, replay or off."),
]
Strict = Annotated[
    bool, typer.Option("--strict/--no-strict", envvar="TOOLKIT_STRICT", help="Exit code 4 when anything failed.")
]
StrictMapping = Annotated[
    bool,
    typer.Option(
        "--strict-mapping/--no-strict-mapping",
        "--fail-on-quarantine/--no-fail-on-quarantine",
        envvar="TOOLKIT_STRICT_MAPPING",
        help="Exit code 4 when a link was refused or a feature left out.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", "--continue", envvar="TOOLKIT_RESUME", help="Keep what the output file holds, and do the rest."
    ),
]
AllowPromptLogging = Annotated[
    bool,
    typer.Option(
        "--allow-prompt-logging",
        envvar="TOOLKIT_ALLOW_PROMPT_LOGGING",
        help="Keep prompt and reply of each call in the study, scrubbed.",
    ),
]


@contextmanager
def file_of(given: str) -> Iterator[str | Path]:
    """Give the file of an input option: for ``-`` one with what standard input held; a bare name stays a name."""
    if given != "-":
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="dramatis-") as folder:
        path = Path(folder) / "stdin.jsonl"
        with path.open("wb") as held:
            while block := sys.stdin.buffer.read(1 << 20):
                held.write(block)
        yield path
