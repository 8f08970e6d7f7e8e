"""A model that answers like a planner, and goes wrong where a test says so; it notes when each call began and ended."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Any

import orjson

from toolkit.models import Abilities, Call, Identity, Reply, Usage
from toolkit.models._responder import respond


class Planner:
    """Answers from each call's schema; ``says`` holds what it says instead, by item: JSON, text or an error."""

    identity = Identity("mine", "planner")
    abilities = Abilities(concurrency=16)

    def __init__(self, **says: Any) -> None:
        self.says: dict[str, Any] = dict(says)
        self.hangs: set[str] = set()
        self.wait = 0.0
        self.asked: list[Call] = []
        self.log: list[tuple[str, str]] = []
        self.peak_plateaus: Counter[str] = Counter()
        self._at_work: dict[str, Counter[str]] = defaultdict(Counter)

    async def complete(self, call: Call) -> Reply:
        self.asked.append(call)
        service, _, rest = call.item.partition("/")
        plateau = rest.partition("/")[0]
        self.log.append(("begun", call.item))
        if plateau:
            self._at_work[service][plateau] += 1
            busy = sum(count > 0 for count in self._at_work[service].values())
            self.peak_plateaus[service] = max(self.peak_plateaus[service], busy)
        try:
            await asyncio.sleep(self.wait)
            if call.item in self.hangs:
                await asyncio.Event().wait()
            return self._reply(call)
        finally:
            self.log.append(("ended", call.item))
            if plateau:
                self._at_work[service][plateau] -= 1

    async def close(self) -> None:
        """Nothing to give back."""

    def _reply(self, call: Call) -> Reply:
        said = self.says.get(call.item)
        if callable(said):
            said = said(call)
        if isinstance(said, Exception):
            raise said
        assert call.schema is not None
        value = respond(call.schema.body, 7, call.item) if said is None else said
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        return Reply(
            text, str(self.identity), value=value, usage=Usage(input=10, output=10), request_id=f"req-{call.item}"
        )


def service(number: int, **more: Any) -> dict[str, Any]:
    """Return a small service."""
    return {
        "service_id": f"s{number}",
        "name": f"Service {number}",
        "description": f"What service {number} does.",
        "jobs_to_be_done": ["get it done"],
        "customer_type": "readers",
        **more,
    }


def features(*names: str, role: str = "public", level: int = 2, label: str = "Managed") -> dict[str, Any]:
    """Return a features reply with these names for one role."""
    rows = [
        {
            "name": name,
            "description": f"{name} for all.",
            "score": {"level": level, "label": label, "justification": "so"},
        }
        for name in names
    ]
    return {"features": {role: rows}}
