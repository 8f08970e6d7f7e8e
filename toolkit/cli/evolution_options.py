"""The options that ``run``, ``map``, ``reverse`` and ``preflight`` share; each is also a ``TOOLKIT_*`` variable."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli.config_file import Config
from toolkit.cli.options import BaseUrl, Concurrency

if TYPE_CHECKING:
    from toolkit.evolutions import Reference

__all__ = [
    "Basis",
    "Diagnostics",
    "FeaturesPerRole",
    "Manner",
    "MappingSets",
    "OutputFile",
    "Source",
    "file_of",
    "sets_of",
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


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a command reads."""

    config: Config = None
    input_file: InputFile = "-"


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What services are evolved by."""

    reference: ReferenceFolder = "town"
    context_id: ContextId = None
    inspirations: Inspirations = None

    def load(self) -> Reference:
        """Return it, read."""
        from toolkit.evolutions import Reference

        return Reference.load(self.reference, context_id=self.context_id, inspirations=self.inspirations or ())


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How ``run`` and ``map`` go about it."""

    base_url: BaseUrl = None
    diagnostics: Diagnostics = False
    services_at_once: ServicesAtOnce = None
    concurrency: Concurrency = None
    mode: Mode = None
    strict: Strict = False
    strict_mapping: StrictMapping = False
    resume: Resume = False
    allow_prompt_logging: AllowPromptLogging = False

    @property
    def of_verb(self) -> dict[str, Any]:
        """What the verb is told, but for ``resume``, which an estimate does without."""
        return {
            "diagnostics": self.diagnostics,
            "services_at_once": self.services_at_once,
            "strict": self.strict,
            "strict_mapping": self.strict_mapping,
        }

    @property
    def of_lab(self) -> dict[str, Any]:
        """What the lab is told."""
        return {
            "base_url": self.base_url,
            "concurrency": self.concurrency,
            "mode": self.mode,
            "transcripts": self.allow_prompt_logging or None,
        }


def sets_of(given: list[str] | None) -> list[str] | None:
    """Return the mapping sets of an option that may be repeated, and may hold several with commas between."""
    return [part.strip() for one in given for part in one.split(",") if part.strip()] if given else None


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
