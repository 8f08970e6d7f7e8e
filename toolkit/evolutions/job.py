"""The job behind both verbs: pieces of work in input order, a line each, failures as rows, bad parts in quarantine."""

from __future__ import annotations

import abc
import asyncio
import dataclasses
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from toolkit.display import Report
from toolkit.engine import BUDGET, NOT_RUN, Budget, Outcome, Run, current_run, git_sha
from toolkit.errors import InvalidReply
from toolkit.evolutions.asker import Asker, Read
from toolkit.evolutions.assembly import decided, meta_of, run_id_of
from toolkit.evolutions.brief import STAGES, Brief
from toolkit.evolutions.evolutions import Evolutions
from toolkit.evolutions.out import LineFile
from toolkit.evolutions.pieces import Done, Manner, Piece, Told
from toolkit.evolutions.pipeline import InOrder
from toolkit.evolutions.reading import Fault
from toolkit.evolutions.record import line_of
from toolkit.evolutions.service import BadService
from toolkit.evolutions.tally import Tally
from toolkit.models import Call, Reply
from toolkit.verbs import Job
from toolkit.verbs.job import run_blocking

if TYPE_CHECKING:
    from toolkit.lab import Lab

__all__ = ["EvolutionsJob"]

_REASONS = 5
"""Reasons of one kind that one entry of quarantine names."""
_WAYS = 4
"""Share of the calls at once that services at once make: each has several at work."""


