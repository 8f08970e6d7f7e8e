"""``toolkit run``, ``map`` and ``reverse``: evolutions as JSON lines, and everything else on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli import evolution_options as shared
from toolkit.cli import options, voice
from toolkit.cli.clean import only_ours
from toolkit.cli.exit_codes import end
from toolkit.cli.session import opened
from toolkit.errors import Incomplete, Interrupted

if TYPE_CHECKING:
    from toolkit.evolutions import Evolutions

__all__ = ["map_", "reverse", "run"]

STUDY = Path("studies/evolutions")
_CALLING = options.Calling(study=STUDY)
_PLACE = options.Place(study=STUDY)
_SERVICES = shared.Source(input_file="town")
_STORED = shared.Source()
_BASIS = shared.Basis()
_MANNER = shared.Manner()


@options.spread
def run(
    *,
    source: shared.Source = _SERVICES,
    output_file: shared.OutputFile = "-",
    basis: shared.Basis = _BASIS,
    mapping_sets: shared.MappingSets = None,
    features_per_role: shared.FeaturesPerRole = 3,
    calling: options.Calling = _CALLING,
    descriptions_model: Annotated[
        str | None, typer.Option(envvar="TOOLKIT_DESCRIPTIONS_MODEL", help="Another model for descriptions.")
    ] = None,
    features_model: Annotated[
        str | None, typer.Option(envvar="TOOLKIT_FEATURES_MODEL", help="Another model for features.")
    ] = None,
    mapping_model: Annotated[
        str | None, typer.Option(envvar="TOOLKIT_MAPPING_MODEL", help="Another model for mappings.")
    ] = None,
    prompt_dir: Annotated[
        Path | None,
        typer.Option(envvar="TOOLKIT_PROMPT_DIR", help="Prompts of your own, evolutions.features.md.j2 say."),
    ] = None,
    plateaus_at_once: Annotated[
        int, typer.Option(envvar="TOOLKIT_PLATEAUS_AT_ONCE", help="Plateaus of one service at work at once.")
    ] = 5,
    max_services: Annotated[
        int | None, typer.Option(envvar="TOOLKIT_MAX_SERVICES", help="How many to take from the top of the list.")
    ] = None,
    schema_version: Annotated[
        str, typer.Option(envvar="TOOLKIT_SCHEMA_VERSION", help="Of the records: 1.0 or 1.1.")
    ] = "1.0",
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", envvar="TOOLKIT_FAIL_FAST", help="Stop at the first service with a failure.")
    ] = False,
    manner: shared.Manner = _MANNER,
) -> None:
    """Say what services become at each plateau: one JSON line a service, in input order."""
    with only_ours() as write, shared.file_of(source.input_file) as services:
        from toolkit.evolutions import FolderPrompts, evolve_services
        from toolkit.verbs import estimate

        given: dict[str, Any] = {
            "reference": basis.load(),
            "mapping_sets": shared.sets_of(mapping_sets),
            "prompts": FolderPrompts(prompt_dir) if prompt_dir is not None else None,
            "features_per_role": features_per_role,
            "models": _by_stage(descriptions=descriptions_model, features=features_model, mapping=mapping_model),
            "plateaus_at_once": plateaus_at_once,
            "max_services": max_services,
            "schema_version": schema_version,
            "fail_fast": fail_fast,
            **manner.of_verb,
        }
        with opened(calling, **manner.of_lab) as lab:
            if calling.dry_run:
                voice.say(str(estimate(evolve_services, services, lab=lab, **given)))
                return
            out = None if output_file == "-" else output_file
            with _told(write, output_file, trace_ids=calling.trace_ids) as take:
                take(evolve_services(services, lab=lab, out=out, resume=manner.resume, **given))


@options.spread
def map_(
    *,
    source: shared.Source = _STORED,
    output_file: shared.OutputFile = "-",
    mapping_sets: shared.MappingSets = None,
    calling: options.Calling = _CALLING,
    service_id: Annotated[
        str | None, typer.Option(envvar="TOOLKIT_SERVICE_ID", help="Only the service of this id.")
    ] = None,
    manner: shared.Manner = _MANNER,
) -> None:
    """Link the features of stored evolutions to catalogues."""
    with only_ours() as write, shared.file_of(source.input_file) as stored:
        from toolkit.evolutions import Evolutions, map_features
        from toolkit.verbs import estimate

        records: Any = Path(stored)
        if service_id is not None:
            records = [_of_service(Evolutions.load(stored), service_id)]
        sets = shared.sets_of(mapping_sets) or ["applications", "technologies", "data"]
        given: dict[str, Any] = {"mapping_sets": sets, **manner.of_verb}
        with opened(calling, **manner.of_lab) as lab:
            if calling.dry_run:
                voice.say(str(estimate(map_features, records, None, lab=lab, **given)))
                return
            out = None if output_file == "-" else output_file
            with _told(write, output_file, trace_ids=calling.trace_ids) as take:
                take(map_features(records, None, lab=lab, out=out, resume=manner.resume, **given))


@options.spread
def reverse(
    *,
    source: shared.Source = _STORED,
    features_file: Annotated[
        str | None,
        typer.Option(envvar="TOOLKIT_FEATURES_FILE", help="Where the features go as JSON lines; - is stdout."),
    ] = None,
    basis: shared.Basis = _BASIS,
    mapping_sets: shared.MappingSets = None,
    features_per_role: shared.FeaturesPerRole = 3,
    place: options.Place = _PLACE,
    base_url: options.BaseUrl = None,
    diagnostics: shared.Diagnostics = False,
) -> None:
    """Fill a study's memory from evolutions, so that `run` with the same data asks nobody."""
    import orjson

    with only_ours() as write, shared.file_of(source.input_file) as stored:
        from toolkit.evolutions import Evolutions, evolve_services
        from toolkit.evolutions.reverse import features_of, reverse_evolutions

        records = list(Evolutions.load(stored))
        base = basis.load()
        with opened(place, base_url=base_url) as lab:
            job = evolve_services.job(
                [record["service"] for record in records],
                reference=base,
                mapping_sets=shared.sets_of(mapping_sets),
                features_per_role=features_per_role,
                diagnostics=diagnostics,
                lab=lab,
            )
            given, lacking = reverse_evolutions(job, records)  # type: ignore[arg-type]  # it is the job of this verb
        text = "".join(f"{orjson.dumps(one).decode()}\n" for one in features_of(records))
        if features_file == "-":
            write(text)
        elif features_file is not None:
            Path(features_file).write_text(text, encoding="utf-8")
        voice.say(
            f"{given:,} replies are in memory for {len(records):,} services; {lacking:,} the evolutions do not hold"
        )


