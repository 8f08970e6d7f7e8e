"""What is measured: calls of the size of a survey question, through our whole stack and through the SDK alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.bridge import bridge
from toolkit.engine import Run, collecting_seldom, run_calls
from toolkit.errors import DramatisError
from toolkit.lab import Lab
from toolkit.models import Call, Message
from toolkit.questions import Choice

__all__ = ["ANSWER", "Pace", "everything_on", "ours", "plain", "questions"]

ANSWER = Choice(["the plain package", "the bold package"], why=True)
_SYSTEM = "You answer a survey as one particular person, who is described at the end. " * 4
_MODEL = "openai:bench"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast some calls went."""

    calls: int
    seconds: float
    """On the wall."""
    cpu: float
    """Seconds of processor time of this process, all its threads together; other load of the machine is not in it."""

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds

    @property
    def cost(self) -> float:
        """Processor seconds a call."""
        return self.cpu / self.calls


def questions(n: int) -> Iterator[Call]:
    """Make ``n`` different calls of the size of a survey question."""
    for number in range(n):
        yield Call(
            messages=(
                Message("system", (_SYSTEM,)),
                Message("user", (f"Which package would you take home? Person {number}: 41 years, teacher.",)),
            ),
            schema=ANSWER.schema,
            seed=number,
            stage="questions",
            item=f"p{number:05}",
        )


def everything_on(model: str, study: Path, **given: Any) -> Lab:
    """Open a lab with every layer at work and no bound that holds.

    Args:
        model: ``provider:model``.
        study: Its folder.
        given: Further arguments of ``Lab``.
    """
    return Lab(
        model,
        study=study,
        limits={model: {"rpm": 1e9, "tpm": 1e13}},
        budget="1_000_000 USD",
        price_as="openai:gpt-5-mini" if model.startswith("openai:") else None,
        **given,
    )


def plain(url: str, key: str, n: int, at_once: int) -> Pace:
    """Return the pace of the SDK alone: ``gather`` and a semaphore, the same requests."""
    return asyncio.run(_plain(url, key, n, at_once))


async def _plain(url: str, key: str, n: int, at_once: int) -> Pace:
    from openai import AsyncOpenAI, DefaultAioHttpClient

    gate = asyncio.Semaphore(at_once)
    shape: Any = {
        "type": "json_schema",
        "json_schema": {"name": "choice", "schema": dict(ANSWER.schema.body), "strict": True},
    }
    async with AsyncOpenAI(base_url=url, api_key=key, max_retries=0, http_client=DefaultAioHttpClient()) as client:

        async def one(call: Call) -> None:
            messages: Any = [{"role": message.role, "content": message.text} for message in call.messages]
            async with gate:
                await client.chat.completions.create(
                    model="bench", messages=messages, response_format=shape, seed=call.seed
                )

        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(one(call) for call in questions(n)))
        return Pace(n, time.perf_counter() - began, time.process_time() - cpu)


def ours(lab: Lab, n: int) -> Pace:
    """Return the pace through the lab's whole stack, as a verb's run goes through it; what it remembers is replayed."""
    began, cpu = time.perf_counter(), time.process_time()
    with collecting_seldom():
        outcomes = bridge().submit(run_calls(lab.engine, questions(n), Run("bench"))).result()
    pace = Pace(n, time.perf_counter() - began, time.process_time() - cpu)
    for outcome in outcomes:
        if not outcome.ok:
            raise DramatisError(f"a call of the benchmark failed: {outcome.error}", hint="Run it again.")
    return pace
