"""Lines of the ledger's file: what rows have in common is told once, and each row is whole again when it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson

from tests.engine.calls import answer, make_calls
from toolkit.dashboards.follow import StudyFeed
from toolkit.engine.ledger_lines import AGAIN, Lines, Whole
from toolkit.testing import WireServer


def row(number: int, **rest: Any) -> dict[str, Any]:
    told = {"run": "ask-1", "stage": "questions", "item": f"p{number}", "model": "openai:m", "status": "ok"}
    return told | {"input": 3, "price_version": "list 2026-11-21"} | rest


def read(lines: list[bytes]) -> list[dict[str, Any]]:
    whole = Whole()
    return [whole(orjson.loads(line)) for line in lines]


def test_rows_are_whole_again_in_their_order() -> None:
    rows = [row(1), row(2), row(3, stage="personas"), row(4, status="cached"), row(5, model="x:y"), row(6)]
    lines = Lines()
    assert read([lines.line(one) for one in rows]) == rows


def test_what_rows_share_is_written_once() -> None:
    lines = Lines()
    first, second = lines.line(row(1)), lines.line(row(2))
    assert b"2026-11-21" in first
    assert not any(word in second for word in (b"2026-11-21", b"ask-1", b"questions", b"openai", b"status"))
    assert len(second) < len(first) / 2


def test_two_writers_of_one_file_are_told_apart() -> None:
    here, there = Lines(), Lines()
    rows = [row(number, run=f"ask-{number % 2}") for number in range(20)]
    assert read([(here, there)[number % 2].line(one) for number, one in enumerate(rows)]) == rows


def test_what_a_full_disk_took_is_told_again_soon() -> None:
    lines = Lines()
    written = [lines.line(row(number)) for number in range(AGAIN + 10)]
    found = read(written[1:])
    assert "stage" not in found[0]
    assert found[AGAIN:] == [row(number) for number in range(AGAIN + 1, AGAIN + 10)]


def test_lines_of_before_stand_for_themselves() -> None:
    assert read([orjson.dumps(row(1)), orjson.dumps(row(2, status="failed"))]) == [row(1), row(2, status="failed")]


def test_file_of_a_study_is_read_as_its_ledger_has_it(open_lab: Any, tmp_path: Path) -> None:
    with WireServer(script=["ok", "ok", "bad_schema"]) as wire:
        lab = open_lab(wire, concurrency=1, tries=1)
        answer(lab, make_calls(6))
        answer(lab, make_calls(2))
        held = [(one.run, one.stage, one.item, one.model, one.status, one.key) for one in lab.ledger.rows()]
        lab.close()
    whole = Whole()
    lines = (tmp_path / "study" / "ledger.jsonl").read_text().splitlines()
    found = [whole(json.loads(line)) for line in lines]
    assert [tuple(one[name] for name in ("run", "stage", "item", "model", "status", "key")) for one in found] == held
    feed = StudyFeed(tmp_path / "study")
    feed.pull(everything=True)
    assert feed.totals.calls == len(held)
    assert {group[0] for group in feed.totals.groups} == {"questions"}