# --- what they share ---


@contextmanager
def _told(write: Callable[[str], None], output_file: str, *, trace_ids: bool) -> Iterator[Callable[[Evolutions], None]]:
    """Take a result, write it where no file was given, say what it came to, and end with the code for it.

    A strict run raises, and one that is interrupted; what is finished is written all the same.
    """
    found: list[Evolutions] = []
    try:
        yield found.append
    except (Incomplete, Interrupted) as error:
        if error.result is not None:
            _said(write, output_file, error.result)
        raise
    for result in found:
        _said(write, output_file, result)
        end(trace_ids, evolutions=result)


def _said(write: Callable[[str], None], output_file: str, result: Evolutions) -> None:
    if output_file == "-":
        write(result.to_jsonl())
    voice.say(str(result.report))
    for name, told in result.mapping().items():
        voice.say(f"  {name}: " + ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in told.items()))
    refused = result.quarantined
    if len(refused):
        voice.say(f"  {len(refused):,} entries in quarantine; `toolkit quarantine ls` lists them")


def _by_stage(**models: str | None) -> dict[str, str] | None:
    return {stage: name for stage, name in models.items() if name} or None


def _of_service(evolutions: Evolutions, service_id: str) -> dict[str, Any]:
    from toolkit.errors import InvalidInput

    try:
        return evolutions[service_id]
    except KeyError:
        raise InvalidInput(f"there is no service {service_id!r} in the file", hint="Check --service-id.") from None
