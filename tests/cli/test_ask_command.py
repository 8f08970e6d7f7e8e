"""``toolkit ask``: JSON alone on standard output, whatever happens beside it (S0-01, S0-02, S0-15, S0-22, S0-23)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.cli.options_file import read_options
from toolkit.errors import InvalidInput
from toolkit.questions import Ranking
from toolkit.resources import data_file
from toolkit.testing import WireServer

SCRIPT = Path(sys.executable).with_name("toolkit")


@pytest.fixture
def folder(tmp_path):
    for name in ("ad-number.png", "ad-mood.png"):
        shutil.copy(data_file(f"images/{name}"), tmp_path / name)
    write(tmp_path, ["neither", {"label": "numbers", "images": ["ad-number.png"]}, mood()])
    return tmp_path


def mood() -> dict[str, object]:
    return {"id": "M", "label": "mood", "images": [{"path": "ad-mood.png", "alt": "A rider at sunrise"}]}


def write(folder: Path, options: object, question: object = "Which one speaks to you?") -> None:
    (folder / "options.json").write_text(json.dumps({"question": question, "options": options}))


def asked(folder: Path, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("TOOLKIT_", "OPENAI_"))}
    command = [SCRIPT, "ask", "--options-json", "options.json", "--seed", "7", *words]
    return subprocess.run(
        command, cwd=folder, env={**bare, **given}, capture_output=True, text=True, timeout=120, check=False
    )


def body(done: subprocess.CompletedProcess[str]) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_standard_output_is_one_json_object(folder):
    """S0-01, S0-22"""
    told = body(asked(folder, "--mock", "--people", "4"))
    assert [one["id"] for one in told["options"]] == ["A", "B", "M"]
    assert len(told["responses"]) == 4
    assert sum(told["borda_totals"].values()) == 4 * 3
    assert told["borda_totals"] == {
        label: sum(one["borda_points"][label] for one in told["responses"]) for label in told["borda_totals"]
    }
    assert len(told["images"]) == 2
    assert {one["width"] for one in told["images"]} == {640}


def test_module_that_prints_on_import_leaves_standard_output_clean(folder):
    """S0-02"""
    (folder / "noisy").mkdir()
    (folder / "noisy" / "orjson.py").write_text(
        "import os, sys\nprint('from Python', flush=True)\nos.write(1, b'from C')\n"
        "sys.path.remove(os.environ['NOISY'])\ndel sys.modules['orjson']\nimport orjson\n"
    )
    noisy = str(folder / "noisy")
    done = asked(folder, "--mock", PYTHONPATH=noisy, NOISY=noisy)
    assert body(done)["borda_winner"]
    assert "from Python" in done.stderr
    assert "from C" in done.stderr


def test_second_run_answers_from_memory_and_spends_nothing(folder):
    """S0-15, S0-18, S0-23"""
    first, second = (body(asked(folder, "--mock")) for _ in range(2))
    assert [one["cached_calls"] for one in first["usage"]] == [0, 0]
    assert [one["cached_calls"] for one in second["usage"]] == [0, 3]
    assert second["usage"][1]["input_tokens"] == 0
    assert first["responses"] == second["responses"]
    assert first["persistence"]["answers_key"] == second["persistence"]["answers_key"] is not None


def test_answers_key_changes_with_the_bytes_of_an_image(folder):
    """S0-23"""
    first = body(asked(folder, "--mock"))["persistence"]["answers_key"]
    shutil.copy(data_file("images/ad-word.png"), folder / "ad-mood.png")
    assert body(asked(folder, "--mock"))["persistence"]["answers_key"] != first


def test_refresh_asks_anew_and_no_persist_leaves_no_folder(folder):
    """S0-23"""
    body(asked(folder, "--mock"))
    assert body(asked(folder, "--mock", "--refresh-answers"))["usage"][1]["model_calls"] == 3
    told = body(asked(folder, "--mock", "--no-persist", "--study", "elsewhere"))
    assert told["persistence"]["enabled"] is False
    assert not (folder / "elsewhere").exists()


def test_images_go_to_a_model_with_eyes_beside_their_options(folder):
    """S0-01, S0-19: at most 768 pixels, detail low"""
    with WireServer(keep_bodies=True) as wire:
        told = body(asked(folder, "--model", "openai:test", "--base-url", wire.url, OPENAI_API_KEY=wire.key or ""))
        pictures = [
            part["image_url"]
            for sent in wire.bodies
            for message in sent["messages"]
            if isinstance(message["content"], list)
            for part in message["content"]
            if part["type"] == "image_url"
        ]
    assert len(pictures) == 3 * 2
    assert {one["detail"] for one in pictures} == {"low"}
    assert told["usage"][1]["model_calls"] == 3


def test_failed_call_is_named_on_standard_error_and_the_json_stands(folder):
    """S0-08, S0-20: exit code 3, and the others' answers count"""
    with WireServer(script=["bad_schema"]) as wire:
        done = asked(
            folder, "--model", "openai:test", "--base-url", wire.url, "--tries", "1", OPENAI_API_KEY=wire.key or ""
        )
    told = json.loads(done.stdout)
    assert done.returncode == 3
    assert told["invalid"] == 1
    assert [one["ranking"] is None for one in told["responses"]].count(True) == 1
    assert sum(told["borda_totals"].values()) == 2 * 3
    assert "toolkit: questions p000" in done.stderr


def test_choice_gives_all_points_to_one(folder):
    told = body(asked(folder, "--mock", "--answer", "choice", "--no-borda"))
    assert "borda_totals" not in told
    assert all(len(one["ranking"]) == 1 for one in told["responses"])


def test_dry_run_asks_nobody_and_prints_no_json(folder):
    done = asked(folder, "--mock", "--dry-run")
    assert (done.returncode, done.stdout) == (0, "")
    assert "3 calls" in done.stderr
    assert not (folder / "studies").exists()


def test_out_writes_the_same_object_to_a_file(folder):
    printed = body(asked(folder, "--mock"))
    done = asked(folder, "--mock", "--out", "deep/answers.json")
    assert done.stdout == ""
    assert json.loads((folder / "deep" / "answers.json").read_text())["responses"] == printed["responses"]


@pytest.mark.parametrize(
    ("options", "question", "said"),
    [
        (["one"], "Which?", "fewer than two options"),
        (["a", "b"], "", "has no question"),
        (["a", {"label": "b", "picture": "x"}], "Which?", "option 2 of options.json has the unknown key 'picture'"),
        (["a", {"images": []}], "Which?", "option 2 of options.json has no label"),
        (["a", {"label": "b", "images": ["../../etc/passwd"]}], "Which?", "outside the options file's folder"),
        (["a", {"label": "b", "images": ["none.png"]}], "Which?", "which is not there"),
        (["a", "A "], "Which?", "twice"),
        (["a", 3], "Which?", "option 2 of options.json is int"),
        ([{"id": "x", "label": "a"}, {"id": "X", "label": "b"}], "Which?", "twice"),
    ],
)
def test_bad_options_are_one_clear_line(folder, options, question, said):
    write(folder, options, question)
    with pytest.raises(InvalidInput, match=re.escape(said)) as caught:
        Ranking(read_options(folder / "options.json").options)
    assert "\n" not in str(caught.value)


def test_file_that_is_no_json_and_options_that_exclude_each_other(folder):
    """S0-01"""
    for words in (["--mock", "--model", "scripted"], ["--mock"]):
        (folder / "options.json").write_text("{")
        done = asked(folder, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("toolkit: ")
        assert done.stderr.count("\n") == 1
