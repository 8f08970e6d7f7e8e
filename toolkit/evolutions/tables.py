"""Tables of evolutions: a row a feature, a row a link, features over plateaus, and how much of a catalogue is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from toolkit.evolutions.catalogue import Catalogue
from toolkit.evolutions.record import LABELS, version_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CODEBOOK", "by_service", "coverage", "features", "links", "matrix"]

Record = Mapping[str, Any]

CODEBOOK = {
    "service": "the service's id",
    "service_name": "its name",
    "customer_type": "whom it is for",
    "plateau": "the plateau's name; categories in the order of the levels",
    "plateau_level": "its level, from 1",
    "role": "the role the feature is for",
    "feature_id": "stable id, made of name, role and plateau",
    "feature": "the feature's name",
    "description": "what it does",
    "level": "maturity, 1 to 5",
    "label": "the name of that level; categories in order",
    "justification": "why that level",
}
"""Columns of ``Evolutions.frame``; behind them one for each mapping set, with the ids of items, joined by commas."""


def features(records: Iterable[Record], plateaus: Sequence[str], fields: Sequence[str]) -> pd.DataFrame:
    """Return one row a feature, in the order of services, plateaus and ids."""
    import pandas as pd

    rows = [row for record in records for row in _rows(record, fields)]
    frame = pd.DataFrame(rows, columns=[*CODEBOOK, *fields])
    found = [str(one) for one in frame["plateau"].unique()]
    order = [*plateaus, *(one for one in found if one not in plateaus)]
    return frame.astype({"plateau_level": "int64", "level": "int64"}).assign(
        plateau=pd.Categorical(frame["plateau"], categories=order, ordered=True),
        label=pd.Categorical(frame["label"], categories=list(LABELS), ordered=True),
    )


def links(records: Iterable[Record], names: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Return one row a link: service, plateau, role, feature, mapping set, item, its name, facets as JSON."""
    import pandas as pd

    rows = [
        {
            "service": record["service"]["service_id"],
            "plateau": plateau["plateau_name"],
            "role": feature.get("role", ""),
            "feature_id": feature["feature_id"],
            "feature": feature["name"],
            "set": name,
            "item": link["item"],
            "item_name": names.get(name, {}).get(link["item"], ""),
            "facets": orjson.dumps(link.get("facets") or {}, option=orjson.OPT_SORT_KEYS).decode(),
            "rationale": link.get("rationale") or "",
        }
        for record, plateau, feature in _each(records)
        for name, given in feature.get("mappings", {}).items()
        for link in given
    ]
    columns = ["service", "plateau", "role", "feature_id", "feature", "set", "item", "item_name", "facets", "rationale"]
    return pd.DataFrame(rows, columns=columns)


def matrix(frame: pd.DataFrame) -> pd.DataFrame:
    """Return maturity levels, features by service, role and name over plateaus; empty where a feature is not there."""
    table = frame.pivot_table(
        index=["service", "role", "feature"], columns="plateau", values="level", aggfunc="max", observed=False
    )
    table.columns = [str(one) for one in table.columns]
    return table


def coverage(
    records: Iterable[Record], catalogues: Sequence[Catalogue], unknown: Mapping[str, Mapping[str, int]]
) -> pd.DataFrame:
    """Return one row an item: set, item, name, how many features and services need it, ``used``, ``unused`` or
    ``unknown`` (a reply named it, and the catalogue does not have it).
    """  # noqa: D205  # one sentence, and it is long
    import pandas as pd

    uses: Counter[tuple[str, str]] = Counter()
    services: dict[tuple[str, str], set[str]] = {}
    for record, _, feature in _each(records):
        for name, given in feature.get("mappings", {}).items():
            for link in given:
                uses[name, link["item"]] += 1
                services.setdefault((name, link["item"]), set()).add(record["service"]["service_id"])
    names = {(one.field, item.id): item.name for one in catalogues for item in one.in_order}
    rows = [
        {
            "set": name,
            "item": item,
            "name": names.get((name, item), ""),
            "features": uses[name, item],
            "services": len(services.get((name, item), ())),
            "status": "used" if uses[name, item] else "unused",
        }
        for name, item in sorted({*names, *uses})
    ]
    rows += [
        {"set": name, "item": item, "name": "", "features": count, "services": 0, "status": "unknown"}
        for name, found in sorted(unknown.items())
        for item, count in sorted(found.items())
    ]
    frame = pd.DataFrame(rows, columns=["set", "item", "name", "features", "services", "status"])
    order = ["used", "unused", "unknown"]
    return frame.assign(status=pd.Categorical(frame["status"], categories=order, ordered=True))


def by_service(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return calls, requests, tokens and money by service and stage, live and remembered apart, from a run's ledger."""
    import pandas as pd

    live = ledger["status"] != "cached"
    stage = ledger["stage"].astype(str).str.removeprefix("evolutions.")
    depth = stage.map({"descriptions": 0, "features": 1, "mapping": 2}).fillna(0).astype(int)
    service = [
        item.rsplit("/", cut)[0] if cut else item for item, cut in zip(ledger["item"].astype(str), depth, strict=True)
    ]
    work = pd.DataFrame(
        {
            "service": service,
            "stage": stage,
            "live": live,
            "from_memory": ~live,
            "failed": ledger["status"].eq("failed"),
            "requests": ledger["tries"].where(live, 0),
            "input_tokens": ledger["input"].where(live, 0),
            "cached_input_tokens": ledger["cached_input"].where(live, 0),
            "output_tokens": ledger["output"].where(live, 0),
            "tokens_saved": (ledger["input"] + ledger["output"]).where(~live, 0),
            "cost_usd": ledger["cost"].where(live),
        }
    )
    grouped = work.groupby(["service", "stage"], sort=False, observed=True)
    money = grouped["cost_usd"].sum(min_count=1)  # where no price is known the sum is unknown, not 0
    counted = grouped[[one for one in work.columns if one not in {"service", "stage", "cost_usd"}]].sum()
    return counted.assign(calls=grouped.size(), cost_usd=money).reset_index()


def _rows(record: Record, fields: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield a record's rows, in the order of ``CODEBOOK`` and then of the mapping sets."""
    service = record["service"]
    told = (service["service_id"], service["name"], service.get("customer_type"))
    for plateau in record["plateaus"]:
        there = (plateau["plateau_name"], plateau["plateau"])
        for feature in plateau.get("features", ()):
            score = feature["score"]
            yield (
                *told,
                *there,
                feature.get("role", ""),
                feature["feature_id"],
                feature["name"],
                feature["description"],
                score["level"],
                score["label"],
                score["justification"],
                *(_items(feature, name) for name in fields),
            )


def _each(records: Iterable[Record]) -> Iterator[tuple[Record, Record, Record]]:
    for record in records:
        for plateau in record["plateaus"]:
            for feature in plateau.get("features", ()):
                yield record, plateau, feature


def _items(feature: Record, name: str) -> str:
    return ", ".join(str(link["item"]) for link in feature.get("mappings", {}).get(name, ()))


def description_of(record: Record, plateau: Record) -> str:
    """Return the text of a plateau, whatever it is called in the record's version."""
    return str(plateau["service_description" if version_of(record) == "1.0" else "description"])
