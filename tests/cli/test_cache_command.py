"""``toolkit cache`` and ``toolkit capsule verify`` as a program: exact counts, JSON on stdout, true exit codes."""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import toolkit as tk
from tests.engine.calls import answer, make_calls
from toolkit.memory import REPLIES, Entry, SealedStore

SCRIPT = Path(sys.executable).with_name("toolkit")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("TOOLKIT_", "OPENAI_"))}
    return subprocess.run(
        [SCRIPT, *words],
        cwd=folder,
        env={**bare, "COLUMNS": "100", "NO_COLOR": "1", "TOOLKIT_STUDY": "study"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.stderr.startswith("toolkit: "), done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of 20 answered calls, of which 5 are old, 3 a fallback's and 4 of another stage."""
    lab = tk.Lab("scripted", study=tmp_path / "study")
    answer(lab, make_calls(20))
    lab.freeze(tmp_path / "c.capsule")
    lab.close()
    with SealedStore(tmp_path / "study" / "memory.sqlite", heal=True) as store:
        entries = list(store.entries(REPLIES))
        for entry in entries[:5]:
            store.put(dataclasses.replace(entry, created=time.time() - 40 * 86_400))
        for entry in entries[5:8]:
            note = "answered by the fallback scripted:spare, because scripted:default failed (provider_down)"
            body = json.dumps({**entry.json(), "notes": [note]}, separators=(",", ":")).encode()
            store.put(dataclasses.replace(entry, body=body))
        for entry in entries[8:12]:
            store.put(dataclasses.replace(entry, stage="personas"))
    return tmp_path


def damage(study: Path, number: int) -> None:
    with closing(sqlite3.connect(study / "study" / "memory.sqlite")) as connection, connection:
        sql = "UPDATE entries SET body=replace(body, 'choice', 'choose') WHERE id IN (SELECT id FROM entries LIMIT ?)"
        assert connection.execute(sql, (number,)).rowcount == number


def test_stats_count_exactly(study: Path) -> None:
    done = run(study, "cache", "stats", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = told(done)
    assert (found["entries"], found["by_stage"], found["by_func"]) == (
        20,
        {"personas": 4, "questions": 16},
        {REPLIES: 20},
    )
    table = run(study, "cache", "stats").stdout
    assert "by stage: questions" in table
    assert "16" in table


def test_validate_counts_exactly_and_changes_nothing(study: Path) -> None:
    """S1-02: exact counts of ok, corrupt, missing, removed; exit code 3 once damage was found."""
    clean = run(study, "cache", "validate", "--json")
    assert clean.returncode == 0
    assert told(clean) == {"ok": 20, "corrupt": 0, "missing": 0, "removed": 0, "file": "ok", "examples": []}
    damage(study, 3)
    before = (study / "study" / "memory.sqlite").read_bytes()
    found = run(study, "cache", "validate", "--json")
    assert found.returncode == 3
    counted = told(found)
    assert (counted["ok"], counted["corrupt"], counted["missing"], counted["removed"]) == (17, 3, 0, 0)
    assert len(counted["examples"]) == 3
    assert (study / "study" / "memory.sqlite").read_bytes() == before


def test_validate_removes_when_told_and_says_what_is_missing_then(study: Path) -> None:
    damage(study, 3)
    done = run(study, "cache", "validate", "--remove", "--json")
    assert (done.returncode, told(done)["removed"]) == (3, 3)
    again = run(study, "cache", "validate", "--json")
    assert again.returncode == 0
    assert {name: told(again)[name] for name in ("ok", "corrupt", "missing")} == {"ok": 17, "corrupt": 0, "missing": 3}


@pytest.mark.parametrize(
    ("words", "removed"),
    [
        (["--older-than", "30 days"], 5),
        (["--older-than", "60 days"], 0),
        (["--stage", "personas"], 4),
        (["--stage", "questions", "--older-than", "30 days"], 5),
        (["--stage", "personas", "--older-than", "30 days"], 0),
        (["--fallback"], 3),
        (["--fallback", "--stage", "personas"], 0),
        (["--max-size", "1 GB"], 0),
        (["--max-size", "0 B"], 20),
        (["--damaged"], 0),
    ],
)
def test_purge_reports_exact_counts(study: Path, words: list[str], removed: int) -> None:
    """S1-31"""
    done = run(study, "cache", "purge", *words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert (told(done)["removed"], told(done)["left"]) == (removed, 20 - removed)
    assert told(run(study, "cache", "stats", "--json"))["entries"] == 20 - removed


def test_purge_to_a_size_keeps_what_was_used_last(study: Path) -> None:
    path = study / "study" / "memory.sqlite"
    with SealedStore(path, heal=True) as store:
        for number in range(2000):
            store.put(Entry(REPLIES, f"{number:064x}", b'"' + b"x" * 600 + b'"', "questions"))
        store.flush()
        kept = f"{3:064x}"
        assert store.get(REPLIES, kept) is not None
    done = run(study, "cache", "purge", "--max-size", "400 kB", "--json")
    assert done.returncode == 0
    assert path.stat().st_size <= 400_000
    with SealedStore(path, heal=True) as store:
        assert told(done)["left"] == store.stats().entries > 100
        assert store.contains(REPLIES, kept)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["purge"], "no condition"),
        (["purge", "--older-than", "soon"], "'soon'"),
        (["purge", "--max-size", "big"], "'big'"),
        (["stats", "--study", "nowhere"], "nowhere"),
        (["import", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(study: Path, words: list[str], named: str) -> None:
    done = run(study, "cache", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert named in one_line(done)


def test_whole_file_damage_is_exit_code_3_and_purge_heals_it(study: Path) -> None:
    path = study / "study" / "memory.sqlite"
    path.write_bytes(b"garbage" * 3000)
    for words in (["stats"], ["validate"]):
        done = run(study, "cache", *words)
        assert (done.returncode, done.stdout) == (3, "")
        assert "is damaged" in one_line(done)
    assert path.read_bytes() == b"garbage" * 3000
    done = run(study, "cache", "purge", "--damaged", "--json")
    assert done.returncode == 3
    assert told(done)["left"] == 0
    assert "moved to" in done.stderr


def test_import_counts_and_the_second_time_finds_nothing_new(study: Path) -> None:
    """S2-09"""
    folder = study / "cache" / "unknown" / "svc-1"
    folder.mkdir(parents=True)
    (folder / f"{'0' * 32}.json").write_text('{"descriptions": []}')
    (folder / f"{'1' * 32}.json").write_text("torn {")
    for expected in ({"imported": 1, "known": 0, "damaged": 1}, {"imported": 0, "known": 1, "damaged": 1}):
        done = run(study, "cache", "import", "cache", "--json")
        assert (done.returncode, told(done)) == (3, expected)


def test_capsule_verify_says_intact_or_damaged(study: Path) -> None:
    done = run(study, "capsule", "verify", "c.capsule")
    assert (done.returncode, done.stdout, done.stderr) == (0, "c.capsule: 20 entries, all intact\n", "")
    assert told(run(study, "capsule", "verify", "c.capsule", "--json")) == {
        "capsule": "c.capsule",
        "entries": 20,
        "fault": "",
        "ok": True,
    }
    path = study / "c.capsule"
    path.write_text(path.read_text().replace("p0002", "p0003", 1))
    done = run(study, "capsule", "verify", "c.capsule", "--json")
    assert done.returncode == 3
    assert not told(done)["ok"]
    assert "edited" in one_line(done)
    missing = run(study, "capsule", "verify", "none.capsule")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "none.capsule" in one_line(missing)
