"""The reader: describes images for models without eyes, by calls like any other, which memory and capsules hold."""

from __future__ import annotations

import asyncio
import time

from toolkit.errors import BadRequest
from toolkit.media.description import VERSION, describe_image, reader_name
from toolkit.models.call import Call, Identity, Reply, Usage
from toolkit.models.model import Abilities

__all__ = ["PROVIDER", "ReaderModel"]

PROVIDER = "reader"


class ReaderModel:
    """Answers a call that holds one image with what a machine can tell of it; nobody is paid.

    Example:
        >>> str(ReaderModel().identity).startswith("reader:")
        True
    """

    def __init__(self) -> None:
        self._identity = Identity(PROVIDER, reader_name() or "colours", {"version": VERSION})

    @property
    def identity(self) -> Identity:
        """What reads, and by which rule."""
        return self._identity

    @property
    def abilities(self) -> Abilities:
        """Images, one at a time."""
        return Abilities(schema=False, logprobs=False, seed=False, concurrency=2)

    async def complete(self, call: Call) -> Reply:
        """Describe the image of a call.

        Raises:
            BadRequest: The call does not hold just one image.
        """
        if len(call.pictures) != 1:
            raise BadRequest(f"the reader was given {len(call.pictures)} images", hint="Give it one.")
        started, clock = time.time(), time.perf_counter()
        text = str(await asyncio.to_thread(describe_image, call.pictures[0].image))
        latency = time.perf_counter() - clock
        return Reply(text, str(self._identity), usage=Usage(), started=started, latency=latency)

    def price(self, usage: Usage) -> float:  # noqa: ARG002  # nobody is paid, whatever it takes
        """Return what it costs: nothing."""
        return 0.0

    async def close(self) -> None:
        """Nothing to give back."""
