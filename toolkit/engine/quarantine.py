"""Quarantine: replies and inputs that were refused are kept, scrubbed, so that somebody can see why."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from toolkit.engine.quarantine_folder import Kept, QuarantineFolder
from toolkit.engine.quarantine_held import QuarantineHeld
from toolkit.engine.run import current_run
from toolkit.errors import CallError, CallTimeout, InvalidInput, InvalidReply
from toolkit.memory import Ticket, Writer
from toolkit.models import Call, Reply
from toolkit.redact import Scrubber

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Kept", "Quarantine", "fault_of"]

_KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")
_COLUMNS = ("id", "kind", "stage", "item", "reason", "model", "run", "request_id", "attempt", "at", "characters")


class Quarantine:
    """What a study refused: one entry each, scrubbed, in the study's folder ``quarantine``.

    Kinds are ``json_parse_error``, ``schema_mismatch``, ``contradiction``, ``unknown_ids``, ``facet_validation``,
    ``timeout`` and whatever else a caller names. ``manifest.json`` beside the entries holds counts and up to three
    examples a kind. Damaged memory files that were moved aside lie in the same folder and are listed as
    ``memory_file``. Refusing the same reply again, in a re-run for example, keeps it once. Of a kind and stage the
    first 2,000 are kept; of those beyond only the number is, in the manifest and in ``only_counted``.

    Args:
        folder: Where; ``None`` keeps entries in this process only.
        writer: The study's writer; without it entries are written at once.
        scrubber: Applied to everything that is kept.

    Example:
        >>> quarantine = Quarantine()
        >>> kept = quarantine.put("schema_mismatch", item="p0003", reason="no such option", content="ada@example.org")
        >>> quarantine.show(kept).content
        '[email]'
        >>> len(quarantine.frame), quarantine.remove(kept)
        (1, 1)
    """

    def __init__(
        self, folder: str | Path | None = None, writer: Writer | None = None, scrubber: Scrubber | None = None
    ) -> None:
        self.scrubber = scrubber or Scrubber()
        self._place = QuarantineHeld() if folder is None else QuarantineFolder(Path(folder))
        self._writer = writer if folder is not None else None
        self._pending: Ticket[Any] | None = None

    def put(self, kind: str, *, reason: str, content: str, **where: Any) -> str:
        """Keep one refused reply or input.

        Args:
            kind: What is wrong with it, in lower case and underscores.
            reason: Why, in one line.
            content: The text that was refused.
            where: ``stage``, ``item``, ``model``, ``key``, ``run``, ``request_id``, ``attempt``: what is known.

        Returns:
            The entry's id.

        Raises:
            InvalidInput: A kind that cannot be a file's name.
        """
        if not _KIND.fullmatch(kind):
            raise InvalidInput(f"the kind {kind!r} of a quarantine entry", hint="Write for example 'schema_mismatch'.")
        reason, content = self.scrubber(" ".join(reason.split())), self.scrubber(content)
        texts = {name: self.scrubber(str(where.pop(name, ""))) for name in ("stage", "item", "model", "run")}
        key, attempt = where.pop("key", ""), where.pop("attempt", 0)
        request_id = where.pop("request_id", None) or ""
        if where:
            raise InvalidInput(f"{next(iter(where))!r} is nothing quarantine keeps", hint="See Quarantine.put.")
        told = [kind, texts["stage"], texts["item"], reason, key or content, attempt]
        entry = Kept(
            id=hashlib.sha256(orjson.dumps(told)).hexdigest()[:12],
            kind=kind,
            reason=reason,
            content=content,
            request_id=request_id,
            key=key,
            attempt=attempt,
            at=time.time(),
            **texts,
        )
        self._keep(entry)
        return entry.id

    def take(self, call: Call, error: CallError, reply: Reply | None, key: str) -> None:
        """Keep what a call brought that was refused; failures of other kinds are rows of the result only."""
        if not isinstance(error, (InvalidReply, CallTimeout)):
            return
        run = current_run.get()
        self.put(
            fault_of(error, call, reply),
            stage=call.stage,
            item=call.item,
            reason=error.message,
            content=reply.text if reply is not None else "",
            model=reply.model if reply is not None else "",
            run=run.id if run is not None else "",
            request_id=error.request_id or (reply.request_id if reply is not None else None),
            key=key,
            attempt=call.attempt,
        )

    @property
    def entries(self) -> tuple[Kept, ...]:
        """All entries, oldest first."""
        self._settle()
        return self._place.entries()

    @property
    def frame(self) -> pd.DataFrame:
        """One row an entry, oldest first; ``characters`` is the length of what was refused, which ``show`` returns."""
        import pandas as pd

        rows = [{**entry.row(), "characters": len(entry.content)} for entry in self.entries]
        frame = pd.DataFrame(rows, columns=list(_COLUMNS))
        frame["at"] = pd.to_datetime(frame["at"].astype(float), unit="s", utc=True)
        return frame

    @property
    def manifest(self) -> dict[str, Any]:
        """Count and up to three examples of each kind."""
        self._settle()
        return self._place.recount()

    def only_counted(self, kind: str | None = None, stage: str | None = None) -> dict[str, int]:
        """Return how many refusals of each kind went beyond those that are kept.

        Args:
            kind: Of this kind only.
            stage: Of this stage only.

        Example:
            >>> Quarantine().only_counted()
            {}
        """
        self._settle()
        return dict(self._place.only_counted(kind, stage))

    def show(self, id: str) -> Kept:  # noqa: A002  # the field's name in every frame
        """Return one entry.

        Args:
            id: Its id, or the beginning of it.

        Raises:
            InvalidInput: No entry, or several, begin so.
        """
        return self._found(id, self.entries)

    def remove(self, *ids: str, kind: str | None = None, stage: str | None = None) -> int:
        """Delete entries and count the rest anew.

        Args:
            ids: Which; their beginnings will do.
            kind: All of this kind, those that were only counted too.
            stage: All of this stage; with ``kind``, those that are both.

        Returns:
            How many entries are gone.

        Raises:
            InvalidInput: An id that is not there; then nothing is removed. Or nothing was named at all.
        """
        if not ids and kind is None and stage is None:
            raise InvalidInput("nothing says what to remove", hint="Give ids, kind= or stage=.")
        entries = self.entries
        chosen = {entry.id: entry for entry in (self._found(one, entries) for one in ids)}
        if kind is not None or stage is not None:
            fits = (one for one in entries if kind in {None, one.kind} and stage in {None, one.stage})
            chosen |= {entry.id: entry for entry in fits}
        whole = None if kind is None and stage is None else (kind, stage)
        return self._place.remove(chosen.values(), whole)

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.entries)

    def __repr__(self) -> str:
        """Return the counts in one line."""
        told = ", ".join(f"{one['count']:,} {kind}" for kind, one in self.manifest.items())
        return f"Quarantine({told or 'empty'})"

    def _keep(self, entry: Kept) -> None:
        if self._writer is None:
            self._place.commit([entry])
        else:
            self._pending = self._writer.submit(self._place, entry)

    def _settle(self) -> None:
        """Wait until what was put is written."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result(60)

    def _found(self, begin: str, entries: Iterable[Kept]) -> Kept:
        found = [entry for entry in entries if begin and entry.id.startswith(begin)]
        if len(found) != 1:
            many = f"{len(found):,} entries begin with" if found else "no entry of the quarantine has"
            raise InvalidInput(f"{many} the id {begin!r}", hint="`toolkit quarantine ls` and .frame list them.")
        return found[0]


def fault_of(error: CallError, call: Call, reply: Reply | None) -> str:
    """Return how quarantine sorts a refusal: by what the refuser said, else by what the reply is.

    Example:
        >>> from toolkit.models import Message
        >>> fault_of(CallTimeout("no reply within 60 s"), Call((Message("user", ("?",)),)), None)
        'timeout'
    """
    if isinstance(error, CallTimeout):
        return "timeout"
    fault = getattr(error, "fault", "")
    if fault:
        return str(fault)
    if call.schema is None or reply is None:
        return "schema_mismatch"
    try:
        orjson.loads(reply.text)
    except orjson.JSONDecodeError:
        return "json_parse_error"
    return "schema_mismatch"
