"""Run records: what each run was, in a file beside the study, so that a reviewer can see what produced a result."""

from __future__ import annotations

import contextlib
import hashlib
import math
import platform
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from toolkit.engine.ledger import Ledger
from toolkit.engine.run import Run
from toolkit.engine.whole_files import locked, put
from toolkit.errors import InvalidInput
from toolkit.events import EventStream
from toolkit.memory import MemoryUnwritable, Target, Ticket, Writer
from toolkit.models import Call, Identity, Model
from toolkit.redact import Scrubber

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Recording", "Runs", "git_sha", "run_id_of"]

FORMAT = 1

_PACKAGES = ("dramatis-toolkit", "genai-prices", "joblib", "numpy", "openai", "orjson", "pandas", "pillow", "pydantic")
_ELSEWHERE = frozenset({"model", "seed", "mode", "concurrency", "timeout", "tries", "retry_wait_max", "retention"})
"""Settings that stand elsewhere in a record, or that change when, how often and for what price something is asked, but
not what."""
_INDENTED = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
_MOST = 200
"""Executions that one record keeps; the first and the latest."""
_COLUMNS = (
    *("run_id", "run", "verb", "model", "seed", "started", "seconds", "complete"),
    *("calls", "ok", "cached", "failed", "cancelled", "tries", "unseen"),
    *("input_tokens", "output_tokens", "tokens_saved", "cost_usd", "git_sha", "error"),
)


