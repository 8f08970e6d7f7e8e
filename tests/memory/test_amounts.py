from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from toolkit.errors import InvalidInput
from toolkit.memory import age_of, size_of, ttl_of


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30 days", 2_592_000), ("1 day", 86_400), ("12h", 43_200), ("90 min", 5400), ("1.5 hours", 5400),
        ("2 weeks", 1_209_600), (" 10  S ", 10), ("1_000 seconds", 1000), (45, 45.0), (0.5, 0.5),
        (timedelta(days=1), 86_400),
    ],
)  # fmt: skip
def test_ages_are_read(written: Any, seconds: float) -> None:
    assert age_of(written, "an age") == seconds


@pytest.mark.parametrize(
    ("written", "number"),
    [("2 GB", 2 * 10**9), ("512 MiB", 2**29), ("1.5 kB", 1500), ("10 bytes", 10), ("1,000 MB", 10**9), (4096, 4096)],
)
def test_sizes_are_read(written: Any, number: int) -> None:
    assert size_of(written, "a size") == number


@pytest.mark.parametrize(
    "written", ["soon", "", "30", "days", "-1 day", "1 fortnight", "1 month", "1e3 s", None, True, [], float("nan"), -1]
)
def test_what_is_no_age_is_one_clear_line(written: Any) -> None:
    with pytest.raises(InvalidInput, match=r"the ttl of stage 'questions' is .*no age") as caught:
        age_of(written, "the ttl of stage 'questions'")
    assert "\n" not in str(caught.value)
    assert "30 days" in caught.value.hint


@pytest.mark.parametrize("written", ["big", "2", "GB", "-1 GB", "2 GBs more", None, float("inf")])
def test_what_is_no_size_is_one_clear_line(written: Any) -> None:
    with pytest.raises(InvalidInput, match=r"memory_limit is .*no size"):
        size_of(written, "memory_limit")


@pytest.mark.parametrize("written", ["30 days", ["questions"], {"": "1 day"}, {3: "1 day"}, {"questions": "0 s"}])
def test_ttl_that_cannot_be_kept_is_refused(written: Any) -> None:
    with pytest.raises(InvalidInput, match="ttl"):
        ttl_of(written)


def test_no_ttl_is_none() -> None:
    assert ttl_of(None) == ttl_of({}) == {}
