"""Reverse: from stored evolutions back to the replies they were made of, so that a run on them asks nobody."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from toolkit.errors import ContentRefused, InvalidInput
from toolkit.evolutions.brief import STAGES
from toolkit.evolutions.evolving import EvolveJob
from toolkit.evolutions.mapping import label_of
from toolkit.evolutions.tables import description_of
from toolkit.models import Abilities, Call, Identity, Reply
from toolkit.verbs.job import run_blocking

if TYPE_CHECKING:
    from toolkit.lab import Lab

__all__ = ["Answering", "features_of", "reverse_evolutions"]

NOTE = "taken from stored evolutions"


class Answering:
    """A model that answers from stored evolutions in another's name, so that memory holds the replies under its keys.

    Args:
        identity: In whose name.
        abilities: What that model can do.
        records: The evolutions.

    Example:
        >>> import asyncio
        >>> model = Answering(Identity("scripted", "default"), Abilities(), [])
        >>> str(model.identity)
        'scripted:default'
    """

    def __init__(self, identity: Identity, abilities: Abilities, records: Sequence[Mapping[str, Any]]) -> None:
        self.identity = identity
        self.abilities = abilities
        self._replies = {item: text for record in records for item, text in _replies(record)}

    async def complete(self, call: Call) -> Reply:
        """Return what the record holds for a call.

        Raises:
            ContentRefused: It holds nothing: the call failed when the evolutions were made.
        """
        text = self._replies.get(call.item)
        if text is None:
            raise ContentRefused(f"the evolutions hold nothing for {call.item}", hint="A run asks for it.")
        return Reply(text, str(self.identity), value=orjson.loads(text), notes=(NOTE,))

    async def close(self) -> None:
        """Give back nothing: there is nothing to give back."""


def reverse_evolutions(job: EvolveJob, records: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Fill the memory of a job's lab with the replies that its run will ask for; what is there already stays.

    What was refused when the evolutions were made is not in them, so a run on the filled memory makes the same lines,
    but for the meta. Nobody is asked and nothing is spent.

    Args:
        job: What ``evolve_services.job(…)`` gives for the same services, reference data and catalogues.
        records: The evolutions.

    Returns:
        How many replies memory was given or had already, and how many the evolutions do not hold.

    Raises:
        InvalidInput: The lab has no study, or the evolutions were made with other models by stage.

    Example:
        >>> evolutions = evolve_services("town", max_services=1, lab=lab)
        >>> other = Lab("scripted", study=tmp / "other")
        >>> reverse_evolutions(evolve_services.job("town", max_services=1, lab=other), list(evolutions))
        (6, 0)
        >>> evolve_services("town", max_services=1, lab=other).report.live
        0
    """
    from toolkit.lab import Lab

    lab = job.lab
    if lab.study is None:
        raise InvalidInput("a lab that replays a recording cannot be filled", hint="Open a study folder.")
    if any(job.brief.models.get(stage) for stage in STAGES):
        raise InvalidInput("evolutions cannot be reversed for several models", hint="Reverse with one model for all.")
    stored = {record["service"]["service_id"] for record in records}
    chosen = [piece for piece in job.pieces if piece.service_id in stored]
    with Lab(
        Answering(lab.identity, lab.abilities, records),
        study=lab.study,
        seed=lab.seed,
        mode="write",
        tries=1,
        concurrency=lab.engine.concurrency,
    ) as filling:
        try:
            result = run_blocking(_filling(job, filling, chosen))
        finally:
            filling.close()
    report = result.report
    assert report is not None  # noqa: S101  # a run has one
    return report.calls - report.failed, report.failed


def features_of(records: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the features of evolutions, one object each, for a file of their own.

    Example:
        >>> evolutions = evolve_services("town", max_services=1, lab=lab)
        >>> sorted(next(features_of(list(evolutions))))[:3]
        ['customer_type', 'description', 'feature_id']
    """
    for record in records:
        for plateau in record["plateaus"]:
            for feature in plateau.get("features", ()):
                told = {name: value for name, value in feature.items() if name != "mappings"}
                yield {"service_id": record["service"]["service_id"], "plateau": plateau["plateau"], **told}


def _filling(job: EvolveJob, lab: Lab, pieces: Sequence[Any]) -> EvolveJob:
    """Return a copy of a job for a lab that answers from records; it writes no file and asks for no budget."""
    twin = object.__new__(EvolveJob)
    twin.__dict__.update(job.__dict__)
    twin.lab, twin.pieces, twin.budget, twin.bad = lab, tuple(pieces), None, ()
    twin.manner = dataclasses.replace(job.manner, out=None, resume=False, fail_fast=False, strict_mapping=False)
    twin.strict = False
    twin._everything = False  # it is one of us
    return twin


def _replies(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the replies that a record was made of, each in the shape that is asked for."""
    service = record["service"]["service_id"]
    plateaus = sorted(record["plateaus"], key=lambda one: int(one["plateau"]))
    texts = {f"plateau_{one['plateau']}": description_of(record, one) for one in plateaus}
    yield service, _json({"descriptions": texts})
    for plateau in plateaus:
        features = sorted(plateau.get("features", ()), key=lambda one: str(one["feature_id"]))
        if not features:
            continue
        yield f"{service}/{plateau['plateau']}", _json({"features": _by_role(features)})
        for name in plateau.get("mappings", {}):
            links = {label_of(place): one.get("mappings", {}).get(name, []) for place, one in enumerate(features)}
            yield f"{service}/{plateau['plateau']}/{name}", _json({"features": links})


def _by_role(features: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    roles: dict[str, list[dict[str, Any]]] = {}
    for one in features:
        told = {name: one[name] for name in ("name", "description", "score")}
        roles.setdefault(str(one.get("role", "")), []).append(told)
    return roles


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