class EvolutionsJob(Job[Evolutions]):
    """A run as it is about to be made.

    Args:
        lab: Where.
        brief: What prompts are told.
        pieces: The lines to be, in order.
        manner: How it is made.
        bad: Input that could not be used.
        digest: Over the input.
        version: The schema version of the output.
        attempts: How often content may be asked for.
        strict: Whether whatever failed raises at the end.
        budget: What may be spent.
    """

    def __init__(
        self,
        lab: Lab,
        brief: Brief,
        pieces: Sequence[Piece],
        manner: Manner,
        *,
        bad: Sequence[BadService] = (),
        digest: str,
        version: str,
        attempts: int = 1,
        strict: bool = False,
        budget: str | Budget | None = None,
    ) -> None:
        super().__init__(lab, seed=brief.seed, strict=strict, budget=budget)
        self.brief = brief
        self.pieces = tuple(dataclasses.replace(one, place=place) for place, one in enumerate(pieces))
        self.manner = manner
        self.bad = tuple(bad)
        self.attempts = attempts
        self.version = version
        self._everything = strict
        self._first: dict[str, int] = {}
        names = {stage: brief.models.get(stage) or lab.model for stage in STAGES}
        self.settings = decided(brief, names, attempts=attempts, schema_version=version)
        self.digest = digest
        self.run_id = run_id_of({**self.settings, "verb": self.name}, digest)
        self.meta = meta_of(brief, self.settings, self.run_id, version)
        self._file()  # what cannot be resumed is refused before anything is asked

    def __len__(self) -> int:
        return sum(piece.calls for piece in self.pieces)

    def inputs(self) -> Iterator[bytes]:
        """Return what decides the result; the calls themselves follow from replies."""
        yield orjson.dumps([self.settings, self.digest], option=orjson.OPT_SORT_KEYS)

    @abc.abstractmethod
    async def work(self, asker: Asker, piece: Piece, done: Done) -> dict[str, Any] | None:
        """Do one piece; return its record, or nothing where there is none to write."""

    @abc.abstractmethod
    def whole(self, record: Mapping[str, Any]) -> bool:
        """Return whether a line of an earlier run lacks nothing."""

    # --- the run ---

    async def run(self, run: Run) -> Evolutions:
        """Do it, on the private loop."""
        self._begin_run(run)
        forecast = self.forecast()
        told = Told(Tally(self.brief.catalogues))
        began = datetime.now(UTC)
        async with self.recording(run) as record:
            with Asker(
                self.lab.engine,
                run,
                attempts=self.attempts,
                first=self._first,
                seen=lambda _: _count(record),
                missed=forecast.add,
            ) as asker:
                await self._do(run, asker, told, began)
        report = self._end_run(run, forecast.expected())
        self.strict = self._everything or (self.manner.strict_mapping and told.mapping_faults > 0)
        self.lab.events.emit("evolutions.mapping", run=run.id, metrics=told.tally.metrics(), sets=told.tally.by_set())
        result = self._made(told, report, run.id)
        self.lab.events.emit("run.finished", run=run.id, verb=self.name, complete=result.complete)
        return result

    async def _do(self, run: Run, asker: Asker, told: Told, began: datetime) -> None:
        file = self._file()
        at_work = self.lab.engine.at_work
        self._put_aside_input(run)
        with file or nullcontext(), ExitStack() as rest:
            if file is not None:
                await asyncio.to_thread(file.find_kept)
            token = current_run.set(run)
            order: InOrder[Piece, Done] = InOrder(
                lambda piece: self._piece(asker, run, piece, file, told),
                lambda done: self._out(run, file, told, done),
                at_once=self._services_at_once(at_work.most),
                run=run,
            )
            rest.callback(at_work.watch(lambda most: order.widen(self._services_at_once(most))))
            try:
                await order.go(self.pieces)
            finally:
                current_run.reset(token)
            left = BUDGET if run.limit_reached else NOT_RUN
            ended = {one.item for one in told.outcomes}
            told.outcomes += [
                Outcome(piece.service_id, left=left) for piece in self.pieces if piece.service_id not in ended
            ]
            if file is not None:
                file.finish(self._said(run, told, began), whole=all(one.ended for one in told.outcomes))

    def _services_at_once(self, calls: int) -> int:
        return self.manner.services_at_once or max(2, calls // _WAYS)

    async def _piece(self, asker: Asker, run: Run, piece: Piece, file: LineFile | None, told: Told) -> Done:
        done = Done(piece.service_id, piece.place)
        line = file.kept(piece.service_id) if file is not None else None
        if line is not None and self.whole(orjson.loads(line)):
            done.line, done.kept = line, True
            run.total = (run.total or 0) - piece.calls
            told.tally.known(orjson.loads(line))
            return done
        record = await self.work(asker, piece, done)
        if not done.left:  # what would have followed from calls that failed is never asked
            run.total = (run.total or 0) - (piece.calls - done.ended)
        if record is not None and not done.left:
            done.line = line_of(record)
            told.tally.known(record)
        return done

    def _out(self, run: Run, file: LineFile | None, told: Told, done: Done) -> None:
        """Write a line when its turn has come."""
        if done.line is not None:
            if file is not None:
                file.write(done.line)
            told.lines.append(zlib.compress(done.line, 1))
        told.mapping_faults += done.mapping_faults
        for name, mapped in done.refused:
            told.tally.refused(name, mapped)
        if done.left:
            told.outcomes.append(Outcome(done.service_id, left=done.left))
            return
        failed = any(row.item == done.service_id for row in done.rows)
        if not failed and (done.line is not None):
            reply = Reply("", self.lab.model, cached=done.cached)
            told.outcomes.append(Outcome(done.service_id, reply=reply, ended=True))
        elif not failed:
            lost = InvalidReply(f"nothing of {done.service_id} can be written", hint="retry() asks again.")
            told.outcomes.append(Outcome(done.service_id, error=lost, ended=True))
        told.outcomes += done.rows
        self.lab.events.emit("evolutions.service", run=run.id, service=done.service_id, failed=len(done.rows))
        if self.manner.fail_fast and done.rows and not run.stopping:
            run.stop()

    # --- what could not be used ---

    def set_aside(self, done: Done, call: Call, outcome: Outcome, faults: Sequence[Fault]) -> None:
        """Keep the bad parts of a reply in quarantine; strict makes them rows that failed as well."""
        reply = outcome.reply
        mapping = call.stage.endswith(".mapping")
        done.mapping_faults += mapping * len(faults)
        identity = self.lab.engine.of(call).model.identity
        for kind in dict.fromkeys(fault.kind for fault in faults):
            told = [fault.message for fault in faults if fault.kind == kind]
            more = f"; and {len(told) - _REASONS} more" if len(told) > _REASONS else ""
            reason = "; ".join(told[:_REASONS]) + more
            self.lab.quarantine.put(
                kind,
                reason=reason,
                content=reply.text if reply is not None else "",
                stage=call.stage,
                item=call.item,
                model=reply.model if reply is not None else "",
                request_id=reply.request_id if reply is not None else None,
                key=call.key(identity),
                attempt=outcome.attempt,
            )
            if self._everything or (mapping and self.manner.strict_mapping):
                error = InvalidReply(f"{kind}: {reason}", fault=kind, request_id=reply.request_id if reply else None)
                error.book(call.stage, call.item, self.lab.quarantine.scrubber)
                done.rows.append(Outcome(call.item, error=error, ended=True, attempt=outcome.attempt))

    def _put_aside_input(self, run: Run) -> None:
        for one in self.bad:
            self.lab.quarantine.put(
                one.kind, reason=one.message, content=one.content, stage="evolutions.input", item=one.item, run=run.id
            )

    # --- the file ---

    def _file(self) -> LineFile | None:
        out = self.manner.out
        if out is None:
            return None
        told = {
            "format": 1,
            "run_id": self.run_id,
            "verb": self.name,
            "output": out.name,
            "input": {"lines": len(self.pieces), "sha256": self.digest},
            "settings": self.settings,
            "git_sha": git_sha(),
        }
        return LineFile(out, told, resume=self.manner.resume)

    def _said(self, run: Run, told: Told, began: datetime) -> dict[str, Any]:
        """Return what a sidecar says of how the run ended."""
        scrub = self.lab.scrubber
        whole = all(one.ended for one in told.outcomes)
        failed = [(one.item, one.error) for one in told.outcomes if one.error is not None]
        return {
            "status": "complete" if whole and not failed and not self.bad else "partial",
            "run": run.id,
            "started": began.isoformat(timespec="milliseconds"),
            "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "seconds": round(run.elapsed, 3),
            "lines": len(told.lines),
            "not_run": sum(not one.ended for one in told.outcomes),
            "failed": [{"item": item, "kind": error.kind, "message": scrub(str(error))} for item, error in failed],
            "bad_input": [{"item": one.item, "kind": one.kind, "message": scrub(one.message)} for one in self.bad],
            "mapping": told.tally.by_set(),
            "lab": scrub.data(self.lab.settings.snapshot()),
        }

    # --- going on ---

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> Evolutions:
        """Make a result of nothing but outcomes."""
        return self._made(Told(Tally(()), outcomes=list(outcomes)), report, "")

    def retry(self, outcomes: Sequence[Outcome]) -> Evolutions:
        """Ask again what failed, refused content as a further attempt; what follows from it is asked anew."""
        self._needs_memory("retry")
        again = self._copy()
        assert isinstance(again, EvolutionsJob)  # noqa: S101  # it is a copy of this job
        again._first = {  # noqa: SLF001  # it is one of us
            one.item: one.attempt + isinstance(one.error, InvalidReply) for one in outcomes if one.error is not None
        }
        again.manner = dataclasses.replace(self.manner, resume=False)
        return run_blocking(again)

    def resume(self) -> Evolutions:
        """Do what is left; memory answers what was done."""
        self._needs_memory("resume")
        again = self._copy()
        assert isinstance(again, EvolutionsJob)  # noqa: S101  # it is a copy of this job
        again.manner = dataclasses.replace(self.manner, resume=False)
        return run_blocking(again)

    def _made(self, told: Told, report: Report, run: str) -> Evolutions:
        return Evolutions(
            told.lines,
            catalogues=self.brief.catalogues,
            plateaus=tuple(one.name for one in self.brief.reference.plateaus),
            bad=self.bad,
            tally=told.tally,
            run=run,
            outcomes=told.outcomes,
            report=report,
            lab=self.lab,
            again=self,
        )

    # --- looking ahead ---

    def known(self, call: Call, read: Read) -> Any:
        """Return what memory's reply to a call holds, or nothing."""
        cache = self.lab.engine.of(call).cache
        if not cache.peek([call])[0]:
            return None
        found = cache.lookup([call])[0]
        reply = found if isinstance(found, Reply) else getattr(found, "reply", None)
        if reply is None:
            return None
        try:
            return read(reply.text)
        except InvalidReply:
            return None


def _count(record: Any) -> None:
    record.calls += 1