def run_id_of(verb: str, seed: int, model: str, settings: Mapping[str, Any], digest: str) -> str:
    """Return a run's id: sixteen hex digits that depend on what was asked of whom, and on no time or place.

    Args:
        verb: What was run.
        seed: Its seed.
        model: ``provider:model``.
        settings: The study's settings; those that only change pace or memory do not count.
        digest: Over the run's input.

    Example:
        >>> run_id_of("ask", 7, "scripted:default", {"mode": "read"}, "00") == run_id_of(
        ...     "ask", 7, "scripted:default", {"mode": "replay"}, "00"
        ... )
        True
    """
    told = {name: value for name, value in settings.items() if name not in _ELSEWHERE and value is not None}
    dump = orjson.dumps([verb, seed, model, told, digest], option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(dump).hexdigest()[:16]


class Recording:
    """One run while it goes on: it sees the calls pass, so that their digest costs next to nothing."""

    def __init__(self, run: Run, seed: int, identity: Identity) -> None:
        self.run = run
        self.seed = seed
        self.calls = 0
        self.digest = ""
        self._identity = identity
        self._hash = hashlib.sha256()

    def inputs(self, pieces: Iterable[bytes]) -> None:
        """Add what decides the result beside the calls."""
        for piece in pieces:
            self._hash.update(hashlib.sha256(piece).digest())

    def watch(self, calls: Iterable[Call]) -> Iterator[Call]:
        """Yield the calls as they are; each one's key, which memory needs anyway, enters the digest."""
        for call in calls:
            self.calls += 1
            self._hash.update(call.key(self._identity).encode())
            if call.model:
                self._hash.update(call.model.encode())
            yield call

    def close(self) -> str:
        """Return the digest over all input."""
        self.digest = self._hash.hexdigest()
        return self.digest


class Runs:
    """What a study ran: one record for each different run, ``runs/<run_id>.run.json``.

    A record says verb, seed, models, settings without secrets and the digest of the input, from which ``run_id`` is
    made: equal runs have equal ids. Each time it was executed is an entry of ``executions``: commit, versions, times,
    counts, tokens and cost.

    Args:
        folder: Where; ``None`` keeps records in this process only.
        writer: The study's writer.
        models: Who answers, the lab's own model first; what one says of its ``prompt_caching`` is recorded.
        settings: The settings that may be shown.
        ledger: Where counts and tokens are read.
        events: Told ``run.started`` and, where a run breaks, ``run.failed``.
        scrubber: Applied to settings, models and errors.
        around: Opened around each run; tracing puts its span there.
    """

    def __init__(
        self,
        folder: Path | None,
        writer: Writer | None,
        *,
        models: Sequence[Model],
        settings: Mapping[str, Any],
        ledger: Ledger,
        events: EventStream,
        scrubber: Scrubber,
        around: Callable[[Run], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._folder = _RunFolder(folder) if folder is not None else None
        self._writer = writer
        self._models = tuple(models)
        self._identity = models[0].identity
        self._settings = settings
        self._ledger = ledger
        self._events = events
        self._scrubber = scrubber
        self._around = around
        self._held: dict[str, dict[str, Any]] = {}
        self._pending: Ticket[Any] | None = None
        self._active: dict[str, Run] = {}

    @property
    def active(self) -> tuple[Run, ...]:
        """The runs that go on now, the one that began first leading."""
        return tuple(self._active.values())

    @contextmanager
    def recording(self, run: Run, seed: int) -> Iterator[Recording]:
        """Record what happens within: counts and tokens are read from the ledger in the end, however it ends."""
        recording = Recording(run, seed, self._identity)
        began = datetime.now(UTC)
        self._events.emit("run.started", run=run.id, verb=run.verb, seed=seed, total=run.total)
        self._active[run.id] = run
        try:
            with self._around(run):
                yield recording
        except Exception as error:
            told = self._scrubber(str(error))
            self._events.emit("run.failed", run=run.id, verb=run.verb, error=type(error).__name__, message=told)
            self._write(recording, began, f"{type(error).__name__}: {told}")
            raise
        finally:
            self._active.pop(run.id, None)
        self._write(recording, began, "")

    def write(self, target: Target, job: Any) -> Ticket[Any] | None:
        """Have a run's own file written by the study's writer, soon and behind all replies that are here by now.

        Args:
            target: The file; ``None`` comes back where no folder is written.
            job: What its ``commit`` takes.
        """
        if self._writer is None:
            return None
        ticket = self._writer.submit(target, job)
        self._writer.hurry()
        return ticket

    @property
    def records(self) -> tuple[dict[str, Any], ...]:
        """All records, the one that was executed first leading."""
        if self._folder is None:
            found = list(self._held.values())
        else:
            self._settle()
            found = self._folder.records()
        return tuple(sorted(found, key=lambda record: str(record["executions"][0]["started"])))

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each time something was run, oldest first; seconds, token counts, USD."""
        import pandas as pd

        rows = [
            {**{name: record[name] for name in ("run_id", "verb", "model", "seed")}, **execution}
            for record in self.records
            for execution in record["executions"]
        ]
        frame = pd.DataFrame(rows, columns=_COLUMNS).sort_values("started", kind="stable", ignore_index=True)
        frame["started"] = pd.to_datetime(frame["started"], utc=True, format="ISO8601")
        return frame

    def show(self, run_id: str) -> dict[str, Any]:
        """Return one record.

        Raises:
            InvalidInput: No record, or several, have an id that begins so.
        """
        found = [record for record in self.records if run_id and record["run_id"].startswith(run_id)]
        if len(found) != 1:
            raise InvalidInput(f"{len(found)} runs have the id {run_id!r}", hint="lab.runs.frame lists them.")
        return found[0]

    def __len__(self) -> int:
        """Return the number of different runs."""
        return len(self.records)

    def __repr__(self) -> str:
        """Return the runs as one line."""
        executed = sum(len(record["executions"]) for record in self.records)
        return f"Runs({len(self)} different, executed {executed} times)"

    def _write(self, recording: Recording, began: datetime, error: str) -> None:
        record = self._record(recording, began, error)
        if self._folder is None:
            self._held[record["run_id"]] = _merged(self._held.get(record["run_id"]), record)
        elif self._writer is not None:
            self._pending = self._writer.submit(self._folder, record)
        else:
            self._folder.commit([record])

    def _record(self, recording: Recording, began: datetime, error: str) -> dict[str, Any]:
        run, digest = recording.run, recording.close()
        identity = self._identity
        settings = self._scrubber.data(orjson.loads(orjson.dumps(dict(self._settings), default=str)))
        return {
            "format": FORMAT,
            "run_id": run_id_of(run.verb, recording.seed, str(identity), settings, digest),
            "verb": run.verb,
            "model": str(identity),
            "identity": self._scrubber.data(orjson.loads(identity.json)),
            "seed": recording.seed,
            "settings": settings,
            "input": {"calls": recording.calls, "sha256": digest},
            "executions": [
                {
                    "run": run.id,
                    "started": began.isoformat(timespec="milliseconds"),
                    "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
                    "seconds": round(run.elapsed, 3),
                    "complete": not error and not run.stopping and run.done >= (run.total or 0),
                    **self._counts(run.id),
                    **self._caching(),
                    "git_sha": git_sha(),
                    "versions": _versions(),
                    "error": error,
                }
            ],
        }

    def _caching(self) -> dict[str, Any]:
        """Return what models were told of their prompt caches, by those that were told anything."""
        told = {str(one.identity): getattr(one, "prompt_caching", None) for one in self._models}
        told = {name: one for name, one in told.items() if one}
        return {"prompt_caching": told} if told else {}

    def _counts(self, run: str) -> dict[str, Any]:
        """Return what the ledger says of a run; money is null where the price of any reply is not known."""

        def column(name: str) -> list[Any]:
            return self._ledger.column(name, run)

        status = column("status")
        live = [one != "cached" for one in status]
        tokens = {name: column(name) for name in ("input", "output")}
        costs = list(compress(column("cost"), live))
        replied = compress(map(any, zip(*tokens.values(), (one == "ok" for one in status), strict=True)), live)
        unpriced = any(math.isnan(cost) and came for cost, came in zip(costs, replied, strict=True))
        return {
            "calls": len(status),
            **{name: status.count(name) for name in ("ok", "cached", "failed", "cancelled")},
            "tries": sum(compress(column("tries"), live)),
            "unseen": sum(column("unseen")),
            "models": sorted(set(column("model"))),
            "input_tokens": sum(compress(tokens["input"], live)),
            "output_tokens": sum(compress(tokens["output"], live)),
            "tokens_saved": sum(map(sum, tokens.values())) - sum(sum(compress(one, live)) for one in tokens.values()),
            "cost_usd": None if unpriced else round(sum(cost for cost in costs if not math.isnan(cost)), 9),
            "prices": sorted(set(column("price_version")) - {""}),
        }

    def _settle(self) -> None:
        """Wait until what was recorded is written."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result(60)


class _RunFolder:
    """The folder of records; a target of the study's writer, safe beside other processes."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def commit(self, jobs: Sequence[dict[str, Any]]) -> list[str]:
        try:
            with locked(self.path):
                for record in jobs:
                    target = self.path / f"{record['run_id']}.run.json"
                    put(target, orjson.dumps(_merged(_read(target), record), option=_INDENTED, default=str))
        except OSError as error:
            raise MemoryUnwritable(
                f"the run records in {self.path} cannot be written: {error.strerror or error}",
                hint="Free space or choose a folder that can be written; no answer is lost.",
            ) from error
        return [record["run_id"] for record in jobs]

    def records(self) -> list[dict[str, Any]]:
        found = (_read(path) for path in sorted(self.path.glob("*.run.json")))
        return [record for record in found if record is not None]


def _read(path: Path) -> dict[str, Any] | None:
    """Return a record, or ``None`` where there is none that can be read; a damaged one is begun anew."""
    try:
        record = orjson.loads(path.read_bytes())
        sound = record["run_id"] == path.name.removesuffix(".run.json") and record["executions"][0]["started"]
    except (OSError, ValueError, TypeError, KeyError, IndexError):
        return None
    return record if sound and {"verb", "model", "seed"} <= set(record) else None


def _merged(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    if old is None:
        return new
    executions = [*old["executions"], *new["executions"]]
    if len(executions) > _MOST:
        executions = [executions[0], *executions[1 - _MOST :]]
    return {**new, "executions": executions}


def git_sha() -> str:
    """Return the commit of the working folder as it was when this process first looked, or ``unknown``.

    Example:
        >>> len(git_sha()) in {7, 40, 64}
        True
    """
    return _sha(str(Path.cwd()))


@cache
def _sha(folder: str) -> str:
    with contextlib.suppress(OSError, RuntimeError, subprocess.SubprocessError):
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607  # whichever git the user has
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
        return found.stdout.strip()
    return "unknown"


@cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
