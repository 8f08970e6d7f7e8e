"""Evolutions: what services become, as records, tables and figures."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from toolkit.display import Result
from toolkit.display.html import bars, table
from toolkit.errors import InvalidInput
from toolkit.evolutions import tables
from toolkit.evolutions.catalogue import Catalogue, catalogues_of
from toolkit.evolutions.record import canonical, line_of, read_record
from toolkit.evolutions.strict import each_line

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from toolkit.display.result import Failure
    from toolkit.evolutions.service import BadService
    from toolkit.evolutions.tally import Tally

__all__ = ["Evolutions"]

_SHOWN = ["service", "plateau", "role", "feature", "level", "label"]


class Evolutions(Result):
    """What services become at each plateau: a sequence of records, one a service, in input order.

    Records are held as compressed bytes, so that thousands stay small and nobody changes what was made.

    Args:
        lines: Records, compressed.
        catalogues: What their features are mapped onto.
        plateaus: Names of plateaus, in order.
        bad: Input that could not be used; each is a row of ``errors``.
        tally: What mapping came to.
        run: The run's id in the ledger.
        rest: What every result has.

    Example:
        >>> evolutions = evolve_services("town", catalogues=["data"], max_services=2, seed=7, lab=lab)
        >>> len(evolutions), evolutions["lib-loans"]["service"]["name"], len(evolutions.frame)
        (2, 'Lending and returns', 120)
    """

    def __init__(
        self,
        lines: Sequence[bytes],
        *,
        catalogues: Sequence[Catalogue] = (),
        plateaus: Sequence[str] = (),
        bad: Sequence[BadService] = (),
        tally: Tally | None = None,
        run: str = "",
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        self._lines = tuple(lines)
        self.catalogues = tuple(catalogues)
        self.plateaus = tuple(plateaus)
        self._bad = tuple(bad)
        self._tally = tally
        self._run = run

    # --- records ---

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self._lines)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the records, in input order."""
        for line in self._lines:
            yield orjson.loads(zlib.decompress(line))

    def __getitem__(self, which: int | str) -> dict[str, Any]:
        """Return a record by its place, or by the service's id.

        Raises:
            KeyError: There is no service of that id.
        """
        if isinstance(which, str):
            if which not in self._places:
                raise KeyError(which)
            which = self._places[which]
        found: dict[str, Any] = orjson.loads(zlib.decompress(self._lines[which]))
        return found

    @cached_property
    def _places(self) -> dict[str, int]:
        return {record["service"]["service_id"]: place for place, record in enumerate(self)}

    def to_jsonl(self) -> str:
        """Return the records as JSON lines."""
        return "".join(f"{zlib.decompress(line).decode()}\n" for line in self._lines)

    def save(self, path: str | Path) -> Path:
        """Write the records as JSON lines.

        Args:
            path: Where.

        Raises:
            InvalidInput: It cannot be written.
        """
        target = Path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                file.writelines(zlib.decompress(line) + b"\n" for line in self._lines)
        except OSError as error:
            raise InvalidInput(
                f"{target.name} cannot be written: {error.strerror or error}", hint="Choose another place."
            ) from error
        return target

    @classmethod
    def load(cls, path: str | Path, *, catalogues: Any = None) -> Evolutions:
        """Read records of schema 1.0 or 1.1; each is checked.

        Args:
            path: JSON lines.
            catalogues: What features are mapped onto, for names and ``coverage``; see ``evolve_services``.

        Raises:
            InvalidInput: A line that is no record; the line is named.

        Example:
            >>> path = evolve_services("town", max_services=1, lab=lab).save(tmp / "evolutions.jsonl")
            >>> len(Evolutions.load(path))
            1
        """
        source = Path(path)
        lines = [
            _packed(read_record(line, f"line {number} of {source.name}"))
            for number, line in each_line(source, "the evolutions")
        ]
        return cls.of_lines(lines, catalogues=catalogues)

    @classmethod
    def of_lines(cls, lines: Sequence[bytes], *, catalogues: Any = None) -> Evolutions:
        """Return evolutions of compressed records."""
        made = cls(lines, catalogues=catalogues_of(catalogues))
        levels = {one["plateau"]: one["plateau_name"] for record in made for one in record["plateaus"]}
        made.plateaus = tuple(levels[level] for level in sorted(levels))
        return made

    # --- tables ---

    @cached_property
    def sets(self) -> tuple[str, ...]:
        """Names of the mapping sets: the catalogues', in their order, and what else the records hold."""
        own = [one.field for one in self.catalogues]
        told = {name for record in self for name in record["meta"].get("mapping_types", ())}
        return (*own, *sorted(told - set(own)))

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a feature; ``codebook()`` says what the columns hold."""
        return tables.features(self, self.plateaus, self.sets)

    def _meanings(self) -> Mapping[str, str]:
        return {**tables.CODEBOOK, **{name: f"ids of items of {name}, joined by commas" for name in self.sets}}

    @cached_property
    def links(self) -> pd.DataFrame:
        """One row a link from a feature to an item of a catalogue, with facets as JSON."""
        return tables.links(self, {one.field: one.names for one in self.catalogues})

    @cached_property
    def descriptions(self) -> pd.DataFrame:
        """One row a service and plateau: what the service is there, in words."""
        import pandas as pd

        rows = [
            (record["service"]["service_id"], one["plateau_name"], tables.description_of(record, one))
            for record in self
            for one in record["plateaus"]
        ]
        return pd.DataFrame(rows, columns=["service", "plateau", "description"])

    def matrix(self) -> pd.DataFrame:
        """Return maturity levels of features (by service, role and name) over plateaus; empty where one is not there.

        Example:
            >>> list(evolve_services("town", max_services=1, lab=lab).matrix().columns)[:2]
            ['Foundational', 'Connected']
        """
        return tables.matrix(self.frame)

    def coverage(self, catalogues: Any = None) -> pd.DataFrame:
        """Return how often each item of the catalogues is needed: ``used``, ``unused``, or ``unknown`` to them.

        Args:
            catalogues: Where the evolutions came from a file; the run's own when not given.
        """
        chosen = catalogues_of(catalogues) if catalogues is not None else self.catalogues
        return tables.coverage(self, chosen, self._tally.unknown if self._tally is not None else {})

    def usage(self) -> pd.DataFrame:
        """Return calls, requests, tokens and money by service and stage, live and remembered apart.

        Raises:
            InvalidInput: The evolutions came from a file, of which no ledger tells.

        Example:
            >>> evolve_services("town", max_services=1, lab=lab).usage()[["stage", "calls"]].values.tolist()
            [['descriptions', 1], ['features', 5]]
        """
        if self.lab is None or not self._run:
            raise InvalidInput("these evolutions came from a file", hint="The sidecar beside it tells of its run.")
        return tables.by_service(self.lab.ledger.frame(self._run))

    def mapping(self) -> dict[str, dict[str, int]]:
        """Return links, unknown ids, facets that did not fit and features left out, by mapping set.

        Example:
            >>> evolve_services("town", catalogues=["data"], max_services=1, lab=lab).mapping()["data"]["unknown_ids"]
            0
        """
        return self._tally.by_set() if self._tally is not None else {}

    @property
    def quarantined(self) -> pd.DataFrame:
        """What the study refused of services and replies up to now, with the reason; see ``lab.quarantine``."""
        import pandas as pd

        if self.lab is None:
            return pd.DataFrame({"kind": [], "stage": [], "item": [], "reason": []})
        frame = self.lab.quarantine.frame
        return frame[frame["stage"].str.startswith("evolutions")].reset_index(drop=True)

    def plot(self, what: Literal["maturity", "mapping"] = "maturity", *, mapping_set: str | None = None) -> Figure:
        """Draw maturity by role and plateau, or which items each plateau needs.

        Args:
            what: ``maturity`` or ``mapping``.
            mapping_set: Which; the first one when not given.

        Raises:
            InvalidInput: There is no such picture or set.
        """
        from toolkit.evolutions.plots import mapping_plot, maturity_plot

        if what == "maturity":
            return maturity_plot(self.frame)
        if what != "mapping":
            raise InvalidInput(f"there is no picture {what!r}", hint="Use 'maturity' or 'mapping'.")
        name = mapping_set if mapping_set is not None else next(iter(self.sets), "")
        names = next((one.names for one in self.catalogues if one.field == name), {})
        order = [str(one) for one in self.frame["plateau"].cat.categories]
        return mapping_plot(self.links, order, name, names)

    # --- what a result shows ---

    def _failures(self) -> list[Failure]:
        bad: list[Failure] = [(one.item, one.kind, self._clean(one.message), 0, "") for one in self._bad]
        return [*bad, *super()._failures()]

    def _title(self) -> str:
        sets = f", mapped onto {', '.join(self.sets)}" if self.sets else ""
        return f"{len(self):,} services at {len(self.plateaus)} plateaus, {len(self.frame):,} features{sets}"

    def _body(self) -> str:
        frame = self.frame
        if frame.empty:
            return ""
        means = frame.groupby("plateau", observed=True)["level"].mean()
        drawn = bars(
            [f"{one}: mean maturity" for one in means.index],
            [float(mean) / 5 for mean in means],
            [f"{mean:.1f} of 5" for mean in means],
        )
        return drawn + table(frame[_SHOWN])


def _packed(record: Mapping[str, Any]) -> bytes:
    return zlib.compress(line_of(canonical(dict(record))), 1)
