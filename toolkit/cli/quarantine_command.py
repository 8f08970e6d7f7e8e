"""``toolkit quarantine``: what a study refused, and taking it away."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.errors import InvalidInput

if TYPE_CHECKING:
    from toolkit.engine import Quarantine

__all__ = ["app"]

app = typer.Typer(help="What a study refused: replies, inputs, damaged files.", no_args_is_help=True)

Study = Annotated[Path | None, typer.Option(help="Folder of the study; TOOLKIT_STUDY's when not given.")]
Kind = Annotated[str | None, typer.Option(help="Only this kind, for example json_parse_error.")]
Stage = Annotated[str | None, typer.Option(help="Only this stage, for example questions.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output instead of text.")]


@app.command("ls")
def list_entries(*, study: Study = None, kind: Kind = None, stage: Stage = None, as_json: AsJson = False) -> None:
    """List what lies in quarantine, oldest first, and count it by kind."""
    quarantine = _open(study)
    entries = [one for one in quarantine.entries if kind in {None, one.kind} and stage in {None, one.stage}]
    beyond = quarantine.only_counted(kind, stage)
    if as_json:
        print(json.dumps([one.row() for one in entries], indent=2))
    else:
        for one in entries:
            print("  ".join(part for part in (one.id, one.kind, one.stage, one.item, one.reason) if part))
        told = _told(Counter(one.kind for one in entries))
        print(f"{len(entries):,} in quarantine" + (f": {told}" if told else ""), file=sys.stderr)
    if beyond:
        print(f"{sum(beyond.values()):,} more were only counted: {_told(beyond)}", file=sys.stderr)


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="An entry's id, or the beginning of it.")],  # noqa: A002  # its name
    *,
    study: Study = None,
    as_json: AsJson = False,
) -> None:
    """Print one entry: where it came from, why it was refused, and what it said (scrubbed)."""
    entry = _open(study).show(id)
    print(json.dumps(asdict(entry), indent=2) if as_json else entry)


@app.command("rm")
def remove(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of entries, or their beginnings.")] = None,
    *,
    study: Study = None,
    kind: Kind = None,
    stage: Stage = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that is there.")] = False,
) -> None:
    """Delete entries, and count the rest anew."""
    quarantine = _open(study)
    if everything:
        if ids or kind or stage:
            raise InvalidInput("--all was given beside a choice", hint="Give --all alone, or ids, --kind, --stage.")
        gone = sum(quarantine.remove(kind=one) for one in list(quarantine.manifest))
    else:
        gone = quarantine.remove(*ids or (), kind=kind, stage=stage)
    print(f"{gone:,} removed, {len(quarantine):,} left", file=sys.stderr)


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))


def _open(study: Path | None) -> Quarantine:
    """Open a study's quarantine without opening its memory."""
    from toolkit.engine import Quarantine
    from toolkit.settings import load_settings

    folder = load_settings(study=study).study
    if not folder.is_dir():
        raise InvalidInput(f"there is no study {folder}", hint="Give the folder of a study, --study ….")
    return Quarantine(folder / "quarantine")
