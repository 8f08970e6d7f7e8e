"""The guard, seen to fail where it must and to pass where it must (S1-34, S1-35)."""

from __future__ import annotations

import time

import pytest

from toolkit.bench import Baseline
from toolkit.bench.measure import overhead, scripted, under_latency
from toolkit.resources import data_file

SLOWER = 0.25
"""Share of a call's own cost that the slowed engine burns on top."""


def slowed(seconds: float):
    """Return what burns processor time with every call that ends, as a slow listener would."""

    def burn(_):
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass

    return lambda lab: lab.events.subscribe(burn, "call.finished")


def ratios(pairs: int, prepare=lambda _: None) -> Baseline:
    return Baseline.here(overhead(pairs, 800, 64, prepare))


def test_measurement_has_ratios_of_the_same_run():
    """S1-34"""
    found = {one.name: one for one in [*overhead(1, 100, 16), *under_latency(64, 32), *scripted(100)]}
    assert {name for name, one in found.items() if one.guarded} == {"overhead_ratio", "cpu_ratio", "replay_ratio"}
    assert found["latency_p95"].median >= found["latency_p50"].median >= 0.2
    assert found["in_flight"].high <= 32
    assert all(one.median > 0 for one in found.values())


def test_committed_baseline_can_be_read_and_guards_ratios_only():
    """S1-35"""
    reference = Baseline.load(data_file("baselines/reference.json"))
    assert {one.unit for one in reference.metrics.values() if one.guarded} == {"x"}
    assert reference.metrics["overhead_ratio"].median > 1


@pytest.mark.slow
def test_engine_that_is_a_quarter_slower_fails_the_guard():
    """S1-35"""
    reference = ratios(7)
    cost = 1 / reference.metrics["calls_rate"].median
    assert [loss.name for loss in reference.losses(ratios(7, slowed(SLOWER * cost)))] != []


@pytest.mark.slow
def test_unchanged_engine_passes_20_times_of_20():
    """S1-35"""
    reference = ratios(7)
    assert [str(loss) for _ in range(20) for loss in reference.losses(ratios(7))] == []
