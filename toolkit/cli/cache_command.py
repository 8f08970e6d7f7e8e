"""``toolkit cache``: what a study remembers, whether it is intact, and taking some of it away."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli.exit_codes import ExitCode
from toolkit.errors import InvalidInput, MemoryCorrupt

if TYPE_CHECKING:
    from toolkit.memory import SealedStore

__all__ = ["app"]

app = typer.Typer(help="What a study remembers: count it, check it, take some of it away.", no_args_is_help=True)

Study = Annotated[Path | None, typer.Option(help="Folder of the study; TOOLKIT_STUDY's when not given.")]
_TIMES = {"oldest", "newest", "used"}
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output instead of a table.")]


@app.command()
def stats(*, study: Study = None, as_json: AsJson = False) -> None:
    """Count what a study remembers, by stage and by function."""
    with _opened(study, writing=False) as store:
        _say(asdict(store.stats()), as_json=as_json)


@app.command()
def validate(
    *,
    study: Study = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove what is damaged, so that it is made anew.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read and verify every entry; changes nothing unless told to. Exit code 3 when damage was found."""
    with _opened(study, writing=False) as store:
        found = store.validate()
        missing = _missing(store)
    removed = 0
    if remove and (found.damaged or found.file != "ok"):
        with _opened(study, writing=True) as store:
            removed = store.purge(damaged=True)
    told = {"ok": found.ok, "corrupt": found.damaged, "missing": missing, "removed": removed, "file": found.file}
    _say(told | {"examples": list(found.examples)}, as_json=as_json)
    if found.damaged or found.file != "ok":
        raise typer.Exit(ExitCode.PARTIAL)


@app.command()
def purge(
    *,
    study: Study = None,
    older_than: Annotated[str | None, typer.Option(help='Made longer ago: "30 days", "12 h".')] = None,
    max_size: Annotated[
        str | None, typer.Option(help='Then what was used longest ago, until the file needs no more than "2 GB".')
    ] = None,
    stage: Annotated[str | None, typer.Option(help="Only of this stage, for example questions.")] = None,
    fallback: Annotated[bool, typer.Option("--fallback", help="Only replies that a fallback gave.")] = False,
    damaged: Annotated[bool, typer.Option("--damaged", help="Only entries that do not verify.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove the entries that meet every condition given, then what is too much for --max-size."""
    from toolkit.memory import age_of, size_of

    age = None if older_than is None else age_of(older_than, "--older-than")
    size = None if max_size is None else size_of(max_size, "--max-size")
    conditions = damaged or fallback or age is not None or stage is not None
    if not conditions and size is None:
        raise InvalidInput(
            "purge was given no condition", hint="Give --older-than, --max-size, --stage, --fallback or --damaged."
        )
    with _opened(study, writing=True) as store:
        removed = store.purge(damaged=damaged, older_than=age, stage=stage, fallback=fallback) if conditions else 0
        evicted = store.fit(disk=size) if size is not None else 0
        left = store.stats()
        told = {"removed": removed + evicted, "left": left.entries, "size": left.size, "file_size": left.file_size}
        _say(told, as_json=as_json)


@app.command("import")
def import_entries(
    folder: Annotated[Path, typer.Argument(help="The earlier program's cache folder, or one of loose entries.")],
    *,
    study: Study = None,
    as_json: AsJson = False,
) -> None:
    """Take entries of the earlier program, or loose ones of our own, into a study; what is there already stays."""
    from toolkit.memory import import_folder

    with _opened(study, writing=True, make=True) as store:
        found = asdict(import_folder(store, folder))
        _say(found, as_json=as_json)
    if found["damaged"]:
        raise typer.Exit(ExitCode.PARTIAL)


@contextmanager
def _opened(study: Path | None, *, writing: bool, make: bool = False) -> Iterator[SealedStore]:
    """Open a study's memory; damage of the whole file ends the command with its exit code."""
    from toolkit.memory import SealedStore
    from toolkit.memory.sealed import FILE
    from toolkit.settings import load_settings

    path = load_settings(study=study).study / FILE
    if not (make or path.is_file()):
        raise InvalidInput(f"there is no memory in {path.parent}", hint="Give the folder of a study, --study ….")
    try:
        with SealedStore(path, heal=writing, read_only=not writing) as store:
            yield store
            healed = store.counts.quarantined
    except MemoryCorrupt as error:
        print(f"toolkit: {error}", file=sys.stderr)
        raise typer.Exit(ExitCode.PARTIAL) from None
    if healed:
        raise typer.Exit(ExitCode.PARTIAL)


def _missing(store: SealedStore) -> int:
    """Count the calls that the study's ledger has as answered, and that memory does not hold."""
    from toolkit.memory import REPLIES

    ledger = store.path.with_name("ledger.jsonl")
    if not ledger.is_file():
        return 0
    with ledger.open("rb") as lines:
        return len({bytes.fromhex(key) for key in store.absent(REPLIES, _answered(lines))})


def _answered(lines: Iterator[bytes]) -> Iterator[str]:
    import orjson

    for line in lines:
        try:
            row = orjson.loads(line)
            if row.get("status", "ok") in {"ok", "cached"} and len(bytes.fromhex(row["key"])):
                yield row["key"]
        except (AttributeError, KeyError, TypeError, ValueError):
            continue  # a line that a killed process left half written


def _say(told: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(told, indent=2, sort_keys=True))
        return
    for label, value in _lines(told):
        shown = f"{value:,}" if isinstance(value, int) else str(value)
        print(f"{label:<32} {shown:>20}")


def _lines(told: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in told.items():
        label = name.replace("_", " ")
        if isinstance(value, Mapping):
            yield from ((f"{label}: {inner or '(none)'}", number) for inner, number in value.items())
        elif isinstance(value, list):
            yield from ((label, one) for one in value)
        elif name in _TIMES:
            yield label, _when(value)
        else:
            yield label, value


def _when(at: float | None) -> str:
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
