"""Services: what a planner has a list of, and how that list is read line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import orjson
from pydantic import BeforeValidator, ConfigDict, Field

from toolkit.errors import InvalidInput
from toolkit.evolutions.strict import Name, Strict, checked, each_line
from toolkit.resources import data_file

__all__ = ["BadService", "JobToBeDone", "Service", "ServiceFeature", "Services", "read_services"]


class JobToBeDone(Strict):
    """What somebody wants done; further keys are kept as they are."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, hide_input_in_errors=True)

    name: Name


class ServiceFeature(Strict):
    """A feature that a service has today; read, and left out of every prompt."""

    feature_id: Name
    name: Name
    description: str


def _job(given: Any) -> Any:
    return {"name": given} if isinstance(given, str) else given


class Service(Strict):
    """One service as it is today.

    Example:
        >>> desk = Service(service_id="s1", name="Front desk", description="Answers.", jobs_to_be_done=["find a book"])
        >>> desk.jobs_to_be_done[0].name
        'find a book'
    """

    service_id: Name
    name: Name
    description: str
    jobs_to_be_done: list[Annotated[JobToBeDone, BeforeValidator(_job)]]
    """A plain string stands for a job of that name."""
    parent_id: str | None = None
    customer_type: str | None = None
    features: list[ServiceFeature] = Field(default_factory=list)

    @property
    def data(self) -> dict[str, Any]:
        """The service as every record and prompt holds it: without the features it came with."""
        return self.model_dump(exclude={"features"})


@dataclass(frozen=True, slots=True)
class BadService:
    """A line of the list that is no service, or one more of an id that was there."""

    item: str
    """The service's id where it has one, else ``line 7``."""
    kind: str
    """``json_parse_error``, ``schema_mismatch`` or ``duplicate_id``."""
    message: str
    content: str
    """The line, for quarantine."""


@dataclass(frozen=True, slots=True)
class Services:
    """A list of services, and what of the list could not be used.

    Example:
        >>> len(read_services("town").good)
        12
    """

    good: tuple[Service, ...]
    bad: tuple[BadService, ...] = ()


Given = str | Path | Service | Mapping[str, Any] | Iterable[Service | Mapping[str, Any]]
"""A JSON-lines file, the name of a shipped list, or services."""


def read_services(given: Any, *, most: int | None = None) -> Services:
    """Read services; a bad line is set aside with its reason, and the others go on.

    Args:
        given: The path of a JSON-lines file, the name of a shipped list (``town``), services, or objects like them.
        most: How many to take at most, from the top.

    Raises:
        InvalidInput: No such file, something that is no list of services, or not one that can be used.
    """
    good: list[Service] = []
    bad: list[BadService] = []
    seen: set[str] = set()
    for place, raw in _each(given):
        if most is not None and len(good) >= most:
            break
        found = _service(place, raw)
        if isinstance(found, Service) and found.service_id in seen:
            content = orjson.dumps(found.data).decode()
            found = BadService(found.service_id, "duplicate_id", f"{place}: a second {found.service_id!r}", content)
        if isinstance(found, BadService):
            bad.append(found)
            continue
        seen.add(found.service_id)
        good.append(found)
    if not good:
        why = f": {bad[0].message}" if bad else ""
        raise InvalidInput(f"there is no service to evolve{why}", hint="Give at least one with service_id and name.")
    return Services(tuple(good), tuple(bad))


def _each(given: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(given, (str, Path)):
        path = _path(given)
        yield from ((f"line {number} of {path.name}", line) for number, line in each_line(path, "the services"))
    elif isinstance(given, (Service, Mapping)):
        yield "service 1", given
    elif isinstance(given, Iterable):
        yield from ((f"service {number}", one) for number, one in enumerate(given, start=1))
    else:
        raise InvalidInput(
            f"services is {type(given).__name__}", hint="Give a .jsonl file, a shipped name like 'town', or services."
        )


def _path(given: str | Path) -> Path:
    path = Path(given)
    shipped = isinstance(given, str) and not path.suffix and len(path.parts) == 1 and not path.exists()
    return data_file(f"services/{given}.jsonl") if shipped else path


def _service(place: str, raw: Any) -> Service | BadService:
    """Return the service of a line, or why it is none."""
    value, content = raw, ""
    if isinstance(raw, bytes):
        content = raw.decode(errors="replace")
        try:
            value = orjson.loads(raw)
        except ValueError as error:
            return BadService(place.partition(" of ")[0], "json_parse_error", f"{place} is no JSON: {error}", content)
    try:
        return checked(Service, value, place)
    except InvalidInput as error:
        named = value.get("service_id") if isinstance(value, Mapping) else None
        item = named if isinstance(named, str) and named else place.partition(" of ")[0]
        return BadService(item, "schema_mismatch", error.message, content or repr(value))
