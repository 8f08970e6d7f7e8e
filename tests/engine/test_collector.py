"""The cycle collector runs seldom while runs go on, and as before afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from toolkit.engine.collector import collecting_seldom


@pytest.fixture(autouse=True)
def _thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_runs_at_once_share_one_change_and_the_last_takes_it_back() -> None:
    gc.set_threshold(700, 10, 10)
    first, second = collecting_seldom(), collecting_seldom()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] > 700
    second.__exit__(None, None, None)
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("own", [(0, 10, 10), (200_000, 5, 5)])
def test_a_process_that_collects_more_seldom_is_left_alone(own: tuple[int, int, int]) -> None:
    gc.set_threshold(*own)
    with collecting_seldom():
        assert gc.get_threshold() == own
    assert gc.get_threshold() == own


def test_thresholds_set_meanwhile_stay() -> None:
    gc.set_threshold(700, 10, 10)
    with collecting_seldom():
        gc.set_threshold(1234, 10, 10)
    assert gc.get_threshold() == (1234, 10, 10)


def test_an_error_within_takes_the_change_back() -> None:
    gc.set_threshold(700, 10, 10)
    with pytest.raises(RuntimeError), collecting_seldom():
        raise RuntimeError
    assert gc.get_threshold() == (700, 10, 10)
