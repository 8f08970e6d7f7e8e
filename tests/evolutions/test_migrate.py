"""Schema 1.0 to 1.1 (S1-13)."""

import json
import tracemalloc

import pytest

from tests.evolutions.planner import service
from toolkit.errors import InvalidInput
from toolkit.evolutions import evolve_services, migrate_file, migrate_record, read_record


@pytest.fixture
def record(lab, small):
    return evolve_services([service(1)], **small, lab=lab)[0]


def test_meta_stays_and_the_text_has_its_new_name(record):
    record["schema_version"] = "1.0"
    before = json.dumps(record)
    fresh = migrate_record(record)
    assert json.dumps(record) == before
    assert "schema_version" not in fresh
    assert fresh["meta"] == {**record["meta"], "schema_version": "1.1"}
    assert [one["description"] for one in fresh["plateaus"]] == [
        one["service_description"] for one in record["plateaus"]
    ]
    assert read_record(fresh)


def test_missing_features_become_an_empty_list(record):
    del record["plateaus"][0]["features"]
    assert migrate_record(record)["plateaus"][0]["features"] == []


def test_same_version_is_a_copy(record):
    fresh = migrate_record(record, to_version="1.0")
    assert fresh == record
    assert fresh["plateaus"] is not record["plateaus"]


@pytest.mark.parametrize("step", [("1.0", "2.0"), ("1.1", "1.0"), ("0.9", "1.1"), ("", "1.1"), ("2.0", "2.0")])
def test_unknown_step_is_an_error(record, step):
    with pytest.raises(ValueError, match="no migration"):
        migrate_record(record, from_version=step[0], to_version=step[1])


def test_ten_thousand_lines_stream_in_flat_memory_in_order_and_again_to_the_same_bytes(record, tmp_path):
    source, target = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    record["plateaus"][1]["features"] = []
    record["plateaus"][0]["features"] = record["plateaus"][0]["features"][:1]

    def write(count):
        with source.open("w") as file:
            for number in range(count):
                line = {**record, "service": {**record["service"], "service_id": f"s{number}"}}
                file.write(json.dumps({**line, "meta": {**record["meta"], "seed": number}}) + "\n")

    def peak(count):
        write(count)
        tracemalloc.start()
        assert migrate_file(source, target) == count
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    few, many = peak(500), peak(10_000)
    assert many < 1.2 * few + 100_000
    once = target.read_bytes()
    told = [json.loads(line) for line in once.splitlines()]
    assert [one["service"]["service_id"] for one in told] == [f"s{n}" for n in range(10_000)]
    assert [one["meta"]["seed"] for one in told] == list(range(10_000))
    read_record(told[-1])
    migrate_file(source, target)
    assert target.read_bytes() == once


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda one: one["meta"].update(schema_version="9"), "line 2 of old.jsonl is of the unknown version '9'"),
        (lambda one: one["meta"].update(run_id=""), "line 2 of old.jsonl: meta.run_id"),
        (lambda one: one["plateaus"][0].update(extra=1), "line 2 of old.jsonl: plateaus.0.extra"),
    ],
)
def test_line_that_cannot_be_migrated_is_an_error_before_any_output(record, tmp_path, spoil, why):
    source, target = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    bad = json.loads(json.dumps(record))
    spoil(bad)
    source.write_text(f"{json.dumps(record)}\n{json.dumps(bad)}\n")
    target.write_text("what was there\n")
    with pytest.raises(InvalidInput, match=why):
        migrate_file(source, target)
    assert target.read_text() == "what was there\n"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["new.jsonl", "old.jsonl"]


def test_line_of_1_1_among_lines_of_1_0_is_an_error(record, tmp_path):
    source = tmp_path / "old.jsonl"
    source.write_text(f"{json.dumps(record)}\n{json.dumps(migrate_record(record))}\n")
    with pytest.raises(InvalidInput, match=r"line 2 of old.jsonl: the record is of version '1\.1'"):
        migrate_file(source, tmp_path / "new.jsonl")
