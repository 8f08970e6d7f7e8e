"""Run records: what produced a result, under an id that equal runs share."""

import json
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import toolkit as tk
from toolkit.errors import InvalidInput, ReplayMiss
from toolkit.testing import WireServer

OpenLab = Callable[..., tk.Lab]


def study(lab: tk.Lab, n: int = 4, question: str = "Would you buy it?", **given: object) -> tk.Answers:
    panel = tk.generate_personas(n, "us-adults-2012", detail="facts", lab=lab)
    return tk.ask(panel, question, answer=tk.Choice(["yes", "no"]), lab=lab, **given)  # type: ignore[arg-type]


def ids(lab: tk.Lab) -> list[str]:
    return [record["run_id"] for record in lab.runs.records]


def test_equal_runs_have_equal_ids_in_any_folder_and_process(open_lab: OpenLab, tmp_path: Path) -> None:
    """F12: the id derives from seed, settings and input, never from time or place."""
    first, second = open_lab(model="scripted", study=tmp_path / "a"), open_lab(model="scripted", study=tmp_path / "b")
    study(first)
    study(second)
    code = """
        import toolkit as tk
        lab = tk.Lab("scripted", study="c", concurrency=3)
        panel = tk.generate_personas(4, "us-adults-2012", detail="facts", lab=lab)
        tk.ask(panel, "Would you buy it?", answer=tk.Choice(["yes", "no"]), lab=lab)
        print(*(record["run_id"] for record in lab.runs.records))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ids(first) == ids(second) == done.stdout.split()
    assert len(set(ids(first))) == 2


@pytest.mark.parametrize(
    ("lab_given", "given"),
    [({"seed": 1}, {}), ({}, {"n": 5}), ({}, {"question": "Or not?"}), ({"model": "scripted:other"}, {})],
)
def test_other_seed_input_or_model_is_another_run(
    lab_given: dict[str, object], given: dict[str, object], open_lab: OpenLab, tmp_path: Path
) -> None:
    base = open_lab(model="scripted", study=tmp_path / "a")
    other = open_lab(**{"model": "scripted", "study": tmp_path / "b", **lab_given})
    study(base)
    study(other, **given)  # type: ignore[arg-type]
    assert ids(base)[-1] != ids(other)[-1]


def test_record_says_what_made_it_without_secrets(open_lab: OpenLab, tmp_path: Path) -> None:
    """S1-25: seed, commit, settings by allowlist, models, versions; times beside."""
    lab = open_lab(model="scripted", seed=7, api_key="sk-proj-planted0123456789abcdef")
    study(lab)
    path = tmp_path / "study" / "runs" / f"{ids(lab)[-1]}.run.json"
    text = path.read_text()
    record = json.loads(text)
    execution = record["executions"][0]
    assert (record["verb"], record["seed"], record["model"]) == ("ask", 7, "scripted:default")
    assert record["input"]["calls"] == 4
    assert {"dramatis-toolkit", "python", "openai"} <= set(execution["versions"])
    assert execution["git_sha"] == "unknown" or len(execution["git_sha"]) == 40
    assert (execution["ok"], execution["tries"], execution["complete"], execution["error"]) == (4, 4, True, "")
    assert execution["started"] <= execution["finished"]
    assert "planted" not in text
    assert str(tmp_path) not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_rerun_adds_an_execution_to_the_same_record(open_lab: OpenLab) -> None:
    lab = open_lab(model="scripted")
    study(lab)
    study(lab)
    record = lab.runs.show(ids(lab)[-1][:8])
    assert [one["ok"] for one in record["executions"]] == [4, 0]
    assert [one["cached"] for one in record["executions"]] == [0, 4]
    assert record["executions"][1]["tokens_saved"] > 0
    frame = lab.runs.frame
    assert list(frame["verb"]) == ["generate_personas", "ask"] * 2
    assert frame["started"].is_monotonic_increasing
    assert list(frame.query("verb == 'ask'")["cost_usd"]) == [0.0, 0.0]


def test_counts_agree_with_the_ledger(open_lab: OpenLab) -> None:
    lab = open_lab(model="scripted", faults={"refused": 0.3, "malformed": 0.3, "provider_down": 0.2}, tries=2)
    panel = tk.generate_personas(30, "us-adults-2012", detail="brief", lab=lab)
    run = lab.runs.frame.iloc[0]
    rows = lab.ledger.frame(run["run"])
    live, _ = lab.ledger.usage(run["run"])
    assert run["failed"] == rows["status"].eq("failed").sum() >= len(panel.errors)
    assert (run["calls"], run["tries"]) == (len(rows), rows["tries"].sum())
    assert (run["input_tokens"], run["output_tokens"]) == (live.input, live.output)


def test_run_that_breaks_is_recorded_with_its_error(open_lab: OpenLab) -> None:
    lab = open_lab(model="scripted", mode="replay")
    with pytest.raises(ReplayMiss):
        study(lab)
    last = lab.runs.frame.iloc[-1]
    assert not last["complete"]
    assert last["error"].startswith("ReplayMiss: ")


def test_replay_of_a_capsule_has_the_ids_of_the_study(open_lab: OpenLab, tmp_path: Path) -> None:
    lab = open_lab(model="scripted", seed=5)
    study(lab)
    replay = tk.Lab(capsule=lab.freeze(tmp_path / "a.capsule"))
    study(replay)
    assert ids(replay) == ids(lab)
    replay.close()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"run_id": "x"}', b"\xff"])
def test_damaged_record_is_left_out_and_begun_anew(damage: bytes, open_lab: OpenLab, tmp_path: Path) -> None:
    lab = open_lab(model="scripted")
    study(lab)
    (tmp_path / "study" / "runs" / f"{ids(lab)[-1]}.run.json").write_bytes(damage)
    assert len(lab.runs) == 1
    study(lab)
    assert len(lab.runs) == 2
    assert [len(record["executions"]) for record in lab.runs.records] == [2, 1]


def test_unknown_run_is_one_clear_line(open_lab: OpenLab) -> None:
    with pytest.raises(InvalidInput, match="0 runs have the id 'abc'"):
        open_lab(model="scripted").runs.show("abc")
    assert len(open_lab(model="scripted").runs.frame) == 0


# --- what the provider was told about its prompt cache ---


def test_record_says_how_long_prefixes_are_kept_and_what_was_sent(open_lab: OpenLab) -> None:
    """S0-03, F20"""
    with WireServer(keep_bodies=True) as wire:
        lab = wired(open_lab, wire, retention="24h")
        tk.generate_personas(2, "us-adults-2012", detail="brief", lab=lab)
        assert {body["prompt_cache_retention"] for body in wire.bodies} == {"24h"}
    (record,) = lab.runs.records
    told = {"retention": "24h", "sent": {"prompt_cache_retention": "24h"}, "refused": []}
    assert record["executions"][0]["prompt_caching"] == {"openai:gpt-5.4": told}
    assert record["settings"]["retention"] == "24h"


def test_refused_retention_stands_in_notes_results_and_record(open_lab: OpenLab) -> None:
    """S0-05: resent once without it; a warning in the run's summary."""
    with WireServer(refused_parameters=["prompt_cache_retention"], keep_bodies=True) as wire:
        lab = wired(open_lab, wire, concurrency=1)
        panel = tk.generate_personas(3, "us-adults-2012", detail="brief", lab=lab)
        assert ["prompt_cache_retention" in body for body in wire.bodies] == [True, False, False, False]
    assert len(panel) == 3
    assert "openai:gpt-5.4 refuses prompt_cache_retention, so requests go without it" in repr(panel)
    (record,) = lab.runs.records
    told = record["executions"][0]["prompt_caching"]["openai:gpt-5.4"]
    assert told == {"retention": "in_memory", "sent": {}, "refused": ["prompt_cache_retention"]}


def test_retention_is_not_part_of_what_was_asked(open_lab: OpenLab, tmp_path: Path) -> None:
    with WireServer() as wire:
        labs = [
            wired(open_lab, wire, retention=word, study=tmp_path / word, seed=3) for word in ("in_memory", "24h", "off")
        ]
        for lab in labs:
            tk.generate_personas(1, "us-adults-2012", detail="brief", lab=lab)
    assert len({name for lab in labs for name in ids(lab)}) == 1


def test_model_that_was_told_nothing_leaves_nothing_in_the_record(open_lab: OpenLab) -> None:
    lab = open_lab(model="scripted")
    study(lab)
    assert all("prompt_caching" not in record["executions"][0] for record in lab.runs.records)


def wired(open_lab: OpenLab, wire: WireServer, **given: object) -> tk.Lab:
    """Open a lab that speaks to the server as to OpenAI itself."""
    return open_lab(model="openai:gpt-5.4", base_url=wire.url, api_key=wire.key, prompt_cache=True, **given)
