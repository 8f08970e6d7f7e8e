import json
import stat

import pandas as pd

from tests.engine.calls import answer, make_call, make_calls
from toolkit.engine import Ledger, Row
from toolkit.models import Usage
from toolkit.testing import WireServer


def test_every_call_leaves_one_row_however_it_ends(open_lab):
    with WireServer(script=["ok", "refusal", "bad_schema"]) as wire:
        lab = open_lab(wire, concurrency=1, tries=1)
        answer(lab, make_calls(4))
        answer(lab, make_calls(1))
        frame = lab.ledger.frame()
        assert frame["status"].tolist() == ["ok", "failed", "failed", "ok", "cached"]
        assert frame["kind"].tolist() == ["", "content_refused", "bad_request", "", ""]
        assert frame["item"].tolist() == ["p0000", "p0001", "p0002", "p0003", "p0000"]
        assert (frame["stage"] == "questions").all()
        assert frame["request_id"].str.len().gt(0).all()


def test_cached_tokens_are_not_spent(open_lab):
    """S0-15, S1-17"""
    with WireServer() as wire:
        lab = open_lab(wire)
        outcomes = answer(lab, make_calls(5))
        spent, _ = lab.ledger.usage()
        assert spent == sum((outcome.reply.usage for outcome in outcomes), Usage())
        answer(lab, make_calls(5))
        again, remembered = lab.ledger.usage()
        assert again == spent
        assert remembered == spent


def test_replayed_row_keeps_its_recorded_latency_apart_from_todays(open_lab):
    with WireServer(latency=0.2) as wire:
        lab = open_lab(wire)
        answer(lab, [make_call(1)])
        answer(lab, [make_call(1)])
        live, cached = lab.ledger.rows()
        assert cached.latency == round(live.latency, 6)
        assert live.latency >= 0.2
        assert cached.seconds < 0.1


def test_tokens_of_a_refused_reply_are_booked(open_lab):
    with WireServer(script=["malformed"]) as wire:
        lab = open_lab(wire)
        answer(lab, [make_call(1)])
        row = next(lab.ledger.rows())
        assert row.status == "failed"
        assert row.input > 0
        assert row.output > 0


def test_file_in_the_study_holds_the_same_rows_and_is_private(open_lab, tmp_path):
    with WireServer() as wire:
        lab = open_lab(wire)
        answer(lab, make_calls(3))
        rows = [row.item for row in lab.ledger.rows()]
        lab.close()
        path = tmp_path / "study" / "ledger.jsonl"
        assert [json.loads(line)["item"] for line in path.read_text().splitlines()] == rows
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_prompt_and_no_secret_in_the_ledger(open_lab, tmp_path):
    """S1-21, S1-22"""
    with WireServer(script=["bad_schema"]) as wire:
        lab = open_lab(wire, tries=1)
        answer(lab, [make_call(1), make_call(2)])
        lab.close()
        text = (tmp_path / "study" / "ledger.jsonl").read_text()
        assert "Plain or bold" not in text
        assert wire.key not in text


def test_frame_of_one_run_holds_its_rows_only(open_lab):
    with WireServer() as wire:
        lab = open_lab(wire)
        answer(lab, make_calls(3))
        answer(lab, make_calls(2))
        runs = lab.ledger.frame()["run"].unique().tolist()
        assert [len(lab.ledger.frame(run)) for run in runs] == [3, 2]


def test_rows_come_back_as_they_went_in():
    ledger = Ledger()
    row = Row(run="ask-1", stage="s", item="i", model="m:1", status="ok", key="k", latency=None, input=3, output=4)
    ledger.add(row)
    assert next(ledger.rows()) == row
    frame = ledger.frame()
    assert pd.isna(frame["latency"][0])
    assert frame["output"].tolist() == [4]


def test_listeners_hear_of_each_row(open_lab):
    with WireServer() as wire:
        lab = open_lab(wire)
        heard = []
        lab.events.subscribe(heard.append, "call.finished")
        answer(lab, make_calls(3))
        assert [event.data["row"].item for event in heard] == ["p0000", "p0001", "p0002"]
