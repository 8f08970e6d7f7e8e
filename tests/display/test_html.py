import numpy as np
import pandas as pd
import pytest

from toolkit.display.html import LARGEST_REPR, ROWS, bars, card, cut, fit, table

HOSTILE = "<script>alert(\"x\")</script><img src=x onerror='y'>&"


def _is_escaped(html):
    return "<script" not in html and "<img" not in html and "&lt;script&gt;" in html and "onerror='" not in html


def test_hostile_text_is_escaped_everywhere():
    frame = pd.DataFrame({HOSTILE: [HOSTILE, [HOSTILE]]})
    for html in (
        card(HOSTILE, []),
        card("t", [HOSTILE]),
        card("t", [], notes=[HOSTILE]),
        bars([HOSTILE * 2], [0.5], ["1"]),
        bars(["a"], [0.5], [HOSTILE]),
        table(frame),
        table(pd.DataFrame({"a": pd.Categorical([HOSTILE])})),
    ):
        assert _is_escaped(html)


def test_card_leaves_out_empty_facts_and_keeps_its_body_as_it_is():
    html = card("Title", ["one", "", "two"], "<b>body</b>", "<i>more</i>", notes=["mind"])
    assert "one · two" in html
    assert "<b>body</b><i>more</i>" in html
    assert html.index("mind") > html.index("more")


def test_dollars_are_not_read_as_a_formula():
    """JupyterLab sets what stands between two dollar signs as mathematics, except below these classes."""
    html = card("From $20,000 to $21,999", [])
    assert html.startswith('<div class="mathjax_ignore tex2jax_ignore"')


def test_long_title_facts_and_notes_are_cut():
    html = card("t" * 100_000, ["f" * 100_000], notes=["n" * 100_000])
    assert len(html) < 4000
    assert html.count("…") == 3


def test_table_shows_ten_rows_and_says_how_many_more():
    html = table(pd.DataFrame({"n": range(1234)}))
    assert html.count("<tr>") == ROWS + 1
    assert "… and 1,224 more rows in .frame" in html
    assert "more rows" not in table(pd.DataFrame({"n": range(ROWS)}))
    assert table(pd.DataFrame({"n": range(5)}), rows=2).count("<tr>") == 3


def test_table_of_an_empty_frame_has_its_head():
    assert table(pd.DataFrame(columns=["a", "b"])).count("<th") == 2


def test_long_cells_and_column_names_are_cut():
    html = table(pd.DataFrame({"c" * 5000: ["x" * 5000]}))
    assert len(html) < 1000
    assert html.count("…") == 2


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (np.nan, ""),
        (pd.NA, ""),
        (0.123456, "0.1235"),
        (3.0, "3"),
        (1e20, "1e+20"),
        (7, "7"),
        ("a", "a"),
        (True, "True"),
    ],
)
def test_cell_shows_a_value_shortly(value, shown):
    frame = pd.DataFrame({"a": pd.Series([value], dtype=object)})
    assert f">{shown}</td>" in table(frame)


@pytest.mark.parametrize(
    ("share", "pixels"), [(0.5, 160), (0, 0), (1, 320), (-3, 0), (7, 320), (float("inf"), 320), (float("nan"), 0)]
)
def test_bar_stays_within_its_row(share, pixels):
    assert f"height:12px;width:{pixels}px" in bars(["a"], [share], ["v"])


def test_bars_need_a_share_and_a_value_for_every_label():
    with pytest.raises(ValueError, match="zip"):
        bars(["a", "b"], [0.5], ["v"])


def test_html_that_is_too_large_gives_way_to_the_brief_form():
    small, large = "<b>small</b>", "x" * (LARGEST_REPR + 1)
    assert fit("<b>full</b>", small) == "<b>full</b>"
    assert fit(large, small) == small
    assert fit("é" * (LARGEST_REPR // 2 + 1), small) == small
    for brief in (large, "<" * LARGEST_REPR, "\U0001f600" * LARGEST_REPR):
        assert len(fit(large, brief).encode()) <= LARGEST_REPR


def test_half_a_surrogate_pair_does_not_break_a_repr():
    assert fit("<b>\ud83d</b>", "x") == "<b>?</b>"
    assert fit("x" * (LARGEST_REPR + 1), "\ud83d" * (LARGEST_REPR + 1)).encode()


def test_cut_keeps_what_fits():
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"
