"""The notebook of the dashboards in a real JupyterLab, clicked on while it runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.jupyterlab import jupyterlab, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "07_dashboards.ipynb"
BOARD, ASK, ROWS, FIGURES, LAST = 3, 5, 6, 11, 14
"""Cells by place."""
PASSES = [pytest.param(0, id="once"), *(pytest.param(n, marks=pytest.mark.slow, id=f"{n}") for n in range(1, 10))]
ANSWERS, IN_FLIGHT = 0, 4
"""Tiles of the board by place."""
LONG = 60_000
"""Milliseconds after which something that has not happened will not."""


@pytest.mark.parametrize("turn", PASSES)
def test_board_moves_and_obeys_while_a_cell_runs(page: Page, tmp_path: Path, turn: int) -> None:
    """S1-20, S2-18: numbers move, the controls act, stop keeps what finished, and the rest of the notebook runs."""
    with jupyterlab(tmp_path, NOTEBOOK, dark=turn % 2 == 1) as lab:
        lab.run_all(page)
        board = page.locator(".dr-board.dr-html")
        tiles = board.locator(".dr-tile b")
        tiles.first.wait_for(timeout=LONG)
        until(lambda: number(tiles, ANSWERS) > 10)
        before = number(tiles, ANSWERS)
        until(lambda: number(tiles, ANSWERS) > before)
        assert prompt(page, ASK) == "[*]:"  # the cell blocks, and the board lives

        board.locator("input[type=number]").fill("8")
        page.keyboard.press("Enter")
        until(lambda: number(tiles, IN_FLIGHT) == 8)
        board.scroll_into_view_if_needed()
        page.screenshot(path=tmp_path / "running.png")

        board.get_by_role("button", name="Pause").click()
        until(lambda: number(tiles, IN_FLIGHT) == 0)
        paused = number(tiles, ANSWERS)
        assert prompt(page, ASK) == "[*]:"  # nothing is at work, and the run goes on
        board.get_by_role("button", name="Go on").click()
        until(lambda: number(tiles, ANSWERS) > paused)

        board.get_by_role("button", name="Stop").click()
        page.get_by_text("Stopped ask").wait_for(timeout=LONG)

        until(lambda: re.fullmatch(r"\[\d+\]:", prompt(page, LAST)))
        press_the_form(page)
        page.screenshot(path=tmp_path / "form.png")
        page.keyboard.press("Control+s")
        until(lambda: output(lab.saved(), LAST))
    kept = lab.saved()
    assert not [one for cell in kept["cells"] for one in cell.get("outputs", ()) if one["output_type"] == "error"]
    assert "Incomplete: " in output(kept, ASK)
    assert "most at once, as the server saw it: 8" in output(kept, ROWS)
    assert "image/svg+xml" in output(kept, BOARD)
    assert output(kept, FIGURES).count("'image/png': 'iVBOR") == 3
    assert "widgets" not in kept["metadata"]


def press_the_form(page: Page) -> None:
    """Ask for the price and run, with the mouse."""
    form = page.locator(".dr-board:not(.dr-html)")
    form.get_by_role("button", name="Check and price").click()
    form.get_by_text("calls, 40 more are free").wait_for(timeout=LONG)
    form.get_by_role("button", name="Run").click()
    form.get_by_text("40 from memory").wait_for(timeout=LONG)


def prompt(page: Page, place: int) -> str:
    """Return what stands beside a cell: a star while it runs or waits, a number when it ended."""
    return page.locator(".jp-Cell").nth(place).locator(".jp-InputPrompt").inner_text().strip()


def number(tiles: Any, place: int) -> int:
    """Return the number on a tile."""
    text = tiles.nth(place).inner_text().replace(",", "")
    return int(text) if text.isdigit() else -1


def output(notebook: dict[str, Any], place: int) -> str:
    """Return all that a cell put out, as one text."""
    return str(notebook["cells"][place]["outputs"])
