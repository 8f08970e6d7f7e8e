import pytest

from toolkit.errors import InvalidInput
from toolkit.models.pace import Pace, pace_of


def told(limit: str, remaining: str = "", reset: str = "", what: str = "requests") -> dict[str, str]:
    said = {"limit": limit, "remaining": remaining, "reset": reset}
    return {f"x-ratelimit-{name}-{what}": value for name, value in said.items() if value}


@pytest.mark.parametrize(
    ("headers", "pace"),
    [
        ({}, None),
        (told("60"), Pace(rpm=60)),
        (told("60", "59", "1s"), Pace(rpm=60)),
        (told("150000", "149984", "6ms", "tokens"), Pace(tpm=150_000)),
        (told("150000", "0", "1m0s", "tokens"), Pace(tpm=150_000)),
        ({**told("60"), **told("9000", what="tokens")}, Pace(60, 9000)),
        (told("60", "60", "0s"), Pace(rpm=60)),
        (told("60", "30", "30"), Pace(rpm=60)),
        (told("0"), None),
        (told("-3"), None),
        (told("many"), None),
        (told("nan"), None),
        (told("60", "some", "soon"), Pace(rpm=60)),
    ],
)
def test_limits_are_read_from_headers(headers, pace):
    assert pace_of(headers) == pace


@pytest.mark.parametrize(("remaining", "reset"), [("9999", "8.64s"), ("5000", "12h0m0s"), ("0", "24h0m0s")])
def test_quota_of_a_day_is_no_pace(remaining, reset):
    assert pace_of(told("10000", remaining, reset)) is None


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), True, "240"])
def test_limit_that_is_no_number_above_zero_is_refused(value):
    with pytest.raises(InvalidInput, match="rpm is"):
        Pace(rpm=value)
