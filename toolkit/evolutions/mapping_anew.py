"""Mapping anew: features of stored evolutions onto catalogues, with the calls a run would make."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from toolkit.errors import InvalidInput
from toolkit.evolutions.asker import Asker
from toolkit.evolutions.assembly import roles_record, sets_in_order
from toolkit.evolutions.evolving import linked
from toolkit.evolutions.job import EvolutionsJob
from toolkit.evolutions.pieces import Done, Piece
from toolkit.evolutions.pipeline import side_by_side
from toolkit.evolutions.record import line_of, version_of
from toolkit.models import Call

__all__ = ["MapJob", "Stored"]


class MapJob(EvolutionsJob):
    """Stored evolutions whose features are about to be mapped."""

    name = "map_features"

    async def work(self, asker: Asker, piece: Piece, done: Done) -> dict[str, Any] | None:
        """Map one record; descriptions, features and mappings of other sets stay."""
        record = _opened(piece)
        names = {role.role_id: role.name for role in self.brief.reference.roles}
        calls = []
        for plateau in record["plateaus"]:
            plateau["roles"] = plateau.get("roles") or roles_record(plateau["features"], names)
            if plateau["features"]:
                calls += [linked(self, asker, _service(record), plateau, one, done) for one in self.brief.catalogues]
        await side_by_side(calls)
        for plateau in record["plateaus"]:
            sets_in_order(plateau)
        return {**record, "meta": self._meta(record["meta"], version_of(record))}

    def whole(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record has all mapping sets at each plateau that has features."""
        sets = {one.field for one in self.brief.catalogues}
        return all(sets <= set(one["mappings"]) for one in record.get("plateaus", []) if one["features"])

    def calls(self) -> Iterator[Call]:
        """Make the calls."""
        for piece in self.pieces:
            record = _opened(piece)
            for plateau in record["plateaus"]:
                for one in self.brief.catalogues if plateau["features"] else ():
                    yield self.brief.mapping(
                        _service(record), plateau["plateau"], plateau["plateau_name"], one, plateau["features"]
                    )

    def _meta(self, meta: Mapping[str, Any], version: str) -> dict[str, Any]:
        """Return the meta of a mapped record: how it was evolved stays, how it was mapped is told anew."""
        told = {name: self.meta[name] for name in ("run_id", "catalogue_hash", "diagnostics")}
        fields = {*meta.get("mapping_types", ()), *self.meta["mapping_types"]}
        models = {**meta.get("models", {}), "mapping": self.meta["models"]["mapping"]}
        return {**meta, "schema_version": version, **told, "models": models, "mapping_types": sorted(fields)}


@dataclass(frozen=True, slots=True)
class Stored:
    """Stored evolutions, as they are about to be mapped; records are held as compressed bytes."""

    pieces: tuple[Piece, ...]
    digest: str
    """Over all records."""
    seed: int | None
    """The seed that all were made with, where there is one: with it memory knows what was mapped already."""
    version: str
    """The schema version of the first."""

    @classmethod
    def of(cls, records: Iterable[Mapping[str, Any]], catalogues: int) -> Stored:
        """Take records in, one after the other.

        Args:
            records: In canonical order within each.
            catalogues: How many they are mapped onto: one call for each plateau with features and each catalogue.

        Raises:
            InvalidInput: There is none, or two are of one service.
        """
        pieces: dict[str, Piece] = {}
        seeds: set[Any] = set()
        digest, version = hashlib.sha256(), ""
        for record in records:
            service, line = record["service"]["service_id"], line_of(record)
            if service in pieces:
                raise InvalidInput(f"the service {service!r} has two records", hint="Leave one out.")
            digest.update(line + b"\n")
            seeds.add(record["meta"].get("seed"))
            version = version or version_of(record)
            filled = sum(bool(one.get("features")) for one in record["plateaus"])
            pieces[service] = Piece(service, zlib.compress(line, 1), filled * catalogues)
        if not pieces:
            raise InvalidInput("there are no evolutions to map", hint="Give at least one record.")
        seed = seeds.pop() if len(seeds) == 1 else None
        return cls(tuple(pieces.values()), digest.hexdigest(), seed, version)


def _opened(piece: Piece) -> dict[str, Any]:
    """Return a fresh copy of a record, each feature with a place for mappings."""
    fresh: dict[str, Any] = orjson.loads(zlib.decompress(piece.body))
    for plateau in fresh["plateaus"]:
        plateau.setdefault("features", [])
        plateau.setdefault("mappings", {})
        for feature in plateau["features"]:
            feature.setdefault("mappings", {})
    return fresh


def _service(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the service as prompts show it: without the features it came with."""
    return {name: value for name, value in record["service"].items() if name != "features"}
