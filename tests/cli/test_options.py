"""The options that commands share: each means the same wherever it stands."""

import inspect
import json
import os
import pty
import re
import subprocess
import threading
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import SCRIPT, environment, one_line, toolkit
from toolkit.cli import ask_command, demo_command, evolution_commands, options, personas_command
from toolkit.testing import WireServer

HERE = options.Calling(study=Path("here"))
TEXTS = ("personas", "--detail", "brief", "--model", "scripted")


def told(stderr: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stderr.splitlines()]


def ledger(study: Path) -> list[tuple[str, int]]:
    rows = [json.loads(line) for line in (study / "ledger.jsonl").read_text().splitlines()]
    return sorted((row["item"], row.get("tries", 1)) for row in rows)


def test_commands_that_make_calls_take_the_shared_options_as_they_are_declared() -> None:
    """S2-15"""
    shared = {"model", "study", "seed", "budget", "retention", "inject_failures", "trace_ids", "dry_run", "json_logs"}
    assert {one.name for one in fields(options.Calling)} == shared
    declared = {name: getattr(options, "".join(part.title() for part in name.split("_"))) for name in shared}
    for command in (
        ask_command.ask,
        demo_command.demo,
        personas_command.personas,
        evolution_commands.run,
        evolution_commands.map_,
    ):
        given = inspect.signature(command, eval_str=True).parameters
        assert {name: given[name].annotation for name in shared} == declared


def test_group_of_options_reaches_the_command_whole() -> None:
    told: list[Any] = []

    def command(*, before: int = 1, calling: options.Calling = HERE, after: str = "a") -> None:
        told.extend((before, calling, after))

    spread = options.spread(command)
    spread(seed=9, after="b")
    assert told == [1, options.Calling(study=Path("here"), seed=9), "b"]
    names = list(inspect.signature(spread).parameters)
    assert (names[0], names[-1]) == ("before", "after")
    assert inspect.signature(spread).parameters["study"].default == Path("here")


def test_option_that_no_group_has_is_refused() -> None:
    def command(*, calling: options.Calling = HERE) -> None:
        raise AssertionError(calling)

    with pytest.raises(TypeError, match="sead"):
        options.spread(command)(sead=9)


# --- --inject-failures ---


def test_injected_failures_are_met_again_the_same_and_change_nothing(tmp_path: Path) -> None:
    """S1-28: near the share asked for, by seed; the run completes."""
    plain = toolkit(tmp_path, *TEXTS, "-n", "60", "--study", "plain")
    for study in ("one", "two"):
        done = toolkit(
            tmp_path, *TEXTS, "-n", "60", "--study", study, "--inject-failures", "0.2", TOOLKIT_TIMEOUT="0.5"
        )
        assert (done.returncode, done.stdout) == (0, plain.stdout)
    tries = ledger(tmp_path / "one")
    assert tries == ledger(tmp_path / "two")
    sent = sum(count for _, count in tries)
    assert 0.1 < (sent - 60) / sent < 0.3


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--inject-failures", "1.5"], "--inject-failures is 1.5"),
        (["--inject-failures", "-0.1"], "--inject-failures is -0.1"),
        (["--retention", "in-memory"], "retention"),
        (["--budget", "5"], "budget"),
    ],
)
def test_shared_option_that_cannot_be_is_one_line(words: list[str], named: str, tmp_path: Path) -> None:
    done = toolkit(tmp_path, *TEXTS, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert named in one_line(done)


# --- --dry-run ---


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (["personas", "--detail", "brief", "-n", "7"], ["generate_personas: 7 calls"]),
        (["personas", "-n", "7"], ["generate_personas: 0 calls"]),
        (["demo", "--people", "4"], ["generate_personas: 4 calls", "ask: 4 calls"]),
    ],
)
def test_dry_run_says_what_it_takes_and_asks_nobody(words: list[str], steps: list[str], tmp_path: Path) -> None:
    with WireServer() as wire:
        given = {"TOOLKIT_BASE_URL": wire.url, "TOOLKIT_OPENAI_API_KEY": str(wire.key)}
        done = toolkit(tmp_path, *words, "--model", "openai:gpt-5-mini", "--dry-run", **given)
        assert wire.requests.total == 0
    assert (done.returncode, done.stdout) == (0, "")
    assert [line.partition(" to ")[0] for line in done.stderr.splitlines()] == steps
    assert list(tmp_path.iterdir()) == []


def test_dry_run_counts_what_a_study_remembers(tmp_path: Path) -> None:
    toolkit(tmp_path, *TEXTS, "-n", "5", "--study", "ads")
    done = toolkit(tmp_path, *TEXTS, "-n", "5", "--study", "ads", "--dry-run")
    assert "5 calls to scripted:default, 5 of them in memory" in done.stderr


# --- --json-logs ---


def test_json_logs_make_every_line_of_standard_error_an_object(tmp_path: Path) -> None:
    with WireServer(faults={"bad_schema": 0.5}) as wire:
        done = toolkit(
            tmp_path,
            *("personas", "-n", "8", "--detail", "brief", "--model", "openai:m", "--json-logs", "--trace-ids"),
            TOOLKIT_BASE_URL=wire.url,
            TOOLKIT_OPENAI_API_KEY=str(wire.key),
        )
    people = [json.loads(line) for line in done.stdout.splitlines()]
    lines = told(done.stderr)
    assert done.returncode == 3
    assert all(isinstance(one["at"], float) for one in lines)
    failures = [one for one in lines if one.get("failure") == "bad_request"]
    assert len(failures) == 8 - len(people) > 0
    assert all(one["level"] == "error" and one["request_id"].startswith("req_") for one in failures)
    assert {one["item"] for one in failures}.isdisjoint(one["id"] for one in people)
    assert [one["kind"] for one in lines if one["kind"].startswith("run.")] == ["run.started", "run.finished"]


def test_json_logs_hold_for_errors_too(tmp_path: Path) -> None:
    done = toolkit(tmp_path, "personas", "--detail", "brief", "--model", "scirpted", "--json-logs")
    (line,) = told(done.stderr)
    assert (done.returncode, done.stdout, line["level"]) == (2, "", "error")
    assert "scirpted" in line["message"]


def test_json_logs_draw_no_progress_on_a_terminal(tmp_path: Path) -> None:
    """S1-50"""
    with WireServer(latency=0.5) as wire:
        given = {"TOOLKIT_BASE_URL": wire.url, "TOOLKIT_OPENAI_API_KEY": str(wire.key), "TOOLKIT_CONCURRENCY": "2"}
        words = ("personas", "-n", "6", "--detail", "brief", "--model", "openai:m")
        drawn, structured = (
            on_a_terminal(tmp_path, *words, *more, **given) for more in ((), ("--json-logs", "--seed", "1"))
        )
    assert "\x1b[2K" in drawn
    assert "\x1b" not in structured
    assert len(told(structured)) >= 3


def on_a_terminal(folder: Path, *words: str, **given: str) -> str:
    """Run with standard error on a terminal, and return what it showed."""
    ours, theirs = pty.openpty()
    said: list[bytes] = []

    def listen() -> None:
        try:
            while piece := os.read(ours, 4096):
                said.append(piece)
        except OSError:  # the other end is closed
            return

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        subprocess.run(
            [SCRIPT, *words],
            cwd=folder,
            env=environment(**given),
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            timeout=120,
            check=True,
        )
    finally:
        os.close(theirs)
        listener.join()
        os.close(ours)
    return re.sub("\r\n", "\n", b"".join(said).decode())
