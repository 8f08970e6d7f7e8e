"""``toolkit run``, ``map``, ``reverse``, ``validate``, ``preflight``, ``migrate`` (S1-06 to S1-08, S1-13, S1-43)."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.test_commands import SCRIPT, environment, one_line, toolkit
from tests.evolutions.planner import service
from toolkit.evolutions import read_record
from toolkit.resources import data_file
from toolkit.testing import WireServer

SETS = ("--mapping-sets", "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [json.dumps(service(n)) for n in range(3)]
    (tmp_path / "services.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def run(folder: Path, *words: str, command: str = "run", text: str | None = None, **given: str):
    return subprocess.run(
        [SCRIPT, command, *words],
        cwd=folder,
        env=environment(**{"TOOLKIT_MODEL": "scripted", "TOOLKIT_SEED": "7", **given}),
        capture_output=True,
        text=True,
        input=text,
        timeout=120,
        check=False,
    )


def records(text: str) -> list[dict]:
    return [read_record(line) for line in text.splitlines()]


def test_help_lists_the_commands(tmp_path: Path) -> None:
    """S2-15"""
    shown = " ".join(toolkit(tmp_path, "--help").stdout.split())
    for command in ("run", "map", "reverse", "validate", "preflight", "migrate"):
        assert f" {command} " in shown


def test_run_writes_records_to_standard_output_and_nothing_else(folder: Path) -> None:
    """S1-53, and trap 10 of the earlier program: its summary shared standard output with the records."""
    done = run(folder, "--input-file", "services.jsonl", *SETS)
    assert done.returncode == 0, done.stderr
    assert [one["service"]["service_id"] for one in records(done.stdout)] == ["s0", "s1", "s2"]
    assert "33 calls: 33 live" in done.stderr
    assert "data: " in done.stderr


def test_dash_reads_standard_input_and_equal_runs_are_equal_bytes(folder: Path) -> None:
    """S1-24"""
    text = (folder / "services.jsonl").read_text()
    piped = run(folder, "--input-file", "-", *SETS, "--study", "a", text=text)
    filed = run(folder, "--input-file", "services.jsonl", *SETS, "--study", "b", "--output-file", "out.jsonl")
    assert filed.stdout == ""
    assert piped.stdout == (folder / "out.jsonl").read_text()
    assert json.loads((folder / "out.jsonl.run.json").read_text())["status"] == "complete"


def test_run_map_reverse_and_replay_agree(folder: Path) -> None:
    """S2-01: what a run mapped costs ``map`` nothing, and what ``reverse`` fills a run hits every time."""
    run(folder, "--input-file", "services.jsonl", *SETS, "--output-file", "out.jsonl")
    mapped = run(folder, *SETS, command="map", text=(folder / "out.jsonl").read_text())
    assert "15 calls: 0 live, 15 from memory" in mapped.stderr
    assert len(records(mapped.stdout)) == 3
    given = ("--input-file", "out.jsonl", *SETS, "--study", "other")
    told = run(folder, *given, "--features-file", "features.jsonl", command="reverse")
    assert told.returncode == 0, told.stderr
    assert "33 replies are in memory" in told.stderr
    assert len((folder / "features.jsonl").read_text().splitlines()) == 3 * 5 * 12
    again = run(folder, "--input-file", "services.jsonl", *SETS, "--study", "other", "--mode", "replay")
    assert again.stdout == (folder / "out.jsonl").read_text()


def test_map_of_one_service_leaves_the_others_out(folder: Path) -> None:
    run(folder, "--input-file", "services.jsonl", "--output-file", "out.jsonl")
    done = run(folder, "--input-file", "out.jsonl", *SETS, "--service-id", "s1", command="map")
    assert [one["service"]["service_id"] for one in records(done.stdout)] == ["s1"]
    assert run(folder, "--input-file", "out.jsonl", *SETS, "--service-id", "s9", command="map").returncode == 2


def test_bad_lines_end_in_part_and_strict_in_4_with_the_rest_written(folder: Path) -> None:
    """S1-06, S1-07"""
    with (folder / "services.jsonl").open("a") as file:
        file.write("{broken\n")
    part = run(folder, "--input-file", "services.jsonl")
    assert part.returncode == 3
    assert "line 4" in part.stderr
    assert len(records(part.stdout)) == 3
    strict = run(folder, "--input-file", "services.jsonl", "--strict")
    assert strict.returncode == 4
    assert "line 4" in strict.stderr
    assert strict.stdout == part.stdout
    listed = run(folder, "ls", "--study", "studies/evolutions", command="quarantine")
    assert "json_parse_error  evolutions.input  line 4" in listed.stdout


def test_strict_mapping_ends_in_4_when_links_were_refused(folder: Path) -> None:
    """S1-07: a catalogue too large for the schema, of which the scripted model knows no id."""
    items = [{"id": f"I{n}", "name": f"item {n}", "description": "x"} for n in range(1000)]
    (folder / "huge.json").write_text(json.dumps(items))
    loose = run(folder, "--input-file", "services.jsonl", "--mapping-sets", "huge.json")
    assert loose.returncode == 0
    assert "unknown ids" in loose.stderr
    assert "in quarantine" in loose.stderr
    for flag in ("--strict-mapping", "--fail-on-quarantine"):
        done = run(folder, "--input-file", "services.jsonl", "--mapping-sets", "huge.json", flag)
        assert done.returncode == 4
        assert "/huge: unknown_ids" in done.stderr
        assert done.stdout == loose.stdout


def test_budget_ends_in_5_and_resume_does_the_rest(folder: Path) -> None:
    """S1-06, S1-18, S1-48"""
    given = ("--input-file", "services.jsonl", "--output-file", "out.jsonl")
    assert run(folder, *given, "--budget", "8 requests").returncode == 5
    again = run(folder, *given, "--resume")
    assert again.returncode == 0, again.stderr
    assert len(records((folder / "out.jsonl").read_text())) == 3
    other = run(folder, *given, "--resume", "--features-per-role", "1")
    assert other.returncode == 2
    assert "another setting 'features_per_role'" in one_line(other)


def test_interrupt_ends_in_130_and_the_same_command_goes_on(folder: Path) -> None:
    """S1-06, S1-48"""
    with WireServer(latency=0.05) as wire:
        given = {"TOOLKIT_MODEL": "openai:wire", "TOOLKIT_BASE_URL": wire.url, "OPENAI_API_KEY": str(wire.key)}
        given["TOOLKIT_SEED"] = "7"
        words = ["--input-file", "services.jsonl", "--output-file", "out.jsonl", "--concurrency", "1"]
        command, env = [SCRIPT, "run", *words], environment(**given)
        first = subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        until = time.monotonic() + 60
        while wire.requests.delivered < 8 and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(first.pid, signal.SIGINT)
        _, told = first.communicate(timeout=60)
        assert first.returncode == 130, told
        assert b"The same command again does only the rest" in told
        assert len((folder / "out.jsonl").read_bytes().splitlines()) >= 1
        assert run(folder, *words, "--resume", **given).returncode == 0
        assert sum(wire.requests.by_digest.values()) - len(wire.requests.by_digest) <= 1
    assert len(records((folder / "out.jsonl").read_text())) == 3


def test_failures_can_be_rehearsed_and_their_request_ids_shown(folder: Path) -> None:
    """S1-08, S1-28"""
    given = ("--input-file", "services.jsonl", "--inject-failures", "0.05")
    assert run(folder, *given, *SETS).returncode == 0
    with WireServer(faults={"refusal": 1.0}) as wire:
        env = {"TOOLKIT_MODEL": "openai:wire", "TOOLKIT_BASE_URL": wire.url, "OPENAI_API_KEY": str(wire.key)}
        quiet = run(folder, "--input-file", "services.jsonl", "--study", "x", **env)
        shown = run(folder, "--input-file", "services.jsonl", "--study", "x", "--trace-ids", **env)
    assert (quiet.returncode, shown.returncode) == (3, 3)
    assert "[request" not in quiet.stderr
    assert "[request" in shown.stderr


def test_dry_run_asks_nobody_and_leaves_nothing(folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())
    done = run(folder, "--input-file", "services.jsonl", "--output-file", "out.jsonl", *SETS, "--dry-run")
    assert done.returncode == 0
    assert "33 calls" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == before


def test_json_logs_are_one_object_a_line(folder: Path) -> None:
    done = run(folder, "--input-file", "services.jsonl", "--json-logs")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"run.started", "evolutions.service", "run.finished", "log"} <= {one["kind"] for one in lines}


def test_prompts_are_kept_only_when_allowed(folder: Path) -> None:
    """S1-22"""
    given = ("--input-file", "services.jsonl", "--max-services", "1")
    kept = run(folder, *given, "--study", "a", "--allow-prompt-logging")
    assert kept.returncode == 0
    run(folder, *given, "--study", "b")
    shown = [
        run(folder, "stats", "--study", study, "--json", command="cache").stdout.count("toolkit:transcript")
        for study in "ab"
    ]
    assert shown[0] > 0
    assert shown[1] == 0


# --- settings ---


def test_file_serves_all_commands_and_options_and_variables_win(folder: Path) -> None:
    """S1-43"""
    (folder / "mine.toml").write_text(
        'input_file = "services.jsonl"\nmapping_sets = ["data"]\nfeatures_per_role = 2\nmax_services = 2\nseed = 3\n'
    )

    def told(*words: str, **given: str):
        env = environment(TOOLKIT_MODEL="scripted", **given)
        done = subprocess.run(
            [SCRIPT, "run", *words], cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        found = records(done.stdout)
        return len(found), len(found[0]["plateaus"][0]["features"]), found[0]["meta"]["seed"]

    assert told("--config", "mine.toml") == (2, 8, 3)
    assert told(TOOLKIT_CONFIG="mine.toml") == (2, 8, 3)
    assert told("--config", "mine.toml", TOOLKIT_FEATURES_PER_ROLE="1", TOOLKIT_SEED="5") == (2, 4, 5)
    given = {"TOOLKIT_FEATURES_PER_ROLE": "1", "TOOLKIT_SEED": "5"}
    assert told("--config", "mine.toml", "--features-per-role", "3", "--seed", "9", **given) == (2, 12, 9)


def test_every_option_of_run_is_a_variable_too(folder: Path) -> None:
    """S1-43: those without a variable of the command's own are settings of the library."""
    import typer.main

    from toolkit.cli.app import app
    from toolkit.settings import Settings

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    settings = {*Settings.model_fields, "inject_failures", "trace_ids", "dry_run", "json_logs"}
    for name in ("run", "map", "reverse"):
        without = {one.name for one in commands[name].params if not one.envvar} - settings
        assert without == set(), name


