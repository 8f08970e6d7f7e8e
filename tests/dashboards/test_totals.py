import numpy as np
import pytest

from toolkit.dashboards.histogram import LEVELS, levels_of, percentiles
from toolkit.dashboards.timeline import BINS, GAP, Timeline
from toolkit.dashboards.totals import COLUMNS, OTHERS, Totals
from toolkit.engine import Ledger


def folded(rows, chunk=None):
    ledger, totals = Ledger(), Totals()
    for row in rows:
        ledger.add(row)
    for start in range(0, len(ledger), chunk or len(ledger)):
        totals.fold(ledger.columns(COLUMNS, start, start + (chunk or len(ledger))))
    return totals


def test_totals_agree_with_the_ledger(row_of):
    """There is one accounting: the board's sums are the ledger's."""
    rows = [row_of(at=1000.0 + place, cost=0.01 * place, reasoning=3, cached_input=20, image=5) for place in range(20)]
    rows += [row_of(status="cached", at=1020.0, cost=0.0, recorded_cost=0.02), row_of(status="failed", kind="timeout")]
    ledger = Ledger()
    for row in rows:
        ledger.add(row)
    totals = folded(rows)
    live, saved = ledger.usage()
    assert totals.tokens == live.input + live.output
    assert totals.of("saved") == saved.input + saved.output
    assert totals.of("spent") == pytest.approx(ledger.money().spent)
    assert totals.of("spared") == pytest.approx(ledger.money().saved)
    assert (totals.of("ok"), totals.of("cached"), totals.of("failed")) == (20, 1, 1)
    assert totals.kinds == {"timeout": 1}


def test_parts_of_tokens_are_apart(row_of):
    totals = folded([row_of(input=100, cached_input=30, image=20, output=50, reasoning=40)])
    told = [totals.of(name) for name in ("text in", "cached in", "images in", "text out", "reasoning")]
    assert told == [50, 30, 20, 10, 40]


def test_rows_in_pieces_give_the_same_totals(row_of):
    rows = [row_of(at=1000.0 + place / 3, seconds=0.2 + place % 7, stage=f"s{place % 3}") for place in range(200)]
    whole, pieces = folded(rows), folded(rows, chunk=7)
    assert whole.of("ok", "spent") == pytest.approx(pieces.of("ok", "spent"))
    assert np.array_equal(whole.latencies, pieces.latencies)
    assert np.allclose(whole.over_time("ok"), pieces.over_time("ok"))
    assert [one.seconds for one in whole.slowest] == [one.seconds for one in pieces.slowest]


def test_size_does_not_grow_with_calls_or_stages(row_of):
    """100,000 rows: what is held is the same, and more stages than are told apart count as others."""
    totals = folded([row_of(at=1000.0 + place, stage=f"s{place % 40}", status="failed") for place in range(4000)])
    assert totals.time.sums.shape[0] == BINS
    assert totals.named[-1][1] == OTHERS
    assert len(totals.failures) == len(totals.slowest) == 20
    assert totals.over_time("failed").sum() == 4000


def test_unknown_price_is_unknown_and_not_nothing(row_of):
    totals = folded([row_of(cost=None), row_of(cost=0.5)])
    assert (totals.of("spent"), totals.of("unpriced")) == (0.5, 1)


def test_wait_stands_apart_from_provider_time(row_of):
    totals = folded([row_of(seconds=5.0, latency=1.0)] * 10)
    assert percentiles(totals.latencies.sum(axis=0))[0] == pytest.approx(1.0, rel=0.1)
    assert percentiles(totals.waits.sum(axis=0))[0] == pytest.approx(4.0, rel=0.1)


def test_percentiles_are_near_the_true_ones():
    """A level is 9 % wide, so a percentile is off by no more."""
    taken = np.random.default_rng(1).lognormal(-1.0, 0.8, 20_000)
    counts = np.bincount(levels_of(taken), minlength=LEVELS)
    for share, found in zip((0.5, 0.95, 0.99), percentiles(counts), strict=True):
        assert found == pytest.approx(np.quantile(taken, share), rel=0.09)
    assert all(np.isnan(percentiles(np.zeros(LEVELS))))


def test_pauses_are_left_out_of_working_time():
    line = Timeline(1, 1, 1, 1)
    line.places(np.array([0.0, 10.0, 3610.0]))
    assert line.worked == 10.0 + GAP
    assert line.until(9999.0) == 10.0 + 2 * GAP


def test_bins_widen_and_lose_nothing():
    line = Timeline(1, 1, 1, 1)
    for at in range(1000):
        place = line.places(np.array([float(at)]))
        np.add.at(line.sums[:, 0, 0], place, 1.0)
    assert line.sums.sum() == 1000
    assert line.width * BINS > 999


def test_a_clock_that_is_set_back_harms_nothing():
    line = Timeline(1, 1, 1, 1)
    assert list(line.places(np.array([100.0, 90.0, 101.0]))) == [0, 0, 22]
    assert line.places(np.array([50.0])).min() >= 0
