"""The installed ``toolkit`` script: data on stdout, everything else on stderr, and exit codes that are true."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import toolkit as tk
from toolkit.testing import WireServer

SCRIPT = Path(sys.executable).with_name("toolkit")
SECRET = "sk-proj-planted0123456789abcdef"
OF_TODAY = re.compile(r"tokens|from memory|calls|^ +[\d.]+ (s|min|h)\b|memory saved|^ +cost|^ +saved|requests")
"""Lines that say what this run took; everything else is the study's."""


def environment(**given: str) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("TOOLKIT_", "OPENAI_"))}
    return {**bare, "COLUMNS": "100", "NO_COLOR": "1", **given}


def toolkit(folder: Path, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *words],
        cwd=folder,
        env=environment(**given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.stderr.startswith("toolkit: "), done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_help_lists_the_commands_and_the_exit_codes(tmp_path: Path) -> None:
    done = toolkit(tmp_path, "--help")
    words = " ".join(done.stdout.split())
    assert done.returncode == 0
    for command in ("demo", "doctor", "personas", "model", "capsule"):
        assert f" {command} " in words
    for code in ("0 done", "2 bad input", "3 done in part", "130 interrupted"):
        assert code in words.replace("│ ", "")


def test_version_is_the_packages(tmp_path: Path) -> None:
    from importlib.metadata import version

    assert toolkit(tmp_path, "--version").stdout == version("dramatis-toolkit") + "\n"


@pytest.mark.parametrize("words", [["nonsense"], ["personas", "--n", "many"], ["demo", "--people", "0"]])
def test_usage_that_cannot_be_is_exit_code_2(words: list[str], tmp_path: Path) -> None:
    done = toolkit(tmp_path, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert list(tmp_path.iterdir()) == []


# --- personas ---


def test_personas_writes_json_lines_and_nothing_else_to_stdout(tmp_path: Path) -> None:
    """S0-01: stdout passes json.loads line by line; the rest is on stderr."""
    done = toolkit(tmp_path, "personas", "-n", "5", "--seed", "3")
    people = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [one["id"] for one in people] == ["p0001", "p0002", "p0003", "p0004", "p0005"]
    assert "5 personas against us-adults-2012" in done.stderr
    assert list(tmp_path.iterdir()) == []  # facts take no call, so there is no study to keep
    assert toolkit(tmp_path, "personas", "-n", "5", "--seed", "3").stdout == done.stdout
    assert toolkit(tmp_path, "personas", "-n", "5", "--seed", "4").stdout != done.stdout


def test_personas_with_texts_go_to_a_file_and_load_again(tmp_path: Path) -> None:
    words = ["personas", "-n", "3", "--detail", "brief", "--model", "scripted", "--out", "panel.jsonl"]
    done = toolkit(tmp_path, *words)
    assert (done.returncode, done.stdout) == (0, "")
    assert len(tk.Panel.load(tmp_path / "panel.jsonl")) == 3
    assert (tmp_path / "studies" / "personas" / "memory.sqlite").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["-n", "0"], "0"),
        (["--population", "atlantis"], "atlantis"),
        (["--detail", "novel"], "novel"),
        (["--detail", "brief", "--model", "scirpted"], "scirpted"),
        (["--detail", "brief", "--model", "openai:m"], "OPENAI_API_KEY"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words: list[str], named: str, tmp_path: Path) -> None:
    done = toolkit(tmp_path, "personas", *words, TOOLKIT_MODEL="scripted")
    assert (done.returncode, done.stdout) == (2, "")
    assert named in one_line(done)


def test_done_in_part_is_exit_code_3_and_names_the_failures(tmp_path: Path) -> None:
    with WireServer(faults={"bad_schema": 0.5}) as wire:
        done = toolkit(
            tmp_path,
            *("personas", "-n", "8", "--detail", "brief", "--model", "openai:m"),
            TOOLKIT_BASE_URL=wire.url,
            TOOLKIT_OPENAI_API_KEY=str(wire.key),
        )
    people = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 3
    assert 0 < len(people) < 8
    assert done.stderr.count("bad_request") == 8 - len(people)


# --- doctor ---


def test_doctor_says_whether_a_key_is_set_and_never_which(tmp_path: Path) -> None:
    done = toolkit(tmp_path, "doctor", OPENAI_API_KEY=SECRET, TOOLKIT_MODEL="openai:gpt-5-mini")
    assert done.returncode == 0
    assert re.search(r"^OpenAI key +set$", done.stdout, re.MULTILINE)
    assert "openai:gpt-5-mini would answer" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    without = toolkit(tmp_path, "doctor", TOOLKIT_MODEL="openai:gpt-5-mini")
    assert re.search(r"^OpenAI key +not set$", without.stdout, re.MULTILINE)
    assert "cannot answer: no key is set" in without.stdout
    assert list(tmp_path.iterdir()) == []


def test_doctor_judges_the_model_by_the_studys_own_settings(tmp_path: Path) -> None:
    (tmp_path / "toolkit.toml").write_text('model = "openai:local"\nbase_url = "http://127.0.0.1:9/v1"\n')
    assert "openai:local would answer" in toolkit(tmp_path, "doctor").stdout


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a study; SQLite's sidecars may come and go with a reader."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {str(path): path.read_bytes() for path in found}


def test_doctor_looks_into_a_study_without_changing_it(tmp_path: Path) -> None:
    toolkit(tmp_path, "personas", "-n", "4", "--detail", "brief", "--model", "scripted", "--study", "ads")
    before = files_of(tmp_path / "ads")
    done = toolkit(tmp_path, "doctor", "--study", "ads", TOOLKIT_MODEL="scripted")
    assert "study        ads: 4 remembered replies" in done.stdout
    assert " MB" in done.stdout
    assert files_of(tmp_path / "ads") == before


def test_doctor_survives_a_damaged_study_and_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ads").mkdir()
    (tmp_path / "ads" / "memory.sqlite").write_bytes(b"garbage" * 1000)
    damaged = toolkit(tmp_path, "doctor", "--study", "ads", TOOLKIT_MODEL="scripted")
    assert damaged.returncode == 0
    assert "1 files" in damaged.stdout
    assert "Traceback" not in damaged.stderr
    assert "not there yet" in toolkit(tmp_path, "doctor", "--study", ".", TOOLKIT_MODEL="scripted").stdout


def test_doctor_names_a_setting_that_cannot_be_used(tmp_path: Path) -> None:
    done = toolkit(tmp_path, "doctor", TOOLKIT_TRIES="lots")
    assert done.returncode == 2
    assert "tries" in done.stderr.splitlines()[-1]


# --- demo ---


def of_the_study(text: str) -> list[str]:
    return [line for line in text.splitlines() if not OF_TODAY.search(line)]


def test_demo_a_second_time_asks_nobody_and_prints_the_same(tmp_path: Path) -> None:
    """The issue: after a restart no model call, answers from memory, same bytes."""
    with WireServer() as wire:
        given = {"TOOLKIT_BASE_URL": wire.url, "TOOLKIT_OPENAI_API_KEY": str(wire.key)}
        first = toolkit(tmp_path, "demo", "--model", "openai:m", "--people", "5", **given)
        asked = wire.requests.total
        picture = (tmp_path / "studies" / "demo" / "answers.png").read_bytes()
        second = toolkit(tmp_path, "demo", "--model", "openai:m", "--people", "5", **given)
    assert (first.returncode, second.returncode) == (0, 0)
    assert (asked, wire.requests.total) == (10, 10)
    assert of_the_study(second.stdout) == of_the_study(first.stdout)
    assert len(of_the_study(first.stdout)) > 20
    assert (tmp_path / "studies" / "demo" / "answers.png").read_bytes() == picture
    assert "0 live, 10 from memory, 0 failed" in second.stdout


def test_demo_with_the_scripted_model_says_what_it_is(tmp_path: Path) -> None:
    done = toolkit(tmp_path, "demo", "--model", "scripted", "--people", "3")
    assert done.returncode == 0
    assert "they say nothing about people" in done.stdout
    assert "they say nothing about people" in done.stderr
    assert "3 personas against us-adults-2012" in done.stdout
    assert "the bold package" in done.stdout


def test_interrupted_demo_is_exit_code_130_and_keeps_what_finished(tmp_path: Path) -> None:
    with WireServer(latency=0.1) as wire:
        given = {
            "TOOLKIT_BASE_URL": wire.url,
            "TOOLKIT_OPENAI_API_KEY": str(wire.key),
            "TOOLKIT_CONCURRENCY": "2",
        }
        words = ["demo", "--model", "openai:m", "--people", "30"]
        running = subprocess.Popen(
            [SCRIPT, *words],
            cwd=tmp_path,
            env=environment(**given),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while wire.requests.delivered < 10:
            assert running.poll() is None
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
        assert running.returncode == 130
        assert "Traceback" not in said
        assert "generate_personas was stopped after " in said.splitlines()[-1]
        assert "does only the rest" in said.splitlines()[-1]
        before = wire.requests.total
        assert toolkit(tmp_path, *words, **given).returncode == 0
    assert wire.requests.total - before <= 60 - 10 + 2


# --- capsule ---


@pytest.fixture
def capsule(tmp_path: Path) -> Path:
    """A capsule of four personas."""
    lab = tk.Lab("scripted", study=tmp_path / "study", seed=5)
    tk.generate_personas(4, "us-adults-2012", detail="brief", lab=lab)
    path = lab.freeze(tmp_path / "ads.capsule", note="for the reviewer")
    lab.close()
    return path


def test_capsule_show_prints_the_manifest_as_json(capsule: Path) -> None:
    done = toolkit(capsule.parent, "capsule", "show", capsule.name)
    manifest = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (manifest["entries"], manifest["seed"], manifest["note"]) == (4, 5, "for the reviewer")
    assert manifest["models"][0]["identity"]["provider"] == "scripted"


def test_capsule_show_of_an_edited_file_is_one_line_and_exit_code_2(capsule: Path) -> None:
    capsule.write_text(capsule.read_text().replace("p0002", "p0003", 1))
    done = toolkit(capsule.parent, "capsule", "show", capsule.name)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"ads\.capsule, line \d+: .*edited", one_line(done))


@pytest.mark.parametrize("words", [["show", "gone.capsule"], ["rebuild", "gone.ipynb"]])
def test_capsule_file_that_is_not_there_is_one_line(words: list[str], tmp_path: Path) -> None:
    done = toolkit(tmp_path, "capsule", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert words[1] in one_line(done)