def test_example_file_is_valid_and_unknown_key_is_refused(folder: Path) -> None:
    """S1-43"""
    example = data_file("services/evolutions.toml")
    done = run(folder, "--config", str(example), "--max-services", "1")
    assert done.returncode == 0, done.stderr
    (folder / "bad.toml").write_text("featurs_per_role = 2\n")
    wrong = run(folder, "--config", "bad.toml")
    assert wrong.returncode == 2
    assert "Did you mean 'features_per_role'?" in one_line(wrong)
    (folder / "bad.toml").write_text("x = \n")
    assert "is no TOML" in one_line(run(folder, "--config", "bad.toml"))


# --- looking and bringing up ---


def test_validate_counts_services_and_evolutions_and_names_what_is_bad(folder: Path) -> None:
    run(folder, "--input-file", "services.jsonl", "--output-file", "out.jsonl")
    good = run(folder, "--input-file", "out.jsonl", command="validate")
    assert json.loads(good.stdout) == {"kind": "evolutions", "good": 3, "bad": 0, "versions": {"1.0": 3}}
    with (folder / "out.jsonl").open("a") as file:
        file.write("{}\n")
    bad = run(folder, "--input-file", "out.jsonl", command="validate")
    assert bad.returncode == 3
    assert "line 4 of out.jsonl" in bad.stderr
    listed = run(folder, "--input-file", "services.jsonl", command="validate")
    assert json.loads(listed.stdout) == {"kind": "services", "good": 3, "bad": 0}


