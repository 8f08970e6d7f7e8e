"""From text to JSON, strictly and leniently."""

from __future__ import annotations

import orjson
import pytest

from toolkit.models.repair import loads, mended, read_json, repaired

MARK = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"n": 1}', {"n": 1}),
        ('Here you are:\n```json\n{"n": 1}\n```\nHope it helps {truly}.', {"n": 1}),
        ("{'n': 1, 'why': 'it is'}", {"n": 1, "why": "it is"}),
        ('{"n": 1,}', {"n": 1}),
        ('{"n": 1', {"n": 1}),
        ('{n: 1, "ok": True}', {"n": 1, "ok": True}),
        ('<think>{"n": 2} or rather 1?</think>{n: 1}', {"n": 1}),
        ('{"n": 1}\nNo, wait:\n{"n": 2}', {"n": 2}),
        ('{"n": 1} and {"other": 2}', {"n": 1}),
    ],
)
def test_what_is_nearly_json_is_put_right_leniently(text, value):
    assert read_json(text, lenient=True)[0] == value


@pytest.mark.parametrize("text", ["", "I would rather not say.", "[1, 2]x", "{", "{}{", "NaN", "1e999x", "{{{{"])
def test_what_holds_no_object_is_made_up_by_nobody(text):
    try:
        value, _ = read_json(text, lenient=True)
    except ValueError:
        return
    assert value == {}


def test_strictly_only_json_is_read_and_a_fence_taken_off():
    assert read_json('```json\n{"n": 1}\n```') == ({"n": 1}, '{"n": 1}\n')
    for text in ('{"n": 1,}', "{'n': 1}", 'Sure: {"n": 1}', '{"n": NaN}', '{"n": 1'):
        with pytest.raises(ValueError, match=r"."):
            read_json(text)


@pytest.mark.parametrize("text", ['{"why": "nice \\ud83d"}', '{"why": "nice \ud83d"}', "{'why': 'nice \\ud83d',}"])
def test_half_a_surrogate_pair_becomes_a_mark_and_the_text_holds_the_value(text):
    """Memory stores the text as UTF-8 and reads the value from it again."""
    value, kept = read_json(text, lenient=True)
    assert value == {"why": f"nice {MARK}"}
    assert orjson.loads(kept.encode()) == value


def test_whole_pairs_and_all_other_text_stay_as_they_are():
    for text in ('{"why": "\\ud83d\\ude00"}', '{"why": "\U0001f600"}'):
        assert read_json(text) == ({"why": "\U0001f600"}, text)
    assert mended({"a": ["\ud83d\ude00", 1, None, "é"]}) == {"a": ["\U0001f600", 1, None, "é"]}
    assert mended("\ude00\ud83d") == MARK * 2


@pytest.mark.parametrize(
    "text",
    ['{"a": "\\ud83d", "n": NaN}', '{"a": "\\ud83d"', b'{"a": "\\ud83d\xff"}', '["\\ud83d"' + "[" * 100_000],
)
def test_half_a_pair_excuses_nothing_else(text):
    with pytest.raises(ValueError, match=r"."):
        loads(text)


@pytest.mark.parametrize(
    "text", ['{"a": ' * 5000 + "1", "{" * 5000, '{"n": 123456789012345678901234567890,}', '{"n": Infinity,}']
)
def test_what_cannot_be_stored_ends_in_an_error_or_in_a_value_that_can(text):
    try:
        value, kept = read_json(text, lenient=True)
    except ValueError:
        return
    assert orjson.loads(kept) == value


def test_prose_is_no_object():
    assert repaired("no braces at all") is None
