"""``toolkit validate``, ``preflight`` and ``migrate``: files of services and evolutions looked at and brought up."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.cli import evolution_options as shared
from toolkit.cli import options, voice
from toolkit.cli.exit_codes import ExitCode

__all__ = ["migrate", "preflight", "validate"]

_SERVICES = shared.Source(input_file="town")
_BASIS = shared.Basis()


def validate(
    input_file: Annotated[str, typer.Option("--input-file", help="Services or evolutions as JSON lines; - is stdin.")],
    *,
    json_logs: options.JsonLogs = False,  # noqa: ARG001  # its callback has acted
) -> None:
    """Check every line of a file of services or of evolutions; exit code 3 when one is bad, and each is named."""
    with shared.file_of(input_file) as path:
        told = _checked(Path(path))
    for fault in told.pop("faults"):
        voice.warn(fault)
    print(json.dumps(told, sort_keys=True))
    if told["bad"]:
        raise typer.Exit(ExitCode.PARTIAL)


@options.spread
def preflight(
    *,
    source: shared.Source = _SERVICES,
    output_file: shared.OutputFile = "-",
    basis: shared.Basis = _BASIS,
    mapping_sets: shared.MappingSets = None,
    model: options.Model = None,
    study: options.Study = Path("studies/evolutions"),
    json_logs: options.JsonLogs = False,  # noqa: ARG001  # its callback has acted
) -> None:
    """Look at all a run needs, and ask nobody; exit code 2 when something is not well."""
    from toolkit.evolutions.preflight import preflight as looked

    def opened() -> str:
        from toolkit.models.opening import model_of
        from toolkit.settings import load_settings

        return str(model_of(load_settings(model=model)).identity)

    with shared.file_of(source.input_file) as services:
        checks = looked(
            services,
            reference=basis.reference,
            context_id=basis.context_id,
            inspirations=tuple(basis.inspirations or ()),
            mapping_sets=shared.sets_of(mapping_sets),
            out=None if output_file == "-" else Path(output_file),
            study=study,
            model=opened,
        )
    for name, well, found in checks:
        print(f"{'ok  ' if well else 'FAIL'}  {name:<11} {found}")
    if not all(well for _, well, _ in checks):
        raise typer.Exit(ExitCode.INPUT)


def migrate(
    from_version: Annotated[str, typer.Option("--from", help="The version of the lines, 1.0.")],
    to_version: Annotated[str, typer.Option("--to", help="The version they become, 1.1.")],
    input_file: Annotated[str, typer.Option("--input", help="JSON lines; - reads standard input.")],
    output_file: Annotated[str, typer.Option("--output", help="JSON lines; - writes standard output.")],
    *,
    json_logs: options.JsonLogs = False,  # noqa: ARG001  # its callback has acted
) -> None:
    """Bring evolutions from one schema version to another; the output appears whole or not at all."""
    from toolkit.evolutions.migrate import check_step, migrate_file

    check_step(from_version, to_version)
    with shared.file_of(input_file) as source, tempfile.TemporaryDirectory(prefix="dramatis-") as scratch:
        target = Path(scratch) / "out.jsonl" if output_file == "-" else Path(output_file)
        count = migrate_file(source, target, from_version=from_version, to_version=to_version)
        if output_file == "-":
            with target.open("rb") as lines:
                shutil.copyfileobj(lines, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    voice.say(f"{count:,} records from {from_version} to {to_version}")


def _checked(path: Path) -> dict[str, Any]:
    """Return how many lines are good and bad, of which kind they are, and what is wrong with the bad."""
    import orjson

    from toolkit.errors import InvalidInput
    from toolkit.evolutions.record import read_record, version_of
    from toolkit.evolutions.service import read_services
    from toolkit.evolutions.strict import each_line

    first = next((line for _, line in each_line(path, "the file")), b"{}")
    try:
        evolved = "plateaus" in orjson.loads(first)
    except (ValueError, TypeError):
        evolved = False
    if not evolved:
        found = read_services(path)
        faults = [f"{one.item} {one.kind}: {one.message}" for one in found.bad]
        return {"kind": "services", "good": len(found.good), "bad": len(found.bad), "faults": faults}
    good, wrong = 0, []
    versions: dict[str, int] = {}
    for number, line in each_line(path, "the file"):
        try:
            version = version_of(read_record(line, f"line {number} of {path.name}"))
        except InvalidInput as error:
            wrong.append(error.message)
        else:
            good += 1
            versions[version] = versions.get(version, 0) + 1
    return {"kind": "evolutions", "good": good, "bad": len(wrong), "versions": versions, "faults": wrong}