def test_preflight_names_what_is_not_well_and_asks_nobody(folder: Path) -> None:
    good = run(folder, *SETS, command="preflight")
    assert good.returncode == 0, good.stdout
    assert "12 services" in good.stdout
    bad = run(folder, "--mapping-sets", "nothing", "--reference", "nowhere", command="preflight")
    assert bad.returncode == 2
    assert bad.stdout.count("FAIL") == 2
    assert not (folder / "studies").exists()


def test_migrate_from_1_0_to_1_1(folder: Path) -> None:
    """S1-13"""
    run(folder, "--input-file", "services.jsonl", "--output-file", "out.jsonl")
    words = ("--from", "1.0", "--to", "1.1", "--input", "out.jsonl", "--output")
    done = run(folder, *words, "new.jsonl", command="migrate")
    assert done.returncode == 0, done.stderr
    once = (folder / "new.jsonl").read_text()
    assert [one["meta"]["schema_version"] for one in records(once)] == ["1.1"] * 3
    assert run(folder, *words, "-", command="migrate").stdout == once
    piped = ("--from", "1.0", "--to", "1.1", "--input", "-", "--output", "-")
    assert run(folder, *piped, command="migrate", text=(folder / "out.jsonl").read_text()).stdout == once


def test_migrate_to_an_unknown_version_is_an_error_before_any_output(folder: Path) -> None:
    """S1-13"""
    done = run(folder, "--from", "1.0", "--to", "7", "--input", "services.jsonl", "--output", "x", command="migrate")
    assert done.returncode == 2
    assert "no migration from '1.0' to '7'" in one_line(done)
    assert not (folder / "x").exists()
