"""Taking an output file up again: only what is missing is asked, and never for another run (S1-48)."""

import json

import pytest

from tests.evolutions.planner import service
from toolkit.errors import InvalidInput
from toolkit.evolutions import evolve_services
from toolkit.evolutions.out import LineFile, sidecar_of

SERVICES = [service(n) for n in range(6)]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out" / "evolutions.jsonl"


def test_resume_asks_only_for_lines_that_are_missing(open_lab, planner, small, out):
    whole = evolve_services(SERVICES, **small, out=out, lab=open_lab(planner, "a"))
    lines = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join([*lines[:2], lines[4]]) + lines[5][:100])  # one gap, and a line torn by a kill
    planner.asked.clear()
    again = evolve_services(SERVICES, **small, out=out, resume=True, lab=open_lab(planner, "b"))  # an empty memory
    assert {one.item.partition("/")[0] for one in planner.asked} == {"s2", "s3", "s5"}
    assert out.read_bytes() == b"".join(lines)
    assert again.to_jsonl() == whole.to_jsonl()
    assert again.complete
    assert not list(out.parent.glob(".*before"))


def test_line_with_a_hole_is_made_anew(open_lab, planner, small, out):
    planner.says["s1/2"] = "nonsense"
    evolve_services(SERVICES, **small, out=out, lab=open_lab(planner, "a"))
    del planner.says["s1/2"]
    planner.asked.clear()
    made = evolve_services(SERVICES, **small, out=out, resume=True, lab=open_lab(planner, "b"))
    assert {one.item.partition("/")[0] for one in planner.asked} == {"s1"}
    assert all(one["features"] for one in made["s1"]["plateaus"])


def test_resume_killed_in_the_middle_is_resumed_from_both_parts(open_lab, planner, small, out):
    evolve_services(SERVICES, **small, out=out, lab=open_lab(planner, "a"))
    lines = out.read_bytes().splitlines(keepends=True)
    out.with_name(f".{out.name}.before").write_bytes(b"".join(lines[:4]))
    out.write_bytes(lines[0] + lines[4] + lines[5][:50])
    planner.asked.clear()
    evolve_services(SERVICES, **small, out=out, resume=True, lab=open_lab(planner, "b"))
    assert {one.item.partition("/")[0] for one in planner.asked} == {"s5"}
    assert out.read_bytes() == b"".join(lines)


def test_resume_stopped_again_keeps_lines_it_has_not_come_to(open_lab, planner, small, out):
    evolve_services(SERVICES, **small, out=out, lab=open_lab(planner, "a"))
    lines = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(lines[5])
    lab = open_lab(planner, "b", concurrency=1)
    stopped = evolve_services(SERVICES, **small, out=out, resume=True, budget="6 requests", services_at_once=1, lab=lab)
    assert not stopped.complete
    planner.asked.clear()
    evolve_services(SERVICES, **small, out=out, resume=True, lab=open_lab(planner, "c"))
    assert "s5" not in {one.item.partition("/")[0] for one in planner.asked}
    assert out.read_bytes() == b"".join(lines)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"services": SERVICES[:5]}, "another input"),
        ({"features_per_role": 1}, "another setting 'features_per_role'"),
        ({"seed": 8}, "another setting 'seed'"),
        ({"context": "elsewhere"}, "another setting 'context'"),
        ({"catalogues": ["data"]}, "another setting 'catalogue_hash'"),
        ({"schema_version": "1.1"}, "another setting 'schema_version'"),
    ],
)
def test_resume_of_another_run_is_refused_and_says_what_differs(open_lab, planner, small, out, changed, why):
    lab = open_lab(planner)
    evolve_services(SERVICES, **small, out=out, lab=lab)
    before, asked = out.read_bytes(), len(planner.asked)
    given = {"services": SERVICES, **small, **changed}
    with pytest.raises(InvalidInput, match=why):
        evolve_services(given.pop("services"), **given, out=out, resume=True, lab=lab)
    assert (out.read_bytes(), len(planner.asked)) == (before, asked)


def test_other_output_under_the_old_name_is_refused(open_lab, planner, small, out):
    lab = open_lab(planner)
    evolve_services(SERVICES, **small, out=out, lab=lab)
    other = out.with_name("other.jsonl")
    out.rename(other)
    sidecar_of(out).rename(sidecar_of(other))
    with pytest.raises(InvalidInput, match="another output"):
        evolve_services(SERVICES, **small, out=other, resume=True, lab=lab)
    sidecar_of(other).unlink()
    with pytest.raises(InvalidInput, match="is not beside it"):
        evolve_services(SERVICES, **small, out=other, resume=True, lab=lab)


def test_resume_of_nothing_begins(open_lab, planner, small, out):
    assert len(evolve_services(SERVICES, **small, out=out, resume=True, lab=open_lab(planner))) == 6


def test_sidecar_tells_of_the_run_and_holds_times_no_secret_and_no_prompt(open_lab, small, out, monkeypatch):
    """S1-25, F12, F16: seed, commit and models; times stand here, never in a line."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-proj-planted0123456789abcdefghij")
    evolve_services(SERVICES, **small, out=out, lab=open_lab("scripted"))
    text = sidecar_of(out).read_text()
    told = json.loads(text)
    assert told["status"] == "complete"
    assert (told["settings"]["seed"], told["lines"], told["not_run"]) == (7, 6, 0)
    assert told["settings"]["models"]["features"] == "scripted:default"
    assert told["git_sha"]
    assert told["started"] <= told["finished"]
    assert "planted" not in text
    assert "What service 1 does" not in text
    record = json.loads(out.read_bytes().splitlines()[0])
    assert record["meta"]["run_id"] == told["run_id"]
    assert record["meta"]["created"] is None


def test_folder_that_cannot_be_made_is_an_error_in_one_line(open_lab, planner, small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot be written"):
        evolve_services(SERVICES, **small, out=tmp_path / "file" / "out.jsonl", lab=open_lab(planner))


def test_closed_file_takes_no_line(tmp_path):
    file = LineFile(tmp_path / "out.jsonl", {"run_id": "1", "input": "a", "settings": {}})
    with pytest.raises(InvalidInput, match="is closed"):
        file.write(b"{}")
