"""The layer that keeps transcripts: prompt and reply of each call that a model was asked, scrubbed first."""

from __future__ import annotations

import time

from toolkit.errors import CallError
from toolkit.memory import SealedStore, Transcript
from toolkit.models import Call, Identity, Message, Picture, Reply, Responder
from toolkit.redact import Scrubber

__all__ = ["Transcribed"]


class Transcribed:
    """Writes down what passes: what was asked, and the reply or the failure; memory's own answers do not pass here.

    It stands right under the cache, so that a transcript is queued before the reply and is on disk with it.

    Args:
        inner: What answers.
        store: Where transcripts are kept.
        identity: Who is asked.
        scrubber: Applied to every text.
    """

    def __init__(self, inner: Responder, store: SealedStore, identity: Identity, scrubber: Scrubber) -> None:
        self._inner = inner
        self._store = store
        self._identity = identity
        self._scrubber = scrubber

    async def complete(self, call: Call) -> Reply:
        """Answer, and write the transcript."""
        try:
            reply = await self._inner.complete(call)
        except CallError as error:
            self._keep(call, error.reply, str(error))
            raise
        self._keep(call, reply, "")
        return reply

    def _keep(self, call: Call, reply: Reply | None, failure: str) -> None:
        transcript = Transcript(
            stage=call.stage,
            item=call.item,
            model=reply.model if reply is not None else str(self._identity),
            at=time.time(),
            asked=tuple((message.role, self._scrubber(_text(message))) for message in call.messages),
            reply=self._scrubber(reply.text) if reply is not None else "",
            failure=self._scrubber(failure),
            request_id=(reply.request_id if reply is not None else None) or "",
            key=call.key(self._identity),
        )
        self._store.put(transcript.entry())


def _text(message: Message) -> str:
    return "\n".join(f"[{_shown(part)}]" if isinstance(part, Picture) else part for part in message.parts)


def _shown(picture: Picture) -> str:
    return f"picture {picture.image.digest[:12]}" + (f": {picture.image.alt}" if picture.image.alt else "")
