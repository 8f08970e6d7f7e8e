"""The verbs: evolve services over plateaus, and map stored evolutions onto catalogues."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from toolkit.engine import Budget
from toolkit.errors import Incomplete, InvalidInput
from toolkit.evolutions.brief import STAGES, Brief
from toolkit.evolutions.catalogue import Catalogue, catalogues_of
from toolkit.evolutions.evolutions import Evolutions
from toolkit.evolutions.evolving import EvolveJob, piece_of
from toolkit.evolutions.loading import MappingLoader, PromptLoader, Reference, ShippedPrompts, text_of
from toolkit.evolutions.mapping_anew import MapJob, Stored
from toolkit.evolutions.pieces import Manner
from toolkit.evolutions.plateau import definitions_of, plateaus_of, roles_of
from toolkit.evolutions.record import VERSIONS, canonical, read_record
from toolkit.evolutions.service import read_services
from toolkit.evolutions.strict import each_line
from toolkit.lab import current_lab
from toolkit.study import open_further
from toolkit.verbs import Job, verb

if TYPE_CHECKING:
    from toolkit.lab import Lab

__all__ = ["evolve_services", "map_features"]

_MOST_FEATURES = 20


@verb
def evolve_services(
    services: Any,
    *,
    reference: str | Path | Reference = "town",
    plateaus: Any = None,
    roles: Any = None,
    catalogues: Any = None,
    mapping_sets: Any = None,
    context: str | Path | None = None,
    definitions: Any = None,
    inspirations: Iterable[str | Path] | None = None,
    prompts: PromptLoader | None = None,
    features_per_role: int = 3,
    diagnostics: bool = False,
    models: Mapping[str, str] | None = None,
    plateaus_at_once: int = 5,
    services_at_once: int | None = None,
    max_services: int | None = None,
    attempts: int = 1,
    out: str | Path | None = None,
    resume: bool = False,
    schema_version: Literal["1.0", "1.1"] = "1.0",
    strict_mapping: bool = False,
    fail_fast: bool = False,
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
) -> Job[Evolutions]:
    """Say for each service what it becomes at each plateau: a description, features by role, and what they need.

    One call a service describes it at all plateaus; then one call a plateau names features, with their maturity; and as
    soon as these are there, one call for each catalogue links them to its items. Services and plateaus go on side by
    side, lines come in input order. A part of a reply that cannot be used (an unknown id, a facet that does not fit, a
    description that is missing) is left out and kept in ``lab.quarantine`` with its reason; a call that fails is a row
    of ``errors``; the rest goes on.

    Args:
        services: A JSON-lines file, ``"town"`` for the shipped ones, or services; a bad line is a row of ``errors``.
        reference: The folder of plateaus, roles, definitions and situations, ``"town"``, or a ``Reference``.
        plateaus: Instead of the reference's: a JSON file, or objects with ``id``, ``name`` and ``description``.
        roles: Instead of the reference's: a JSON file, or objects with ``role_id``, ``name`` and ``description``.
        catalogues: What features are mapped onto: names of shipped ones (``applications``, ``technologies``, ``data``),
            files, ``Catalogue`` objects, or a loader with ``catalogues()``. Without any nothing is mapped.
        mapping_sets: The same as ``[{"name": …, "file": …, "field": …}]``, files of the reference's folder.
        context: The situation, as text or the ``Path`` of a file; instead of the reference's.
        definitions: Instead of the reference's.
        inspirations: Texts, or ``Path`` objects; instead of the reference's.
        prompts: Where prompts come from: an object with ``load(name)``; the shipped ones when not given.
        features_per_role: How many features each role gets at each plateau, 1 to 20.
        diagnostics: Ask for a rationale with each link.
        models: Other models by stage: ``{"mapping": "openai:gpt-5-nano"}``; stages are ``descriptions``, ``features``
            and ``mapping``.
        plateaus_at_once: How many plateaus of a service may be at work at once; 1 does one after the other.
        services_at_once: How many services may be; what suits the lab's concurrency when not given.
        max_services: How many to take from the top of the list.
        attempts: How often a reply that cannot be used is asked for; one by policy.
        out: A file for the records, written line by line as soon as each line has its turn; ``<out>.run.json`` beside
            it describes the run.
        resume: Keep what ``out`` holds already and do the rest; refused where input or settings are others.
        schema_version: Of the records.
        strict_mapping: Raise ``Incomplete`` at the end when a link was refused or a feature left out.
        fail_fast: Stop at the first service with a failure.
        seed: For the model's draws; the lab's when not given.
        lab: Where; the current lab when not given.
        budget: What this run may spend: ``"2 USD"``, ``"50_000 tokens"``, ``"100 requests"``.
        strict: Raise ``Incomplete`` at the end when anything failed or was left out.

    Returns:
        ``Evolutions``: one record a service, in input order.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        Interrupted: ■ was pressed; what finished is in ``.result``.

    Example:
        >>> evolutions = evolve_services("town", catalogues=["applications"], max_services=1, lab=lab)
        >>> evolutions.frame["plateau"].cat.categories.tolist()
        ['Foundational', 'Connected', 'Anticipating', 'Outcome-steered', 'Shared']
    """
    here = current_lab(lab)
    base = reference if isinstance(reference, Reference) else Reference.load(reference)
    whole = Reference(
        plateaus=base.plateaus if plateaus is None else plateaus_of(plateaus),
        roles=base.roles if roles is None else roles_of(roles),
        definitions=base.definitions if definitions is None else definitions_of(definitions),
        context=base.context if context is None else text_of(context, "context"),
        inspirations=base.inspirations if inspirations is None else _texts(inspirations),
        folder=base.folder,
    )
    brief = Brief(
        whole,
        _catalogues(catalogues, mapping_sets, base.folder),
        here.seed if seed is None else _whole("seed", seed, least=None),
        _whole("features_per_role", features_per_role, most=_MOST_FEATURES),
        diagnostics,
        prompts or ShippedPrompts(),
        _models(here, models),
    )
    if schema_version not in VERSIONS:
        raise InvalidInput(f"schema_version={schema_version!r}", hint=f"There are {', '.join(VERSIONS)}.")
    found = read_services(services, most=None if max_services is None else _whole("max_services", max_services))
    digest = hashlib.sha256()
    for one in found.good:
        digest.update(orjson.dumps(one.data) + b"\n")
    return EvolveJob(
        here,
        brief,
        [piece_of(one, brief) for one in found.good],
        _manner(plateaus_at_once, services_at_once, strict_mapping, fail_fast, out, resume),
        bad=found.bad,
        digest=digest.hexdigest(),
        version=schema_version,
        attempts=_whole("attempts", attempts),
        strict=strict,
        budget=budget,
    )


@verb
def map_features(
    evolutions: Any,
    catalogues: Any,
    *,
    mapping_sets: Any = None,
    prompts: PromptLoader | None = None,
    diagnostics: bool = False,
    model: str | None = None,
    services_at_once: int | None = None,
    attempts: int = 1,
    out: str | Path | None = None,
    resume: bool = False,
    strict_mapping: bool = False,
    fail_fast: bool = False,
    allow_partial: bool = False,
    seed: int | None = None,
    lab: Lab | None = None,
    budget: str | Budget | None = None,
    strict: bool = False,
) -> Job[Evolutions]:
    """Link the features of stored evolutions to catalogues; what ``evolve_services`` mapped already costs nothing.

    One call for each service, plateau and catalogue. Descriptions, features and mappings of other sets stay as they
    are, and so does the schema version of each record.

    Args:
        evolutions: ``Evolutions``, a JSON-lines file of them, or records.
        catalogues: As for ``evolve_services``.
        mapping_sets: As for ``evolve_services``.
        prompts: As for ``evolve_services``.
        diagnostics: Ask for a rationale with each link.
        model: Another model than the lab's.
        services_at_once: How many services may be at work at once.
        attempts: How often a reply that cannot be used is asked for; one by policy.
        out: A file for the records, written line by line.
        resume: Keep what ``out`` holds already.
        strict_mapping: Raise ``Incomplete`` at the end when a link was refused or a feature left out.
        fail_fast: Stop at the first service with a failure.
        allow_partial: Accept evolutions that are incomplete.
        seed: For the model's draws; when not given, the one they were evolved with, else the lab's.
        lab: Where; the current lab when not given.
        budget: What this run may spend.
        strict: Raise ``Incomplete`` at the end when anything failed or was left out.

    Returns:
        ``Evolutions`` with the links.

    Raises:
        InvalidInput: An argument that cannot be used; nothing was billed.
        Incomplete: The evolutions are incomplete, and ``allow_partial`` is not given.

    Example:
        >>> evolutions = evolve_services("town", max_services=1, lab=lab)
        >>> mapped = map_features(evolutions, ["data"], lab=lab)
        >>> sorted(mapped.links["set"].unique())
        ['data']
    """
    here = current_lab(lab)
    onto = _catalogues(catalogues, mapping_sets, None)
    if not onto:
        raise InvalidInput("there is no catalogue to map onto", hint='Give catalogues=["applications"], say.')
    stored = Stored.of(map(canonical, _records(evolutions, allow_partial=allow_partial)), len(onto))
    base, own = Reference.load(), here.seed if stored.seed is None else stored.seed
    brief = Brief(
        Reference(plateaus=base.plateaus, roles=base.roles),
        onto,
        own if seed is None else _whole("seed", seed, least=None),
        diagnostics=diagnostics,
        prompts=prompts or ShippedPrompts(),
        models=_models(here, None if model is None else {"mapping": model}),
    )
    return MapJob(
        here,
        brief,
        stored.pieces,
        _manner(1, services_at_once, strict_mapping, fail_fast, out, resume),
        digest=stored.digest,
        version=stored.version,
        attempts=_whole("attempts", attempts),
        strict=strict,
        budget=budget,
    )


def _manner(
    plateaus_at_once: int,
    services_at_once: int | None,
    strict_mapping: bool,  # noqa: FBT001  # handed on as it was given
    fail_fast: bool,  # noqa: FBT001  # handed on as it was given
    out: str | Path | None,
    resume: bool,  # noqa: FBT001  # handed on as it was given
) -> Manner:
    if resume and out is None:
        raise InvalidInput("resume=True needs out=", hint="Without a file memory does it: the same call again.")
    return Manner(
        plateaus_at_once=_whole("plateaus_at_once", plateaus_at_once),
        services_at_once=None if services_at_once is None else _whole("services_at_once", services_at_once),
        strict_mapping=strict_mapping,
        fail_fast=fail_fast,
        out=None if out is None else Path(out),
        resume=resume,
    )


def _catalogues(given: Any, sets: Any, folder: Path | None) -> tuple[Catalogue, ...]:
    if given is not None and sets is not None:
        raise InvalidInput("catalogues and mapping_sets were both given", hint="Leave one out.")
    if isinstance(given, MappingLoader):
        return catalogues_of(list(given.catalogues()))
    return catalogues_of(sets if given is None else given, folder)


def _models(lab: Lab, models: Mapping[str, str] | None) -> dict[str, str]:
    unknown = sorted(set(models or ()) - set(STAGES))
    if unknown:
        raise InvalidInput(f"models has the stage {unknown[0]!r}", hint=f"There are {', '.join(STAGES)}.")
    opened = {stage: open_further(lab.engine, lab.settings, name) for stage, name in (models or {}).items()}
    return {stage: name for stage, name in opened.items() if name}


def _texts(given: Iterable[str | Path]) -> tuple[str, ...]:
    if isinstance(given, (str, Path)):
        given = [given]
    return tuple(text_of(one, f"inspiration {number}") for number, one in enumerate(given, start=1))


def _records(given: Any, *, allow_partial: bool) -> Iterator[dict[str, Any]]:
    """Yield records from a result, a file or records.

    Raises:
        InvalidInput: One that cannot be used.
        Incomplete: The result is not complete.
    """
    if isinstance(given, Evolutions):
        if not given.complete and not allow_partial:
            raise Incomplete("the evolutions are incomplete", hint="resume() them, or give allow_partial=True.")
        yield from given
    elif isinstance(given, (str, Path)):
        path = Path(given)
        yield from (read_record(line, f"line {n} of {path.name}") for n, line in each_line(path, "the evolutions"))
    elif isinstance(given, Mapping):
        yield read_record(given)
    elif isinstance(given, Sequence):
        yield from (read_record(one, f"record {number}") for number, one in enumerate(given, start=1))
    else:
        raise InvalidInput(f"evolutions is {type(given).__name__}", hint="Give Evolutions, or a .jsonl file of them.")


def _whole(name: str, value: Any, *, least: int | None = 1, most: int | None = None) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or (least is not None and value < least) or (most is not None and value > most):
        to = f" to {most}" if most is not None else ""
        raise InvalidInput(
            f"{name}={value!r} cannot be used", hint=f"Give a whole number{f' from {least}' if least else ''}{to}."
        )
    return int(value)
