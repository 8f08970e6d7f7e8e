from __future__ import annotations

import json

import pytest

from toolkit.bench import Baseline, Metric
from toolkit.errors import InvalidInput


def baseline(**ratios: float) -> Baseline:
    return Baseline({name: Metric.of(name, "x", [value], "higher", guarded=True) for name, value in ratios.items()})


@pytest.mark.parametrize(("now", "lost"), [(1.3, False), (1.11, False), (1.09, True), (0.5, True), (2.0, False)])
def test_loss_is_more_than_15_percent_of_a_ratio(now, lost):
    """S1-35, F22"""
    assert bool(baseline(overhead_ratio=1.3).losses(baseline(overhead_ratio=now))) == lost


def test_where_less_is_better_more_is_the_loss():
    was = Baseline({"wall": Metric.of("wall", "x", [1.0], "lower", guarded=True)})
    now = Baseline({"wall": Metric.of("wall", "x", [1.2], "lower", guarded=True)})
    (loss,) = was.losses(now)
    assert loss.share == pytest.approx(0.2)
    assert now.losses(was) == []


def test_absolute_numbers_of_another_machine_are_never_a_loss():
    was = Baseline({"rate": Metric.of("rate", "calls/s", [1000.0], "higher")})
    assert was.losses(Baseline({"rate": Metric.of("rate", "calls/s", [10.0], "higher")})) == []


def test_metric_that_one_side_lacks_is_not_compared():
    assert baseline(a=1.0).losses(baseline(b=0.1)) == []


def test_median_stands_between_the_extremes():
    one = Metric.of("ratio", "x", [1.5, 1.1, 1.2, 9.0, 1.3], "higher")
    assert (one.low, one.median, one.high) == (1.1, 1.3, 9.0)


def test_baseline_comes_back_as_it_was_saved(tmp_path):
    made = Baseline.here([Metric.of("ratio", "x", [1.2, 1.3], "higher", guarded=True)])
    path = made.save(tmp_path / "deep" / "reference.json")
    assert Baseline.load(path) == made
    assert path.read_bytes() == Baseline.load(path).save(tmp_path / "again.json").read_bytes()
    assert made.versions["openai"].startswith("3.")
    assert made.machine["cores"] >= 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format": 9, "metrics": {}, "machine": {}, "versions": {}, "git_sha": "", "made": ""}',
        b'{"format": 1, "metrics": {"a": {"median": "x"}}, "machine": {}, "versions": {}, "git_sha": "", "made": ""}',
    ],
)
def test_file_that_is_no_baseline_is_one_clear_line(tmp_path, body):
    path = tmp_path / "wrong.json"
    path.write_bytes(body)
    with pytest.raises(InvalidInput, match=r"wrong\.json is no baseline") as caught:
        Baseline.load(path)
    assert "\n" not in str(caught.value)


def test_missing_baseline_names_the_next_step(tmp_path):
    with pytest.raises(InvalidInput, match="toolkit bench --out"):
        Baseline.load(tmp_path / "none.json")


def test_baseline_names_no_host_and_no_user(tmp_path):
    import getpass
    import socket

    text = Baseline.here([]).save(tmp_path / "one.json").read_text()
    assert socket.gethostname() not in text
    assert set(json.loads(text)["machine"]) <= {"system", "cores", "python", "memory_gb"}
    assert getpass.getuser() not in text or len(getpass.getuser()) < 5
