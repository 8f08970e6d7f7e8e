"""``toolkit board`` in a real browser, while another process works on the study."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

import toolkit as tk
from toolkit.testing import WireServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

PASSES = [pytest.param(0, id="once"), *(pytest.param(n, marks=pytest.mark.slow, id=f"{n}") for n in range(1, 10))]
LONG = 60_000


@pytest.mark.parametrize("turn", PASSES)
def test_web_board_follows_a_study_at_work(page: Page, tmp_path: Path, turn: int) -> None:
    """S1-20: read-only, behind a token, numbers move, and the page asks no server but ours."""
    del turn
    fetched: list[str] = []
    page.on("response", lambda response: fetched.append(response.url))  # what the policy forbids gets none
    with WireServer(latency=0.1) as wire:
        lab = tk.Lab("openai:wire-model", base_url=wire.url, api_key=wire.key, study=tmp_path / "study", concurrency=2)
        panel = tk.generate_personas(2_000, "us-adults-2012", detail="facts", lab=lab)
        run = tk.start(tk.ask, panel, "Tea?", answer=tk.Choice(["yes", "no"]), lab=lab)
        board = subprocess.Popen(
            [str(Path(sys.executable).with_name("toolkit")), "board", str(tmp_path / "study"), "--no-browser"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            page.goto(address(board))
            tiles = page.locator(".dr-tile b")
            tiles.first.wait_for(timeout=LONG)
            first = tiles.first.inner_text()
            page.wait_for_function(
                "before => document.querySelector('.dr-tile b').innerText !== before", arg=first, timeout=LONG
            )
            page.get_by_role("tab", name="Throughput").click()
            page.get_by_text("Calls a second").first.wait_for(timeout=LONG)
            page.screenshot(path=tmp_path / "web.png")
            assert page.get_by_role("button", name="Stop").count() == 0
            assert {urlsplit(url).hostname for url in fetched if url.startswith("http")} == {"127.0.0.1"}
        finally:
            run.stop()
            run.result()
            lab.close()
            board.send_signal(signal.SIGINT)
            board.communicate(timeout=30)


def address(board: subprocess.Popen[str]) -> str:
    """Return what the command says to open."""
    assert board.stdout is not None
    for line in board.stdout:
        found = re.search(r"http://127\.0\.0\.1:\d+/\S*", line)
        if found:
            return found.group()
    raise AssertionError("the command ended without an address")
