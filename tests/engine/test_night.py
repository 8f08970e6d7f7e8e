import logging
from pathlib import Path

import pytest

from tests.perf.night import MINUTE, SLOWEST, Morning, Night, sleep_through
from toolkit.errors import InvalidInput
from toolkit.testing import WireServer

SHORT = Night(
    calls=600,
    time_scale=1 / 60,
    rpm=90,
    outage=(1.5 * MINUTE, 4 * MINUTE),
    latency=(0.6, 1.2),
    burst=8,
    tries=12,
    faults={"rate_limited": 0.06, "server_error": 0.03, "drop": 0.01, "hang": 0.01, "malformed": 0.02},
)
"""600 calls in a few seconds: the outage takes 2.5 s of wall time, a try may take 1 s. A busy machine sends them in
clusters, so that now and then six tries in a row were all met by bursts of refusals."""


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Morning:
    """Play one short night for all tests of this module; its warnings are its own."""
    logger = logging.getLogger("toolkit.engine")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        return sleep_through(SHORT, Path(tmp_path_factory.mktemp("night")) / "study")
    finally:
        logger.setLevel(before)


def test_the_night_met_every_fault_and_the_outage(morning: Morning):
    """Otherwise the other tests would show nothing."""
    assert {*SHORT.faults, "unavailable"} <= set(morning.stats["faults"])


def test_every_call_of_a_bad_night_ends_as_an_answer_or_with_its_reason(morning: Morning):
    """S0-03, S0-19: nothing hangs, nothing is left without a row."""
    assert len(morning.outcomes) == SHORT.calls
    assert morning.unexplained == 0


def test_only_malformed_replies_fail_when_a_fallback_is_there(morning: Morning):
    assert set(morning.kinds) == {"invalid_reply"}
    assert morning.kinds["invalid_reply"] == morning.stats["faults"]["malformed"]


def test_no_answer_that_was_delivered_is_lost(morning: Morning):
    assert morning.lost == 0


def test_no_key_gets_two_complete_replies(morning: Morning):
    """By the server's own record: what it wrote beyond the first answer went to tries that are counted as unseen."""
    assert set(morning.stats["delivered_by_question"]) <= set(morning.unseen_by_question)
    assert morning.twice == 0


def test_tries_that_may_be_billed_without_a_reply_are_counted_and_told(morning: Morning):
    assert morning.unseen >= morning.owed >= morning.swallowed > 0
    assert f"{morning.unseen:,} tries may be billed though no reply came" in morning.told


def test_the_fallback_answers_during_the_outage_and_the_model_itself_afterwards(morning: Morning):
    named = [one.reply.model for one in morning.outcomes if one.reply is not None]
    assert 0 < morning.by_fallback < len(named)
    assert any("answered by the fallback" in note for one in morning.outcomes if one.reply for note in one.reply.notes)


def test_asked_again_in_the_morning_everything_comes_from_memory(morning: Morning):
    """Refused replies are remembered too: they were paid."""
    assert morning.again == (SHORT.calls, 0)


def test_the_time_that_limits_allow_counts_what_the_ceiling_admitted(morning: Morning):
    assert morning.allowed == pytest.approx(morning.stats["admitted"] / SHORT.rpm)  # its minute takes one second
    assert morning.stats["admitted"] < morning.stats["total"]


@pytest.mark.slow
def test_a_whole_night_is_within_a_quarter_of_what_the_limits_allow(tmp_path: Path):
    """10,000 calls, about two minutes; ``python -m tests.perf.night`` prints it."""
    morning = sleep_through(Night(), tmp_path / "night")
    assert morning.wrong() == []
    assert morning.slowness <= SLOWEST


# --- what the wire server needs for it ---


def test_a_burst_keeps_the_share_of_refusals():
    with WireServer(faults={"rate_limited": 0.1}, burst=20) as wire:
        weather = wire._weather
        met = [weather.fault(f"{n:064}", 1, "m") for n in range(40_000)]
    assert met.count("rate_limited") / len(met) == pytest.approx(0.1, rel=0.1)
    runs = "".join("x" if one else " " for one in met).split()
    assert min(map(len, runs[:-1])) == 20  # a burst may follow another at once


def test_a_burst_of_none_is_refused():
    with pytest.raises(InvalidInput, match="burst is 0"):
        WireServer(burst=0)
