"""What a run's mappings came to, by mapping set, under the names they are exported by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.evolutions.catalogue import Catalogue
from toolkit.evolutions.mapping import Mapped

__all__ = ["Tally"]


class Tally:
    """Counts of features and links; tracing exports ``metrics`` once a run has ended.

    Example:
        >>> Tally(()).metrics()["toolkit_mapping_links"]
        0
    """

    def __init__(self, catalogues: Sequence[Catalogue]) -> None:
        self._fields = [one.field for one in catalogues]
        self._features = 0
        self._links: Counter[str] = Counter()
        self._faults: Counter[tuple[str, str]] = Counter()
        self.unknown: dict[str, Counter[str]] = {name: Counter() for name in self._fields}
        """Ids that replies named and catalogues do not have, by set."""

    def known(self, record: Mapping[str, Any]) -> None:
        """Count a record that is done."""
        for plateau in record["plateaus"]:
            self._features += len(plateau.get("features", ()))
            for feature in plateau.get("features", ()):
                self._links.update({name: len(links) for name, links in feature.get("mappings", {}).items()})

    def refused(self, field: str, mapped: Mapped) -> None:
        """Count what of a mapping reply could not be used."""
        self._faults.update((field, fault.kind) for fault in mapped.faults)
        self.unknown.setdefault(field, Counter()).update(mapped.unknown)

    def by_set(self) -> dict[str, dict[str, int]]:
        """Return links, unknown ids, facets that did not fit and features left out, by mapping set."""
        return {
            name: {
                "links": self._links[name],
                "unknown_ids": self._faults[name, "unknown_ids"],
                "facet_faults": self._faults[name, "facet_validation"],
                "missing": self._faults[name, "missing_mapping"],
            }
            for name in sorted({*self._fields, *self._links})
        }

    def metrics(self) -> dict[str, float]:
        """Return the numbers over all sets, by the names of metrics."""
        sets = self.by_set().values()
        return {
            "toolkit_mapping_features": self._features,
            "toolkit_mapping_links": sum(one["links"] for one in sets),
            "toolkit_mapping_unknown_ids": sum(one["unknown_ids"] for one in sets),
            "toolkit_mapping_facet_faults": sum(one["facet_faults"] for one in sets),
            "toolkit_mapping_missing": sum(one["missing"] for one in sets),
        }
