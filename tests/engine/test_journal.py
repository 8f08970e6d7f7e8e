"""The event stream as JSON lines: runs and failures, scrubbed, and nothing that a call would have to wait for."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import toolkit as tk
from toolkit.engine import Ledger, Row
from toolkit.engine.journal import keep_journal
from toolkit.events import EventStream
from toolkit.redact import Scrubber

OpenLab = Callable[..., tk.Lab]


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_runs_and_failures_are_written_and_finished_calls_are_not(open_lab: OpenLab, tmp_path: Path) -> None:
    """F21: the same events that widgets hear."""
    lab = open_lab(model="scripted", faults={"refused": 0.5})
    heard: list[str] = []
    lab.events.subscribe(lambda event: heard.append(event.kind), without="call.finished")
    panel = tk.generate_personas(10, "us-adults-2012", detail="brief", lab=lab)
    lab.close()
    written = lines(tmp_path / "study")
    assert [event["kind"] for event in written] == heard
    assert written[0]["kind"] == "run.started"
    assert written[-1]["kind"] == "run.finished"
    failed = [event["row"] for event in written if event["kind"] == "call.failed"]
    assert len(failed) == len(panel.errors) > 0
    assert {"stage", "item", "kind", "message", "request_id"} - set(failed[0]) <= {"request_id"}  # type: ignore[call-overload]
    assert stat.S_IMODE((tmp_path / "study" / "events.jsonl").stat().st_mode) == 0o600


def test_labs_after_each_other_append(open_lab: OpenLab, tmp_path: Path) -> None:
    for _ in range(2):
        lab = open_lab(model="scripted")
        tk.generate_personas(1, "us-adults-2012", detail="brief", lab=lab)
        lab.close()
    assert [event["kind"] for event in lines(tmp_path / "study")] == ["run.started", "run.finished"] * 2


def test_values_that_are_no_json_and_secrets_are_written_as_safe_text(tmp_path: Path) -> None:
    """S1-21"""
    written: list[bytes] = []
    events = EventStream()
    stop = keep_journal(events, written.append, Scrubber())
    events.emit("odd", path=tmp_path, key="sk-proj-planted0123456789abcdef", deep={"to": ["ada@example.org"]}, row=_ROW)
    stop()
    events.emit("late")
    (line,) = (json.loads(one) for one in written)
    assert (line["path"], line["key"], line["deep"]) == (os.fspath(tmp_path), "[key]", {"to": ["[email]"]})
    assert line["row"] == {"run": "ask-1", "stage": "q", "item": "p1", "model": "m", "status": "ok"}


_ROW = Row(run="ask-1", stage="q", item="p1", model="m", status="ok", key="")


def test_finished_calls_reach_no_journal_code() -> None:
    """The hot path: the listener is not even called."""
    events = EventStream()
    keep_journal(events, lambda _: 1 / 0, Scrubber())
    ledger = Ledger(None, events)
    ledger.add(_ROW)
    assert len(ledger) == 1
