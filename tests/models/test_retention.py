from pathlib import Path

import pytest

from toolkit.models.retention import READ, TABLE, retention_for, shortfall

IN_MEMORY, DAY = {"prompt_cache_retention": "in_memory"}, {"prompt_cache_retention": "24h"}
HALF_HOUR = {"prompt_cache_options": {"mode": "implicit", "ttl": "30m"}}
DOCS = Path(__file__).parents[2] / "docs" / "prompt-caching.md"


@pytest.mark.parametrize(
    ("model", "in_memory", "day"),
    [
        ("gpt-6", HALF_HOUR, HALF_HOUR),
        ("gpt-5.10-mini", HALF_HOUR, HALF_HOUR),
        ("gpt-5.6", HALF_HOUR, HALF_HOUR),
        ("gpt-5.5-pro", {}, DAY),
        ("gpt-5.1-codex-max", IN_MEMORY, DAY),
        ("gpt-5", IN_MEMORY, DAY),
        ("gpt-5-2025-08-07", IN_MEMORY, DAY),
        ("gpt-4.1", IN_MEMORY, DAY),
        ("ft:gpt-4.1-mini-2025-04-14:lab::x1", IN_MEMORY, {}),
        ("gpt-5-mini", IN_MEMORY, {}),
        ("gpt-4o-mini", IN_MEMORY, {}),
        ("o4-mini", IN_MEMORY, {}),
        ("gpt-4-turbo", {}, {}),
        ("gpt-3.5-turbo", {}, {}),
        ("a-model-of-tomorrow", IN_MEMORY, DAY),
    ],
)
def test_each_model_gets_what_it_understands(model, in_memory, day):
    """S0-03, F20"""
    assert (retention_for(model, "in_memory"), retention_for(model, "24h")) == (in_memory, day)
    assert retention_for(model, "off") == {}


def test_who_wants_a_day_and_cannot_have_it_is_told():
    told = {model: shortfall(model, "24h") for model in ("gpt-5.6", "gpt-5.5", "gpt-5.4", "gpt-5-mini")}
    assert [bool(text) for text in told.values()] == [True, False, False, True]
    assert not any(shortfall(model, word) for model in told for word in ("in_memory", "off"))


def test_documents_hold_the_table_as_it_is():
    """S0-25"""
    text = DOCS.read_text(encoding="utf-8")
    assert READ in text
    for rule in TABLE:
        cells = (rule.models, *(_cell(one) for one in (rule.in_memory, rule.day)))
        assert f"| {' | '.join(cells)} |" in text


def _cell(sent) -> str:
    if not sent:
        return "nothing"
    return "`prompt_cache_options` 30m" if "prompt_cache_options" in sent else f'`"{sent["prompt_cache_retention"]}"`'
