import re

import pytest

from toolkit.display import Report, seconds_text
from toolkit.engine import Ledger, Row
from toolkit.models import Usage

ROWS = [
    Row(
        "ask-1",
        "questions",
        "p1",
        "openai:m",
        "ok",
        "k1",
        tries=1,
        latency=1.0,
        input=100,
        cached_input=60,
        output=10,
        reasoning=4,
    ),
    Row(
        "ask-1",
        "questions",
        "p2",
        "openai:m",
        "ok",
        "k2",
        tries=3,
        latency=3.0,
        input=200,
        cache_write=20,
        image=50,
        output=20,
    ),
    Row(
        "ask-1",
        "questions",
        "p3",
        "openai:m",
        "cached",
        "k3",
        tries=2,
        latency=9.0,
        input=400,
        cached_input=300,
        output=40,
    ),
    Row("ask-1", "questions", "p4", "openai:m", "failed", "k4", kind="invalid_reply", tries=2, input=30, output=3),
    Row("ask-1", "questions", "p5", "openai:m", "cancelled", "k5"),
    Row("ask-1", "personas", "p6", "openai:m", "ok", "k6", latency=5.0, input=7, output=1),
    Row("ask-1", "questions", "p7", "openai:fallback", "ok", "k7", latency=2.0, input=11, output=2),
    Row("ask-2", "questions", "p8", "openai:m", "ok", "k8", latency=1.0, input=5000, output=500),
]


@pytest.fixture
def ledger():
    made = Ledger()
    for row in ROWS:
        made.add(row)
    return made


def make_report(ledger, **given):
    return Report.of(ledger, **{"title": "ask", "model": "openai:m", "seed": 7, "seconds": 75.0, **given})


def test_report_of_a_run_equals_totals_by_hand(ledger):
    """S0-15, S1-17"""
    report = make_report(ledger, run="ask-1")
    assert (report.calls, report.live, report.cached, report.failed) == (7, 4, 1, 1)
    assert report.tries == 1 + 3 + 2 + 1 + 1 + 1
    assert report.usage == Usage(
        input=100 + 200 + 30 + 7 + 11, cached=60, cache_write=20, image=50, output=10 + 20 + 3 + 1 + 2, reasoning=4
    )
    assert report.remembered == Usage(input=400, cached=300, output=40)


def test_report_of_a_study_holds_every_run(ledger):
    report = make_report(ledger)
    assert report.calls == len(ROWS)
    assert report.usage.input == 348 + 5000


def test_frame_has_a_row_for_each_stage_and_model_and_sums_to_the_totals(ledger):
    """S0-15, S1-17"""
    report = make_report(ledger, run="ask-1")
    frame = report.frame.set_index(["stage", "model"])
    assert list(frame.index) == [("personas", "openai:m"), ("questions", "openai:fallback"), ("questions", "openai:m")]
    row = frame.loc[("questions", "openai:m")]
    assert row[["calls", "live", "from_memory", "failed"]].tolist() == [5, 2, 1, 1]
    assert row[["requests", "input_tokens", "cached_input_tokens", "output_tokens"]].tolist() == [7, 330, 60, 33]
    assert row["tokens_saved"] == 440
    assert row["latency_p50_s"] == 2.0
    assert frame["input_tokens"].sum() == report.usage.input
    assert frame["cached_input_tokens"].sum() == report.usage.cached
    assert frame["output_tokens"].sum() == report.usage.output
    assert frame["requests"].sum() == report.tries
    assert frame["tokens_saved"].sum() == report.remembered.input + report.remembered.output


def test_facts_say_what_was_used_and_a_stopped_call_is_no_retry(ledger):
    facts = make_report(ledger, run="ask-1").facts()
    assert facts[0] == "7 calls: 4 live, 1 from memory, 1 failed, 1 stopped"
    assert facts[1] == "tokens 348 in (60 of them cached), 36 out"
    assert "memory saved 440 tokens" in facts
    assert "3 retries" in facts
    assert facts[-3:] == ["model openai:m", "seed 7", "1 min 15 s"]


def test_report_of_nothing_is_a_report(ledger):
    for empty in (make_report(Ledger()), make_report(ledger, run="ask-99")):
        assert (empty.calls, empty.tries, empty.usage, len(empty.frame)) == (0, 0, Usage(), 0)
        assert "0 calls" in str(empty)
        assert "retries" not in str(empty)
        assert "text/html" in empty._repr_mimebundle_()


def test_repr_is_plain_small_and_escaped(ledger):
    report = make_report(ledger, title="<b>ask</b>", notes=("<i>authored</i>",))
    bundle = report._repr_mimebundle_()
    assert bundle["text/plain"] == repr(report) == str(report)
    assert "! <i>authored</i>" in str(report)
    assert "<b>" not in bundle["text/html"]
    assert "&lt;i&gt;authored" in bundle["text/html"]
    assert len(bundle["text/html"].encode()) < 64_000


def test_columns_that_say_nothing_are_left_out_of_the_picture(ledger):
    """Twelve columns are wider than a page; the frame has them all."""
    report = make_report(ledger)
    report.frame["failed"] = 0
    report.frame["latency_p50_s"] = float("nan")
    heads = re.findall("<th[^>]*>(.*?)</th>", report._repr_mimebundle_()["text/html"].replace("<wbr>", ""))
    assert heads[:3] == ["stage", "model", "calls"]
    assert "failed" not in heads
    assert "latency_p50_s" not in heads
    assert "input_tokens" in heads


def test_reports_can_be_compared_and_kept_in_sets(ledger):
    first, second = make_report(ledger), make_report(ledger)
    assert first == first  # noqa: PLR0124  # comparing frames inside would raise
    assert len({first, second}) == 2


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (0.42, "0.4 s"),
        (9.94, "9.9 s"),
        (9.97, "10 s"),
        (59.4, "59 s"),
        (59.7, "1 min 0 s"),
        (75, "1 min 15 s"),
        (119.7, "2 min 0 s"),
        (3599.7, "1 h 0 min"),
        (7300, "2 h 1 min"),
        (7199.9, "2 h 0 min"),
        (360_000, "100 h 0 min"),
    ],
)
def test_duration_reads_as_people_say_it(seconds, shown):
    assert seconds_text(seconds) == shown
