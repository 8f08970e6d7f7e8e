"""``toolkit quarantine``, ``--trace-ids`` and the one table of exit codes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit as tk
from toolkit.cli.exit_codes import MEANING, ExitCode, code_of
from toolkit.engine import Quarantine
from toolkit.engine.quarantine_beyond import Beyond
from toolkit.errors import BudgetReached, Incomplete, InvalidInput
from toolkit.testing import WireServer

DOCS = Path(__file__).parents[2] / "docs"


def run(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOOLKIT_", "OPENAI_"))}
    program = "import sys; from toolkit.cli import main; sys.argv[0] = 'toolkit'; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env={**kept, **environment, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def study(tmp_path: Path) -> Path:
    quarantine = Quarantine(tmp_path / "ads" / "quarantine")
    for number in range(3):
        quarantine.put("json_parse_error", stage="questions", item=f"p{number}", reason="no JSON", content="Well …")
    quarantine.put("timeout", stage="personas", item="p9", reason="no reply within 60 s", content="")
    return tmp_path / "ads"


def test_ls_lists_and_counts_exactly(study: Path, tmp_path: Path) -> None:
    """S1-39"""
    done = run("quarantine", "ls", "--study", "ads", folder=tmp_path)
    assert len(done.stdout.splitlines()) == 4
    assert done.stderr == "4 in quarantine: 3 json_parse_error, 1 timeout\n"
    filtered = run("quarantine", "ls", "--stage", "personas", folder=tmp_path, TOOLKIT_STUDY="ads")
    assert filtered.stderr == "1 in quarantine: 1 timeout\n"
    rows = json.loads(run("quarantine", "ls", "--study", "ads", "--json", folder=tmp_path).stdout)
    assert {row["id"] for row in rows} == {entry.id for entry in Quarantine(study / "quarantine").entries}


def test_ls_tells_what_was_only_counted_and_rm_all_takes_it_too(study: Path, tmp_path: Path) -> None:
    beyond = Beyond(study / "quarantine")
    for number in range(1200):
        beyond.add("timeout", "personas", f"{number:012x}")
    told = "1,200 more were only counted: 1,200 timeout\n"
    assert run("quarantine", "ls", "--study", "ads", folder=tmp_path).stderr.endswith(told)
    as_json = run("quarantine", "ls", "--stage", "personas", "--json", "--study", "ads", folder=tmp_path)
    assert (len(json.loads(as_json.stdout)), as_json.stderr) == (1, told)
    assert "counted" not in run("quarantine", "ls", "--stage", "questions", "--study", "ads", folder=tmp_path).stderr
    assert run("quarantine", "rm", "--all", "--study", "ads", folder=tmp_path).stderr == "1,204 removed, 0 left\n"
    assert run("quarantine", "ls", "--study", "ads", folder=tmp_path).stderr == "0 in quarantine\n"


def test_show_prints_one_entry(study: Path, tmp_path: Path) -> None:
    entry = Quarantine(study / "quarantine").entries[0]
    done = run("quarantine", "show", entry.id[:10], "--study", "ads", folder=tmp_path)
    assert done.stdout == f"{entry}\n"
    assert json.loads(run("quarantine", "show", entry.id, "--json", "--study", "ads", folder=tmp_path).stdout)[
        "content"
    ] == ("Well …")


def test_rm_removes_exactly_and_updates_the_manifest(study: Path, tmp_path: Path) -> None:
    """S1-39"""
    entry = Quarantine(study / "quarantine").entries[0]
    assert run("quarantine", "rm", entry.id, "--study", "ads", folder=tmp_path).stderr == "1 removed, 3 left\n"
    done = run("quarantine", "rm", "--kind", "json_parse_error", "--study", "ads", folder=tmp_path)
    assert done.stderr == "2 removed, 1 left\n"
    manifest = json.loads((study / "quarantine" / "manifest.json").read_text())
    assert {kind: one["count"] for kind, one in manifest.items()} == {"timeout": 1}
    for left in ("1 removed, 0 left\n", "0 removed, 0 left\n"):
        assert run("quarantine", "rm", "--all", "--study", "ads", folder=tmp_path).stderr == left


@pytest.mark.parametrize(
    "words",
    [
        ("show", "0000", "--study", "ads"),
        ("rm", "--study", "ads"),
        ("rm", "0000", "--study", "ads"),
        ("rm", "--all", "--kind", "timeout", "--study", "ads"),
        ("ls", "--study", "nowhere"),
    ],
)
@pytest.mark.usefixtures("study")
def test_bad_input_is_one_line_and_exit_code_2(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run("quarantine", *words, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("toolkit: ")
    assert not (tmp_path / "nowhere").exists()
    assert len(Quarantine(tmp_path / "ads" / "quarantine")) == 4


def test_trace_ids_are_shown_only_when_asked_for(tmp_path: Path) -> None:
    """S1-08, S1-05: one line a failure with stage, item and kind; the provider's own id of the request on demand."""
    words = ("personas", "-n", "3", "--detail", "brief", "--model", "openai:m")
    with WireServer(faults={"no_model": 1.0}) as wire:
        given = {"TOOLKIT_BASE_URL": wire.url, "TOOLKIT_OPENAI_API_KEY": wire.key or ""}
        plain = run(*words, folder=tmp_path, **given)
        traced = run(*words, "--trace-ids", folder=tmp_path, **given)
    named = [line for line in plain.stderr.splitlines() if line.startswith("toolkit: personas p")]
    assert [line.split()[2:4] for line in named] == [[f"p000{n}", "model_unavailable:"] for n in (1, 2, 3)]
    assert "[request" not in plain.stderr
    assert len(re.findall(r"^toolkit: personas .*\[request \S+\]$", traced.stderr, re.MULTILINE)) == 3
    assert (plain.returncode, traced.returncode) == (3, 3)


# --- exit codes ---


def test_documented_exit_codes_are_those_in_the_code(tmp_path: Path) -> None:
    """S1-06: one table; docs and --help tell the same."""
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", (DOCS / "exit-codes.md").read_text(), re.MULTILINE)
    assert {int(code): told.strip() for code, told in rows} == {int(code): told for code, told in MEANING.items()}
    shown = " ".join(run("--help", folder=tmp_path).stdout.split())
    assert all(f"{code:d} {told.partition(';')[0]}" in shown for code, told in MEANING.items())


def test_errors_have_the_codes_of_the_table() -> None:
    """S1-06"""
    assert code_of(InvalidInput("n is 0")) == ExitCode.INPUT
    assert code_of(Incomplete("3 of 9 failed")) == ExitCode.STRICT
    assert code_of(BudgetReached("2 USD are spent")) == ExitCode.BUDGET
    assert isinstance(tk.Interrupted("x"), KeyboardInterrupt)
