"""Evolving: descriptions, then features by plateau, and a plateau's mappings as soon as its features are there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from toolkit.evolutions.asker import Asker
from toolkit.evolutions.assembly import groups, plateau_record, sets_in_order
from toolkit.evolutions.brief import Brief
from toolkit.evolutions.catalogue import Catalogue
from toolkit.evolutions.job import EvolutionsJob
from toolkit.evolutions.mapping import read_mapping
from toolkit.evolutions.pieces import Done, Piece
from toolkit.evolutions.pipeline import side_by_side
from toolkit.evolutions.reading import feature_id, read_descriptions, read_features
from toolkit.evolutions.record import LABELS
from toolkit.evolutions.service import Service
from toolkit.models import Call

__all__ = ["EvolveJob", "linked", "piece_of"]

_LINE = " ".join(["something", "of", "usual", "length"] * 8)


class EvolveJob(EvolutionsJob):
    """Services as they are about to be evolved."""

    name = "evolve_services"

    async def work(self, asker: Asker, piece: Piece, done: Done) -> dict[str, Any] | None:
        """Evolve one service; a plateau that is lost leaves its place empty, and is a row."""
        brief, service = self.brief, piece.body
        plateaus = brief.reference.plateaus
        call = brief.descriptions(service)
        told = await asker.ask(call, partial(read_descriptions, plateaus=plateaus), done.place)
        if not done.take(told):
            return None
        texts, faults = told.value
        self.set_aside(done, call, told, faults)
        room = asyncio.Semaphore(self.manner.plateaus_at_once)

        async def plateau(level: int) -> dict[str, Any]:
            async with room:
                return await self._plateau(asker, service, level, texts[level - 1], done)

        made = await side_by_side([plateau(level) for level in range(1, len(plateaus) + 1)])
        if not any(one["features"] for one in made):
            return None
        return {"meta": self.meta, "service": {**service, "features": []}, "plateaus": made}

    async def _plateau(
        self, asker: Asker, service: Mapping[str, Any], level: int, text: str, done: Done
    ) -> dict[str, Any]:
        reference = self.brief.reference
        name = reference.plateaus[level - 1].name
        call = self.brief.features(service, level, text)
        told = await asker.ask(
            call,
            partial(
                read_features, roles=reference.roles, plateau_name=name, customer_type=service.get("customer_type")
            ),
            done.place,
        )
        features: list[dict[str, Any]] = []
        if done.take(told):
            features, faults = told.value
            self.set_aside(done, call, told, faults)
        record = plateau_record(self.version, level, name, text, features, reference.roles)
        if features:
            await side_by_side([linked(self, asker, service, record, one, done) for one in self.brief.catalogues])
            sets_in_order(record)
        return record

    def whole(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record has features and all mapping sets at each plateau."""
        sets = {one.field for one in self.brief.catalogues}
        plateaus = record.get("plateaus", [])
        return len(plateaus) == len(self.brief.reference.plateaus) and all(
            one["features"] and sets <= set(one["mappings"]) for one in plateaus
        )

    # --- looking ahead ---

    def calls(self) -> Iterator[Call]:
        """Make about the calls there will be: from what memory holds, the rest from texts of usual length."""
        for piece in self.pieces:
            yield from _foreseen(self, piece.body)


async def linked(
    job: EvolutionsJob,
    asker: Asker,
    service: Mapping[str, Any],
    plateau: dict[str, Any],
    catalogue: Catalogue,
    done: Done,
) -> None:
    """Link the features of a plateau to one catalogue, within its record; where the call fails the set is not there."""
    features = plateau["features"]
    ids = [one["feature_id"] for one in features]
    call = job.brief.mapping(service, plateau["plateau"], plateau["plateau_name"], catalogue, features)
    told = await asker.ask(call, partial(read_mapping, catalogue=catalogue, features=ids), done.place)
    if not done.take(told):
        done.mapping_faults += told.ended
        return
    mapped = told.value
    done.refused.append((catalogue.field, mapped))
    job.set_aside(done, call, told, mapped.faults)
    for feature in features:
        feature["mappings"][catalogue.field] = mapped.links.get(feature["feature_id"], [])
    plateau["mappings"][catalogue.field] = groups(catalogue, features, mapped.links)


def piece_of(service: Service, brief: Brief) -> Piece:
    """Return a service as a piece of work: one call, and for each plateau one and one for each catalogue."""
    plateaus = len(brief.reference.plateaus)
    return Piece(service.service_id, service.data, 1 + plateaus * (1 + len(brief.catalogues)))


def _foreseen(job: EvolveJob, service: Mapping[str, Any]) -> Iterator[Call]:
    brief, reference = job.brief, job.brief.reference
    call = brief.descriptions(service)
    yield call
    known = job.known(call, partial(read_descriptions, plateaus=reference.plateaus))
    texts: Sequence[str] = known[0] if known else [_LINE] * len(reference.plateaus)
    for level, (plateau, text) in enumerate(zip(reference.plateaus, texts, strict=True), start=1):
        call = brief.features(service, level, text)
        yield call
        read = partial(read_features, roles=reference.roles, plateau_name=plateau.name, customer_type=None)
        known = job.known(call, read)
        features = known[0] if known else _stand_ins(brief, plateau.name)
        for catalogue in brief.catalogues:
            yield brief.mapping(service, level, plateau.name, catalogue, features)


def _stand_ins(brief: Brief, plateau_name: str) -> list[dict[str, Any]]:
    """Return features of usual length, as many as are asked for."""
    names = [
        (f"something of usual length {number}", role.role_id)
        for role in brief.reference.roles
        for number in range(1, brief.features_per_role + 1)
    ]
    return [
        {
            "feature_id": feature_id(name, role, plateau_name),
            "name": name,
            "description": _LINE,
            "score": {"level": 1, "label": LABELS[0], "justification": _LINE},
        }
        for name, role in names
    ]
